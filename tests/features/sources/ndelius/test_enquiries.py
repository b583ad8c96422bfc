"""Enquiries and answers, reports and referrals, and ends of MAPPA from NDelius."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of

TYPES = [
    {"CONTACT_TYPE_ID": str(number), "CODE": code, "DESCRIPTION": code}
    for number, code in enumerate(("C369", "C515", "SFGC", "SFRR", "CHVS", "CCMR"))
]
OUTCOMES = [
    {"CONTACT_OUTCOME_TYPE_ID": "1", "CODE": "CONC", "DESCRIPTION": "Concerns"},
    {"CONTACT_OUTCOME_TYPE_ID": "2", "CODE": "NOCO", "DESCRIPTION": "No concerns"},
]


def contact(number: int, on: str, of_type: int, outcome: str | None = None) -> dict[str, Any]:
    return {
        "CONTACT_ID": str(number),
        "CONTACT_DATE": on,
        "CONTACT_TYPE_ID": str(of_type),
        "CONTACT_OUTCOME_TYPE_ID": outcome,
    }


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        ([contact(1, "2026-01-05", 0)], [("domestic_abuse", None, None)]),
        (
            [contact(1, "2026-01-05", 0), contact(2, "2026-01-09", 1, "1")],
            [("domestic_abuse", date(2026, 1, 9), "concerns")],
        ),
        (
            [contact(1, "2026-01-05", 0), contact(2, "2026-01-04", 1, "1")],
            [("domestic_abuse", None, None)],
        ),
        (
            [
                contact(1, "2026-01-05", 2),
                contact(2, "2026-01-05", 3, "2"),
                contact(3, "2026-01-06", 4),
            ],
            [("child_safeguarding", date(2026, 1, 5), "no_concerns")],
        ),
        (
            [contact(1, "2026-01-05", 2), contact(2, "2026-01-09", 1, "1")],
            [("child_safeguarding", None, None)],
        ),
    ],
    ids=["asked", "answered", "answered before", "answered that day", "another enquiry's answer"],
)
def test_an_enquiry_and_its_answer(
    tmp_path: Path, contacts: list[dict[str, Any]], expected: list[tuple[Any, ...]]
) -> None:
    lists = {"R_CONTACT_TYPE": TYPES, "R_CONTACT_OUTCOME_TYPE": OUTCOMES}
    extract, _ = import_tables(tmp_path, ndelius_tables(CONTACT=contacts) | lists)
    rows = rows_of(extract, "enquiries")
    assert [(row["kind"], row["returned_on"], row["result"]) for row in rows] == expected


def test_an_assessment_of_an_address_is_the_question_to_its_occupier(tmp_path: Path) -> None:
    row = {"ADDRESS_ASSESSMENT_ID": "1", "ASSESSMENT_DATE": "2026-01-05"}
    extract, _ = import_tables(tmp_path, ndelius_tables(ADDRESS_ASSESSMENT=[row]))
    (enquiry,) = rows_of(extract, "enquiries")
    assert (enquiry["kind"], enquiry["requested_on"]) == ("main_occupier", date(2026, 1, 5))


@pytest.mark.parametrize(
    ("table", "row", "kinds"),
    [
        (
            "COURT_REPORT",
            {"COURT_REPORT_ID": "1", "COMPLETED_DATE": "2026-01-05"},
            ["court_report"],
        ),
        ("COURT_REPORT", {"COURT_REPORT_ID": "1", "COMPLETED_DATE": None}, []),
        (
            "INSTITUTIONAL_REPORT",
            {"INSTITUTIONAL_REPORT_ID": "1", "DATE_COMPLETED": "2026-01-05"},
            ["custody_information_form"],
        ),
        (
            "APPROVED_PREMISES_REFERRAL",
            {"APPROVED_PREMISES_REFERRAL_ID": "1", "REFERRAL_DATE": "2026-01-05"},
            ["ap_referral"],
        ),
        (
            "REFERRAL",
            {"REFERRAL_ID": "1", "REFERRAL_DATE": "2026-01-05", "REFERRAL_TYPE_ID": "1"},
            ["substance_referral"],
        ),
        (
            "REFERRAL",
            {"REFERRAL_ID": "1", "REFERRAL_DATE": "2026-01-05", "REFERRAL_TYPE_ID": "2"},
            ["agency_referral"],
        ),
    ],
)
def test_documents(tmp_path: Path, table: str, row: dict[str, Any], kinds: list[str]) -> None:
    lists = {
        "R_REFERRAL_TYPE": [
            {"REFERRAL_TYPE_ID": "1", "CODE": "DRUG", "DESCRIPTION": "Drug treatment"},
            {"REFERRAL_TYPE_ID": "2", "CODE": "ETE", "DESCRIPTION": "Employment"},
        ]
    }
    extract, _ = import_tables(tmp_path, ndelius_tables(**{table: [row]}) | lists)
    rows = rows_of(extract, "documents")
    assert [row["kind"] for row in rows] == kinds


@pytest.mark.parametrize(("code", "kinds"), [("MAPP", ["mappa_exit"]), ("RCCO", [])])
def test_the_end_of_the_mappa_register_is_an_action(
    tmp_path: Path, code: str, kinds: list[str]
) -> None:
    tables = ndelius_tables(
        REGISTRATION=[
            {"REGISTRATION_ID": "1", "REGISTRATION_DATE": "2025-01-01", "REGISTER_TYPE_ID": "1"}
        ],
        DEREGISTRATION=[
            {"DEREGISTRATION_ID": "2", "REGISTRATION_ID": "1", "DEREGISTRATION_DATE": "2026-01-05"}
        ],
    )
    lists = {"R_REGISTER_TYPE": [{"REGISTER_TYPE_ID": "1", "CODE": code, "DESCRIPTION": code}]}
    extract, _ = import_tables(tmp_path, tables | lists)
    assert [row["kind"] for row in rows_of(extract, "actions")] == kinds
    (register,) = rows_of(extract, "registrations")
    assert (register["type_code"], register["ended_on"]) == (code, date(2026, 1, 5))


def test_a_contact_that_refers_to_mappa_is_a_document(tmp_path: Path) -> None:
    contacts = [contact(1, "2026-01-05", 5), contact(2, "2026-01-06", 4)]
    extract, _ = import_tables(
        tmp_path, ndelius_tables(CONTACT=contacts) | {"R_CONTACT_TYPE": TYPES}
    )
    rows = rows_of(extract, "documents")
    assert [(row["kind"], row["occurred_on"]) for row in rows] == [
        ("mappa_referral", date(2026, 1, 5))
    ]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Psychiatric report", "psychiatric_report"),
        ("Report of a psychologist", "psychiatric_report"),
        ("Pre-sentence report - fast", "court_report"),
    ],
)
def test_a_report_to_a_court_by_the_words_of_its_type(
    tmp_path: Path, words: str, kind: str
) -> None:
    report = {"COURT_REPORT_ID": "1", "COMPLETED_DATE": "2026-01-05", "COURT_REPORT_TYPE_ID": "2"}
    types = [{"COURT_REPORT_TYPE_ID": "2", "CODE": "X", "DESCRIPTION": words}]
    tables = ndelius_tables(COURT_REPORT=[report]) | {"R_COURT_REPORT_TYPE": types}
    extract, _ = import_tables(tmp_path, tables)
    assert [row["kind"] for row in rows_of(extract, "documents")] == [kind]
