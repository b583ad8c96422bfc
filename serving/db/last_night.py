"""Says about which day the last night was, and which nights have not run in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, func, select

from features import clock
from serving.db.tables import runs


@dataclass(frozen=True)
class LastNight:
    """The day that the newest night was about, and the days since of which a night was due."""

    as_of: date | None
    """None before the first night."""
    missed: tuple[date, ...]

    @property
    def is_late(self) -> bool:
        """Whether a night has not run that should have: also where there was none at all."""
        return self.as_of is None or bool(self.missed)


def expected_day(now: datetime, due: time) -> date:
    """The day that the newest night must be about: yesterday, from the local time `due` on."""
    local = now.astimezone(clock.LOCAL)
    return local.date() - timedelta(days=1 if local.time() >= due else 2)


def read_last_night(connection: Connection, now: datetime, due: time) -> LastNight:
    """The newest night, and the days after it up to the one that must have run by now."""
    newest = connection.execute(select(func.max(runs.c.as_of))).scalar()
    if newest is None:
        return LastNight(None, ())
    days = (expected_day(now, due) - newest).days
    return LastNight(newest, tuple(newest + timedelta(days=n) for n in range(1, days + 1)))
