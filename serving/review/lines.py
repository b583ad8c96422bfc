"""Groups the entries of a record into parts and lines: what happened first, like ones together.

Entries with the same kind and words are one line with its first and last day. Where that still
makes too many, the lines that most entries share are put together by kind; nothing is left out,
every line opens its entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from features.frame.seriousness import ADVERSE, CHANGE, NOTED, ROUTINE, SERIOUS

MOST_LINES = 40
HARM_BEFORE = timedelta(days=730)
Entry = Mapping[Any, Any]
PARTS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("What happened", (SERIOUS, ADVERSE)),
    ("Other contact with a note: read the words", (NOTED,)),
    ("What changed", (CHANGE,)),
    ("Kept appointments, messages and administration without a note", (ROUTINE,)),
)
"""The parts of a page by how serious their entries are; the last one is folded."""


@dataclass(frozen=True)
class Line:
    """One line of a case record as the page groups it: its text, and the entries behind it."""

    what: str
    detail: str
    entries: tuple[Entry, ...]

    @property
    def first_day(self) -> date:
        """The day of the earliest entry behind the line."""
        day: date = self.entries[-1]["occurred_on"]
        return day

    @property
    def last_day(self) -> date:
        """The day of the latest entry behind the line."""
        day: date = self.entries[0]["occurred_on"]
        return day

    @property
    def is_serious(self) -> bool:
        """Whether an entry behind the line did or could do harm."""
        return any(_seriousness(entry) == SERIOUS for entry in self.entries)


@dataclass(frozen=True)
class Part:
    """A part of the page: its title, its lines, and whether they are folded."""

    title: str
    lines: list[Line]
    folded: bool

    @property
    def count(self) -> int:
        """How many entries its lines hold."""
        return sum(len(line.entries) for line in self.lines)


def parts_of_page(entries: Sequence[Entry]) -> list[Part]:
    """The entries (newest first) in parts: what happened, what changed, what is routine.

    What did or could do harm comes first, then what is newest. An entry written before entries had
    a seriousness counts as something that happened.
    """
    parts = []
    for title, levels in PARTS:
        own = [entry for entry in entries if _seriousness(entry) in levels]
        parts.append(Part(title, _serious_first(own), folded=ROUTINE in levels))
    return parts


def parts_since(entries: Sequence[Entry], begun: date | None, as_of: date) -> list[Part]:
    """The parts of the entries since the last assessment, and what could do harm before it."""
    recent = entries_since(entries, begun)
    return [*parts_of_page(recent), *([harm_before(entries, recent, as_of)] if begun else [])]


def harm_before(entries: Sequence[Entry], recent: Sequence[Entry], as_of: date) -> Part:
    """What did or could do harm in the last two years and stands before the last assessment.

    Behaviour and information of any seriousness, arrests, charges and recalls: a reader must meet
    them before an own view, whenever the last assessment was.
    """
    since = as_of - HARM_BEFORE
    later = {(entry["source_table"], entry["record_id"]) for entry in recent}
    own = [
        entry
        for entry in entries
        if (entry["source_table"], entry["record_id"]) not in later
        and entry["occurred_on"] > since
        and (entry["source_table"] == "incidents" or _seriousness(entry) == SERIOUS)
    ]
    title = "Before it: behaviour, information, arrests and recalls of two years"
    return Part(title, _serious_first(own), folded=False)


def _serious_first(entries: Sequence[Entry]) -> list[Line]:
    return sorted(group_entries(entries), key=lambda line: line.is_serious, reverse=True)


def _seriousness(entry: Entry) -> int:
    level = entry.get("seriousness")
    return ADVERSE if level is None else int(level)


def group_entries(entries: Sequence[Entry], most: int = MOST_LINES) -> list[Line]:
    """The entries (newest first) grouped into at most `most` lines, each entry in one line."""
    lines = _group_by(
        entries, lambda entry: (entry["source_table"], entry["what"], entry["detail"])
    )
    if len(lines) > most:
        lines = _group_by(entries, lambda entry: (entry["source_table"], entry["what"]))
    if len(lines) > most:
        # Kinds with the most entries are the everyday ones: those of a table go together.
        rare = sorted(lines, key=lambda line: len(line.entries))[: most - len(_tables_of(entries))]
        rare_keys = {(line.entries[0]["source_table"], line.what) for line in rare}
        lines = _group_by(
            entries,
            lambda entry: (
                entry["source_table"],
                entry["what"] if (entry["source_table"], entry["what"]) in rare_keys else "",
            ),
        )
    return sorted(lines, key=lambda line: line.last_day, reverse=True)


def entries_since(entries: Sequence[Entry], day: date | None) -> list[Entry]:
    """The entries about the day or later, or recorded after it; all entries where day is None.

    What came to light after the assessment is what it could not have known.
    """
    return [
        entry
        for entry in entries
        if day is None or entry["occurred_on"] >= day or entry["recorded_at"].date() > day
    ]


def last_assessed(person: Mapping[str, Any]) -> date | None:
    """The date of the assessment behind the recorded levels; None where none is current."""
    days = [level["assessed_on"] for level in person["levels"].values() if level["assessed_on"]]
    return date.fromisoformat(max(days)) if days else None


def _group_by(entries: Sequence[Entry], key: Any) -> list[Line]:
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return [_line_of(list(of_one)) for of_one in groups.values()]


def _line_of(entries: list[Entry]) -> Line:
    kinds = {entry["what"] for entry in entries}
    details = {entry["detail"] for entry in entries}
    what = kinds.pop() if len(kinds) == 1 else ""
    return Line(what, details.pop() if len(details) == 1 else "", tuple(entries))


def _tables_of(entries: Sequence[Entry]) -> set[str]:
    return {entry["source_table"] for entry in entries}
