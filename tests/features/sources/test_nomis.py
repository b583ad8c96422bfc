"""NOMIS: what happened in custody counts from the moment it was shared with probation."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.features.sources.systems import Rows, Tables, import_tables, ndelius_tables, rows_of

REPORT = {
    "INSTITUTIONAL_REPORT_ID": "1",
    "DATE_COMPLETED": "2026-02-10",
    "CREATED_DATETIME": "2026-02-11 09:00:00",
    "LAST_UPDATED_DATETIME": "2026-02-11 09:00:00",
}
NO_SHARING = "not known to probation: no report or linked case note says that it was shared"


def ndelius(**tables: Rows) -> Tables:
    own = ndelius_tables(**tables)
    own["OFFENDER"][0]["NOMS_NUMBER"] = "A1234BC"
    return own


def prison(**tables: Rows) -> Tables:
    return {
        "OFFENDER_BOOKINGS": [{"OFFENDER_BOOK_ID": "1", "OFFENDER_ID": "5"}],
        "OFFENDERS": [{"OFFENDER_ID": "5", "OFFENDER_ID_DISPLAY": "a1234bc"}],
        **tables,
    }


def charge(
    paragraph: str = "51:1A", finding: str = "PROVED", on: str = "2026-02-01", words: str = ""
) -> Tables:
    return prison(
        AGENCY_INCIDENTS=[{"AGENCY_INCIDENT_ID": "7", "INCIDENT_DATE": on}],
        AGENCY_INCIDENT_PARTIES=[
            {"AGENCY_INCIDENT_ID": "7", "PARTY_SEQ": "1", "OFFENDER_BOOK_ID": "1"}
        ],
        AGENCY_INCIDENT_CHARGES=[
            {
                "AGENCY_INCIDENT_ID": "7",
                "CHARGE_SEQ": "1",
                "PARTY_SEQ": "1",
                "CHARGED_OIC_OFFENCE_ID": "3",
            }
        ],
        OIC_OFFENCES=[{"OIC_OFFENCE_ID": "3", "OIC_OFFENCE_CODE": paragraph, "DESCRIPTION": words}],
        OIC_HEARING_RESULTS=[
            {"AGENCY_INCIDENT_ID": "7", "CHARGE_SEQ": "1", "FINDING_CODE": finding}
        ],
    )


def outcome(
    tmp_path: Path, ours: Tables, theirs: Tables, table: str
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    extract, report = import_tables(tmp_path, ours, nomis=theirs)
    (line,) = [line for line in report.tables if line.table == table]
    return rows_of(extract, "incidents"), line.nothing


@pytest.mark.parametrize(
    ("paragraph", "finding", "expected"),
    [
        ("51:1A", "PROVED", ("violence", 3, True)),
        ("51:4", "D", ("violence", 2, False)),
        ("51:9", "PROVED", ("substance_use", 2, True)),
        ("51:20", "PROVED", ("threat", 2, True)),
    ],
)
def test_a_charge_at_adjudication(
    tmp_path: Path, paragraph: str, finding: str, expected: tuple[Any, ...]
) -> None:
    rows, _ = outcome(
        tmp_path,
        ndelius(INSTITUTIONAL_REPORT=[REPORT]),
        charge(paragraph, finding),
        "AGENCY_INCIDENT_CHARGES",
    )
    (row,) = rows
    assert (row["kind"], row["severity"], row["proven"]) == expected
    assert (row["crn"], row["setting"]) == ("X700001", "custody")
    assert row["recorded_at"] == datetime(2026, 2, 11, 9), "when the report reached probation"


@pytest.mark.parametrize(
    ("paragraph", "words", "expected"),
    [
        ("51:1B", "Commits any assault - assault on inmate", ("violence", 3, "prisoner")),
        ("51:1J", "Commits any assault - assault on prison officer", ("violence", 3, "staff")),
        ("51:1N", "assault on non prison officer member of staff", ("violence", 3, "staff")),
        ("51:2A", "detention against will of an inmate", ("violence", 4, "prisoner")),
        ("51:2B", "detention against will -non offr/staff/inmate", ("violence", 4, None)),
        ("51:1R", "Commits any sexual assault", ("sexual", 4, None)),
        ("51:12", "Has in his possession an unauthorised article - weapon", ("weapon", 3, None)),
    ],
)
def test_a_charge_by_its_words(
    tmp_path: Path, paragraph: str, words: str, expected: tuple[Any, ...]
) -> None:
    ours = ndelius(INSTITUTIONAL_REPORT=[REPORT])
    theirs = charge(paragraph, words=words)
    rows, _ = outcome(tmp_path, ours, theirs, "AGENCY_INCIDENT_CHARGES")
    assert [(row["kind"], row["severity"], row["target"]) for row in rows] == [expected]


def test_a_charge_of_another_kind_is_counted(tmp_path: Path) -> None:
    rows, nothing = outcome(
        tmp_path,
        ndelius(INSTITUTIONAL_REPORT=[REPORT]),
        charge("51:22"),
        "AGENCY_INCIDENT_CHARGES",
    )
    assert (rows, nothing) == (
        [],
        {"a charge that is not violence, sexual harm, threat, weapons or drugs": 1},
    )


@pytest.mark.parametrize(("happened", "is_known"), [("2026-02-10", True), ("2026-02-11", False)])
def test_a_report_shares_what_happened_up_to_its_day(
    tmp_path: Path, happened: str, is_known: bool
) -> None:
    rows, nothing = outcome(
        tmp_path,
        ndelius(INSTITUTIONAL_REPORT=[REPORT]),
        charge(on=happened),
        "AGENCY_INCIDENT_CHARGES",
    )
    assert (bool(rows), nothing) == (is_known, {} if is_known else {NO_SHARING: 1})


@pytest.mark.parametrize(
    ("happened", "is_known"),
    [("2026-02-06", False), ("2026-02-07", True), ("2026-02-10", True), ("2026-02-11", False)],
)
def test_a_linked_case_note_shares_the_days_before_it(
    tmp_path: Path, happened: str, is_known: bool
) -> None:
    contact = {
        "CONTACT_ID": "1",
        "CONTACT_DATE": "2026-02-12",
        "NOMIS_CASE_NOTE_ID": "88",
        "CONTACT_TYPE_ID": "1",
    }
    theirs = charge(on=happened) | {
        "OFFENDER_CASE_NOTES": [{"CASE_NOTE_ID": "88", "CONTACT_DATE": "2026-02-10"}]
    }
    rows, _ = outcome(tmp_path, ndelius(CONTACT=[contact]), theirs, "AGENCY_INCIDENT_CHARGES")
    assert bool(rows) is is_known


@pytest.mark.parametrize("deleted", ["1", "Y"])
def test_a_deleted_report_or_contact_shares_nothing(tmp_path: Path, deleted: str) -> None:
    contact = {
        "CONTACT_ID": "1",
        "CONTACT_DATE": "2026-02-12",
        "NOMIS_CASE_NOTE_ID": "88",
        "CONTACT_TYPE_ID": "1",
        "SOFT_DELETED": deleted,
    }
    report = {**REPORT, "SOFT_DELETED": deleted}
    ours = ndelius(CONTACT=[contact], INSTITUTIONAL_REPORT=[report])
    theirs = charge() | {
        "OFFENDER_CASE_NOTES": [{"CASE_NOTE_ID": "88", "CONTACT_DATE": "2026-02-02"}]
    }
    rows, nothing = outcome(tmp_path, ours, theirs, "AGENCY_INCIDENT_CHARGES")
    assert (rows, nothing) == ([], {NO_SHARING: 1})


def test_a_noms_number_of_two_cases_belongs_to_neither(tmp_path: Path) -> None:
    ours = ndelius(INSTITUTIONAL_REPORT=[REPORT])
    ours["OFFENDER"].append({**ours["OFFENDER"][0], "OFFENDER_ID": "2", "CRN": "X700002"})
    rows, nothing = outcome(tmp_path, ours, charge(), "AGENCY_INCIDENT_CHARGES")
    assert (rows, nothing) == ([], {"two CRNs have its NOMS number": 1})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"OFFENDERS": []}, "its booking leads to no NOMS number"),
        (
            {"OFFENDERS": [{"OFFENDER_ID": "5", "OFFENDER_ID_DISPLAY": "Z9999ZZ"}]},
            "no case in NDelius has its NOMS number",
        ),
        ({"OIC_OFFENCES": []}, "its offence is not in OIC_OFFENCES"),
    ],
)
def test_a_charge_that_leads_nowhere_is_counted(
    tmp_path: Path, change: Tables, reason: str
) -> None:
    rows, nothing = outcome(
        tmp_path,
        ndelius(INSTITUTIONAL_REPORT=[REPORT]),
        charge() | change,
        "AGENCY_INCIDENT_CHARGES",
    )
    assert (rows, nothing) == ([], {reason: 1})


@pytest.mark.parametrize(
    ("of_type", "role", "booking", "reason"),
    [
        ("ASSAULT", "ASSIAL", "1", None),
        ("FIGHT", "FIGHT", "1", None),
        ("ASSAULT", "VICT", "1", "a victim, witness or other role"),
        ("DRUGS", "PERP", "1", "a type of incident that is no violence"),
        ("ASSAULT", "ASSIAL", None, "staff or a visitor, not a prisoner"),
    ],
)
def test_an_incident_counts_for_those_who_did_it(
    tmp_path: Path, of_type: str, role: str, booking: str | None, reason: str | None
) -> None:
    party = {
        "INCIDENT_CASE_ID": "4",
        "PARTY_SEQ": "1",
        "OFFENDER_BOOK_ID": booking,
        "PARTICIPATION_ROLE": role,
    }
    case = {"INCIDENT_CASE_ID": "4", "INCIDENT_DATE": "2026-02-01", "INCIDENT_TYPE": of_type}
    rows, nothing = outcome(
        tmp_path,
        ndelius(INSTITUTIONAL_REPORT=[REPORT]),
        prison(INCIDENT_CASE_PARTIES=[party], INCIDENT_CASES=[case]),
        "INCIDENT_CASE_PARTIES",
    )
    assert nothing == ({reason: 1} if reason else {})
    assert [(row["kind"], row["certainty"]) for row in rows] == (
        [] if reason else [("violence", "allegation")]
    )


@pytest.mark.parametrize(("of_type", "kinds"), [("X", ["custody_intelligence"]), ("H", [])])
def test_a_security_alert_is_intelligence_that_is_not_disclosed(
    tmp_path: Path, of_type: str, kinds: list[str]
) -> None:
    alert = {
        "OFFENDER_BOOK_ID": "1",
        "ALERT_SEQ": "1",
        "ALERT_DATE": "2026-02-01",
        "ALERT_TYPE": of_type,
    }
    rows, _ = outcome(
        tmp_path,
        ndelius(INSTITUTIONAL_REPORT=[REPORT]),
        prison(OFFENDER_ALERTS=[alert]),
        "OFFENDER_ALERTS",
    )
    assert [row["kind"] for row in rows] == kinds
    assert all(row["disclosable"] is False for row in rows)


@pytest.mark.parametrize(
    ("victims", "target"),
    [
        ([], None),
        ([{"STAFF_ID": "9"}], "staff"),
        ([{"OFFENDER_BOOK_ID": "2"}], "prisoner"),
        ([{"OFFENDER_BOOK_ID": "2"}, {"STAFF_ID": "9"}], "staff"),
    ],
    ids=["none named", "staff", "a prisoner", "both"],
)
def test_whom_an_incident_concerns(tmp_path: Path, victims: Rows, target: str | None) -> None:
    parties = [{"OFFENDER_BOOK_ID": "1", "PARTICIPATION_ROLE": "ASSIAL"}]
    parties += [{**victim, "PARTICIPATION_ROLE": "VICT"} for victim in victims]
    theirs = prison(
        INCIDENT_CASE_PARTIES=[
            {"INCIDENT_CASE_ID": "4", "PARTY_SEQ": str(n), **party}
            for n, party in enumerate(parties)
        ],
        INCIDENT_CASES=[
            {"INCIDENT_CASE_ID": "4", "INCIDENT_DATE": "2026-02-01", "INCIDENT_TYPE": "ASSAULT"}
        ],
    )
    ours = ndelius(INSTITUTIONAL_REPORT=[REPORT])
    rows, _ = outcome(tmp_path, ours, theirs, "INCIDENT_CASE_PARTIES")
    assert [row["target"] for row in rows] == [target]


def test_whom_a_charge_concerns(tmp_path: Path) -> None:
    theirs = charge()
    theirs["AGENCY_INCIDENT_PARTIES"].append(
        {"AGENCY_INCIDENT_ID": "7", "PARTY_SEQ": "2", "STAFF_ID": "9", "INCIDENT_ROLE": "V"}
    )
    ours = ndelius(INSTITUTIONAL_REPORT=[REPORT])
    rows, _ = outcome(tmp_path, ours, theirs, "AGENCY_INCIDENT_CHARGES")
    assert [row["target"] for row in rows] == ["staff"]
