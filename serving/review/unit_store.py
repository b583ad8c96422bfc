"""Queries for the unit's pages: caseload, facts, limited cases, deputy, past reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, text

from features import clock
from serving.db.tables import (
    answers,
    conclusions,
    items,
    own_views,
    users,
)
from serving.db.unit_tables import caseload, cover, facts, limited_checks
from serving.review.states import RequestState, where_it_stands

CHECK_EVERY = timedelta(days=90)


@dataclass(frozen=True)
class Limited:
    """A case of limited access: its CRN, and when it was last checked by hand."""

    crn: str
    access: str
    """This reader's access: 'named', 'unknown' (the limit names nobody) or 'closed'."""
    waiting: bool
    """It was in the queue when access was limited, and nobody has looked at it since."""
    checked_at: datetime | None
    checked_by: str | None

    def is_due(self, today: date) -> bool:
        """Whether the case waits in the queue, or was last checked over ninety days ago."""
        if self.waiting or self.checked_at is None:
            return True
        return clock.day_of(self.checked_at) + CHECK_EVERY <= today


@dataclass(frozen=True)
class Past:
    """A concluded review and the practitioner's answers; for a limited case only its CRN."""

    item_id: int
    crn: str
    limited: bool
    person: Mapping[str, Any]
    at: datetime
    outcome: str | None
    changed: bool
    """The reader asked for a reassessment of a group that the own view had called about right."""
    came_of_it: RequestState | None
    """None where no request was made."""


@dataclass(frozen=True)
class UnitStore:
    """The tables of the unit's pages over one connection, as one user may see them."""

    connection: Connection
    username: str

    def read_holding(self, crn: str) -> RowMapping | None:
        """The unit and practitioner of a case; None where the user's unit does not hold it."""
        rows = select(caseload).where(caseload.c.crn == crn)
        return self.connection.execute(rows).mappings().first()

    def list_open_crns(self) -> list[str]:
        """The CRNs of the cases that the unit holds, without those of limited access."""
        rows = select(caseload.c.crn).where(~caseload.c.limited)
        return list(self.connection.execute(rows).scalars())

    def count_cases(self) -> int:
        """How many cases the unit holds."""
        return int(self.connection.execute(select(func.count()).select_from(caseload)).scalar_one())

    def list_facts(self, practitioner: str | None = None) -> dict[str, list[RowMapping]]:
        """The cases behind each checklist indicator, optionally of one practitioner only."""
        rows = select(facts).order_by(facts.c.indicator, facts.c.practitioner_code, facts.c.crn)
        if practitioner is not None:
            rows = rows.where(facts.c.practitioner_code == practitioner)
        facts_of: dict[str, list[RowMapping]] = {}
        for row in self.connection.execute(rows).mappings():
            facts_of.setdefault(row["indicator"], []).append(row)
        return facts_of

    def list_practitioners(self) -> list[tuple[str, int]]:
        """The practitioners with cases in the unit, and how many cases each holds."""
        code = caseload.c.practitioner_code
        rows = select(code, func.count()).where(code.is_not(None)).group_by(code).order_by(code)
        return [(holder, count) for holder, count in self.connection.execute(rows)]

    def list_limited(self) -> list[Limited]:
        """The unit's limited cases: queued ones first, then those unchecked the longest."""
        rows = self.connection.execute(text("SELECT * FROM triage.limited_of_unit()"))
        return [Limited(*row) for row in rows]

    def check_limited(self, crn: str, words: str) -> None:
        """Record that this user checked a limited case by hand."""
        values = {"crn": crn, "username": self.username, "words": words.strip()}
        # Without RETURNING: the web role cannot read back what it wrote.
        self.connection.execute(insert(limited_checks).inline().values(**values))

    def read_cover(self) -> RowMapping | None:
        """The unit's newest setting: its deputy, and its maximum of flagged cases."""
        rows = (
            select(cover, users.c.name)
            .join(users, users.c.username == cover.c.deputy, isouter=True)
            .order_by(cover.c.id.desc())
        )
        return self.connection.execute(rows).mappings().first()

    def list_deputies(self) -> list[RowMapping]:
        """The SPOs of all units, each of whom can be named as deputy."""
        rows = (
            select(users.c.username, users.c.name, users.c.pdu_code)
            .where(users.c.role == "spo", users.c.ended_at.is_(None))
            .order_by(users.c.pdu_code, users.c.name)
        )
        return list(self.connection.execute(rows).mappings())

    def set_cover(self, pdu: str, deputy: str | None, most: int | None) -> None:
        """Store a new setting in the head's name; earlier settings stay on record."""
        values = {
            "pdu_code": pdu,
            "deputy": deputy,
            "reviews_at_once": most,
            "username": self.username,
        }
        self.connection.execute(insert(cover).values(**values))

    def list_past(self, limit: int = 100) -> list[Past]:
        """The reviews that this user concluded, newest first, with the practitioners' answers."""
        last = select(func.triage.my_last_reviews(limit))
        ids = list(self.connection.execute(last).scalars())
        rows = (
            select(
                items,
                conclusions.c.at,
                conclusions.c.outcome,
                conclusions.c.groups,
                own_views.c.verdicts,
            )
            .join(conclusions, conclusions.c.item_id == items.c.id)
            .join(
                own_views,
                (own_views.c.item_id == items.c.id)
                & (own_views.c.username == conclusions.c.username),
            )
            .where(conclusions.c.item_id.in_(ids), conclusions.c.username == self.username)
            .order_by(conclusions.c.at.desc())
        )
        reviews = list(self.connection.execute(rows).mappings())
        answers_of: dict[int, list[str]] = {}
        kinds = select(answers.c.item_id, answers.c.kind).order_by(answers.c.id)
        for item, kind in self.connection.execute(
            kinds.where(answers.c.item_id.in_([row["id"] for row in reviews]))
        ):
            answers_of.setdefault(item, []).append(kind)
        past_reviews = [_past_of(row, answers_of.get(row["id"], [])) for row in reviews]
        limited = text("SELECT item_id, crn, at FROM triage.my_limited_reviews()")
        closed = [
            Past(
                item,
                crn,
                limited=True,
                person={},
                at=at,
                outcome=None,
                changed=False,
                came_of_it=None,
            )
            for item, crn, at in self.connection.execute(limited)
        ]
        return sorted([*past_reviews, *closed], key=lambda one: one.at, reverse=True)[:limit]


def _past_of(row: RowMapping, answered: list[str]) -> Past:
    has_request = row["outcome"] in ("ask_reassessment", "need_information")
    raised = any(row["verdicts"].get(group) == "about_right" for group in row["groups"])
    return Past(
        item_id=row["id"],
        crn=row["crn"],
        limited=row["limited"],
        person=dict(row["person"]),
        at=row["at"],
        outcome=row["outcome"],
        changed=raised,
        came_of_it=where_it_stands(answered) if has_request else None,
    )
