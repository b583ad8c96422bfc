"""Decides which cases a night may choose from, and why others are left out.

A case with an open review is not drawn again while that review is open. A case that was concluded
lately is left alone for a time, unless new evidence brings it back (`cool_down`). A case without a
unit has no reader, and a case of limited access is scored by nobody: both are left out by
`sampling`, which draws from cases with a score and a unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date

import polars as pl
from sqlalchemy import Connection, select

from features.store.store import Store
from serving.db.tables import conclusions, findings, items
from serving.night import cool_down


@dataclass(frozen=True)
class Away:
    """The CRNs that are not drawn tonight, by reason, and those brought back early."""

    open_review: frozenset[str]
    cooling_down: frozenset[str]
    brought_back: frozenset[str]

    @property
    def all_crns(self) -> frozenset[str]:
        """The CRNs of all cases that are not drawn tonight, for any reason."""
        return self.open_review | self.cooling_down


def find_away(
    connection: Connection, store: Store, as_of: date, scores: pl.DataFrame, rise: float
) -> Away:
    """The cases that are not drawn tonight; `rise` is the increase that brings a case back."""
    cooling = _cooling_down(connection, store, as_of, scores, rise)
    return Away(open_reviews(connection), cooling.away, cooling.broken)


def open_reviews(connection: Connection) -> frozenset[str]:
    """The CRNs with an open review: in the queue, and not concluded."""
    query = select(items.c.crn).where(items.c.state == "open")
    return frozenset(connection.execute(query).scalars())


def _cooling_down(
    connection: Connection, store: Store, as_of: date, scores: pl.DataFrame, rise: float
) -> cool_down.Cooling:
    last = (
        select(items.c.crn, conclusions.c.at, findings.c.risk_group, findings.c.probability)
        .join(conclusions, conclusions.c.item_id == items.c.id)
        .join(findings, findings.c.item_id == items.c.id)
        .order_by(conclusions.c.at)
    )
    rows = connection.execute(last).all()
    concluded = {row.crn: row.at.astimezone(UTC) for row in rows}
    then = {row.crn: (row.risk_group, row.probability) for row in rows}
    risen = cool_down.cases_risen(scores, then, rise)
    return cool_down.cases_cooling_down(store, concluded, as_of, risen)
