"""Hypothesis builds case histories: entries of every table, versions, withdrawals, odd codes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st

from features.contracts import contact_codes, records
from features.contracts.table import Column
from tests.factories import AS_OF, CRN, row

TABLES = [name for name in records.TABLES if name not in ("people", "reviews", "limits")]
_KINDS: Mapping[str, list[str]] = {
    "type_code": [
        "COAP",
        "COAP",
        "TRTM",
        "DRGTST",
        "APBR",
        "C145",
        "CARR",
        "C3PR",
        "AWLI",
        "C002",
        "SFGC",
        "ETCH20",
        "ZZZ9",
    ],
}
EDGES = [day + step for day in (0, 14, 28, 30, 56, 90, 180, 360, 365, 730) for step in (-1, 0, 1)]
"""Days at and beside the ends of the windows: where mistakes of one day show."""
HOLDERS = ["N07A001", "N07A002"]
"""Practitioners who hold a case: two, so that a holding often begins anew with the same one."""
_DAYS = st.sampled_from(EDGES) | st.integers(-40, 900)
"""Days before the as-of date; most of the windows lie within, and a few entries lie ahead."""


def _value(column: Column, day: date) -> st.SearchStrategy[Any]:
    if column.type == "date":
        near = st.integers(-200, 200).map(lambda n: day + timedelta(days=n))
        return st.none() | near
    if column.type == "time":
        later = st.integers(-3, 60).map(
            lambda n: datetime.combine(day, time(10)) + timedelta(minutes=7 * n)
        )
        return st.none() | later
    if column.type == "flag":
        return st.sampled_from([None, True, False])
    if column.type == "int":
        return st.integers(1, 5)
    if column.type == "number":
        return st.none() | st.sampled_from([80.0, 130.0])
    if column.codes is not None:
        known_values = (
            _KINDS.get(column.name, list(column.codes))
            if column.codes is contact_codes.CONTACT_TYPES
            else list(column.codes)
        )
        strategy = (
            st.sampled_from([*known_values, "ODD"])
            if not column.required
            else st.sampled_from(known_values)
        )
        return strategy if column.required else st.none() | strategy
    if column.name == "tier":
        return st.sampled_from([None, "A", "B", "A1", "D"])
    if column.name == "staff_code":
        return st.sampled_from(HOLDERS)
    return st.none() | st.sampled_from(["P1", "P2"])


def _is_left_out(table: str, column: Column) -> bool:
    """Whether a column keeps the value of the factories: no rule of its table reads it."""
    of_staff = column.name == "staff_code" and table != "allocations"
    return of_staff or column.name in ("provider_code", "note")


@st.composite
def _versions(draw: st.DrawFn, table: str) -> list[dict[str, Any]]:
    day = AS_OF - timedelta(days=draw(_DAYS))
    versions = []
    recorded = datetime.combine(day, time(12)) + timedelta(days=draw(st.integers(0, 40)))
    first = row(table, day, month_only=draw(st.sampled_from([None, None, False, True])))
    for version in range(1, draw(st.integers(1, 2)) + 1):
        values = {
            column.name: draw(_value(column, day))
            for column in records.find_table(table).own
            if not _is_left_out(table, column)
        }
        versions.append(first | values | {"version": version, "recorded_at": recorded})
        recorded += timedelta(days=draw(st.integers(0, 30)))
    if draw(st.integers(0, 9)) == 0:
        versions[-1]["withdrawn_at"] = recorded
    return versions


@st.composite
def histories(draw: st.DrawFn, most: int = 5) -> dict[str, list[dict[str, Any]]]:
    """The versions of a case's entries, by table."""
    rows_by_table: dict[str, list[dict[str, Any]]] = {}
    for table in TABLES:
        several = draw(st.lists(_versions(table), max_size=most))
        rows_by_table[table] = [version for versions in several for version in versions]
    return rows_by_table


def belonging_to(
    rows: dict[str, list[dict[str, Any]]], crn: str = CRN
) -> dict[str, list[dict[str, Any]]]:
    """The same entries of another case."""
    return {
        name: [r | {"crn": crn, "record_id": f"{crn}-{r['record_id']}"} for r in listed]
        for name, listed in rows.items()
    }


_PAIRS = (
    ("COAP", "UAAB"),
    ("TRTM", "UAAB"),
    ("DRGTST", "TREF"),
    ("CHVS", "ATTC"),
    ("C3PR", None),
    ("CARR", None),
    ("C145", "AFTC"),
    ("AWLI", None),
    ("COAP", "ATTC"),
)


def dense(seed: int, crn: str) -> dict[str, list[dict[str, Any]]]:
    """A full case of few kinds, so that entries meet: the same for the same seed."""
    rng = random.Random(seed)
    rows_by_table = {table: _dense_rows(rng, table, crn) for table in TABLES}
    started = rng.choice(rows_by_table["supervisions"])["occurred_on"]
    for number in range(2):
        day = started + timedelta(days=rng.randint(-1, 3))
        outcome = rng.choice(["UAAB", "ATTC"])
        rows_by_table["contacts"].append(
            row("contacts", day, crn=crn, record_id=f"{crn}-start-{number}", outcome_code=outcome)
        )
    rows_by_table["contacts"].extend(_word_of_the_police(random.Random(-seed), crn))
    return rows_by_table


def _word_of_the_police(rng: random.Random, crn: str) -> list[dict[str, Any]]:
    """Three or four contacts with the police, in one case of two: three or more are a source."""
    days = [rng.choice(EDGES) for _ in range(rng.choice([0, 0, 3, 4]))]
    return [
        row(
            "contacts",
            AS_OF - timedelta(days=day),
            crn=crn,
            record_id=f"{crn}-police-{number}",
            type_code="C204",
        )
        for number, day in enumerate(days)
    ]


def _dense_rows(rng: random.Random, table: str, crn: str) -> list[dict[str, Any]]:
    some = {
        column.name: rng.sample(_choices(column), k=min(rng.randint(2, 4), len(_choices(column))))
        for column in records.find_table(table).own
        if column.codes is not None
    }
    if "type_code" in some and table == "contacts":
        pair = rng.choice(
            [("COAP", "UAAB"), ("TRTM", "UAAB"), ("DRGTST", "TREF"), ("CHVS", "ATTC")]
        )
        some["type_code"] = [*some["type_code"], pair[0], pair[0]]
        some["outcome_code"] = [*some["outcome_code"], pair[1], pair[1]]
    rows = []
    for number in range(rng.randint(1, 9)):
        day = AS_OF - timedelta(days=rng.choice([*EDGES, *range(-5, 500, 7)]))
        first = row(table, day, crn=crn, record_id=f"{crn}-{table}-{number}")
        first["recorded_at"] = datetime.combine(day, time(12)) + timedelta(days=rng.randint(0, 40))
        first["month_only"] = rng.random() < 0.1
        for version in range(1, rng.choice([1, 1, 1, 2]) + 1):
            drawn = {
                column.name: _drawn(rng, column, day, some.get(column.name))
                for column in records.find_table(table).own
                if not _is_left_out(table, column)
            }
            later = first["recorded_at"] + timedelta(days=3 * (version - 1))
            rows.append(first | drawn | {"version": version, "recorded_at": later})
    return rows


def _choices(column: Column) -> list[str | None]:
    return [*(column.codes or ()), *([] if column.required else [None])]


def _drawn(rng: random.Random, column: Column, day: date, some: list[Any] | None) -> Any:
    if some is not None:
        return rng.choice(some)
    if column.name == "staff_code":
        return rng.choice(HOLDERS)
    if column.type == "date":
        mostly = [None] * (6 if column.name == "suspended_from" else 1)
        return rng.choice([*mostly, day + timedelta(days=rng.randint(-60, 120))])
    if column.type == "time":
        return rng.choice(
            [None, datetime.combine(day, time(10)) + timedelta(minutes=rng.randint(0, 90))]
        )
    drawn: dict[str, list[Any]] = {
        "flag": [None, True, False],
        "int": [1, 2, 3, 4, 5],
        "number": [None, 80.0, 130.0],
        "text": [None, "P1", "P2"],
    }
    choices = ["A", "B", "A1", "D", None] if column.name == "tier" else drawn[column.type]
    return rng.choice(choices)
