"""Serves the unit's pages with their checks; each call leaves an audit row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping

from features.contracts.table import is_crn
from serving.db.session import AuditEvent, Transaction
from serving.review.policies import LONGEST, Invalid, Refused
from serving.review.service import NotFound
from serving.review.unit_store import Limited, Past, UnitStore
from serving.rule_numbers import LEAST_REASONS

MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Units:
    """What the user of a transaction may see and set for the own unit."""

    opened: Transaction
    store: UnitStore

    @classmethod
    def of_transaction(cls, opened: Transaction) -> Units:
        """The unit's checklist, limits, deputy and past reviews, for the transaction's user."""
        if opened.username is None:
            raise Refused("Sign in to see the unit.")
        return cls(opened, UnitStore(opened.connection, opened.username))

    def list_checklist(self) -> dict[str, list[RowMapping]]:
        """Facts about all cases of the unit that are not limited; no scores."""
        self.audit_view("PAGE_VIEW_CHECKLIST")
        return self.store.list_facts()

    def audit_search(self, cases: int) -> None:
        """Record that the user searched by name, and how many cases were listed; not the name."""
        self.opened.audit(AuditEvent("SEARCHED_BY_NAME", "NOT_APPLICABLE", "-", {"cases": cases}))

    def open_case(self, crn: str, today: date) -> RowMapping:
        """A case that the unit holds; NotFound for any other, whether it exists or not."""
        row = self.store.read_holding(crn) if is_crn(crn) else None
        if row is None:
            raise NotFound("Your unit holds no such case.")
        self.opened.audit(
            AuditEvent(
                "PAGE_VIEW_PERSON", "CRN", crn, {"limited": row["limited"], "on": f"{today}"}
            )
        )
        return row

    def list_limited(self) -> list[Limited]:
        """The unit's limited cases, whose records this service does not show."""
        self.audit_view("PAGE_VIEW_LIMITED")
        return self.store.list_limited()

    def check_limited(self, crn: str, words: str) -> None:
        """Record that the user read a limited case by hand, in NDelius and OASys, with words."""
        case = next((one for one in self.store.list_limited() if one.crn == crn), None)
        if case is None:
            raise NotFound("Your unit holds no such case of limited access.")
        if case.access == "closed":
            raise Refused("You do not have access to this case. Someone with access must check it.")
        if not LEAST_REASONS <= len(words.strip()) <= LONGEST or "\0" in words:
            raise Invalid({f"words-{crn}": "Say what you looked at, in 20 to 4,000 characters"})
        self.store.check_limited(crn, words)
        self.opened.audit(AuditEvent("CHECKED_LIMITED_CASE", "CRN", crn))

    def read_cover(self) -> tuple[RowMapping | None, list[RowMapping]]:
        """The unit's deputy in force, and the SPOs who could be named as deputy."""
        self.audit_view("PAGE_VIEW_COVER")
        return self.store.read_cover(), self.store.list_deputies()

    def set_cover(self, pdu: str, deputy: str, most: str) -> None:
        """Name the deputy for cases waiting over two working days, and a maximum of flagged cases.

        No deputy, or no number, takes the setting away.
        """
        faults = {}
        if deputy and deputy not in {row["username"] for row in self.store.list_deputies()}:
            faults["deputy"] = "Select somebody from the list"
        if most and not (most.isascii() and most.isdigit() and int(most) <= MOST_AT_ONCE):
            faults["most"] = f"Enter a whole number up to {MOST_AT_ONCE}, or nothing"
        if faults:
            raise Invalid(faults)
        self.store.set_cover(pdu, deputy or None, int(most) if most else None)
        self.opened.audit(AuditEvent("SET_COVER", "PDU", pdu, {"deputy": deputy, "most": most}))

    def summarise_week(self) -> tuple[list[tuple[str, int]], dict[str, list[RowMapping]]]:
        """For supervision: the practitioners with their cases, and the facts about them."""
        self.audit_view("PAGE_VIEW_WEEK")
        return self.store.list_practitioners(), self.store.list_facts()

    def list_past(self) -> list[Past]:
        """The reviews that this user concluded."""
        self.audit_view("PAGE_VIEW_REVIEWS")
        return self.store.list_past()

    def audit_view(self, what: str) -> None:
        """Leave an audit row about a page that concerns no single person."""
        self.opened.audit(AuditEvent(what, "NOT_APPLICABLE", "-"))
