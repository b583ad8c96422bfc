"""Scores one part of the caseload, and counts in it what the pages and the watch need.

The work of one worker, on whatever machine: it reads the store, and keeps nothing. What it hands
back is scores, facts and counts; the indicators themselves stay where they were built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl
from polars.exceptions import PolarsError

from features.errors import UserError
from features.frame import build
from features.indicators import CATALOGUE
from features.parts import Part
from features.store import protected_characteristics
from models.bundle import Bundle
from models.firing_shares import FiringCounts, Shares
from models.lanes import LaneFinder, LanePart
from models.profile import Counts, Tally, region_of
from serving.cases import caseload
from serving.cases.caseload import Placed

BIAS_WATCHED = tuple(name for name, item in CATALOGUE.items() if item.bias_watch)
"""Indicators that rest on what police or others chose to record: watched by group of people."""
Scores = Mapping[int, pl.DataFrame]
"""The scores of proposed models by number of the proposal."""


@dataclass(frozen=True)
class NightPart:
    """What a night needs of one part of the caseload."""

    placed: Placed
    scores: pl.DataFrame
    proposed_scores: Scores
    failed: Mapping[int, str]
    """Why a proposed model could not score."""
    facts: pl.DataFrame
    watched: pl.DataFrame
    lanes: LanePart
    counts: Counts
    shares: Shares
    people: pl.DataFrame
    """Who they are: crn and protected characteristics."""


@dataclass(frozen=True)
class NightWork:
    """The work of a night on one part: the approved model, proposed ones, and what is counted."""

    model: Bundle
    proposed: Mapping[int, Bundle]
    finder: LaneFinder
    edges: Mapping[str, list[float]]
    """The bins of the profile, by measure."""
    as_of: date

    def __call__(self, part: Part) -> NightPart:
        """Score the part and count it."""
        histories = build.read_lean_histories(part)
        frame = build.build_frame(histories)
        scores = self.model.score_frame(frame)
        placed = caseload.place_histories(histories)
        regions = {crn: region_of(placed.units.get(crn)) for crn in part.spine["crn"]}
        characteristics = protected_characteristics.characteristics_of(
            part.store, part.spine, part.buckets
        )
        people = part.spine.select("crn").hstack(characteristics)
        tally, firing = Tally(self.edges, regions), FiringCounts(regions, people)
        tally.add(frame, scores)
        firing.add(frame)
        proposed_scores, failed = score_proposals(self.proposed, frame)
        return NightPart(
            placed=placed,
            scores=scores,
            proposed_scores=proposed_scores,
            failed=failed,
            facts=caseload.fired_indicators(frame),
            watched=caseload.fired_indicators(frame, BIAS_WATCHED),
            lanes=self.finder.read_part(histories, frame, scores, self.as_of),
            counts=tally.counts,
            shares=firing.shares,
            people=people,
        )


@dataclass(frozen=True)
class ScoreWork:
    """The work of scoring a part with one model, and nothing else."""

    model: Bundle

    def __call__(self, part: Part) -> pl.DataFrame:
        """The scores of the part."""
        return self.model.score_frame(build.FrameOfPart()(part))


@dataclass(frozen=True)
class ProposalWork:
    """The work of proposed models whose kinds of note entries differ from the approved model's."""

    proposed: Mapping[int, Bundle]

    def __call__(self, part: Part) -> tuple[Scores, Mapping[int, str]]:
        """The scores of each model, and why one could not score."""
        return score_proposals(self.proposed, build.FrameOfPart()(part))


def score_proposals(
    proposed: Mapping[int, Bundle], frame: pl.DataFrame
) -> tuple[dict[int, pl.DataFrame], dict[int, str]]:
    """Score a frame with proposed models, whose failure must not stop the night."""
    scores, failed = {}, {}
    for number, model in proposed.items():
        try:
            scores[number] = model.score_frame(frame)
        except (UserError, PolarsError, ValueError, KeyError) as error:
            failed[number] = f"Its model could not score: {type(error).__name__}."
    return scores, failed
