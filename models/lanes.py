"""Lays out the lanes that draw people beside the model: new and unusual, and signed combinations.

A lane is a list of rows in the order in which it would draw them. A person counts once, in the
first lane that draws: the model's, then these in order; the random share is drawn from all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from features.store.store import Store
from models.combinations import Combination, find_combinations
from models.unusual import FiringRows, watched_indicators

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


@dataclass
class LaneRows:
    """The rows of both lanes, collected part by part of a caseload."""

    firing: FiringRows
    combinations: Sequence[Combination]
    combined: list[pl.DataFrame] = field(default_factory=list)
    scores: list[pl.DataFrame] = field(default_factory=list)

    @classmethod
    def of_model(cls, scored: Sequence[str], combinations: Sequence[Combination]) -> LaneRows:
        """Without rows yet: for the indicators that a model scores, and a table of combinations."""
        return cls(FiringRows(watched_indicators(scored)), combinations)

    def add_part(self, frame: pl.DataFrame, scores: pl.DataFrame) -> None:
        """Add a part: its indicator frame, and its scores as `lay_out_scores` gives them."""
        self.firing.add_part(frame, scores)
        self.combined.append(find_combinations(frame, scores, self.combinations))
        self.scores.append(scores.filter("scorable").select("crn", "group", "probability"))

    def lay_out(self, store: Store, as_of: date) -> dict[str, pl.DataFrame]:
        """The rows of each lane in the order in which they are drawn.

        New and unusual: the most bits first. Combinations: the most that hold, then the highest
        probability. Ties fall by CRN and group.
        """
        new = self.firing.find_new(store, as_of).join(
            pl.concat(self.scores), on=["crn", "group"], maintain_order="left"
        )
        how_many = pl.col("combinations").list.len()
        return {
            UNUSUAL: new.select(*LANE_ROW, "bits", "since", "facts"),
            COMBINATION: pl.concat(self.combined)
            .sort(how_many, "probability", "crn", "group", descending=[True, True, False, False])
            .select(*LANE_ROW, "combinations"),
        }
