"""Counts notes and what was read in them by region, lately and in the months before.

A template that a region begins to paste, or a habit of dictating, changes how much is read in its
notes: the watch compares the two periods.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

import polars as pl

from features.store.store import Store, store_schema
from features.store.volumes import AT_A_TIME

LATELY, BEFORE = 28, 84
"""Days of the period that is watched, and of the one before it."""
_SCHEMA = {"region": pl.String(), "is_late": pl.Boolean(), "kind": pl.String(), "rows": pl.Int64()}


def count_notes(store: Store, regions: Mapping[str, str], until: date) -> pl.DataFrame:
    """Count notes, and entries read in notes, of the cases of `regions`, by when recorded.

    Columns: region, is_late (recorded in the last LATELY days; else in the BEFORE days before),
    kind (null: the number of notes) and rows. Only first versions count.
    """
    end = datetime.combine(until + timedelta(days=1), time.min)
    begin = end - timedelta(days=LATELY + BEFORE)
    named = pl.DataFrame(
        {"crn": list(regions), "region": list(regions.values())},
        schema={"crn": pl.String(), "region": pl.String()},
    )
    parts = [
        _count_buckets(store, table, named, begin, end, range(at, at + AT_A_TIME))
        for table in ("contacts", "note_entries")
        if table in store.supplied_tables()
        for at in range(0, store.buckets, AT_A_TIME)
    ]
    counts = pl.concat([pl.DataFrame(schema=_SCHEMA), *parts])
    return counts.group_by("region", "is_late", "kind").agg(pl.col("rows").sum())


def _count_buckets(
    store: Store, table: str, named: pl.DataFrame, begin: datetime, end: datetime, buckets: range
) -> pl.DataFrame:
    within = (pl.col("recorded_at") >= begin) & (pl.col("recorded_at") < end)
    is_first = pl.col("version") == 1
    has_note = pl.col("note").is_not_null() if table == "contacts" else pl.lit(value=True)
    columns = {"crn", "recorded_at", "version", "note" if table == "contacts" else "kind"}
    unread = [name for name in store_schema(table) if name not in columns]
    rows = store.read_versions(table, buckets, within & is_first & has_note, unread)
    kind = pl.lit(None, pl.String()) if table == "contacts" else pl.col("kind")
    is_late = pl.col("recorded_at") >= end - timedelta(days=LATELY)
    return (
        rows.join(named, on="crn")
        .group_by("region", is_late=is_late, kind=kind)
        .agg(rows=pl.len().cast(pl.Int64()))
        .select(*_SCHEMA)
    )
