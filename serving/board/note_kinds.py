"""Says, kind by kind, how right the reading of notes is, and whether the board may let it count.

Two measures are shown and added up: labelled notes of writers that the reader did not learn from,
and what readers answered about entries of real cases. A kind may count only where the lower end of
its precision is LEAST_PRECISION or more, so wrong answers switch it off by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from features.contracts import note_columns
from features.intervals import share_interval
from features.notes.kind_measures import KindMeasure, read_kind_measures

LEAST_PRECISION = 0.9
_ANSWERS = text("SELECT kind, says_so, answered FROM triage.answers_by_kind()")


@dataclass(frozen=True)
class KindState:
    """A kind of entry: its measure on labelled notes, and what readers answered about it."""

    kind: str
    words: str
    labelled: KindMeasure
    says_so: int
    answered: int

    @property
    def entries(self) -> int:
        """How many entries were judged, on labelled notes and by readers."""
        return self.labelled.entries + self.answered

    @property
    def right(self) -> int:
        """How many of these were right."""
        return self.labelled.right + self.says_so

    @property
    def precision(self) -> float:
        """The share of judged entries that were right; nought without any."""
        return self.right / self.entries if self.entries else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the precision; all of it is open without any entry."""
        return share_interval(self.right, self.entries)

    @property
    def may_count(self) -> bool:
        """Whether the lower end of the precision is high enough for the board to let it count."""
        return self.interval[0] >= LEAST_PRECISION


def kind_states(connection: Connection) -> list[KindState]:
    """The state of every kind, in the order of the contract."""
    rows = connection.execute(_ANSWERS)
    return states_of(read_kind_measures(), {row.kind: (row.says_so, row.answered) for row in rows})


def states_of(
    measures: Mapping[str, KindMeasure], answers: Mapping[str, tuple[int, int]]
) -> list[KindState]:
    """The state of every kind, given its measure and the counts of readers' answers."""
    nothing = KindMeasure(0, 0, 0, 0)
    return [
        KindState(kind, words, measures.get(kind, nothing), *answers.get(kind, (0, 0)))
        for kind, words in note_columns.KINDS.items()
    ]


def countable_kinds(connection: Connection) -> frozenset[str]:
    """The kinds that the board may let count today."""
    return frozenset(state.kind for state in kind_states(connection) if state.may_count)
