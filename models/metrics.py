"""Measures of a model at each recorded level, weighted, with bootstrap intervals."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from models.inputs import Matrix

Flags = npt.NDArray[np.bool_]

Measure = Callable[[Matrix, Flags, Matrix], float]
Sharing = Callable[[Matrix, Flags, Matrix, float], float]
"""A measure at a share of rows."""

CAPACITY = 0.05
"""Figures are given at the share of rows that readers could look at: one in twenty."""
RESAMPLES = 200
BINS = 10
FEW_VALUES = 8
"""Fewer different probabilities than this have no slope worth the name."""


@dataclass(frozen=True)
class Figure:
    """A measure with its 95 % bootstrap interval over people, and which direction is better."""

    value: float
    low: float
    high: float
    better: str


def without_nan(figure: Any) -> Any:
    """A figure for JSON: NaN (too few to estimate) becomes null."""
    return json.loads(json.dumps(figure), parse_constant=lambda _: None)


def share_found(score: Matrix, higher: Flags, weight: Matrix, capacity: float = CAPACITY) -> float:
    """Weighted recall: of the rows truly higher, the share in the top `capacity` of all rows."""
    total = weight[higher].sum()
    if total == 0:
        return float("nan")
    shown = top_share(score, weight, capacity)
    return float((weight * higher * shown).sum() / total)


def precision(score: Matrix, higher: Flags, weight: Matrix, capacity: float = CAPACITY) -> float:
    """Weighted precision: of the top share `capacity` of rows, the share whose level is higher."""
    shown = top_share(score, weight, capacity)
    total = (weight * shown).sum()
    return float((weight * higher * shown).sum() / total) if total else float("nan")


def calibration(probability: Matrix, higher: Flags, weight: Matrix) -> float:
    """Calibration in the large: observed over expected; above 1 the model predicts too few."""
    expected = (weight * probability).sum()
    return float((weight * higher).sum() / expected) if expected else float("nan")


def brier(probability: Matrix, higher: Flags, weight: Matrix) -> float:
    """The Brier score: weighted mean squared error of the probabilities."""
    return float((weight * (probability - higher) ** 2).sum() / weight.sum())


def auc(score: Matrix, higher: Flags, weight: Matrix) -> float:
    """Weighted AUC: the chance that a higher row is ranked above one that is not."""
    has_weight = weight > 0
    if len(np.unique(higher[has_weight])) < 2:
        return float("nan")
    return float(
        roc_auc_score(higher[has_weight], score[has_weight], sample_weight=weight[has_weight])
    )


def average_precision(score: Matrix, higher: Flags, weight: Matrix) -> float:
    """Weighted average precision; rows with equal scores are at one depth.

    As scikit-learn's `average_precision_score` (a test holds it to that), which takes ten times as
    long for its checks of the input: here it is asked for hundreds of resamples.
    """
    total = (weight * higher).sum()
    if not total > 0:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    caught, shown = np.cumsum((weight * higher)[order]), np.cumsum(weight[order])
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    last = last[shown[last] > 0]
    steps = np.diff(caught[last], prepend=0.0)
    return float((steps / total * (caught[last] / shown[last])).sum())


def expected_calibration_error(probability: Matrix, higher: Flags, weight: Matrix) -> float:
    """The mean distance of predicted from observed shares over ten parts of equal weight."""
    parts = equal_weight_bins(probability, weight)
    total = weight.sum()
    gaps = [
        abs((weight[rows] * (probability[rows] - higher[rows])).sum())
        for rows in (parts == part for part in range(BINS))
    ]
    return float(sum(gaps) / total)


def slope(probability: Matrix, higher: Flags, weight: Matrix) -> float:
    """The calibration slope (Cox): 1 is calibrated, below 1 the probabilities are too extreme.

    NaN where not estimable: few different values, one outcome, or outcomes so far apart that no
    finite slope fits.
    """
    logit = np.log(np.clip(probability, 1e-9, 1 - 1e-9)) - np.log1p(
        -np.clip(probability, 1e-9, 1 - 1e-9)
    )
    if len(np.unique(logit)) < FEW_VALUES or len(np.unique(higher[weight > 0])) < 2:
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            fitted = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(
                logit[:, None], higher, sample_weight=weight
            )
        except ConvergenceWarning:
            return float("nan")
    return float(fitted.coef_[0, 0])


def equal_weight_bins(
    probability: Matrix, weight: Matrix, count: int = BINS
) -> npt.NDArray[np.int64]:
    """The bin of each row, where rows sorted by probability are cut into bins of equal weight."""
    order = np.argsort(probability, kind="stable")
    passed = np.cumsum(weight[order]) - weight[order] / 2
    part = np.empty(len(order), dtype=np.int64)
    part[order] = np.minimum((passed / weight.sum() * count).astype(np.int64), count - 1)
    return part


def flagged_calibration(
    probability: Matrix, higher: Flags, weight: Matrix, capacity: float = CAPACITY
) -> float:
    """Calibration in the large among the rows in the top `capacity`: observed over expected."""
    return calibration(probability, higher, weight * top_share(probability, weight, capacity))


def with_interval(
    name: str,
    values: Matrix,
    higher: Flags,
    weight: Matrix,
    people: npt.NDArray[np.object_],
    seed: int,
) -> Figure:
    """The named measure with a 95 % interval from resampling people with replacement."""
    measure, better = MEASURES[name]
    return bootstrap_interval(
        measure=measure,
        better=better,
        values=values,
        higher=higher,
        weight=weight,
        people=people,
        seed=seed,
    )


def bootstrap_interval(
    measure: Measure,
    better: str,
    values: Matrix,
    higher: Flags,
    weight: Matrix,
    people: npt.NDArray[np.object_],
    seed: int,
) -> Figure:
    """A measure with a 95 % interval from resampling people with replacement."""
    rng = np.random.default_rng(seed)
    _, index = np.unique(people, return_inverse=True)
    figures = []
    for _ in range(RESAMPLES):
        counts = rng.multinomial(index.max() + 1, np.full(index.max() + 1, 1 / (index.max() + 1)))
        drawn = weight * counts[index]
        if drawn.sum() > 0:
            figures.append(measure(values, higher, drawn))
    finite = [figure for figure in figures if figure == figure]  # none higher: no share to find
    low, high = np.quantile(finite, [0.025, 0.975]) if finite else (np.nan, np.nan)
    return Figure(measure(values, higher, weight), float(low), float(high), better)


def top_share(score: Matrix, weight: Matrix, capacity: float) -> Matrix:
    """1 for rows in the top `capacity` by score, a fraction for rows tied at the cut, else 0."""
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


MEASURES: dict[str, tuple[Measure, str]] = {
    "share_found": (share_found, "higher"),
    "precision": (precision, "higher"),
    "calibration": (calibration, "nearer 1"),
    "brier": (brier, "lower"),
    "auc": (auc, "higher"),
    "average_precision": (average_precision, "higher"),
    "expected_calibration_error": (expected_calibration_error, "lower"),
    "slope": (slope, "nearer 1"),
    "flagged_calibration": (flagged_calibration, "nearer 1"),
}
