"""Checks the as-of date of a night before anything is written.

A night fills today's queue, so it is about the newest day that can be known: not to come, not after
the extract that was taken last, not before the newest night that was committed. What a past day
would have given is a replay (`serving.night.replay`), which fills nothing.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, func, select

from features import clock
from features.errors import UserError
from features.store.store import STALE_AFTER, Store
from serving.db.tables import runs

REPLAY = "To see what a past day would have given, without filling the queue, add --replay."


def check_night(connection: Connection, store: Store, as_of: date) -> None:
    """Raise UserError unless a nightly run can be made for this as-of date."""
    check_day(store, as_of, connection.execute(select(func.max(runs.c.as_of))).scalar())


def check_day(store: Store, as_of: date, newest: date | None) -> None:
    """Raise UserError unless a night may have this as-of date; `newest` is the last night's."""
    check_known(store, as_of)
    if newest is not None and as_of < newest:
        raise UserError(
            f"The newest night was as of {newest}: one as of {as_of} would fill today's queue with "
            f"what was known then. Nothing was changed. {REPLAY}"
        )
    oldest = clock.today() - STALE_AFTER
    # A demo may be about any day: its people are made up, and so is its queue.
    if as_of < oldest and not store.made_up:
        raise UserError(
            f"{as_of} is more than {STALE_AFTER.days} days ago: a night fills today's queue. "
            f"Nothing was changed. Use a day from {oldest} on. {REPLAY}"
        )


def check_known(store: Store, as_of: date) -> None:
    """Raise UserError for a day in the future, or later than the newest extract."""
    if as_of > clock.today():
        raise UserError(f"{as_of} has not come yet. Nothing was changed.")
    if not store.loads:
        raise UserError(f"The store in {store.path} holds no extract. Nothing was changed.")
    extracted_on = store.extracted_on
    if as_of > extracted_on:
        raise UserError(
            f"The newest extract was taken on {extracted_on}: of {as_of} nothing is known. "
            "Nothing was changed. Load a newer extract, or use an earlier day."
        )
