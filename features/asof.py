"""The only door to history: what was known on a date.

A row counts as of a date when its version was known by the end of that day, had not been
superseded or withdrawn by then, and is about that day or an earlier one. Within a row, a date
that lies after the as-of date had not happened: it is emptied, and so is what it settles (an
assessment's levels before it was completed). What was recorded later never shows (promise 2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import wraps
from types import MappingProxyType
from typing import NamedTuple

import polars as pl

from features import codes, records
from features.contracts import Table
from features.store import STALE_AFTER, Store, store_schema

KEY = ["crn", "as_of"]
GROUP_KEY = [*KEY, "group"]
CURRENT_FOR_DAYS = 55 * 7
"""A completed assessment counts for 55 weeks (assess-risks-and-needs, `riskPredicate`)."""


def spine(crns: Iterable[str], as_of: date) -> pl.DataFrame:
    """One row a case, all as of one date."""
    return pl.DataFrame({"crn": sorted(set(crns))}, schema={"crn": pl.String()}).with_columns(
        as_of=pl.lit(as_of)
    )


@dataclass
class Known:
    """What was known of each (case, as-of date) of a spine.

    `versions` holds every version of each table for the spine's cases; `feeds` holds, for each
    table, from which day it was known to be covered and until which (absent: never supplied).
    """

    spine: pl.DataFrame
    versions: dict[str, pl.DataFrame]
    feeds: dict[str, list[tuple[date, date]]]
    cache: dict[str, pl.DataFrame] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Inside, a case is an Enum over the spine: a number to the engine, a CRN to a reader."""
        cases = pl.Enum(self.spine["crn"].unique().sort())
        self.spine = self.spine.with_columns(pl.col("crn").cast(cases))

    def rows(self, name: str) -> pl.DataFrame:
        """A table as known: KEY, the contract's columns, `first_recorded_at` and `days` since."""
        if name not in self.cache:
            versions = self.versions.get(name)
            kept = records.empty(name) if versions is None else versions
            ours = pl.col("crn").cast(self.spine.schema["crn"], strict=False)
            kept = kept.with_columns(ours).filter(pl.col("crn").is_not_null())
            self.cache[name] = _as_known(kept, self.spine, records.table(name))
        return self.cache[name]

    def available(self, names: Iterable[str]) -> pl.Expr:
        """Whether every named feed was supplied and had not stopped by the as-of date."""
        tests = [self._covered(name) for name in names]
        return pl.all_horizontal(tests) if tests else pl.lit(value=True)

    def _covered(self, name: str) -> pl.Expr:
        covers = [
            (pl.col("as_of") >= known_on) & (pl.col("as_of") <= until + STALE_AFTER)
            for known_on, until in self.feeds.get(name, [])
        ]
        return pl.any_horizontal(covers) if covers else pl.lit(value=False)


def _read(
    store: Store, name: str, buckets: int | Collection[int] | None, unread: Unread
) -> pl.DataFrame:
    """The versions of a table without what need not be read; a record is left out whole or not."""
    keep = unread.keep
    if keep is not None:
        columns = [column for column in store_schema(name) if column != "record_id"]
        several = store.read(name, buckets, pl.col("version") > 1, columns)["record_id"].unique()
        keep = keep | pl.col("record_id").is_in(several.implode())
    return store.read(name, buckets, keep, unread.without)


class Unread(NamedTuple):
    """What of a table need not be read: rows for which `keep` does not hold, and columns."""

    keep: pl.Expr | None = None
    without: tuple[str, ...] = ()


def plain(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the CRN as text again, to be joined with what is not of the same `Known`."""
    return rows.with_columns(pl.col("crn").cast(pl.String()))


def read(
    store: Store,
    on: pl.DataFrame,
    buckets: int | Collection[int] | None = None,
    tables: Iterable[str] = tuple(records.TABLES),
    lean: Mapping[str, Unread] = MappingProxyType({}),
) -> Known:
    """Open the history of the spine `on`, in some buckets of cases or in all, some tables or all.

    `lean` says what of a table need not be read at all.
    """
    cases = on.select("crn").unique()
    versions = {
        name: _read(store, name, buckets, lean.get(name, Unread())).join(
            cases, on="crn", how="semi"
        )
        for name in tables
        if name in store.supplied()
    }
    return Known(on, versions, {name: store.covers(name) for name in versions})


def _as_known(versions: pl.DataFrame, on: pl.DataFrame, table: Table) -> pl.DataFrame:
    if "known_from" not in versions.columns:
        versions = versions.with_columns(known_from=pl.col("recorded_at"))
    end_of_day = pl.col("as_of").cast(pl.Datetime("us")) + pl.duration(days=1)
    seen = (
        _superseded(versions)
        .join(on, on="crn", how="inner")
        .filter(
            pl.col("known_from") < end_of_day,
            pl.col("superseded_at").is_null() | (pl.col("superseded_at") >= end_of_day),
            pl.col("withdrawn_at").is_null() | (pl.col("withdrawn_at") >= end_of_day),
            pl.col("occurred_on") <= pl.col("as_of"),
        )
    )
    seen = _without_the_future(seen, table)
    return seen.select(
        *KEY,
        *[name for name in table.schema if name != "crn" and name in seen.columns],
        "first_recorded_at",
        days=(pl.col("as_of") - pl.col("occurred_on")).dt.total_days(),
    )


def _superseded(versions: pl.DataFrame) -> pl.DataFrame:
    """The versions with the moment at which each gave way to the next of its record, if any.

    Nearly every record has one version; only the others are sorted and looked at one by one.
    """
    later = versions.filter(pl.col("version") > 1).select("record_id").unique()
    versions = versions.with_columns(first_recorded_at=pl.col("recorded_at"))
    single = versions.join(later, on="record_id", how="anti", maintain_order="left")
    several = versions.join(later, on="record_id", how="semi").sort("record_id", "version")
    # Within a case: a record that moved to another CRN is withdrawn from the first by intake.
    case = ("crn", "record_id")
    several = several.with_columns(
        known_from=pl.col("known_from").cum_max().over(case),
        first_recorded_at=pl.col("recorded_at").cum_min().over(case),
    )
    several = several.with_columns(superseded_at=pl.col("known_from").shift(-1).over(case))
    never = pl.lit(None, dtype=pl.Datetime("us"))
    return pl.concat([single.with_columns(superseded_at=never), several])


def _without_the_future(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    happened = [
        column.name
        for column in table.own
        if column.type in ("date", "time") and not column.plan
    ]  # fmt: skip
    rows = rows.with_columns(
        pl.when(pl.col(name).cast(pl.Date()) <= pl.col("as_of")).then(pl.col(name)).alias(name)
        for name in happened
    )
    return rows.with_columns(
        pl.when(pl.col(column.settled_by).is_not_null())
        .then(pl.col(column.name))
        .otherwise(pl.lit(column.unsettled, dtype=column.dtype))
        .alias(column.name)
        for column in table.own
        if column.settled_by is not None
    )


def once(rows: Callable[[Known], pl.DataFrame]) -> Callable[[Known], pl.DataFrame]:
    """Rows that several indicators share are worked out once for each `Known`."""
    name = f"{rows.__module__}.{rows.__qualname__}"

    @wraps(rows)
    def kept(known: Known) -> pl.DataFrame:
        if name not in known.cache:
            known.cache[name] = rows(known)
        return known.cache[name]

    return kept


@once
def current_assessment(known: Known) -> pl.DataFrame:
    """The latest completed assessment of each key, of any age, with `age` in days."""
    done = known.rows("assessments").filter(
        pl.col("status") == "COMPLETE", pl.col("completed_on").is_not_null()
    )
    latest = done.sort("completed_on", "record_id").unique(KEY, keep="last", maintain_order=True)
    return latest.with_columns(age=(pl.col("as_of") - pl.col("completed_on")).dt.total_days())


LEVEL_STATES: dict[str, str] = {
    "current": "A level is recorded in an assessment completed in the last 55 weeks.",
    "feed_stopped": "Assessments have stopped arriving from OASys, so the level is not known.",
    "not_supplied": "Assessments are not supplied to this service, so the level is not known.",
    "locked_incomplete": "The last assessment locked before it was complete: no current level.",
    "too_old": "The last completed assessment is older than 55 weeks: no current level.",
    "level_missing": "The current assessment gives no level for this group.",
    "no_assessment": "No completed assessment is on record: no current level.",
}
"""Why a level is or is not known, each its own state, said in words (promise 5)."""


def recorded_levels(known: Known) -> pl.DataFrame:
    """The recorded level and its state for each key and community risk group.

    Columns: KEY, group, level (or null), state (see LEVEL_STATES), assessed_on, level_record.
    The level of a group is the community column of the latest assessment completed within 55
    weeks; that is the definition Ministry of Justice statistics use.
    """
    latest = current_assessment(known)
    locked = (
        known.rows("assessments")
        .filter(pl.col("status") == "LOCKED_INCOMPLETE")
        .group_by(KEY)
        .agg(locked_on=pl.col("completed_on").max())
    )
    base = known.spine.select(KEY).join(latest, on=KEY, how="left").join(locked, on=KEY, how="left")
    parts = [
        base.select(
            *KEY,
            pl.lit(group).alias("group"),
            _state(known, pl.col(f"{group}_community")).alias("state"),
            pl.col(f"{group}_community").alias("level"),
            assessed_on=pl.col("completed_on"),
            level_record=pl.col("record_id"),
        )
        for group in codes.COMMUNITY_GROUPS
    ]
    found = pl.concat(parts).sort(GROUP_KEY)
    return found.with_columns(level=pl.when(pl.col("state") == "current").then(pl.col("level")))


def _state(known: Known, level: pl.Expr) -> pl.Expr:
    begun = [known_on for known_on, _ in known.feeds.get("assessments", [])]
    missing = (
        pl.when(pl.col("as_of") >= min(begun, default=date.max))
        .then(pl.lit("feed_stopped"))
        .otherwise(pl.lit("not_supplied"))
    )
    lapsed_by_lock = pl.col("locked_on") > pl.col("completed_on").fill_null(date.min)
    return (
        pl.when(~known.available(["assessments"]))
        .then(missing)
        .when(pl.col("age") <= CURRENT_FOR_DAYS)
        .then(
            pl.when(level.is_in(list(codes.LEVELS)))
            .then(pl.lit("current"))
            .otherwise(pl.lit("level_missing"))
        )
        .when(lapsed_by_lock)
        .then(pl.lit("locked_incomplete"))
        .when(pl.col("age").is_not_null())
        .then(pl.lit("too_old"))
        .otherwise(pl.lit("no_assessment"))
    )
