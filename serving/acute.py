"""Acute entries need no model: each new one of a short list goes, as it stands, to who answers.

After each night, outside review rates, seal, cool-down, approval and stop: to the practitioner, the
SPOs and the head of the unit, until one of them acknowledges it by name. A case of limited access
is its CRN alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl
from sqlalchemy import Connection, update
from sqlalchemy.dialects.postgresql import insert

from features import asof, timeline
from features.lean import Unread
from features.store import Store
from serving.db.tables import acute

KIND, TARGET = pl.col("kind"), pl.col("target")
LISTED: dict[str, pl.Expr] = {
    "A threat to a partner or a child": KIND.is_in(["threat"]) & TARGET.is_in(["partner", "child"]),
    "A concern reported by a monitoring provider": KIND.is_in(["provider_concern"]),
    "A sexual concern about a child": KIND.is_in(["sexual_concern_child"]),
}
"""What is acute, in words, and the entries that are: reviews of the worst cases found each of these
on record, passed on to nobody (decision 0014).
"""
LOOK_BACK = timedelta(days=7)
"""An entry recorded within so many days is new, unless it was delivered already."""


def deliver(
    connection: Connection, store: Store, on: pl.DataFrame, limited: set[str], as_of: date
) -> int:
    """Deliver the entries recorded in the last days of every case of a spine; how many are new.

    An entry is delivered once, whatever becomes of it later.
    """
    since = datetime.combine(as_of - LOOK_BACK, time.max)
    recent = pl.any_horizontal(LISTED.values()) & (pl.col("recorded_at") > since)
    told = asof.read(store, on, tables=["incidents"], lean={"incidents": Unread(recent)})
    rows = told.rows("incidents").filter(
        pl.any_horizontal(LISTED.values()), pl.col("first_recorded_at") > since
    )
    if rows.is_empty():
        return 0
    theirs = asof.spine(rows["crn"], as_of)
    known = asof.read(store, theirs, tables=["allocations", "supervisions"])
    held, holders = timeline.supervision(known), timeline.practitioners(known)
    values = [
        _value(row, held[row["crn"]]["pdu_code"], holders.get(row["crn"]), row["crn"] in limited)
        for row in _listed(rows)
        if held.get(row["crn"], {}).get("pdu_code")
    ]
    if not values:
        return 0
    fresh = insert(acute).on_conflict_do_nothing().returning(acute.c.id)
    return len(connection.execute(fresh, values).all())


def shrink(connection: Connection, limited: list[str]) -> None:
    """Entries of cases that were limited since they were delivered shrink to the CRN."""
    nothing = dict.fromkeys(("listed_as", "what", "detail", "source", "certainty"), "")
    connection.execute(
        update(acute)
        .where(acute.c.crn.in_(limited), ~acute.c.limited)
        .values(limited=True, **nothing)
    )


def _listed(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    words = pl.coalesce(pl.when(found).then(pl.lit(said)) for said, found in LISTED.items())
    yield from rows.with_columns(listed_as=words).sort("recorded_at", "record_id").to_dicts()


def _value(row: dict[str, Any], pdu: str, holder: str | None, limited: bool) -> dict[str, Any]:
    entry = timeline.entry("incidents", row)
    closed = {"what": "", "detail": "", "source": "", "certainty": ""}
    told = {"what": entry.what, "detail": entry.detail, "source": entry.source,
            "certainty": entry.certainty}  # fmt: skip
    return {
        "crn": row["crn"],
        "pdu_code": pdu,
        "practitioner_code": holder,
        "record_id": row["record_id"],
        "occurred_on": row["occurred_on"],
        "recorded_at": row["recorded_at"],
        "listed_as": "" if limited else row["listed_as"],
        "limited": limited,
        "disclosable": entry.disclosable,
        "disputed": entry.disputed,
        **(closed if limited else told),
    }
