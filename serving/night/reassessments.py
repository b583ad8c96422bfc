"""Closes requests for reassessment that a complete assessment answers."""

from __future__ import annotations

from datetime import UTC, date

import polars as pl
from sqlalchemy import Connection, exists, func, insert, select, update

from features import clock
from features.contracts import codes
from features.frame import timeline
from features.history import asof
from features.history.recorded_levels import level_column
from features.store.store import Store
from serving.db.tables import answers, conclusions, items


def close_requests(connection: Connection, store: Store, as_of: date) -> int:
    """Close each request for which a complete assessment gives every named group a level.

    Completed and recorded after it was asked, as known on the date; also of a case limited since,
    of which nothing but that is looked at. Returns how many were closed.
    """
    answered = exists().where(
        answers.c.item_id == conclusions.c.item_id, answers.c.kind == "reassessed"
    )
    requests = connection.execute(
        select(items.c.id, items.c.crn, conclusions.c.groups, conclusions.c.at)
        .join(conclusions, conclusions.c.item_id == items.c.id)
        .where(conclusions.c.outcome == "ask_reassessment", ~answered)
    ).all()
    if not requests:
        return 0
    histories = asof.read_histories(
        store, asof.make_spine((one.crn for one in requests), as_of), tables=["assessments"]
    )
    complete = histories.rows("assessments").filter(
        pl.col("status") == "COMPLETE", pl.col("completed_on").is_not_null()
    )
    closed = 0
    for one in requests:
        at = one.at.astimezone(UTC).replace(tzinfo=None)  # times of the records are UTC
        has_level = [pl.col(level_column(group)).is_in(list(codes.LEVELS)) for group in one.groups]
        after = complete.filter(
            pl.col("crn") == one.crn,
            pl.col("completed_on") >= clock.day_of(at),
            pl.col("recorded_at") > at,
            *has_level,
        ).sort("completed_on", "record_id")
        if after.height:
            first = after.row(0, named=True)
            words = f"Assessment {first['record_id']}, completed on {first['completed_on']}."
            values = {"item_id": one.id, "kind": "reassessed", "words": words}
            connection.execute(insert(answers).values(**values))
            closed += 1
    return closed


def move_cases(connection: Connection, store: Store, as_of: date) -> int:
    """Move queued cases and requests to the practitioner who holds the case now.

    Staff who had a hand in an open case meanwhile do not read it. What nobody reads yet goes with
    the case to another unit; returns how many did.
    """
    rows = connection.execute(
        select(
            items.c.id,
            items.c.crn,
            items.c.pdu_code,
            items.c.practitioner_code,
            items.c.hands,
            items.c.state,
        )
    ).all()
    if not rows:
        return 0
    histories = asof.read_histories(
        store,
        asof.make_spine({row.crn for row in rows}, as_of),
        tables=["allocations", "supervisions"],
    )
    open_ = {row.crn for row in rows if row.state == "open"}
    holders, hands = timeline.current_practitioners(histories), _staff_involved(store, open_, as_of)
    supervision = timeline.current_supervision(histories)
    moved = 0
    for row in rows:
        unit = supervision.get(row.crn, {}).get("pdu_code")
        if row.state == "open" and unit not in (None, row.pdu_code):
            moved += _move_case(connection, row.id, unit)
        now = {"practitioner_code": holders.get(row.crn) or row.practitioner_code}
        if row.state == "open":
            now["hands"] = sorted({*row.hands, *hands.get(row.crn, ())})
        if now["practitioner_code"] != row.practitioner_code or now.get("hands", row.hands) != (
            row.hands
        ):
            connection.execute(update(items).where(items.c.id == row.id).values(**now))
    return moved


def _move_case(connection: Connection, item: int, unit: str) -> int:
    """Move a case to its new unit, unless somebody is reading it."""
    free = update(items).where(items.c.id == item, func.triage.nobody_began(items.c.id))
    return int(connection.execute(free.values(pdu_code=unit)).rowcount)


def _staff_involved(store: Store, crns: set[str], as_of: date) -> dict[str, list[str]]:
    """Staff who countersigned or took decisions in each case; empty where there are no cases."""
    if not crns:
        return {}
    return timeline.staff_involved(
        asof.read_histories(
            store, asof.make_spine(crns, as_of), tables=["assessments", "decisions"]
        )
    )
