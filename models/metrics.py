"""How well cases are found: by recorded level, weighted, with counts and intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.ordinal import Matrix

Flags = npt.NDArray[np.bool_]

CAPACITY = 0.05
"""Figures are given at the share of rows that readers could look at: one in twenty."""
RESAMPLES = 200


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval (resampling people) and which direction is better."""

    value: float
    low: float
    high: float
    better: str


def share_found(score: Matrix, higher: Flags, weight: Matrix, capacity: float = CAPACITY) -> float:
    """Of those truly higher, the share among the top `capacity` of rows (weighted)."""
    total = weight[higher].sum()
    if total == 0:
        return float("nan")
    shown = _top(score, weight, capacity)
    return float((weight * higher * shown).sum() / total)


def precision(score: Matrix, higher: Flags, weight: Matrix, capacity: float = CAPACITY) -> float:
    """Of the top `capacity` of rows, the share truly higher (weighted)."""
    shown = _top(score, weight, capacity)
    total = (weight * shown).sum()
    return float((weight * higher * shown).sum() / total) if total else float("nan")


def calibration(probability: Matrix, higher: Flags, weight: Matrix) -> float:
    """Observed over expected: 1 is calibrated in the large, above 1 says too little."""
    expected = (weight * probability).sum()
    return float((weight * higher).sum() / expected) if expected else float("nan")


def brier(probability: Matrix, higher: Flags, weight: Matrix) -> float:
    """Weighted mean squared error of the probabilities."""
    return float((weight * (probability - higher) ** 2).sum() / weight.sum())


def with_interval(
    name: str,
    values: Matrix,
    higher: Flags,
    weight: Matrix,
    people: npt.NDArray[np.object_],
    seed: int,
) -> Figure:
    """The named figure with a 95 % interval from resampling people with replacement."""
    measure, better = MEASURES[name]
    rng = np.random.default_rng(seed)
    _, index = np.unique(people, return_inverse=True)
    found = []
    for _ in range(RESAMPLES):
        counts = rng.multinomial(index.max() + 1, np.full(index.max() + 1, 1 / (index.max() + 1)))
        drawn = weight * counts[index]
        if drawn.sum() > 0:
            found.append(measure(values, higher, drawn))
    told = [figure for figure in found if figure == figure]  # none higher: no share to find
    low, high = np.quantile(told, [0.025, 0.975]) if told else (np.nan, np.nan)
    return Figure(measure(values, higher, weight), float(low), float(high), better)


def _top(score: Matrix, weight: Matrix, capacity: float) -> Matrix:
    """1 for the highest scores up to the capacity; a tie across the line is shared out."""
    order = np.argsort(-score, kind="stable")
    ranked, heavy = score[order], weight[order]
    room = capacity * heavy.sum()
    shown = np.zeros(len(score))
    _, starts, counts = np.unique(-ranked, return_index=True, return_counts=True)
    for start, count in zip(starts, counts, strict=True):
        tied = slice(start, start + count)
        mass = heavy[tied].sum()
        share = min(1.0, room / mass) if mass > 0 else 0.0
        shown[order[tied]] = share
        room -= share * mass
        if room <= 0:
            break
    return shown


MEASURES: dict[str, tuple[Callable[[Matrix, Flags, Matrix], float], str]] = {
    "share_found": (share_found, "higher"),
    "precision": (precision, "higher"),
    "calibration": (calibration, "nearer 1"),
    "brier": (brier, "lower"),
}
