"""Measures a reader of notes on labelled notes: precision and recall a kind, and traps.

A label counts as found where an entry of its kind overlaps its quote, with `asserted` and `by`
alike; violence to a partner and domestic abuse count as each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from features.intervals import share_interval
from features.notes.entries import NoteEntry, NoteReader
from features.notes.files import as_note

SIX = ("threat", "violence", "domestic_abuse", "weapon", "sexual", "sexual_concern_child")
"""The kinds of harm whose aim is precision .80 and recall .70."""
DETAILS = ("when", "told_by", "target")
_ABUSE = frozenset({"violence", "domestic_abuse"})


@dataclass(frozen=True)
class Mistake:
    """A note in which the reader and the labels differ, in words."""

    kind: str
    what: str
    """`trap taken`, `not in the labels` or `missed`."""
    words: str
    note: str


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
    details: Counter[str] = field(default_factory=Counter)
    """Of the matched labels, those whose `when`, `told_by` or `target` is right too."""
    mistakes: list[Mistake] = field(default_factory=list)

    def precision(self, kinds: Iterable[str]) -> float:
        """The share of entries that match a label, over some kinds."""
        right, count = self._sums(kinds, self.right, self.entries)
        return right / count if count else 0.0

    def recall(self, kinds: Iterable[str]) -> float:
        """The share of labels that an entry matches, over some kinds."""
        matches, count = self._sums(kinds, self.matches, self.labels)
        return matches / count if count else 0.0

    def precision_interval(self, kinds: Iterable[str]) -> tuple[float, float]:
        """The 95 % interval of the precision over some kinds; 0 to 1 without entries."""
        return share_interval(*self._sums(kinds, self.right, self.entries))

    def recall_interval(self, kinds: Iterable[str]) -> tuple[float, float]:
        """The 95 % interval of the recall over some kinds; 0 to 1 without labels."""
        return share_interval(*self._sums(kinds, self.matches, self.labels))

    def add(self, other: Measured) -> None:
        """Add the counts of other notes."""
        for name in ("labels", "matches", "entries", "right", "details"):
            getattr(self, name).update(getattr(other, name))
        self.traps += other.traps
        self.fallen += other.fallen
        self.mistakes += other.mistakes

    @staticmethod
    def _sums(kinds: Iterable[str], part: Counter[str], whole: Counter[str]) -> tuple[int, int]:
        names = list(kinds)
        return sum(part[name] for name in names), sum(whole[name] for name in names)


def measure_reader(notes: Sequence[dict[str, Any]], reader: NoteReader) -> Measured:
    """What a reader finds of the labels of notes, and what of what it says is right."""
    return measure_entries(notes, reader.read([as_note(note) for note in notes]))


def measure_entries(
    notes: Sequence[dict[str, Any]], entries: Sequence[list[NoteEntry]]
) -> Measured:
    """The same for entries that were read before, a list a note."""
    measured = Measured()
    for note, own in zip(notes, entries, strict=True):
        _compare(measured, note, own)
    return measured


class Words(Protocol):
    """Something that stands at a place of a note and is of a kind."""

    @property
    def kind(self) -> str:
        """Of which kind it is."""
        ...

    @property
    def start(self) -> int:
        """Where it begins in the note."""
        ...

    @property
    def end(self) -> int:
        """Where it ends in the note."""
        ...


def is_right(words: Words, note: dict[str, Any]) -> bool:
    """Whether a label of a note asserts of the person what stands at a place."""
    return any(
        label["asserted"] == "yes"
        and label["by"] == "pop"
        and _fits(words, label, _span_of(label, note["text"]))
        for label in note["labels"]
    )


def _compare(measured: Measured, note: dict[str, Any], entries: list[NoteEntry]) -> None:
    text = note["text"]
    asserted = [entry for entry in entries if entry.asserted == "yes" and entry.by == "pop"]
    labels = [(label, _span_of(label, text)) for label in note["labels"]]
    of_person = [one for one in labels if one[0]["asserted"] == "yes" and one[0]["by"] == "pop"]
    traps = [one for one in labels if one not in of_person]
    for label, span in of_person:
        fitting = [entry for entry in asserted if _fits(entry, label, span)]
        measured.labels[label["kind"]] += 1
        measured.matches[label["kind"]] += bool(fitting)
        for name in DETAILS:
            measured.details[name] += any(getattr(e, name) == label[name] for e in fitting)
        if not fitting:
            measured.mistakes.append(Mistake(label["kind"], "missed", label["quote"], text))
    free = [entry for entry in asserted if not any(_fits(entry, *one) for one in of_person)]
    fallen = [one for one in traps if any(_fits(entry, *one) for entry in free)]
    for entry in asserted:
        measured.entries[entry.kind] += 1
        measured.right[entry.kind] += entry not in free
    for entry in free:
        is_trap = any(_fits(entry, *one) for one in traps)
        what = "trap taken" if is_trap else "not in the labels"
        measured.mistakes.append(Mistake(entry.kind, what, entry.quote, text))
    measured.traps += len(traps)
    measured.fallen += len(fallen)


def _span_of(label: dict[str, Any], text: str) -> tuple[int, int]:
    start = text.find(label["quote"])
    return (start, start + len(label["quote"])) if start >= 0 else (0, len(text))


def _fits(entry: Words, label: dict[str, Any], span: tuple[int, int]) -> bool:
    same = entry.kind == label["kind"] or (
        {entry.kind, label["kind"]} == _ABUSE
        and "partner" in (label["target"], getattr(entry, "target", ""))
    )
    return same and entry.start < span[1] and span[0] < entry.end


def worst_mistakes(measured: Measured, count: int = 20) -> list[Mistake]:
    """So many mistakes: traps taken for facts first, then what no label says, then misses.

    Within each of these the kinds of harm first, and no kind twice in a row.
    """
    order = ("trap taken", "not in the labels", "missed")
    turn: Counter[tuple[str, str]] = Counter()
    ranked = []
    for mistake in measured.mistakes:
        turn[mistake.what, mistake.kind] += 1
        nth = turn[mistake.what, mistake.kind]
        ranked.append(((order.index(mistake.what), nth, mistake.kind not in SIX), mistake))
    chosen: list[Mistake] = []
    for what, share in zip(order, (count // 2, count // 4, count), strict=True):
        own = sorted((one for one in ranked if one[1].what == what), key=lambda one: one[0])
        chosen += [mistake for _, mistake in own[: min(share, count - len(chosen))]]
    return chosen
