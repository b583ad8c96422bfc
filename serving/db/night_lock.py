"""The lock that keeps a night, and what must not run beside one, from running twice at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from features.errors import UserError
from serving.db.server import admin_engine, reach_database
from serving.settings import Settings


@contextmanager
def lock_night(engine: Engine) -> Iterator[None]:
    """Hold the lock of the nightly run for the block; UserError where somebody else holds it."""
    with engine.connect() as connection:
        lock = text("SELECT pg_try_advisory_xact_lock(hashtext('triage.night'))")
        if not connection.execute(lock).scalar():
            raise UserError(
                "A night is running, or a command that must not run beside one. Start this one "
                "when it has ended."
            )
        yield


@contextmanager
def no_night_meanwhile(settings: Settings) -> Iterator[None]:
    """Hold the lock of the nightly run as the administrator; UserError while a night runs."""
    with admin_engine(settings) as engine:
        reach_database(engine)
        with lock_night(engine):
            yield
