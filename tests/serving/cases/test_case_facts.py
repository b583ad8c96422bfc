"""What stands at the top of a case page, fact by fact, as known on the day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from features.contracts import codes
from features.contracts.contact_codes import APPOINTMENTS, PLANNED_CONTACTS
from serving.cases.case_facts import LEVEL_REGISTERS, facts_of_cases
from serving.cases.caseload import CHECKLIST
from serving.cases.summary import _outstanding_work
from serving.settings import read_settings
from serving.web.pages import template_environment
from tests.factories import AS_OF, CRN, assessment, known_histories, row
from tests.pages import Browser
from tests.service import Service


def facts(**rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The facts of the one case that has these rows."""
    return facts_of_cases(known_histories(rows))[CRN]


def test_nothing_on_record_is_nothing_and_not_a_value() -> None:
    assert set(facts(supervisions=[row("supervisions", "2026-01-01")]).values()) == {None}


def test_the_newest_main_offence_and_how_many_others() -> None:
    offences = [
        row("offences", "2024-02-01", main=True, description="Theft"),
        row("offences", "2025-03-04", main=True, description="Harassment"),
        row("offences", "2025-05-06", main=False, description="Criminal damage"),
    ]
    assert facts(offences=offences)["offence"] == {
        "words": "Harassment",
        "on": "2025-03-04",
        "others": 2,
    }
    assert facts(offences=[offences[2]])["offence"] is None, "an additional one is not the main one"
    by_code = facts(offences=[row("offences", "2025-03-04", main=True, code="00800")])
    assert by_code["offence"]["words"] == "00800"


def test_the_tier_is_the_newest_that_is_known() -> None:
    rows = [
        row("supervisions", "2025-01-01", tier="B2"),
        row("supervisions", "2026-01-01", tier="C1"),
        row("supervisions", "2026-03-01"),
    ]
    assert facts(supervisions=rows)["tier"] == "C1"


def test_mappa_is_the_active_register_with_level_and_category() -> None:
    ended = row("registrations", "2024-01-01", type_code="MAPP", level_code="M3", ended_on="x")
    ended |= {"ended_on": date(2024, 6, 1)}
    now = row("registrations", "2025-01-01", type_code="MAPP", level_code="M2", category_code="M1")
    assert facts(registrations=[ended])["mappa"] is None
    assert facts(registrations=[ended, now])["mappa"] == {
        "level": "level 2",
        "category": "category 1",
        "since": "2025-01-01",
        "review_on": None,
    }


def test_active_registers_once_a_type_without_levels_steps_and_ended_ones() -> None:
    codes_of = ["ADVP", "WEAP", "ADVP", "RHRH", "REG17", "PRC", "HREG", "MAPP"]
    rows = [row("registrations", f"2025-0{n}-01", type_code=c) for n, c in enumerate(codes_of, 1)]
    rows.append(row("registrations", "2025-09-01", type_code="STRG", ended_on=date(2025, 10, 1)))
    rows.append(row("registrations", "2025-09-02", type_code="ZZZZ"))
    registers = facts(registrations=rows)["registers"]
    assert [(one["title"], one["since"]) for one in registers] == [
        ("ZZZZ", "2025-09-02"),
        ("Domestic abuse perpetrator", "2025-03-01"),
        ("Weapons", "2025-02-01"),
    ]
    assert set(codes.REGISTER_TYPES) > LEVEL_REGISTERS


@pytest.mark.parametrize(
    ("values", "bands"),
    [
        (
            {"predictor_version": "1", "serious_band": "HIGH", "reoffending_band": "LOW"},
            [("RSR", "HIGH"), ("OGRS3", "LOW")],
        ),
        (
            {"predictor_version": "2", "serious_band": "VERY_HIGH", "violence_band": "MEDIUM"},
            [("CSRP", "VERY_HIGH"), ("VRP", "MEDIUM")],
        ),
        ({"serious_band": "HIGH"}, [("Serious reoffending", "HIGH")]),
        ({"predictor_version": "1", "serious_band": "NOT_APPLICABLE"}, []),
    ],
)
def test_predictors_are_named_for_their_generation(
    values: dict[str, str], bands: list[tuple[str, str]]
) -> None:
    """The same share falls in other bands in RSR and in CSRP, so the name goes with the band."""
    predictors = facts(assessments=[assessment("2026-01-02", **values)])["predictors"]
    assert predictors == {"on": "2026-01-02", "bands": bands}


def test_the_assessment_says_whether_the_countersignature_is_there() -> None:
    signed = assessment(
        "2026-02-03",
        countersign_required=True,
        countersigned_at=datetime(2026, 2, 5, 9),
        prisoners_custody="HIGH",
    )
    open_ = row("assessments", "2026-05-01", status="OPEN")
    assessed = facts(assessments=[signed, open_])["assessed"]
    assert assessed == {
        "completed_on": "2026-02-03",
        "countersign_required": True,
        "countersigned_on": "2026-02-05",
        "custody": {"prisoners": "HIGH"},
        "community": dict.fromkeys(codes.COMMUNITY_GROUPS, "LOW"),
    }
    later = datetime.combine(AS_OF, datetime.min.time()).replace(year=AS_OF.year + 1)
    waiting = assessment("2026-02-03", countersign_required=True)
    assert facts(assessments=[waiting])["assessed"]["countersigned_on"] is None
    later_signed = assessment("2026-02-03", countersign_required=True, countersigned_at=later)
    assert facts(assessments=[later_signed])["assessed"]["countersigned_on"] is None, (
        "not known yet"
    )


def test_who_holds_the_case_and_a_place_that_nobody_holds() -> None:
    rows = [
        row("allocations", "2025-01-01", staff_code="N07A001", ended_on=date(2025, 6, 1)),
        row("allocations", "2025-06-01", staff_code="N07A002", grade="NQO"),
    ]
    assert facts(allocations=rows)["practitioner"] == {
        "code": "N07A002",
        "unallocated": False,
        "grade": "newly qualified officer",
        "since": "2025-06-01",
        "absent_from": None,
    }
    nobody = [row("allocations", "2025-06-01", staff_code="N07AALLU")]
    assert facts(allocations=nobody)["practitioner"]["unallocated"]


def test_the_page_of_a_case_opens_with_its_facts(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    page = browser.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    top = page.partition('data-qa="facts"')[2].partition("</dl>")[0]
    for title in ("Main offence", "Tier", "MAPPA", "Registers", "Predictors", "Practitioner"):
        assert f">{title}<" in top
    assert page.index('data-qa="facts"') < page.index('data-qa="levels"')


def test_a_decision_of_which_nothing_was_issued_is_outstanding() -> None:
    rows = [
        row("decisions", "2026-05-01", kind="recall", decided="recall"),
        row("decisions", "2026-05-02", kind="recall", decided="decision_not_to_recall"),
        row("decisions", "2026-05-03", kind="enforcement", decided="none"),
        row(
            "decisions",
            "2026-05-04",
            kind="enforcement",
            decided="warning",
            issued_on=date(2026, 5, 5),
        ),
    ]
    open_ = _outstanding_work(known_histories({"decisions": rows}))[CRN]["decisions"]
    assert [one["since"] for one in open_] == ["2026-05-01"]
    assert open_[0]["what"] == "Decision: recall"


def test_a_level_that_is_no_longer_current_is_shown_with_its_day(tmp_path: Path) -> None:
    """Without it "no current level" and what findings say of an old level disagree."""
    levels = dict.fromkeys(
        (*codes.COMMUNITY_GROUPS, "prisoners"),
        {"level": None, "state": "too_old", "assessed_on": None},
    )
    old = {"completed_on": "2024-03-05", "community": {"children": "MEDIUM"}}
    settings = read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)})
    macro: Any = template_environment(settings).get_template("components.html").module
    item = {"person": {"levels": levels, "facts": {"assessed": old}}}
    assert "It was medium on 5 March 2024" in " ".join(macro.level_table(item, None).split())


def test_the_page_says_what_the_checklist_says_of_the_case(
    service: Service, browser: Browser
) -> None:
    """A fact that every reader of the unit can look up, so it gives nothing of the findings away."""
    with service.admin.connect() as connection:
        item, crn = connection.execute(
            text(
                "SELECT i.id, i.crn FROM triage.items i JOIN triage.facts f ON f.crn = i.crn"
                " WHERE i.pdu_code = 'N54ALD' AND f.pdu_code = 'N54ALD' AND NOT i.limited"
                " ORDER BY i.id LIMIT 1"
            )
        ).one()
        names = connection.execute(
            text("SELECT indicator FROM triage.facts WHERE crn = :crn"), {"crn": crn}
        ).scalars()
        expected = {CHECKLIST[name] for name in names}
    browser.sign_in("ALD-SPO-1")
    for path in (f"/cases/{item}", f"/people/{crn}"):
        section = browser.get(path).partition('data-qa="checklist"')[2].partition("</section>")[0]
        assert {words for words in CHECKLIST.values() if f">{words}<" in section} == expected


def test_where_the_person_lives_is_the_newest_that_has_not_ended() -> None:
    rows = [
        row("circumstances", "2025-01-01", kind="address", state="settled", verified=True),
        row("circumstances", "2026-03-01", kind="address", state="no_fixed_abode"),
        row("circumstances", "2026-05-01", kind="address", state="temporary", ended_on=AS_OF),
    ]
    assert facts(circumstances=rows)["home"] == {
        "state": "no fixed abode",
        "since": "2026-03-01",
        "verified": False,
    }
    assert facts(circumstances=rows[2:])["home"] is None


def test_contact_with_a_child_that_ended_is_none() -> None:
    now = row("circumstances", "2026-03-01", kind="child_contact", state="current", verified=True)
    assert facts(circumstances=[now])["children"]["verified"]
    ended = row("circumstances", "2026-04-01", kind="child_contact", state="ended")
    assert facts(circumstances=[now, ended])["children"] is None


@pytest.mark.parametrize(
    ("code", "outcome", "is_seen"),
    [
        ("COAP", "ATTC", True),
        ("CHVS", "AFTC", True),  # seen, whether or not complied with
        ("COAP", "UAAB", False),
        ("COAP", None, False),
        ("CTOA", "ATTC", False),
    ],
)
def test_last_seen_is_the_last_meeting_in_person_that_was_attended(
    code: str, outcome: str | None, is_seen: bool
) -> None:
    meeting = row("contacts", "2026-05-01", type_code=code, outcome_code=outcome)
    newest = facts(contacts=[meeting])["last_seen"]
    assert (newest["on"] if newest else None) == ("2026-05-01" if is_seen else None)


@pytest.mark.parametrize(
    ("day", "values", "is_next"),
    [
        (AS_OF, {}, False),  # today's is no longer ahead at the end of the day
        (AS_OF + timedelta(1), {}, True),
        (AS_OF + timedelta(1), {"type_code": "TRTM"}, True),
        (AS_OF + timedelta(1), {"type_code": "CTOA"}, False),  # a letter
        (AS_OF + timedelta(1), {"outcome_code": "RSOF"}, False),  # moved to another day
        (AS_OF + timedelta(1), {"recorded_at": datetime.combine(AS_OF, time(23, 59))}, True),
        (
            AS_OF + timedelta(1),
            {"recorded_at": datetime.combine(AS_OF + timedelta(1), time(0))},
            False,
        ),
        (AS_OF + timedelta(1), {"withdrawn_at": datetime.combine(AS_OF, time(13))}, False),
    ],
)
def test_the_next_appointment_is_the_first_one_ahead_that_was_known(
    day: date, values: dict[str, Any], is_next: bool
) -> None:
    booking = {"type_code": "COAP", "recorded_at": datetime.combine(AS_OF, time(12))}
    later = row("contacts", AS_OF + timedelta(9), **booking)
    one = row("contacts", day, **(booking | values))
    ahead = facts(contacts=[later, one])["next_appointment"]
    assert ahead["on"] == (day if is_next else AS_OF + timedelta(9)).isoformat()
    assert facts(contacts=[one])["next_appointment"] == (ahead if is_next else None)


def test_enquiries_that_came_back_with_concerns_are_listed_newest_first() -> None:
    rows = [
        row("enquiries", "2026-01-01", result="concerns", returned_on=date(2026, 1, 20)),
        row("enquiries", "2026-02-01", kind="child_safeguarding", requested_on=date(2026, 2, 1)),
        row("enquiries", "2026-03-01", result="no_concerns", returned_on=date(2026, 3, 9)),
        row("enquiries", "2026-04-01", result="concerns", returned_on=date(2026, 4, 20)),
    ]
    days = [one["on"] for one in facts(enquiries=rows)["concerns"]]
    assert days == ["2026-04-20", "2026-01-20"]


def test_every_appointment_may_be_recorded_before_its_day() -> None:
    """Else intake would refuse the next one, and the page would say that there is none."""
    assert set(APPOINTMENTS) <= PLANNED_CONTACTS
