"""The language in which a source is declared: which columns become which column of a record.

A declaration is data: the import runs it, `docs/sources.md` and the lineage print it. A mapping
reads every row of one table, and every row ends as a record or is counted with the reason why not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from features import clock
from features.contracts import records
from features.contracts.codes import NOT_YET_KNOWN
from features.contracts.table import CRN_PATTERN, Table
from features.intake.refusals import local_day, may_lie_ahead
from features.sources.tables import SourceTables

ID, CRN, CREATED, UPDATED, DELETED, NOTHING = (
    "_id",
    "_crn",
    "_created",
    "_updated",
    "_deleted",
    "_no",
)
"""Columns of prepared rows: record number, case, when put on record and changed, whether deleted,
and why the row becomes no record (null where it becomes one).
"""
STANDS_FOR = "_stands_for"
"""For how many rows of the table a prepared row stands, where it is not one."""
NO_DATE = "_no_date "
"""Begins the name of a column that says whether a source column has a text that is no date."""
NO_END = 2200
"""A year from which a date means that there is no end (systems write 31 December 9999)."""


@dataclass(frozen=True)
class Value:
    """One column of a record: the source columns, the rule in words, and the expression."""

    column: str
    sources: tuple[str, ...]
    rule: str
    value: pl.Expr
    codes: tuple[str, ...] = ()
    """The codes of our list that it yields; empty where the source has the same list, or none."""


@dataclass(frozen=True)
class Mapping:
    """How the rows of one table become rows of one record."""

    record: str
    table: str
    rows: str
    """Which rows become records, in words."""
    prepare: Callable[[SourceTables], pl.LazyFrame]
    """All rows of the table, with the columns of this module and those that the values read."""
    day: Value
    values: tuple[Value, ...]
    prefix: str = ""
    """Begins the record number, where the same record comes from several tables."""
    hides_until_changed: bool = True
    """A row changed since its creation says nothing for the time between (see `to_versions`)."""
    harmless: tuple[str, ...] = ()
    """For limits: the reasons for which a row is no limit; any other reason stops the import."""


def moment(column: str) -> pl.Expr:
    """An expression: a local time in England as UTC without a zone; null where it is none.

    Read are `2026-05-04`, `2026-05-04 10:15:00`, with `T` and with fractions, and `04/05/2026`.
    """
    return _as_utc(_local_time(pl.col(column)))


def _as_utc(local: pl.Expr) -> pl.Expr:
    zoned = local.dt.replace_time_zone(clock.LOCAL.key, ambiguous="earliest", non_existent="null")
    return zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def day(column: str) -> pl.Expr:
    """An expression: the calendar date of a column as it was written; null where it is none."""
    return _local_time(pl.col(column)).dt.date()


def end_day(column: str) -> pl.Expr:
    """An expression: a date on which something ended; null where the date stands for no end."""
    value = day(column)
    return pl.when(value.dt.year() < NO_END).then(value)


def _local_time(text: pl.Expr) -> pl.Expr:
    plain = text.str.replace("T", " ", literal=True).str.replace(r"(Z|[+-]\d\d:?\d\d)$", "")
    plain = plain.str.replace(r"\.\d+$", "")
    forms = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M")
    times = [plain.str.to_datetime(form, strict=False) for form in forms]
    dates = [plain.str.to_date(form, strict=False) for form in ("%Y-%m-%d", "%d/%m/%Y")]
    return pl.coalesce(*times, *[one.cast(pl.Datetime("us")) for one in dates])


def recorded_from_its_day(table: Table) -> pl.Expr:
    """An expression: `recorded_at`, and not before the day that a row is about unless it is planned.

    A row that was entered with a later day, or by a clock that was wrong, was not known before it.
    """
    at, on = pl.col("recorded_at"), pl.col("occurred_on")
    is_early = (local_day(at) < on) & ~may_lie_ahead(table)
    return pl.when(is_early).then(_as_utc(on.cast(pl.Datetime("us")))).otherwise(at)


def flag(column: str) -> pl.Expr:
    """An expression: true, false, or null where the column says neither."""
    value = pl.col(column).str.to_uppercase()
    return pl.when(value.is_in(["Y", "1"])).then(True).when(value.is_in(["N", "0"])).then(False)


def code(column: str, ours: dict[str, str]) -> pl.Expr:
    """An expression: our code for the source's; one that is not listed is kept as it came."""
    return pl.col(column).replace(ours)


def listed(column: str, ours: dict[str, str]) -> pl.Expr:
    """An expression: our code for the source's, and null for one that is not listed."""
    return pl.col(column).replace_strict(ours, default=None, return_dtype=pl.String)


def case_number(column: str) -> pl.Expr:
    """An expression: a CRN in capitals; null for one that is not a letter and six digits."""
    crn = pl.col(column).str.to_uppercase()
    return pl.when(crn.str.contains(CRN_PATTERN)).then(crn)


def by_words(words: pl.Expr, choices: Iterable[tuple[str | int, str]]) -> pl.Expr:
    """An expression: of (value, pattern) pairs, the value of the first pattern that the words match."""
    return pl.coalesce(
        *[pl.when(words.str.contains(f"(?i){like}")).then(pl.lit(value)) for value, like in choices]
    )


@dataclass(frozen=True)
class Grading:
    """Kind and seriousness of an entry by its words, which go first, else by a code."""

    by_words: tuple[tuple[str, int, str], ...]
    """Kind, seriousness and the pattern of words; the first that fits."""
    by_code: dict[str, tuple[str, int]]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind that it gives."""
        coded = (kind for kind, _ in self.by_code.values())
        return tuple(dict.fromkeys((*coded, *(kind for kind, _, _ in self.by_words))))

    def kind(self, words: pl.Expr, coded: pl.Expr) -> pl.Expr:
        """An expression: the kind; null where neither the words nor the code give one."""
        kinds = {name: kind for name, (kind, _) in self.by_code.items()}
        return pl.coalesce(
            by_words(words, [(kind, like) for kind, _, like in self.by_words]),
            coded.replace_strict(kinds, default=None, return_dtype=pl.String),
        )

    def severity(self, words: pl.Expr, coded: pl.Expr) -> pl.Expr:
        """An expression: the seriousness from 1 to 5, where there is a kind."""
        severities = {name: severity for name, (_, severity) in self.by_code.items()}
        return pl.coalesce(
            by_words(words, [(severity, like) for _, severity, like in self.by_words]),
            coded.replace_strict(severities, default=None, return_dtype=pl.Int32),
        )


def to_records(mapping: Mapping, tables: SourceTables, system: str) -> pl.LazyFrame:
    """All prepared rows with the columns of the record, and NOTHING: why a row is no record."""
    contract = records.find_table(mapping.record)
    values = {value.column: value.value for value in mapping.values}
    columns = {
        "record_id": pl.concat_str(pl.lit(f"{system}-{mapping.prefix}"), pl.col(ID)),
        "crn": pl.col(CRN),
        "occurred_on": mapping.day.value,
        "source_system": pl.lit(system),
        **values,
    }
    own = [
        columns.get(column.name, pl.lit(None)).cast(column.dtype).alias(column.name)
        for column in contract.columns
        if column.name not in ("version", "recorded_at", "withdrawn_at")
    ]
    rows = mapping.prepare(tables)
    times = [pl.col(name) for name in (CREATED, UPDATED, DELETED, NOTHING)]
    supplied = rows.collect_schema()
    counted = STANDS_FOR in supplied
    count = pl.col(STANDS_FOR).fill_null(1) if counted else pl.lit(1, pl.Int64)
    no_dates = [
        (pl.col(name).is_not_null() & day(name).is_null()).alias(f"{NO_DATE}{name}")
        for name in _date_columns(mapping)
        if supplied.get(name) == pl.String
    ]
    frame = rows.select(*own, *times, count.alias(STANDS_FOR), *no_dates)
    reason = pl.coalesce(
        NOTHING,
        pl.when(pl.col("occurred_on").is_null()).then(pl.lit("it has no date")),
        pl.when(pl.col(CREATED).is_null()).then(pl.lit("it does not say when it was recorded")),
        *[
            pl.when(pl.col(column.name).is_null()).then(pl.lit(f"it has no {column.name}"))
            for column in contract.own
            if column.required
        ],
    )
    return frame.with_columns(reason.alias(NOTHING))


def _date_columns(mapping: Mapping) -> list[str]:
    """The columns of the mapping's own table that give a date or time of the record."""
    contract = records.find_table(mapping.record)
    of_table = f"{mapping.table}."
    return sorted(
        {
            source.removeprefix(of_table)
            for value in (mapping.day, *mapping.values)
            if contract.column(value.column).type in ("date", "time")
            for source in value.sources
            if source.startswith(of_table)
        }
    )


def to_versions(mapping: Mapping, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The versions of records: a row changed later is known in its present form from its change.

    Before that, from its creation, it is known that there was an entry, and not what it said. A
    deleted row is an entry that was withdrawn when it was changed last.
    """
    contract = records.find_table(mapping.record)
    later = (pl.col(UPDATED) > pl.col(CREATED)).fill_null(value=False)
    changed = later & pl.lit(mapping.hides_until_changed)
    gone = pl.col(DELETED).fill_null(value=False)
    # One pass that repeats a row: two plans over the same rows would keep all of them in memory.
    versions = pl.when(changed & ~gone).then(pl.lit([1, 2])).otherwise(pl.lit([1]))
    entries = rows.filter(pl.col(NOTHING).is_null()).with_columns(version=versions)
    is_hidden = changed & (pl.col("version") == 1)
    hidden = [
        pl.when(is_hidden)
        .then(pl.lit(NOT_YET_KNOWN) if column.required else pl.lit(None))
        .otherwise(column.name)
        .cast(column.dtype)
        .alias(column.name)
        for column in contract.own
        if not (column.required and column.type != "code" and column.type != "text")
    ]
    both = entries.explode("version").with_columns(
        *hidden,
        pl.when(changed & (pl.col("version") == 2))
        .then(UPDATED)
        .otherwise(CREATED)
        .alias("recorded_at"),
        pl.when(gone).then(pl.coalesce(UPDATED, CREATED)).alias("withdrawn_at"),
    )
    both = both.with_columns(recorded_from_its_day(contract).alias("recorded_at"))
    # A row that was deleted before the day that it is about is withdrawn all the same.
    later_of = pl.max_horizontal("withdrawn_at", "recorded_at")
    both = both.with_columns(
        withdrawn_at=pl.when(pl.col("withdrawn_at").is_not_null()).then(later_of)
    )
    return both.select(pl.col(column.name).cast(column.dtype) for column in contract.columns)
