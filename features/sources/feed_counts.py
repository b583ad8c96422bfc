"""Counts the cases of a store that have each record, by the system it came from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from features.contracts import records
from features.store.store import Store, store_schema

_READ = ("crn", "source_system", "load")


@dataclass(frozen=True)
class FeedCount:
    """How many cases have a record from a system; `system` is empty where rows do not say it."""

    record: str
    system: str
    cases: int
    of: int
    """The cases of the store: those with a row of any record."""


def count_feeds(store: Store) -> list[FeedCount]:
    """For each record and system the cases with a row of it, a bucket at a time.

    A record that the store was never supplied with has one line, with no system and no case.
    """
    everyone = 0
    counts: dict[tuple[str, str], int] = {}
    for bucket in range(store.buckets):
        crns = []
        for name in sorted(store.supplied_tables()):
            unread = [column for column in store_schema(name) if column not in _READ]
            rows = store.read_versions(name, bucket, without=unread)
            crns.append(rows["crn"].unique())
            by_system = rows.group_by(pl.col("source_system").fill_null("")).agg(
                pl.col("crn").n_unique()
            )
            for system, cases in by_system.iter_rows():
                counts[name, system] = counts.get((name, system), 0) + cases
        everyone += pl.concat(crns).n_unique() if crns else 0
    supplied = {name for name, _ in counts}
    counts |= {(name, ""): 0 for name in records.TABLES if name not in supplied}
    order = list(records.TABLES)
    return [
        FeedCount(name, system, counts[name, system], everyone)
        for name, system in sorted(counts, key=lambda key: (order.index(key[0]), key[1]))
    ]


def as_csv(feeds: Sequence[FeedCount]) -> str:
    """One row a record and system."""
    out = io.StringIO()
    writer = csv.DictWriter(out, ["record", "system", "cases", "of"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(feed) for feed in feeds)
    return out.getvalue()


def as_json(feeds: Sequence[FeedCount]) -> str:
    """A list of objects with the columns of `as_csv`."""
    return json.dumps([asdict(feed) for feed in feeds], indent=1) + "\n"


def as_markdown(feeds: Sequence[FeedCount]) -> str:
    """A table with a line a record and system."""
    lines = ["| record | from | cases | share |", "|---|---|---|---|"]
    for feed in feeds:
        share = f"{feed.cases / feed.of:.0%}" if feed.of else ""
        came_from = feed.system or ("not said" if feed.cases else "never supplied")
        lines.append(f"| {feed.record} | {came_from} | {feed.cases:,} | {share} |")
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Sequence[FeedCount]], str]] = {
    "csv": as_csv,
    "json": as_json,
    "md": as_markdown,
}
