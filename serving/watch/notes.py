"""Watches what is read in notes: how much by kind and region, and how often readers correct it."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

import polars as pl
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import distinct_on

from features.contracts.note_columns import KINDS
from serving.db.tables import items, note_answers
from serving.watch import equality
from serving.watch.figures import (
    Figure,
    Part,
    part_share,
    state_of,
    untold_part,
    worst_part,
)

SURE = 3.29
"""Standard errors of a 99.9 % interval: every kind of every region is looked at each night."""
FEWEST_ENTRIES = 30
"""The entries, found or expected, below which a kind in a region is too few to compare."""


def note_figures(
    connection: Connection, people: pl.DataFrame, counts: pl.DataFrame
) -> list[Figure]:
    """The figures about notes: `counts` are those of features.store.note_volumes."""
    answers = _last_answers(connection)
    return [
        worst_part(
            "notes_moved",
            _moved_parts(counts),
            "What is read in notes changed by a factor of at least {n} against the months before: "
            "{where}.",
            "no note was read.",
        ),
        worst_part(
            "notes_wrong",
            [_wrong_part(kind, words, answers) for kind, words in KINDS.items()],
            "Of 100 entries of notes that readers answered, {n} do not say it: {where}.",
            "nothing was answered.",
        ),
        equality.answer_gap(people, answers),
    ]


def _last_answers(connection: Connection) -> pl.DataFrame:
    """The last answer of each reader about each entry: crn, kind, and whether it was wrong."""
    rows = (
        select(items.c.crn, note_answers.c.kind, note_answers.c.answer)
        .join(items, items.c.id == note_answers.c.item_id)
        .ext(distinct_on(note_answers.c.item_id, note_answers.c.entry_id, note_answers.c.username))
        .order_by(
            note_answers.c.item_id,
            note_answers.c.entry_id,
            note_answers.c.username,
            note_answers.c.id.desc(),
        )
    )
    answers = [(crn, kind, answer != "says_so") for crn, kind, answer in connection.execute(rows)]
    schema = {"crn": pl.String(), "kind": pl.String(), "wrong": pl.Boolean()}
    return pl.DataFrame(answers, schema=schema, orient="row")


def _wrong_part(kind: str, words: str, answers: pl.DataFrame) -> Part:
    own = answers.filter(pl.col("kind") == kind)["wrong"]
    return part_share("notes_wrong", words, int(own.sum()), own.len())


def _moved_parts(counts: pl.DataFrame) -> list[Part]:
    """How far each kind in each region moved from the months before, per note."""
    rows = {(region, is_late, kind): number for region, is_late, kind, number in counts.iter_rows()}
    regions = sorted({region for region, _, _ in rows})
    return [
        _moved_part(rows, region, kind, words)
        for kind, words in KINDS.items()
        for region in regions
    ]


def _moved_part(
    rows: Mapping[tuple[str, bool, str | None], int], region: str, kind: str, words: str
) -> Part:
    entries, before = rows.get((region, True, kind), 0), rows.get((region, False, kind), 0)
    notes, notes_before = rows.get((region, True, None), 0), rows.get((region, False, None), 0)
    label = f"{words} in {region}"
    expected = before * notes / notes_before if notes_before else 0.0
    if min(notes, notes_before) == 0 or max(entries, expected) < FEWEST_ENTRIES:
        return untold_part(label, 0)
    near, factor, far = _factor(entries, expected)
    rate, usual = 1000 * entries / notes, 1000 * before / notes_before
    named = f"{label}, {rate:.1f} in 1,000 notes ({usual:.1f} before, {factor:.1f} times)"
    return Part(named, near, near, far, entries, state_of("notes_moved", near))


def _factor(entries: int, expected: float) -> tuple[float, float, float]:
    """By how much more or less than expected: the near end of its interval, itself, the far end."""
    spread = exp(SURE * (1 / max(entries, 1) + 1 / max(expected, 1.0)) ** 0.5)
    ratio = max(entries, 0.5) / max(expected, 0.5)
    factor = max(ratio, 1 / ratio)
    return max(1.0, factor / spread), factor, factor * spread
