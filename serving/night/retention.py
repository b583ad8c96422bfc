"""Deletes expired drafts and ended sessions each night."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, delete, text

from features import clock
from serving.db.unit_tables import drafts

DRAFTS_FOR = timedelta(days=1)
SESSIONS_FOR = timedelta(days=2)
"""Longer than any cookie lives: a session that ran out still finds what its user was typing."""


def delete_expired(connection: Connection) -> dict[str, int]:
    """Delete expired drafts and ended sessions; returns how many of each."""
    now = clock.now()
    typed = connection.execute(delete(drafts).where(drafts.c.at < now - DRAFTS_FOR)).rowcount
    old_sessions = text("DELETE FROM triage.sessions WHERE until < :before")
    ended = connection.execute(old_sessions, {"before": now - SESSIONS_FOR}).rowcount
    return {"drafts": int(typed), "sessions": int(ended)}
