"""Compares the newest figures with earlier nights: the states of a question, and what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from serving.watch.figures import ACT, LOOK, THRESHOLDS, TOPICS, WORST_FIRST, Figure

History = Mapping[str, Sequence[tuple[date, Figure]]]
NEEDS_A_LOOK = (ACT, LOOK)


@dataclass(frozen=True)
class Change:
    """A figure whose state is not what it was: the figure now, and its state then."""

    figure: Figure
    before: str

    @property
    def is_worse(self) -> bool:
        """Whether the figure needs more than it did: to look at, or to act on."""
        return WORST_FIRST.index(self.figure.state) < WORST_FIRST.index(self.before)


def states_of_questions(history: History) -> dict[str, list[tuple[date, str]]]:
    """For each question the state on each night, oldest first: that of its worst figure."""
    states: dict[str, dict[date, str]] = {topic: {} for topic in TOPICS}
    for name, nights in history.items():
        own = states[THRESHOLDS[name].topic]
        for night, figure in nights:
            own[night] = min(own.get(night, figure.state), figure.state, key=WORST_FIRST.index)
    return {topic: sorted(nights.items()) for topic, nights in states.items()}


def changes_since(history: History, day: date) -> list[Change]:
    """The figures that began or ceased to need a look or action since a day, the worst first.

    Compared with the last night up to that day, or with the first one where all are later.
    """
    changes = []
    for nights in history.values():
        if len(nights) < 2:
            continue
        earlier = [figure for night, figure in nights if night <= day] or [nights[0][1]]
        change = Change(nights[-1][1], earlier[-1].state)
        states = (change.figure.state, change.before)
        if states[0] != states[1] and any(state in NEEDS_A_LOOK for state in states):
            changes.append(change)
    return sorted(changes, key=lambda one: (not one.is_worse, WORST_FIRST.index(one.figure.state)))
