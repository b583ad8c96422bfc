"""What notes say, counted like coded entries once its kind is switched on: both edges of a week."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from features.contracts import note_columns
from features.history.rows_of_notes import COUNTS_AS
from tests.factories import known_histories, row

DAY = date(2026, 6, 10)


def note(kind: str = "weapon", days: int = 0, **values: Any) -> dict[str, Any]:
    return row("note_entries", DAY + timedelta(days=days), kind=kind, **values)


def counted(*notes: dict[str, Any], kinds: set[str], **coded: list[dict[str, Any]]) -> int:
    """How many rows the notes add to the tables that they may count in."""
    tables = ("incidents", "circumstances", "contacts")
    histories = known_histories({"note_entries": list(notes), **coded})
    before = sum(histories.rows(name).height for name in tables)
    switched_on = known_histories({"note_entries": list(notes), **coded})
    switched_on.note_kinds = frozenset(kinds)
    return sum(switched_on.rows(name).height for name in tables) - before


@pytest.mark.parametrize("kind", list(note_columns.KINDS))
def test_a_kind_counts_only_where_it_is_switched_on_and_has_a_place(kind: str) -> None:
    assert counted(note(kind), kinds=set()) == 0
    assert counted(note(kind), kinds={kind}) == (kind in COUNTS_AS)


@pytest.mark.parametrize(
    "values",
    [
        {"asserted": "no"},
        {"asserted": "possible"},
        {"asserted": "conditional"},
        {"done_by": "other"},
        {"period": "past"},
    ],
)
def test_what_is_no_fact_of_the_person_now_never_counts(values: dict[str, str]) -> None:
    assert counted(note(**values), kinds={"weapon"}) == 0


def test_what_was_earlier_counts_on_a_day_that_is_named_alone() -> None:
    assert counted(note(period="past"), kinds={"weapon"}) == 0
    assert counted(note(period="past", named_on=DAY), kinds={"weapon"}) == 1


@pytest.mark.parametrize(("days", "count"), [(-8, 1), (-7, 0), (0, 0), (7, 0), (8, 1)])
def test_what_is_coded_within_a_week_is_one_entry(days: int, count: int) -> None:
    coded = [row("incidents", DAY, kind="weapon")]
    assert counted(note(days=days), kinds={"weapon"}, incidents=coded) == count
    of_another_kind = [row("incidents", DAY, kind="threat")]
    assert counted(note(days=days), kinds={"weapon"}, incidents=of_another_kind) == 1


@pytest.mark.parametrize(("days", "count"), [(0, 1), (1, 1), (7, 1), (8, 2)])
def test_what_is_noted_again_within_a_week_is_one_entry(days: int, count: int) -> None:
    assert counted(note(), note(days=days), kinds={"weapon"}) == count


def test_notes_of_other_cases_do_not_touch_each_other() -> None:
    histories = known_histories(
        {"note_entries": [note(), note(crn="A000002")]}, crns=("A000001", "A000002")
    )
    histories.note_kinds = frozenset({"weapon"})
    assert histories.rows("incidents").height == 2


@pytest.mark.parametrize(
    ("contacts", "kinds", "count"),
    [
        (("C1", "C1"), {"violence", "domestic_abuse"}, 1),
        (("C1", "C2"), {"violence", "domestic_abuse"}, 2),
        (("C1", "C1"), {"violence"}, 1),
    ],
)
def test_violence_that_the_same_note_says_is_abuse_is_one_entry(
    contacts: tuple[str, str], kinds: set[str], count: int
) -> None:
    notes = [
        note(kind, contact_id=contact)
        for kind, contact in zip(("violence", "domestic_abuse"), contacts, strict=True)
    ]
    assert counted(*notes, kinds=kinds) == count
