"""Delivers acute entries: each new entry on a short signed list reaches the unit and practitioner.

After each night, outside review rates, seal, cool-down, approval and stop: to the practitioner, the
SPOs and the head of the unit, until one of them acknowledges it by name. A case of limited access
is its CRN alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from features.frame import timeline
from features.frame.timeline import TimelineEntry
from features.history import asof
from features.history.asof import Histories
from features.store.column_pruning import Unread
from features.store.store import Store
from serving.cases.acute_list import LISTED
from serving.db.tables import acknowledgements, acute, runs

MATCHES: dict[str, pl.Expr] = {
    title: pl.all_horizontal(pl.col(name).is_in(codes) for name, codes in conditions.items())
    for title, conditions in LISTED.items()
}
"""The signed list as expressions over incidents."""
WORDS = ("what", "detail", "source", "certainty")
"""The columns with an entry's text, emptied for a case of limited access."""
NO_UNIT = ""
"""The unit of a case that no unit holds. Its practitioner sees the entry, and the
unit does from the night on which there is one.
"""
LOOK_BACK = timedelta(days=7)
"""How far back an entry is new at least: further where no night ran since, or it came late."""


@dataclass(frozen=True)
class Delivered:
    """How many acute (urgent) entries were new, and how many have no unit to act on them."""

    new: int
    nowhere: int


def deliver_entries(
    connection: Connection, store: Store, on: pl.DataFrame, limited: set[str], as_of: date
) -> Delivered:
    """Deliver new acute (urgent) entries to units, and update those already delivered.

    New is what reached us since then as an entry of the list, also by a correction or late.
    """
    last = connection.execute(select(func.max(runs.c.as_of))).scalar()
    since = datetime.combine(min(as_of - LOOK_BACK, last or date.max), time.max)
    recent = pl.any_horizontal(MATCHES.values()) & (pl.col("known_from") > since)
    recent_incidents = asof.read_histories(
        store, on, tables=["incidents"], lean={"incidents": Unread(recent)}
    )
    rows = recent_incidents.rows("incidents").filter(pl.any_horizontal(MATCHES.values()))
    waiting = _unacknowledged_records(connection)
    crns = {*rows["crn"], *waiting}
    if not crns:
        return Delivered(0, 0)
    histories = asof.read_histories(
        store, asof.make_spine(crns, as_of), tables=["incidents", "allocations", "supervisions"]
    )
    units, holders = _unit_of_cases(histories), timeline.current_practitioners(histories)
    _refresh_entries(connection, histories, waiting, units, holders)
    values = [
        _entry_row(
            row, units.get(row["crn"], NO_UNIT), holders.get(row["crn"]), row["crn"] in limited
        )
        for row in _listed_entries(rows)
    ]
    nowhere = rows.filter(~pl.col("crn").is_in(list(units))).height
    if not values:
        return Delivered(0, nowhere)
    fresh = insert(acute).on_conflict_do_nothing().returning(acute.c.pdu_code)
    new_units = connection.execute(fresh, values).scalars()
    return Delivered(sum(unit != NO_UNIT for unit in new_units), nowhere)


def shrink_limited(connection: Connection, limited: list[str]) -> None:
    """Reduce entries of cases that have become limited to their CRN."""
    connection.execute(
        update(acute)
        .where(acute.c.crn.in_(limited), ~acute.c.limited)
        .values(limited=True, listed_as="", **dict.fromkeys(WORDS, ""))
    )


def open_again(connection: Connection, limited: Collection[str]) -> None:
    """Mark entries of cases that are no longer limited, so that the night restores their words."""
    back = update(acute).where(acute.c.limited, acute.c.crn.not_in(limited))
    connection.execute(back.values(limited=False))


def is_acknowledged() -> ColumnElement[bool]:
    """Whether somebody acknowledged an acute (urgent) entry, as the night may ask it."""
    return exists().where(acknowledgements.c.acute_id == acute.c.id)


def _unacknowledged_records(connection: Connection) -> dict[str, list[str]]:
    """The records not yet acknowledged, or restored after a limit, by case."""
    records: dict[str, list[str]] = {}
    wordless = ~acute.c.limited & (acute.c.listed_as == "")
    rows = connection.execute(
        select(acute.c.crn, acute.c.record_id).where(~is_acknowledged() | wordless)
    )
    for crn, record in rows:
        records.setdefault(crn, []).append(record)
    return records


def _unit_of_cases(histories: Histories) -> dict[str, str]:
    """The unit of each case, from its newest order, licence, custody or placement in force."""
    supervisions = histories.rows("supervisions").filter(
        pl.col("ended_on").is_null(), pl.col("pdu_code").is_not_null()
    )
    last = supervisions.sort("occurred_on", "record_id").unique(
        "crn", keep="last", maintain_order=True
    )
    return dict(last.select("crn", "pdu_code").iter_rows())


def _refresh_entries(
    connection: Connection,
    histories: Histories,
    waiting: dict[str, list[str]],
    units: dict[str, str],
    holders: dict[str, str],
) -> None:
    rows = {
        (row["crn"], row["record_id"]): row for row in _listed_entries(histories.rows("incidents"))
    }
    changes = defaultdict[str, list[dict[str, Any]]](list)
    for crn, record in ((crn, record) for crn, own in waiting.items() for record in own):
        row = rows.get((crn, record))
        key: dict[str, Any] = {"of_crn": crn, "of_record": record}
        changes["withdrawn"].append(key | {"withdrawn": row is None})
        if row is None:
            continue
        entry = timeline.describe_row("incidents", row)
        marks = {"disclosable": entry.disclosable, "disputed": entry.disputed}
        changes["marks"].append(key | marks)
        changes["words"].append(key | _entry_text(entry))
        if crn in units:
            held = {"pdu_code": units[crn], "practitioner_code": holders.get(crn)}
            changes["unit"].append(key | held)
        if row["listed_as"]:
            changes["listing"].append(key | {"listed_as": row["listed_as"]})
    for what, values in changes.items():
        # A limited entry is its CRN alone.
        has_words = [~acute.c.limited] if what in ("words", "listing") else []
        _update_entries(connection, values, *has_words)


def _update_entries(
    connection: Connection, values: list[dict[str, Any]], *conditions: ColumnElement[bool]
) -> None:
    """Update entries, each named by `of_crn` and `of_record`, where the conditions hold."""
    ours = acute.c.crn == bindparam("of_crn"), acute.c.record_id == bindparam("of_record")
    connection.execute(update(acute).where(*ours, *conditions), values)


def _entry_text(entry: TimelineEntry) -> dict[str, str]:
    return {name: getattr(entry, name) for name in WORDS}


def _listed_entries(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    words = pl.coalesce(
        pl.when(condition).then(pl.lit(title)) for title, condition in MATCHES.items()
    )
    yield from rows.with_columns(listed_as=words).sort("recorded_at", "record_id").to_dicts()


def _entry_row(row: dict[str, Any], pdu: str, holder: str | None, limited: bool) -> dict[str, Any]:
    entry = timeline.describe_row("incidents", row)
    return {
        "crn": row["crn"],
        "pdu_code": pdu,
        "practitioner_code": holder,
        "record_id": row["record_id"],
        "occurred_on": row["occurred_on"],
        "recorded_at": row["recorded_at"],
        "listed_as": "" if limited else row["listed_as"],
        "limited": limited,
        "withdrawn": False,
        "disclosable": entry.disclosable,
        "disputed": entry.disputed,
        **(dict.fromkeys(WORDS, "") if limited else _entry_text(entry)),
    }
