"""Turns the notes of new contact versions into rows of `note_entries`, beside the contacts' own.

An entry is of the day that the note names, else of the contact's. It is known from when the version
of the contact was whose note says it, and withdrawn when a later version no longer says it; it may
be shown to the person where its contact may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import polars as pl

from features.local_runners import Runner, SerialRunner, StandsAlone
from features.notes.entries import Note, NoteEntry
from features.notes.named_days import NAMES_TIME
from features.notes.readers import OWN, find_reader
from features.store.store import store_schema

TABLE = "note_entries"
NOTES_AT_ONCE = 10_000
"""How many notes a worker reads in one go; with fewer than two such goes no worker is started."""
_TEXT = ["note", "source_system"]
_NOTE_KEY = [*_TEXT, "written_on"]
OF_CONTACT = ("crn", "occurred_on", "recorded_at", "known_from", "source_system", "disclosable")
"""The columns that an entry of a note has from its contact."""
_VERSION = "contact_version"
_PLACE = ["contact_id", _VERSION, "kind", "starts_at"]
_CONTACT = {"contact_id": "record_id", _VERSION: "version"}
_READ: dict[str, pl.DataType] = {
    "note": pl.String(),
    "source_system": pl.String(),
    "written_on": pl.Date(),
    "kind": pl.String(),
    "starts_at": pl.Int64(),
    "ends_at": pl.Int64(),
    "asserted": pl.String(),
    "done_by": pl.String(),
    "period": pl.String(),
    "told_by": pl.String(),
    "target": pl.String(),
    "named_on": pl.Date(),
}
_CERTAINTY = {
    "seen": "fact",
    "self": "allegation",
    "third_party": "allegation",
    "agency": "intelligence",
}
"""How certain an entry is, by who said so: what the writer saw is a fact."""


@dataclass(frozen=True)
class _Notes(StandsAlone):
    """Some notes to read; they are handed over themselves, so any machine may read them."""

    notes: list[Note]


@dataclass(frozen=True)
class _ReadNotes:
    """Work on some notes: read each with the reader of a name."""

    name: str

    def __call__(self, some: _Notes) -> list[list[NoteEntry]]:
        return find_reader(self.name).read(some.notes)


class NoteIntake:
    """Reads the notes of a load, with a runner where there are many."""

    def __init__(self, runner: Runner, name: str = OWN) -> None:
        self._name, self._runner = name, runner

    @cached_property
    def version(self) -> str:
        """Which reader reads, and its version; a load without contacts never asks."""
        return f"{self._name} {find_reader(self._name).version}"

    def derive_rows(self, contacts: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
        """The rows of `note_entries` to append for new versions of contacts.

        `contacts` are those versions with the columns of the store, `stored` the rows that the
        store has of the same contacts.
        """
        rows = self._entries_of(contacts)
        entries = _as_stored(rows)
        once = contacts["record_id"].is_unique() & ~contacts["record_id"].is_in(
            stored["contact_id"].unique().implode()
        )
        simple = entries.filter(
            pl.col("contact_id").is_in(contacts["record_id"].filter(once).implode())
        )
        others = contacts.filter(~once)
        if others.is_empty():
            return simple
        return pl.concat([simple, _chain_rows(others, entries, rows[_VERSION], stored)])

    def _entries_of(self, contacts: pl.DataFrame) -> pl.DataFrame:
        """Every entry of every version that has a note, as a first version of its row."""
        written = contacts.filter(
            pl.col("note").str.strip_chars().str.len_chars() > 0, pl.col("withdrawn_at").is_null()
        ).with_columns(
            # "On Saturday" is said from the day of the contact, however late it was recorded.
            written_on=pl.min_horizontal("occurred_on", pl.col("recorded_at").dt.date())
        )
        undated = self._texts_of_any_day(written).with_columns(is_undated=pl.lit(value=True))
        written = written.join(undated, on=_TEXT, how="left", nulls_equal=True).with_columns(
            written_on=pl.when(pl.col("is_undated").is_null()).then("written_on")
        )
        # A note that was copied, or that a template wrote, is read once.
        notes = written.select(_NOTE_KEY).unique(maintain_order=True)
        texts = [Note(*of_note) for of_note in notes.iter_rows()]
        read = [
            {**dict(zip(_NOTE_KEY, key, strict=True)), **_columns_of(entry)}
            for key, own in zip(notes.iter_rows(), self._read(texts), strict=True)
            for entry in own
        ]
        of_notes = pl.DataFrame(read, schema=_READ)
        rows = (
            written.select(*OF_CONTACT, *_NOTE_KEY[:1], "written_on", **_CONTACT)
            .join(of_notes, on=_NOTE_KEY, nulls_equal=True, maintain_order="left_right")
            # A reader may say one kind in two ways at one place: the first is the entry.
            .unique(_PLACE, keep="first", maintain_order=True)
        )
        number = pl.format("note-{}-{}-{}", "contact_id", "kind", "starts_at")
        return rows.with_columns(
            record_id=number,
            occurred_on=pl.coalesce("named_on", "occurred_on"),
            version=pl.lit(1, pl.Int64()),
            reader=pl.lit(self.version),
            certainty=pl.col("told_by").replace_strict(
                _CERTAINTY, default=None, return_dtype=pl.String()
            ),
        )

    def _texts_of_any_day(self, written: pl.DataFrame) -> pl.DataFrame:
        """The texts of several days that say the same on each: nothing, or nothing of a time.

        What a note says does not depend on the day of writing (features.notes.entries); only when
        it was does.
        """
        days = written.select(*_TEXT, "written_on").unique().group_by(_TEXT, maintain_order=True)
        texts = days.len().filter(pl.col("len") > 1).select(_TEXT)
        read = self._read([Note(*of_text) for of_text in texts.iter_rows()])
        says_nothing = pl.Series([not entries for entries in read], dtype=pl.Boolean())
        return texts.filter(says_nothing | ~pl.col("note").str.contains(NAMES_TIME))

    def _read(self, notes: Sequence[Note]) -> list[list[NoteEntry]]:
        work = _ReadNotes(self._name)
        if len(notes) < 2 * NOTES_AT_ONCE:
            return work(_Notes(list(notes)))
        starts = range(0, len(notes), NOTES_AT_ONCE)
        some = [_Notes(list(notes[start : start + NOTES_AT_ONCE])) for start in starts]
        return list(chain.from_iterable(read for _, read in self._runner.run(work, some)))


def entries_of_contacts(contacts: pl.DataFrame) -> pl.DataFrame:
    """The rows of `note_entries` of contacts that no store holds, read in this process.

    Each version of a contact counts as known from when it was recorded.
    """
    versions = contacts.with_columns(known_from=pl.col("recorded_at"))
    nothing = pl.DataFrame(schema=store_schema(TABLE))
    return NoteIntake(SerialRunner()).derive_rows(versions, nothing)


def _columns_of(entry: NoteEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "starts_at": entry.start,
        "ends_at": entry.end,
        "asserted": entry.asserted,
        "done_by": entry.by,
        "period": entry.when,
        "told_by": entry.told_by,
        "target": entry.target or None,
        "named_on": entry.named_on,
    }


def _as_stored(rows: pl.DataFrame) -> pl.DataFrame:
    schema = store_schema(TABLE)
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in rows]
    numbered = rows.with_columns(absent).with_columns(load=pl.lit(0, pl.Int32()))
    return numbered.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _chain_rows(
    contacts: pl.DataFrame, entries: pl.DataFrame, versions: pl.Series, stored: pl.DataFrame
) -> pl.DataFrame:
    """Rows for contacts with several versions: what each adds, changes and no longer says."""
    state: dict[str, dict[str, dict[str, Any]]] = {}
    for row in stored.sort("record_id", "version").iter_rows(named=True):
        state.setdefault(row["contact_id"], {})[row["record_id"]] = row
    of_version: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row, version in zip(entries.iter_rows(named=True), versions, strict=True):
        of_version.setdefault((row["contact_id"], version), []).append(row)
    appended: list[dict[str, Any]] = []
    ordered = contacts.sort("record_id", "version").select(
        "record_id", "version", "known_from", "withdrawn_at"
    )
    for contact, version, known_from, withdrawn_at in ordered.iter_rows():
        own = [] if withdrawn_at is not None else of_version.get((contact, version), [])
        appended += _next_rows(state.setdefault(contact, {}), own, known_from)
    return pl.DataFrame(appended, schema=store_schema(TABLE))


def _next_rows(
    state: dict[str, dict[str, Any]], entries: list[dict[str, Any]], known_from: Any
) -> list[dict[str, Any]]:
    """The rows by which a version of a contact changes its entries; `state` is brought up to it."""
    rows = []
    now = {row["record_id"]: row for row in entries}
    for number, last in state.items():
        if number not in now and last["withdrawn_at"] is None:
            gone = {"withdrawn_at": known_from, "known_from": known_from}
            rows.append({**last, **gone, "version": last["version"] + 1})
    for number, row in now.items():
        before = state.get(number)
        if before is None or before["withdrawn_at"] is not None or _differs(row, before):
            rows.append({**row, "version": 1 + (before["version"] if before else 0)})
    state.update({row["record_id"]: row for row in rows})
    return rows


def _differs(row: dict[str, Any], last: dict[str, Any]) -> bool:
    unread = ("version", "known_from", "load", "reader", "recorded_at")
    return any(row[name] != last[name] for name in row if name not in unread)
