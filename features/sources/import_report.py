"""Reports an import: what became of every row, what was missing, which codes are not known."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from features.contracts import records
from features.contracts.codes import NOT_YET_KNOWN
from features.sources.hmpps_api import Report
from features.sources.tables import SourceTables


@dataclass(frozen=True)
class MappedTable:
    """What became of the rows of one table as one record."""

    system: str
    table: str
    record: str
    mapped: int
    """How many rows became records."""
    nothing: dict[str, int]
    """How many rows became none, by reason."""
    unreadable: dict[str, int] = field(default_factory=dict)
    """How many rows have a text that is no date, by column; the date is then not known."""

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return self.mapped + sum(self.nothing.values())


@dataclass
class ImportReport:
    """The result of an import: every table read, what was missing, and what is not known."""

    people: int
    buckets: int = 1
    tables: list[MappedTable] = field(default_factory=list)
    told_twice: dict[str, int] = field(default_factory=dict)
    """Rows of a record that stand in more than one file."""
    absent_tables: dict[str, list[str]] = field(default_factory=dict)
    missing_columns: dict[str, list[str]] = field(default_factory=dict)
    unused_files: dict[str, list[str]] = field(default_factory=dict)
    unknown_codes: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """By `record.column`: each code that is in no list, with the number of cases it touches."""
    responses: Report | None = None
    """What came from which API response, where there were any."""
    merged: int = 0
    """How many cases were merged into others, whose rows count there."""
    merge_cycles: tuple[str, ...] = ()
    """Cases that were merged into one another in a circle."""
    limited: int = 0
    without_supervision: int = 0

    def note_absences(self, system: str, tables: SourceTables) -> None:
        """Note the tables and columns that a system lacks, and its files that nothing reads."""
        self.absent_tables[system] = sorted(tables.absent_tables)
        self.missing_columns[system] = sorted(
            f"{table}.{column}"
            for table, columns in tables.missing_columns.items()
            for column in columns
        )
        unread = sorted(set(tables.files) - tables.read_tables)
        self.unused_files[system] = [*unread, *tables.passed_over]


def describe_records(report: ImportReport, out: Path) -> None:
    """Count, in the records written to `out`, limited cases, unsupervised ones, unknown codes."""
    crns = {name: _crns_of(out, name) for name in ("people", "supervisions", "limits")}
    report.limited = len(crns["limits"])
    report.without_supervision = len(crns["people"] - crns["supervisions"])
    for table in records.TABLES.values():
        files = sorted((out / table.name).glob("*.parquet"))
        for column in table.columns if files else ():
            if column.codes is None:
                continue
            code = pl.col(column.name)
            counts = (
                pl.scan_parquet(files)
                .filter(code.is_not_null(), ~code.is_in([*column.codes, NOT_YET_KNOWN]))
                .group_by(code)
                .agg(pl.col("crn").n_unique())
                .sort("crn", column.name, descending=[True, False])
                .collect(engine="streaming")
            )
            if counts.height:
                report.unknown_codes[f"{table.name}.{column.name}"] = list(counts.iter_rows())


def _crns_of(out: Path, record: str) -> set[str]:
    files = sorted((out / record).glob("*.parquet"))
    if not files:
        return set()
    return set(pl.scan_parquet(files).select(pl.col("crn").unique()).collect()["crn"])
