"""Finds signed combinations: facts about one group that are ordinary alone and not together.

A combination holds in a row where every indicator that it names fires for that group. Nothing is
learnt: the table stands in combinations.toml, is read and signed by the board, and draws people for
reading by itself, beside the model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from features.contracts.codes import COMMUNITY_GROUPS
from features.errors import UnreadableInput, did_you_mean
from features.indicators import CATALOGUE

TABLE = Path(__file__).with_name("combinations.toml")
_FIELDS = {"id", "words", "indicators", "source"}
_LEAST_SOURCE = 20
"""The least number of characters that name a source."""


@dataclass(frozen=True)
class Combination:
    """Indicators that count together: its id, what it says, and what supports it."""

    id: str
    words: str
    """A clause that begins in lower case and names every fact."""
    indicators: tuple[str, ...]
    source: str

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups for which all its indicators have a value."""
        of_each = [set(CATALOGUE[name].groups) for name in self.indicators]
        return tuple(group for group in COMMUNITY_GROUPS if all(group in of for of in of_each))


@cache
def read_combinations(path: Path = TABLE) -> tuple[Combination, ...]:
    """The table of combinations; raises UnreadableInput that names the faulty entry."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["combination"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise UnreadableInput(f"{path.name} cannot be read as combinations: {error}") from error
    if not entries:
        raise UnreadableInput(f"{path.name} has no combination.")
    combinations = tuple(_combination_of(entry, path) for entry in entries)
    ids = [one.id for one in combinations]
    if len(set(ids)) < len(ids):
        raise UnreadableInput(f"{path.name} has two combinations of one id.")
    return combinations


def as_json(combinations: Sequence[Combination]) -> list[dict[str, Any]]:
    """The combinations as they are signed: every field of each, in order."""
    return [asdict(one) | {"indicators": list(one.indicators)} for one in combinations]


def find_combinations(
    frame: pl.DataFrame, scores: pl.DataFrame, combinations: Sequence[Combination]
) -> pl.DataFrame:
    """The rows in which a combination holds: crn, group, stratum, probability, combinations.

    `frame` is an indicator frame and `scores` its scores (`lay_out_scores`): only rows that can be
    scored. `combinations` lists the ids that hold, in the order of the table.
    """
    holds = [
        pl.when(pl.all_horizontal(CATALOGUE[name].fires_in_frame for name in one.indicators))
        .then(pl.lit(one.id))
        .alias(one.id)
        for one in combinations
    ]
    held = frame.select("crn", "group", *holds).filter(
        pl.any_horizontal(pl.col(one.id).is_not_null() for one in combinations)
    )
    listed = pl.concat_list(one.id for one in combinations).list.drop_nulls()
    scored = scores.filter("scorable").select("crn", "group", "stratum", "probability")
    return scored.join(held.select("crn", "group", combinations=listed), on=["crn", "group"])


def _combination_of(entry: Mapping[str, Any], path: Path) -> Combination:
    """One checked entry of the table."""
    where = f"{path.name}, combination {entry.get('id', 'without an id')!r}"
    if set(entry) != _FIELDS:
        raise UnreadableInput(f"{where}: it needs exactly {', '.join(sorted(_FIELDS))}.")
    one = Combination(entry["id"], entry["words"], tuple(entry["indicators"]), entry["source"])
    for name in one.indicators:
        if name not in CATALOGUE:
            raise UnreadableInput(
                f"{where}: there is no indicator {name!r}.{did_you_mean(name, CATALOGUE)}"
            )
        if CATALOGUE[name].use == "page_only":
            raise UnreadableInput(f"{where}: {name} is shown and not scored.")
    if len(set(one.indicators)) < 2:
        raise UnreadableInput(f"{where}: it names fewer than two indicators.")
    if not one.groups:
        raise UnreadableInput(f"{where}: its indicators have no group in common.")
    if len(one.source) < _LEAST_SOURCE or not one.words:
        raise UnreadableInput(f"{where}: say what it is in words, and what supports it.")
    return one
