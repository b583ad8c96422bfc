"""Keeps sessions in the database, so that they can be ended; the cookie has only a number."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Engine, text

from features import clock
from serving.db import identity
from serving.rule_numbers import SESSION_HOURS


@dataclass(frozen=True)
class SessionUser:
    """The user of a session; `live` is False once it has expired or ended."""

    username: str
    name: str
    role: str
    pdu_code: str | None
    live: bool


def begin_session(connection: Connection, username: str) -> str:
    """Begin a session for the user; returns the number for the cookie, of which a digest is stored.

    The database begins a session only for the user whose identity is proved.
    """
    number = secrets.token_urlsafe(32)
    until = clock.now() + timedelta(hours=SESSION_HOURS)
    identity.prove_identity(connection, username)
    connection.execute(
        text("SELECT triage.session_begin(:id, :who, :until)"),
        {"id": _digest_of(number), "who": username, "until": until},
    )
    identity.take_back(connection)
    return number


def session_user(engine: Engine, number: str) -> SessionUser | None:
    """The user of a session, or None for an unknown session or removed user."""
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT * FROM triage.session_user_of(:id)"), {"id": _digest_of(number)}
        ).first()
    return SessionUser(*row) if row else None


def end_session(connection: Connection, number: str) -> None:
    """End a session now, so that no copy of its cookie is valid."""
    connection.execute(text("SELECT triage.session_end(:id)"), {"id": _digest_of(number)})


def _digest_of(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()
