"""Watches whether readers judge one record as they did half a year before (test and retest)."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, select

from features import clock
from serving.db.tables import own_views, repeat_reads, repeat_views
from serving.rule_numbers import REPEAT_READ_UNTIL_DAYS
from serving.watch.figures import Figure, part_share, too_few, worst_part
from serving.watch.readings import calls_too_low

NAME = "same_again"
FIRST_TIME = (
    (True, "that called a level too low the first time"),
    (False, "that called none too low the first time"),
)


def same_again_figure(connection: Connection, today: date) -> Figure:
    """Of the cases that a reader read twice in a year, the share judged alike both times.

    By what was said the first time, the worse one first: a share over both together would be high
    wherever few levels are called too low. A drift to milder or harsher readings is seen in one
    part alone. Readers err: "agreement" says how often two readers agree.
    """
    answers = _both_answers(connection, today)
    parts = []
    for low, label in FIRST_TIME:
        again = [second == first for first, second in answers if first is low]
        parts.append(part_share(NAME, label, sum(again), len(again)))
    if any(part.value is None for part in parts):
        return too_few(NAME, len(answers), parts)
    words = (
        "Asked twice whether any level is too low, readers gave the same answer for {n} of 100 "
        "cases ({where})."
    )
    return worst_part(NAME, parts, words, "nothing was read twice.")


def _both_answers(connection: Connection, today: date) -> list[tuple[bool, bool]]:
    """Whether a level was called too low, the first time and the second, of each case."""
    since = clock.start_of(today - timedelta(days=REPEAT_READ_UNTIL_DAYS))
    rows = (
        select(own_views.c.verdicts, repeat_views.c.verdicts.label("again"))
        .join(repeat_reads, repeat_reads.c.item_id == repeat_views.c.item_id)
        .join(
            own_views,
            (own_views.c.item_id == repeat_views.c.item_id)
            & (own_views.c.username == repeat_views.c.username),
        )
        .where(repeat_views.c.at >= since)
    )
    return [
        (calls_too_low(row.verdicts), calls_too_low(row.again)) for row in connection.execute(rows)
    ]
