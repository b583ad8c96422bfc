"""Filters and sorts the queue as its reader asks, never by the findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.contracts.codes import LEVEL_ORDER
from serving.review.states import Progress
from serving.review.store import Item
from serving.web.formatters import highest_level, name_or_crn

STAGES: dict[str, tuple[str, frozenset[Progress]]] = {
    "new": ("Not started", frozenset({Progress.TO_READ, Progress.TO_REPEAT})),
    "mine": (
        "Begun by me",
        frozenset({Progress.CLAIMED, Progress.VIEW_RECORDED, Progress.FINDINGS_SEEN}),
    ),
    "others": ("Being read by another", frozenset({Progress.WITH_ANOTHER})),
}
LEVELS = (*LEVEL_ORDER, "UNKNOWN")


def _highest_level(item: Item) -> str:
    return highest_level(item.person["levels"]) or "UNKNOWN"


SORTS: dict[str, tuple[str, Callable[[Item], Any]]] = {
    "person": ("Person", lambda item: (name_or_crn(item), item.crn)),
    "level": ("Highest recorded level", lambda item: LEVELS.index(_highest_level(item))),
    "since": ("Supervision", lambda item: item.person.get("since") or ""),
    "due": ("Read by", lambda item: item.due_on),
}
"""What the queue can be ordered by; equal ones stay as they were: by day, then shuffled."""


@dataclass(frozen=True)
class QueueView:
    """The filters and order that a reader asked for; unknown values are ignored."""

    levels: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    sort: str = "due"
    down: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Whether the reader filtered the queue."""
        return bool(self.levels or self.stages)

    def query_for(self, sort: str) -> str:
        """The query string for the same queue sorted by another column, or reversed."""
        parts = [*(f"level={one}" for one in self.levels), *(f"stage={one}" for one in self.stages)]
        parts.append(f"sort={sort}")
        if sort == self.sort and not self.down:
            parts.append("down=true")
        return "/queue?" + "&".join(parts)


def parse_view(levels: Sequence[str], stages: Sequence[str], sort: str, *, down: bool) -> QueueView:
    """The filters and order in a query string, as far as they are known."""
    return QueueView(
        tuple(one for one in levels if one in LEVELS),
        tuple(one for one in stages if one in STAGES),
        sort if sort in SORTS else "due",
        down,
    )


def cases_in_view(waiting: Sequence[Item], view: QueueView) -> list[Item]:
    """The queued cases that pass the reader's filters; limited ones always do."""
    stages = {progress for name in view.stages for progress in STAGES[name][1]}
    cases = [
        item
        for item in waiting
        if item.limited
        or (
            (not view.levels or _highest_level(item) in view.levels)
            and (not stages or item.progress in stages)
        )
    ]
    limited = [item for item in cases if item.limited]
    ordered = sorted(
        (item for item in cases if not item.limited), key=SORTS[view.sort][1], reverse=view.down
    )
    return [*ordered, *limited]


def count_workload(waiting: Sequence[Item], today: date) -> dict[str, int]:
    """How many cases wait: in all, overdue, due within a week, begun by this reader."""
    mine = STAGES["mine"][1]
    return {
        "waiting": len(waiting),
        "overdue": sum(item.due_on < today for item in waiting),
        "this_week": sum(0 <= (item.due_on - today).days < 7 for item in waiting),
        "mine": sum(item.progress in mine for item in waiting),
    }
