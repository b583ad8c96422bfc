"""Signed combinations: ordinary alone, and together a reason to read a case."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features.errors import UnreadableInput
from features.indicators import CATALOGUE
from models.combinations import Combination, as_json, find_combinations, read_combinations
from models.prior import read_prior
from tests.models.test_prior import rows

WORDS = 'words = "one and the other"\nsource = "A review that named both together"\n'
PAIR = 'indicators = ["threats_count", "weapon_events_count"]\n'


def firing(names: tuple[str, ...], **values: float) -> pl.DataFrame:
    """A row a group in which each indicator has just the value from which it fires."""
    return rows(**{name: CATALOGUE[name].fires_from for name in names} | values)


def held_in(frame: pl.DataFrame, one: Combination) -> set[str]:
    scores = read_prior().score_frame(frame)
    found_rows = find_combinations(frame, scores, [one])
    assert set(found_rows["combinations"].explode()) <= {one.id}
    return set(found_rows["group"])


@pytest.mark.parametrize("one", read_combinations(), ids=lambda one: one.id)
def test_each_holds_where_every_fact_is_there_for_one_group(one: Combination) -> None:
    groups = set(one.groups)
    assert held_in(firing(one.indicators), one) & groups == groups
    for missing in one.indicators:
        item = CATALOGUE[missing]
        least = item.fires_from + 0.01 if item.fires_below else item.fires_from - 0.01
        assert not held_in(firing(one.indicators, **{missing: least}), one), missing


def test_facts_about_two_groups_are_no_combination() -> None:
    one = next(one for one in read_combinations() if one.id == "breakdown_after_threats")
    both = firing(one.indicators)
    only_public = pl.when(pl.col("group") == "public")
    apart = both.with_columns(
        threats_count=only_public.then("threats_count").otherwise(0.0),
        relationship_conflict_or_breakdown=only_public.then(0.0).otherwise(
            "relationship_conflict_or_breakdown"
        ),
    )
    assert not held_in(apart, one)


def test_what_is_not_known_holds_in_nothing_and_very_high_is_not_drawn() -> None:
    one = read_combinations()[0]
    unknown = firing(one.indicators).with_columns(pl.lit(None).alias(one.indicators[0]))
    assert not held_in(unknown, one)
    very_high = firing(one.indicators).with_columns(level=pl.lit("VERY_HIGH"))
    assert not held_in(very_high, one)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot be read"),
        ("combination = []\n", "has no combination"),
        ("[[combination]\n", "cannot be read"),
        (f'[[combination]]\nid = "a"\n{PAIR}', "it needs exactly"),
        (f'[[combination]]\nid = "a"\nrank = 1\n{PAIR}{WORDS}', "it needs exactly"),
        (
            f'[[combination]]\nid = "a"\nindicators = ["threats_count", "threat_count"]\n{WORDS}',
            "no indicator 'threat_count'. Did you mean",
        ),
        (
            f'[[combination]]\nid = "a"\nindicators = ["threats_count", "threats_count"]\n{WORDS}',
            "fewer than two",
        ),
        (
            '[[combination]]\nid = "a"\nindicators = ["threats_count", "days_since_release"]\n'
            f"{WORDS}",
            "shown and not scored",
        ),
        (
            '[[combination]]\nid = "a"\nindicators = ["child_sexual_risk_intelligence", '
            f'"repeat_da_victims"]\n{WORDS}',
            "no group in common",
        ),
        (
            f'[[combination]]\nid = "a"\n{PAIR}words = "both"\nsource = "a review"\n',
            "what supports it",
        ),
        (f'[[combination]]\nid = "a"\n{PAIR}{WORDS}' * 2, "two combinations of one id"),
    ],
)
def test_a_faulty_table_is_refused_by_its_entry(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "combinations.toml"
    path.write_text(text)
    with pytest.raises(UnreadableInput, match=why):
        read_combinations(path)


def test_the_table_is_signed_as_it_is_read() -> None:
    signed = as_json(read_combinations())
    assert [one["id"] for one in signed] == [one.id for one in read_combinations()]
    assert all(set(one) == {"id", "words", "indicators", "source"} for one in signed)
    assert 8 <= len(signed) <= 14, "about ten: a table that a board can read"
