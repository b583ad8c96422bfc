"""Reads the tables of a source system from a folder or S3: CSV or Parquet, one or more files each.

A table is `TABLE.csv`, `TABLE.parquet`, `TABLE-1.csv` and so on, or a folder `TABLE` of such files,
in upper or lower case. Every value is read as text: what it means is decided by the mapping, so
that a value that cannot be read is counted with its reason.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import polars as pl
from polars.exceptions import PolarsError

from features.errors import MissingInput, UnreadableInput
from features.sources.places import list_files
from features.store.objects import S3

SUFFIXES = (".parquet", ".csv")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass
class SourceTables:
    """The tables of one system: their files, and what reading them has shown to be missing."""

    system: str
    files: dict[str, list[str]]
    passed_over: tuple[str, ...] = ()
    absent_tables: set[str] = field(default_factory=set)
    missing_columns: dict[str, set[str]] = field(default_factory=dict)
    read_tables: set[str] = field(default_factory=set)
    others: dict[str, SourceTables] = field(default_factory=dict)
    """The tables of the other systems of the same import, by system."""
    derived: dict[str, pl.DataFrame] = field(default_factory=dict)
    """Small tables that several mappings read, by name, worked out once."""
    limited: frozenset[str] = frozenset()
    """The CRNs to which access is limited by what API responses say."""
    survivors: dict[str, str] = field(default_factory=dict)
    """The CRN under which the rows of a merged case count, by its own CRN."""

    def has(self, table: str) -> bool:
        """Whether the folder has a file of the table."""
        return table in self.files

    def of(self, system: str) -> SourceTables:
        """The tables of another system of the same import; one without any table where absent."""
        return self.others.get(system, SourceTables(system, {}))

    def scan(self, table: str, *columns: str) -> pl.LazyFrame:
        """The named columns of a table as text; a table or column that is absent is null, and noted.

        Raises UnreadableInput where a file is there and cannot be read.
        """
        if table not in self.files:
            self.absent_tables.add(table)
            return pl.LazyFrame(schema=dict.fromkeys(columns, pl.String))
        self.read_tables.add(table)
        parts = [self._scan_file(table, path, columns) for path in self.files[table]]
        return pl.concat(parts)

    def _scan_file(self, table: str, path: str, columns: Iterable[str]) -> pl.LazyFrame:
        frame = _open_file(path)
        try:
            names = frame.collect_schema().names()
        except (PolarsError, OSError) as error:
            raise UnreadableInput(_unreadable_file(path, error)) from error
        supplied = {name.strip().strip("\ufeff").upper(): name for name in names}
        missing = [column for column in columns if column not in supplied]
        if missing:
            self.missing_columns.setdefault(table, set()).update(missing)
        types = frame.collect_schema()
        return frame.select(
            _as_text(supplied[column], types[supplied[column]]).alias(column)
            if column in supplied
            else pl.lit(None, pl.String).alias(column)
            for column in columns
        )


def open_tables(system: str, root: Path | str) -> SourceTables:
    """List the tables of a system's folder; raises MissingInput where there are none."""
    files: dict[str, list[str]] = {}
    passed_over: list[str] = []
    for relative, path in list_files(root).items():
        table = _table_of(relative)
        if table is None:
            passed_over.append(str(relative))
        else:
            files.setdefault(table, []).append(path)
    if not files:
        raise MissingInput(
            f"{root} has no table of {system}. A table is TABLE.csv or TABLE.parquet, "
            "or a folder TABLE of such files."
        )
    return SourceTables(system, files, tuple(passed_over))


def _table_of(relative: PurePosixPath) -> str | None:
    if relative.suffix.lower() not in SUFFIXES or relative.name.startswith(("._", ".")):
        return None
    if len(relative.parts) > 1:
        return relative.parts[0].upper()
    stem, _, number = relative.stem.rpartition("-")
    return (stem if stem and number.isdigit() else relative.stem).upper()


def _open_file(path: str) -> pl.LazyFrame:
    if path.lower().endswith(".parquet"):
        return pl.scan_parquet(path)
    try:
        if path.startswith(S3):
            return pl.scan_csv(path, infer_schema=False, encoding="utf8-lossy")
        with Path(path).open("rb") as raw:
            start = raw.read(2)
        if start in _UTF_16:
            text = Path(path).read_text(encoding="utf-16")
            return pl.read_csv(io.StringIO(text), infer_schema=False).lazy()
        return pl.scan_csv(path, infer_schema=False, encoding="utf8-lossy")
    except (PolarsError, OSError, UnicodeError) as error:
        raise UnreadableInput(_unreadable_file(path, error)) from error


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text: a whole number without a fraction, whatever type holds it; true is 1."""
    column = pl.col(name)
    if dtype == pl.Boolean:
        column = column.cast(pl.Int8)
    if dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        column = (
            pl.when(column == whole).then(whole.cast(pl.String)).otherwise(column.cast(pl.String))
        )
    text = column.cast(pl.String).str.strip_chars()
    if dtype.is_decimal():
        text = text.str.replace(r"\.0+$", "")
    return pl.when(text != "").then(text)


def _unreadable_file(path: str, error: Exception) -> str:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"{path} cannot be read: {first}. Nothing was written. Supply the file again."
