"""Reads the notes of a store again, where the reader of notes has changed since they were loaded.

What the reader now reads otherwise is known from the moment of rereading: nights before it stay as
they were, and a replay of them counts what they counted. It is a load, and can be undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from features import clock
from features.errors import UserError
from features.intake.note_entries import OF_CONTACT, TABLE, NoteIntake
from features.local_runners import SerialRunner, choose_runner
from features.parts import OfStore
from features.runners import chosen_runner
from features.store.load_folder import LoadFolder
from features.store.narrowing import narrow_to_bucket, narrow_to_tables
from features.store.staging import Staged
from features.store.store import Load, Store, store_schema

_READ = {*OF_CONTACT, "record_id", "version", "withdrawn_at", "note"}


@dataclass(frozen=True)
class Reread:
    """The result of rereading: notes read, entries new, changed or ended, and the load, if any."""

    notes: int
    new: int
    changed: int
    load: int | None


def reread_notes(path: Path, step: Callable[[str], None] = lambda _: None) -> Reread:
    """Read the newest note of every contact in a store, bucket by bucket, and store what differs.

    A store without entries of notes gets them. Raises UserError for a store without contacts;
    nothing is stored where nothing differs.
    """
    store = Store.open(path)
    if "contacts" not in store.supplied_tables():
        raise UserError(f"The store in {path} holds no contacts, so no notes. Nothing was read.")
    notes = new = changed = 0
    with Staged(path, store.buckets) as staged, chosen_runner() as runner:
        last = staged.store.loads[-1]
        at = max(clock.now_as_recorded(), last.extracted_at)
        work = _RereadBucket(at, staged.folder)
        own = narrow_to_tables(staged.store, {"contacts", TABLE})
        buckets = [_Bucket(narrow_to_bucket(own, n), n) for n in range(staged.buckets)]
        step(f"bucket 1 of {staged.buckets}")
        contacts = staged.store.count_records("contacts")
        for bucket, result in choose_runner(contacts, runner).run(work, buckets):
            notes, new, changed = notes + result.notes, new + result.new, changed + result.changed
            staged.files |= result.files
            if bucket.number + 1 < staged.buckets:
                step(f"bucket {bucket.number + 2} of {staged.buckets}")
        if not staged.files:
            return Reread(notes, 0, 0, None)
        staged.commit(_describe_load(staged.store, staged.number, notes, new, changed))
        return Reread(notes, new, changed, staged.number)


@dataclass(frozen=True)
class _Bucket(OfStore):
    """One bucket of a store, whose notes are read."""

    number: int


@dataclass(frozen=True)
class _RereadResult:
    """What a bucket yields: how many notes it has, new and changed entries, the file of them."""

    notes: int
    new: int
    changed: int
    files: dict[str, str]


@dataclass(frozen=True)
class _RereadBucket:
    """Work on one bucket: read its notes, and write the entries that differ from the stored."""

    at: datetime
    target: LoadFolder

    def __call__(self, bucket: _Bucket) -> _RereadResult:
        contacts = _newest_contacts(bucket.store, bucket.number, self.at)
        stored = bucket.store.read_versions(TABLE, bucket.number)
        rows = NoteIntake(SerialRunner()).derive_rows(contacts, stored)
        new = int((rows["version"] == 1).sum())
        files = self.target.write_rows(TABLE, rows) if rows.height else {}
        return _RereadResult(contacts["note"].count(), new, rows.height - new, files)


def _newest_contacts(store: Store, bucket: int, at: datetime) -> pl.DataFrame:
    """The newest version of each contact of a bucket, as known from the moment of rereading."""
    unread = [name for name in store_schema("contacts") if name not in _READ]
    versions = store.read_versions("contacts", bucket, without=unread)
    newest = versions.sort("record_id", "version", "known_from").unique("record_id", keep="last")
    return newest.sort("record_id").with_columns(known_from=pl.lit(at).cast(pl.Datetime("us")))


def _describe_load(store: Store, number: int, notes: int, new: int, changed: int) -> Load:
    last = store.loads[-1]
    counts = {
        "read": notes,
        "refused": 0,
        "new": new,
        "unknown_codes": 0,
        "changed": changed,
        "withdrawn": 0,
        "complete": False,
    }
    of_contacts = next(load for load in reversed(store.loads) if "contacts" in load.feeds)
    feeds = {TABLE: of_contacts.feeds["contacts"]}
    return Load(number, last.extracted_at, last.made_up, {TABLE: counts}, feeds, {})
