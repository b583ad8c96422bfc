"""Merges of cases: rows count under the CRN that survived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.sources.commands import report_lines
from features.sources.ndelius.merges import follow_merges
from tests.features.sources.systems import CREATED, import_tables, ndelius_tables, rows_of


def person(number: str, *, deleted: bool, **values: Any) -> dict[str, Any]:
    gone = {"SOFT_DELETED": "1" if deleted else "0"}
    return {"OFFENDER_ID": number, "CRN": f"X70000{number}", **CREATED, **gone, **values}


def merge(origin: str, target: str, number: str = "1") -> dict[str, Any]:
    return {
        "MERGE_HISTORY_ID": number,
        "ORIGIN_OFFENDER_ID": origin,
        "TARGET_OFFENDER_ID": target,
        "TABLE_NAME": "CONTACT",
    }


def tables_of(people: list[dict[str, Any]], merges: list[dict[str, Any]]) -> dict[str, Any]:
    address = {"OFFENDER_ADDRESS_ID": "7", "START_DATE": "2026-03-01", "OFFENDER_ID": "1"}
    return ndelius_tables(OFFENDER_ADDRESS=[address]) | {
        "OFFENDER": people,
        "MERGE_HISTORY": merges,
    }


def crn_of_the_address(folder: Path, tables: dict[str, Any]) -> str:
    extract, _ = import_tables(folder, tables)
    (row,) = rows_of(extract, "circumstances")
    return str(row["crn"])


def test_rows_of_a_merged_case_count_under_the_survivor(tmp_path: Path) -> None:
    people = [person("1", deleted=True), person("2", deleted=False)]
    assert crn_of_the_address(tmp_path, tables_of(people, [merge("1", "2")])) == "X700002"


def test_a_chain_of_merges_is_followed_to_its_end(tmp_path: Path) -> None:
    people = [person("1", deleted=True), person("2", deleted=True), person("3", deleted=False)]
    merges = [merge("1", "2"), merge("2", "3", "2")]
    assert crn_of_the_address(tmp_path, tables_of(people, merges)) == "X700003"


def test_a_merge_that_was_undone_is_not_followed(tmp_path: Path) -> None:
    people = [person("1", deleted=False), person("2", deleted=False)]
    assert crn_of_the_address(tmp_path, tables_of(people, [merge("1", "2")])) == "X700001"


def test_the_last_of_several_merges_counts(tmp_path: Path) -> None:
    people = [person("1", deleted=True), person("2", deleted=False), person("3", deleted=False)]
    merges = [merge("1", "2", "10"), merge("1", "3", "9")]
    assert crn_of_the_address(tmp_path, tables_of(people, merges)) == "X700002"


def test_a_circle_of_merges_is_named_and_nothing_moves(tmp_path: Path) -> None:
    people = [person("1", deleted=True), person("2", deleted=True)]
    tables = tables_of(people, [merge("1", "2"), merge("2", "1", "2")])
    extract, report = import_tables(tmp_path, tables)
    assert [row["crn"] for row in rows_of(extract, "circumstances")] == ["X700001"]
    assert report.merge_cycles == ("X700001", "X700002")
    assert any("in a circle" in line and "X700002" in line for line in report_lines(report))


def test_the_limit_of_a_merged_case_limits_the_survivor(tmp_path: Path) -> None:
    people = [person("1", deleted=True, CURRENT_RESTRICTION="1"), person("2", deleted=False)]
    extract, report = import_tables(tmp_path, tables_of(people, [merge("1", "2")]))
    limits = [(row["crn"], row["withdrawn_at"]) for row in rows_of(extract, "limits")]
    assert limits == [("X700002", None)]
    assert report.merged == 1


def test_an_assessment_under_the_old_crn_counts_for_the_survivor(tmp_path: Path) -> None:
    people = [person("1", deleted=True), person("2", deleted=False)]
    assessment = {
        "OASYS_SET_PK": "5",
        "CMS_PROB_NUMBER": "X700001",
        "INITIATION_DATE": "2026-03-01",
        "CREATE_DATE": "2026-03-01 10:00:00",
        "ASSESSMENT_STATUS_ELM": "COMPLETE",
    }
    tables = tables_of(people, [merge("1", "2")])
    extract, _ = import_tables(tmp_path, tables, oasys={"OASYS_SET": [assessment], "OFFENDER": []})
    assert {row["crn"] for row in rows_of(extract, "assessments")} == {"X700002"}


def test_two_cases_of_one_noms_number_are_one_after_their_merge(tmp_path: Path) -> None:
    people = [
        person("1", deleted=True, NOMS_NUMBER="A1234BC"),
        person("2", deleted=False, NOMS_NUMBER="A1234BC"),
    ]
    report_row = {
        "INSTITUTIONAL_REPORT_ID": "1",
        "OFFENDER_ID": "2",
        "DATE_COMPLETED": "2026-03-10",
        **CREATED,
    }
    tables = tables_of(people, [merge("1", "2")]) | {"INSTITUTIONAL_REPORT": [report_row]}
    nomis = {
        "OFFENDERS": [{"OFFENDER_ID": "9", "OFFENDER_ID_DISPLAY": "A1234BC"}],
        "OFFENDER_BOOKINGS": [{"OFFENDER_BOOK_ID": "8", "OFFENDER_ID": "9"}],
        "INCIDENT_CASES": [
            {
                "INCIDENT_CASE_ID": "3",
                "INCIDENT_DATE": "2026-03-01",
                "INCIDENT_TYPE": "ASSAULT",
                "REPORT_DATE": "2026-03-01",
            }
        ],
        "INCIDENT_CASE_PARTIES": [
            {
                "INCIDENT_CASE_ID": "3",
                "PARTY_SEQ": "1",
                "PARTICIPATION_ROLE": "ASSIAL",
                "OFFENDER_BOOK_ID": "8",
            }
        ],
    }
    extract, report = import_tables(tmp_path, tables, nomis=nomis)
    reasons = [reason for table in report.tables for reason in table.nothing]
    assert "two CRNs have its NOMS number" not in reasons
    assert {row["crn"] for row in rows_of(extract, "incidents")} == {"X700002"}


@pytest.mark.parametrize(
    ("targets", "survivors", "cycles"),
    [
        ({}, {}, ()),
        ({"A": "B"}, {"A": "B"}, ()),
        ({"A": "B", "B": "C"}, {"A": "C", "B": "C"}, ()),
        ({"A": "B", "B": "A"}, {}, ("A", "B")),
        ({"A": "B", "B": "C", "C": "B", "D": "E"}, {"D": "E"}, ("A", "B", "C")),
    ],
)
def test_following_merges(
    targets: dict[str, str], survivors: dict[str, str], cycles: tuple[str, ...]
) -> None:
    merges = follow_merges(targets)
    assert (merges.survivors, merges.cycles) == (survivors, cycles)
