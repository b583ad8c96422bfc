"""Trains, reads and asks the boosters of stage 1: LightGBM on rows stacked by threshold.

LightGBM brings scikit-learn and pandas along, some seconds of every start, so it is imported where
a booster is trained or read and not with this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.inputs import Matrix
from models.strata import THRESHOLDS

if TYPE_CHECKING:
    import lightgbm as lgb


@dataclass(frozen=True)
class Settings:
    """The settings of a booster, chosen small and shallow for speed and stability."""

    rounds: int = 150
    leaves: int = 15
    depth: int = 4
    rate: float = 0.06
    smallest_leaf: int = 60
    ridge: float = 5.0
    seed: int = 1
    columns_each: float = 1.0
    """The share of the columns that each tree may look at, drawn anew for each."""
    rows_each: float = 1.0
    """The share of the rows that each tree learns from, drawn anew for each."""


def train_booster(
    base: Matrix,
    reviewed: npt.NDArray[np.int64],
    weights: Matrix,
    directions: Sequence[int],
    settings: Settings,
    thresholds: int = len(THRESHOLDS),
    start: Matrix | None = None,
) -> lgb.Booster:
    """Train the booster on rows stacked by threshold; `reviewed` runs from 0 to `thresholds`.

    `directions` has one entry a column of `base`: 1 rising, -1 falling, 0 free. `start`, where
    given, holds the log-odds that it begins from: (rows, thresholds). It learns what they leave.
    """
    import lightgbm as lgb

    stacked = np.vstack([_at_threshold(base, k) for k in range(1, thresholds + 1)])
    target = np.concatenate([reviewed >= k for k in range(1, thresholds + 1)]).astype(np.int8)
    data = lgb.Dataset(
        stacked,
        label=target,
        weight=np.tile(weights, thresholds),
        init_score=None if start is None else start.T.reshape(-1),
        free_raw_data=True,
    )
    return lgb.train(
        _booster_parameters(directions, settings), data, num_boost_round=settings.rounds
    )


def read_booster(text: str) -> lgb.Booster:
    """Read a booster from LightGBM's own text; raises ValueError where it is not one."""
    import lightgbm as lgb

    try:
        return lgb.Booster(model_str=text)
    except lgb.basic.LightGBMError as error:
        raise ValueError("This is no text of a LightGBM booster.") from error


def booster_margin(
    booster: lgb.Booster, base: Matrix, threshold: int | npt.NDArray[np.int64]
) -> Matrix:
    """The booster's log-odds, for each row, that a reader would give at least the threshold.

    Raises ValueError where the booster was trained on other columns.
    """
    import lightgbm as lgb

    try:
        raw = booster.predict(_at_threshold(base, threshold), raw_score=True, num_threads=1)
    except lgb.basic.LightGBMError as error:
        raise ValueError("The booster was trained on other columns.") from error
    return np.asarray(raw, dtype=np.float64)


def _at_threshold(base: Matrix, threshold: int | npt.NDArray[np.int64]) -> Matrix:
    return np.column_stack([base, np.broadcast_to(np.float64(threshold), len(base))])


def _booster_parameters(directions: Sequence[int], settings: Settings) -> dict[str, object]:
    return {
        "objective": "binary",
        "num_leaves": settings.leaves,
        "max_depth": settings.depth,
        "learning_rate": settings.rate,
        "min_data_in_leaf": settings.smallest_leaf,
        "lambda_l2": settings.ridge,
        "feature_fraction": settings.columns_each,
        "bagging_fraction": settings.rows_each,
        "bagging_freq": int(settings.rows_each < 1),
        "monotone_constraints": [*directions, -1],
        "monotone_constraints_method": "basic",
        "deterministic": True,
        "force_row_wise": True,
        # One thread: with so few rows more are no faster, and far slower on a busy machine.
        "num_threads": 1,
        "seed": settings.seed,
        "verbosity": -1,
    }
