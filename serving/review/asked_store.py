"""Queries requests to practitioners and their answers, as far as row-level security permits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, text

from features import clock
from serving.db import working_days
from serving.db.linked_cases import close_links
from serving.db.tables import answers, conclusions, entries, findings, items, users
from serving.review.states import RequestState, where_it_stands
from serving.rule_numbers import DEPUTY_AFTER_WORKING_DAYS

REASSESS_WITHIN = 15
ANSWER_WITHIN = 5
"""Working days allowed to reassess, to answer, and to begin reading a case."""


@dataclass(frozen=True)
class FollowUp:
    """A reader's request about a case with its answers, oldest first."""

    item_id: int
    crn: str
    limited: bool
    person: Mapping[str, Any]
    practitioner_code: str | None
    outcome: str | None
    groups: Mapping[str, str]
    reasons: str | None
    asked_by: str | None
    asked_at: datetime
    answers: list[RowMapping] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        """Whether the case has become limited to this user, who then sees CRN and day only."""
        return self.outcome is None

    @property
    def current_state(self) -> RequestState:
        """The state of the request to the practitioner, after all its answers."""
        return where_it_stands([row["kind"] for row in self.answers])

    @property
    def is_settled(self) -> bool:
        """Whether the request needs no further action."""
        return self.current_state in (RequestState.REASSESSED, RequestState.SETTLED)

    @property
    def asked_again_at(self) -> datetime:
        """When the reader last asked: the request itself or a later reminder."""
        again: list[datetime] = [row["at"] for row in self.answers if row["kind"] == "reply"]
        return max([self.asked_at, *again])

    @property
    def due_on(self) -> date:
        """The date the practitioner named last, else some working days after the request."""
        named: list[date] = [row["planned_on"] for row in self.answers if row["planned_on"]]
        if named and self.current_state is not RequestState.WAITING:
            return named[-1]
        return working_days.working_day_after(clock.day_of(self.asked_again_at), REASSESS_WITHIN)

    @property
    def with_the_reader_since(self) -> date | None:
        """Since when the request waits for a reply from its reader; None where it does not."""
        since = None
        for row in self.answers:
            kind = row["kind"]
            if kind in ("declined", "second_look") or (
                kind == "fact" and self.outcome == "need_information"
            ):
                since = since or clock.day_of(row["at"])
            elif kind != "fact":
                since = None
        return None if self.is_settled else since

    def missed_deadline(self, today: date) -> tuple[str, date] | None:
        """What is late, in words, and the day by which it was due; None where nothing is late.

        Where nobody answered, the day by which an answer was due, also once the request is overdue:
        what is late must not look less late a day later.
        """
        if self.is_settled or self.is_closed:
            return None
        if (since := self.with_the_reader_since) is not None:
            reply_due = working_days.working_day_after(since, ANSWER_WITHIN)
            return ("the reader has not replied", reply_due) if reply_due < today else None
        if self.current_state is RequestState.WAITING:
            asked_on = clock.day_of(self.asked_again_at)
            answer_due = working_days.working_day_after(asked_on, ANSWER_WITHIN)
            return ("not answered", answer_due) if answer_due < today else None
        return ("overdue", self.due_on) if self.due_on < today else None

    def days_late(self, today: date) -> int:
        """For how many days something is late; 0 where nothing is."""
        late = self.missed_deadline(today)
        return (today - late[1]).days if late else 0

    def overdue_words(self, today: date) -> str | None:
        """What is late and by how many days, in words; None where nothing is late."""
        late, days = self.missed_deadline(today), self.days_late(today)
        if late is None:
            return None
        in_days = f"{days} {'day' if days == 1 else 'days'}"
        return f"overdue by {in_days}" if late[0] == "overdue" else f"{late[0]}, {in_days} late"


@dataclass(frozen=True)
class Open:
    """An open case of the unit and its reader, without its content."""

    item_id: int
    crn: str
    limited: bool
    queued_on: date
    due_on: date
    begun: bool
    held_by: str | None

    def is_unclaimed(self, today: date) -> bool:
        """Whether nobody has claimed the case in time, or its claim was given back."""
        return (
            not self.begun
            and working_days.working_day_after(self.queued_on, DEPUTY_AFTER_WORKING_DAYS) < today
        )

    def days_late(self, today: date) -> int:
        """For how many days the case should have been read; 0 where it is not overdue."""
        return max((today - self.due_on).days, 0)


@dataclass(frozen=True)
class AskedStore:
    """Requests and answers over one connection, as one user may see them."""

    connection: Connection
    username: str

    def list_follow_ups(self) -> list[FollowUp]:
        """Every request about the cases that this user may see, oldest first.

        Where a case has become limited, users named by it see the request, others only its date.
        """
        rows = self.connection.execute(
            _select_asked().order_by(conclusions.c.at, items.c.id)
        ).mappings()
        follow_ups = self._with_answers([_follow_up(row) for row in rows])
        shut = self.connection.execute(text("SELECT * FROM triage.closed_requests()"))
        follow_ups += [*self._list_named(), *(_closed_follow_up(*row) for row in shut)]
        return sorted(follow_ups, key=lambda one: (one.asked_at, one.item_id))

    def list_about(self, crn: str) -> list[FollowUp]:
        """Every request about one person that this user may see, the newest first."""
        rows = self.connection.execute(
            _select_asked().where(items.c.crn == crn).order_by(conclusions.c.at.desc())
        ).mappings()
        return self._with_answers([_follow_up(row) for row in rows])

    def read_follow_up(self, item_id: int) -> FollowUp | None:
        """The request about one case; None where this user may see none."""
        row = (
            self.connection.execute(_select_asked().where(items.c.id == item_id)).mappings().first()
        )
        if row is None:
            return next((one for one in self._list_named() if one.item_id == item_id), None)
        return self._with_answers([_follow_up(row)])[0]

    def _list_named(self) -> list[FollowUp]:
        """Requests about cases that have become limited and whose limit admits this user."""
        requests = self.connection.execute(text("SELECT * FROM triage.named_requests()"))
        follow_up_of = {
            row["item_id"]: FollowUp(
                item_id=row["item_id"],
                crn=row["about"],
                limited=True,
                person={},
                practitioner_code=row["holder"],
                outcome=row["outcome"],
                groups=row["groups"],
                reasons=row["reasons"],
                asked_by=row["asked_by"],
                asked_at=row["asked_at"],
            )
            for row in requests.mappings()
        }
        if follow_up_of:
            answer_rows = self.connection.execute(text("SELECT * FROM triage.named_answers()"))
            for row in answer_rows.mappings():
                follow_up_of[row["item_id"]].answers.append(row)
        return list(follow_up_of.values())

    def read_findings(self, item_id: int) -> dict[str, Any] | None:
        """The findings of a case about which a request was made."""
        rows = select(findings).where(findings.c.item_id == item_id)
        row = self.connection.execute(rows).mappings().first()
        return None if row is None else close_links(self.connection, row)

    def read_timeline(self, item_id: int) -> list[RowMapping]:
        """Every entry of the case as the reader saw it when the request was made, newest first."""
        rows = select(entries).where(entries.c.item_id == item_id).order_by(entries.c.position)
        return list(self.connection.execute(rows).mappings())

    def for_me(self) -> int:
        """How many answers wait for a reply from this user, who made the request."""
        return int(self.connection.execute(select(func.triage.answers_for_me())).scalar_one())

    def insert_answer(self, item_id: int, kind: str, words: str, planned_on: date | None) -> None:
        """Store an answer to a request about a case, in this user's name."""
        values = {
            "item_id": item_id,
            "username": self.username,
            "kind": kind,
            "words": words.strip(),
            "planned_on": planned_on,
        }
        # Without RETURNING: a limited case's row is readable only through named_answers.
        self.connection.execute(insert(answers).inline().values(**values))

    def list_open(self) -> list[Open]:
        """The open cases of the unit, by due date."""
        holder = func.triage.held_by(items.c.id)
        name = select(users.c.name).where(users.c.username == holder).scalar_subquery()
        rows = (
            select(
                items.c.id,
                items.c.crn,
                items.c.limited,
                items.c.queued_on,
                items.c.due_on,
                func.triage.begun(items.c.id).label("begun"),
                name.label("held_by"),
            )
            .where(items.c.state == "open")
            .order_by(items.c.due_on, items.c.shuffle)
        )
        return [Open(*row) for row in self.connection.execute(rows)]

    def _with_answers(self, follow_ups: list[FollowUp]) -> list[FollowUp]:
        by_item = {one.item_id: one for one in follow_ups}
        rows = (
            select(answers, users.c.name)
            .join(users, users.c.username == answers.c.username, isouter=True)
            .where(answers.c.item_id.in_(by_item))
            .order_by(answers.c.id)
        )
        for row in self.connection.execute(rows).mappings():
            by_item[row["item_id"]].answers.append(row)
        return follow_ups


def _select_asked() -> Any:
    return (
        select(
            items,
            conclusions.c.outcome,
            conclusions.c.groups,
            conclusions.c.reasons,
            conclusions.c.at,
            users.c.name,
        )
        .join(conclusions, conclusions.c.item_id == items.c.id)
        .join(users, users.c.username == conclusions.c.username)
        .where(conclusions.c.outcome.in_(["ask_reassessment", "need_information"]))
        # Said again beside the policies, so that the index of the unit, or of the person, is used.
        .where(
            or_(
                items.c.pdu_code == select(func.triage.own_pdu()).scalar_subquery(),
                items.c.practitioner_code == select(func.triage.own_staff_code()).scalar_subquery(),
            )
        )
    )


def _closed_follow_up(item_id: int, crn: str, asked_at: datetime) -> FollowUp:
    return FollowUp(
        item_id,
        crn,
        limited=True,
        person={},
        practitioner_code=None,
        outcome=None,
        groups={},
        reasons=None,
        asked_by=None,
        asked_at=asked_at,
    )


def _follow_up(row: RowMapping) -> FollowUp:
    return FollowUp(
        item_id=row["id"],
        crn=row["crn"],
        limited=row["limited"],
        person=dict(row["person"]),
        practitioner_code=row["practitioner_code"],
        outcome=row["outcome"],
        groups=dict(row["groups"]),
        reasons=row["reasons"],
        asked_by=row["name"],
        asked_at=row["at"],
    )
