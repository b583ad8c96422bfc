"""Checks a file before its rows are used: whole CSV lines, plausible size, column types."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from features.contracts.table import Table
from features.errors import UnreadableInput

LONGEST_FIELD = 64 * 1024 * 1024
"""Bytes: longer than any note; the csv module's own limit is 128 KiB."""
MOST_ROWS_TO_A_BYTE = 4
"""Every row has a record id of its own, which no way of writing Parquet stores in two bits."""
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
"""1 January 0001 and 31 December 9999 in days since 1970: the range of a date."""
_MICROSECONDS = {"ns": 1000 * 86_400 * 1_000_000, "us": 86_400 * 1_000_000, "ms": 86_400 * 1000}


def check_lines(path: Path) -> None:
    """Raise UnreadableInput unless every CSV line has as many fields as the header.

    Finds files that were cut short, and files with CR line ends, which would read as empty.
    """
    with path.open("rb") as raw:
        start = raw.read(1024 * 1024)
    if b"\r" in start and b"\n" not in start:
        raise UnreadableInput(
            f"{path}: its lines end in CR alone, as on an old Macintosh, so it would be read as "
            "one line. Save it with lines ending in LF or CRLF. Nothing was changed."
        )
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            lines = csv.reader(handle)
            header = next(lines, [])
            _check_names(path, header)
            for line in lines:
                if line and len(line) != len(header):
                    raise UnreadableInput(
                        f"{path}: line {lines.line_num} has {len(line)} fields and the first has "
                        f"{len(header)}. The file may have been cut short. Nothing was changed."
                    )
    finally:
        csv.field_size_limit(before)


def _check_names(path: Path, header: list[str]) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UnreadableInput(
            f"{path} has the column {twice[0]!r} more than once, and nobody can say which is "
            "meant. Keep one of them. Nothing was changed."
        )


def check_size(path: Path) -> None:
    """Raise UnreadableInput where a Parquet footer claims more rows than the file can hold.

    Only the footer is read: a file of 200 KB can otherwise fill the machine's memory.
    """
    rows, size = pl.scan_parquet(path).select(pl.len()).collect().item(), path.stat().st_size
    if rows > MOST_ROWS_TO_A_BYTE * size:
        raise UnreadableInput(
            f"{path} claims {rows:,} rows in {size:,} bytes, too few for rows that each have an "
            "id of their own. It was not opened. Have the file written again. Nothing was changed."
        )


def check_kinds(source: str, schema: Mapping[str, pl.DataType], table: Table) -> None:
    """Raise UnreadableInput where a Parquet column has a type that cannot be converted."""
    for column in table.columns:
        kind = schema.get(column.name)
        if kind is None:
            continue
        wrong = isinstance(kind, (pl.Binary, pl.Object, pl.Duration, pl.Time)) or kind.is_nested()
        wrong = wrong or (isinstance(kind, pl.Decimal) and column.type != "number")
        if wrong:
            raise UnreadableInput(
                f"{source}: the column {column.name!r} is {kind}, not a {column.type}. Write it as "
                "text, or as the type that the contract names (docs/records.md). Nothing was "
                "changed."
            )


def with_days_that_can_be_said(part: pl.DataFrame) -> pl.DataFrame:
    """Dates outside the years 1 to 9999 as text, so that their rows are refused."""
    for name, dtype in part.schema.items():
        if isinstance(dtype, pl.Date):
            days = part[name].to_physical().cast(pl.Int64())
        elif isinstance(dtype, pl.Datetime):
            days = part[name].to_physical() // _MICROSECONDS[dtype.time_unit]
        else:
            continue
        beyond = (days < FIRST_DAY) | (days > LAST_DAY)
        if beyond.any():
            whole = part.select(pl.when(~beyond).then(pl.col(name)).cast(pl.String()))[name]
            odd = pl.Series(name, ["beyond the calendar"] * part.height)
            part = part.with_columns(odd.zip_with(beyond, whole).alias(name))
    return part
