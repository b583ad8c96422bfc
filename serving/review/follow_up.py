"""Reads, answers and closes requests to practitioners; each call leaves an audit row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import RowMapping

from features import clock
from serving.db.session import AuditEvent, Transaction
from serving.review import policies
from serving.review.asked_store import AskedStore, FollowUp, Open
from serving.review.policies import Refused
from serving.review.service import NotFound
from serving.review.states import ANSWERS, Answer


@dataclass(frozen=True)
class FollowUps:
    """Requests to practitioners, as the user of a transaction may see them."""

    opened: Transaction
    store: AskedStore

    @classmethod
    def of_transaction(cls, opened: Transaction) -> FollowUps:
        """The requests to practitioners that the user of a transaction may see."""
        if opened.username is None:
            raise Refused("Sign in to see what was asked.")
        return cls(opened, AskedStore(opened.connection, opened.username))

    def list_mine(self) -> list[FollowUp]:
        """The requests that readers made about the signed-in practitioner's cases."""
        follow_ups = self.store.list_follow_ups()
        self.opened.audit(
            AuditEvent("PAGE_VIEW_ASKED", "NOT_APPLICABLE", "-", {"asked": len(follow_ups)})
        )
        return follow_ups

    def of_the_unit(self) -> tuple[list[Open], list[FollowUp]]:
        """The open cases of the unit, and the requests about its concluded cases."""
        waiting, follow_ups = self.store.list_open(), self.store.list_follow_ups()
        counts = {"open": len(waiting), "asked": len(follow_ups)}
        self.opened.audit(AuditEvent("PAGE_VIEW_UNIT", "NOT_APPLICABLE", "-", counts))
        return waiting, follow_ups

    def read_follow_up(
        self, item_id: int
    ) -> tuple[FollowUp, dict[str, Any] | None, list[RowMapping]]:
        """A request about a case, with the findings and the record behind it."""
        follow_up = self._require(item_id)
        self._audit_follow_up("VIEWED_ASKED", follow_up)
        return follow_up, self.store.read_findings(item_id), self.store.read_timeline(item_id)

    def record_answer(
        self, item_id: int, kind: str, words: str, planned_on: date | None, today: date
    ) -> FollowUp:
        """Record the practitioner's answer; the conclusion stays unchanged."""
        follow_up = self._require(item_id)
        policies.check_answer(kind, words, planned_on, today, clock.day_of(follow_up.asked_at))
        if (follow_up.current_state, Answer(kind)) not in ANSWERS:
            raise Refused("That was answered already. Add a fact, or ask for a second look.")
        self.store.insert_answer(item_id, kind, words, planned_on if kind == "accepted" else None)
        self._audit_follow_up("ANSWERED", follow_up, kind)
        return follow_up

    def of_one(self, item_id: int) -> FollowUp | None:
        """The request about one case with its answers, for any user who may see it."""
        return self.store.read_follow_up(item_id)

    def earlier_requests(self, crn: str, item_id: int) -> list[FollowUp]:
        """What was asked about the same person in other reviews, the newest first."""
        return [one for one in self.store.list_about(crn) if one.item_id != item_id]

    def waiting_for_me(self) -> int:
        """How many answers wait for a reply from the user, who made the request."""
        return self.store.for_me()

    def record_reply(self, item_id: int, kind: str, words: str) -> FollowUp:
        """Record the reader's reply to an answer: ask again, or settle."""
        follow_up = self._require(item_id)
        policies.check_reply(kind, words)
        if (follow_up.current_state, Answer(kind)) not in ANSWERS:
            raise Refused("This request is closed or was reassessed, so it needs no reply.")
        self.store.insert_answer(item_id, kind, words, None)
        self._audit_follow_up("REPLIED", follow_up, kind)
        return follow_up

    def _require(self, item_id: int) -> FollowUp:
        follow_up = self.store.read_follow_up(item_id)
        if follow_up is None:
            raise NotFound("Nothing was asked about such a case of yours.")
        return follow_up

    def _audit_follow_up(self, what: str, follow_up: FollowUp, kind: str | None = None) -> None:
        details = {"item": follow_up.item_id, **({"kind": kind} if kind else {})}
        self.opened.audit(AuditEvent(what, "CRN", follow_up.crn, details))
