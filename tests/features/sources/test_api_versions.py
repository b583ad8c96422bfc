"""What several responses say of one record: one record, with versions in the order of moments."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from features.sources.api_versions import CHANGED, GUESSED, join_assessments, to_versions

FIRST, SECOND, THIRD = (datetime(2026, 10, day, 9) for day in (1, 14, 20))


def telling(at: datetime, **values: Any) -> dict[str, Any]:
    return {"record_id": "contact-1", "recorded_at": at, **values}


@pytest.mark.parametrize(
    ("tellings", "expected"),
    [
        ([telling(FIRST, outcome="A")], [(1, FIRST, "A")]),
        ([telling(FIRST, outcome="A"), telling(SECOND, outcome="A")], [(1, FIRST, "A")]),
        (
            [telling(SECOND, outcome="B"), telling(FIRST, outcome="A")],
            [(1, FIRST, "A"), (2, SECOND, "B")],
        ),
        (
            [telling(SECOND, outcome="A"), telling(FIRST, outcome=None, **{CHANGED: THIRD})],
            [(1, SECOND, "A"), (2, THIRD, None)],
        ),
        ([telling(FIRST, outcome=None), telling(FIRST, outcome="A")], [(1, FIRST, "A")]),
        (
            [telling(FIRST, outcome="B", **{GUESSED: True}), telling(SECOND, outcome="A")],
            [(1, SECOND, "A")],
        ),
        ([telling(FIRST, outcome="A", **{GUESSED: True})], [(1, FIRST, "A")]),
    ],
    ids=[
        "once",
        "the same again",
        "in another order",
        "taken back",
        "at one moment",
        "a guess beside a moment",
        "a guess alone",
    ],
)
def test_versions(
    tellings: list[dict[str, Any]], expected: list[tuple[int, datetime, str | None]]
) -> None:
    versions = to_versions(tellings)
    assert [(row["version"], row["recorded_at"], row["outcome"]) for row in versions] == expected
    guessed = all(one.get(GUESSED) for one in tellings)
    assert all(row[GUESSED] is guessed for row in versions)


def test_a_field_that_a_shape_does_not_have_stays() -> None:
    versions = to_versions([telling(FIRST, staff="N54"), telling(SECOND, outcome="A")])
    assert [(row.get("staff"), row.get("outcome")) for row in versions] == [
        ("N54", None),
        ("N54", "A"),
    ]


def test_a_guess_fills_what_no_other_says() -> None:
    guess = telling(FIRST, note="x", outcome="B", **{GUESSED: True})
    (row,) = to_versions([guess, telling(SECOND, outcome="A")])
    assert (row["outcome"], row["note"]) == ("A", "x")


@pytest.mark.parametrize(
    ("status", "day", "numbers"),
    [
        ("COMPLETE", 8, ["oasys-1"]),
        ("COMPLETE", 9, ["arns-1", "oasys-1"]),
        ("OPEN", 8, ["arns-1", "oasys-1"]),
    ],
)
def test_levels_by_day_join_the_assessment_completed_on_it(
    status: str, day: int, numbers: list[str]
) -> None:
    assessed = {"crn": "X700001", "completed_on": date(2026, 5, day), "status": status}
    by_day = {"crn": "X700001", "completed_on": date(2026, 5, 8), "public_community": "HIGH"}
    joined = join_assessments({"oasys-1": [assessed], "arns-1": [by_day]})
    assert sorted(joined) == numbers
    assert (joined["oasys-1"][0].get("public_community") == "HIGH") is (len(numbers) == 1)
