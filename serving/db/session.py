"""Opens transactions in a user's name, each of which must leave audit rows."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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


def append_audit(connection: Connection, event: AuditEvent) -> None:
    """Append an audit row now; the chain is locked from here to the end of the transaction."""
    values = {
        "what": event.what,
        "kind": event.subject_type,
        "id": event.subject_id,
        "details": event.details,
    }
    connection.execute(_APPEND, values)


def append_admin_audit(connection: Connection, event: AuditEvent) -> None:
    """Append what an administrator did, with the user of the machine who did it."""
    append_audit(connection, replace(event, details={**event.details, "by": getpass.getuser()}))


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
            append_audit(connection, event)
