"""Requirements, licence conditions and enforcement decisions from NDelius."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of

MAIN = [
    {
        "RQMNT_TYPE_MAIN_CATEGORY_ID": "1",
        "CODE": "7",
        "DESCRIPTION": "Curfew (Electronic Monitoring)",
    },
    {"RQMNT_TYPE_MAIN_CATEGORY_ID": "2", "CODE": "RM38", "DESCRIPTION": "Drug Rehabilitation"},
    {"RQMNT_TYPE_MAIN_CATEGORY_ID": "3", "CODE": "F", "DESCRIPTION": "Rehabilitation Activity"},
]


@pytest.mark.parametrize(
    ("main", "kind", "theme", "monitored"),
    [
        ("1", "curfew", "movement", True),
        ("2", "requirement", "substance", None),
        ("3", "requirement", "programme", None),
        ("9", "requirement", None, None),
    ],
)
def test_a_requirement_by_the_words_of_its_category(
    tmp_path: Path, main: str, kind: str, theme: str | None, monitored: bool | None
) -> None:
    row = {
        "RQMNT_ID": "1",
        "START_DATE": "2026-01-01",
        "TERMINATION_DATE": "2026-02-01",
        "RQMNT_TYPE_MAIN_CATEGORY_ID": main,
    }
    tables = ndelius_tables(RQMNT=[row]) | {"R_RQMNT_TYPE_MAIN_CATEGORY": MAIN}
    extract, _ = import_tables(tmp_path, tables)
    (order,) = rows_of(extract, "orders")
    assert (order["kind"], order["theme"], order["monitored"]) == (kind, theme, monitored)
    assert order["ended_on"] == date(2026, 2, 1)


def test_a_licence_condition_has_its_categories(tmp_path: Path) -> None:
    row = {
        "LIC_CONDITION_ID": "1",
        "START_DATE": "2026-01-01",
        "LIC_COND_TYPE_MAIN_CAT_ID": "8",
        "LIC_COND_TYPE_SUB_CAT_ID": "9",
    }
    lists = {
        "R_LIC_COND_TYPE_MAIN_CAT": [
            {"LIC_COND_TYPE_MAIN_CAT_ID": "8", "CODE": "NLC8", "DESCRIPTION": "Freedom of movement"}
        ],
        "R_STANDARD_REFERENCE_LIST": [
            {
                "STANDARD_REFERENCE_LIST_ID": "9",
                "CODE_VALUE": "NSTT8",
                "CODE_DESCRIPTION": "To only attend",
            }
        ],
    }
    extract, _ = import_tables(tmp_path, ndelius_tables(LIC_CONDITION=[row]) | lists)
    (order,) = rows_of(extract, "orders")
    assert (order["kind"], order["theme"]) == ("licence_condition", "movement")
    assert order["category"] == "NLC8.NSTT8"


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
