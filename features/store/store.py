"""Reads the append-only store of versions, which intake writes and all histories come from.

    <store>/manifest.json                 the committed loads, oldest first; replaced atomically
    <store>/loads/0001/contacts/03.parquet   rows of one load, one table, one bucket of cases
    <store>/loads/0009/merged/8/contacts/03.parquet   rows of the eight loads up to that one
    <store>/refused/0001/contacts.parquet    refused rows of that load, with the reason

Nothing that a committed load wrote is ever changed, with one exception: a person whose deletion is
asked for is taken out of every load (`features.store.forget`). The files of earlier loads are
merged (`features.store.merging`): the same rows in fewer files, held by the last of those loads. A
load or file that is not in the manifest does not exist: what a killed command left behind is
removed by the next load (`features.store.staging`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from features.contracts import records
from features.contracts.table import CRN_PATTERN
from features.errors import MissingInput, UnreadableInput, UserError
from features.store import digests, s3_store, working_copy

DEFAULT_BUCKETS = 8
MERGED = "merged"
"""The folder in a load for files that hold the rows of several loads."""
STALE_AFTER = timedelta(days=7)
"""A feed whose cover ended longer than this before the as-of date has stopped."""

ADDED_COLUMNS = {
    "supplied_version": pl.Int64(),
    "known_from": pl.Datetime("us"),
    "load": pl.Int32(),
}
"""What intake adds to a row: the supplier's version, from when it was known, and its load."""

_CRN = pl.col("crn")
REFUSED = {
    "table": pl.String(),
    "row": pl.Int64(),
    "record_id": pl.String(),
    "crn": pl.String(),
    "reason": pl.String(),
    "content": pl.String(),
    "load": pl.Int32(),
}
"""A refused row: where it stood in the extract, why it was refused, and all that it held."""


@dataclass(frozen=True)
class Load:
    """One committed load: when its extract was taken, its tables, and its files."""

    number: int
    extracted_at: datetime
    made_up: bool
    tables: dict[str, dict[str, Any]]
    feeds: dict[str, datetime]
    files: dict[str, str]
    refused: dict[str, str] | None = None
    """The files of refused rows with their digests; None in loads older than these digests."""
    merged_into: int | None = None
    """The load that holds the rows of this one, and of others; None where it holds its own."""

    @property
    def file_digests(self) -> dict[str, str]:
        """The SHA-256 of every file of the load, by path, from the manifest."""
        return {**self.files, **(self.refused or {})}

    def refused_files(self, store: Path) -> list[Path]:
        """The files with refused rows: those listed, or all in the folder for older loads."""
        if self.refused is None:
            return sorted((store / "refused" / f"{self.number:04d}").rglob("*.parquet"))
        return [store / relative for relative in sorted(self.refused)]

    def as_json(self) -> dict[str, Any]:
        """The load as a dictionary, as it is written to the store's manifest."""
        return {
            "number": self.number,
            "extracted_at": self.extracted_at.isoformat(),
            "made_up": self.made_up,
            "tables": self.tables,
            "feeds": {name: at.isoformat() for name, at in self.feeds.items()},
            "files": self.files,
            "refused": self.refused,
            "merged_into": self.merged_into,
        }

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> Load:
        """A load from its dictionary in the store's manifest."""
        return cls(
            number=item["number"],
            extracted_at=datetime.fromisoformat(item["extracted_at"]),
            made_up=item["made_up"],
            tables=item["tables"],
            feeds={name: datetime.fromisoformat(at) for name, at in item["feeds"].items()},
            files=item["files"],
            refused=item.get("refused"),
            merged_into=item.get("merged_into"),
        )


@dataclass
class Store:
    """A store opened for reading; with `up_to`, as it was after that load."""

    path: Path
    buckets: int = DEFAULT_BUCKETS
    loads: list[Load] = field(default_factory=list)
    forgotten: list[dict[str, Any]] = field(default_factory=list)
    """When people were deleted on request, and how many rows of what: never who."""
    undone: list[dict[str, Any]] = field(default_factory=list)
    """Loads that were taken back: number, when each extract was taken, by whom, when and why."""
    superseded: list[str] = field(default_factory=list)
    """Files whose rows were merged into others by the newest load; the next load removes them."""
    holders: list[Load] = field(default_factory=list)
    """Loads later than `up_to` that hold the files of loads that were opened."""
    note_kinds: frozenset[str] = frozenset()
    """The kinds of entries of notes that count like coded ones; none unless the board says so."""
    origin: str = ""
    """The address in S3 whose cache the folder is; empty where it is none."""
    manifest_digest: str = ""
    """The SHA-256 of the manifest that was read; a commit replaces that one and no other."""

    @classmethod
    def open(cls, path: Path, *, up_to: int | None = None) -> Store:
        """Open an existing store; raises MissingInput where there is none."""
        s3_store.refresh_manifest(path)
        manifest = path / "manifest.json"
        if not manifest.exists():
            raise MissingInput(
                f"There is no store of case histories in {path}. "
                "Load an extract first: python -m features check EXTRACT --store STORE"
            )
        try:
            raw = manifest.read_bytes()
            content = json.loads(raw)
            loads = [Load.from_json(item) for item in content["loads"]]
        except (ValueError, KeyError) as error:
            raise UnreadableInput(
                f"{manifest} is not a store's manifest; restore it from a backup."
            ) from error
        loads_read = [load for load in loads if up_to is None or load.number <= up_to]
        if up_to is not None and (not loads_read or loads_read[-1].number != up_to):
            raise UserError(f"The store in {path} has no load {up_to}; it has {len(loads)}.")
        later = {load.merged_into for load in loads_read} - {load.number for load in loads_read}
        return cls(
            # A machine of a cluster works in another folder.
            path.absolute(),
            content["buckets"],
            loads_read,
            content.get("forgotten", []),
            content.get("undone", []),
            content.get("superseded", []),
            [load for load in loads if load.number in later],
            origin=s3_store.address_of(path),
            manifest_digest=hashlib.sha256(raw).hexdigest(),
        )

    def on_this_machine(self) -> Store:
        """The same store, in a cache of its address where its folder is on another machine.

        What a cluster hands to its machines names the folder of the one that began.
        """
        if not self.origin or self.path.exists():
            return self
        path = working_copy.working_copy_of(self.origin)
        # Who was deleted since this machine read the store last is removed from its disk.
        s3_store.refresh_manifest(path)
        return replace(self, path=path)

    def counting_notes(self, kinds: Collection[str]) -> Store:
        """The same store, in which entries of notes of these kinds count like coded ones."""
        return replace(self, note_kinds=frozenset(kinds))

    @property
    def fingerprint(self) -> str:
        """A digest of every file of the opened loads; equal digests mean equal histories.

        After files were merged the same histories have another digest.
        """
        loads = [*self.loads, *self.holders]
        listing = json.dumps([load.files for load in loads], sort_keys=True)
        return hashlib.sha256(listing.encode()).hexdigest()

    @property
    def next_number(self) -> int:
        """The number of the next load; numbers of undone loads are not used again."""
        used = [load.number for load in self.loads] + [int(one["number"]) for one in self.undone]
        return max(used, default=0) + 1

    @property
    def extracted_on(self) -> date:
        """The day on which the newest extract was taken."""
        return max(load.extracted_at for load in self.loads).date()

    @property
    def made_up(self) -> bool:
        """Whether any load holds made-up people."""
        return any(load.made_up for load in self.loads)

    def supplied_tables(self) -> set[str]:
        """The tables that at least one load supplied."""
        return {name for load in self.loads for name in load.tables}

    def count_records(self, name: str) -> int:
        """How many records of a table the loads brought, as their reports count them."""
        return sum(load.tables.get(name, {}).get("new", 0) for load in self.loads)

    def covered_periods(self, name: str) -> list[tuple[date, date]]:
        """For each load of a table: when its extract was taken, and the last day that it covers.

        What the store's first load brought counts as always known, because it is the history with
        which the service began. A later load covers no day before its own.
        """
        first = self.loads[0].number if self.loads else 0
        return [
            (
                date.min if load.number == first else load.extracted_at.date(),
                load.feeds[name].date(),
            )
            for load in self.loads
            if name in load.feeds
        ]

    def feed_states(self, as_of: date) -> dict[str, str]:
        """Each table's state on a date: `supplied`, `stopped` (over a week old) or `missing`."""
        states = {}
        for name in records.TABLES:
            until_days = [
                until for known_on, until in self.covered_periods(name) if known_on <= as_of
            ]
            if not until_days:
                states[name] = "missing"
            else:
                states[name] = "stopped" if max(until_days) < as_of - STALE_AFTER else "supplied"
        return states

    def read_versions(
        self,
        name: str,
        buckets: int | Collection[int] | None = None,
        keep: pl.Expr | None = None,
        without: Collection[str] = (),
    ) -> pl.DataFrame:
        """Every stored version of the table's records, from some buckets or from all.

        Only rows for which `keep` holds, and no columns named in `without`, are read from disk.
        Raises UnreadableInput where a file is not the one whose digest the manifest holds.
        """
        schema = {c: dtype for c, dtype in store_schema(name).items() if c not in without}
        bucket_numbers = {buckets} if isinstance(buckets, int) else buckets
        loads = [*self.loads, *self.holders]
        files = self.files_of(loads, name, bucket_numbers)
        if not files:
            return pl.DataFrame(schema=schema)
        # A column of the contract that is newer than a load is null in it.
        rows = pl.scan_parquet(files, schema=store_schema(name), missing_columns="insert")
        if self.holders:
            rows = rows.filter(pl.col("load") <= self.loads[-1].number)
        if keep is not None:
            rows = rows.filter(keep)
        return rows.select(list(schema)).collect()

    def knows_case(self, crn: str) -> bool:
        """Whether any table has a row of the case, or a refused row mentions it."""
        bucket, ours = int(crn[1:]) % self.buckets, pl.col("crn") == crn
        row_counts = (
            self.read_versions(name, bucket, ours).height for name in sorted(self.supplied_tables())
        )
        return any(row_counts) or crn in set(self.refused_rows()["crn"])

    def refused_rows(self) -> pl.DataFrame:
        """The refused rows of every load: load, table, row, crn, reason, content."""
        files = [path for load in self.loads for path in self._refused_files(load)]
        if not files:
            return pl.DataFrame(schema=REFUSED)
        return pl.concat([pl.read_parquet(path) for path in files])

    def incomplete_cases(self) -> set[str]:
        """The cases with a refused row that was not supplied again without fault.

        A record that arrived whole in a later load is no longer missing.
        """
        refused = self.refused_rows().filter(pl.col("crn").str.contains(CRN_PATTERN))
        cases: set[str] = set()
        for (name,), rows in refused.partition_by("table", as_dict=True).items():
            supplied_again = pl.col("record_id").is_in(rows["record_id"].drop_nulls().implode())
            unread = store_schema(name).keys() - {"record_id", "load"}
            stored = self.read_versions(name, keep=supplied_again, without=unread)
            mended = rows.join(stored.rename({"load": "kept_in"}), on="record_id").filter(
                pl.col("kept_in") > pl.col("load")
            )
            cases |= set(rows.join(mended, on="record_id", how="anti")["crn"].to_list())
        return cases

    def files_of(
        self, loads: Iterable[Load], name: str, buckets: Collection[int] | None
    ) -> list[Path]:
        """The files that some loads hold of a table, each checked against its digest."""
        listed = {r: load.files[r] for load in loads for r in _names_of(load, name, buckets)}
        # Of all loads at once: one after the other, a new machine would fetch file by file.
        s3_store.fetch_store_files(self.path, listed)
        for relative, digest in listed.items():
            digests.check_digest(self.path / relative, digest, self.path)
        return [self.path / relative for relative in listed]

    def _refused_files(self, load: Load) -> list[Path]:
        """The files with a load's refused rows, each checked against its digest."""
        s3_store.fetch_store_files(self.path, load.refused or {})
        for relative, digest in (load.refused or {}).items():
            digests.check_digest(self.path / relative, digest, self.path)
        return load.refused_files(self.path)


def _names_of(load: Load, name: str, buckets: Collection[int] | None) -> list[str]:
    ours = sorted(relative for relative in load.files if table_of(relative) == name)
    return [r for r in ours if buckets is None or int(Path(r).stem) in buckets]


def table_of(relative: str) -> str:
    """The table of a file of the store, from its path in it."""
    parts = relative.split("/")
    return parts[4] if parts[2] == MERGED else parts[2]


def store_schema(name: str) -> dict[str, pl.DataType]:
    """The columns of a table in the store: those of its definition and those added by intake."""
    return {**records.find_table(name).schema, **ADDED_COLUMNS}


def bucket_of(buckets: int, crn: pl.Expr = _CRN) -> pl.Expr:
    """An expression for a case's bucket: the digits of its CRN modulo the buckets."""
    return crn.str.slice(1).cast(pl.Int64) % buckets
