"""No two statements of one case disagree: what a finding says against what the page says on top.

Over every made-up case of the service; a rule that holds for none of them fails too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from features.frame import build
from features.history import asof
from serving.cases import over_time, summary
from tests.conftest import AS_OF
from tests.service import Service


@dataclass(frozen=True)
class Case:
    """The top of the page of a case, and a row of its indicators (the first community group)."""

    header: dict[str, Any]
    values: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """The facts on top of the page."""
        facts: dict[str, Any] = self.header["facts"]
        return facts


@pytest.fixture(scope="module")
def cases(service: Service) -> list[Case]:
    """Every case under supervision, with its header and its indicators."""
    on = build.cases_under_supervision(service.store, AS_OF).filter(~pl.col("limited"))
    histories = asof.read_histories(service.store, asof.make_spine(on["crn"], AS_OF))
    headers = summary.summarise_people(service.store, histories, AS_OF, ())
    frame = build.build_frame(histories)
    rows = frame.filter(pl.col("group") == "public").iter_rows(named=True)
    return [Case(headers[row["crn"]], row) for row in rows]


def day(text: str | None) -> date | None:
    """A day of the header."""
    return date.fromisoformat(text) if text else None


def _last_meeting(case: Case) -> tuple[Any, Any] | None:
    since = case.values["days_since_face_to_face"]
    met = case.facts["last_seen"]
    return (
        None if since is None else (met and AS_OF - timedelta(days=since), met and day(met["on"]))
    )


def _assessed(case: Case) -> tuple[Any, Any] | None:
    age, assessed = case.values["assessment_age_days"], case.facts["assessed"]
    if age is None:
        return None
    return AS_OF - timedelta(days=age), assessed and day(assessed["completed_on"])


def _newest_assessment(case: Case) -> tuple[Any, Any] | None:
    listed, assessed = case.header["over_time"]["assessments"], case.facts["assessed"]
    return (listed[0]["completed_on"], assessed["completed_on"]) if listed else None


def _levels(case: Case) -> tuple[Any, Any] | None:
    level, assessed = case.header["levels"]["public"], case.facts["assessed"]
    if level["state"] != "current":
        return None
    return level["level"], assessed and assessed["community"].get("public")


def _failures(case: Case) -> tuple[Any, Any] | None:
    counted = case.values["licence_breach_count_cumulative"]
    months = case.header["non_compliance"]
    return None if not counted else (counted, sum(count for _, count in months["months"]))


def _registers(case: Case) -> tuple[Any, Any] | None:
    overdue = case.values["register_review_overdue"]
    if not overdue:
        return None
    mappa = case.facts["mappa"]
    reviews = [one["review_on"] for one in (case.facts["registers"] or [])]
    reviews += [mappa["review_on"]] if mappa else []
    late = [review for review in reviews if review and date.fromisoformat(review) < AS_OF]
    return bool(overdue), bool(late)


def _absences(case: Case) -> tuple[Any, Any] | None:
    missed = case.values["consecutive_unacceptable_absences"]
    months = case.header["over_time"]["months"]
    return None if not missed or not months else (True, sum(month[2] for month in months) > 0)


RULES: dict[str, Callable[[Case], tuple[Any, Any] | None]] = {
    "days since seen in person, and the day of the last meeting": _last_meeting,
    "the age of the assessment, and its day": _assessed,
    "the newest assessment over time, and the one on top": _newest_assessment,
    "the recorded level, and that of the assessment": _levels,
    "failures to comply in all, and month by month": _failures,
    "a register past its review, and its day on top": _registers,
    "absences in a row, and appointments missed over time": _absences,
}
"""By what is said twice: the two statements of a case, or None where one of them is not made."""


@pytest.mark.parametrize("rule", RULES)
def test_what_is_said_twice_is_said_alike(cases: list[Case], rule: str) -> None:
    statements = [
        (case.values["crn"], both) for case in cases if (both := RULES[rule](case)) is not None
    ]
    assert len(statements) > 5, "the caseload has too few such cases to show anything"
    assert [(crn, both) for crn, both in statements if both[0] != both[1]] == []


def test_the_picture_begins_before_what_it_shows(cases: list[Case]) -> None:
    first = over_time.first_day(AS_OF)
    for case in cases:
        months = [day(month[0]) for month in case.header["over_time"]["months"]]
        assert months in ([], sorted(months))
        assert not months or months[0] == first
