"""Reading no more of a table than the indicators use; a record is left out whole or not at all."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from features.store import Store, store_schema


class Unread(NamedTuple):
    """What of a table need not be read: rows for which `keep` does not hold, and columns."""

    keep: pl.Expr | None = None
    without: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Columns of codes that are compared so often that a number for each code is worth it."""


def leanly(
    store: Store,
    name: str,
    buckets: int | Collection[int] | None,
    unread: Unread,
    cases: pl.Series,
) -> pl.DataFrame:
    """The versions of a table, of some cases, without what need not be read.

    A version says when the one before gave way, so where one of a record is kept all are.
    """
    ours = pl.col("crn").is_in(cases.implode())
    if unread.keep is None:
        return store.read(name, buckets, ours, unread.without)
    columns = [column for column in store_schema(name) if column != "record_id"]
    several = store.read(name, buckets, pl.col("version") > 1, columns)["record_id"].unique()
    keep = unread.keep | pl.col("record_id").is_in(several.implode())
    rows = store.read(name, buckets, keep & ours, unread.without)
    return rows.with_columns(pl.col(unread.categories).cast(pl.Categorical))
