"""Stage 1: an ordinal booster that predicts the reviewed level without seeing the recorded one.

One LightGBM on rows stacked by threshold: is the reviewed level at least medium, high, very high?
It sees behaviour indicators and the risk group, and nothing that follows from the level already
recorded. It is monotone ("basic") in the threshold and wherever an indicator declares a direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl

from features.contracts import codes
from features.errors import UserError
from features.indicators import CATALOGUE

Matrix = npt.NDArray[np.float64]

THRESHOLDS: tuple[str, ...] = codes.LEVEL_ORDER[1:]
"""The reviewed level is at least this: medium, high, very high."""
GROUPS = codes.COMMUNITY_GROUPS
DIRECTION = {"+": 1, "-": -1, "0": 0}


@dataclass(frozen=True)
class Settings:
    """The settings of the booster, chosen small and shallow for speed and stability."""

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


@dataclass(frozen=True)
class OrdinalModel:
    """A fitted booster with the indicators that it reads, in order."""

    booster: lgb.Booster
    columns: tuple[str, ...]

    def margins(self, frame: pl.DataFrame) -> Matrix:
        """The log-odds of each threshold for each row: (rows, 3), falling along a row."""
        base = input_matrix(frame, self.columns)
        stacked_margins = [
            booster_margin(self.booster, base, k) for k in range(1, len(THRESHOLDS) + 1)
        ]
        stacked: Matrix = np.column_stack(stacked_margins)
        return stacked

    def contributions(self, frame: pl.DataFrame, threshold: npt.NDArray[np.int64]) -> Matrix:
        """Exact SHAP contributions to the margin at each row's threshold (1 to 3).

        Shape (rows, indicators + 1): the last column is the base, which holds the average, the
        threshold and the risk group. LightGBM's own `pred_contrib` (equal to TreeExplainer's).
        """
        base = input_matrix(frame, self.columns)
        rows = np.column_stack([base, threshold.astype(np.float64)])
        values = np.asarray(self.booster.predict(rows, pred_contrib=True, num_threads=1))
        count = len(self.columns)
        rest = values[:, count:].sum(axis=1, keepdims=True)
        return np.hstack([values[:, :count], rest])


def community_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of the groups that a model is trained for: all but prisoners."""
    return frame.filter(pl.col("group").is_in(GROUPS))


def input_matrix(frame: pl.DataFrame, columns: Sequence[str]) -> Matrix:
    """The indicators and the risk group as float64: (rows, indicators + groups); null is NaN.

    An indicator that does not concern the group is as where nothing was found: as a blank it would
    tell which group it is, and speak for the group under its own name.
    """
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise UserError(
            f"The frame lacks indicators that the model reads: {', '.join(absent)}. It was built "
            "with another catalogue; build it again."
        )
    values = frame.select(_value_column(name) for name in columns)
    groups = frame.select((pl.col("group") == g).cast(pl.Float64).alias(f"_{g}") for g in GROUPS)
    # Polars nulls become NaN, which LightGBM treats differently from 0.
    return np.hstack([values.to_numpy(), groups.to_numpy()]).astype(np.float64)


@cache
def _value_column(name: str) -> pl.Expr:
    item = CATALOGUE[name]
    value = pl.col(name).cast(pl.Float64)
    if set(GROUPS) <= set(item.groups):
        return value
    concerned = pl.col("group").is_in(item.groups)
    return pl.when(concerned).then(value).otherwise(pl.lit(item.none or 0.0)).alias(name)


def fit_ordinal_model(
    frame: pl.DataFrame,
    reviewed: npt.NDArray[np.int64],
    weights: Matrix,
    columns: Sequence[str],
    settings: Settings,
) -> OrdinalModel:
    """Fit stage 1 on labelled rows; `reviewed` is the reader's level, 0 (low) to 3 (very high)."""
    directions = [DIRECTION[CATALOGUE[name].direction] for name in columns] + [0] * len(GROUPS)
    booster = train_booster(input_matrix(frame, columns), reviewed, weights, directions, settings)
    return OrdinalModel(booster, tuple(columns))


def train_booster(
    base: Matrix,
    reviewed: npt.NDArray[np.int64],
    weights: Matrix,
    directions: Sequence[int],
    settings: Settings,
    thresholds: int = len(THRESHOLDS),
) -> lgb.Booster:
    """Train the booster on rows stacked by threshold; `reviewed` runs from 0 to `thresholds`.

    `directions` has one entry a column of `base`: 1 rising, -1 falling, 0 free.
    """
    stacked = np.vstack([_at_threshold(base, k) for k in range(1, thresholds + 1)])
    target = np.concatenate([reviewed >= k for k in range(1, thresholds + 1)]).astype(np.int8)
    data = lgb.Dataset(
        stacked, label=target, weight=np.tile(weights, thresholds), free_raw_data=True
    )
    return lgb.train(
        _booster_parameters(directions, settings), data, num_boost_round=settings.rounds
    )


def booster_margin(booster: lgb.Booster, base: Matrix, threshold: int) -> Matrix:
    """The log-odds, for each row, that a reader would give at least the threshold."""
    raw = booster.predict(_at_threshold(base, threshold), raw_score=True, num_threads=1)
    return np.asarray(raw, dtype=np.float64)


def _at_threshold(base: Matrix, threshold: int) -> Matrix:
    return np.column_stack([base, np.full(len(base), float(threshold))])


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
