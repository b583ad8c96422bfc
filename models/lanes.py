"""Lays out the lanes that draw people beside the model: new and unusual, and signed combinations.

A lane is a list of rows in the order in which it would draw them. A person counts once, in the
first lane that draws: the model's, then these in order; the random share is drawn from all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from features.history.asof import Histories
from models.combinations import Combination, find_combinations
from models.unusual import FiringPart, find_new, firing_of_part, watched_indicators

UNUSUAL, COMBINATION = "unusual", "combination"
LANES: tuple[str, ...] = (UNUSUAL, COMBINATION)
"""The lanes beside the model, in the order in which they draw."""
LANE_NAMES = {UNUSUAL: "new and unusual", COMBINATION: "a signed combination"}
Lanes = Mapping[str, pl.DataFrame]
"""The rows of each lane, the first to be drawn first: LANE_ROW, and why the lane has them.

Why: of new and unusual `bits`, `since` and `facts` (`unusual.NOTHING_NEW`); of combinations the ids
of those that hold, `combinations`.
"""
LANE_ROW = ["crn", "group", "stratum", "probability"]


@dataclass(frozen=True)
class LanePart:
    """What both lanes need of one part of a caseload."""

    firing: FiringPart
    combined: pl.DataFrame
    """The rows in which a combination holds, as `find_combinations` gives them."""
    scores: pl.DataFrame
    """crn, group, probability of the rows that could be scored."""


@dataclass(frozen=True)
class LaneFinder:
    """Finds what the lanes need part by part: for some indicators, and a table of combinations."""

    names: tuple[str, ...]
    combinations: Sequence[Combination]

    @classmethod
    def of_model(cls, scored: Sequence[str], combinations: Sequence[Combination]) -> LaneFinder:
        """For the indicators that a model scores."""
        return cls(watched_indicators(scored), combinations)

    def read_part(
        self, histories: Histories, frame: pl.DataFrame, scores: pl.DataFrame, as_of: date
    ) -> LanePart:
        """One part: its histories, its frame, and its scores as `lay_out_scores` gives them."""
        return LanePart(
            firing_of_part(histories, frame, scores, self.names, as_of),
            find_combinations(frame, scores, self.combinations),
            scores.filter("scorable").select("crn", "group", "probability"),
        )


def lay_out_lanes(parts: Sequence[LanePart]) -> dict[str, pl.DataFrame]:
    """The rows of each lane in the order in which they are drawn.

    New and unusual: the most bits first. Combinations: the most that hold, then the highest
    probability. Ties fall by CRN and group.
    """
    new = find_new([part.firing for part in parts]).join(
        pl.concat(part.scores for part in parts), on=["crn", "group"], maintain_order="left"
    )
    how_many = pl.col("combinations").list.len()
    return {
        UNUSUAL: new.select(*LANE_ROW, "bits", "since", "facts"),
        COMBINATION: pl.concat(part.combined for part in parts)
        .sort(how_many, "probability", "crn", "group", descending=[True, True, False, False])
        .select(*LANE_ROW, "combinations"),
    }
