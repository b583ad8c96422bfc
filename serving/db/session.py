"""Opens transactions in a user's name, each of which must leave audit rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from serving.db import identity

_APPEND = text("SELECT triage.audit_append(:what, :kind, :id, :details)").bindparams(
    bindparam("details", type_=JSONB)
)


@dataclass(frozen=True)
class AuditEvent:
    """An event in HMPPS's audit terms: what, subject type, subject id, details."""

    what: str
    subject_type: str
    subject_id: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass
class Transaction:
    """A database transaction in a user's name; its audit rows are written at its end."""

    connection: Connection
    username: str | None
    _events: list[AuditEvent] = field(default_factory=list)

    def audit(self, event: AuditEvent) -> None:
        """Add an audit row to the transaction, written when the transaction ends."""
        self._events.append(event)


@contextmanager
def transaction(engine: Engine, username: str | None) -> Iterator[Transaction]:
    """A transaction in a user's name, which writes its audit rows last.

    The chain's lock is taken by the last statements, so that a long night holds up no page. A
    transaction that would leave no audit row is a mistake in the program and is rolled back.
    """
    with engine.begin() as connection:
        if username:
            identity.prove_identity(connection, username)
        opened = Transaction(connection, username)
        yield opened
        if not opened._events:
            raise RuntimeError("This transaction would leave no audit row.")
        for event in opened._events:
            connection.execute(
                _APPEND,
                {
                    "what": event.what,
                    "kind": event.subject_type,
                    "id": event.subject_id,
                    "details": event.details,
                },
            )
