"""Runs `python -m training notes`: measure with writers held out, then learn from all."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from threadpoolctl import threadpool_limits

from features.notes.commands import table_of_kinds
from features.progress import show_steps
from training.notes.examples import LABELLED, digest_examples, make_examples, read_labelled_notes
from training.notes.held_out import (
    candidates_held_out,
    fit_sureness,
    measure_held_out,
    write_measures,
)
from training.notes.learn import fit_weights, learn_words, write_weights
from training.notes.manner import fit_manner, write_manner

console = Console()


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    notes = commands.add_parser("notes", help="learn the weights of the reader of notes")
    notes.add_argument("--labelled", type=Path, default=LABELLED, help="folder of labelled notes")
    notes.set_defaults(run=learn_from_notes)


def learn_from_notes(args: argparse.Namespace) -> None:
    """Learn from the labelled notes, and say what held-out writers showed."""
    notes = read_labelled_notes(args.labelled)
    # One thread: with several, each of its short steps waits for the others, ten times as long.
    with show_steps("learning from notes") as step, threadpool_limits(1):
        learn_words(notes)
        held_out = list(candidates_held_out(notes, step))
        sureness = fit_sureness(held_out)
        measured = measure_held_out(held_out, sureness)
        step(f"all {len(notes):,} notes")
        write_weights(fit_weights(make_examples(notes)))
        write_manner(fit_manner(notes))
        sureness.write()
        write_measures(measured, len(notes), digest_examples(args.labelled))
    title = "Writers held out: what the reader found in notes that it did not learn from"
    console.print(table_of_kinds(title, measured))
    console.print(
        f"Traps taken for facts: {measured.fallen} of {measured.traps}. Made-up notes: they show "
        "how the reader carries over from writer to writer, not how often anything happens.",
        highlight=False,
    )
