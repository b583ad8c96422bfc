"""Decides which rows of an extract are refused, with one reason in words for each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache

import polars as pl

from features import clock
from features.contracts import contact_codes, records
from features.contracts.table import CRN_PATTERN, Column, Table

EARLIEST = date(1900, 1, 1)
YEARS_AHEAD = 10
MOST_PER_CENT = 1000
"""A workload of more than ten times the capacity is a mistake."""

_COMPATIBLE: dict[str, tuple[type[pl.DataType], ...]] = {
    "date": (pl.Date, pl.Datetime),
    "time": (pl.Date, pl.Datetime),
    "flag": (pl.Boolean,),
}
"""The Parquet types accepted for each column type; a number is not a date."""

_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_TIMES = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%d")


RawColumns = tuple[tuple[str, pl.DataType], ...]
"""The columns of a raw frame and their types."""


REASON = "_reason"


def check_rows(raw: pl.DataFrame, table: Table, extracted_at: datetime) -> pl.LazyFrame:
    """The rows cast to the types of the table, with the column REASON: why refused, or null."""
    latest = extracted_at.date().replace(year=extracted_at.year + YEARS_AHEAD, day=1)
    columns = tuple(raw.schema.items())
    raw_columns = [
        pl.col(name).alias(f"_raw_{name}") for name in raw.columns if name in table.schema
    ]
    both = raw.lazy().select(
        *_cast_columns(table.name, columns),
        *raw_columns,
        _extracted_at=pl.lit(extracted_at, pl.Datetime("us")),
        _latest=pl.lit(latest),
    )
    return both.select(*table.schema, _refusal_reason(table.name, columns).alias(REASON))


@lru_cache(maxsize=256)
def _cast_columns(name: str, columns: RawColumns) -> list[pl.Expr]:
    """Expressions that cast the supplied columns to the table's types; cached by column names."""
    raw = dict(columns)
    return [
        (
            _cast_column(raw, column) if column.name in raw else pl.lit(None, dtype=column.dtype)
        ).alias(column.name)
        for column in records.find_table(name).columns
    ]


@lru_cache(maxsize=256)
def _refusal_reason(name: str, columns: RawColumns) -> pl.Expr:
    """An expression for the first rule that a row breaks, or null; cached by column names."""
    table, raw = records.find_table(name), dict(columns)
    fault = pl.coalesce(
        [
            _wrong_types(raw, table),
            _missing_keys(table),
            _reason_if(~pl.col("crn").str.contains(CRN_PATTERN), "malformed CRN"),
            _nul_reason(table),
            *_date_reasons(table),
            *_range_reasons(table),
        ]
    )
    # A faulty row does not take the place of a good one of the same record and version.
    good = pl.when(fault.is_null()).then(pl.struct("record_id", "version"))
    repeated = fault.is_null() & ~good.is_first_distinct()
    return pl.coalesce(fault, _reason_if(repeated, "duplicate record and version"))


def _cast_column(raw: Mapping[str, pl.DataType], column: Column) -> pl.Expr:
    source, name = raw[column.name], pl.col(column.name)
    if source == pl.String():
        text = name.str.strip_chars()
        text = pl.when(text != "").then(text)
        return _from_text(text, column.type)
    if isinstance(source, pl.Datetime) and column.type == "time":
        at = (
            name.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            if source.time_zone
            else name
        )
        return at.dt.cast_time_unit("us")
    if source.is_nested():
        return pl.lit(None, dtype=column.dtype)
    if column.type in ("text", "code"):
        # As text is read: a category with a space at its end is the same record.
        text = name.cast(pl.String(), strict=False).str.strip_chars()
        return pl.when(text != "").then(text)
    if column.type in ("int", "number"):
        return _cast_number(name, source, column)
    allowed = _COMPATIBLE.get(column.type)
    if allowed is not None and not isinstance(source, allowed):
        return pl.lit(None, dtype=column.dtype)
    return name.cast(column.dtype, strict=False)


def _cast_number(name: pl.Expr, source: pl.DataType, column: Column) -> pl.Expr:
    if not source.is_numeric():
        return pl.lit(None, dtype=column.dtype)
    cast = name.cast(column.dtype, strict=False)
    if column.type == "int" and not source.is_integer():
        return pl.when(name == name.floor()).then(cast)
    return cast


def _from_text(text: pl.Expr, kind: str) -> pl.Expr:
    if kind == "date":
        return text.str.to_date("%Y-%m-%d", strict=False)
    if kind == "time":
        plain = [text.str.to_datetime(form, strict=False, time_unit="us") for form in _TIMES]
        offset = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit="us")
        utc = offset.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return pl.coalesce([*plain, utc])
    if kind == "int":
        return text.cast(pl.Int64(), strict=False)
    if kind == "number":
        return text.cast(pl.Float64(), strict=False)
    if kind == "flag":
        low = text.str.to_lowercase()
        return pl.when(low.is_in(_TRUE)).then(True).when(low.is_in(_FALSE)).then(False)
    return text


def _reason_if(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason))


def _wrong_types(raw: Mapping[str, pl.DataType], table: Table) -> pl.Expr:
    tests = []
    for column in table.columns:
        source = raw.get(column.name)
        if source is None or (source == pl.String() and column.type in ("text", "code")):
            continue  # Not given; or text that is text.
        raw_value = pl.col(f"_raw_{column.name}")
        present = raw_value.is_not_null()
        if source == pl.String():
            present = present & (raw_value.str.strip_chars() != "")
        broken = present & pl.col(column.name).is_null()
        tests.append(_reason_if(broken, f"wrong type: {column.name} is not a {column.type}"))
    return pl.coalesce(tests) if tests else pl.lit(None, dtype=pl.String())


def _nul_reason(table: Table) -> pl.Expr:
    """An expression: the reason for refusing text with a NUL character, unknown to PostgreSQL."""
    texts = [c.name for c in table.columns if c.type in ("text", "code")]
    holds = pl.any_horizontal([pl.col(name).str.contains("\0", literal=True) for name in texts])
    return _reason_if(holds, "text with a NUL character")


def _missing_keys(table: Table) -> pl.Expr:
    return pl.coalesce(
        [
            _reason_if(pl.col(c.name).is_null(), f"missing: {c.name}")
            for c in table.columns
            if c.required
        ]
    )


def may_lie_ahead(table: Table) -> pl.Expr:
    """An expression: a row may be about a later day than the one on which it was recorded."""
    if table.name != "contacts":
        return pl.lit(table.planned)
    kind = pl.col("type_code")
    unlisted = ~kind.is_in(list(contact_codes.CONTACT_TYPES))
    return kind.is_in(list(contact_codes.PLANNED_CONTACTS)) | unlisted


def local_day(at: pl.Expr) -> pl.Expr:
    """An expression: the calendar date in England of a time in UTC without a zone."""
    return at.dt.replace_time_zone("UTC").dt.convert_time_zone(clock.LOCAL.key).dt.date()


def _date_reasons(table: Table) -> list[pl.Expr]:
    day, at = pl.col("occurred_on"), pl.col("recorded_at")
    early = [
        _reason_if(pl.col(c.name).cast(pl.Date()) < EARLIEST, f"date before {EARLIEST}: {c.name}")
        for c in table.columns
        if c.type in ("date", "time")
    ]
    return [
        *early,
        _reason_if(day > pl.col("_latest"), "date out of range: occurred_on"),
        _reason_if(
            at > pl.col("_extracted_at"), "date out of range: recorded after the extract was taken"
        ),
        _reason_if(
            (local_day(at) < day) & ~may_lie_ahead(table),
            "date out of range: recorded before it occurred",
        ),
    ]


def _range_reasons(table: Table) -> list[pl.Expr]:
    tests = [_reason_if(pl.col("version") < 1, "out of range: version")]
    tests += [
        _reason_if(~pl.col(c.name).is_finite(), f"wrong type: {c.name} is not a number")
        for c in table.columns
        if c.type == "number"
    ]
    if "workload_percent" in table.schema:
        share = pl.col("workload_percent")
        tests.append(
            _reason_if((share < 0) | (share > MOST_PER_CENT), "out of range: workload_percent")
        )
    if "severity" in table.schema:
        tests.append(_reason_if(~pl.col("severity").is_between(1, 5), "out of range: severity"))
    if "sampling_probability" in table.schema:
        share = pl.col("sampling_probability")
        tests.append(_reason_if((share <= 0) | (share > 1), "out of range: sampling_probability"))
    return tests
