"""Reads and acknowledges acute entries of a unit or a practitioner."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, RowMapping, case, exists, func, insert, select

from serving.db.session import AuditEvent, Transaction
from serving.db.tables import acknowledgements, acute, users
from serving.db.waiting_entries import WaitingEntries, count_waiting
from serving.review.policies import Invalid, Refused
from serving.review.service import NotFound
from serving.rule_numbers import LEAST_DONE

LONGEST = 1000
SHOWN = 50


@dataclass(frozen=True)
class AcuteEntry:
    """An acute (urgent) entry, who acknowledged it, and the action taken."""

    entry: RowMapping
    is_acknowledged: bool
    acknowledged: list[RowMapping] = field(default_factory=list)


@dataclass(frozen=True)
class AcuteEntries:
    """The acute (urgent) entries that the user of a transaction may see."""

    opened: Transaction

    def count_unacknowledged(self) -> int:
        """How many acute (urgent) entries nobody has acknowledged."""
        rows = select(func.count()).select_from(acute).where(~_is_acknowledged())
        return int(self.opened.connection.execute(rows).scalar_one())

    def count_waiting(self) -> WaitingEntries:
        """The entries that nobody has acknowledged, and how long they have waited."""
        return count_waiting(self.opened.connection, _is_acknowledged())

    def list_entries(self) -> list[AcuteEntry]:
        """Acute (urgent) entries: all unacknowledged ones, then the most recently acknowledged."""
        newest = select(acute, _let_in()).order_by(acute.c.recorded_at.desc(), acute.c.id.desc())
        waiting = self.opened.connection.execute(newest.where(~_is_acknowledged())).mappings().all()
        last = (
            self.opened.connection.execute(newest.where(_is_acknowledged()).limit(SHOWN))
            .mappings()
            .all()
        )
        entries = {row["id"]: AcuteEntry(row, is_acknowledged=False) for row in waiting}
        entries |= {row["id"]: AcuteEntry(row, is_acknowledged=True) for row in last}
        acknowledged = (
            select(acknowledgements, users.c.name)
            .join(users, users.c.username == acknowledgements.c.username)
            .where(acknowledgements.c.acute_id.in_(entries))
            .order_by(acknowledgements.c.at)
        )
        for row in self.opened.connection.execute(acknowledged).mappings():
            entries[row["acute_id"]].acknowledged.append(row)
        self.opened.audit(
            AuditEvent("PAGE_VIEW_ACUTE", "NOT_APPLICABLE", "-", {"seen": len(entries)})
        )
        return list(entries.values())

    def acknowledge_entry(self, acute_id: int, action: str) -> None:
        """Acknowledge an entry in the user's name, with the action taken."""
        row = self.opened.connection.execute(
            select(acute.c.crn, _let_in()).where(acute.c.id == acute_id)
        )
        entry = row.first()
        if entry is None:
            raise NotFound("There is no such entry for you.")
        crn = entry.crn
        if entry.let_in == "closed":
            raise Refused("You do not have access to this case. Tell someone with access at once.")
        if not LEAST_DONE <= len(action.strip()) <= LONGEST or "\0" in action:
            raise Invalid({f"done-{acute_id}": "Say what you did, in 10 to 1,000 characters"})
        mine = exists().where(
            acknowledgements.c.acute_id == acute_id,
            acknowledgements.c.username == self.opened.username,
        )
        if self.opened.connection.execute(select(mine)).scalar_one():
            raise Refused("You have acknowledged this entry.")
        values = {"acute_id": acute_id, "username": self.opened.username, "done": action.strip()}
        self.opened.connection.execute(insert(acknowledgements).values(**values))
        self.opened.audit(AuditEvent("ACKNOWLEDGED_ACUTE", "CRN", crn, {"entry": acute_id}))


def _let_in() -> ColumnElement[str]:
    """A condition: the case is not limited, or its limit admits this user (triage.access)."""
    return case((acute.c.limited, func.triage.access(acute.c.crn)), else_="open").label("let_in")


def _is_acknowledged() -> ColumnElement[bool]:
    """Whether somebody acknowledged the entry; answered for limited cases too, without the name."""
    return func.triage.acute_done(acute.c.id)
