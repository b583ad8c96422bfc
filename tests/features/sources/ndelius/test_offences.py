"""Offences from NDelius become incidents by their Home Office class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of


def incident_of(
    tmp_path: Path, offence: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    tables = ndelius_tables(
        EVENT=[{"EVENT_ID": "3"}],
        MAIN_OFFENCE=[
            {
                "MAIN_OFFENCE_ID": "4",
                "EVENT_ID": "3",
                "OFFENCE_ID": "5",
                "OFFENCE_DATE": "2025-12-01",
            }
        ],
    )
    extract, report = import_tables(
        tmp_path, tables | {"R_OFFENCE": [{"OFFENCE_ID": "5", **offence}]}
    )
    (line,) = [
        line for line in report.tables if (line.table, line.record) == ("MAIN_OFFENCE", "incidents")
    ]
    return rows_of(extract, "incidents"), line.nothing


@pytest.mark.parametrize(
    ("code", "kind", "severity"),
    [
        ("00100", "violence", 5),
        ("10511", "violence", 2),
        ("02001", "sexual", 4),
        ("01005", "weapon", 3),
    ],
)
def test_an_offence_by_its_class(tmp_path: Path, code: str, kind: str, severity: int) -> None:
    rows, _ = incident_of(
        tmp_path, {"CODE": code, "MAIN_CATEGORY_CODE": code[:3], "DESCRIPTION": "x"}
    )
    assert [(row["kind"], row["severity"], row["proven"]) for row in rows] == [
        (kind, severity, True)
    ]


def test_an_offence_of_another_class_is_counted(tmp_path: Path) -> None:
    rows, nothing = incident_of(
        tmp_path, {"CODE": "04910", "MAIN_CATEGORY_CODE": "049", "DESCRIPTION": "x"}
    )
    assert rows == []
    assert nothing == {"an offence of a kind that no record holds": 1}


def test_an_offence_that_the_list_does_not_have_is_counted(tmp_path: Path) -> None:
    rows, nothing = incident_of(tmp_path, {"OFFENCE_ID": "6", "CODE": "00100"})
    assert rows == []
    assert nothing == {"R_OFFENCE does not have its offence": 1}


@pytest.mark.parametrize(
    ("code", "words", "kind", "severity", "target"),
    [
        (
            "00805",
            "Controlling or coercive behaviour in a family relationship",
            "domestic_abuse",
            3,
            "partner",
        ),
        ("19594", "Breach of a restraining order", "civil_order_breach", 2, None),
        ("02001", "Sexual assault of a female child under 13", "sexual", 4, "child"),
        ("10405", "Assault of an emergency worker", "violence", 2, "staff"),
        ("00801", "Wounding", "violence", 3, None),
        ("02300", "Incest with a female family member", "sexual", 4, "family"),
        ("00864", "Affray", "violence", 3, "public"),
        ("01023", "Having a blade in a public place", "weapon", 3, "public"),
        ("08101", "Possessing a firearm without a certificate", "weapon", 3, "none"),
        ("08622", "Making an indecent photograph of a child", "sexual_concern_child", 3, "child"),
        ("00801", "Wounding an adult male", "violence", 3, None),
    ],
)
def test_the_words_of_an_offence_go_before_its_class(
    tmp_path: Path, code: str, words: str, kind: str, severity: int, target: str | None
) -> None:
    offence = {"CODE": code, "MAIN_CATEGORY_CODE": code[:3], "DESCRIPTION": words}
    rows, _ = incident_of(tmp_path, offence)
    assert [(row["kind"], row["severity"], row["target"]) for row in rows] == [
        (kind, severity, target)
    ]


@pytest.mark.parametrize(
    ("on", "setting"),
    [
        ("2024-01-10", "community"),
        ("2024-01-11", "custody"),
        ("2024-07-09", "custody"),
        ("2024-07-10", "community"),
        ("2024-09-15", "community"),
        ("2024-09-16", "custody"),
    ],
    ids=[
        "sentenced",
        "a day after",
        "a day before release",
        "released",
        "recalled",
        "after recall",
    ],
)
def test_an_offence_between_sentence_and_release_was_in_custody(
    tmp_path: Path, on: str, setting: str
) -> None:
    tables = ndelius_tables(
        EVENT=[{"EVENT_ID": "3"}],
        MAIN_OFFENCE=[
            {"MAIN_OFFENCE_ID": "4", "EVENT_ID": "3", "OFFENCE_ID": "5", "OFFENCE_DATE": on}
        ],
        DISPOSAL=[{"DISPOSAL_ID": "5", "DISPOSAL_DATE": "2024-01-10"}],
        CUSTODY=[{"CUSTODY_ID": "6", "DISPOSAL_ID": "5"}],
        RELEASE=[{"RELEASE_ID": "7", "CUSTODY_ID": "6", "ACTUAL_RELEASE_DATE": "2024-07-10"}],
        RECALL=[{"RECALL_ID": "3", "RELEASE_ID": "7", "RECALL_DATE": "2024-09-15"}],
    )
    words = {"R_OFFENCE": [{"OFFENCE_ID": "5", "CODE": "00801", "DESCRIPTION": "Wounding"}]}
    extract, _ = import_tables(tmp_path, tables | words)
    assert [row["setting"] for row in rows_of(extract, "incidents")] == [setting]


def test_an_assault_on_a_prison_officer_was_in_custody(tmp_path: Path) -> None:
    offence = {"CODE": "10405", "DESCRIPTION": "Assault on a prison officer"}
    rows, _ = incident_of(tmp_path, offence)
    assert [(row["setting"], row["target"]) for row in rows] == [("custody", "staff")]


@pytest.mark.parametrize(("table", "main"), [("MAIN_OFFENCE", True), ("ADDITIONAL_OFFENCE", False)])
@pytest.mark.parametrize(
    ("listed", "counts", "expected"),
    [
        ("5", "2", ("04600", "Stealing from shops", 2)),
        ("5", "two", ("04600", "Stealing from shops", None)),
        ("6", "", ("OFFENCE_ID 6", None, None)),
    ],
)
def test_every_offence_of_a_sentence(
    tmp_path: Path, table: str, main: bool, listed: str, counts: str, expected: tuple[Any, ...]
) -> None:
    offence = {
        f"{table}_ID": "4",
        "EVENT_ID": "3",
        "OFFENCE_ID": listed,
        "OFFENCE_DATE": "2025-12-01",
        "OFFENCE_COUNT": counts,
    }
    tables = ndelius_tables(EVENT=[{"EVENT_ID": "3"}], **{table: [offence]})
    words = [{"OFFENCE_ID": "5", "CODE": "04600", "DESCRIPTION": "Stealing from shops"}]
    extract, _ = import_tables(tmp_path, tables | {"R_OFFENCE": words})
    (row,) = rows_of(extract, "offences")
    assert (row["code"], row["description"], row["count"]) == expected
    assert (row["main"], row["record_id"]) == (main, f"ndelius-{table.lower()}-4")
