"""Spreads the values of indicators over the rows of the frame: one row a case and risk group."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from features.contracts import codes
from features.history.asof import CASE, Histories
from features.indicators import Indicator

GROUPS = sorted(codes.RISK_GROUPS)
Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def layout_plan(item: Indicator, histories: Histories) -> pl.LazyFrame:
    """The rows to spread: one row an entry for counting indicators, otherwise one row a value."""
    rows = item.entries(histories)
    key: list[str | pl.Expr] = [*CASE, *([_group_place()] if item.per_group else [])]
    if item.is_count:
        return rows.select(key).drop_nulls() if item.per_group else rows.select(key)
    values = rows.group_by(item.key).agg(item.value.cast(pl.Float64).alias("value"))
    return values.select(*key, "value").drop_nulls()


def _group_place() -> pl.Expr:
    """An expression: the position of the risk group among a case's rows; null if unknown."""
    return pl.col("group").cast(pl.Enum(GROUPS), strict=False).to_physical().alias("place")


def indicator_table(
    histories: Histories, due: Mask, items: Sequence[Indicator], columns: Sequence[pl.DataFrame]
) -> pl.DataFrame:
    """One column an indicator, one row a case and group; null where not known or not applicable.

    `due` says, a row each, whether a level is due of the group; `columns` are the collected plans
    of `layout_plan`, in the order of `items`.
    """
    cases = histories.spine.height
    wide = np.empty((len(items), cases, len(GROUPS)))
    applies = _Applies(histories, due.reshape(cases, len(GROUPS)), items)
    for values, item, rows in zip(wide, items, columns, strict=True):
        _lay_out(values, item, rows)
        values[~applies.to(item)] = np.nan
    flat = wide.reshape(len(items), -1)
    # Said, not inferred: of as many rows as columns Polars would take columns for rows.
    names = [item.id for item in items]
    return pl.from_numpy(flat.T, names, orient="row").fill_nan(None)


def _lay_out(values: Values, item: Indicator, rows: pl.DataFrame) -> None:
    """Fill an array (cases, groups); the values of a case are equal unless the item is by group."""
    cells = rows[CASE[0]].to_numpy().astype(np.int64)
    target = values
    if item.per_group:
        cells = cells * len(GROUPS) + rows["place"].to_numpy()
        target = values.reshape(-1, 1)
    target[:] = np.nan if item.none is None else item.none
    if item.is_count:
        counts = np.bincount(cells, minlength=len(target))
        cells = np.flatnonzero(counts)
        target[cells] = counts[cells, None]
    else:
        target[cells] = rows["value"].to_numpy()[:, None]


class _Applies:
    """Decides for which rows an indicator has a value: its groups, and its feeds available."""

    def __init__(self, histories: Histories, due: Mask, items: Sequence[Indicator]) -> None:
        self._due = due
        feeds = sorted({feed for item in items for feed in item.feeds})
        supplied = histories.spine.select(
            histories.is_available([feed]).alias(feed) for feed in feeds
        )
        self._supplied = {feed: supplied[feed].to_numpy() for feed in feeds}
        self._where: dict[tuple[tuple[str, ...], tuple[str, ...]], Mask] = {}

    def to(self, item: Indicator) -> Mask:
        """A mask (cases, groups) of the rows for which the indicator has a value."""
        key = item.groups, item.feeds
        if key not in self._where:
            where = self._due & _group_mask(item.groups)
            for feed in item.feeds:
                where &= self._supplied[feed][:, None]
            self._where[key] = where
        return self._where[key]


@cache
def _group_mask(groups: tuple[str, ...]) -> Mask:
    """A mask over all risk groups that is true for the given ones."""
    return np.isin(GROUPS, groups)
