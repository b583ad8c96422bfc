"""Addresses, partners, children and other circumstances from NDelius."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of

ADDRESS_TYPES = [
    {"STANDARD_REFERENCE_LIST_ID": "1", "CODE_VALUE": "A07B", "CODE_DESCRIPTION": "Friends/Family"},
    {"STANDARD_REFERENCE_LIST_ID": "2", "CODE_VALUE": "A08A", "CODE_DESCRIPTION": "Homeless"},
    {"STANDARD_REFERENCE_LIST_ID": "3", "CODE_VALUE": "ZZ", "CODE_DESCRIPTION": "New"},
    {"STANDARD_REFERENCE_LIST_ID": "4", "CODE_VALUE": "ME", "CODE_DESCRIPTION": "Ex-partner"},
]


def circumstance(tmp_path: Path, **tables: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    lists = {
        "R_STANDARD_REFERENCE_LIST": ADDRESS_TYPES,
        "R_CIRCUMSTANCE_TYPE": [
            {"CIRCUMSTANCE_TYPE_ID": "1", "CODE_VALUE": "P", "CODE_DESCRIPTION": "Is pregnant"},
            {"CIRCUMSTANCE_TYPE_ID": "2", "CODE_VALUE": "R", "CODE_DESCRIPTION": "Relationship"},
            {"CIRCUMSTANCE_TYPE_ID": "3", "CODE_VALUE": "E", "CODE_DESCRIPTION": "Employment"},
        ],
    }
    extract, _ = import_tables(tmp_path, ndelius_tables(**tables) | lists)
    return [
        (row["kind"], row["state"], row["verified"], row["ended_on"])
        for row in rows_of(extract, "circumstances")
    ]


@pytest.mark.parametrize(
    ("fields", "state", "verified"),
    [
        ({"ADDRESS_TYPE_ID": "1", "TYPE_VERIFIED": "Y"}, "settled", True),
        ({"ADDRESS_TYPE_ID": "2", "TYPE_VERIFIED": "N"}, "no_fixed_abode", False),
        ({"ADDRESS_TYPE_ID": "1", "NO_FIXED_ABODE": "Y"}, "no_fixed_abode", None),
        ({"ADDRESS_TYPE_ID": "3"}, None, None),
    ],
)
def test_an_address(
    tmp_path: Path, fields: dict[str, str], state: str | None, verified: bool | None
) -> None:
    row = {
        "OFFENDER_ADDRESS_ID": "1",
        "START_DATE": "2026-01-01",
        "END_DATE": "2026-02-01",
        **fields,
    }
    assert circumstance(tmp_path, OFFENDER_ADDRESS=[row]) == [
        ("address", state, verified, date(2026, 2, 1))
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"RELATIONSHIP": "Girlfriend"}, [("relationship", "new", None, None)]),
        ({"RELATIONSHIP_TYPE_ID": "4"}, [("relationship", "new", None, None)]),
        ({"RELATIONSHIP": "Son"}, [("child_contact", "current", None, None)]),
        (
            {"RELATIONSHIP": "Wife", "END_DATE": "2026-02-01"},
            [
                ("relationship", "new", None, date(2026, 2, 1)),
                ("relationship", "ended", None, date(2026, 2, 1)),
            ],
        ),
        ({"RELATIONSHIP": "GP"}, []),
    ],
)
def test_a_personal_contact(
    tmp_path: Path, fields: dict[str, str], expected: list[tuple[Any, ...]]
) -> None:
    row = {"PERSONAL_CONTACT_ID": "1", "START_DATE": "2026-01-01", **fields}
    assert circumstance(tmp_path, PERSONAL_CONTACT=[row]) == expected


@pytest.mark.parametrize(
    ("of_type", "expected"),
    [
        ("1", [("pregnancy", "new", True, None)]),
        ("2", [("relationship", "current", True, None)]),
        ("3", []),
    ],
)
def test_a_personal_circumstance(
    tmp_path: Path, of_type: str, expected: list[tuple[Any, ...]]
) -> None:
    row = {
        "PERSONAL_CIRCUMSTANCE_ID": "1",
        "START_DATE": "2026-01-01",
        "CIRCUMSTANCE_TYPE_ID": of_type,
        "EVIDENCED": "Y",
    }
    assert circumstance(tmp_path, PERSONAL_CIRCUMSTANCE=[row]) == expected


def test_an_address_has_the_delivery_unit_that_assessed_it_last(tmp_path: Path) -> None:
    addresses = [
        {"OFFENDER_ADDRESS_ID": number, "START_DATE": f"2026-01-0{number}"} for number in "12"
    ]
    checks = [
        {"ADDRESS_ASSESSMENT_ID": "1", "ASSESSMENT_DATE": "2026-01-03", "TEAM_ID": "1"},
        {"ADDRESS_ASSESSMENT_ID": "2", "ASSESSMENT_DATE": "2026-01-05", "TEAM_ID": "2"},
        {
            "ADDRESS_ASSESSMENT_ID": "3",
            "ASSESSMENT_DATE": "2026-01-06",
            "TEAM_ID": "1",
            "SOFT_DELETED": "1",
        },
    ]
    tables = ndelius_tables(
        OFFENDER_ADDRESS=addresses,
        ADDRESS_ASSESSMENT=[{"OFFENDER_ADDRESS_ID": "1", **check} for check in checks],
    )
    units = {
        "TEAM": [{"TEAM_ID": n, "CODE": f"T{n}", "DISTRICT_ID": n} for n in "12"],
        "DISTRICT": [{"DISTRICT_ID": n, "CODE": f"L{n}", "BOROUGH_ID": n} for n in "12"],
        "BOROUGH": [{"BOROUGH_ID": n, "CODE": f"PDU{n}"} for n in "12"],
    }
    extract, _ = import_tables(tmp_path, tables | units)
    rows = {row["record_id"]: row["pdu_code"] for row in rows_of(extract, "circumstances")}
    assert rows == {"ndelius-address-1": "PDU2", "ndelius-address-2": None}
