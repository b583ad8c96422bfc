"""Enforcement decisions and decisions not to recall from NDelius."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of


@pytest.mark.parametrize(
    ("code", "decided"),
    [
        ("EA02", ["warning"]),
        ("LCL", ["compliance_letter"]),
        ("EA11", ["recall"]),
        ("NFA", ["none"]),
        ("ROM", []),
    ],
)
def test_an_enforcement_action_is_a_decision_where_it_says_what_was_decided(
    tmp_path: Path, code: str, decided: list[str]
) -> None:
    contact: dict[str, Any] = {
        "CONTACT_ID": "1",
        "CONTACT_DATE": "2026-01-01",
        "CONTACT_TYPE_ID": "5",
    }
    action = {
        "ENFORCEMENT_ID": "1",
        "CONTACT_ID": "1",
        "ENFORCEMENT_ACTION_ID": "3",
        "ACTION_TAKEN_DATE": "2026-01-03",
    }
    tables = ndelius_tables(CONTACT=[contact], ENFORCEMENT=[action])
    del tables["ENFORCEMENT"][0]["OFFENDER_ID"]
    lists = {
        "R_ENFORCEMENT_ACTION": [{"ENFORCEMENT_ACTION_ID": "3", "CODE": code, "DESCRIPTION": "x"}]
    }
    extract, _ = import_tables(tmp_path, tables | lists)
    assert [row["decided"] for row in rows_of(extract, "decisions")] == decided
    assert [row["enforcement_code"] for row in rows_of(extract, "contacts")] == [code]


@pytest.mark.parametrize(("outcome", "expected"), [("MO11", True), ("MO10", False)])
def test_a_decision_not_to_recall_is_an_outcome(
    tmp_path: Path, outcome: str, expected: bool
) -> None:
    contact = {
        "CONTACT_ID": "1",
        "CONTACT_DATE": "2026-01-05",
        "CONTACT_TYPE_ID": "1",
        "CONTACT_OUTCOME_TYPE_ID": "2",
        "STAFF_ID": "3",
    }
    lists = {
        "R_CONTACT_OUTCOME_TYPE": [
            {"CONTACT_OUTCOME_TYPE_ID": "2", "CODE": outcome, "DESCRIPTION": "x"}
        ],
        "STAFF": [{"STAFF_ID": "3", "OFFICER_CODE": "N54A001", "STAFF_GRADE_ID": "6"}],
        "R_STANDARD_REFERENCE_LIST": [
            {"STANDARD_REFERENCE_LIST_ID": "6", "CODE_VALUE": "PSC", "CODE_DESCRIPTION": "SPO"}
        ],
    }
    extract, _ = import_tables(tmp_path, ndelius_tables(CONTACT=[contact]) | lists)
    decisions = [
        (row["kind"], row["decided"], row["issued"], row["issued_on"], row["decided_by_grade"])
        for row in rows_of(extract, "decisions")
    ]
    no_recall = "decision_not_to_recall"
    assert decisions == (
        [("recall", no_recall, no_recall, date(2026, 1, 5), "SPO")] if expected else []
    )


@pytest.mark.parametrize(
    ("declined", "deleted", "grade"),
    [
        ("2026-01-04", "0", None),
        ("2026-01-05", "0", "PDU_HEAD"),
        ("2026-01-12", "0", "PDU_HEAD"),
        ("2026-01-13", "0", None),
        ("2026-01-05", "1", None),
    ],
)
def test_a_director_endorses_a_decision_not_to_recall_within_a_week(
    tmp_path: Path, declined: str, deleted: str, grade: str | None
) -> None:
    contacts = [
        {"CONTACT_ID": "1", "CONTACT_DATE": "2026-01-05", "CONTACT_OUTCOME_TYPE_ID": "2"},
        {
            "CONTACT_ID": "2",
            "CONTACT_DATE": declined,
            "CONTACT_TYPE_ID": "9",
            "SOFT_DELETED": deleted,
        },
    ]
    lists = {
        "R_CONTACT_OUTCOME_TYPE": [
            {"CONTACT_OUTCOME_TYPE_ID": "2", "CODE": "MO11", "DESCRIPTION": "x"}
        ],
        "R_CONTACT_TYPE": [{"CONTACT_TYPE_ID": "9", "CODE": "C423", "DESCRIPTION": "x"}],
    }
    extract, _ = import_tables(tmp_path, ndelius_tables(CONTACT=contacts) | lists)
    assert [row["endorsed_by_grade"] for row in rows_of(extract, "decisions")] == [grade]
