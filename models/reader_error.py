"""Estimates how many levels are too low, corrected for readers' errors (Hui and Walter 1980).

Hui and Walter (1980), "Estimating the error rates of diagnostic tests", Biometrics 36, 167-171: two
readers judge cases of two populations in which the truth is differently frequent (flagged, drawn at
random). Given the truth they judge independently; here with the same sensitivity and specificity,
so that four unknowns stand against the counts. Fitted by expectation and maximisation; a case read
once counts in its own table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
STEPS, CLOSE = 5_000, 1e-9
RESAMPLES = 200
NO_BETTER = 0.2
"""The least by which sensitivity plus specificity must exceed one to be informative."""
FEWEST_TWICE = 30
"""The number of cases read twice in each population below which nothing is estimated."""


@dataclass(frozen=True)
class ReaderError:
    """Shares of cases whose level is too low, and readers' error rates, with 95 % intervals."""

    share: tuple[float, float]
    """In the first population (random) and in the second (flagged)."""
    sensitivity: float
    specificity: float
    low: float
    high: float
    """The interval of the first share."""

    @property
    def is_informative(self) -> bool:
        """Whether readers do enough better than chance for the shares to be used."""
        return self.sensitivity + self.specificity - 1.0 > NO_BETTER

    def put_right(self, observed: float) -> float:
        """Correct a share found by readers for their sensitivity and specificity; from 0 to 1.

        Rogan and Gladen (1978), "Estimating prevalence from the results of a screening test",
        American Journal of Epidemiology 107, 71-76. ValueError where readers do hardly better than
        chance: nothing can be put right by them. An interval that is put right knows nothing of how
        sure the two error rates are.
        """
        if not self.is_informative:
            raise ValueError("readers who do no better than chance put nothing right")
        better = self.sensitivity + self.specificity - 1.0
        return min(1.0, max(0.0, (observed + self.specificity - 1.0) / better))


def correct_shares(
    twice: Counts, once: Counts, seed: int = 1, resamples: int = RESAMPLES
) -> ReaderError | None:
    """The share of levels too low among flagged and among random cases, corrected for readers.

    `twice` has shape (2, 4): for each population, how many were called too low by both readers, by
    the first alone, by the second alone, by neither. `once` has shape (2, 2): called too low, not.
    Weights may stand for counts, so that a draw with known probabilities is put right.
    """
    if (twice.sum(axis=1) < FEWEST_TWICE).any():
        return None
    rng = np.random.default_rng(seed)
    again = np.hstack([twice, once])
    total = again.sum(axis=1)
    drawn = [
        [rng.multinomial(round(total[p]), again[p] / total[p]) for p in (0, 1)]
        for _ in range(resamples)
    ]
    every = np.array([again, *drawn], dtype=np.float64)
    fitted = _fit_populations(every[:, :, :4], every[:, :, 4:])
    share, other, hit, right = (float(value) for value in fitted[0])
    low, high = np.quantile(fitted[1:, 0], [0.025, 0.975])
    return ReaderError((share, other), hit, right, float(low), float(high))


def _fit_populations(twice: Counts, once: Counts) -> Counts:
    """Fit shares, sensitivity and specificity of several tables at once.

    `twice` has shape (tables, 2, 4), `once` (tables, 2, 2); a table that has settled rests.
    """
    size = twice.sum(axis=2) + once.sum(axis=2)
    first = (twice[:, :, 0] + twice[:, :, 1] + once[:, :, 0]) / size
    estimates = np.column_stack([first.clip(0.01, 0.99), *np.full((2, len(first)), [[0.8], [0.9]])])
    moving = np.arange(len(estimates))
    for _ in range(STEPS):
        before = estimates[moving]
        estimates[moving] = _em_step(before, twice[moving], once[moving])
        moving = moving[np.abs(estimates[moving, :2] - before[:, :2]).max(axis=1) >= CLOSE]
        if not moving.size:
            break
    return estimates


def _em_step(now: Counts, twice: Counts, once: Counts) -> Counts:
    """One step of expectation maximisation."""
    share, hit, right = now[:, :2, None], now[:, 2], now[:, 3]
    # How likely the level is too low, given what each pattern of answers says.
    true = np.column_stack([hit * hit, hit * (1 - hit), hit * (1 - hit), (1 - hit) ** 2])
    false = np.column_stack([(1 - right) ** 2, (1 - right) * right, (1 - right) * right, right**2])
    both = share * true[:, None]
    two = twice * both / (both + (1 - share) * false[:, None])
    alone = share * np.column_stack([hit, 1 - hit])[:, None]
    other = (1 - share) * np.column_stack([1 - right, right])[:, None]
    one = once * alone / (alone + other)
    new_share = (two.sum(axis=2) + one.sum(axis=2)) / (twice.sum(axis=2) + once.sum(axis=2))
    readings, each = np.array([2.0, 1.0, 1.0, 0.0]), (1, 2)
    new_hit = ((two * readings).sum(axis=each) + one[:, :, 0].sum(axis=1)) / (
        2 * two.sum(axis=each) + one.sum(axis=each)
    )
    rest, left = twice - two, once - one
    new_right = ((rest * (2 - readings)).sum(axis=each) + left[:, :, 1].sum(axis=1)) / (
        2 * rest.sum(axis=each) + left.sum(axis=each)
    )
    return np.column_stack([new_share, new_hit, new_right])
