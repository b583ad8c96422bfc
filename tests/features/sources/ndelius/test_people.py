"""People and practitioners from NDelius."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of

LIST = [
    {"STANDARD_REFERENCE_LIST_ID": str(number), "CODE_VALUE": code, "CODE_DESCRIPTION": words}
    for number, code, words in (
        (1, "F", "Female"),
        (2, "A2", "Asian: Pakistani"),
        (3, "D1", "Dyslexia"),
        (4, "D2", "Hearing"),
        (5, "L1", "Urdu"),
        (6, "PSM", "NPS - PO"),
        (7, "ZZZ", "Other"),
    )
]


def test_a_person_in_the_words_of_the_list(tmp_path: Path) -> None:
    disabilities = [
        {"DISABILITY_TYPE_ID": "4"},
        {"DISABILITY_TYPE_ID": "3"},
        {"DISABILITY_TYPE_ID": "1", "SOFT_DELETED": "1"},
    ]
    tables = ndelius_tables(DISABILITY=disabilities) | {"R_STANDARD_REFERENCE_LIST": LIST}
    tables["OFFENDER"][0] |= {
        "DATE_OF_BIRTH_DATE": "1990-05-04",
        "GENDER_ID": "1",
        "ETHNICITY_ID": "2",
        "RELIGION_ID": "99",
        "LANGUAGE_ID": "5",
        "INTERPRETER_REQUIRED": "Y",
    }
    extract, _ = import_tables(tmp_path, tables)
    (person,) = rows_of(extract, "people")
    assert (person["given_name"], person["family_name"]) == ("Ann", "Example")
    assert person["born_on"] == date(1990, 5, 4)
    assert (person["sex"], person["ethnicity"]) == ("Female", "Asian: Pakistani")
    assert person["religion"] == "RELIGION_ID 99", "an id that the list does not have is kept"
    assert person["disability"] == "Dyslexia; Hearing"
    assert person["interpreter_language"] == "Urdu"


def test_allocations_have_the_grade_of_the_practitioner(tmp_path: Path) -> None:
    managers = [
        {
            "OFFENDER_MANAGER_ID": str(staff),
            "ALLOCATION_DATE": f"2026-01-0{staff}",
            "ALLOCATION_STAFF_ID": str(staff),
            "END_DATE": None,
        }
        for staff in (1, 2, 3)
    ]
    staff = [
        {"STAFF_ID": "1", "OFFICER_CODE": "N54A001", "STAFF_GRADE_ID": "6"},
        {"STAFF_ID": "2", "OFFICER_CODE": "N54A002", "STAFF_GRADE_ID": "7"},
    ]
    tables = ndelius_tables(OFFENDER_MANAGER=managers)
    extract, report = import_tables(
        tmp_path, tables | {"STAFF": staff, "R_STANDARD_REFERENCE_LIST": LIST}
    )
    rows = [(row["staff_code"], row["grade"]) for row in rows_of(extract, "allocations")]
    assert rows == [("N54A001", "PO"), ("N54A002", "ZZZ"), ("STAFF_ID 3", None)]
    assert report.unknown_codes["allocations.grade"] == [("ZZZ", 1)]
