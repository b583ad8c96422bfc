"""How many levels are too low, corrected for readers who err: two blind readings, two populations.

Hui and Walter (1980), "Estimating the error rates of diagnostic tests", Biometrics 36, 167-171: two
readers judge cases of two populations in which the truth is differently frequent (flagged, drawn at
random). Given the truth they judge independently; here with the same sensitivity and specificity,
so that four unknowns stand against the counts. Fitted by expectation and maximisation; a case read
once says what it says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
STEPS, CLOSE = 5_000, 1e-9
RESAMPLES = 200
NO_BETTER = 0.2
"""Sensitivity and specificity that add up to one and no more than this tell next to nothing."""
FEWEST_TWICE = 30
"""Cases read twice in each population, below which nothing is said."""


@dataclass(frozen=True)
class ReaderError:
    """Shares of cases whose level is too low, and how readers err; with 95 % intervals."""

    share: tuple[float, float]
    """In the first population (random) and in the second (flagged)."""
    sensitivity: float
    specificity: float
    low: float
    high: float
    """The interval of the first share."""

    @property
    def tells(self) -> bool:
        """Whether readers do better than chance by so much that they say something."""
        return self.sensitivity + self.specificity - 1.0 > NO_BETTER

    def put_right(self, said: float) -> float:
        """A share as readers said it, corrected for how they err, between nought and one.

        Rogan and Gladen (1978), "Estimating prevalence from the results of a screening test",
        American Journal of Epidemiology 107, 71-76. ValueError where readers do hardly better than
        chance: nothing can be put right by them. An interval that is put right knows nothing of how
        sure the two error rates are.
        """
        if not self.tells:
            raise ValueError("readers who do no better than chance put nothing right")
        better = self.sensitivity + self.specificity - 1.0
        return min(1.0, max(0.0, (said + self.specificity - 1.0) / better))


def corrected(
    twice: Counts, once: Counts, seed: int = 1, resamples: int = RESAMPLES
) -> ReaderError | None:
    """The shares corrected for reader error; None where too few were read twice.

    `twice` has shape (2, 4): for each population, how many were called too low by both readers, by
    the first alone, by the second alone, by neither. `once` has shape (2, 2): called too low, not.
    Weights may stand for counts, so that a draw with known probabilities is put right.
    """
    if (twice.sum(axis=1) < FEWEST_TWICE).any():
        return None
    found = _fit(twice, once)
    rng = np.random.default_rng(seed)
    again = np.hstack([twice, once])
    total = again.sum(axis=1)
    drawn = np.array(
        [
            _fit(part[:, :4], part[:, 4:])[0]
            for part in (
                np.array([rng.multinomial(round(total[p]), again[p] / total[p]) for p in (0, 1)])
                for _ in range(resamples)
            )
        ]
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    return ReaderError((found[0], found[1]), found[2], found[3], float(low), float(high))


def _fit(twice: Counts, once: Counts) -> tuple[float, float, float, float]:
    """Share in each population, sensitivity, specificity."""
    first = (twice[:, 0] + twice[:, 1] + once[:, 0]) / (twice.sum(axis=1) + once.sum(axis=1))
    share, hit, right = first.clip(0.01, 0.99), 0.8, 0.9
    for _ in range(STEPS):
        # How likely the level is too low, given what each pattern of answers says.
        true = np.array([hit * hit, hit * (1 - hit), hit * (1 - hit), (1 - hit) ** 2])
        false = np.array([(1 - right) ** 2, (1 - right) * right, (1 - right) * right, right**2])
        both = share[:, None] * true
        two = twice * both / (both + (1 - share)[:, None] * false)
        alone = share[:, None] * np.array([hit, 1 - hit])
        other = (1 - share)[:, None] * np.array([1 - right, right])
        one = once * alone / (alone + other)
        new_share = (two.sum(axis=1) + one.sum(axis=1)) / (twice.sum(axis=1) + once.sum(axis=1))
        said = np.array([2.0, 1.0, 1.0, 0.0])
        new_hit = ((two * said).sum() + one[:, 0].sum()) / (2 * two.sum() + one.sum())
        rest, left = twice - two, once - one
        new_right = ((rest * (2 - said)).sum() + left[:, 1].sum()) / (2 * rest.sum() + left.sum())
        moved = np.abs(new_share - share).max()
        share, hit, right = new_share, float(new_hit), float(new_right)
        if moved < CLOSE:
            break
    return float(share[0]), float(share[1]), hit, right
