"""Keeps the caseload for the pages: unit of each case, limits, facts without a model.

Rewritten each night by what differs, so that pages go on reading while it commits. Facts are
indicators of what the service did or did not do, over all cases that are open to be read; they
carry no score and no order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, delete, exists, select, tuple_, update

from features.frame import timeline
from features.history import asof
from features.history.asof import Histories
from features.indicators import CATALOGUE
from features.store.store import Store
from serving.db.arrays import insert_rows
from serving.db.unit_tables import caseload, facts

CHECKLIST: dict[str, str] = {
    "tier_grade_mismatch": "Held by a practitioner for whom the case is unsuitable",
    "absence_cover_without_reallocation": "Practitioner absent, case not reallocated",
    "assessment_locked_incomplete": "Assessment locked incomplete, none completed since",
    "repeat_dntr_without_senior_endorsement": (
        "Second or later decision not to recall, not endorsed by the head of the unit"
    ),
    "enforcement_decided_not_issued": "Letter decided and nothing recorded as issued",
    "civil_order_without_register": "Civil order in force without a register entry",
    "da_enquiry_overdue": "Domestic abuse enquiry without an answer",
    "sg_enquiry_overdue": "Child safeguarding enquiry without an answer",
    "da_enquiry_missing": "Domestic abuse enquiry due and not requested",
    "sg_enquiry_missing": "Child safeguarding enquiry due and not requested",
    "curfew_household_unchecked": "Curfew without an answer to both checks on the household",
}
"""Facts that are put right by looking them up, in words: an indicator each, and no model."""


@dataclass(frozen=True)
class Placed:
    """For each case of a night: its delivery unit, and the practitioner who holds it."""

    units: Mapping[str, str]
    practitioners: Mapping[str, str]


def place_cases(store: Store, on: pl.DataFrame) -> Placed:
    """Find the delivery unit and practitioner of each case of a spine."""
    return place_histories(
        asof.read_histories(store, on.select(asof.KEY), tables=["supervisions", "allocations"])
    )


def place_histories(histories: Histories) -> Placed:
    """The delivery unit and practitioner of each case, from histories read already."""
    supervisions = timeline.current_supervision(histories)
    units = {crn: row["pdu_code"] for crn, row in supervisions.items() if row["pdu_code"]}
    return Placed(units, timeline.current_practitioners(histories))


def fired_indicators(frame: pl.DataFrame, names: Iterable[str] = tuple(CHECKLIST)) -> pl.DataFrame:
    """Which of some indicators fire, by default the facts: crn, indicator; a case once, whichever
    group it is about.
    """
    fires = frame.select("crn", *(CATALOGUE[name].fires_in_frame.alias(name) for name in names))
    long = fires.unpivot(index="crn", variable_name="indicator", value_name="fires")
    return long.filter("fires").select("crn", "indicator").unique().sort("crn", "indicator")


def shrink_limited(connection: Connection, limited: list[str]) -> None:
    """Reduce cases that have become limited to their CRN and unit."""
    caseload_rows = update(caseload).where(caseload.c.crn.in_(limited), ~caseload.c.limited)
    connection.execute(caseload_rows.values(limited=True, practitioner_code=None))
    connection.execute(delete(facts).where(facts.c.crn.in_(limited)))


def write_caseload(connection: Connection, on: pl.DataFrame, where: Placed, as_of: date) -> None:
    """Update the unit and practitioner of every case, with or without an approval.

    Facts of a case that has left its unit go with it; new ones come with the run.
    """
    limited = dict(on.select("crn", "limited").iter_rows())
    rows: dict[tuple[str, ...], Any] = {
        (crn,): {
            "crn": crn,
            "pdu_code": where.units[crn],
            "limited": limited[crn],
            "as_of": as_of,
            "practitioner_code": None if limited[crn] else where.practitioners.get(crn),
        }
        for crn in limited
        if crn in where.units
    }
    _replace_rows(connection, caseload, ["crn"], rows)
    still = exists().where(
        caseload.c.crn == facts.c.crn,
        caseload.c.pdu_code == facts.c.pdu_code,
        ~caseload.c.limited,
    )
    connection.execute(delete(facts).where(~still))


def write_facts(
    connection: Connection, on: pl.DataFrame, fired: pl.DataFrame, where: Placed, as_of: date
) -> None:
    """Replace the checklist facts of the caseload with tonight's; limited cases have none."""
    limited = dict(on.select("crn", "limited").iter_rows())
    open_: dict[tuple[str, ...], Any] = {
        (crn, name): {
            "crn": crn,
            "indicator": name,
            "pdu_code": where.units[crn],
            "as_of": as_of,
            "practitioner_code": where.practitioners.get(crn),
        }
        for crn, name in fired.iter_rows()
        if crn in where.units and not limited.get(crn, True)
    }
    _replace_rows(connection, facts, ["crn", "indicator"], open_)


def facts_of_case(connection: Connection, crn: str) -> list[str]:
    """The checklist facts of a case of the reader's own unit, in words, as of the last night."""
    rows = select(facts.c.indicator).where(facts.c.crn == crn)
    names = set(connection.execute(rows).scalars())
    return [words for name, words in CHECKLIST.items() if name in names]


def _replace_rows(
    connection: Connection, table: Table, key: list[str], rows: Mapping[tuple[str, ...], Any]
) -> None:
    """Delete rows that are gone or changed, and insert new ones; most rows stay."""
    others = [c.name for c in table.columns if c.name not in ("as_of", *key)]
    size, columns = len(key), [table.c[name] for name in (*key, *others)]
    before = {tuple(row) for row in connection.execute(select(*columns))}
    values = itemgetter(*others)
    now = {(*one, *values(row)) for one, row in rows.items()}
    removed_rows = sorted(row[:size] for row in before - now)
    keys = tuple_(*columns[:size])
    for at in range(0, len(removed_rows), 5000):
        connection.execute(delete(table).where(keys.in_(removed_rows[at : at + 5000])))
    insert_rows(connection, table, (rows[row[:size]] for row in sorted(now - before)))
