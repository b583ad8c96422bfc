"""Supervision from NDelius: orders, custody, licences, recalls and approved premises."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from features.frame import timeline
from features.history import asof
from features.intake.load import load_extract
from features.store.store import Store
from tests.features.sources.systems import Tables, import_tables, ndelius_tables, rows_of

TYPES = [
    {"DISPOSAL_TYPE_ID": "1", "DISPOSAL_TYPE_CODE": "SP", "DESCRIPTION": "ORA Community Order"},
    {
        "DISPOSAL_TYPE_ID": "2",
        "DISPOSAL_TYPE_CODE": "SS",
        "DESCRIPTION": "Suspended Sentence Order",
    },
    {"DISPOSAL_TYPE_ID": "3", "DISPOSAL_TYPE_CODE": "FI", "DESCRIPTION": "Fine"},
    {
        "DISPOSAL_TYPE_ID": "4",
        "DISPOSAL_TYPE_CODE": "SC",
        "DESCRIPTION": "CJA - Std Determinate Custody",
    },
]
REASONS = [
    {
        "STANDARD_REFERENCE_LIST_ID": "21",
        "CODE_VALUE": "R1",
        "CODE_DESCRIPTION": "Revoked (Re-sentenced)",
    },
    {
        "STANDARD_REFERENCE_LIST_ID": "22",
        "CODE_VALUE": "B1",
        "CODE_DESCRIPTION": "Terminated: Breach",
    },
    {
        "STANDARD_REFERENCE_LIST_ID": "23",
        "CODE_VALUE": "C1",
        "CODE_DESCRIPTION": "Completed - early good progress",
    },
    {"STANDARD_REFERENCE_LIST_ID": "24", "CODE_VALUE": "D1", "CODE_DESCRIPTION": "Death"},
    {
        "STANDARD_REFERENCE_LIST_ID": "31",
        "CODE_VALUE": "RC",
        "CODE_DESCRIPTION": "Recalled to prison",
    },
]
SENTENCE = {"DISPOSAL_ID": "5", "DISPOSAL_DATE": "2024-01-10", "TERMINATION_DATE": "2026-01-09"}
PRISON = {"CUSTODY_ID": "6", "DISPOSAL_ID": "5"}
LISTS = {"R_DISPOSAL_TYPE": TYPES, "R_STANDARD_REFERENCE_LIST": REASONS}


def supervisions(tmp_path: Path, **tables: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    extract, _ = import_tables(tmp_path, ndelius_tables(**tables) | LISTS)
    return [
        (row["kind"], row["occurred_on"], row["ended_on"], row["end_reason"])
        for row in sorted(rows_of(extract, "supervisions"), key=lambda row: row["occurred_on"])
    ]


@pytest.mark.parametrize(
    ("of_type", "kind"), [("1", "community_order"), ("2", "suspended_sentence")]
)
@pytest.mark.parametrize(
    ("reason", "ending"), [("21", "revoked"), ("22", "breached"), ("23", "completed"), ("24", "D1")]
)
def test_a_sentence_in_the_community(
    tmp_path: Path, of_type: str, kind: str, reason: str, ending: str
) -> None:
    row = {**SENTENCE, "DISPOSAL_TYPE_ID": of_type, "DISPOSAL_TERMINATION_REASON_ID": reason}
    assert supervisions(tmp_path, DISPOSAL=[row]) == [
        (kind, date(2024, 1, 10), date(2026, 1, 9), ending)
    ]


def test_a_fine_is_no_supervision(tmp_path: Path) -> None:
    assert supervisions(tmp_path, DISPOSAL=[{**SENTENCE, "DISPOSAL_TYPE_ID": "3"}]) == []


def test_custody_licence_recall_and_release_again_follow_each_other(tmp_path: Path) -> None:
    rows = supervisions(
        tmp_path,
        DISPOSAL=[{**SENTENCE, "DISPOSAL_TYPE_ID": "4", "DISPOSAL_TERMINATION_REASON_ID": "23"}],
        CUSTODY=[PRISON],
        RELEASE=[
            {"RELEASE_ID": "7", "CUSTODY_ID": "6", "ACTUAL_RELEASE_DATE": "2024-07-10"},
            {"RELEASE_ID": "8", "CUSTODY_ID": "6", "ACTUAL_RELEASE_DATE": "2024-12-01"},
            {
                "RELEASE_ID": "9",
                "CUSTODY_ID": "6",
                "ACTUAL_RELEASE_DATE": "2024-02-01",
                "SOFT_DELETED": "1",
            },
        ],
        RECALL=[{"RECALL_ID": "3", "RELEASE_ID": "7", "RECALL_DATE": "2024-09-15"}],
    )
    current = [row for row in rows if row[1] != date(2024, 2, 1)]
    assert current == [
        ("custody", date(2024, 1, 10), date(2024, 7, 10), None),
        ("licence", date(2024, 7, 10), date(2024, 9, 15), "recalled"),
        ("custody", date(2024, 9, 15), date(2024, 12, 1), None),
        ("licence", date(2024, 12, 1), date(2026, 1, 9), "completed"),
    ]


def test_custody_after_a_recall_ends_with_the_sentence(tmp_path: Path) -> None:
    rows = supervisions(
        tmp_path,
        DISPOSAL=[{**SENTENCE, "DISPOSAL_TYPE_ID": "4", "DISPOSAL_TERMINATION_REASON_ID": "23"}],
        CUSTODY=[PRISON],
        RELEASE=[{"RELEASE_ID": "7", "CUSTODY_ID": "6", "ACTUAL_RELEASE_DATE": "2024-07-10"}],
        RECALL=[{"RECALL_ID": "3", "RELEASE_ID": "7", "RECALL_DATE": "2024-09-15"}],
    )
    assert rows[-1] == ("custody", date(2024, 9, 15), date(2026, 1, 9), None)


ENTERED = {"ENTERED_NOTIONAL_END_DATE": "2026-03-01"}
NOTIONAL = {"NOTIONAL_END_DATE": "2026-04-01"}
CASE = "X700001"
KEY_DATE_TYPES = [
    {"STANDARD_REFERENCE_LIST_ID": code, "CODE_VALUE": code, "CODE_DESCRIPTION": code}
    for code in ("EXP", "ACR", "LED", "SED", "HDE")
]


def expected_ends(tmp_path: Path, **tables: list[dict[str, Any]]) -> list[date | None]:
    """When each supervision is expected to end, in the order in which they begin."""
    lists = LISTS | {"R_STANDARD_REFERENCE_LIST": REASONS + KEY_DATE_TYPES}
    extract, _ = import_tables(tmp_path, ndelius_tables(**tables) | lists)
    rows = sorted(rows_of(extract, "supervisions"), key=lambda row: row["occurred_on"])
    return [row["expected_end_on"] for row in rows]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({}, None),
        (NOTIONAL, date(2026, 4, 1)),
        (NOTIONAL | ENTERED, date(2026, 3, 1)),  # what somebody entered comes first
    ],
)
def test_an_order_is_expected_to_end_on_the_day_that_was_entered(
    tmp_path: Path, dates: dict[str, str], expected: date | None
) -> None:
    order = {"DISPOSAL_ID": "5", "DISPOSAL_DATE": "2024-01-10", "DISPOSAL_TYPE_ID": "1", **dates}
    assert expected_ends(tmp_path, DISPOSAL=[order]) == [expected]


@pytest.mark.parametrize(
    ("types", "release", "expiry"),
    [
        ((), None, date(2026, 3, 1)),  # a licence without a key date ends with the sentence
        (("ACR",), date(2024, 7, 1), date(2026, 3, 1)),
        (("ACR", "EXP"), date(2024, 7, 2), date(2026, 3, 1)),
        (("SED", "HDE"), None, date(2024, 7, 1)),
        (("SED", "LED"), None, date(2024, 7, 2)),
    ],
)
def test_custody_and_licence_are_expected_to_end_on_their_key_dates(
    tmp_path: Path, types: tuple[str, ...], release: date | None, expiry: date
) -> None:
    dates = [
        {"KEY_DATE_ID": f"{n}", "CUSTODY_ID": "6", "KEY_DATE_TYPE_ID": kind}
        | {"KEY_DATE": f"2024-07-0{n}"}
        for n, kind in enumerate(types, 1)
    ]
    # What was deleted, and what is no date, counts for nothing.
    dates.append({"KEY_DATE_ID": "8", "CUSTODY_ID": "6", "KEY_DATE_TYPE_ID": "EXP"})
    dates.append({**dates[-1], "KEY_DATE_ID": "7", "KEY_DATE": "9999-12-31"})
    deleted = {"KEY_DATE_ID": "9", "CUSTODY_ID": "6", "KEY_DATE_TYPE_ID": "EXP"}
    dates.append(deleted | {"KEY_DATE": "2024-08-09", "SOFT_DELETED": "1"})
    rows = expected_ends(
        tmp_path,
        DISPOSAL=[
            {"DISPOSAL_ID": "5", "DISPOSAL_DATE": "2024-01-10", "DISPOSAL_TYPE_ID": "4"} | ENTERED
        ],
        CUSTODY=[PRISON],
        KEY_DATE=dates,
        RELEASE=[{"RELEASE_ID": "7", "CUSTODY_ID": "6", "ACTUAL_RELEASE_DATE": "2024-07-10"}],
    )
    assert rows == [release, expiry]


@pytest.mark.parametrize(("on", "is_there"), [(date(2026, 5, 31), False), (date(2026, 6, 1), True)])
def test_an_expected_end_is_known_from_the_day_it_was_entered(
    tmp_path: Path, on: date, is_there: bool
) -> None:
    """Of custody that was recorded long before: nothing from the future (promise 2)."""
    key_date = {"KEY_DATE_ID": "1", "CUSTODY_ID": "6", "KEY_DATE_TYPE_ID": "EXP"}
    changed = "2026-06-01 09:00:00"
    key_date |= {"KEY_DATE": "2026-12-01", "LAST_UPDATED_DATETIME": changed}
    lists = LISTS | {"R_STANDARD_REFERENCE_LIST": REASONS + KEY_DATE_TYPES}
    sentence = {"DISPOSAL_ID": "5", "DISPOSAL_DATE": "2024-01-10", "DISPOSAL_TYPE_ID": "4"}
    tables = ndelius_tables(DISPOSAL=[sentence], CUSTODY=[PRISON], KEY_DATE=[key_date])
    extract, _ = import_tables(tmp_path, tables | lists)
    load_extract(extract, tmp_path / "store")
    spine = asof.make_spine([CASE], on)
    histories = asof.read_histories(Store.open(tmp_path / "store"), spine)
    expected_end = timeline.current_supervision(histories)[CASE]["expected_end_on"]
    assert expected_end == (date(2026, 12, 1) if is_there else None)


def test_a_recall_is_a_decision_that_was_issued(tmp_path: Path) -> None:
    tables = ndelius_tables(
        RELEASE=[{"RELEASE_ID": "7", "CUSTODY_ID": "6", "ACTUAL_RELEASE_DATE": "2024-07-10"}],
        RECALL=[{"RECALL_ID": "3", "RELEASE_ID": "7", "RECALL_DATE": "2024-09-15"}],
    )
    extract, _ = import_tables(tmp_path, tables)
    (row,) = rows_of(extract, "decisions")
    assert (row["kind"], row["decided"], row["issued"]) == ("recall", "recall", "recall")
    assert row["issued_on"] == date(2024, 9, 15)


@pytest.mark.parametrize(
    ("departure", "reason", "ended_on", "ending"),
    [
        ("9999-12-31", "", None, None),
        ("2024-08-01", "31", date(2024, 8, 1), "recalled"),
        ("2024-08-01", "23", date(2024, 8, 1), "completed"),
        ("2024-08-01", "24", date(2024, 8, 1), "D1"),
    ],
)
def test_a_stay_in_approved_premises(
    tmp_path: Path, departure: str, reason: str, ended_on: date | None, ending: str | None
) -> None:
    stay = {
        "APPROVED_PREMISES_RESIDENCE_ID": "4",
        "ARRIVAL_DATE": "2024-07-10",
        "DEPARTURE_DATE": departure,
        "DEPARTURE_REASON_ID": reason,
    }
    assert supervisions(tmp_path, APPROVED_PREMISES_RESIDENCE=[stay]) == [
        ("approved_premises", date(2024, 7, 10), ended_on, ending)
    ]


UNITS: Tables = {
    "TEAM": [{"TEAM_ID": "1", "CODE": "N54A", "DISTRICT_ID": "2", "PROBATION_AREA_ID": "4"}],
    "DISTRICT": [{"DISTRICT_ID": "2", "CODE": "LAU1", "BOROUGH_ID": "3"}],
    "BOROUGH": [{"BOROUGH_ID": "3", "CODE": "PDU1"}],
    "PROBATION_AREA": [{"PROBATION_AREA_ID": "4", "CODE": "N54"}],
}


def test_units_and_tier_are_those_of_the_current_manager(tmp_path: Path) -> None:
    managers = [
        {
            "OFFENDER_MANAGER_ID": "1",
            "TEAM_ID": "9",
            "ALLOCATION_DATE": "2026-02-01",
            "ACTIVE_FLAG": "0",
        },
        {
            "OFFENDER_MANAGER_ID": "2",
            "TEAM_ID": "1",
            "ALLOCATION_DATE": "2025-02-01",
            "ACTIVE_FLAG": "1",
        },
    ]
    tiers = [
        {"TIER_ID": "31", "DATE_CHANGED": "2025-01-01"},
        {"TIER_ID": "32", "DATE_CHANGED": "2026-01-01"},
    ]
    tables = ndelius_tables(
        DISPOSAL=[{**SENTENCE, "DISPOSAL_TYPE_ID": "1"}],
        OFFENDER_MANAGER=managers,
        MANAGEMENT_TIER=tiers,
    )
    lists = [
        {"STANDARD_REFERENCE_LIST_ID": "31", "CODE_VALUE": "UA1", "CODE_DESCRIPTION": "A1"},
        {"STANDARD_REFERENCE_LIST_ID": "32", "CODE_VALUE": "UB2", "CODE_DESCRIPTION": "B2"},
    ]
    more = UNITS | {"R_DISPOSAL_TYPE": TYPES, "R_STANDARD_REFERENCE_LIST": lists}
    extract, _ = import_tables(tmp_path, tables | more)
    (row,) = rows_of(extract, "supervisions")
    assert [
        row[name] for name in ("team_code", "lau_code", "pdu_code", "provider_code", "tier")
    ] == [
        "N54A",
        "LAU1",
        "PDU1",
        "N54",
        "UB2",
    ]


def test_each_allocation_has_the_unit_that_held_the_case_then(tmp_path: Path) -> None:
    managers = [
        {
            "OFFENDER_MANAGER_ID": "1",
            "TEAM_ID": "1",
            "ALLOCATION_STAFF_ID": "5",
            "ALLOCATION_DATE": "2026-02-01",
            "END_DATE": "2026-05-01",
        },
        {
            "OFFENDER_MANAGER_ID": "2",
            "TEAM_ID": "7",
            "ALLOCATION_STAFF_ID": "5",
            "ALLOCATION_DATE": "2026-05-01",
        },
    ]
    sentence = {**SENTENCE, "TERMINATION_DATE": ""}
    more = {
        **UNITS,
        "TEAM": [
            *UNITS["TEAM"],
            {"TEAM_ID": "7", "CODE": "N54B", "DISTRICT_ID": "8", "PROBATION_AREA_ID": "4"},
        ],
        "DISTRICT": [*UNITS["DISTRICT"], {"DISTRICT_ID": "8", "CODE": "LAU2", "BOROUGH_ID": "9"}],
        "BOROUGH": [*UNITS["BOROUGH"], {"BOROUGH_ID": "9", "CODE": "PDU2"}],
    }
    tables = ndelius_tables(OFFENDER_MANAGER=managers, DISPOSAL=[sentence])
    extract, _ = import_tables(tmp_path, tables | more)
    held = [
        (row["team_code"], row["pdu_code"], row["ended_on"])
        for row in rows_of(extract, "allocations")
    ]
    assert held == [("N54A", "PDU1", date(2026, 5, 1)), ("N54B", "PDU2", None)]
    load_extract(extract, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    for day, pdu in ((date(2026, 4, 30), "PDU1"), (date(2026, 5, 1), "PDU2")):
        histories = asof.read_histories(store, asof.make_spine(["X700001"], day))
        assert timeline.current_supervision(histories)[CASE]["pdu_code"] == pdu
