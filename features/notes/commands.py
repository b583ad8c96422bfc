"""Runs the command `notes`: read one note or a file of them, and measure a reader."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from features.errors import UserError
from features.notes.entries import Note, NoteEntry, NoteReader
from features.notes.files import as_note, read_notes_file, write_entries
from features.notes.measure import DETAILS, SIX, Measured, measure_reader, worst_mistakes
from features.notes.readers import OWN, find_reader
from features.progress import show_steps

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)
QUIET = "A note in which nothing is found is not a note that says nothing."


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command about notes to the command line."""
    notes = commands.add_parser("notes", help="read notes, or measure a reader on labelled ones")
    what = notes.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", help="print what the reader finds in these words")
    what.add_argument("--read", type=Path, metavar="FILE", help="read a file, a JSON note a line")
    what.add_argument("--evaluate", type=Path, metavar="FILE", help="measure on labelled notes")
    notes.add_argument("--out", type=Path, help="where to write what --read finds, a line a note")
    notes.add_argument("--reader", default=OWN, help="which reader (default: %(default)s)")
    notes.set_defaults(run=run_notes)


def run_notes(args: argparse.Namespace) -> None:
    """Do what was asked for about notes."""
    reader = find_reader(args.reader)
    if args.read is not None:
        _check_out(args.read, args.out)
    if args.text is not None:
        _print_entries(reader.read([Note(args.text)])[0])
    elif args.read is not None:
        _read_file(args.read, args.out, reader)
    else:
        _print_measure(args.evaluate, reader)


def _check_out(path: Path, out: Path | None) -> None:
    """Before anything is read: there must be a place to write to, and not over the notes."""
    if out is None:
        raise UserError("Say with --out FILE where to write what is found. Nothing was read.")
    if out.exists() and (out.is_dir() or (path.exists() and out.samefile(path))):
        raise UserError(f"{out} is a folder or the file of the notes. Name another file: --out.")
    if not out.parent.is_dir():
        raise UserError(f"There is no folder {out.parent}. Make it, or name another file: --out.")


def _plain(text: str) -> Text:
    """A text as it stands: no brackets taken for markup, no control characters."""
    return Text("".join(sign if sign.isprintable() else " " for sign in text))


def _print_entries(entries: list[NoteEntry]) -> None:
    table = Table(title="What the note says")
    for name in ("kind", "words", "asserted", "by", "when", "told by", "target"):
        table.add_column(name)
    for entry in entries:
        own = (entry.asserted, entry.by, entry.when, entry.told_by, entry.target)
        table.add_row(entry.kind, _plain(entry.quote), *own)
    console.print(table)
    console.print(QUIET)


def _read_file(path: Path, out: Path, reader: NoteReader) -> None:
    notes = read_notes_file(path)
    with show_steps("reading notes") as step:
        step(f"{len(notes):,} notes")
        entries = reader.read([as_note(note) for note in notes])
    write_entries(out, notes, entries)
    with_entries = sum(bool(own) for own in entries)
    console.print(
        f"{sum(map(len, entries)):,} entries in {with_entries:,} of {len(notes):,} notes, "
        f"written to {out}. {QUIET}",
        highlight=False,
    )


def _print_measure(path: Path, reader: NoteReader) -> None:
    notes = read_notes_file(path, labelled=True)
    measured = measure_reader(notes, reader)
    console.print(table_of_kinds(f"{len(notes):,} labelled notes, all writers", measured))
    console.print(_summary("all writers", measured), highlight=False)
    for writer in sorted({str(note.get("writer", "")) for note in notes}):
        own = [note for note in notes if str(note.get("writer", "")) == writer]
        summary = _summary(f"writer {writer}", measure_reader(own, reader))
        console.print(_plain(summary), highlight=False)
    matched = max(sum(measured.matches.values()), 1)
    console.print(
        "right among those matched: "
        + ", ".join(f"{name} {measured.details[name] / matched:.2f}" for name in DETAILS),
        highlight=False,
    )
    console.print(_table_of_mistakes(measured))


def table_of_kinds(title: str, measured: Measured) -> Table:
    """Labels, entries, precision and recall with their intervals: a row a kind, and all."""
    table = Table(title=title)
    for name in ("kind", "labels", "entries", "precision", "95 %", "recall", "95 % "):
        table.add_column(name, justify="left" if name == "kind" else "right")
    kinds = sorted({*measured.labels, *measured.entries})
    rows = [(kind, [kind]) for kind in kinds] + [("six kinds of harm", SIX), ("all", kinds)]
    for name, own in rows:
        table.add_row(
            name,
            f"{sum(measured.labels[kind] for kind in own):,}",
            f"{sum(measured.entries[kind] for kind in own):,}",
            f"{measured.precision(own):.2f}",
            "{:.2f} to {:.2f}".format(*measured.precision_interval(own)),
            f"{measured.recall(own):.2f}",
            "{:.2f} to {:.2f}".format(*measured.recall_interval(own)),
            style="bold" if len(own) > 1 else None,
        )
    return table


def _table_of_mistakes(measured: Measured) -> Table:
    table = Table(title="The twenty worst mistakes", show_lines=True)
    for name in ("what", "kind", "words", "note"):
        table.add_column(name)
    for mistake in worst_mistakes(measured):
        note = mistake.note if len(mistake.note) <= 240 else f"{mistake.note[:240]}…"
        table.add_row(mistake.what, mistake.kind, _plain(mistake.words), _plain(note))
    return table


def _summary(name: str, measured: Measured) -> str:
    kinds = {*measured.labels, *measured.entries}
    share = measured.fallen / measured.traps if measured.traps else 0.0
    return (
        f"{name}: six kinds of harm precision {measured.precision(SIX):.2f}, recall "
        f"{measured.recall(SIX):.2f}; all kinds {measured.precision(kinds):.2f}, "
        f"{measured.recall(kinds):.2f}; traps taken for assertions {share:.2f} "
        f"({measured.fallen} of {measured.traps})"
    )
