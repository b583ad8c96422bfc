"""Defines a note, an entry read from one, and what a reader of notes must offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

ASSERTED = frozenset({"yes", "no", "possible", "conditional"})
DOERS = frozenset({"pop", "other"})


@dataclass(frozen=True)
class Note:
    """The words of one contact, and where and when they were written.

    The day of writing dates what a note says; what it says must not depend on it, because a text
    that was written on many days is read once.
    """

    text: str
    source: str = "ndelius"
    """The system or service whose note it is, e.g. `police_log`."""
    written_on: date | None = None
    id: str = ""


@dataclass(frozen=True)
class NoteEntry:
    """One thing that a note says: its kind, the words, and how it is said."""

    kind: str
    start: int
    end: int
    quote: str
    asserted: str
    """`yes`, `no` (denied), `possible` or `conditional`."""
    by: str
    """`pop` for the person on probation, `other` for somebody else."""
    when: str
    """`now` or `past`."""
    told_by: str
    """`seen`, `self`, `third_party` or `agency`."""
    target: str
    named_on: date | None = None
    """The day on which the sentence says that it was, where it names one."""


class NoteReader(Protocol):
    """A reader of notes: rules, a model or both; measured and switched like the project's own."""

    @property
    def version(self) -> str:
        """Changes whenever the reader could read a note differently."""
        ...

    def read(self, notes: Sequence[Note]) -> list[list[NoteEntry]]:
        """The entries of each note, in the order of the notes."""
        ...
