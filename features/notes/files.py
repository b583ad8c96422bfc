"""Reads files of notes, one JSON object a line, and writes what a reader found in them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from features.errors import MissingInput, UnreadableInput
from features.notes.entries import ASSERTED, DOERS, Note, NoteEntry
from features.notes.phrases import LEXICON

KINDS = frozenset(path.stem for path in LEXICON.glob("*.toml"))


def read_notes_file(path: Path, *, labelled: bool = False) -> list[dict[str, Any]]:
    """The notes of a file, each with `text` and, where asked for, its `labels`.

    Raises MissingInput without the file, and UnreadableInput where a line is no such note.
    """
    if not path.exists():
        raise MissingInput(f"There is no file {path}. Give one with a note a line, as JSON.")
    notes = []
    for number, line in enumerate(_lines_of(path), 1):
        if line.strip():
            notes.append(_note_of(line, f"{path.name}, line {number}", labelled=labelled))
    return notes


def _lines_of(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableInput(
            f"{path} cannot be read as a file of text in UTF-8, a JSON object a line."
        ) from error


def _note_of(line: str, place: str, *, labelled: bool) -> dict[str, Any]:
    # No word of a note may stand in a message: it would end in a log.
    try:
        note = json.loads(line)
        if not isinstance(note["text"], str):
            raise TypeError("text is no text")
        as_note(note)
        for label in note["labels"] if labelled else ():
            _check_label(label, note["text"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        needed = "text and labels" if labelled else "text"
        raise UnreadableInput(
            f"{place} cannot be read as a note ({type(error).__name__}). Each line is a JSON "
            f"object with {needed}; written_on is a date such as 2026-03-01."
        ) from error
    return dict(note)


def _check_label(label: dict[str, Any], text: str) -> None:
    """Raise ValueError for a label that no entry could match; KeyError where a part is missing."""
    for name in ("when", "told_by", "target"):
        _ = label[name]
    quote = label["quote"]
    if not isinstance(quote, str) or not quote or quote not in text:
        raise ValueError("the quote does not stand in the text")
    if label["kind"] not in KINDS or label["asserted"] not in ASSERTED or label["by"] not in DOERS:
        raise ValueError("kind, asserted or by has a value that is none of its own")


def as_note(note: dict[str, Any]) -> Note:
    """The note of one line; `source` is ndelius and `written_on` unknown where not given."""
    written_on = note.get("written_on")
    return Note(
        text=note["text"],
        source=note.get("source") or "ndelius",
        written_on=date.fromisoformat(written_on) if written_on else None,
        id=_id_of(note),
    )


def write_entries(
    path: Path, notes: Iterable[dict[str, Any]], entries: Iterable[list[NoteEntry]]
) -> None:
    """Write a line a note: its id and, for each entry, its kind, place in the text and context."""
    with path.open("w", encoding="utf-8") as out:
        for note, own in zip(notes, entries, strict=True):
            line = {"id": _id_of(note), "entries": [_as_json(entry) for entry in own]}
            out.write(json.dumps(line) + "\n")


def _id_of(note: dict[str, Any]) -> str:
    """The id of a note as text; empty where it has none that could be one."""
    number = note.get("id", "")
    return str(number) if isinstance(number, str | int) else ""


def _as_json(entry: NoteEntry) -> dict[str, Any]:
    names = ("kind", "start", "end", "asserted", "by", "when", "told_by", "target")
    day = {"named_on": entry.named_on.isoformat()} if entry.named_on else {}
    return {name: getattr(entry, name) for name in names} | day
