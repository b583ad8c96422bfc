"""Queries for the review pages; row-level security limits what each reader sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
)

from features.contracts.codes import INCIDENT_KINDS
from serving.db.linked_cases import close_links
from serving.db.tables import (
    claims,
    conclusions,
    entries,
    findings,
    items,
    note_answers,
    openings,
    own_views,
    repeat_reads,
    repeat_views,
    second_reads,
    users,
)
from serving.review.policies import View
from serving.review.states import Progress


@dataclass(frozen=True)
class Item:
    """A case in the queue, as one reader sees it."""

    id: int
    crn: str
    pdu_code: str
    as_of: date
    due_on: date
    shuffle: str
    limited: bool
    person: dict[str, Any]
    progress: Progress
    held_by: str | None
    """The name of the reader who holds the case, if anyone does."""
    second: bool = False
    """This reader is, or was, the second one: to read it blind, without a conclusion."""
    own_hand: bool = False
    """This reader countersigned or decided in the case, so that somebody else reads it."""

    @property
    def recorded_levels(self) -> dict[str, str | None]:
        """The recorded level of each group; None where there is no current one."""
        return {group: level["level"] for group, level in self.person["levels"].items()}


@dataclass(frozen=True)
class Store:
    """The review tables over one connection, as one user may see them."""

    connection: Connection
    username: str

    def list_queue(self) -> list[Item]:
        """The cases that this reader may read, by due date, then in a keyed random order.

        Those open, those that wait for this reader as the second one, listed like any other, and
        those that this reader reads once more.
        """
        # Questions each by its own index: one with an "or" would read every past review.
        open_ = self._select_items().where(items.c.state == "open")
        seconds = self._select_items().where(items.c.id.in_(self._second_reads()))
        repeats = self._select_items().where(items.c.id.in_(self._repeat_reads()))
        own_items = [
            self._item_of(row)
            for rows in (open_, seconds, repeats)
            for row in self.connection.execute(rows).mappings()
        ]
        waiting = [item for item in own_items if item.progress is not Progress.CONCLUDED]
        return sorted(waiting, key=lambda item: (item.due_on, item.shuffle))

    def list_concluded(self, limit: int = 20) -> list[Item]:
        """The cases of the reader's unit that were concluded most recently."""
        rows = self._select_items().where(
            items.c.state == "concluded",
            items.c.id.not_in([*self._second_reads(), *self._repeat_reads()]),
        )
        at = select(conclusions.c.at).where(conclusions.c.item_id == items.c.id).scalar_subquery()
        newest = rows.order_by(at.desc().nulls_last(), items.c.id.desc()).limit(limit)
        return [self._item_of(row) for row in self.connection.execute(newest).mappings()]

    def read_item(self, item_id: int) -> Item | None:
        """The case, or None where this reader may see no such case."""
        row = (
            self.connection.execute(self._select_items().where(items.c.id == item_id))
            .mappings()
            .first()
        )
        return self._item_of(row) if row else None

    def read_timeline(
        self,
        item_id: int,
        tables: Sequence[str],
        words: str,
        *,
        system: bool,
        since: date | None = None,
        until: date | None = None,
        kind: str = "",
    ) -> list[RowMapping]:
        """The entries of a case, newest first, filtered by table, date, text and kind.

        A kind is that of what was read in notes: contacts whose note says it, and incidents that
        are coded so.
        """
        rows = select(entries).where(entries.c.item_id == item_id)
        if kind:
            rows = rows.where(self._is_of_kind(item_id, kind))
        if tables:
            rows = rows.where(entries.c.source_table.in_(tables))
        if words:
            rows = rows.where(
                entries.c.what.icontains(words, autoescape=True)
                | entries.c.detail.icontains(words, autoescape=True)
            )
        if since:
            rows = rows.where(entries.c.occurred_on >= since)
        if until:
            rows = rows.where(entries.c.occurred_on <= until)
        if not system:
            rows = rows.where(~entries.c.system)
        ordered = rows.order_by(entries.c.position)
        return list(self.connection.execute(ordered).mappings())

    def _is_of_kind(self, item_id: int, kind: str) -> ColumnElement[bool]:
        sealed = self.read_findings(item_id)
        contacts = {
            one["contact_id"]
            for one in (sealed["notes"]["entries"] if sealed else [])
            if one["kind"] == kind
        }
        coded = INCIDENT_KINDS.get(kind, "")
        return or_(
            (entries.c.source_table == "contacts") & entries.c.record_id.in_(contacts),
            (entries.c.source_table == "incidents") & (func.lower(entries.c.what) == coded.lower()),
        )

    def has_entries(self, item_id: int, ticked: Sequence[tuple[str, str]]) -> bool:
        """Whether all of the given (table, record number) pairs are entries of the case."""
        if any("\0" in part for entry in ticked for part in entry):
            return False
        is_ticked = tuple_(entries.c.source_table, entries.c.record_id).in_(list(ticked))
        rows = select(func.count()).where(entries.c.item_id == item_id, is_ticked)
        return int(self.connection.execute(rows).scalar_one()) == len(ticked)

    def own_view(self, item_id: int) -> RowMapping | None:
        """The view that this reader recorded before seeing the findings, or None."""
        rows = select(own_views).where(
            own_views.c.item_id == item_id, own_views.c.username == self.username
        )
        return self.connection.execute(rows).mappings().first()

    def read_findings(self, item_id: int) -> dict[str, Any] | None:
        """The findings; None until this reader's view is recorded, which the database enforces."""
        rows = select(findings).where(findings.c.item_id == item_id)
        row = self.connection.execute(rows).mappings().first()
        return None if row is None else close_links(self.connection, row)

    def note_answers(self, item_id: int) -> dict[str, str]:
        """This reader's last answer about each entry of a note, by the entry's number."""
        rows = (
            select(note_answers.c.entry_id, note_answers.c.answer)
            .where(note_answers.c.item_id == item_id, note_answers.c.username == self.username)
            .order_by(note_answers.c.id)
        )
        return {row.entry_id: row.answer for row in self.connection.execute(rows)}

    def record_note_answer(self, item_id: int, entry_id: str, kind: str, answer: str) -> None:
        """Store whether a note says what was read from it; an earlier answer stays on record."""
        values = {"item_id": item_id, "entry_id": entry_id, "kind": kind, "answer": answer}
        self.connection.execute(insert(note_answers).values(username=self.username, **values))

    def other_views(self, item_id: int) -> list[RowMapping]:
        """Other readers' views of the case; none while a second reader has yet to read it."""
        rows = (
            select(own_views, users.c.name)
            .join(users, users.c.username == own_views.c.username)
            .where(own_views.c.item_id == item_id, own_views.c.username != self.username)
            .order_by(own_views.c.at)
        )
        return list(self.connection.execute(rows).mappings())

    def read_conclusion(self, item_id: int) -> RowMapping | None:
        """The conclusion of a case: outcome, reasons, by whom and when."""
        rows = (
            select(conclusions, users.c.name)
            .join(users, users.c.username == conclusions.c.username)
            .where(conclusions.c.item_id == item_id)
        )
        return self.connection.execute(rows).mappings().first()

    def insert_claim(self, item_id: int, until: datetime) -> None:
        """Claim the case until a time; a claim that ends now gives it back."""
        values = {"item_id": item_id, "username": self.username, "until": until}
        self.connection.execute(insert(claims).values(**values))

    def record_view(self, item_id: int, view: View, levels: Mapping[str, str]) -> None:
        """Store the reader's own view, which cannot be changed afterwards."""
        values = {
            "item_id": item_id,
            "username": self.username,
            "levels": dict(levels),
            "verdicts": dict(view.verdicts),
            "ticked": [list(entry) for entry in view.ticked],
            "reasons": view.reasons.strip(),
        }
        self.connection.execute(insert(own_views).values(**values))

    def record_repeat_view(
        self, item_id: int, verdicts: Mapping[str, str], levels: Mapping[str, str]
    ) -> None:
        """Store what this reader thinks of the same record half a year later."""
        values = {"item_id": item_id, "verdicts": dict(verdicts), "levels": dict(levels)}
        self.connection.execute(insert(repeat_views).values(username=self.username, **values))

    def repeat_view(self, item_id: int) -> RowMapping | None:
        """What this reader recorded on reading the case once more, or None."""
        rows = select(repeat_views).where(repeat_views.c.item_id == item_id)
        return self.connection.execute(rows).mappings().first()

    def record_opening(self, item_id: int) -> None:
        """Store when the reader first saw the findings."""
        opening = select(
            exists().where(openings.c.item_id == item_id, openings.c.username == self.username)
        )
        if not self.connection.execute(opening).scalar_one():
            self.connection.execute(
                insert(openings).values(item_id=item_id, username=self.username)
            )

    def record_conclusion(
        self, item_id: int, outcome: str, groups: Mapping[str, str], reasons: str
    ) -> None:
        """Store the reader's conclusion; no recorded level is changed."""
        self.connection.execute(
            insert(conclusions).values(
                item_id=item_id,
                username=self.username,
                outcome=outcome,
                groups=dict(groups),
                reasons=reasons.strip(),
            )
        )

    def _second_reads(self) -> list[int]:
        """The cases that wait for this user as their second reader."""
        return list(self.connection.execute(select(func.triage.second_reads_for_me())).scalars())

    def _repeat_reads(self) -> list[int]:
        """The cases that this user is to read once more."""
        return list(self.connection.execute(select(func.triage.repeat_reads_for_me())).scalars())

    def _select_items(self) -> Any:
        mine = (own_views.c.item_id == items.c.id) & (own_views.c.username == self.username)
        opened = (openings.c.item_id == items.c.id) & (openings.c.username == self.username)
        holder = func.triage.held_by(items.c.id)
        due = select(second_reads.c.due_on).where(second_reads.c.item_id == items.c.id)
        again = select(repeat_reads.c.due_on).where(
            repeat_reads.c.item_id == items.c.id,
            items.c.id.in_(select(func.triage.repeat_reads_for_me())),
        )
        return select(
            items,
            due.scalar_subquery().label("second_due_on"),
            again.scalar_subquery().label("repeat_due_on"),
            func.triage.second_reader(items.c.id).label("second"),
            func.triage.had_a_hand(items.c.id).label("own_hand"),
            holder.label("holder"),
            select(users.c.name).where(users.c.username == holder).scalar_subquery().label("held"),
            exists().where(mine).label("viewed"),
            exists().where(opened).label("opened"),
        )

    def _item_of(self, row: RowMapping) -> Item:
        second = row["second"] and row["state"] == "concluded"
        return Item(
            id=row["id"],
            crn=row["crn"],
            pdu_code=row["pdu_code"],
            as_of=row["as_of"],
            due_on=row["repeat_due_on"] or (row["second_due_on"] if second else row["due_on"]),
            shuffle=row["shuffle"],
            limited=row["limited"],
            person=dict(row["person"]),
            progress=self._progress_of(row),
            held_by=row["held"],
            second=second,
            own_hand=row["own_hand"],
        )

    def _progress_of(self, row: RowMapping) -> Progress:
        if row["repeat_due_on"]:
            return Progress.TO_REPEAT
        if row["state"] == "concluded" and (not row["second"] or row["opened"]):
            return Progress.CONCLUDED
        if row["opened"]:
            return Progress.FINDINGS_SEEN
        if row["viewed"]:
            return Progress.VIEW_RECORDED
        if row["holder"] is None:
            return Progress.TO_READ
        return Progress.CLAIMED if row["holder"] == self.username else Progress.WITH_ANOTHER
