"""Counts the acute (urgent) entries that nobody has acknowledged, and how long they have waited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, func, select

from serving.db.tables import acute

LONG_WAIT_DAYS = 3
"""Days after delivery from which an entry that nobody acknowledged counts as waiting long."""


@dataclass(frozen=True)
class WaitingEntries:
    """How many entries nobody acknowledged, how many wait long, and since when the oldest waits."""

    count: int
    long_waits: int
    since: date | None

    def as_counts(self) -> dict[str, int | str | None]:
        """The same for the counts of a run, the day as ISO text."""
        since = self.since.isoformat() if self.since else None
        return {"count": self.count, "long_waits": self.long_waits, "since": since}


def count_waiting(connection: Connection, is_acknowledged: ColumnElement[bool]) -> WaitingEntries:
    """The entries that the connection's user may see and nobody acknowledged, and their wait."""
    delivered = func.triage.day_of(acute.c.at)
    wait = func.triage.today() - delivered
    long = func.count().filter(wait >= LONG_WAIT_DAYS)
    rows = select(func.count(), long, func.min(delivered)).where(~is_acknowledged)
    return WaitingEntries(*connection.execute(rows).one())
