"""The record as at most forty lines: nothing is left out, and like stands with like."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.review.lines import MOST_LINES, entries_since, group_entries, last_assessed

DAY = date(2026, 11, 20)


def entry(
    number: int,
    table: str = "contacts",
    what: str = "Visit",
    detail: str = "",
    recorded: int | None = None,
) -> dict[str, Any]:
    """An entry so many days before, recorded that day or so many days before."""
    known_day = DAY - timedelta(days=number if recorded is None else recorded)
    return {
        "source_table": table,
        "record_id": f"R{number}",
        "what": what,
        "detail": detail,
        "occurred_on": DAY - timedelta(days=number),
        "recorded_at": datetime.combine(known_day, time(9)),
    }


def test_entries_that_say_the_same_are_one_line_with_both_days() -> None:
    lines = group_entries([entry(1), entry(2, what="Threat"), entry(3), entry(9, detail="Missed")])
    assert [(line.what, line.detail, len(line.entries)) for line in lines] == [
        ("Visit", "", 2),
        ("Threat", "", 1),
        ("Visit", "Missed", 1),
    ]
    assert (lines[0].first_day, lines[0].last_day) == (
        DAY - timedelta(days=3),
        DAY - timedelta(days=1),
    )


def test_too_many_lines_are_put_together_by_kind_the_everyday_ones_first() -> None:
    many = [entry(n, what=f"Kind {n % 60}", detail=f"d{n}") for n in range(300)]
    rare = [entry(400, what="Threat to kill"), entry(401, "incidents", "Violence")]
    lines = group_entries([*many, *rare])
    assert len(lines) <= MOST_LINES
    assert {"Threat to kill", "Violence"} <= {line.what for line in lines}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["contacts", "incidents", "decisions"]),
            st.integers(0, 80),
            st.integers(0, 3),
        ),
        max_size=200,
    )
)
def test_every_entry_stands_in_one_line_and_there_are_never_too_many(
    drawn: list[tuple[str, int, int]],
) -> None:
    entries = [
        entry(n, table, f"w{what}", f"d{detail}") for n, (table, what, detail) in enumerate(drawn)
    ]
    lines = group_entries(entries)
    assert len(lines) <= MOST_LINES
    numbers = [one["record_id"] for line in lines for one in line.entries]
    assert sorted(numbers) == sorted(one["record_id"] for one in entries)
    assert [line.last_day for line in lines] == sorted(
        (line.last_day for line in lines), reverse=True
    )
    for line in lines:
        assert len({one["source_table"] for one in line.entries}) == 1


def test_the_page_opens_at_the_last_assessment() -> None:
    levels = {"public": {"assessed_on": "2026-05-01"}, "staff": {"assessed_on": None}}
    assert last_assessed({"levels": levels}) == date(2026, 5, 1)
    assert last_assessed({"levels": {"public": {"assessed_on": None}}}) is None
    assessed = DAY - timedelta(days=5)
    same, late, before = entry(5), entry(30, recorded=2), entry(30)
    entries = [entry(1), same, late, before]
    assert entries_since(entries, assessed) == [entries[0], same, late], (
        "what came to light late too"
    )
    assert entries_since(entries, None) == entries
