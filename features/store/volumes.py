"""Counts new records by table, region and day, and how many were recorded late.

The watch compares these counts with the usual ones when a model was approved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, time, timedelta

import polars as pl

from features.contracts import records
from features.store.store import Store, store_schema

AT_A_TIME = 8
"""So many buckets of cases are read at once."""
LEFT_OUT = ("limits", "reviews")
LATE_AFTER = 7
"""The number of days after an event from which its recording counts as late."""
READ = ("crn", "occurred_on", "recorded_at", "version")
Supplied = dict[str, dict[str, tuple[int, int]]]
"""By table, by region: rows recorded, and of them those recorded late."""


def case_regions(store: Store, limited: Collection[str]) -> dict[str, str]:
    """The region (provider code) of every case that is or was under supervision.

    Cases of limited access are left out, also of counts.
    """
    rows = store.read_versions(
        "supervisions",
        keep=pl.col("pdu_code").is_not_null(),
        without=[name for name in store_schema("supervisions") if name not in (*READ, "pdu_code")],
    )
    last = rows.sort("occurred_on").unique("crn", keep="last", maintain_order=True)
    named = last.filter(~pl.col("crn").is_in(sorted(limited)))
    return dict(named.select("crn", pl.col("pdu_code").str.slice(0, 3)).iter_rows())


def count_records(store: Store, regions: Mapping[str, str], until: date, days: int) -> Supplied:
    """Count records by table and region that were first recorded in the days up to a date.

    Only cases of `regions` count.
    """
    return total_records(by_day(store, regions, until, days), counted_tables(store), until, days)


def by_day(store: Store, regions: Mapping[str, str], until: date, days: int) -> pl.DataFrame:
    """Count new records by the day of recording: table, region, day, rows, rows recorded late."""
    end = datetime.combine(until + timedelta(days=1), time.min)
    begin = end - timedelta(days=days)
    named = pl.DataFrame(
        {"crn": list(regions), "region": list(regions.values())},
        schema={"crn": pl.String, "region": pl.String},
    )
    return pl.concat(
        [_count_table(store, name, named, begin, end) for name in counted_tables(store)]
    )


def total_records(daily: pl.DataFrame, tables: Iterable[str], until: date, days: int) -> Supplied:
    """Add up daily counts of new records to a date; tables without rows are included."""
    within = (pl.col("day") <= until) & (pl.col("day") > until - timedelta(days=days))
    summed = daily.filter(within).group_by("table", "region").agg(pl.col("rows", "late").sum())
    supplied: Supplied = {name: {} for name in tables}
    for table, region, rows, late in summed.sort("table", "region").iter_rows():
        supplied[table][region] = (rows, late)
    return supplied


def counted_tables(store: Store) -> list[str]:
    """Every supplied table except limits (never counted) and reviews (which come in rounds)."""
    return [
        name for name in records.TABLES if name in store.supplied_tables() and name not in LEFT_OUT
    ]


def _count_table(
    store: Store, name: str, regions: pl.DataFrame, begin: datetime, end: datetime
) -> pl.DataFrame:
    """The counts of one table, a few buckets at a time, to bound memory."""
    parts = range(0, store.buckets, AT_A_TIME)
    row_counts = pl.concat(
        _count_buckets(
            store, name, regions, begin, end, range(at, min(at + AT_A_TIME, store.buckets))
        )
        for at in parts
    )
    daily = row_counts.group_by("region", "day").agg(pl.col("rows", "late").sum())
    return daily.select(pl.lit(name).alias("table"), "region", "day", "rows", "late")


def _count_buckets(
    store: Store, name: str, regions: pl.DataFrame, begin: datetime, end: datetime, buckets: range
) -> pl.DataFrame:
    recorded = (pl.col("recorded_at") >= begin) & (pl.col("recorded_at") < end)
    without = [column for column in store_schema(name) if column not in READ]
    rows = store.read_versions(name, buckets, recorded & (pl.col("version") == 1), without)
    day = pl.col("recorded_at").dt.date()
    waited = (day - pl.col("occurred_on")).dt.total_days()
    named = rows.join(regions, on="crn")
    return named.group_by("region", day=day).agg(
        rows=pl.len().cast(pl.Int64), late=(waited > LATE_AFTER).sum().cast(pl.Int64)
    )
