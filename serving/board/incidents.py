"""Keeps incidents: what went wrong with the service, and what was done until it was closed.

It contains no personal data: an inspector can ask who it was about. What was written
stays; a follow-up adds to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, RowMapping, insert, select

from features.errors import UserError
from serving.db.session import AuditEvent, Transaction
from serving.db.tables import users
from serving.db.unit_tables import incidents

KINDS = {
    "missed": "Serious harm where nothing was flagged",
    "wrong": "Somebody was wronged by a flag",
    "data": "Wrong or missing data",
    "access": "Somebody saw what they should not have seen",
    "use": "Findings were used for something else",
    "other": "Something else",
}


@dataclass(frozen=True)
class Incident:
    """An incident reported about the service, with every follow-up, oldest first."""

    first: RowMapping
    followed: list[RowMapping] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        """Whether the incident's last follow-up closed it."""
        return bool(self.followed) and bool(self.followed[-1]["closes"])


def list_incidents(connection: Connection) -> list[Incident]:
    """Every incident reported about the service, open ones first, then newest first."""
    rows = connection.execute(
        select(incidents, users.c.name)
        .join(users, users.c.username == incidents.c.username)
        .order_by(incidents.c.id)
    ).mappings()
    incident_of: dict[int, Incident] = {}
    for row in rows:
        if row["follows"] is None:
            incident_of[row["id"]] = Incident(row)
        else:
            incident_of[row["follows"]].followed.append(row)
    return sorted(incident_of.values(), key=lambda one: (one.is_closed, -one.first["id"]))


def report_incident(opened: Transaction, kind: str, words: str) -> None:
    """Report an incident; UserError where its words hold a CRN: no person is named."""
    if kind not in KINDS:
        raise UserError("Select what happened")
    _insert_incident(opened, {"kind": kind, "words": words})


def follow_up_incident(opened: Transaction, number: int, words: str, *, closes: bool) -> None:
    """Add a follow-up to a reported incident; with `closes`, that closes the incident."""
    incidents: Sequence[Incident] = list_incidents(opened.connection)
    incident = next((one for one in incidents if one.first["id"] == number), None)
    if incident is None or incident.is_closed:
        raise UserError("There is no such open incident.")
    values = {"follows": number, "kind": incident.first["kind"], "words": words, "closes": closes}
    _insert_incident(opened, values)


def _insert_incident(opened: Transaction, values: dict[str, object]) -> None:
    if re.search(r"\b[A-Za-z][0-9]{6}\b", str(values["words"])):
        raise UserError("Leave the CRN out: the board's pages contain no personal data.")
    opened.connection.execute(insert(incidents).values(**values, username=opened.username))
    opened.audit(AuditEvent("REPORTED_INCIDENT", "NOT_APPLICABLE", "-", {"kind": values["kind"]}))
