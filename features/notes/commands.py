"""Runs the commands about notes: read one, and measure the reader on labelled notes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from features.notes.measure import SIX, Measured, measure_reader, read_labelled
from features.notes.reader import read_note

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands about notes to the command line."""
    read = commands.add_parser("read-note", help="print what the reader of notes finds in a text")
    read.add_argument("text", help="the words of a note")
    read.set_defaults(run=print_entries)
    measure = commands.add_parser("measure-notes", help="measure the reader on labelled notes")
    measure.add_argument("file", type=Path, help="labelled notes, one JSON object a line")
    measure.set_defaults(run=print_measure)


def print_entries(args: argparse.Namespace) -> None:
    """Print what the reader finds in a text: kind, words, and how they are said."""
    table = Table(title="What the note says")
    for name in ("kind", "words", "asserted", "by", "when", "told by", "target"):
        table.add_column(name)
    for entry in read_note(args.text):
        own = (entry.kind, entry.quote, entry.asserted, entry.by, entry.when, entry.told_by)
        table.add_row(*own, entry.target)
    console.print(table)
    console.print("A note in which nothing is found is not a note that says nothing.")


def print_measure(args: argparse.Namespace) -> None:
    """Print precision and recall by kind, for each writer left out and for all, and the traps."""
    notes = read_labelled(args.file)
    measured = measure_reader(notes)
    table = Table(title=f"{len(notes):,} labelled notes, all writers")
    for name in ("kind", "labels", "entries", "precision", "recall"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind in sorted({*measured.labels, *measured.entries}):
        table.add_row(
            kind,
            f"{measured.labels[kind]:,}",
            f"{measured.entries[kind]:,}",
            f"{measured.precision([kind]):.2f}",
            f"{measured.recall([kind]):.2f}",
        )
    console.print(table)
    console.print(_summary("all writers", measured), highlight=False)
    for writer in sorted({str(note.get("writer", "")) for note in notes}):
        own = measure_reader(note for note in notes if note.get("writer", "") == writer)
        console.print(_summary(f"writer {writer}", own), highlight=False)


def _summary(name: str, measured: Measured) -> str:
    kinds = {*measured.labels, *measured.entries}
    share = measured.fallen / measured.traps if measured.traps else 0.0
    return (
        f"{name}: six kinds of harm precision {measured.precision(SIX):.2f}, recall "
        f"{measured.recall(SIX):.2f}; all kinds {measured.precision(kinds):.2f}, "
        f"{measured.recall(kinds):.2f}; traps taken for assertions {share:.2f} "
        f"({measured.fallen} of {measured.traps})"
    )
