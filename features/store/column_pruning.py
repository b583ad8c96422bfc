"""Leaves out columns and whole records that no indicator reads, to load less of a table."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from features.store.store import Store

LATER = pl.col("version") > 1
"""A version that another of its record came before."""


class Unread(NamedTuple):
    """What may be left out of a table: records whose rows all fail `keep`, and columns."""

    keep: pl.Expr | None = None
    without: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Columns of codes that are compared so often that a number for each code is worth it."""


def read_needed_columns(
    store: Store,
    name: str,
    buckets: int | Collection[int] | None,
    unread: Unread,
    cases: pl.Series,
) -> pl.DataFrame:
    """The versions of a table for some cases, without the records and columns in `unread`.

    Each version ends the one before, so all versions of a record are read, or none.
    """
    ours = pl.col("crn").is_in(cases.implode())
    if unread.keep is None:
        return store.read_versions(name, buckets, ours, unread.without)
    rows = store.read_versions(name, buckets, (unread.keep | LATER) & ours, unread.without)
    several = of_records(rows, rows.filter(LATER))
    changed = rows.filter(several)
    needed = changed.filter(of_records(changed, changed.filter(unread.keep)))
    whole = [rows.filter(~several), needed]
    lowest = needed.group_by("record_id").agg(pl.col("version").min())
    begun = lowest.filter(LATER)["record_id"]
    if len(begun):
        # Their first version is none that an indicator reads, but says since when one was known.
        first = ~LATER & pl.col("record_id").is_in(begun.implode())
        whole.append(store.read_versions(name, buckets, first & ours, unread.without))
    return pl.concat(whole).with_columns(pl.col(unread.categories).cast(pl.Categorical))


def of_records(rows: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
    """Whether each row is of a record that `others` has a row of.

    Compared by hash, which is ten times quicker than text; should two records ever share one, a
    record is looked at that need not be, and no value differs.
    """
    record_hashes = others["record_id"].hash().unique()
    return rows["record_id"].hash().is_in(record_hashes.implode())
