"""API responses about sentences, officers, enforcement, needs and caseloads; merges; deletions."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.errors import UnreadableInput
from features.frame import build
from features.history import asof
from features.intake.extract import describe_extract
from features.intake.load import load_extract
from features.sources.commands import response_lines
from features.sources.hmpps_api import Report, convert_responses
from features.store.store import Store

CRN, OTHER = "X700001", "X700002"
AT = datetime(2026, 11, 27, 12)
LATER = datetime(2026, 11, 28, 12)


def convert(
    folder: Path, at: datetime = AT, store: Path | None = None, **bodies: Any
) -> tuple[dict[str, list[dict[str, Any]]], Report]:
    """Convert bodies, each from a file of its name, and load them; the rows by record."""
    (folder / "in").mkdir(parents=True)
    for name, body in bodies.items():
        (folder / "in" / f"{name}.json").write_text(json.dumps(body))
    report = convert_responses(folder / "in", folder / "out", extracted_at=at)
    load_extract(folder / "out", store or folder / "store")
    paths = (folder / "out").glob("*.parquet")
    return {path.stem: pl.read_parquet(path).to_dicts() for path in paths}, report


def sentence(number: str, description: str, start: str | None, end: str | None) -> dict[str, Any]:
    order = {"description": description, "startDate": start, "endDate": end}
    return {"eventNumber": number, "order": order}


COMPLIANCE = {
    "personSummary": {"crn": CRN},
    "currentSentences": [
        sentence("3", "ORA Community Order", "2026-03-02", "2027-03-01"),
        sentence("4", "SSO (24 months)", "2026-04-02", None),
        sentence("5", "CJA - Std Determinate Custody", "2026-05-02", None),
        sentence("6", "Something else", "2026-05-02", None),
        sentence("7", "Community Order", None, None),
    ],
    "previousOrders": {
        "orders": [
            {
                "eventNumber": 1,
                "description": "12 month Community Order",
                "status": "Completed - Sentence/ PSS Expiry Reached",
                "startDate": "2020-01-01",
                "endDate": "2020-12-31",
            },
            {
                "eventNumber": 2,
                "description": "Licence",
                "status": "Recalled",
                "startDate": "2021-01-01",
                "endDate": "2021-06-30",
            },
        ]
    },
}


def test_sentences_of_a_compliance_response(tmp_path: Path) -> None:
    rows, report = convert(tmp_path, X700001=COMPLIANCE)
    sentences = [
        (row["kind"], row["occurred_on"], row["ended_on"], row["end_reason"])
        for row in rows["supervisions"]
    ]
    assert sorted(sentences, key=str) == [
        ("community_order", date(2020, 1, 1), date(2020, 12, 31), "completed"),
        ("community_order", date(2026, 3, 2), None, None),
        ("custody", date(2026, 5, 2), None, None),
        ("licence", date(2021, 1, 1), date(2021, 6, 30), "recalled"),
        ("suspended_sentence", date(2026, 4, 2), None, None),
    ]
    assert "a sentence without a start, or of a kind" in report.unread["X700001.json"]


def test_a_case_of_responses_is_under_supervision_and_has_a_frame(tmp_path: Path) -> None:
    contact = {
        "content": [
            {
                "id": 9,
                "crn": CRN,
                "createdAt": "2026-11-20T10:00:00Z",
                "contactDate": "2026-11-20T09:15:00Z",
                "type": {"code": "COAP"},
                "outcome": {"code": "UAAB"},
            }
        ]
    }
    access = {"crn": OTHER, "userExcluded": True, "userRestricted": False}
    convert(tmp_path, X700001=COMPLIANCE, contacts=contact, access=access)
    store = Store.open(tmp_path / "store")
    spine = build.cases_under_supervision(store, AT.date())
    assert spine["crn"].to_list() == [CRN]
    frame = build.build_frame(asof.read_histories(store, asof.make_spine([CRN], AT.date())))
    fired = frame.filter(group="public").row(0, named=True)
    assert fired["consecutive_unacceptable_absences"] == 1


def test_practitioners_and_no_prison_offender_manager(tmp_path: Path) -> None:
    body = {
        "currentContacts": [
            {"name": "A Officer", "allocationDate": "2026-04-22", "prisonOffenderManager": False},
            {"name": "A Prison", "allocationDate": "2026-01-12", "prisonOffenderManager": True},
        ],
        "previousContacts": [
            {"name": "B Officer", "allocationDate": "2026-01-02", "allocatedUntil": "2026-04-22"}
        ],
    }
    rows, report = convert(tmp_path, X700001=body)
    held = [(row["staff_code"], row["ended_on"]) for row in rows["allocations"]]
    assert sorted(held) == [("A Officer", None), ("B Officer", date(2026, 4, 22))]
    assert "a prison offender manager" in report.unread["X700001.json"]


def test_an_outcome_and_its_enforcement_are_known_from_their_last_change(tmp_path: Path) -> None:
    body = {
        "enforcementContacts": [
            {
                "id": 1,
                "crn": CRN,
                "appointmentType": "Planned Office Visit (NS)",
                "appointmentDate": "2026-05-01",
                "appointmentOutcome": "Unacceptable absence",
                "enforcementAction": "Breach initiated",
                "lastModifiedDate": "2026-05-10",
            }
        ]
    }
    rows, _ = convert(tmp_path, list=body)
    (row,) = rows["contacts"]
    assert (row["record_id"], row["outcome_code"]) == ("ndelius-1", "UAAB")
    assert row["recorded_at"] == datetime(2026, 5, 10)


def test_needs_give_the_date_of_an_assessment_and_take_no_level_away(tmp_path: Path) -> None:
    needs = {
        "crn": CRN,
        "assessments": [
            {
                "assessmentPk": 7,
                "assessmentType": "LAYER3",
                "dateCompleted": "2026-05-19T16:57:25",
                "acc": {"accLinkedToHarm": "No"},
            }
        ],
    }
    levels = {
        "crn": CRN,
        "assessments": [
            {
                "assessmentPk": 7,
                "assessmentStatus": "COMPLETE",
                "initiationDate": "2026-05-01T10:00:00",
                "dateCompleted": "2026-05-19T16:57:25",
                "riskPublicCommunity": "High",
            }
        ],
    }
    rows, _ = convert(tmp_path, needs=needs, levels=levels)
    (row,) = rows["assessments"]
    assert (row["completed_on"], row["public_community"]) == (date(2026, 5, 19), "HIGH")


def test_a_caseload_names_people_and_keeps_limited_cases_closed(tmp_path: Path) -> None:
    body = {
        "caseload": [
            {
                "crn": CRN,
                "caseName": {"forename": "Ann", "surname": "Example"},
                "dob": "1990-09-25",
                "previousAppointment": {
                    "id": 5,
                    "date": "2026-09-24T09:00:00+01:00",
                    "description": "Something",
                },
            },
            {"crn": OTHER, "limitedAccess": True},
        ]
    }
    rows, report = convert(tmp_path, list=body)
    (person,) = rows["people"]
    assert (person["crn"], person["family_name"]) == (CRN, "Example")
    assert person["recorded_at"] == AT, "nobody says since when the name is on record"
    assert [row["record_id"] for row in rows["contacts"]] == ["ndelius-5"]
    assert [row["crn"] for row in rows["limits"]] == [OTHER]
    assert "a case without a name" in report.unread["list.json"]


def test_open_access_is_no_limit_and_no_shape_that_is_not_known(tmp_path: Path) -> None:
    access = {"crn": CRN, "userExcluded": False, "userRestricted": False}
    _, report = convert(tmp_path, access=access, X700001=COMPLIANCE)
    assert report.unread["access.json"] == (
        f"access of one user: access to {CRN} is open to the user who asked"
    )


def flags(crn: str, **values: Any) -> dict[str, Any]:
    flag = {"id": 95501, "description": "Weapons", "createdDate": "2026-03-01", **values}
    return {"personSummary": {"crn": crn}, "riskFlags": [flag]}


def event(kind: str, at: str, **about: str) -> dict[str, Any]:
    return {
        "eventType": f"probation-case.{kind}.completed",
        "occurredAt": at,
        "additionalInformation": about,
    }


MERGE = event("merge", "2026-11-20T10:00:00Z", sourceCRN=CRN, targetCRN=OTHER)
UNMERGE = event("unmerge", "2026-11-21T10:00:00Z", unmergedCRN=OTHER, reactivatedCRN=CRN)


def live_flags(store: Path) -> list[tuple[str, str]]:
    spine = asof.make_spine([CRN, OTHER], LATER.date())
    rows = asof.read_histories(Store.open(store), spine).rows("registrations")
    return sorted(rows.select("crn", "record_id").rows())


@pytest.mark.parametrize(
    ("events", "crn"),
    [
        ([MERGE], OTHER),
        ([MERGE, UNMERGE], CRN),
        ([UNMERGE, MERGE], CRN),
        ([{**UNMERGE, "occurredAt": "2026-11-19T10:00:00Z"}, MERGE], OTHER),
        ([], CRN),
    ],
)
def test_rows_of_a_merged_case_count_for_the_other(
    tmp_path: Path, events: list[dict[str, Any]], crn: str
) -> None:
    bodies = {f"event-{n}": one for n, one in enumerate(events)}
    rows, report = convert(tmp_path, flags=flags(CRN), **bodies)
    assert [row["crn"] for row in rows["registrations"]] == [crn]
    assert (f"  {CRN} was merged into {OTHER}" in response_lines(report)) == (crn == OTHER)


def test_a_merge_between_two_fetches_moves_the_flag(tmp_path: Path) -> None:
    store = tmp_path / "store"
    convert(tmp_path / "before", flags=flags(CRN), store=store)
    convert(tmp_path / "after", LATER, flags=flags(OTHER), store=store)
    assert live_flags(store) == [(OTHER, "ndelius-95501")]


def test_the_same_flag_under_two_cases_is_one(tmp_path: Path) -> None:
    rows, _ = convert(tmp_path, one=flags(CRN), other=flags(OTHER))
    assert [row["crn"] for row in rows["registrations"]] == [OTHER]


def test_the_same_number_of_two_things_is_two(tmp_path: Path) -> None:
    rows, _ = convert(tmp_path, one=flags(CRN), other=flags(OTHER, description="Domestic abuse"))
    assert [row["crn"] for row in rows["registrations"]] == [CRN, OTHER]


def history(*days: int, garbage: int = 0, **summary: int) -> dict[str, Any]:
    contacts = [
        {"startDateTime": f"2026-11-{day:02d}T09:30:00Z", "type": {"code": "COAP"}} for day in days
    ]
    contacts += [{"startDateTime": "garbage", "type": {"code": "COAP"}}] * garbage
    body = {"personalDetails": {"identifiers": {"crn": CRN}}, "contacts": contacts}
    return body | ({"summary": summary} if summary else {})


@pytest.mark.parametrize(
    ("later", "left"),
    [
        (history(12, 10), 2),
        (history(12, 10, hits=2, total=2), 2),
        (history(12, 10, hits=2, total=3), 3),
        (history(12, hits=2, total=2), 3),
        (history(12, 10, garbage=1), 3),
    ],
)
def test_a_contact_that_a_whole_history_no_longer_has_was_deleted(
    tmp_path: Path, later: dict[str, Any], left: int
) -> None:
    store = tmp_path / "store"
    convert(tmp_path / "one", store=store, a=history(12, 11, 10), b=flags(OTHER))
    convert(tmp_path / "two", LATER, store=store, a=later)
    spine = asof.make_spine([CRN, OTHER], LATER.date())
    histories = asof.read_histories(Store.open(store), spine)
    assert histories.rows("contacts").height == left
    assert histories.rows("registrations").height == 1, "nothing else is withdrawn"


@pytest.mark.parametrize("whole", [{"contacts": [""]}, {"contacts": "history-"}, {"contacts": [1]}])
def test_a_beginning_that_stands_for_everything_is_refused(tmp_path: Path, whole: Any) -> None:
    content = {"extracted_at": "2026-11-20T02:00:00", "whole": whole}
    (tmp_path / "extract.json").write_text(json.dumps(content))
    with pytest.raises(UnreadableInput, match="none empty"):
        describe_extract(tmp_path)


@pytest.mark.parametrize(("crn", "read"), [("x700001 ", True), ("ABCDEFG", False)])
def test_a_crn_in_lower_case_is_the_same_and_one_that_is_none_is_named(
    tmp_path: Path, crn: str, read: bool
) -> None:
    rows, report = convert(tmp_path, flags=flags(crn), X700001=COMPLIANCE)
    crns = [row["crn"] for row in rows.get("registrations", [])]
    assert crns == (["X700001"] if read else [])
    assert ("its CRN is not a letter and six digits" in report.unread.get("flags.json", "")) != read


def test_a_limit_for_a_crn_in_lower_case_is_of_that_case(tmp_path: Path) -> None:
    access = {"crn": "x700002", "userRestricted": True, "userExcluded": False}
    rows, _ = convert(tmp_path, X700001=access)
    assert [row["crn"] for row in rows["limits"]] == ["X700002"]
