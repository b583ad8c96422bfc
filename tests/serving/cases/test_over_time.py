"""What the picture of a case shows, from the rows of the record to the shapes and the table."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from features.frame.seriousness import ADVERSE, SERIOUS
from serving.cases.over_time import MONTH, MONTHS, first_day, over_time_of_cases
from serving.web import case_picture
from tests.factories import AS_OF, CRN, assessment, known_histories, row
from tests.pages import Browser
from tests.service import Service

FIRST = first_day(AS_OF)


def over_time(**rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the picture of the one case shows that has these rows."""
    return over_time_of_cases(known_histories(rows), AS_OF)[CRN]


def entry(on: date, table: str = "incidents", seriousness: int | None = ADVERSE) -> dict[str, Any]:
    """An entry of the record, as the page reads it."""
    return {"source_table": table, "occurred_on": on, "seriousness": seriousness}


def test_the_months_are_thirty_days_each_and_end_on_the_day_of_the_night() -> None:
    assert (AS_OF - FIRST).days + 1 == MONTHS * MONTH
    shown = over_time(contacts=[row("contacts", AS_OF, outcome_code="ATTC")])["months"]
    assert len(shown) == MONTHS
    assert shown[0][0] == FIRST.isoformat()
    assert shown[-1] == [(AS_OF - timedelta(days=MONTH - 1)).isoformat(), 1, 0, 0]


@pytest.mark.parametrize(
    ("outcome", "enforcement", "counts"),
    [
        ("ATTC", None, [1, 0, 0]),
        ("ATTC", "EA05", [1, 0, 0]),  # a letter with a new appointment enforces nothing
        ("UAAB", None, [0, 1, 0]),
        ("AFTC", "IBR", [0, 1, 1]),
        ("ATSH", None, [0, 1, 0]),  # attended and sent home for how he behaved: failed, not kept
        ("AACL", None, [0, 0, 0]),
        (None, None, [0, 0, 0]),
    ],
)
def test_an_appointment_is_kept_or_missed_and_never_both(
    outcome: str | None, enforcement: str | None, counts: list[int]
) -> None:
    contact = row("contacts", AS_OF, outcome_code=outcome, enforcement_code=enforcement)
    assert over_time(contacts=[contact])["months"][-1][1:] == counts


def test_contact_before_the_picture_is_not_in_it() -> None:
    before = row("contacts", FIRST - timedelta(days=1), outcome_code="UAAB")
    first = row("contacts", FIRST, outcome_code="UAAB")
    assert over_time(contacts=[before])["months"] == []
    assert over_time(contacts=[before, first])["months"][0][1:] == [0, 1, 0]


def test_assessments_come_newest_first_and_say_what_they_changed() -> None:
    low = assessment("2025-01-10", children_community="LOW", analysis_fingerprint="same")
    higher = assessment("2026-01-10", children_community="HIGH", analysis_fingerprint="same")
    shown = over_time(assessments=[low, higher])
    assert [one["completed_on"] for one in shown["assessments"]] == ["2026-01-10", "2025-01-10"]
    newest, oldest = case_picture.level_changes(shown)
    assert newest.changes == [("children", "LOW", "HIGH")]
    assert newest.assessment["same_words"]
    assert oldest.is_first
    assert not oldest.assessment["same_words"]


def test_an_assessment_that_is_not_complete_is_not_in_it() -> None:
    assert over_time(assessments=[assessment("2026-01-10", status="OPEN")])["assessments"] == []


def test_custody_remand_and_premises_are_spells_and_an_order_is_none() -> None:
    rows = [
        row("supervisions", "2025-01-01", kind=kind, ended_on=date(2025, 3, 1))
        for kind in ("custody", "remand", "approved_premises", "licence", "community_order")
    ]
    assert len(over_time(supervisions=rows)["spells"]) == 3
    ended_before = row("supervisions", "2020-01-01", kind="custody")
    ended_before |= {"ended_on": FIRST - timedelta(days=1)}
    assert over_time(supervisions=[ended_before])["spells"] == []
    still = over_time(supervisions=[row("supervisions", "2020-01-01", kind="custody")])["spells"]
    assert still[0]["until"] is None


@pytest.mark.parametrize(
    ("reason", "ended_on", "recalls"),
    [
        ("recalled", FIRST, 1),
        ("revoked", AS_OF, 1),
        ("breached", AS_OF, 1),
        ("completed", AS_OF, 0),
        ("recalled", FIRST - timedelta(days=1), 0),
    ],
)
def test_an_order_that_ended_by_recall_or_breach_is_marked(
    reason: str, ended_on: date, recalls: int
) -> None:
    ended = row("supervisions", "2020-01-01", kind="licence", ended_on=ended_on, end_reason=reason)
    shown = over_time(supervisions=[ended])
    assert len(shown["recalls"]) == recalls
    picture = str(case_picture.draw_case(shown, [], AS_OF))
    assert picture.count(f'stroke="{case_picture.RED}"') == recalls


def test_a_register_of_a_level_is_in_the_assessments_and_not_beside_them() -> None:
    rows = [row("registrations", "2025-01-01", type_code=code) for code in ("RMRH", "RVLN")]
    assert len(over_time(registrations=rows)["registers"]) == 1


def test_each_month_of_the_table_has_what_happened_in_it_at_both_edges() -> None:
    last = AS_OF - timedelta(days=MONTH - 1)
    shown = over_time(contacts=[row("contacts", AS_OF, outcome_code="UAAB")])
    entries = [
        entry(AS_OF, seriousness=SERIOUS),
        entry(last),
        entry(last - timedelta(days=1), "contacts", SERIOUS),
        entry(last - timedelta(days=1), "contacts", ADVERSE),
        entry(AS_OF, seriousness=None),
    ]
    newest, before, *_ = case_picture.months_of(shown, entries, AS_OF)
    assert (newest.since, newest.serious, newest.other, newest.missed) == (last, 1, 2, 1)
    assert (before.serious, before.other) == (1, 0)


def test_the_picture_says_by_letter_and_shape_what_it_shows() -> None:
    shown = over_time(
        assessments=[assessment("2026-01-10", children_community="VERY_HIGH")],
        registrations=[row("registrations", "2026-01-01", type_code="RVLN")],
    )
    serious, other = entry(AS_OF, seriousness=SERIOUS), entry(AS_OF)
    decision, before = entry(AS_OF, "decisions"), entry(FIRST - timedelta(days=1))
    picture = str(case_picture.draw_case(shown, [serious, other, decision, before], AS_OF))
    assert ">VH</text>" in picture
    assert (picture.count("<circle"), picture.count("<polygon")) == (1, 1)
    assert picture.count(f'height="8" fill="{case_picture.RED}"') == 1
    assert "the table below says the same" in picture


def test_a_level_ends_in_the_picture_after_fifty_five_weeks() -> None:
    old = over_time(assessments=[assessment("2024-12-01", children_community="HIGH")])
    scale = case_picture._Scale(FIRST, AS_OF)
    (block,) = case_picture._levels(old["assessments"], "children", scale, 0)
    ends = date(2024, 12, 1) + timedelta(days=55 * 7)
    width = scale.x(ends) - scale.x(date(2024, 12, 1))
    assert f'width="{width:.1f}"' in block


def test_the_page_is_reached_from_the_case_and_holds_no_finding(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD", levels=("LOW", "MEDIUM", "HIGH"))
    case = browser.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    assert f"/cases/{item}/over-time" in case
    assert f"/cases/{item}/findings" not in case, "they open after the view"
    page = browser.get(f"/cases/{item}/over-time")
    assert "<svg" in page
    assert "What each assessment changed" in page
    assert f"/cases/{item}/findings" not in page
    browser.get(f"/cases/{service.unread('N54BRI')}/over-time", status=404)


def test_a_case_queued_before_there_were_pictures_says_so(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD")
    older = text("UPDATE triage.items SET person = person - 'over_time' WHERE id = :item")
    with service.admin.begin() as connection:
        connection.execute(older, {"item": item})
    page = browser.sign_in("ALD-SPO-1").get(f"/cases/{item}/over-time")
    assert "queued before pictures were made" in page
