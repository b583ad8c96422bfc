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
    with Staged(path, store.buckets) as staged, NoteIntake() as intake:
        last = staged.store.loads[-1]
        at = max(clock.now_as_recorded(), last.extracted_at)
        for bucket in range(staged.buckets):
            step(f"bucket {bucket + 1} of {staged.buckets}")
            contacts = _newest_contacts(staged.store, bucket, at)
            rows = intake.derive_rows(contacts, staged.store.read_versions(TABLE, bucket))
            notes += contacts["note"].count()
            new += int((rows["version"] == 1).sum())
            changed += int((rows["version"] > 1).sum())
            if rows.height:
                staged.add(TABLE, rows)
        if not staged.files:
            return Reread(notes, 0, 0, None)
        staged.commit(_describe_load(staged.store, staged.number, notes, new, changed))
        return Reread(notes, new, changed, staged.number)


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
