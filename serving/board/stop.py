"""Stops flagging and resumes it: one board member can stop, two must agree to resume.

While it is stopped no case is flagged, and the queue says why. Random cases and acute
entries continue, so that misses are still measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import RunStopped, UserError
from serving.board import approvals
from serving.db.session import AuditEvent, Transaction
from serving.db.tables import users
from serving.db.unit_tables import stops

TO_GO_ON = 2


@dataclass(frozen=True)
class Stopped:
    """A stop in force: who stopped, when and why, and who has agreed to resume."""

    by: str
    at: datetime
    reasons: str
    resumed_by: tuple[str, ...]

    @property
    def stop_notice(self) -> str:
        """The sentence for the queue that says why nothing new is flagged."""
        return (
            f"The board stopped flagging on {self.at:%-d %B %Y}: {self.reasons} Cases drawn at "
            "random and acute entries go on."
        )


def in_force(connection: Connection, at: datetime | None = None) -> Stopped | None:
    """The stop that holds now, or held at a moment; None where there is none, or two members have
    ended it.
    """
    current: Stopped | None = None
    for row in list_stops(connection):
        if at is not None and row["at"] > at:
            break
        if row["kind"] == "stop":
            first = current or Stopped(row["name"], row["at"], row["reasons"], ())
            # A second stop cancels earlier agreements to resume.
            current = replace(first, resumed_by=())
        elif current is not None:
            names = tuple(dict.fromkeys((*current.resumed_by, row["name"])))
            current = replace(current, resumed_by=names) if len(names) < TO_GO_ON else None
    return current


def list_stops(connection: Connection) -> list[RowMapping]:
    """Every stop and every agreement to resume, with who and why, oldest first."""
    statement_rows = select(stops, users.c.name).join(users, users.c.username == stops.c.username)
    return list(connection.execute(statement_rows.order_by(stops.c.id)).mappings())


def as_the_board_says(
    connection: Connection, approval: approvals.Approval, *, stopped: bool
) -> None:
    """A stop, a withdrawal or the end of the approval that came while the night ran holds for it
    too: nothing of it is kept.
    """
    approvals.hold_still(connection)
    if not stopped and in_force(connection) is not None:
        raise RunStopped(
            "The board stopped flagging while the night ran, so nothing of it was kept. Start it "
            "again: it queues only the cases that are drawn at random."
        )
    now = next(one for one in approvals.list_approvals(connection) if one.id == approval.id)
    why = now.why_not_now(clock.now())
    if why is not None:
        raise RunStopped(
            f"The approval that the night ran with ceased to hold before it could commit: {why}. "
            "Nothing of it was kept. Start it again when something is approved."
        )


def stop_flagging(opened: Transaction, reasons: str) -> None:
    """Stop flagging with immediate effect, in a board member's own name."""
    _record_stop(opened, "stop", reasons, "STOPPED_FLAGGING")


def resume_flagging(opened: Transaction, reasons: str) -> None:
    """Agree that flagging resumes; it does once two members have agreed."""
    if in_force(opened.connection) is None:
        raise UserError("Nothing is stopped.")
    _record_stop(opened, "resume", reasons, "RESUMED_FLAGGING")


def _record_stop(opened: Transaction, kind: str, reasons: str, what: str) -> None:
    approvals.hold_still(opened.connection)
    values = {"kind": kind, "username": opened.username, "reasons": reasons.strip()}
    try:
        opened.connection.execute(insert(stops).values(**values))
    except DBAPIError as error:
        raise UserError(
            "It was not recorded: only a member of the board stops and resumes, with at least 20 "
            "characters of reasons."
        ) from error
    opened.audit(AuditEvent(what, "NOT_APPLICABLE", "-"))
