"""Works out what an answer that is outstanding would change: the probability with and without it.

For each thing that is missing in a case (an enquiry, a report, a checked address, an assessment)
the same model scores the same row as it would be with an answer that raises no concern, and with
one that does. It says which question matters most, not what the answer will be.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import polars as pl

from features.errors import UnreadableInput, did_you_mean
from features.indicators import CATALOGUE
from models.inputs import community_rows
from models.scored_rows import Scorer

TABLE = Path(__file__).with_name("answers.toml")
LEAST_SPREAD = 0.001
"""Answers that put the probability less far apart than one in a thousand change nothing."""


@dataclass(frozen=True)
class Answer:
    """Something that can be asked for, where it is outstanding, and what its answer changes."""

    id: str
    words: str
    """A clause that begins in lower case: who answers what."""
    asked_where: tuple[str, ...]
    settles: tuple[str, ...]
    raises: tuple[str, ...]


@dataclass(frozen=True)
class Effect:
    """What one answer would change in one row: the probability now and with each answer."""

    answer: Answer
    now: float
    without_concerns: float
    with_concerns: float | None
    """None where concern means another level, of which the model says nothing."""

    @property
    def spread(self) -> float:
        """How far apart the two answers put the probability; nought where one is not known."""
        return 0.0 if self.with_concerns is None else self.with_concerns - self.without_concerns


@cache
def read_answers(path: Path = TABLE) -> tuple[Answer, ...]:
    """The table of answers; raises UnreadableInput that names the faulty entry."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["answer"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise UnreadableInput(f"{path.name} cannot be read as answers: {error}") from error
    return tuple(_answer_of(entry, path) for entry in entries)


def effects_of_answers(
    scorer: Scorer, frame: pl.DataFrame, answers: Sequence[Answer]
) -> dict[tuple[str, str], list[Effect]]:
    """By (crn, group), what each outstanding answer would change, the widest apart first.

    `frame` is an indicator frame; rows that cannot be scored have none. What is not known stays not
    known, whatever the answer.
    """
    rows = community_rows(frame)
    rows_settled = [
        rows.filter(_is_outstanding(answer)).with_columns(map(_settled, answer.settles))
        for answer in answers
    ]
    rows_of_concern = [
        own_rows.with_columns(map(_raised, answer.raises))
        for answer, own_rows in zip(answers, rows_settled, strict=True)
    ]
    # Scored together: for a few rows the fixed cost of scoring is nearly all of it.
    now, *others = _probabilities(scorer, [rows, *rows_settled, *rows_of_concern])
    no_concerns, concerns = others[: len(answers)], others[len(answers) :]
    effects: dict[tuple[str, str], list[Effect]] = {}
    for answer, without, with_concerns in zip(answers, no_concerns, concerns, strict=True):
        for key, no in without.items():
            before = now[key]
            if before is None or no is None:
                continue
            one = Effect(answer, before, no, with_concerns[key] if answer.raises else None)
            if one.with_concerns is None or one.spread >= LEAST_SPREAD:
                effects.setdefault(key, []).append(one)
    for own in effects.values():
        own.sort(key=lambda one: (-one.spread, one.answer.id))
    return effects


def _probabilities(scorer: Scorer, frames: Sequence[pl.DataFrame]) -> list[dict[Any, float | None]]:
    """The probability of each row of some frames of community rows, by (crn, group)."""
    scores = scorer.score_frame(pl.concat(frames)).select("crn", "group", "probability")
    ends = list(accumulate(frame.height for frame in frames))
    return [
        {(crn, group): probability for crn, group, probability in scores[start:end].iter_rows()}
        for start, end in pairwise([0, *ends])
    ]


def _is_outstanding(answer: Answer) -> pl.Expr:
    """An expression: nothing is on record yet that would settle what the answer is about."""
    fires = pl.any_horizontal(CATALOGUE[name].fires_in_frame for name in answer.asked_where)
    return fires.fill_null(value=False)


def _settled(name: str) -> pl.Expr:
    """The value of an indicator of which nothing is outstanding any more."""
    return pl.when(pl.col(name).is_not_null()).then(0.0).alias(name)


def _raised(name: str) -> pl.Expr:
    """The value of an indicator of one more, at least where it fires."""
    more = pl.max_horizontal(pl.col(name) + 1, pl.lit(CATALOGUE[name].fires_from))
    return pl.when(pl.col(name).is_not_null()).then(more).alias(name)


def _answer_of(entry: Mapping[str, Any], path: Path) -> Answer:
    """One checked entry of the table."""
    where = f"{path.name}, answer {entry.get('id', 'without an id')!r}"
    names = {one.name for one in fields(Answer)}
    if set(entry) != names:
        raise UnreadableInput(f"{where}: it needs exactly {', '.join(sorted(names))}.")
    for name in (*entry["asked_where"], *entry["settles"], *entry["raises"]):
        if name not in CATALOGUE:
            raise UnreadableInput(
                f"{where}: there is no indicator {name!r}.{did_you_mean(name, CATALOGUE)}"
            )
        if CATALOGUE[name].fires_below or CATALOGUE[name].use == "page_only":
            raise UnreadableInput(f"{where}: {name} is not scored, or is worse the lower it is.")
    if not entry["asked_where"] or not entry["settles"]:
        raise UnreadableInput(f"{where}: say where it is outstanding, and what it settles.")
    lists = {name: tuple(entry[name]) for name in ("asked_where", "settles", "raises")}
    return Answer(entry["id"], entry["words"], **lists)
