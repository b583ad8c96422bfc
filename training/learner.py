"""Applies the two stages, booster and calibration by recorded level, to any table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models import level, ordinal
from models.level import Stratum
from models.ordinal import Matrix, Settings

LEAST_ROWS = 200
"""A recorded level with fewer rows is calibrated together with all others."""
PARTS = 4
RIDGE = 8.0
EVERYONE = "everyone"
POOLED = "all levels together"

Words = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Learner:
    """A fitted stage 1, blind to the recorded level, and the calibration of each level."""

    booster: lgb.Booster
    strata: dict[str, Stratum]

    def probability(self, values: Matrix, recorded: Words, groups: Words | None = None) -> Matrix:
        """The calibrated probability of the outcome, for each row of a table."""
        margin = ordinal.booster_margin(self.booster, values, 1)
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
) -> Learner:
    """Fit both stages; stage 2 uses margins from a stage 1 that had not seen the row.

    `groups`, where given, has a base of its own in each level (calibration by group).
    """
    weights = np.ones(len(values))
    row_groups = _one_level(len(values)) if groups is None else groups
    names = sorted(set(row_groups))
    target = outcome.astype(np.int64)
    parts = np.array([crc32(str(one).encode()) % PARTS for one in ids])
    margins = np.zeros(len(values))
    for part in range(PARTS):
        in_part = parts == part
        others = ordinal.train_booster(
            values[~in_part],
            target[~in_part],
            weights[~in_part],
            directions,
            settings,
            thresholds=1,
        )
        margins[in_part] = ordinal.booster_margin(others, values[in_part], 1)
    strata = {}
    for name in (POOLED, *sorted(set(recorded))):
        rows = np.ones(len(values), dtype=bool) if name == POOLED else recorded == name
        if rows.sum() >= LEAST_ROWS or name == POOLED:
            strata[name] = level.fit_stratum(
                margin=margins[rows],
                process=np.zeros((int(rows.sum()), 0)),
                groups=row_groups[rows],
                higher=outcome[rows],
                weights=weights[rows],
                columns=[],
                ridge=RIDGE,
                names=names,
            )
    booster = ordinal.train_booster(values, target, weights, directions, settings, thresholds=1)
    return Learner(booster, strata)


def _one_level(count: int) -> Words:
    return np.full(count, EVERYONE, dtype=object)
