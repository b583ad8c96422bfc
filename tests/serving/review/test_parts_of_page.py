"""The parts of a case page: what did or could do harm first, what is routine folded, nothing lost."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from features.frame.seriousness import ADVERSE, CHANGE, NOTED, ROUTINE, SERIOUS
from serving.review.lines import PARTS, harm_before, parts_of_page

DAY = date(2026, 6, 30)


def entry(days_ago: int, seriousness: int | None, what: str = "Entry") -> dict[str, Any]:
    day = DAY - timedelta(days=days_ago)
    return {
        "source_table": "contacts",
        "record_id": f"C{days_ago}",
        "occurred_on": day,
        "recorded_at": datetime.combine(day, datetime.min.time()),
        "what": what,
        "detail": f"{days_ago}",
        "seriousness": seriousness,
    }


LEVELS = st.sampled_from([None, ROUTINE, NOTED, CHANGE, ADVERSE, SERIOUS])


@given(st.lists(st.tuples(LEVELS, st.sampled_from("ABCDEFG")), max_size=150))
def test_every_entry_is_in_one_part(drawn: list[tuple[int | None, str]]) -> None:
    entries = [entry(n, level, what) for n, (level, what) in enumerate(drawn)]
    parts = parts_of_page(entries)
    ids = [e["record_id"] for part in parts for line in part.lines for e in line.entries]
    assert sorted(ids) == sorted(one["record_id"] for one in entries)
    assert [part.title for part in parts] == [title for title, _ in PARTS]
    assert sum(part.count for part in parts) == len(entries)


def test_what_could_do_harm_comes_first_and_then_the_newest() -> None:
    rows = [entry(1, ADVERSE, "late"), entry(9, SERIOUS, "arrest"), entry(5, ADVERSE, "absence")]
    happened = parts_of_page(sorted(rows, key=lambda one: one["occurred_on"], reverse=True))[0]
    assert [line.what for line in happened.lines] == ["arrest", "late", "absence"]


def test_only_what_is_routine_and_without_a_note_is_folded() -> None:
    parts = parts_of_page([entry(n, level) for n, level in enumerate((ROUTINE, NOTED, CHANGE))])
    assert [(part.count, part.folded) for part in parts] == [
        (0, False),
        (1, False),
        (1, False),
        (1, True),
    ]


def test_an_entry_whose_seriousness_was_never_worked_out_is_not_folded_away() -> None:
    assert parts_of_page([entry(1, None)])[0].count == 1


def test_harm_before_the_last_assessment_is_shown_for_two_years() -> None:
    incident = {"source_table": "incidents"}
    recent = [entry(3, ADVERSE) | incident]
    rows = [
        *recent,
        entry(100, ADVERSE, "violence") | incident,
        entry(200, SERIOUS, "arrest"),
        entry(300, ADVERSE, "warning letter"),
        entry(729, ADVERSE, "weapon") | incident,
        entry(730, SERIOUS, "long ago") | incident,
    ]
    before = harm_before(rows, recent, DAY)
    assert [line.what for line in before.lines] == ["arrest", "violence", "weapon"]
    assert not before.folded
