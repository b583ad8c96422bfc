"""Chooses the cases for the queue: the signed weekly reviews, less this week's, by unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from types import MappingProxyType

import polars as pl
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from models.lanes import Lanes
from serving.board.approvals import Approval
from serving.db.tables import findings, items
from serving.db.unit_tables import cover
from serving.night import sampling
from serving.night.sampling import Chosen, Key


def choose_cases(
    connection: Connection,
    approval: Approval,
    scored: pl.DataFrame,
    units: Mapping[str, str],
    key: Key,
    as_of: date,
    away: Collection[str],
    *,
    stopped: bool = False,
    random_only: Collection[str] = (),
    lanes: Lanes = MappingProxyType({}),
) -> list[Chosen]:
    """The cases to queue: the signed weekly reviews of each level and lane, less this week's.

    `away` are CRNs that are not drawn. Where the board has stopped flagging (`stopped`), nobody is
    flagged and no lane draws, and as many random cases are drawn as with flagging. At the recorded
    levels of `random_only` nobody is flagged either; their reviews are drawn at random.
    """
    queued, before = _this_week(connection, as_of)
    if stopped:
        queued |= {name.upper(): weekly for name, weekly in approval.weekly_reviews.items()}
    return sampling.sample_cases(
        scored=scored,
        units=units,
        weekly_reviews=approval.weekly_reviews,
        random_share=approval.random_share,
        queued_this_week=queued,
        away=away,
        key=key,
        slots=_free_slots(connection),
        random_before=before,
        random_only=random_only,
        lanes=lanes,
    )


def _this_week(connection: Connection, as_of: date) -> tuple[dict[str, int], int]:
    """How many this week has had by level, lane and at random, and how many at random in all.

    A case that closed after it was queued is nobody's to read here: another is drawn for it.
    """
    monday = as_of - timedelta(days=as_of.weekday())
    rows = connection.execute(
        select(
            findings.c.drawn_as,
            findings.c.stratum,
            func.count(),
            func.count().filter(~is_redrawn()),
        )
        .join(items, items.c.id == findings.c.item_id)
        .where(items.c.as_of >= monday, items.c.as_of <= as_of)
        .group_by(findings.c.drawn_as, findings.c.stratum)
    )
    queued: dict[str, int] = {}
    before = 0
    for drawn_as, stratum, count, still in rows:
        name = stratum if drawn_as == "flagged" else drawn_as
        name = name if name == "random" else name.upper()
        before += count if name == "random" else 0
        queued[name] = queued.get(name, 0) + still
    return queued, before


def is_redrawn() -> ColumnElement[bool]:
    """A condition for items replaced within the week, because they were limited before reading."""
    return or_(and_(items.c.limited, items.c.state == "open"), items.c.state == "by_hand")


def count_redraws(connection: Connection, as_of: date) -> int:
    """How many of this week's queued cases became limited and are replaced by another."""
    monday = as_of - timedelta(days=as_of.weekday())
    rows = select(func.count()).where(items.c.as_of >= monday, items.c.as_of <= as_of, is_redrawn())
    return int(connection.execute(rows).scalar_one())


def _free_slots(connection: Connection) -> dict[str, int]:
    """How many more flagged cases each unit can take, for units with a maximum."""
    newest = select(func.max(cover.c.id)).group_by(cover.c.pdu_code)
    capacities = connection.execute(
        select(cover.c.pdu_code, cover.c.reviews_at_once).where(
            cover.c.id.in_(newest), cover.c.reviews_at_once.is_not(None)
        )
    ).all()
    # A case limited since waits to be looked at by hand: it takes no reader's time here.
    counted = select(items.c.pdu_code, func.count()).where(
        items.c.state == "open", ~items.c.limited
    )
    rows = connection.execute(counted.group_by(items.c.pdu_code)).all()
    waiting = {unit_: count for unit_, count in rows}  # noqa: C416 - rows are not pairs to mypy
    return {unit_: max(0, most - waiting.get(unit_, 0)) for unit_, most in capacities}
