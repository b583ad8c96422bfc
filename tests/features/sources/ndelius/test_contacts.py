"""Contacts and registers from NDelius."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of

CONTACT = {
    "CONTACT_ID": "1",
    "CONTACT_DATE": "2026-01-05",
    "CONTACT_TYPE_ID": "1",
    "CONTACT_OUTCOME_TYPE_ID": "2",
    "STAFF_ID": "3",
}
LISTS = {
    "R_CONTACT_TYPE": [
        {"CONTACT_TYPE_ID": "1", "CODE": "COAP", "DESCRIPTION": "Planned visit", "SGC_FLAG": "0"}
    ],
    "R_CONTACT_OUTCOME_TYPE": [
        {"CONTACT_OUTCOME_TYPE_ID": "2", "CODE": "UAAB", "DESCRIPTION": "Unacceptable"}
    ],
    "R_ENFORCEMENT_ACTION": [
        {"ENFORCEMENT_ACTION_ID": "1", "CODE": "ROM", "DESCRIPTION": "Refer to manager"},
        {"ENFORCEMENT_ACTION_ID": "2", "CODE": "EA02", "DESCRIPTION": "First warning"},
    ],
    "STAFF": [{"STAFF_ID": "3", "OFFICER_CODE": "N54A001", "STAFF_GRADE_ID": None}],
}


@pytest.mark.parametrize(("sensitive", "disclosable"), [("Y", False), ("N", True), (None, None)])
def test_a_sensitive_contact_is_not_for_the_person(
    tmp_path: Path, sensitive: str | None, disclosable: bool | None
) -> None:
    tables = ndelius_tables(CONTACT=[{**CONTACT, "SENSITIVE": sensitive}]) | LISTS
    extract, _ = import_tables(tmp_path, tables)
    (contact,) = rows_of(extract, "contacts")
    assert contact["disclosable"] is disclosable
    assert (contact["type_code"], contact["outcome_code"]) == ("COAP", "UAAB")
    assert (contact["staff_code"], contact["system_generated"]) == ("N54A001", False)


def test_the_last_enforcement_action_that_was_not_deleted_counts(tmp_path: Path) -> None:
    actions = [
        {"ENFORCEMENT_ID": "1", "ENFORCEMENT_ACTION_ID": "1", "ACTION_TAKEN_DATE": "2026-01-06"},
        {"ENFORCEMENT_ID": "2", "ENFORCEMENT_ACTION_ID": "2", "ACTION_TAKEN_DATE": "2026-01-08"},
        {
            "ENFORCEMENT_ID": "3",
            "ENFORCEMENT_ACTION_ID": "1",
            "ACTION_TAKEN_DATE": "2026-01-09",
            "SOFT_DELETED": "1",
        },
    ]
    tables = ndelius_tables(
        CONTACT=[CONTACT], ENFORCEMENT=[{"CONTACT_ID": "1", **action} for action in actions]
    )
    extract, _ = import_tables(tmp_path, tables | LISTS)
    assert [row["enforcement_code"] for row in rows_of(extract, "contacts")] == ["EA02"]


def test_a_register_with_level_category_review_and_end(tmp_path: Path) -> None:
    lists = {
        "R_REGISTER_TYPE": [{"REGISTER_TYPE_ID": "1", "CODE": "MAPP", "DESCRIPTION": "MAPPA"}],
        "R_STANDARD_REFERENCE_LIST": [
            {"STANDARD_REFERENCE_LIST_ID": "1", "CODE_VALUE": "M2", "CODE_DESCRIPTION": "Level 2"},
            {"STANDARD_REFERENCE_LIST_ID": "2", "CODE_VALUE": "M1", "CODE_DESCRIPTION": "Cat 1"},
        ],
    }
    register = {
        "REGISTRATION_ID": "1",
        "REGISTRATION_DATE": "2025-01-01",
        "REGISTER_TYPE_ID": "1",
        "REGISTER_LEVEL_ID": "1",
        "REGISTER_CATEGORY_ID": "2",
        "NEXT_REVIEW_DATE": "2026-02-01",
    }
    ends = [
        {"DEREGISTRATION_ID": "1", "DEREGISTRATION_DATE": "2025-06-01"},
        {"DEREGISTRATION_ID": "2", "DEREGISTRATION_DATE": "2025-09-01", "SOFT_DELETED": "1"},
    ]
    tables = ndelius_tables(
        REGISTRATION=[register], DEREGISTRATION=[{"REGISTRATION_ID": "1", **end} for end in ends]
    )
    extract, _ = import_tables(tmp_path, tables | lists)
    (row,) = rows_of(extract, "registrations")
    assert (row["type_code"], row["level_code"], row["category_code"]) == ("MAPP", "M2", "M1")
    assert (row["next_review_on"], row["ended_on"]) == (date(2026, 2, 1), date(2025, 6, 1))
