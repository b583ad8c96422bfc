"""HMPPS shapes become rows: small samples of our own, and the shared fixtures where they lie."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features import clock
from features.errors import MissingInput, UserError
from features.history import asof
from features.history.recorded_levels import recorded_levels
from features.intake.load import load_extract
from features.sources import hmpps_api
from features.sources.api_assessments import parse_time
from features.store.store import Store
from tests.conftest import SHARED

AT = datetime(2026, 7, 1, 2)
CRN = "X100001"
SUMMARY = {
    "riskInCommunity": {
        "HIGH": ["Public"],
        "MEDIUM": ["Known adult"],
        "LOW": ["Children", "Staff", "Prisoners"],
    },
    "riskInCustody": {"VERY_HIGH": ["Staff"]},
    "assessedOn": "2026-05-19T08:26:31",
    "overallRiskLevel": "VERY_HIGH",
}
WIDGET = {
    "overallRisk": "HIGH",
    "assessedOn": "2026-05-19T08:26:31",
    "riskInCommunity": {
        "Public": "HIGH",
        "Known Adult": "MEDIUM",
        "Children": "LOW",
        "Staff": "LOW",
    },
    "riskInCustody": {"Prisoners": "LOW"},
}
RECALL = {
    "riskOfSeriousHarm": {
        "overallRisk": "HIGH",
        "assessedOn": "2026-05-19",
        "riskInCommunity": {
            "riskToPublic": "HIGH",
            "riskToKnownAdult": "MEDIUM",
            "riskToChildren": "LOW",
            "riskToStaff": "LOW",
        },
        "riskInCustody": {"riskToPrisoners": "LOW"},
    }
}
ORDS = {
    "crn": CRN,
    "limitedAccessOffender": False,
    "assessments": [
        {
            "assessmentPk": 77,
            "assessmentStatus": "COMPLETE",
            "initiationDate": "2026-05-01T10:00:00",
            "dateCompleted": "2026-05-19T08:26:31",
            "riskPublicCommunity": "High",
            "riskKnownAdultCommunity": "Medium",
            "riskChildrenCommunity": "Low",
            "riskStaffCommunity": "Low",
            "riskPrisonersCustody": "Very High",
        }
    ],
}
LEVELS = {"children": "LOW", "public": "HIGH", "known_adult": "MEDIUM", "staff": "LOW"}


def convert(folder: Path, **bodies: Any) -> dict[str, pl.DataFrame]:
    """The tables that some response bodies become; a body's file is named after its argument."""
    source = folder / "in"
    source.mkdir()
    for name, body in bodies.items():
        (source / f"{name}.json").write_text(json.dumps(body))
    hmpps_api.convert_responses(source, folder / "out", extracted_at=AT)
    return {path.stem: pl.read_parquet(path) for path in (folder / "out").glob("*.parquet")}


def test_limits_of_access_close_the_case_and_name_nobody(tmp_path: Path) -> None:
    """A response does not say who is no longer named: a user taken off would stay let in."""
    body = {
        "excludedFrom": [{"email": "a@example.org"}],
        "exclusionMessage": "No.",
        "restrictedTo": [{"username": "ALD-SPO-1"}, {}],
    }
    limits = convert(tmp_path, X100001=body)["limits"]
    assert set(limits["crn"]) == {"X100001"}
    assert sorted(limits["kind"]) == ["exclusion", "restriction"]
    assert "username" not in limits.columns or limits["username"].null_count() == 2


@pytest.mark.parametrize(
    "body", [SUMMARY, WIDGET, RECALL, ORDS], ids=["summary", "widget", "recall", "ords"]
)
def test_rosh_in_its_four_shapes_is_one_fact(tmp_path: Path, body: dict[str, Any]) -> None:
    assessments = convert(tmp_path, X100001=body)["assessments"]
    assert assessments.height == 1
    line = assessments.row(0, named=True)
    assert {group: line[f"{group}_community"] for group in LEVELS} == LEVELS
    assert line["crn"] == CRN
    assert line["completed_on"] == date(2026, 5, 19)


def test_prisoners_are_in_custody_wherever_a_supplier_puts_them(tmp_path: Path) -> None:
    line = convert(tmp_path, X100001=SUMMARY)["assessments"].row(0, named=True)
    assert line["prisoners_custody"] == "LOW"
    assert line["staff_custody"] == "VERY_HIGH"


def test_a_locked_assessment_is_not_a_level(tmp_path: Path) -> None:
    timeline = {
        "crn": CRN,
        "timeline": [
            {
                "assessmentPk": 1,
                "status": "LOCKED_INCOMPLETE",
                "initiationDate": "2026-05-01T10:00:00",
                "completedDate": "2026-06-15T10:00:00",
            },
            {"assessmentPk": 2, "status": "OPEN", "initiationDate": "2026-06-20T10:00:00"},
        ],
    }
    convert(tmp_path, X100001=timeline)
    load_extract(tmp_path / "out", tmp_path / "s")
    histories = asof.read_histories(
        Store.open(tmp_path / "s"), asof.make_spine([CRN], date(2026, 6, 30))
    )
    assert set(recorded_levels(histories)["state"]) == {"locked_incomplete"}


def test_predictors_keep_their_version(tmp_path: Path) -> None:
    one = {
        "completedDate": "2026-01-01T10:00:00",
        "status": "COMPLETE",
        "outputVersion": "1",
        "output": {
            "riskOfSeriousRecidivismScore": {"scoreLevel": "MEDIUM"},
            "violencePredictorScore": {"ovpRisk": "HIGH"},
            "groupReconvictionScore": {"scoreLevel": "LOW"},
        },
    }
    two = {
        "completedDate": "2026-02-01T10:00:00",
        "status": "COMPLETE",
        "outputVersion": "2",
        "output": {
            "combinedSeriousReoffendingPredictor": {"band": "HIGH"},
            "violentReoffendingPredictor": {"band": "VERY_HIGH"},
            "allReoffendingPredictor": {"band": "MEDIUM"},
        },
    }
    assessments = convert(tmp_path, X100001=[one, two])["assessments"].sort("occurred_on")
    assert assessments["predictor_version"].to_list() == ["1", "2"]
    assert assessments["serious_band"].to_list() == ["MEDIUM", "HIGH"]
    assert assessments["violence_band"].to_list() == ["HIGH", "VERY_HIGH"]
    assert set(assessments["status"]) == {"PREDICTORS_ONLY"}


def test_contacts_in_both_shapes(tmp_path: Path) -> None:
    page = {
        "content": [
            {
                "id": 9,
                "crn": CRN,
                "createdAt": "2026-06-01T10:00:00+01:00",
                "updatedAt": "2026-06-12T10:00:00+01:00",
                "contactDate": "2026-06-10T09:15:00+01:00",
                "type": {"code": "COAP"},
                "outcome": {"code": "UAAB"},
                "officer": {"code": "N07A001"},
            }
        ]
    }
    history = {
        "personalDetails": {"identifiers": {"crn": CRN}},
        "contacts": [
            {
                "startDateTime": "2026-04-05T14:02:00+01:00",
                "sensitive": True,
                "notes": "Comment added by A on 06/05/2026 at 17:45",
                "outcome": "Unacceptable absence",
                "type": {"code": "COAP", "systemGenerated": False},
            },
            {
                "startDateTime": "2026-04-05T14:02:00+01:00",
                "outcome": "Something new",
                "type": {"code": "ERGR", "systemGenerated": True},
            },
        ],
    }
    contacts = convert(tmp_path, page=page, history=history)["contacts"].sort("record_id")
    contact_row, system, first = contacts.rows(named=True)
    assert first["recorded_at"] == datetime(2026, 6, 12, 9), "the outcome was not known before"
    assert contact_row["recorded_at"] == datetime(2026, 5, 6, 17, 45), "written a month after"
    assert contact_row["outcome_code"] == "UAAB"
    assert contact_row["disclosable"] is False
    assert system["outcome_code"] == "Something new"
    assert system["system_generated"] is True


def test_registers_conditions_history_and_limits(tmp_path: Path) -> None:
    flags = {
        "personSummary": {"crn": CRN},
        "riskFlags": [
            {
                "id": 1,
                "description": "Risk to Staff",
                "levelCode": "RSKM",
                "createdDate": "2025-12-18",
                "removed": False,
            }
        ],
        "removedRiskFlags": [
            {
                "id": 2,
                "description": "Weapons",
                "createdDate": "2025-01-01",
                "removed": True,
                "removalHistory": [{"removalDate": "2026-01-01"}],
            }
        ],
        "mappa": {"level": 2, "category": 0, "startDate": "2025-12-12"},
    }
    past = {
        "personalDetails": {"identifiers": {"crn": "X100002"}},
        "mappa": None,
        "roshHistory": [{"type": "RVHR", "startDate": "2026-01-30", "active": True}],
    }
    licence = {
        "personalDetails": {"identifiers": {"crn": CRN}},
        "activeConvictions": [
            {
                "number": "1",
                "licenceConditions": [
                    {
                        "startDate": "2026-04-24",
                        "mainCategory": {"code": "NLC8"},
                        "subCategory": {"code": "NSTT8"},
                    }
                ],
            }
        ],
    }
    access = {
        "access": [
            {"crn": CRN, "userExcluded": True, "userRestricted": False},
            {"crn": "X100002", "userExcluded": False, "userRestricted": False},
        ]
    }
    tables = convert(tmp_path, flags=flags, past=past, licence=licence, access=access)
    registers = tables["registrations"].sort("type_code")
    assert registers["type_code"].to_list() == ["AV2S", "MAPP", "RVHR", "WEAP"]
    assert registers["level_code"].to_list() == ["RSKM", "M2", None, None]
    assert registers["ended_on"].to_list() == [None, None, None, date(2026, 1, 1)]
    assert tables["orders"]["category"].to_list() == ["NLC8.NSTT8"]
    assert tables["limits"].select("crn", "kind").rows() == [(CRN, "exclusion")]


def test_stub_files_hold_several_bodies_and_the_crn_in_the_address(tmp_path: Path) -> None:
    stub = {
        "mappings": [
            {
                "request": {"urlPattern": f"/risks/crn/{CRN}/widget"},
                "response": {"jsonBody": WIDGET},
            },
            {
                "request": {"url": f"/compliance/{CRN}?months=12"},
                "response": {
                    "jsonBody": {
                        "acceptableAbsence": [],
                        "unacceptableAbsence": [
                            {"contactId": 6, "type": {"code": "COAP"}, "date": "2026-05-18"}
                        ],
                    }
                },
            },
        ]
    }
    tables = convert(tmp_path, stub=stub)
    assert tables["assessments"]["crn"].to_list() == [CRN]
    assert tables["contacts"].select("crn", "outcome_code").rows() == [(CRN, "UAAB")]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "rosh.json").write_text(json.dumps(SUMMARY))
    (source / "broken.json").write_text("{")
    (source / "other.json").write_text('{"needs": []}')
    with pytest.raises(UserError, match="names no CRN"):
        hmpps_api.convert_responses(source, tmp_path / "out", extracted_at=AT)
    (source / f"{CRN}.json").write_text(json.dumps(WIDGET))
    unread = hmpps_api.convert_responses(source, tmp_path / "out", extracted_at=AT).unread
    assert "not JSON" in unread["broken.json"]
    assert "keys: needs" in unread["other.json"]
    with pytest.raises(MissingInput):
        hmpps_api.convert_responses(tmp_path / "nowhere", tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-06-01T10:00:00+01:00", datetime(2026, 6, 1, 9)),
        ("2026-06-01T10:00:00+01:00[Europe/London]", datetime(2026, 6, 1, 9)),
        ("2026-06-01T10:00:00", datetime(2026, 6, 1, 10)),
        ("2026-06-01", datetime(2026, 6, 1)),
        ("Mon Jun 19", None),
        (None, None),
    ],
)
def test_times_as_they_are_written(text: str | None, at: datetime | None) -> None:
    assert parse_time(text) == at


def test_the_shared_fixtures_become_records(tmp_path: Path) -> None:
    fixtures = SHARED / "fixtures" / "hmpps"
    if not fixtures.is_dir():
        pytest.skip(f"the shared fixtures are not beside the project ({fixtures.name})")
    report = hmpps_api.convert_responses(
        fixtures, tmp_path / "out", extracted_at=clock.now_as_recorded()
    )
    rows: Counter[str] = Counter()
    for line in report.lines:
        rows[line.table] += line.rows
    assert {"assessments", "contacts", "registrations", "orders", "limits"} <= set(rows)
    shapes = {line.shape for line in report.lines}
    assert len(shapes) == 14
    loaded = load_extract(tmp_path / "out", tmp_path / "s")
    assert sum(t.refused_rows for t in loaded.tables) == 0
    assert next(t for t in loaded.tables if t.name == "limits").new == 2
