"""Cases that came from the systems as they are can be scored, with the entries behind each reason."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from features.contracts.codes import COMMUNITY_GROUPS
from features.frame import build
from features.history import asof
from features.intake.load import load_extract
from features.sources.hmpps_api import convert_responses
from features.sources.import_systems import import_systems
from features.store.store import Store
from models import explain
from models.explain import Reason
from tests.conftest import SHARED
from tests.service import Service

SOURCES = SHARED / "sources"
SYSTEMS = ("ndelius", "oasys", "nomis")


def reasons_of(
    service: Service, store: Path, crn: str, as_of: date
) -> dict[tuple[str, str], list[Reason]]:
    """The reasons of each group of a case, after its score; every entry behind one is on record."""
    histories = asof.read_histories(Store.open(store), asof.make_spine([crn], as_of))
    frame = build.build_frame(histories)
    scored = service.model.score_frame(frame)
    assert set(scored["group"]) == set(COMMUNITY_GROUPS)
    assert scored.filter("scorable")["probability"].is_between(0, 1, closed="none").all()
    reasons = explain.explain_rows(service.model, frame, histories)
    on_record = {
        (table, record)
        for table in histories.tables
        for record in histories.rows(table)["record_id"]
    }
    behind = {
        (entry.table, entry.record_id)
        for own in reasons.values()
        for reason in own
        for finding in reason.findings
        for entry in finding.entries
    }
    assert behind <= on_record
    return reasons


@pytest.mark.skipif(not SOURCES.is_dir(), reason="the shared tables are not beside the project")
def test_a_case_of_the_tables_is_scored_with_its_entries(service: Service, tmp_path: Path) -> None:
    systems = {name: SOURCES / name for name in SYSTEMS}
    import_systems(systems, tmp_path / "extract")
    load_extract(tmp_path / "extract", tmp_path / "store")
    reasons = reasons_of(service, tmp_path / "store", "X320741", date(2019, 12, 31))
    assert {crn for crn, _ in reasons} == {"X320741"}


def test_a_case_of_api_responses_is_scored(service: Service, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    compliance = {
        "personSummary": {"crn": "X700001"},
        "currentSentences": [
            {"eventNumber": "1", "order": {"description": "Licence", "startDate": "2026-03-02"}}
        ],
    }
    level = {
        "assessedOn": "2026-05-19T08:26:31",
        "riskInCommunity": {
            "Public": "LOW",
            "Children": "LOW",
            "Known Adult": "LOW",
            "Staff": "LOW",
        },
    }
    access = {"crn": "X700002", "userExcluded": True, "userRestricted": False}
    contact = {
        "content": [
            {
                "id": 9,
                "crn": "X700001",
                "createdAt": "2026-11-20T10:00:00Z",
                "contactDate": "2026-11-20T09:15:00Z",
                "type": {"code": "COAP"},
                "outcome": {"code": "UAAB"},
            }
        ]
    }
    bodies = {"X700001-compliance": compliance, "X700001-risk": level}
    for name, body in {**bodies, "access": access, "contacts": contact}.items():
        (tmp_path / "in" / f"{name}.json").write_text(json.dumps(body))
    at = datetime(2026, 11, 27, 12)
    convert_responses(tmp_path / "in", tmp_path / "out", extracted_at=at)
    load_extract(tmp_path / "out", tmp_path / "store")
    reasons = reasons_of(service, tmp_path / "store", "X700001", at.date())
    assert {group for _, group in reasons} == set(COMMUNITY_GROUPS)
