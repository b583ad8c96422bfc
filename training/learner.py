"""Applies the two stages, booster and calibration by recorded level, to any table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logit

from models.boosters import Settings, booster_margin, train_booster
from models.inputs import Matrix
from models.weights import sigmoid
from training.challengers import fit_glass_box

if TYPE_CHECKING:
    import lightgbm as lgb

LEAST_ROWS = 200
"""A recorded level with fewer rows is calibrated together with all others."""
PARTS = 4
RIDGE = 8.0
LEAST_SLOPE = 0.05
INTERACTIONS, BAGS = 10, 8
"""How many pairs of inputs an EBM of stage 1 has, and how many fits it is the mean of."""
EVERYONE = "everyone"
POOLED = "all levels together"

Words = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Calibration:
    """Of one recorded level: log-odds = base of the group + slope x margin."""

    slope: float
    base: dict[str, float]


@dataclass(frozen=True)
class Behaviour:
    """A fitted stage 1: a booster or, with a glass box, the mean of both log-odds."""

    booster: lgb.Booster
    glass_box: Callable[[Matrix], Matrix] | None = None

    def margin(self, values: Matrix) -> Matrix:
        """The log-odds of the outcome, for each row."""
        margin = booster_margin(self.booster, values, 1)
        return margin if self.glass_box is None else (margin + logit(self.glass_box(values))) / 2


@dataclass(frozen=True)
class Learner:
    """A fitted stage 1, blind to the recorded level, and the calibration of each level."""

    first: Behaviour
    strata: dict[str, Calibration]

    def probability(self, values: Matrix, recorded: Words, groups: Words | None = None) -> Matrix:
        """The calibrated probability of the outcome, for each row of a table."""
        margin = self.first.margin(values)
        row_groups = _one_level(len(values)) if groups is None else groups
        predicted = np.empty(len(values))
        for row, (name, group) in enumerate(zip(recorded, row_groups, strict=True)):
            stratum = self.strata.get(name, self.strata[POOLED])
            predicted[row] = stratum.base[group] + stratum.slope * margin[row]
        probability: Matrix = 1 / (1 + np.exp(-predicted))
        return probability


def fit_learner(
    values: Matrix,
    outcome: Matrix,
    recorded: Words,
    ids: Sequence[str],
    directions: Sequence[int],
    settings: Settings,
    groups: Words | None = None,
    *,
    glass_box: bool = False,
) -> Learner:
    """Fit both stages; stage 2 uses margins from a stage 1 that had not seen the row.

    `groups`, where given, has a base of its own in each level (calibration by group). With
    `glass_box`, stage 1 is the mean of the booster and an EBM.
    """
    row_groups = _one_level(len(values)) if groups is None else groups
    names = sorted(set(row_groups))
    target = outcome.astype(np.int64)
    parts = np.array([crc32(str(one).encode()) % PARTS for one in ids])
    margins = np.zeros(len(values))
    for part in range(PARTS):
        in_part = parts == part
        others = _fit_behaviour(
            values[~in_part], target[~in_part], directions, settings, glass_box=glass_box
        )
        margins[in_part] = others.margin(values[in_part])
    strata = {}
    for name in (POOLED, *sorted(set(recorded))):
        rows = np.ones(len(values), dtype=bool) if name == POOLED else recorded == name
        if rows.sum() >= LEAST_ROWS or name == POOLED:
            strata[name] = fit_calibration(margins[rows], row_groups[rows], outcome[rows], names)
    return Learner(
        _fit_behaviour(values, target, directions, settings, glass_box=glass_box), strata
    )


def _fit_behaviour(
    values: Matrix,
    target: npt.NDArray[np.int64],
    directions: Sequence[int],
    settings: Settings,
    *,
    glass_box: bool,
) -> Behaviour:
    weights = np.ones(len(values))
    booster = train_booster(values, target, weights, directions, settings, thresholds=1)
    if not glass_box:
        return Behaviour(booster)
    machine = fit_glass_box(
        values, target.astype(np.float64), weights, interactions=INTERACTIONS, bags=BAGS
    )
    return Behaviour(booster, machine)


def fit_calibration(
    margin: Matrix, groups: Words, higher: Matrix, names: Sequence[str]
) -> Calibration:
    """Fit slope and bases by penalised likelihood; bases are drawn together, the slope to one."""
    onehot = np.column_stack([groups == group for group in names]).astype(np.float64)
    design = np.hstack([np.ones((len(margin), 1)), onehot, margin[:, None]])
    penalty = np.concatenate([[0.0], np.full(len(names), RIDGE), [RIDGE / 4]])
    target = np.concatenate([np.zeros(1 + len(names)), [1.0]])

    def loss(beta: Matrix) -> tuple[float, Matrix]:
        score, away = design @ beta, beta - target
        value = (np.logaddexp(0, score) - higher * score).sum()
        gradient = design.T @ (sigmoid(score) - higher) + penalty * away
        return float(value + 0.5 * penalty @ away**2), gradient

    bounds = [(None, None)] * (1 + len(names)) + [(LEAST_SLOPE, None)]
    beta = minimize(loss, target, jac=True, method="L-BFGS-B", bounds=bounds).x
    base = {group: float(beta[0] + beta[1 + i]) for i, group in enumerate(names)}
    return Calibration(slope=float(beta[-1]), base=base)


def _one_level(count: int) -> Words:
    return np.full(count, EVERYONE, dtype=object)
