"""Finds a reader of notes by name: the project's own, or one that another package offers."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from features.errors import UserError, did_you_mean
from features.notes.combined import CombinedReader
from features.notes.entries import NoteReader
from features.notes.reader import PhraseReader

READERS = "rosh_triage.note_readers"
"""The entry point group under which a package offers a reader; it names a class or function that
makes one."""
OWN, PHRASES = "own", "phrases"


@cache
def find_reader(name: str) -> NoteReader:
    """The reader of a name: `own`, `phrases`, or what an installed package offers under it.

    Raises UserError where there is none, and suggests the closest name.
    """
    if name == OWN:
        return CombinedReader()
    if name == PHRASES:
        return PhraseReader()
    offers = {offer.name: offer for offer in entry_points(group=READERS)}
    if name not in offers:
        installed = sorted({OWN, PHRASES, *offers})
        raise UserError(
            f"No reader of notes is called {name!r}.{did_you_mean(name, installed)} There are: "
            f"{', '.join(installed)}. A package offers one under the entry point group {READERS}."
        )
    reader: NoteReader = offers[name].load()()
    return reader
