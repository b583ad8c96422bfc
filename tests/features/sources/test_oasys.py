"""OASys: sets become assessments with levels, screening answers, plan and fingerprint."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from features.errors import UserError
from tests.features.sources.systems import Tables, import_tables, ndelius_tables, rows_of

SET = {
    "OASYS_SET_PK": "100",
    "OASYS_ASSESSMENT_GROUP_PK": "10",
    "CMS_PROB_NUMBER": "X700001",
    "INITIATION_DATE": "2026-04-01",
    "DATE_COMPLETED": "2026-04-10",
    "ASSESSMENT_STATUS_ELM": "COMPLETE",
    "ASSESSMENT_TYPE_ELM": "LAYER_3",
    "CREATE_DATE": "2026-04-01 09:00:00",
    "LASTUPD_DATE": "2026-04-10 09:00:00",
}
PERSON = {"OFFENDER_PK": "1", "CMS_PROB_NUMBER": "X700001", "CREATE_DATE": "2020-01-01"}
LEVELS = {"SUM6.1.1": "L", "SUM6.2.1": "V", "SUM6.3.1": "H", "SUM6.4.1": "M", "SUM6.5.2": "V"}


def oasys(answers: dict[str, str] | None = None, words: str | None = None, **fields: Any) -> Tables:
    """The tables of one set: answers by question, and one answer in words of the analysis."""
    levels = {**(LEVELS if answers is None else answers)}
    numbers = {question: str(900 + n) for n, question in enumerate(levels)}
    questions = [
        {"OASYS_QUESTION_PK": numbers[q], "OASYS_SECTION_PK": "1", "REF_QUESTION_CODE": q}
        for q in levels
    ]
    return {
        "OFFENDER": [PERSON],
        "OASYS_ASSESSMENT_GROUP": [{"OASYS_ASSESSMENT_GROUP_PK": "10", "OFFENDER_PK": "1"}],
        "OASYS_SET": [{**SET, **fields}],
        "OASYS_SECTION": [
            {"OASYS_SECTION_PK": "1", "OASYS_SET_PK": "100", "REF_SECTION_CODE": "ROSHSUM"},
            {"OASYS_SECTION_PK": "2", "OASYS_SET_PK": "100", "REF_SECTION_CODE": "ROSHFULL"},
            {"OASYS_SECTION_PK": "3", "OASYS_SET_PK": "100", "REF_SECTION_CODE": "RMP"},
        ],
        "OASYS_QUESTION": [
            *questions,
            {
                "OASYS_QUESTION_PK": "1",
                "OASYS_SECTION_PK": "2",
                "REF_QUESTION_CODE": "FA1",
                "FREE_FORMAT_ANSWER": words,
            },
            {
                "OASYS_QUESTION_PK": "2",
                "OASYS_SECTION_PK": "3",
                "REF_QUESTION_CODE": "RM1",
                "FREE_FORMAT_ANSWER": "See weekly.",
                "LASTUPD_DATE": "2026-04-09 12:00:00",
            },
        ],
        "OASYS_ANSWER": [
            {"OASYS_QUESTION_PK": numbers[q], "REF_ANSWER_CODE": answer}
            for q, answer in levels.items()
        ],
    }


def assessment(tmp_path: Path, tables: Tables) -> dict[str, Any]:
    extract, _ = import_tables(tmp_path, ndelius_tables(), tables)
    (row,) = rows_of(extract, "assessments")
    return row


def test_levels_by_group_and_dates(tmp_path: Path) -> None:
    row = assessment(tmp_path, oasys())
    assert (row["record_id"], row["crn"], row["status"]) == ("oasys-set-100", "X700001", "COMPLETE")
    assert (row["occurred_on"], row["completed_on"]) == (date(2026, 4, 1), date(2026, 4, 10))
    assert row["recorded_at"] == datetime(2026, 4, 1, 8)
    assert row["children_community"] == "LOW"
    assert row["public_community"] == "VERY_HIGH"
    assert row["known_adult_community"] == "HIGH"
    assert row["staff_community"] == "MEDIUM"
    assert row["prisoners_custody"] == "VERY_HIGH"
    assert row["public_custody"] is None
    assert row["plan_written_on"] == date(2026, 4, 9)


@pytest.mark.parametrize(
    ("of_type", "status", "level"),
    [
        ("LAYER_3", "COMPLETE", "VERY_HIGH"),
        ("LAYER1", "COMPLETE", "VERY_HIGH"),
        (None, "COMPLETE", "VERY_HIGH"),
        ("BASIC_CUSTODY_SCREENING", "PREDICTORS_ONLY", None),
        ("STANDALONE", "PREDICTORS_ONLY", None),
    ],
)
def test_a_screening_has_no_levels_and_takes_none_away(
    tmp_path: Path, of_type: str | None, status: str, level: str | None
) -> None:
    row = assessment(tmp_path, oasys(ASSESSMENT_TYPE_ELM=of_type))
    assert (row["status"], row["public_community"]) == (status, level)


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("COMPLETE", "COMPLETE"),
        ("LOCKED_INCOMPLETE", "LOCKED_INCOMPLETE"),
        ("GUILLOTINED", "LOCKED_INCOMPLETE"),
        ("AWAITING_SBC", "OPEN"),
        ("SOMETHING", "SOMETHING"),
    ],
)
def test_a_status(tmp_path: Path, status: str, ours: str) -> None:
    assert assessment(tmp_path, oasys(ASSESSMENT_STATUS_ELM=status))["status"] == ours


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"R1.2.13.1": "NO", "R1.2.13.2": "YES"}, True),
        ({"R1.2.13.1": "NO", "R1.2.13.2": "NO"}, False),
        ({"R1.3.1.1": "YES"}, None),
    ],
)
def test_a_screening_question_is_yes_now_or_before(
    tmp_path: Path, answers: dict[str, str], expected: bool | None
) -> None:
    assert assessment(tmp_path, oasys(answers))["mentions_weapons"] is expected


def test_copied_analyses_have_one_fingerprint(tmp_path: Path) -> None:
    prints = {
        name: assessment(tmp_path / name, oasys(words=words))["analysis_fingerprint"]
        for name, words in (
            ("a", "He carries."),
            ("b", "He carries."),
            ("c", "He carried."),
            ("d", None),
        )
    }
    assert prints["a"] == prints["b"] != prints["c"]
    assert prints["d"] is None


def test_a_deleted_assessment_was_on_record_until_then(tmp_path: Path) -> None:
    row = assessment(tmp_path, oasys(DELETED_DATE="2026-05-01 12:00:00"))
    assert row["withdrawn_at"] == datetime(2026, 5, 1, 11)
    assert row["public_community"] == "VERY_HIGH"


def test_the_case_is_that_of_the_person_where_the_set_does_not_say(tmp_path: Path) -> None:
    assert assessment(tmp_path, oasys(CMS_PROB_NUMBER=None))["crn"] == "X700001"


def test_a_set_without_a_case_is_counted(tmp_path: Path) -> None:
    tables = oasys(CMS_PROB_NUMBER=None)
    tables["OFFENDER"] = [{**PERSON, "CMS_PROB_NUMBER": None}]
    _, report = import_tables(tmp_path, ndelius_tables(), tables)
    (line,) = [line for line in report.tables if line.record == "assessments"]
    assert line.nothing == {"neither the set nor its OFFENDER has a CRN (CMS_PROB_NUMBER)": 1}


def test_a_person_whom_oasys_limits_is_closed_to_everyone(tmp_path: Path) -> None:
    tables = oasys() | {"OFFENDER": [{**PERSON, "LIMITED_ACCESS_OFFENDER": "Y"}]}
    extract, _ = import_tables(tmp_path, ndelius_tables(), tables)
    (limit,) = rows_of(extract, "limits")
    assert (limit["crn"], limit["kind"], limit["username"]) == ("X700001", "restriction", None)


def test_a_limit_of_oasys_without_a_case_stops_the_import(tmp_path: Path) -> None:
    person = {**PERSON, "LIMITED_ACCESS_OFFENDER": "Y", "CMS_PROB_NUMBER": None}
    with pytest.raises(UserError, match="a limit whose person has no CRN"):
        import_tables(tmp_path, ndelius_tables(), oasys() | {"OFFENDER": [person]})


@pytest.mark.parametrize(
    ("flag", "band"), [("L", "LOW"), ("V", "VERY_HIGH"), ("NC", None), ("N", None), (None, None)]
)
def test_bands_of_predictors(tmp_path: Path, flag: str | None, band: str | None) -> None:
    row = assessment(tmp_path, oasys(OVP_RISK_RECON_ELM=flag, OGRS3_RISK_RECON_ELM="M"))
    assert (row["violence_band"], row["reoffending_band"]) == (band, "MEDIUM")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [({"10.6": "0"}, False), ({"10.6": "1"}, True), ({"10.6": "2"}, True), ({"10.5": "2"}, None)],
)
def test_psychiatric_problems_are_a_mention_of_mental_health(
    tmp_path: Path, answers: dict[str, str], expected: bool | None
) -> None:
    assert assessment(tmp_path, oasys(answers))["mentions_mental_health"] is expected


def test_a_plan_is_a_document_of_the_day_it_was_changed_last(tmp_path: Path) -> None:
    extract, _ = import_tables(tmp_path, ndelius_tables(), oasys())
    (plan,) = rows_of(extract, "documents")
    assert (plan["kind"], plan["occurred_on"]) == ("plan", date(2026, 4, 9))
    assert plan["recorded_at"] == datetime(2026, 4, 9)


def test_a_set_without_a_plan_is_counted(tmp_path: Path) -> None:
    tables = oasys()
    tables["OASYS_QUESTION"] = tables["OASYS_QUESTION"][:-1]
    _, report = import_tables(tmp_path, ndelius_tables(), tables)
    (line,) = [line for line in report.tables if line.record == "documents"]
    assert line.nothing == {"a set without a plan (RMP)": 1}


@pytest.mark.parametrize(
    ("fields", "required"),
    [
        ({"ASSESSMENT_STATUS_ELM": "SIGNED"}, True),
        ({"COUNTERSIGNER_NAME": "A Manager"}, True),
        ({"COUNTERSIGNER_SIGNED_DATE": "2026-04-11 10:00:00"}, True),
        ({}, None),
    ],
)
def test_a_countersignature_is_required_where_one_is_awaited_or_named(
    tmp_path: Path, fields: dict[str, str], required: bool | None
) -> None:
    assert assessment(tmp_path, oasys(**fields))["countersign_required"] is required


@pytest.mark.parametrize(
    ("answers", "level"),
    [(("M", "H"), "HIGH"), (("H", "M"), "HIGH"), (("L", "V", "H"), "VERY_HIGH"), (("X",), "X")],
)
def test_of_several_answers_to_one_question_the_highest_level_counts(
    tmp_path: Path, answers: tuple[str, ...], level: str
) -> None:
    tables = oasys({"SUM6.2.1": answers[0]})
    (first,) = tables["OASYS_ANSWER"]
    tables["OASYS_ANSWER"] = [{**first, "REF_ANSWER_CODE": answer} for answer in answers]
    assert assessment(tmp_path, tables)["public_community"] == level
