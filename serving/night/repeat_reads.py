"""Draws the case that each reader is to read once more: whether readings hold over time."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from sqlalchemy import Connection, RowMapping, and_, exists, insert, or_, select

from features import clock
from serving.db.tables import answers, conclusions, items, own_views, repeat_reads, users
from serving.night.sampling import Key
from serving.rule_numbers import (
    REPEAT_READ_AFTER_DAYS,
    REPEAT_READ_DUE_DAYS,
    REPEAT_READ_EVERY_DAYS,
    REPEAT_READ_UNTIL_DAYS,
)
from serving.watch.readings import calls_too_low


def draw_repeat_reads(connection: Connection, key: Key, today: date) -> int:
    """Ask each reader who was asked for none in a quarter to read one case again; how many asked.

    From the cases that the reader concluded half a year to a year ago in the unit where the reader
    still is. One in two is drawn from those in which the reader called a level too low, which are
    few, so that there are enough of both to compare. A review whose request waits is left alone.
    """
    by_reader: dict[str, list[RowMapping]] = defaultdict(list)
    for row in _eligible_cases(connection, today):
        by_reader[row["username"]].append(row)
    due_on = today + timedelta(days=REPEAT_READ_DUE_DAYS)
    rows = [
        {"item_id": _draw_case(own_cases, key, reader), "username": reader, "due_on": due_on}
        for reader, own_cases in sorted(by_reader.items())
    ]
    if rows:
        connection.execute(insert(repeat_reads), rows)
    return len(rows)


def _draw_case(own_cases: list[RowMapping], key: Key, reader: str) -> int:
    from_low = key.uniform_draw("repeat", reader) < 0.5
    of_that_kind = [one for one in own_cases if calls_too_low(one["verdicts"]) is from_low]
    candidates = of_that_kind or own_cases
    first = min(candidates, key=lambda one: key.keyed_digest("repeat", reader, one["crn"]))
    return int(first["id"])


def _eligible_cases(connection: Connection, today: date) -> list[RowMapping]:
    """Cases (id, crn) with who concluded them (username) and that view (verdicts)."""
    first, last = (
        clock.start_of(today - timedelta(days=days))
        for days in (REPEAT_READ_UNTIL_DAYS, REPEAT_READ_AFTER_DAYS)
    )
    asked_since = clock.start_of(today - timedelta(days=REPEAT_READ_EVERY_DAYS))
    # Of a request that waits for an answer its reader must see the review.
    is_settled = exists().where(
        answers.c.item_id == conclusions.c.item_id, answers.c.kind.in_(("reassessed", "settled"))
    )
    own_hand = items.c.hands.bool_op("?")(users.c.staff_code)
    rows = (
        select(
            items.c.id,
            items.c.crn,
            conclusions.c.username,
            own_views.c.verdicts,
        )
        .join(items, items.c.id == conclusions.c.item_id)
        .join(users, users.c.username == conclusions.c.username)
        .join(
            own_views,
            and_(
                own_views.c.item_id == conclusions.c.item_id,
                own_views.c.username == conclusions.c.username,
            ),
        )
        .where(
            conclusions.c.at >= first,
            conclusions.c.at < last,
            ~items.c.limited,
            users.c.role == "spo",
            users.c.ended_at.is_(None),
            users.c.pdu_code == items.c.pdu_code,
            or_(users.c.staff_code.is_(None), ~own_hand),
            or_(conclusions.c.outcome == "keep_level", is_settled),
            ~exists().where(repeat_reads.c.item_id == conclusions.c.item_id),
            ~exists().where(
                repeat_reads.c.username == conclusions.c.username, repeat_reads.c.at >= asked_since
            ),
        )
    )
    return list(connection.execute(rows).mappings())
