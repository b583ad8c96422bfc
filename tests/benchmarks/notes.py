"""make bench-notes: how many notes a second are read, pass by pass, and what a night and a backfill
would take by arithmetic.

The notes are the project's labelled ones, told apart by a number at the end; "routine" are those
without a label. Real notes lie between the two. Beside them: the lexicon's phrases searched one
after the other, which is what the index by words saves.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from features.notes.combined import CombinedReader
from features.notes.entries import Note
from features.notes.phrases import read_lexicon
from features.notes.reader import PhraseReader
from features.notes.sentences import split_sentences
from features.notes.word_weights import read_weights
from training.notes.examples import BANK, read_labelled_notes

NOTES = int(os.environ.get("NOTES", "20000"))
SHARES = (0.1, 0.5, 1.0)
ONE_BY_ONE = 100
"""How many notes the slow alternative reads: it takes long enough."""
NIGHT, BACKFILL, PROCESSES = 40_000, 40_000_000, 2
console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=120)


def draw_notes(count: int, *, routine: bool) -> list[Note]:
    """So many notes, drawn by seed; no two alike, so that none is read once for all."""
    own = [
        note["text"]
        for note in read_labelled_notes()
        if not str(note["writer"]).startswith(BANK) and not (routine and note["labels"])
    ]
    drawn = random.Random(7).choices(own, k=count)
    return [Note(f"{text} {number}") for number, text in enumerate(drawn)]


def score_sentences(notes: Sequence[Note]) -> None:
    """The first pass alone: a score of every kind for every sentence."""
    weights = read_weights()
    sentences = [one for note in notes for _, one in split_sentences(note.text)]
    weights.score(weights.features_in(sentences))


def search_one_by_one(notes: Sequence[Note]) -> None:
    """Every phrase of the lexicon in every note, one after the other."""
    patterns = [re.compile(f"(?i){phrase.pattern}") for phrase in read_lexicon()]
    for note, pattern in itertools.product(notes, patterns):
        pattern.search(note.text)


def notes_a_second(read: Callable[[Sequence[Note]], object], notes: Sequence[Note]) -> float:
    """How many notes a second are read, after a first reading of a few."""
    read(notes[:20])
    started = time.perf_counter()
    for start in range(0, len(notes), 10_000):
        read(notes[start : start + 10_000])
    return len(notes) / (time.perf_counter() - started)


def main() -> None:
    """Print the table and the arithmetic."""
    passes: dict[str, Callable[[Sequence[Note]], object]] = {
        "scores of sentences": score_sentences,
        "phrases alone": PhraseReader().read,
        "the whole reader": CombinedReader().read,
    }
    table = Table(title=f"Notes a second, one process, of {NOTES:,} notes")
    for name in ("pass", "notes", *[f"{share}x" for share in SHARES]):
        table.add_column(name, justify="left" if name in ("pass", "notes") else "right")
    speed = 0.0
    for routine, (name, read) in itertools.product((True, False), passes.items()):
        notes = draw_notes(NOTES, routine=routine)
        speeds = [notes_a_second(read, notes[: int(share * NOTES)]) for share in SHARES]
        table.add_row(name, "routine" if routine else "all", *[f"{one:,.0f}" for one in speeds])
        if routine and name == "the whole reader":
            speed = speeds[-1]
    alternative = notes_a_second(search_one_by_one, draw_notes(ONE_BY_ONE, routine=False))
    table.add_row("phrases one by one", "all", f"{alternative:,.1f}", "", "")
    console.print(table)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    both = speed * PROCESSES
    console.print(
        f"Memory {memory:,.0f} MiB. By arithmetic, routine notes on {PROCESSES} processes: a night "
        f"of {NIGHT:,} in {NIGHT / both:,.0f} s, {BACKFILL:,} in {BACKFILL / both / 60:,.0f} minutes.",
        highlight=False,
    )


if __name__ == "__main__":
    main()
