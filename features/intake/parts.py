"""Cuts the tables of an extract into parts.

Where the extract is in the store's buckets of cases, each table has a part for each bucket. Else a
table of more than MOST_ROWS rows (supplied, or stored where its feed is complete) is split into
those buckets on disk, and a smaller one is a single part of all buckets. Records that stand in
another bucket than before, or in two, are a last part of their own, so that the others concern one
bucket each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import polars as pl

from features.contracts import records
from features.contracts.table import Table
from features.intake import files
from features.intake.extract import Extract
from features.intake.files import Piece, Supplied, record_hashes
from features.intake.note_entries import TABLE as NOTE_ENTRIES
from features.intake.time_zones import Zones
from features.parts import OfStore
from features.store.narrowing import narrow_to_bucket, narrow_to_tables
from features.store.store import Store, store_schema

MOST_ROWS = 1_000_000
"""A table of more rows than this is cut by buckets of cases."""
MOST_BUCKETS = 48


def list_files(about: Extract) -> dict[str, list[Piece]]:
    """The files of each table of an extract, checked and counted; none is read yet."""
    return {
        name: files.list_pieces(
            {path: about.source_of(path) for path in paths}, records.find_table(name)
        )
        for name, paths in about.files.items()
    }


def count_buckets(pieces: dict[str, list[Piece]], least: int) -> int:
    """The buckets of a new store: one a million rows of the largest table, 48 at most."""
    heights = [sum(piece.height for piece in own) for own in pieces.values()]
    return max(least, min(MOST_BUCKETS, max(heights, default=0) // MOST_ROWS + 1))


@dataclass(frozen=True)
class TablePart(OfStore):
    """Some rows of a table, to be compared with a store: of one bucket or of all, with or without
    certain records.
    """

    table: Table
    pieces: tuple[Piece, ...]
    bucket: int | None = None
    without: pl.Series = field(default_factory=lambda: pl.Series("record", [], pl.UInt64))
    """Hashes of the records that are left to the last part."""
    only: pl.Series | None = None
    """Hashes of the records of the last part; None in every other part."""

    def row_filter(self) -> Callable[[pl.DataFrame], pl.Series] | None:
        """A function from rows to a mask of those of the part; None where it is every row."""
        only, without = self.only, self.without
        if only is not None:
            return lambda rows: record_hashes(rows).is_in(only.implode())
        if without.is_empty():
            return None
        return lambda rows: ~record_hashes(rows).is_in(without.implode())

    @property
    def folder(self) -> str:
        """The folder in a load for what the part yields, beside that of the other parts."""
        return "moved" if self.only is not None else ""

    @contextmanager
    def fetch_files(self, about: Extract) -> Iterator[Self]:
        """The same part for the block, its files fetched from S3 where they are not here.

        Raises SetupProblem where they are neither.
        """
        with files.fetch_missing_files(self.pieces, about.folder, about.address) as pieces:
            yield replace(self, pieces=pieces)

    def read_supplied(self, zones: Zones) -> Supplied:
        """The rows as supplied; raises UnreadableInput where a file cannot be used."""
        return files.read_pieces(self.pieces, self.table, zones, self.row_filter())

    def read_stored(self, supplied: Supplied, about: Extract) -> pl.DataFrame:
        """The stored versions that the part is compared with.

        All of its bucket, or of its records. Where a vanished record is a withdrawal: of all.
        """
        name = self.table.name
        if not self.store.loads:
            return pl.DataFrame(schema=store_schema(name))
        if self.bucket is not None:
            rows = self.store.read_versions(name, self.bucket)
            return rows.filter(~rows["record_id"].hash().is_in(self.without.implode()))
        if self.only is None and name in about.complete:
            return self.store.read_versions(name)
        hashes = record_hashes(supplied.rows) if self.only is None else self.only
        ours = pl.col("record_id").hash().is_in(hashes.unique().implode())
        whole = None if self.only is not None else about.whole.get(name)
        return self.store.read_versions(name, keep=ours | begins_with(whole))


@dataclass
class Parts:
    """The parts of an extract's tables for a store; `scratch` holds tables split on disk."""

    about: Extract
    pieces: dict[str, list[Piece]]
    """The files of each table."""
    store: Store
    scratch: Path

    def list_parts(self, table: Table) -> list[TablePart]:
        """The parts of a table, in order; empty where the extract has no file of it."""
        pieces = self.pieces.get(table.name)
        if not pieces:
            return []
        if self.about.buckets == self.store.buckets:
            by_bucket = {
                bucket: tuple(p for p in pieces if int(p.path.stem) == bucket)
                for bucket in range(self.store.buckets)
            }
        elif self._is_large(table, pieces):
            by_bucket = files.split_files(pieces, table, self.store.buckets, self.scratch)
        else:
            return [TablePart(self._own_store(table), table, tuple(pieces))]
        store = self._own_store(table)
        wandering = self._wandering_records(table, by_bucket)
        parts = [
            TablePart(narrow_to_bucket(store, bucket), table, own, bucket, without=wandering)
            for bucket, own in by_bucket.items()
            # A bucket without rows says something only where what is absent is a withdrawal.
            if table.name in self.about.complete
            or table.name in self.about.whole
            or any(piece.height for piece in own)
        ]
        if len(wandering):
            every = tuple(piece for own in by_bucket.values() for piece in own)
            parts.append(TablePart(store, table, every, only=wandering))
        return parts

    def _own_store(self, table: Table) -> Store:
        """The store as a part reads it: its table, and the entries of its notes."""
        return narrow_to_tables(self.store, {table.name, NOTE_ENTRIES})

    def count_rows(self, table: Table) -> int:
        """How many rows of a table the extract has."""
        return sum(piece.height for piece in self.pieces.get(table.name, ()))

    def _is_large(self, table: Table, pieces: list[Piece]) -> bool:
        if table.name in self.about.complete and self.store.count_records(table.name) > MOST_ROWS:
            return True
        return sum(piece.height for piece in pieces) > MOST_ROWS

    def _wandering_records(
        self, table: Table, by_bucket: dict[int, tuple[Piece, ...]]
    ) -> pl.Series:
        """Hashes of records that stand in another bucket than before, or in two.

        Two records that share a hash are looked at together, and no value differs.
        """
        arrivals = []
        for bucket, pieces in by_bucket.items():
            ids = files.read_record_ids(pieces, table).hash().unique()
            stored = self._stored_records(table, bucket)
            withdrawn = stored.filter(pl.col("withdrawn_at").is_not_null())["record"]
            settled = stored.filter(~pl.col("record").is_in(withdrawn.implode()))["record"]
            unsettled = ids.filter(~ids.is_in(settled.implode()))
            arrivals.append(_of_bucket(unsettled, bucket))
        arrived = pl.concat(arrivals)
        ordered = arrived["record"].sort()
        wandering = [ordered.filter(ordered == ordered.shift(1))]
        for bucket in by_bucket if self.store.loads else ():
            elsewhere = arrived.filter(pl.col("bucket") != bucket)["record"]
            here = self._stored_records(table, bucket)["record"]
            wandering.append(here.filter(here.is_in(elsewhere.implode())))
        return pl.concat(wandering).unique()

    def _stored_records(self, table: Table, bucket: int) -> pl.DataFrame:
        """The hash of each stored version's record in a bucket, and whether it was withdrawn."""
        unread = [c for c in store_schema(table.name) if c not in ("record_id", "withdrawn_at")]
        rows = self.store.read_versions(table.name, bucket, without=unread)
        return rows.select(pl.col("record_id").hash().alias("record"), "withdrawn_at")


def begins_with(starts: Iterable[str] | None) -> pl.Expr:
    """An expression: the record number begins with one of the given texts."""
    number = pl.col("record_id")
    return pl.any_horizontal(
        pl.lit(value=False), *[number.str.starts_with(s) for s in starts or ()]
    )


def _of_bucket(hashes: pl.Series, bucket: int) -> pl.DataFrame:
    return pl.DataFrame({"record": hashes}).with_columns(bucket=pl.lit(bucket, pl.Int16))
