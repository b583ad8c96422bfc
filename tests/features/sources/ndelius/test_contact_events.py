"""Contacts of NDelius whose type says that something happened."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from features.sources.import_report import ImportReport
from tests.features.sources.systems import import_tables, ndelius_tables, rows_of

TYPES = [
    {"CONTACT_TYPE_ID": str(number), "CODE": code, "DESCRIPTION": "x"}
    for number, code in enumerate(("APMH", "TWH1", "POM1", "COAP", "C515"), start=1)
]
CONTACT = {"CONTACT_ID": "7", "CONTACT_DATE": "2026-03-02"}


def import_contact(
    tmp_path: Path, of_type: str, **tables: list[dict[str, Any]]
) -> tuple[Path, ImportReport]:
    contact = {**CONTACT, "CONTACT_TYPE_ID": of_type}
    ours = ndelius_tables(CONTACT=[contact], **tables)
    return import_tables(tmp_path, ours | {"R_CONTACT_TYPE": TYPES})


def test_a_concern_about_mental_health_in_approved_premises(tmp_path: Path) -> None:
    extract, _ = import_contact(tmp_path, "1")
    (row,) = rows_of(extract, "incidents")
    assert (row["kind"], row["target"]) == ("mental_health_decline", "none")
    assert (row["setting"], row["certainty"]) == ("approved_premises", "opinion")
    assert row["occurred_on"] == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("moved", "ended_on"),
    [
        ("2026-03-01", None),
        ("2026-03-02", date(2026, 3, 2)),
        ("2026-04-01", date(2026, 4, 1)),
    ],
)
def test_a_threat_of_homelessness_lasts_until_the_next_move(
    tmp_path: Path, moved: str, ended_on: date | None
) -> None:
    address = {"OFFENDER_ADDRESS_ID": "1", "START_DATE": moved}
    extract, _ = import_contact(tmp_path, "2", OFFENDER_ADDRESS=[address])
    rows = [row for row in rows_of(extract, "circumstances") if row["state"] == "at_risk"]
    assert [(row["kind"], row["ended_on"]) for row in rows] == [("address", ended_on)]


def test_a_deleted_address_ends_no_threat(tmp_path: Path) -> None:
    address = {"OFFENDER_ADDRESS_ID": "1", "START_DATE": "2026-04-01", "SOFT_DELETED": "1"}
    extract, _ = import_contact(tmp_path, "2", OFFENDER_ADDRESS=[address])
    (row,) = [row for row in rows_of(extract, "circumstances") if row["state"] == "at_risk"]
    assert row["ended_on"] is None


@pytest.mark.parametrize(("outcome", "counts"), [("CONC", True), ("NOCO", False), (None, True)])
def test_police_intelligence_is_never_disclosable(
    tmp_path: Path, outcome: str | None, counts: bool
) -> None:
    contact = {**CONTACT, "CONTACT_TYPE_ID": "5", "CONTACT_OUTCOME_TYPE_ID": "8" if outcome else ""}
    lists = {
        "R_CONTACT_TYPE": TYPES,
        "R_CONTACT_OUTCOME_TYPE": [
            {"CONTACT_OUTCOME_TYPE_ID": "8", "CODE": outcome, "DESCRIPTION": "x"}
        ],
    }
    extract, _ = import_tables(tmp_path, ndelius_tables(CONTACT=[contact]) | lists)
    rows = [(r["kind"], r["certainty"], r["disclosable"]) for r in rows_of(extract, "incidents")]
    assert rows == ([("intelligence", "intelligence", False)] if counts else [])


def test_a_handover_from_prison_is_a_document(tmp_path: Path) -> None:
    extract, _ = import_contact(tmp_path, "3")
    assert [row["kind"] for row in rows_of(extract, "documents")] == ["handover"]


@pytest.mark.parametrize("of_type", ["4", "99", None])
def test_every_other_contact_is_counted(tmp_path: Path, of_type: str | None) -> None:
    extract, report = import_contact(tmp_path, of_type or "")
    assert len(rows_of(extract, "contacts")) == 1
    counts = [line.nothing for line in report.tables if line.table == "CONTACT"]
    assert {"a contact without the codes APMH": 1} in counts
    assert all(sum(nothing.values()) == 1 for nothing in counts if nothing)
