"""Runs `python -m training notes`: measure with writers held out, then learn from all."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from features import clock
from features.history.rows_of_notes import COUNTS_AS
from features.notes.commands import table_of_kinds
from features.progress import show_steps
from features.store.store import Store
from features.store.working_copy import parse_store
from training import config
from training.note_effect import NAMES, Effect, Reading, compare_effect, compare_reading
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
    effect = commands.add_parser(
        "note-effect", help="what reading notes adds, by the hidden truth of made-up people"
    )
    effect.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    effect.add_argument("--truth", type=Path, required=True, help="folder of the hidden truth")
    effect.add_argument("--as-of", type=clock.as_of_date, required=True, help="day to judge")
    effect.add_argument("--config", type=Path, default=config.DEFAULT, help="settings (TOML)")
    effect.add_argument("--kinds", nargs="*", default=sorted(COUNTS_AS), help="which kinds count")
    effect.set_defaults(run=measure_effect)


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


def measure_effect(args: argparse.Namespace) -> None:
    """Say what the reader read of made-up notes, and what indicators and model gain by it."""
    store, settings = Store.open(args.store), config.read_config(args.config)
    with show_steps("the effect of notes") as step:
        step("what was read")
        readings = compare_reading(store, args.truth)
        effects = compare_effect(store, args.truth, args.as_of, settings, args.kinds, step)
    console.print(_readings_table(readings))
    console.print(_effects_table(effects))
    console.print("Made-up people: this proves plumbing, not accuracy.", style="bold")


def _readings_table(readings: list[Reading]) -> Table:
    table = Table(title="What happened and stands only in notes, and what was read as a fact")
    table.add_column("kind")
    for name in ("only in notes", "read", "share", "facts read", "right", "precision"):
        table.add_column(name, justify="right")
    every = Reading(
        "all",
        *(
            sum(getattr(one, name) for one in readings)
            for name in ("only_in_notes", "read", "facts", "right")
        ),
    )
    for one in (*readings, every):
        table.add_row(
            one.kind,
            f"{one.only_in_notes:,}",
            f"{one.read:,}",
            _share(one.read, one.only_in_notes),
            f"{one.facts:,}",
            f"{one.right:,}",
            _share(one.right, one.facts),
        )
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "-"


def _effects_table(effects: list[Effect]) -> Table:
    table = Table(title="Indicators and models, people who taught nothing, one in twenty shown")
    table.add_column("")
    for one in effects:
        table.add_column(one.way, justify="right")
    table.add_row("indicators that fire, a person and group", *(f"{e.fired:.2f}" for e in effects))
    table.add_row("indicators that fire for anybody", *(f"{e.alive}" for e in effects))
    for name in NAMES:
        table.add_row(f"{name}: right of ten", *(f"{10 * e.right[name]:.2f}" for e in effects))
        average = (f"{e.average_precision[name]:.3f}" for e in effects)
        table.add_row(f"{name}: average precision", *average)
    return table
