"""Cuts a note at the words that an entry quotes, and says in words how an entry is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from features.contracts import note_columns
from features.notes.kind_measures import read_kind_measures

AROUND = 160
"""How many signs of a note are shown on each side of the words; the rest folds away."""


class Cut(NamedTuple):
    """A note in parts: what folds away before, what stands before, the words, and after them."""

    folded_before: str
    before: str
    words: str
    after: str
    folded_after: str


def cut_note(entry: Mapping[str, Any]) -> Cut:
    """The note of an entry, cut at its words; at spaces, so that no word is torn."""
    note, start, end = entry["note"], entry["starts_at"], entry["ends_at"]
    first, last = max(start - AROUND, 0), min(end + AROUND, len(note))
    if first > 0:
        first = max(first, note.find(" ", first, start) + 1)
    if last < len(note):
        space = note.rfind(" ", end, last)
        last = space if space >= 0 else last
    return Cut(note[:first], note[first:start], note[start:end], note[end:last], note[last:])


def kind_words(kind: str) -> str:
    """What a kind of entry is, in words that begin with a capital."""
    words = note_columns.KINDS.get(kind, kind)
    return words[:1].upper() + words[1:]


def manner_words(entry: Mapping[str, Any]) -> str:
    """How an entry is said: as so, denied, feared, of somebody else, earlier; and by whom."""
    parts = []
    if entry["asserted"] != "yes":
        parts.append(note_columns.ASSERTED.get(entry["asserted"], entry["asserted"]))
    if entry["done_by"] != "pop":
        parts.append("about somebody else, or done to the person")
    day = entry.get("named_on")
    if day:
        parts.append(f"the note names {date.fromisoformat(day):%-d %B %Y}")
    elif entry["period"] != "now":
        parts.append("earlier than the note")
    parts.append(note_columns.TELLERS.get(entry["told_by"], "not known who said so"))
    return "; ".join(parts)


def entries_by_kind(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Entries of notes by their kind in words, in the order in which the kinds first come."""
    of_kind: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        of_kind.setdefault(kind_words(entry["kind"]), []).append(entry)
    return of_kind


def entries_of_notes(findings: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The entries that were read in the notes of a case, by their number."""
    return {entry["entry_id"]: entry for entry in findings["notes"]["entries"]}


def how_right() -> str:
    """A sentence: how much of what test notes say was found, and how much of it was right."""
    measures = read_kind_measures().values()
    entries, right = sum(one.entries for one in measures), sum(one.right for one in measures)
    labels, matches = sum(one.labels for one in measures), sum(one.matches for one in measures)
    return (
        f"In made-up test notes by writers that it had not read, it found about "
        f"{_tenths(matches, labels)} in ten of what they said, and about "
        f"{_tenths(right, entries)} in ten of what it found was right."
    )


def _tenths(part: int, whole: int) -> int:
    return round(10 * part / whole) if whole else 0


FILTERS = {
    "cut_note": cut_note,
    "kind": kind_words,
    "manner": manner_words,
    "entries_of_notes": entries_of_notes,
    "by_kind": entries_by_kind,
}
