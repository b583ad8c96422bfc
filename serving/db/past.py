"""Sets the clock back, for the service and its database alike, while a demo makes its past.

The database has one clock, `triage.now()`. Only the owner of the tables can replace the function
that says how far it is set back; `migrate` sets it right after a demo that was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection

from features import clock
from features.errors import SetupProblem
from serving.db.server import as_owner
from serving.settings import Settings

_SET_BACK = """\
CREATE OR REPLACE FUNCTION triage.set_back() RETURNS interval STABLE
LANGUAGE sql AS
  $$ SELECT interval '{seconds}' $$"""


def set_clock(connection: Connection, back: timedelta) -> None:
    """Set the clock of the database back by a period; nought is the real time."""
    seconds = round(back.total_seconds())
    connection.exec_driver_sql(_SET_BACK.format(seconds=seconds))


@contextmanager
def clock_at(settings: Settings, moment: datetime) -> Iterator[None]:
    """Within the block, the clocks of service and database run from an earlier moment.

    Raises SetupProblem outside a demo, and for a moment that has not come.
    """
    back = clock.now() - moment
    if not settings.demo:
        raise SetupProblem("Only a demo (ROSH_MODE=demo) has a past that is made up.")
    if back < timedelta(0):
        raise SetupProblem(f"{moment:%-d %B %Y} has not come, so it is no past.")
    # Whole seconds on both sides: neither clock is ahead of the other.
    back = timedelta(seconds=round(back.total_seconds()))
    with as_owner(settings) as connection:
        set_clock(connection, back)
    try:
        with clock.ahead_by(-back):
            yield
    finally:
        with as_owner(settings) as connection:
            set_clock(connection, timedelta(0))
