"""Measures a reader of notes on labelled notes: precision and recall a kind, and traps.

A label counts as found where an entry of its kind overlaps its quote, with `asserted` and `by`
alike; violence to a partner and domestic abuse count as each other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from features.errors import UnreadableInput
from features.notes.reader import NoteEntry, read_note

SIX = ("threat", "violence", "domestic_abuse", "weapon", "sexual", "sexual_concern_child")
"""The kinds of harm whose aim is precision .80 and recall .70."""
_ABUSE = frozenset({"violence", "domestic_abuse"})
Reader = Callable[[str, str, date | None], list[NoteEntry]]


@dataclass
class Measured:
    """Counts over labelled notes, by kind."""

    labels: Counter[str] = field(default_factory=Counter)
    """Things asserted of the person."""
    matches: Counter[str] = field(default_factory=Counter)
    """Of these, those that an entry matches."""
    entries: Counter[str] = field(default_factory=Counter)
    """Entries asserted of the person."""
    right: Counter[str] = field(default_factory=Counter)
    """Of these, those that match a label."""
    traps: int = 0
    """Labels that are denied, possible, conditional or somebody else's."""
    fallen: int = 0
    """Of these, those that an entry asserts of the person."""

    def precision(self, kinds: Iterable[str]) -> float:
        """The share of entries that match a label, over some kinds."""
        names = list(kinds)
        count = sum(self.entries[name] for name in names)
        return sum(self.right[name] for name in names) / count if count else 0.0

    def recall(self, kinds: Iterable[str]) -> float:
        """The share of labels that an entry matches, over some kinds."""
        names = list(kinds)
        count = sum(self.labels[name] for name in names)
        return sum(self.matches[name] for name in names) / count if count else 0.0


def read_labelled(path: Path) -> list[dict[str, Any]]:
    """Labelled notes, one a line; raises UnreadableInput where a line is no note."""
    try:
        notes = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        for note in notes:
            note["text"], note["labels"], note["source"], note["written_on"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableInput(
            f"{path} cannot be read as labelled notes ({error}). Each line is a note with text, "
            "source, written_on and labels."
        ) from error
    return notes


def measure_reader(notes: Iterable[dict[str, Any]], reader: Reader = read_note) -> Measured:
    """What a reader finds of the labels of notes, and what of what it says is right."""
    measured = Measured()
    for note in notes:
        text = note["text"]
        entries = reader(text, note["source"], date.fromisoformat(note["written_on"]))
        asserted = [entry for entry in entries if entry.asserted == "yes" and entry.by == "pop"]
        labels = [(label, _span_of(label, text)) for label in note["labels"]]
        of_person = [one for one in labels if one[0]["asserted"] == "yes" and one[0]["by"] == "pop"]
        traps = [one for one in labels if one not in of_person]
        for label, span in of_person:
            measured.labels[label["kind"]] += 1
            measured.matches[label["kind"]] += any(_fits(e, label, span) for e in asserted)
        for entry in asserted:
            measured.entries[entry.kind] += 1
            measured.right[entry.kind] += any(_fits(entry, *one) for one in of_person)
        measured.traps += len(traps)
        for label, span in traps:
            free = [e for e in asserted if not any(_fits(e, *one) for one in of_person)]
            measured.fallen += any(_fits(e, label, span) for e in free)
    return measured


def _span_of(label: dict[str, Any], text: str) -> tuple[int, int]:
    start = text.find(label["quote"])
    return (start, start + len(label["quote"])) if start >= 0 else (0, len(text))


def _fits(entry: NoteEntry, label: dict[str, Any], span: tuple[int, int]) -> bool:
    same = entry.kind == label["kind"] or (
        {entry.kind, label["kind"]} == _ABUSE and "partner" in (label["target"], entry.target)
    )
    return same and entry.start < span[1] and span[0] < entry.end
