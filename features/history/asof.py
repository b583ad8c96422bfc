"""Reads what was known of cases on a date; nothing else may read histories.

A row counts as of a date when its version was known by the end of that day, had not been
superseded or withdrawn by then, and is about that day or an earlier one. Within a row, a date
that lies after the as-of date had not happened: it is emptied, and so is what it settles (an
assessment's levels before it was completed). What was recorded later never shows (promise 2).

Of an entry whose month alone is known, the day is the last it can have been: the end of the month,
or the day it was first recorded. So no fact leaves a window because nobody noted the day.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property, wraps
from types import MappingProxyType

import polars as pl

from features.contracts import records
from features.contracts.table import Table
from features.history.collect import FEW, as_they_stand, worked_out
from features.history.rows_of_notes import TABLE as NOTE_ENTRIES
from features.history.rows_of_notes import add_rows_of_notes
from features.store.column_pruning import LATER, Unread, of_records, read_needed_columns
from features.store.store import STALE_AFTER, Store

KEY = ["crn", "as_of"]
GROUP_KEY = [*KEY, "group"]
CASE = ["case_date"]
"""The engine's key of a row: the position of its case and date in the spine."""
CASE_GROUP = [*CASE, "group"]
SETTLED = ("crn", "version", "withdrawn_at")
"""What has done its work once a row is known."""


def make_spine(crns: Iterable[str], as_of: date) -> pl.DataFrame:
    """One row a case, all with the same as-of date."""
    return pl.DataFrame({"crn": sorted(set(crns))}, schema={"crn": pl.String()}).with_columns(
        as_of=pl.lit(as_of)
    )


@dataclass
class Histories:
    """The entries known for each (case, as-of date) of a spine.

    `versions` holds every version of each table for the spine's cases; `feeds` holds, for each
    table, from which day it was known to be covered and until which (absent: never supplied).
    The spine comes out sorted and numbered: CASE, KEY.
    """

    spine: pl.DataFrame
    versions: dict[str, pl.DataFrame]
    feeds: dict[str, list[tuple[date, date]]]
    plans: dict[str, pl.LazyFrame] = field(default_factory=dict, repr=False)
    note_kinds: frozenset[str] = frozenset()
    """The kinds of entries of notes that count like coded ones."""

    def __post_init__(self) -> None:
        """Sort the spine and give each row its number."""
        self.spine = self.spine.select(KEY).sort(KEY).with_row_index(CASE[0])

    @cached_property
    def tables(self) -> dict[str, pl.DataFrame]:
        """Every table with the rows known on each case's as-of date, as `rows` gives them."""
        plans = {
            name: _as_known(self._versions_of(name), self.spine.lazy(), table)
            for name, table in records.TABLES.items()
            if self._versions_of(name).height
        }
        tables = dict(zip(plans, worked_out(plans.values(), few=self.is_small), strict=True))
        empty = {name: _empty_table(name) for name in ("contacts", "incidents", "circumstances")}
        return add_rows_of_notes(tables, self.note_kinds, empty)

    def on_other_days(self, spine: pl.DataFrame) -> Histories:
        """What was known of cases of these histories on other days, from the same versions."""
        return Histories(spine, dict(self.versions), self.feeds, note_kinds=self.note_kinds)

    @property
    def is_small(self) -> bool:
        """Whether there are so few case-dates that unoptimised plans run faster."""
        return self.spine.height <= FEW

    def collect_now(self, plan: pl.LazyFrame) -> pl.DataFrame:
        """Collect one lazy plan over the known rows, on its own."""
        if self.is_small:
            return as_they_stand([plan])[0]
        return plan.collect(engine="in-memory")

    def _versions_of(self, name: str) -> pl.DataFrame:
        rows = self.versions.get(name)
        return records.empty_frame(name) if rows is None else rows

    def rows(self, name: str) -> pl.DataFrame:
        """The rows of a table known on each case's as-of date, and how many `days` ago each was."""
        supplied_rows = self.tables.get(name)
        return _empty_table(name) if supplied_rows is None else supplied_rows

    def planned_rows(self, name: str) -> pl.DataFrame:
        """The rows of a table about a later day, as known on each case's as-of date."""
        ahead = pl.col("occurred_on") > pl.col("as_of")
        table = records.find_table(name)
        plan = _as_known(self._versions_of(name), self.spine.lazy(), table, ahead)
        return self.collect_now(plan)

    def scan(self, name: str) -> pl.LazyFrame:
        """The rows of a table as a lazy plan, to be collected with others."""
        if name not in self.plans:
            self.plans[name] = self.rows(name).lazy()
        return self.plans[name]

    def is_available(self, names: Iterable[str]) -> pl.Expr:
        """An expression: every named feed was supplied and had not stopped by the as-of date."""
        tests = [self._is_covered(name) for name in names]
        return pl.all_horizontal(tests) if tests else pl.lit(value=True)

    def _is_covered(self, name: str) -> pl.Expr:
        covers = [
            (pl.col("as_of") >= known_on) & (pl.col("as_of") <= until + STALE_AFTER)
            for known_on, until in self.feeds.get(name, [])
        ]
        return pl.any_horizontal(covers) if covers else pl.lit(value=False)


@cache
def _empty_table(name: str) -> pl.DataFrame:
    """A table without rows, with the columns that `rows` gives."""
    nobody = pl.DataFrame(schema={"crn": pl.String(), "as_of": pl.Date()}).with_row_index(CASE[0])
    return _as_known(records.empty_frame(name), nobody.lazy(), records.find_table(name)).collect()


def read_histories(
    store: Store,
    on: pl.DataFrame,
    buckets: int | Collection[int] | None = None,
    tables: Iterable[str] = tuple(records.TABLES),
    lean: Mapping[str, Unread] = MappingProxyType({}),
) -> Histories:
    """Read the histories of the spine `on`, from all buckets and tables or only from some.

    `lean` gives, for each table, the records and columns that need not be read.
    """
    cases = on["crn"].unique()
    versions = {
        name: read_needed_columns(store, name, buckets, _unread(store, name, lean), cases)
        for name in tables
        if name in store.supplied_tables()
    }
    feeds = {name: store.covered_periods(name) for name in versions}
    return Histories(on, versions, feeds, note_kinds=store.note_kinds)


def _unread(store: Store, name: str, lean: Mapping[str, Unread]) -> Unread:
    """What need not be read of a table; entries of notes are needed once any kind counts."""
    is_counted = name == NOTE_ENTRIES and bool(store.note_kinds)
    return Unread() if is_counted else lean.get(name, Unread())


def _as_known(
    versions: pl.DataFrame, on: pl.LazyFrame, table: Table, of_days: pl.Expr | None = None
) -> pl.LazyFrame:
    """The rows that were known, and are about the as-of date or an earlier day (or `of_days`)."""
    if of_days is None:
        of_days = pl.col("occurred_on") <= pl.col("as_of")
    if "known_from" not in versions.columns:
        versions = versions.with_columns(known_from=pl.col("recorded_at"))
    visible = _with_end(versions).join(on, on="crn", how="inner").filter(_IS_KNOWN, of_days)
    if "month_only" in versions.columns and versions["month_only"].any():
        visible = visible.with_columns(occurred_on=_entry_day())
    for happened in _without_the_future(table.name):
        visible = visible.with_columns(happened)
    columns = [name for name in table.schema if name in versions.columns and name not in SETTLED]
    return visible.select(*CASE, *KEY, *columns, "first_recorded_at", days=_DAYS)


_END_OF_DAY = pl.col("as_of").cast(pl.Datetime("us")) + pl.duration(days=1)
_IS_KNOWN = pl.all_horizontal(
    pl.col("known_from") < _END_OF_DAY,
    pl.col("superseded_at").is_null() | (pl.col("superseded_at") >= _END_OF_DAY),
    pl.col("withdrawn_at").is_null() | (pl.col("withdrawn_at") >= _END_OF_DAY),
)
"""The version was known by the end of the day, and neither replaced nor withdrawn by then."""
_DAYS = (pl.col("as_of") - pl.col("occurred_on")).dt.total_days()


def _entry_day() -> pl.Expr:
    """An expression: the day of an entry; for one known by month, the month's last day."""
    day, recorded = pl.col("occurred_on"), pl.col("first_recorded_at").dt.date()
    last = pl.max_horizontal(day, pl.min_horizontal(day.dt.month_end(), recorded))
    return pl.when(pl.col("month_only").fill_null(value=False)).then(last).otherwise(day)


def _with_end(versions: pl.DataFrame) -> pl.LazyFrame:
    """Versions with the time at which the next version of the same record replaced each.

    Nearly every record has one version; only the others are sorted and looked at one by one.
    """
    later = versions.filter(LATER)
    once = {
        "first_recorded_at": pl.col("recorded_at"),
        "superseded_at": pl.lit(None, dtype=pl.Datetime("us")),
    }
    if later.is_empty():
        return versions.lazy().with_columns(**once)
    changed = of_records(versions, later)
    single = versions.lazy().filter(~changed).with_columns(**once)
    return pl.concat([single, _giving_way(versions.filter(changed)).lazy()])


def _giving_way(versions: pl.DataFrame) -> pl.DataFrame:
    """For records with several versions: when each was first known, and when it was replaced."""
    ordered = _in_chains(versions).with_columns(first_recorded_at=pl.col("recorded_at"))
    chains = ordered["_same"].rle().struct.unnest().filter("value")["len"]
    for _ in range(chains.to_numpy().max(initial=0)):
        ordered = ordered.with_columns(
            known_from=_with_earlier(pl.max_horizontal, "known_from"),
            first_recorded_at=_with_earlier(pl.min_horizontal, "first_recorded_at"),
        )
    followed = pl.col("_same").shift(-1, fill_value=False)
    gave_way = pl.when(followed).then(pl.col("known_from").shift(-1))
    return ordered.with_columns(superseded_at=gave_way).drop("_same")


# Within a case: a record that moved to another CRN is withdrawn from the first by intake.
RECORD = ["crn", "record_id"]
_SAME = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in RECORD)
_MARK = (pl.col("crn").hash() ^ pl.col("record_id").hash()) // 2**16


def _in_chains(versions: pl.DataFrame) -> pl.DataFrame:
    """Versions sorted by record and version; `_same` marks a second row of the same record.

    By one number for record and version, many times quicker than by text; should two records ever
    share it, by text after all.
    """
    number = pl.col("version").cast(pl.UInt64)
    ordered = versions.with_columns(_mark=_MARK).sort(pl.col("_mark") * 2**16 + number)
    ordered = ordered.with_columns(_same=_SAME.fill_null(value=False))
    shared = (pl.col("_mark") == pl.col("_mark").shift(1)) & ~pl.col("_same")
    if ordered.select((shared | (number >= 2**16)).any()).item():
        ordered = versions.sort(*RECORD, "version")
        return ordered.with_columns(_same=_SAME.fill_null(value=False))
    return ordered.drop("_mark")


def _with_earlier(of: Callable[..., pl.Expr], column: str) -> pl.Expr:
    """An expression: the larger or smaller of a version's value and that of the version before."""
    own = pl.col(column)
    return pl.when("_same").then(of(own, own.shift(1))).otherwise(own)


@cache
def _without_the_future(name: str) -> tuple[list[pl.Expr], list[pl.Expr]]:
    """Expressions that empty dates after the as-of date, and others for dependent columns."""
    own = records.find_table(name).own
    happened = [
        pl.when(pl.col(column.name).cast(pl.Date()) <= pl.col("as_of"))
        .then(pl.col(column.name))
        .alias(column.name)
        for column in own
        if column.type in ("date", "time") and not column.plan
    ]
    settled = [
        pl.when(pl.col(column.settled_by).is_not_null())
        .then(pl.col(column.name))
        .otherwise(pl.lit(column.unsettled, dtype=column.dtype))
        .alias(column.name)
        for column in own
        if column.settled_by is not None
    ]
    return happened, settled


def share_plan(rows: Callable[[Histories], pl.LazyFrame]) -> Callable[[Histories], pl.LazyFrame]:
    """Decorator: rows that several indicators use are planned once for the same `Histories`."""
    name = f"{rows.__module__}.{rows.__qualname__}"

    @wraps(rows)
    def worked_out_once(histories: Histories) -> pl.LazyFrame:
        if name not in histories.plans:
            histories.plans[name] = histories.collect_now(rows(histories)).lazy()
        return histories.plans[name]

    return worked_out_once


def latest_rows(rows: pl.LazyFrame, by: str = "occurred_on") -> pl.LazyFrame:
    """The latest row of each case; among rows of the same day, the highest record number."""
    last = rows.group_by(CASE).agg(pl.col(by).max())
    # Only the rows of the last day are worth sorting.
    of_last_day = rows.join(last, on=[*CASE, by], how="semi")
    return of_last_day.sort("record_id").unique(CASE, keep="last", maintain_order=True)
