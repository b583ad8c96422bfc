"""The rows and columns that a model reads from an indicator frame."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from features.contracts import codes
from features.errors import UserError
from features.indicators import CATALOGUE

Matrix = npt.NDArray[np.float64]
GROUPS = codes.COMMUNITY_GROUPS


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


def supplied_matrix(frame: pl.DataFrame, columns: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether each indicator is known and concerns the group of the row: (rows, indicators)."""
    if not columns:
        return np.zeros((frame.height, 0), dtype=bool)
    supplied: npt.NDArray[np.bool_] = frame.select(
        pl.col(name).is_not_null() for name in columns
    ).to_numpy()
    return supplied


def mean_extents(extents: Matrix, supplied: npt.NDArray[np.bool_], weights: Matrix) -> Matrix:
    """How far each indicator is fired on average, among the rows where it is known."""
    counted = supplied * weights[:, None]
    total = counted.sum(axis=0)
    mean: Matrix = (counted * extents).sum(axis=0) / np.where(total > 0, total, 1.0)
    return mean


@cache
def _value_column(name: str) -> pl.Expr:
    item = CATALOGUE[name]
    value = pl.col(name).cast(pl.Float64)
    if set(GROUPS) <= set(item.groups):
        return value
    concerned = pl.col("group").is_in(item.groups)
    return pl.when(concerned).then(value).otherwise(pl.lit(item.none or 0.0)).alias(name)
