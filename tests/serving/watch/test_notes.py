"""What is read in notes is watched: a region that reads otherwise, kinds and groups corrected."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.contracts.note_columns import KINDS
from features.intake.load import load_extract
from features.store import note_volumes
from features.store.note_volumes import BEFORE, LATELY
from features.store.protected_characteristics import CHARACTERISTICS
from features.store.store import Store
from serving.watch import equality, notes
from serving.watch.figures import ACT, GREEN, LOOK, TOO_FEW, Figure, Part
from tests import factories
from tests.factories import row
from tests.service import Service

UNTIL = date(2026, 6, 30)


def moved(lately: int, before: int, *, notes_lately: int = 1000, notes_before: int = 3000) -> Part:
    """The part of one kind in one region with so many entries."""
    rows = [
        ("N54", True, None, notes_lately),
        ("N54", False, None, notes_before),
        ("N54", True, "weapon", lately),
        ("N54", False, "weapon", before),
    ]
    counts = pl.DataFrame(rows, schema=note_volumes._SCHEMA, orient="row")
    words = KINDS["weapon"]
    return next(part for part in notes._moved_parts(counts) if part.label.startswith(words))


@pytest.mark.parametrize(
    ("lately", "before", "state"),
    [
        (29, 87, TOO_FEW),
        (30, 90, GREEN),
        (100, 300, GREEN),
        (380, 600, GREEN),
        (440, 600, LOOK),
        (1000, 600, ACT),
        # As many fewer are as much another way of writing.
        (100, 1500, ACT),
    ],
)
def test_a_kind_that_moved_in_a_region_is_seen_beyond_chance(
    lately: int, before: int, state: str
) -> None:
    assert moved(lately, before).state == state


def test_more_notes_with_as_many_entries_in_each_have_not_moved() -> None:
    part = moved(400, 300, notes_lately=4000)
    assert part.value == 1.0
    assert "100.0 in 1,000 notes (100.0 before, 1.0 times)" in part.label


def test_without_notes_nothing_is_compared() -> None:
    assert moved(100, 300, notes_lately=0).state == TOO_FEW
    assert moved(100, 300, notes_before=0).state == TOO_FEW


def contact(days_ago: int, note: str | None = "Smelt of alcohol, slurring.") -> dict[str, object]:
    return row("contacts", UNTIL - timedelta(days=days_ago), note=note)


def test_notes_and_their_entries_are_counted_by_period(tmp_path: Path) -> None:
    days = [0, LATELY - 1, LATELY, LATELY + BEFORE - 1, LATELY + BEFORE]
    contacts = [contact(days_ago) for days_ago in days] + [contact(1, None)]
    extract = factories.extract(tmp_path / "extract", {"contacts": contacts})
    load_extract(extract, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    counts = note_volumes.count_notes(store, {"A000001": "N54"}, UNTIL)
    table = {(late, kind): rows for _, late, kind, rows in counts.iter_rows()}
    assert table[True, None] == 2
    assert table[False, None] == 2
    assert table[True, "substance_use"] == 2
    assert table[False, "substance_use"] == 2
    assert note_volumes.count_notes(store, {}, UNTIL).is_empty()


def gap_of(wrong_of_women: int, answers_of_women: int) -> Figure:
    people = pl.DataFrame({"crn": [f"Z{n:06d}" for n in range(400)]}).with_columns(
        [pl.lit("All").alias(name) for name in CHARACTERISTICS if name != "sex"]
    )
    people = people.with_columns(
        sex=pl.when(pl.int_range(pl.len()) < 200).then(pl.lit("Female")).otherwise(pl.lit("Male"))
    )
    crns = [f"Z{n:06d}" for n in range(answers_of_women)] + [f"Z{n:06d}" for n in range(200, 400)]
    wrong = [n < wrong_of_women for n in range(answers_of_women)] + [
        n % 10 == 0 for n in range(200)
    ]
    answers = pl.DataFrame({"crn": crns, "kind": "weapon", "wrong": wrong})
    return equality.answer_gap(people, answers)


def test_a_group_whose_notes_are_misread_more_often_is_named() -> None:
    figure = gap_of(140, 200)
    assert figure.state == ACT
    assert "sex: " in figure.sentence
    assert gap_of(20, 200).state in (GREEN, TOO_FEW)
    few = gap_of(9, 9)
    assert "Female" not in few.sentence.partition("No gap")[0] or few.state == TOO_FEW
    assert gap_of(10, 12).state == ACT, "twelve answers are enough where ten of them are wrong"


def test_the_share_corrected_is_by_kind_from_the_last_answers(service: Service) -> None:
    with service.night.connect() as connection:
        answers = notes._last_answers(connection)
        people = service.store.read_versions("people").select("crn").unique().head(0)
        people = people.with_columns([pl.lit("").alias(name) for name in CHARACTERISTICS])
        counts = pl.DataFrame(schema=note_volumes._SCHEMA)
        figures = {one.name: one for one in notes.note_figures(connection, people, counts)}
    assert set(figures) == {"notes_moved", "notes_wrong", "notes_gap"}
    assert figures["notes_moved"].value is None
    wrong = figures["notes_wrong"]
    assert sorted(part.label for part in wrong.parts) == sorted(KINDS.values())
    assert answers.height < 30
    assert wrong.state == TOO_FEW, "fewer than thirty answers of a kind tell nothing"


def test_part_of_a_kind_needs_thirty_answers() -> None:
    answers = pl.DataFrame(
        {
            "crn": ["A"] * 60,
            "kind": ["weapon"] * 30 + ["threat"] * 30,
            "wrong": [True] * 10 + [False] * 50,
        }
    )
    assert notes._wrong_part("weapon", "Weapon", answers).state == ACT
    assert notes._wrong_part("threat", "Threat", answers).state == GREEN
    assert notes._wrong_part("weapon", "Weapon", answers.head(29)).state == TOO_FEW
