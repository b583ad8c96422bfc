"""Reads the files of a table as supplied, whole or split by bucket of cases, as Parquet or CSV."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from socket import gethostname

import polars as pl

from features.contracts.table import CRN_PATTERN, Table
from features.errors import SetupProblem, UnreadableInput, did_you_mean
from features.intake.time_zones import Zones
from features.processes import shared_folder
from features.store import parquet
from features.store.objects import ObjectFolder
from features.store.store import bucket_of

ROW = "_row"
"""In a split file: the number of each row among all rows of its table, from 0."""
BUCKET = "_bucket"
ROWS_AT_ONCE = 4_000
"""How many rows of each bucket are in memory while a file is split."""
_RECORD = pl.col("record_id").cast(pl.String).str.strip_chars()


@dataclass(frozen=True)
class Piece:
    """A file to read: one of the extract, or the rows of one bucket that were split from it."""

    path: Path
    source: str
    """The file of the extract, as messages name it."""
    before: int
    """How many rows of the table come before those of its source."""
    height: int
    """How many rows its source has."""
    size: int
    """How many bytes the file has: another of the same name may be on another machine."""
    is_split: bool = False
    """Whether it is one bucket of its source, with the number of each row."""


@dataclass(frozen=True)
class Supplied:
    """Supplied rows of a table, their numbers in it, and the number of each file's first row."""

    rows: pl.DataFrame
    numbers: pl.Series
    """The number of each row among all rows that were read together, from 0."""
    files: tuple[tuple[str, int], ...]

    def place(self, number: int) -> str:
        """The file, and the row in it (from 1, after any header), of a row of `numbers`."""
        source, first = max((f for f in self.files if f[1] <= number), key=lambda file: file[1])
        return f"{source}, row {number - first + 1}"

    def in_order(self) -> Supplied:
        """The same rows in the order of their numbers."""
        if self.numbers.is_sorted():
            return self
        order = self.numbers.arg_sort()
        return Supplied(self.rows[order], self.numbers[order], self.files)


def list_pieces(sources: Mapping[Path, str], table: Table) -> list[Piece]:
    """The files of a table, checked and their rows counted, but not read.

    `sources` are the files, each with the name that messages give it.
    """
    pieces: list[Piece] = []
    before = 0
    for path, source in sources.items():
        _check_file(path, source)
        height = _count_rows(_scan_file(path, source, table), source)
        pieces.append(Piece(path, source, before, height, path.stat().st_size))
        before += height
    return pieces


@contextmanager
def fetch_missing_files(
    pieces: Sequence[Piece], folder: Path, address: str
) -> Iterator[tuple[Piece, ...]]:
    """The same files for the block, fetched from S3 where they are not on this machine.

    `folder` is that of the extract where the load began, `address` where it came from, if from S3.
    Raises SetupProblem where a file is neither here nor there, UnreadableInput where it has not the
    size that was listed (another file of the same size is not noticed).
    """
    absent = [piece for piece in pieces if not piece.path.exists()]
    if not absent:
        yield _checked_sizes(pieces)
        return
    if not address:
        raise SetupProblem(
            f"{absent[0].source} is not on {gethostname()}. On a cluster an extract must be at the "
            "same path on every machine, or in S3. Nothing was changed."
        )
    with shared_folder() as temporary:
        own = {piece.path: temporary / piece.path.relative_to(folder) for piece in absent}
        names = {path: (source.relative_to(folder).as_posix(), "") for source, path in own.items()}
        ObjectFolder.parse(address).fetch(names, temporary / "scratch")
        yield _checked_sizes(replace(p, path=own.get(p.path, p.path)) for p in pieces)


def _checked_sizes(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The files; raises UnreadableInput where one is not the file that was listed."""
    checked = tuple(pieces)
    for piece in checked:
        size = piece.path.stat().st_size
        if size != piece.size:
            raise UnreadableInput(
                f"{piece.source} has {size:,} bytes on {gethostname()}, and had {piece.size:,} "
                "when the command began: it was changed meanwhile, or another file is there. "
                "Nothing was changed. Put the right file there, and start again."
            )
    return checked


def read_pieces(
    pieces: Sequence[Piece],
    table: Table,
    zones: Zones,
    choose: Callable[[pl.DataFrame], pl.Series] | None = None,
) -> Supplied:
    """The rows of some files of one table; raises UnreadableInput where one cannot be used.

    `choose` gives a mask of the rows of a file; the others are let go before the next file is read.
    """
    parts, numbers = [], []
    for piece in pieces:
        part, number = _without_numbers(_read_file(piece.path, piece.source), piece)
        _check_columns(piece.source, part.columns, table)
        parquet.check_kinds(piece.source, part.schema, table)
        zones.check_times(piece.source, part, table, number - piece.before)
        mask = choose(part) if choose else None
        parts.append(part if mask is None else part.filter(mask))
        numbers.append(number if mask is None else number.filter(mask))
    try:
        rows = pl.concat(parts, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise UnreadableInput(
            f"The files of {table.name} do not fit together: the same column has different "
            f"types in {', '.join(dict.fromkeys(Path(piece.source).name for piece in pieces))}."
        ) from error
    files = tuple((piece.source, piece.before) for piece in pieces if piece.height)
    return Supplied(rows, pl.concat(numbers), files).in_order()


def read_record_ids(pieces: Sequence[Piece], table: Table) -> pl.Series:
    """The record numbers in some files, as intake reads them; raises UnreadableInput like those."""
    ids = [
        _scan_file(piece.path, piece.source, table).select(_RECORD).drop_nulls() for piece in pieces
    ]
    return pl.concat(ids).collect(engine="streaming")["record_id"]


def record_hashes(rows: pl.DataFrame) -> pl.Series:
    """The hash of each supplied row's record number, as intake reads it."""
    return rows.select(_RECORD.hash())["record_id"]


def split_files(
    pieces: Sequence[Piece], table: Table, buckets: int, scratch: Path
) -> dict[int, tuple[Piece, ...]]:
    """Write the rows of a table's files to a file for each bucket of cases, in bounded memory.

    Rows without a well-formed CRN go to the first bucket, which refuses them.
    """
    by_bucket: dict[int, tuple[Piece, ...]] = dict.fromkeys(range(buckets), ())
    for order, piece in enumerate(pieces):
        supplied = _scan_file(piece.path, piece.source, table).drop(ROW, BUCKET, strict=False)
        rows = supplied.with_row_index(ROW, offset=piece.before)
        folder = scratch / table.name / str(order)
        _split_rows(rows, piece.source, folder, buckets)
        for bucket in range(buckets):
            files = sorted((folder / f"{BUCKET}={bucket}").glob("*.parquet"))
            if not files:
                files = [folder / f"{bucket}.parquet"]
                rows.head(0).collect().write_parquet(files[0])
            by_bucket[bucket] += tuple(
                replace(piece, path=path, size=path.stat().st_size, is_split=True) for path in files
            )
    return by_bucket


def _split_rows(rows: pl.LazyFrame, source: str, folder: Path, buckets: int) -> None:
    crn = pl.col("crn").cast(pl.String).str.strip_chars()
    bucket = bucket_of(buckets, pl.when(crn.str.contains(CRN_PATTERN)).then(crn)).fill_null(0)
    try:
        folder.mkdir(parents=True)
        rows.with_columns(bucket.alias(BUCKET)).sink_parquet(
            pl.PartitionBy(folder, key=BUCKET, include_key=False),
            mkdir=True,
            engine="streaming",
            row_group_size=ROWS_AT_ONCE,
        )
    except pl.exceptions.PolarsError as error:
        if os.strerror(errno.ENOSPC).lower() in str(error).lower():
            # Polars wraps it; the file that is read is sound.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
        raise UnreadableInput(_unreadable_file(source, str(error))) from error


def _count_rows(rows: pl.LazyFrame, source: str) -> int:
    try:
        return int(rows.select(pl.len()).collect(engine="streaming").item())
    except pl.exceptions.PolarsError as error:
        raise UnreadableInput(_unreadable_file(source, str(error))) from error


def _without_numbers(part: pl.DataFrame, piece: Piece) -> tuple[pl.DataFrame, pl.Series]:
    """The rows and their numbers: as they were split, in order, or counted on from those before."""
    if not piece.is_split:
        first = piece.before
        return part, pl.int_range(first, first + part.height, eager=True)
    rows = part.sort(ROW)
    return rows.drop(ROW), rows[ROW].cast(pl.Int64)


def _check_file(path: Path, source: str) -> None:
    try:
        if path.suffix.lower() == ".csv":
            parquet.check_lines(path)
        else:
            parquet.check_size(path)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableInput(_unreadable_file(source, str(error))) from error


def _scan_file(path: Path, source: str, table: Table) -> pl.LazyFrame:
    """The rows of a file as a plan, its columns checked."""
    try:
        rows = (
            pl.scan_csv(path, infer_schema=False)
            if path.suffix.lower() == ".csv"
            else pl.scan_parquet(path)
        )
        schema = rows.collect_schema()
    except pl.exceptions.NoDataError as error:
        raise UnreadableInput(_empty_file(source)) from error
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise UnreadableInput(_unreadable_file(source, str(error))) from error
    _check_columns(source, [name for name in schema.names() if name != ROW], table)
    parquet.check_kinds(source, schema, table)
    return rows


def _read_file(path: Path, source: str) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".csv":
            return pl.read_csv(path, infer_schema=False)
        return parquet.with_days_that_can_be_said(pl.read_parquet(path))
    except pl.exceptions.NoDataError as error:
        raise UnreadableInput(_empty_file(source)) from error
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise UnreadableInput(_unreadable_file(source, str(error))) from error


def _empty_file(source: str) -> str:
    return f"{source} is empty: not even a header line."


def _unreadable_file(source: str, message: str) -> str:
    if source.lower().endswith(".csv"):
        return (
            f"{source} cannot be read as CSV: {message.splitlines()[0]}. Save it as UTF-8 with "
            "commas and the same number of fields in every line. Nothing was changed."
        )
    return (
        f"{source} cannot be read as Parquet: its end (footer) is missing or damaged, so it was "
        "probably cut short while being written or copied. Copy it again and compare sizes. "
        "Nothing was changed."
    )


def _check_columns(source: str, names: Sequence[str], table: Table) -> None:
    absent = [name for name in table.schema if name not in names]
    extra = [name for name in names if name not in table.schema]
    for name in extra:
        hint = did_you_mean(name, absent)
        if hint:
            raise UnreadableInput(
                f"{source} has a column {name!r}, which {table.name} does not have.{hint} "
                "Nothing was changed."
            )
    for column in table.columns:
        if column.required and column.name in absent:
            raise UnreadableInput(
                f"{source} has no column {column.name!r}, which every row of {table.name} needs "
                f"({column.meaning}). Nothing was changed."
            )
