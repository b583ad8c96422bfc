"""Links between cases: what makes one, from when until when, and none about a limited case."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from features.contracts.codes import NOT_YET_KNOWN
from features.sources.ndelius import link_pairs
from tests.features.sources.systems import CREATED, import_tables, ndelius_tables, rows_of

Row = dict[str, Any]
LINK = ("crn", "linked_crn", "kind", "concern", "occurred_on", "ended_on")
HOME = {"ADDRESS_NUMBER": "19", "POSTCODE": "ZZ1 1ZZ"}
REGISTERS = [
    {"REGISTER_TYPE_ID": "1", "CODE": "RVHR", "DESCRIPTION": "Very high"},
    {"REGISTER_TYPE_ID": "2", "CODE": "RCPR", "DESCRIPTION": "Child protection"},
    {"REGISTER_TYPE_ID": "3", "CODE": "WEAP", "DESCRIPTION": "Weapons"},
]
STATUSES = [
    {"STANDARD_REFERENCE_LIST_ID": "1", "CODE_VALUE": "M", "CODE_DESCRIPTION": "Main"},
    {"STANDARD_REFERENCE_LIST_ID": "2", "CODE_VALUE": "PR", "CODE_DESCRIPTION": "Proposed"},
]


def people(count: int, **first: Any) -> list[Row]:
    rows = [{"OFFENDER_ID": f"{n}", "CRN": f"X7000{n:02d}", **CREATED} for n in range(1, count + 1)]
    return [{**rows[0], **first}, *rows[1:]]


def address(offender: int, **values: Any) -> Row:
    own = {"OFFENDER_ADDRESS_ID": f"{offender}", "START_DATE": "2026-01-01"}
    return {**own, "OFFENDER_ID": f"{offender}", **HOME, **values}


def person(offender: int, relationship: str, **values: Any) -> Row:
    named = {"FIRST_NAME": "Pat", "SURNAME": "Example", "MOBILE_NUMBER": "07000 000000"}
    own = {"PERSONAL_CONTACT_ID": f"{offender}", "START_DATE": "2026-01-01"}
    return {**own, "OFFENDER_ID": f"{offender}", "RELATIONSHIP": relationship, **named, **values}


def import_links(folder: Path, count: int = 2, **tables: list[Row]) -> list[tuple[Any, ...]]:
    """The links of an import, each as LINK."""
    ndelius = ndelius_tables(**tables)
    if "OFFENDER" not in tables:
        ndelius["OFFENDER"] = people(count)
    ndelius |= {"R_REGISTER_TYPE": REGISTERS, "R_STANDARD_REFERENCE_LIST": STATUSES}
    extract, report = import_tables(folder, ndelius)
    of_links = [table for table in report.tables if table.record == "links"]
    versions = rows_of(extract, "links") if of_links else []
    rows = [row for row in versions if row["kind"] != NOT_YET_KNOWN]
    assert len(rows) == sum(table.mapped for table in of_links)
    return sorted((tuple(row[name] for name in LINK) for row in rows), key=str)


@pytest.mark.parametrize(
    ("one", "other", "since", "until"),
    [
        ({}, {}, date(2026, 1, 1), None),
        ({"POSTCODE": "zz11zz", "ADDRESS_NUMBER": " 19 "}, {}, date(2026, 1, 1), None),
        ({"START_DATE": "2026-02-01"}, {}, date(2026, 2, 1), None),
        ({"END_DATE": "2026-02-01"}, {}, date(2026, 1, 1), date(2026, 2, 1)),
        (
            {"END_DATE": "2026-02-01"},
            {"START_DATE": "2026-02-01"},
            date(2026, 2, 1),
            date(2026, 2, 1),
        ),
    ],
)
def test_two_people_at_one_address_at_the_same_time(
    tmp_path: Path, one: Row, other: Row, since: date, until: date | None
) -> None:
    addresses = [address(1, **one), address(2, **other)]
    assert import_links(tmp_path, OFFENDER_ADDRESS=addresses) == [
        ("X700001", "X700002", "shared_address", None, since, until),
        ("X700002", "X700001", "shared_address", None, since, until),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"ADDRESS_NUMBER": "20"},
        {"BUILDING_NAME": "Flat 2"},
        {"ADDRESS_STATUS_ID": "99"},
        {"START_DATE": "2026-05-01", "END_DATE": "2026-01-01"},
        {"POSTCODE": "ZZ1 1ZY"},
        {"ADDRESS_NUMBER": ""},
        {"POSTCODE": ""},
        {"NO_FIXED_ABODE": "Y"},
        {"ADDRESS_STATUS_ID": "2"},
        {"START_DATE": "2025-01-01", "END_DATE": "2025-12-31"},
        {"SOFT_DELETED": "1"},
        {"OFFENDER_ID": "1"},
    ],
)
def test_no_link(tmp_path: Path, other: Row) -> None:
    addresses = [address(1), address(2, **other)]
    assert import_links(tmp_path, OFFENDER_ADDRESS=addresses) == []


@pytest.mark.parametrize("count", [link_pairs.MOST_PEOPLE, link_pairs.MOST_PEOPLE + 1])
def test_a_hostel_is_no_link(tmp_path: Path, count: int) -> None:
    addresses = [address(n) for n in range(1, count + 1)]
    links = import_links(tmp_path, count, OFFENDER_ADDRESS=addresses)
    assert len(links) == (count * (count - 1) if count <= link_pairs.MOST_PEOPLE else 0)


def test_lodgers_one_after_another_are_no_hostel(tmp_path: Path) -> None:
    lodgers = [
        address(n, START_DATE=f"2025-{n:02d}-01", END_DATE=f"2025-{n:02d}-20") for n in range(2, 11)
    ]
    owner = address(1, START_DATE="2000-01-01")
    links = import_links(tmp_path, 10, OFFENDER_ADDRESS=[owner, *lodgers])
    assert len(links) == 2 * len(lodgers)


def test_every_address_is_accounted_for(tmp_path: Path) -> None:
    addresses = [address(1), address(2), address(3, POSTCODE=""), address(4, ADDRESS_NUMBER="7")]
    ndelius = ndelius_tables(OFFENDER_ADDRESS=addresses)
    ndelius |= {"OFFENDER": people(4)}
    _, report = import_tables(tmp_path, ndelius)
    (table,) = [one for one in report.tables if one.record == "links"]
    assert table.mapped == 2
    assert table.nothing == {
        link_pairs.ALONE: 1,
        "no postcode with a number or name of a house": 1,
    }


def test_a_register_of_the_other_person_is_a_link_of_its_own(tmp_path: Path) -> None:
    registers = [
        {"REGISTRATION_ID": f"{n}", "OFFENDER_ID": "2", "REGISTER_TYPE_ID": f"{n}", **more}
        for n, more in enumerate(
            [
                {"REGISTRATION_DATE": "2025-01-01"},
                {"REGISTRATION_DATE": "2026-02-01"},
                {"REGISTRATION_DATE": "2025-01-01"},
            ],
            start=1,
        )
    ]
    ended = [
        {"DEREGISTRATION_ID": "1", "REGISTRATION_ID": "2", "DEREGISTRATION_DATE": "2026-02-20"}
    ]
    links = import_links(
        tmp_path,
        OFFENDER_ADDRESS=[address(1), address(2)],
        REGISTRATION=registers,
        DEREGISTRATION=ended,
    )
    assert [link for link in links if link[3]] == [
        ("X700001", "X700002", "shared_address", "VERY_HIGH", date(2026, 1, 1), None),
        (
            "X700001",
            "X700002",
            "shared_address",
            "child_register",
            date(2026, 2, 1),
            date(2026, 2, 20),
        ),
    ]
    assert len([link for link in links if not link[3]]) == 2


def test_a_link_is_known_once_both_halves_are(tmp_path: Path) -> None:
    late = {"CREATED_DATETIME": "2026-05-01 10:00:00", "LAST_UPDATED_DATETIME": ""}
    changed = {"LAST_UPDATED_DATETIME": "2026-06-01 10:00:00"}
    for folder, other, known_at in (
        ("late", late, [datetime(2026, 5, 1, 9)]),
        ("changed", changed, [datetime(2026, 3, 2, 10), datetime(2026, 6, 1, 9)]),
    ):
        tables = ndelius_tables(OFFENDER_ADDRESS=[address(1), address(2, **other)])
        extract, _ = import_tables(tmp_path / folder, tables | {"OFFENDER": people(2)})
        rows = [row for row in rows_of(extract, "links") if row["crn"] == "X700001"]
        assert [row["recorded_at"] for row in rows] == known_at
        assert rows[-1]["kind"] == "shared_address"
        assert all(row["kind"] == NOT_YET_KNOWN for row in rows[:-1])


LIMITS: list[tuple[str, dict[str, list[Row]], dict[str, list[Row]] | None]] = [
    ("excluded", {"EXCLUSION": [{"EXCLUSION_ID": "1", "EXCLUSION_DATE": "2026-01-01"}]}, None),
    (
        "restricted until later",
        {
            "RESTRICTION": [
                {
                    "RESTRICTION_ID": "1",
                    "RESTRICTION_DATE": "2026-01-01",
                    "RESTRICTION_END_DATE": "9999-12-31",
                }
            ]
        },
        None,
    ),
    ("marked", {"OFFENDER": people(2, CURRENT_EXCLUSION="1")}, None),
    (
        "marked by OASys",
        {},
        {
            "OFFENDER": [
                {
                    "OFFENDER_PK": "1",
                    "CMS_PROB_NUMBER": "X700001",
                    "LIMITED_ACCESS_OFFENDER": "Y",
                    "CREATE_DATE": "2026-01-01",
                }
            ]
        },
    ),
]


@pytest.mark.parametrize(("_", "ndelius", "oasys"), LIMITS)
def test_no_link_where_access_to_either_case_is_limited(
    tmp_path: Path, _: str, ndelius: dict[str, list[Row]], oasys: dict[str, list[Row]] | None
) -> None:
    tables = ndelius_tables(OFFENDER_ADDRESS=[address(1), address(2)], **ndelius)
    if "OFFENDER" not in ndelius:
        tables["OFFENDER"] = people(2)
    extract, report = import_tables(tmp_path, tables, oasys=oasys)
    assert rows_of(extract, "links") == []
    (table,) = [one for one in report.tables if one.record == "links"]
    assert table.nothing == {link_pairs.LIMITED: 2}


@pytest.mark.parametrize(
    ("own", "others", "kind", "its_kind"),
    [
        ("Partner", "Victim", "partner_is_victim", "victim_is_partner"),
        ("victim of index offence", "Victim", "same_victim", "same_victim"),
        ("Sister", "Friend", "shared_contact", "shared_contact"),
        ("Ex-partner and victim", "Wife", "victim_is_partner", "partner_is_victim"),
        ("Mother of partner", "Victim", "shared_contact", "shared_contact"),
        ("Business partner", "Victim", "shared_contact", "shared_contact"),
        ("Sister - not a victim", "Victim", "shared_contact", "shared_contact"),
    ],
)
def test_the_same_person_named_in_two_cases(
    tmp_path: Path, own: str, others: str, kind: str, its_kind: str
) -> None:
    links = import_links(tmp_path, PERSONAL_CONTACT=[person(1, own), person(2, others)])
    assert [(link[0], link[2]) for link in links] == [("X700001", kind), ("X700002", its_kind)]


@pytest.mark.parametrize(
    "other",
    [
        {"FIRST_NAME": "Sam"},
        {"SURNAME": "Other"},
        {"MOBILE_NUMBER": "07000 000001"},
        {"RELATIONSHIP": "GP"},
        {"RELATIONSHIP": "Support worker"},
        {"MOBILE_NUMBER": ""},
        {"RELATIONSHIP": "Victim Liaison Officer"},
    ],
)
def test_people_who_are_not_the_same_or_work_with_the_person(tmp_path: Path, other: Row) -> None:
    contacts = [person(1, "Sister"), person(2, "Sister", **other)]
    assert import_links(tmp_path, PERSONAL_CONTACT=contacts) == []


@pytest.mark.parametrize("same", ["ADDRESS_ID", "EMAIL_ADDRESS"])
def test_a_person_is_the_same_by_address_or_e_mail_too(tmp_path: Path, same: str) -> None:
    with_same = {"MOBILE_NUMBER": "", same: "pat@example.org"}
    contacts = [person(1, "Sister", **with_same), person(2, "Brother", **with_same)]
    assert len(import_links(tmp_path, PERSONAL_CONTACT=contacts)) == 2


def test_a_partner_who_left_ends_the_link_and_a_victim_stays_one(tmp_path: Path) -> None:
    contacts = [
        person(1, "Partner", END_DATE="2026-03-01"),
        person(2, "Victim", END_DATE="2026-02-01"),
    ]
    links = import_links(tmp_path, PERSONAL_CONTACT=contacts)
    assert {link[5] for link in links} == {date(2026, 3, 1)}


def test_two_people_in_one_crown_court_case(tmp_path: Path) -> None:
    court = {"COURT_ID": "7", "CROWN_COURT_CALENDAR_NUMBER": "T20260001"}
    appearances = [
        {
            "COURT_APPEARANCE_ID": f"{n}",
            "OFFENDER_ID": f"{n}",
            "APPEARANCE_DATE": f"2026-02-0{n}",
            **court,
        }
        for n in (1, 2)
    ]
    links = import_links(tmp_path, COURT_APPEARANCE=appearances)
    assert links == [
        ("X700001", "X700002", "co_defendant", None, date(2026, 2, 2), None),
        ("X700002", "X700001", "co_defendant", None, date(2026, 2, 2), None),
    ]
    appearances[1]["COURT_ID"] = "8"
    assert import_links(tmp_path / "elsewhere", COURT_APPEARANCE=appearances) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"ADDRESS_NUMBER": "Flat 1, 19"}, {"ADDRESS_NUMBER": "Flat 11, 9"}),
        ({"ADDRESS_NUMBER": "2/14"}, {"ADDRESS_NUMBER": "21/4"}),
        (
            {"ADDRESS_NUMBER": "N/A", "BUILDING_NAME": "Rose Cottage"},
            {"ADDRESS_NUMBER": "N/A", "BUILDING_NAME": "The Mill"},
        ),
        ({"ADDRESS_NUMBER": "N/A"}, {"ADDRESS_NUMBER": "n/a"}),
    ],
)
def test_other_homes(tmp_path: Path, one: Row, other: Row) -> None:
    addresses = [address(1, **one), address(2, **other)]
    assert import_links(tmp_path, OFFENDER_ADDRESS=addresses) == []


@pytest.mark.parametrize(
    "number", [{"NOMS_NUMBER": "A1234BC"}, {"PNC_NUMBER": "2012/0052494Q"}, {"SOFT_DELETED": "1"}]
)
def test_two_cases_of_one_person_or_a_deleted_one_are_no_link(tmp_path: Path, number: Row) -> None:
    both = [{**one, **number} for one in people(2)]
    links = import_links(tmp_path, OFFENDER=both, OFFENDER_ADDRESS=[address(1), address(2)])
    assert links == []


def test_of_one_row_told_twice_the_last_form_counts(tmp_path: Path) -> None:
    later = {"LAST_UPDATED_DATETIME": "2026-04-01 10:00:00", "END_DATE": "2026-03-10"}
    for order in (1, -1):
        forms = [address(2), address(2, **later)][::order]
        folder = tmp_path / f"{order}"
        links = import_links(folder, OFFENDER_ADDRESS=[address(1), *forms])
        ends = {link[5] for link in links if link[2] == "shared_address"}
        assert ends == {date(2026, 3, 10)}


def test_the_end_of_a_register_is_known_once_it_was_recorded(tmp_path: Path) -> None:
    register = {"REGISTRATION_ID": "1", "OFFENDER_ID": "2", "REGISTER_TYPE_ID": "1"}
    late = {"CREATED_DATETIME": "2026-06-20 10:00:00", "LAST_UPDATED_DATETIME": ""}
    tables = ndelius_tables(
        OFFENDER_ADDRESS=[address(1), address(2)],
        REGISTRATION=[{**register, "REGISTRATION_DATE": "2026-01-01"}],
        DEREGISTRATION=[
            {
                "DEREGISTRATION_ID": "1",
                "REGISTRATION_ID": "1",
                "DEREGISTRATION_DATE": "2026-03-20",
                **late,
            }
        ],
    )
    tables |= {"OFFENDER": people(2), "R_REGISTER_TYPE": REGISTERS}
    extract, _ = import_tables(tmp_path, tables)
    ends = [(row["ended_on"], row["recorded_at"]) for row in rows_of(extract, "links")]
    assert (date(2026, 3, 20), datetime(2026, 6, 20, 9)) in ends
    assert all(end is None for end, at in ends if at < datetime(2026, 6, 20))
