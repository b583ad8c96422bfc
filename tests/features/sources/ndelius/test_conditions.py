"""Requirements, licence conditions and civil orders from NDelius."""

from __future__ import annotations

from datetime import date
from pathlib import Path

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
    ("words", "relaxed"),
    [("Removed by court", date(2026, 2, 1)), ("Completed", None), (None, None)],
)
def test_a_requirement_that_was_removed_was_relaxed(
    tmp_path: Path, words: str | None, relaxed: date | None
) -> None:
    row = {
        "RQMNT_ID": "1",
        "START_DATE": "2026-01-01",
        "TERMINATION_DATE": "2026-02-01",
        "RQMNT_TERMINATION_REASON_ID": "4",
    }
    reasons = [{"STANDARD_REFERENCE_LIST_ID": "4", "CODE_VALUE": "R", "CODE_DESCRIPTION": words}]
    tables = ndelius_tables(RQMNT=[row]) | {"R_STANDARD_REFERENCE_LIST": reasons}
    extract, _ = import_tables(tmp_path, tables)
    assert [row["relaxed_on"] for row in rows_of(extract, "orders")] == [relaxed]


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("Restraining Order", ["restraining_order"]),
        ("Sexual Harm Prevention Order", ["shpo"]),
        ("Criminal Behaviour Order", ["criminal_behaviour"]),
        ("Compensation", []),
    ],
)
def test_a_civil_order_beside_a_sentence(tmp_path: Path, words: str, kinds: list[str]) -> None:
    tables = ndelius_tables(
        DISPOSAL=[{"DISPOSAL_ID": "1", "EVENT_ID": "2", "DISPOSAL_DATE": "2025-05-01"}],
        ADDITIONAL_SENTENCE=[
            {"ADDITIONAL_SENTENCE_ID": "3", "EVENT_ID": "2", "ADDITIONAL_SENTENCE_TYPE_ID": "4"}
        ],
    )
    types = [{"STANDARD_REFERENCE_LIST_ID": "4", "CODE_VALUE": "R", "CODE_DESCRIPTION": words}]
    extract, _ = import_tables(tmp_path, tables | {"R_STANDARD_REFERENCE_LIST": types})
    rows = rows_of(extract, "orders")
    assert [(row["kind"], row["occurred_on"]) for row in rows] == [
        (kind, date(2025, 5, 1)) for kind in kinds
    ]
