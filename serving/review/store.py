"""Every query of the review pages; row-level security decides what each of them can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, exists, func, insert, select, tuple_

from serving.db.tables import (
    claims,
    conclusions,
    entries,
    findings,
    items,
    openings,
    own_views,
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
    limited: bool
    person: dict[str, Any]
    progress: Progress
    held_by: str | None
    """The name of the reader who holds the case, if anyone does."""

    @property
    def recorded(self) -> dict[str, str | None]:
        """The recorded level of each group; None where there is no current one."""
        return {group: said["level"] for group, said in self.person["levels"].items()}


@dataclass(frozen=True)
class Store:
    """The review tables over one connection, in one person's name."""

    connection: Connection
    username: str

    def queue(self) -> list[Item]:
        """The open cases of the reader's unit: by due date, then in a keyed shuffle."""
        rows = (
            self._items().where(items.c.state == "open").order_by(items.c.due_on, items.c.shuffle)
        )
        return [self._item(row) for row in self.connection.execute(rows).mappings()]

    def concluded(self, limit: int = 20) -> list[Item]:
        """The cases of the reader's unit concluded last."""
        rows = self._items().where(items.c.state == "concluded")
        newest = rows.order_by(items.c.id.desc()).limit(limit)
        return [self._item(row) for row in self.connection.execute(newest).mappings()]

    def item(self, item_id: int) -> Item | None:
        """The case, or None where there is none that this reader may see."""
        row = self.connection.execute(self._items().where(items.c.id == item_id)).mappings().first()
        return self._item(row) if row else None

    def timeline(
        self, item_id: int, tables: Sequence[str], words: str, *, system: bool
    ) -> list[RowMapping]:
        """The entries of a case, newest first, of the wanted tables and holding the words."""
        rows = select(entries).where(entries.c.item_id == item_id)
        if tables:
            rows = rows.where(entries.c.source_table.in_(tables))
        if words:
            rows = rows.where(
                entries.c.what.icontains(words, autoescape=True)
                | entries.c.detail.icontains(words, autoescape=True)
            )
        if not system:
            rows = rows.where(~entries.c.system)
        ordered = rows.order_by(entries.c.position)
        return list(self.connection.execute(ordered).mappings())

    def holds(self, item_id: int, ticked: Sequence[tuple[str, str]]) -> bool:
        """Whether every one of the entries is of the case."""
        if any("\0" in part for entry in ticked for part in entry):
            return False
        asked = tuple_(entries.c.source_table, entries.c.record_id).in_(list(ticked))
        rows = select(func.count()).where(entries.c.item_id == item_id, asked)
        return int(self.connection.execute(rows).scalar_one()) == len(ticked)

    def own_view(self, item_id: int) -> RowMapping | None:
        """What this reader recorded before seeing the findings."""
        rows = select(own_views).where(
            own_views.c.item_id == item_id, own_views.c.username == self.username
        )
        return self.connection.execute(rows).mappings().first()

    def findings(self, item_id: int) -> RowMapping | None:
        """The findings; none until this reader's view is recorded: the database keeps the seal."""
        rows = select(findings).where(findings.c.item_id == item_id)
        return self.connection.execute(rows).mappings().first()

    def conclusion(self, item_id: int) -> RowMapping | None:
        """How the case was concluded, by whom and why."""
        rows = (
            select(conclusions, users.c.name)
            .join(users, users.c.username == conclusions.c.username)
            .where(conclusions.c.item_id == item_id)
        )
        return self.connection.execute(rows).mappings().first()

    def claim(self, item_id: int, until: datetime) -> None:
        """Hold the case until then; a claim until now gives it back."""
        values = {"item_id": item_id, "username": self.username, "until": until}
        self.connection.execute(insert(claims).values(**values))

    def record_view(self, item_id: int, view: View, levels: Mapping[str, str]) -> None:
        """Keep the reader's own view; it cannot be changed afterwards."""
        values = {
            "item_id": item_id,
            "username": self.username,
            "levels": dict(levels),
            "verdicts": dict(view.verdicts),
            "ticked": [list(entry) for entry in view.ticked],
            "reasons": view.reasons.strip(),
        }
        self.connection.execute(insert(own_views).values(**values))

    def record_opening(self, item_id: int) -> None:
        """Keep when the reader first saw the findings."""
        seen = select(
            exists().where(openings.c.item_id == item_id, openings.c.username == self.username)
        )
        if not self.connection.execute(seen).scalar_one():
            self.connection.execute(
                insert(openings).values(item_id=item_id, username=self.username)
            )

    def record_conclusion(
        self, item_id: int, outcome: str, groups: Mapping[str, str], reasons: str
    ) -> None:
        """Keep the reader's conclusion; it changes no level anywhere."""
        self.connection.execute(
            insert(conclusions).values(
                item_id=item_id,
                username=self.username,
                outcome=outcome,
                groups=dict(groups),
                reasons=reasons.strip(),
            )
        )

    def _items(self) -> Any:
        mine = (own_views.c.item_id == items.c.id) & (own_views.c.username == self.username)
        opened = (openings.c.item_id == items.c.id) & (openings.c.username == self.username)
        holder = func.triage.held_by(items.c.id)
        return select(
            items,
            holder.label("holder"),
            select(users.c.name).where(users.c.username == holder).scalar_subquery().label("held"),
            exists().where(mine).label("viewed"),
            exists().where(opened).label("opened"),
        )

    def _item(self, row: RowMapping) -> Item:
        return Item(
            id=row["id"],
            crn=row["crn"],
            pdu_code=row["pdu_code"],
            as_of=row["as_of"],
            due_on=row["due_on"],
            limited=row["limited"],
            person=dict(row["person"]),
            progress=self._progress(row),
            held_by=row["held"],
        )

    def _progress(self, row: RowMapping) -> Progress:
        if row["state"] == "concluded":
            return Progress.CONCLUDED
        if row["opened"]:
            return Progress.FINDINGS_SEEN
        if row["viewed"]:
            return Progress.VIEW_RECORDED
        if row["holder"] is None:
            return Progress.TO_READ
        return Progress.CLAIMED if row["holder"] == self.username else Progress.WITH_ANOTHER
