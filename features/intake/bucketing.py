"""Writes a copy of an extract in buckets of cases, so that it can be loaded a bucket at a time.

Each file is split by bucket; the pieces of a bucket are then joined into one file, in the order in
which they were supplied. Each of the two steps is spread over the runner's processes or machines. A
row without a well-formed CRN goes into the first bucket; the load refuses it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from features.contracts import records
from features.contracts.table import Table
from features.errors import RunStopped, UserError
from features.intake import extract, files
from features.intake.destination import SPLIT, Destination, open_destination
from features.intake.extract import Extract
from features.intake.files import Piece
from features.intake.parts import count_buckets, list_files
from features.intake.time_zones import Zones
from features.local_runners import Runner, StandsAlone, choose_runner
from features.store.store import DEFAULT_BUCKETS


@dataclass(frozen=True)
class _File(StandsAlone):
    """A file of an extract, and its place among those of its table; the work fetches it."""

    table: Table
    order: int
    piece: Piece


@dataclass(frozen=True)
class _Bucket(StandsAlone):
    """A bucket of a table: the pieces that were split off for it, by name."""

    table: Table
    number: int
    pieces: tuple[tuple[str, Piece], ...]


@dataclass(frozen=True)
class _SplitFile:
    """Work on a file: write the rows of each bucket; returns the names and pieces by bucket."""

    about: Extract
    buckets: int
    destination: Destination

    def __call__(self, file: _File) -> dict[int, list[tuple[str, Piece]]]:
        names: dict[int, list[tuple[str, Piece]]] = {}
        with (
            files.fetch_missing_files([file.piece], self.about.folder, self.about.address) as here,
            self.destination.working_folder() as working,
        ):
            by_bucket = files.split_files(here, file.table, self.buckets, working)
            for bucket, pieces in by_bucket.items():
                for number, piece in enumerate(pieces):
                    folder = f"{SPLIT}/{file.table.name}/{bucket:02d}"
                    name = f"{folder}/{file.order:05d}-{number:05d}.parquet"
                    self.destination.put(name, piece.path)
                    names.setdefault(bucket, []).append((name, piece))
        return names


@dataclass(frozen=True)
class _JoinBucket:
    """Work on a bucket: put what was split off into one file; returns how many rows it has."""

    destination: Destination

    def __call__(self, bucket: _Bucket) -> int:
        with self.destination.working_folder() as working:
            pieces = [
                replace(piece, path=self.destination.get(name, working))
                for name, piece in bucket.pieces
            ]
            rows = files.read_pieces(pieces, bucket.table, Zones()).rows
            written = working / "rows.parquet"
            rows.write_parquet(written, compression="zstd", compression_level=1)
            self.destination.put(f"{bucket.table.name}/{bucket.number:02d}.parquet", written)
        return rows.height


@dataclass(frozen=True)
class BucketCounts:
    """An extract in buckets of cases: their number, and the rows of each table."""

    buckets: int
    rows: dict[str, int]


def bucket_extract(
    place: Path | str,
    out: Path | str,
    runner: Runner,
    *,
    buckets: int | None = None,
    extracted_at: datetime | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> BucketCounts:
    """Write a copy of an extract, one file for each table and bucket, to an empty place.

    `buckets` is by default as many as a new store of it would have. Raises UserError where the
    extract is in buckets already or the place is not empty, UnreadableInput where a file cannot be
    used, SetupProblem where a machine does not reach the files, and RunStopped where rows were lost
    or Spark stopped.
    """
    with extract.open_extract(place, extracted_at) as about:
        if about.buckets:
            raise UserError(
                f"{place} is in {about.buckets} buckets of cases already. Load it into a store of "
                "as many, or run this on the original extract. Nothing was written."
            )
        about.check_any_table()
        pieces = list_files(about)
        chosen = buckets or count_buckets(pieces, DEFAULT_BUCKETS)
        with open_destination(out, place) as destination:
            rows = {
                name: _bucket_table(about, own, name, chosen, destination, runner, step)
                for name, own in pieces.items()
            }
            destination.remove_split()
            destination.describe(json.dumps(about.as_json(chosen), indent=1).encode())
    return BucketCounts(chosen, rows)


def _bucket_table(
    about: Extract,
    pieces: list[Piece],
    name: str,
    buckets: int,
    destination: Destination,
    runner: Runner,
    step: Callable[[str], None],
) -> int:
    table = records.find_table(name)
    own = choose_runner(sum(piece.height for piece in pieces), runner)
    of_bucket: dict[int, list[tuple[str, Piece]]] = {number: [] for number in range(buckets)}
    work = _SplitFile(about, buckets, destination)
    items = [_File(table, order, piece) for order, piece in enumerate(pieces)]
    for file, names in own.run(work, items):
        step(f"{name}: file {file.order + 1} of {len(items)} split")
        for bucket, split_off in names.items():
            of_bucket[bucket] += split_off
    rows = 0
    joins = [_Bucket(table, number, tuple(split)) for number, split in of_bucket.items()]
    for joined, height in own.run(_JoinBucket(destination), joins):
        step(f"{name}: bucket {joined.number + 1} of {buckets} written")
        rows += height
    supplied = sum(piece.height for piece in pieces)
    if rows != supplied:
        raise RunStopped(
            f"{name}: {supplied:,} rows were supplied and {rows:,} are in the buckets. Nothing was "
            "kept. A file was probably changed meanwhile: start again."
        )
    return rows
