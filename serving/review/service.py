"""Records reviews: each call checks the step, takes it, and leaves an audit row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import RowMapping

from features import clock
from serving.db.session import AuditEvent, Transaction
from serving.db.silent_feeds import with_silent_feeds
from serving.review import policies
from serving.review.policies import Invalid, Refused, View
from serving.review.states import FINDINGS_OPEN, NOTE_ANSWERS, STEPS, Progress, Step
from serving.review.store import Item, Store

HELD_FOR = timedelta(hours=8)
"""A claim that is not used runs out by itself: no case stays with someone who went home."""


class NotFound(Refused):
    """There is no such case, or this reader may not see it."""


@dataclass(frozen=True)
class Review:
    """The reviews of one signed-in reader, within one transaction."""

    opened: Transaction
    store: Store

    @classmethod
    def of_transaction(cls, opened: Transaction) -> Review:
        """The reviews that the user of a transaction may see and record."""
        if opened.username is None:
            raise Refused("Sign in to read cases.")
        return cls(opened, Store(opened.connection, opened.username))

    def list_queue(self) -> tuple[list[Item], list[Item]]:
        """The open cases of the reader's unit, and those concluded most recently."""
        items = self.store.list_queue()
        self.opened.audit(
            AuditEvent("PAGE_VIEW_QUEUE", "NOT_APPLICABLE", "-", {"open": len(items)})
        )
        return items, self.store.list_concluded()

    def next_case(self, item_id: int) -> Item | None:
        """The case to read after this one: what this reader began, then by due date."""
        waiting = [
            item
            for item in self.store.list_queue()
            if item.id != item_id
            and not (item.own_hand or item.limited)
            and item.progress is not Progress.WITH_ANOTHER
        ]
        # What was begun first, then what is to be read, and repeat readings last.
        order = {Progress.TO_READ: 1, Progress.TO_REPEAT: 2}
        return min(waiting, key=lambda item: order.get(item.progress, 0), default=None)

    def read_case(
        self,
        item_id: int,
        tables: Sequence[str],
        words: str,
        *,
        system: bool,
        since: date | None = None,
        until: date | None = None,
        kind: str = "",
    ) -> tuple[Item, list[RowMapping]]:
        """A case with its timeline; a limited case has only its CRN.

        `kind` is of what was read in notes, so it filters only once the findings were seen.
        """
        item = self._require_item(item_id)
        self.audit_case("PAGE_VIEW_CASE", item, {"limited": item.limited})
        if item.limited:
            return item, []
        searched = kind if item.progress in FINDINGS_OPEN else ""
        return self._with_silent_feeds(item), self.store.read_timeline(
            item_id, tables, words, system=system, since=since, until=until, kind=searched
        )

    def read_over_time(self, item_id: int) -> tuple[Item, list[RowMapping]]:
        """A case that is not limited, with all entries that people wrote, newest first."""
        item = self._require_item(item_id)
        self._check_not_limited(item)
        self.audit_case("PAGE_VIEW_CASE", item, {"limited": False})
        entries = self.store.read_timeline(item_id, (), "", system=False)
        return self._with_silent_feeds(item), entries

    def claim_case(self, item_id: int) -> Item:
        """Claim the case for a time, so that nobody else can record a view of it."""
        item = self._require_step(item_id, Step.CLAIM)
        self.store.insert_claim(item_id, clock.now() + HELD_FOR)
        self.audit_case("CLAIMED_CASE", item)
        return item

    def give_back(self, item_id: int) -> Item:
        """Return the case to the queue, unread."""
        item = self._require_step(item_id, Step.RETURN)
        self.store.insert_claim(item_id, clock.now())
        self.audit_case("RETURNED_CASE", item)
        return item

    def record_view(self, item_id: int, view: View) -> Item:
        """Record the reader's own view, before anything of the findings is seen."""
        item = self._require_step(item_id, Step.RECORD_VIEW)
        if item.progress is Progress.TO_REPEAT:
            return self._record_repeat_view(item, view)
        levels = policies.check_view(view, item.recorded_levels)
        if not self.store.has_entries(item_id, view.ticked):
            raise Invalid({"reasons": "Tick entries of this case alone"})
        if item.progress is Progress.TO_READ:
            self.store.insert_claim(item_id, clock.now() + HELD_FOR)
        self.store.record_view(item_id, view, levels)
        self.audit_case("RECORDED_OWN_VIEW", item, {"ticked": len(view.ticked)})
        return item

    def _record_repeat_view(self, item: Item, view: View) -> Item:
        faults, levels = policies.check_verdicts(view, item.recorded_levels)
        if faults:
            raise Invalid(faults)
        self.store.record_repeat_view(item.id, view.verdicts, levels)
        self.audit_case("RECORDED_REPEAT_VIEW", item)
        return item

    def compare_repeat_view(self, item_id: int) -> tuple[Item, RowMapping, RowMapping]:
        """A case that this reader read twice, with the first view and the repeat view."""
        item = self._require_item(item_id)
        self._check_not_limited(item)
        repeat, first = self.store.repeat_view(item_id), self.store.own_view(item_id)
        if repeat is None or first is None:
            raise NotFound("You have not read this case a second time.")
        self.audit_case("COMPARED_REPEAT_VIEW", item)
        return item, first, repeat

    def see_findings(self, item_id: int) -> tuple[Item, dict[str, Any]]:
        """The findings, available once this reader's view is recorded; stores the first time."""
        item = self._require_step(item_id, Step.SEE_FINDINGS)
        if item.progress is not Progress.CONCLUDED:
            self.store.record_opening(item_id)
        findings = self.store.read_findings(item_id)
        if findings is None:
            raise Refused("Record your view before you see the findings.")
        self.audit_case("VIEWED_FINDINGS", item)
        return item, findings

    def answer_note(self, item_id: int, entry_id: str, answer: str) -> Item:
        """Record whether a note says what was read from it, once the findings were seen."""
        item = self._require_item(item_id)
        self._check_not_limited(item)
        if item.progress not in FINDINGS_OPEN:
            raise Refused("See the findings first: they hold what was read from the notes.")
        findings = self.store.read_findings(item_id)
        entries = findings["notes"]["entries"] if findings else []
        entry = next((one for one in entries if one["entry_id"] == entry_id), None)
        if entry is None or answer not in NOTE_ANSWERS:
            raise NotFound("There is no such entry of a note in this case.")
        self.store.record_note_answer(item_id, entry_id, entry["kind"], answer)
        self.audit_case("ANSWERED_NOTE", item, {"kind": entry["kind"], "answer": answer})
        return item

    def conclude_case(
        self, item_id: int, outcome: str, groups: Mapping[str, str], reasons: str
    ) -> Item:
        """Record the reader's conclusion with reasons, in the reader's name."""
        item = self._require_step(item_id, Step.CONCLUDE)
        requested = dict(groups) if outcome == "ask_reassessment" else {}
        policies.check_conclusion(outcome, requested, reasons)
        self.store.record_conclusion(item_id, outcome, requested, reasons)
        self.audit_case("RECORDED_CONCLUSION", item, {"outcome": outcome})
        return item

    def _require_step(self, item_id: int, step: Step) -> Item:
        item = self._require_item(item_id)
        self._check_not_limited(item)
        if item.own_hand and step in (Step.CLAIM, Step.RECORD_VIEW):
            raise Refused(
                "You countersigned an assessment or took a decision in this case, so somebody else "
                "reads it. Leave it in the queue."
            )
        if item.progress is Progress.WITH_ANOTHER and (item.progress, step) not in STEPS:
            raise Refused(f"{item.held_by} holds this case. It comes back if it is returned.")
        policies.check_step(item.progress, step)
        return item

    def _require_item(self, item_id: int) -> Item:
        item = self.store.read_item(item_id)
        if item is None:
            raise NotFound("There is no such case in your queue.")
        return item

    def _with_silent_feeds(self, item: Item) -> Item:
        """The case whose header says what no longer arrives from its region, for its pages."""
        connection = self.opened.connection
        person = with_silent_feeds(connection, item.person, item.pdu_code, item.as_of)
        return replace(item, person=person)

    @staticmethod
    def _check_not_limited(item: Item) -> None:
        if item.limited:
            raise Refused("Access to this case is limited. Check NDelius if you need it.")

    def audit_case(self, what: str, item: Item, details: dict[str, Any] | None = None) -> None:
        """Leave an audit row about the case."""
        self.opened.audit(AuditEvent(what, "CRN", item.crn, {"item": item.id, **(details or {})}))
