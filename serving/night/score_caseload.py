"""Scores the whole caseload in parts, and counts what the pages and the watch need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

import polars as pl
from polars.exceptions import PolarsError

from features.errors import UserError
from features.frame import build
from features.history import asof
from features.indicators import CATALOGUE
from features.store import note_volumes, protected_characteristics, volumes
from features.store.store import Store
from features.store.volumes import Supplied
from models.bundle import Bundle
from models.combinations import read_combinations
from models.firing_shares import FiringCounts, Shares
from models.lanes import LaneRows, Lanes
from models.profile import Counts, Profile, Tally, region_of
from serving.cases import caseload
from serving.cases.caseload import Placed

DAYS = 37
"""A day is compared with the same day of the five weeks before it."""
BIAS_WATCHED = tuple(name for name, item in CATALOGUE.items() if item.bias_watch)
"""Indicators that rest on what police or others chose to record: watched by group of people."""


@dataclass(frozen=True)
class ScoredCaseload:
    """The scored caseload: scores, facts, and counts without any person."""

    store: Store
    as_of: date
    cases: pl.DataFrame
    """The spine: every case under supervision, and whether its access is limited."""
    placed: Placed
    units: Mapping[str, str]
    """The unit of each case that is open to be read."""
    scores: pl.DataFrame
    facts: pl.DataFrame
    profile: Profile | None
    counts: Counts
    week: Supplied
    days: pl.DataFrame
    """Rows by table, region and day of recording, over DAYS (features.store.volumes.by_day)."""
    notes: pl.DataFrame
    """Notes and entries read in them by region (features.store.note_volumes.count_notes)."""
    people: pl.DataFrame
    """Who they are: for asking for whom it is worse, and for nothing else."""
    watched: pl.DataFrame
    """Where indicators fire that are watched for bias: crn, indicator."""
    lanes: Lanes
    """The rows of the lanes beside the model."""
    shares: Shares
    """In how many people each indicator fires, by slice."""
    proposed_scores: Mapping[int, pl.DataFrame]
    """The scores of open proposals for the same rows, by proposal number."""
    failed: Mapping[int, str]
    """Why a proposal could not score."""


@dataclass(frozen=True)
class ProposedModel:
    """A model that waits to be approved, with the kinds of entries of notes that count in it."""

    model: Bundle
    note_kinds: frozenset[str]


@dataclass
class _Parts:
    """The results of a night so far, added up part by part."""

    model: Bundle
    tally: Tally
    lanes: LaneRows
    firing: FiringCounts
    scored: list[pl.DataFrame] = field(default_factory=list)
    facts: list[pl.DataFrame] = field(default_factory=list)
    marked: list[pl.DataFrame] = field(default_factory=list)
    others: dict[int, list[pl.DataFrame]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

    def add_part(self, frame: pl.DataFrame) -> None:
        """Score one part of the caseload, and add its counts to those of the night."""
        scores = self.model.score_frame(frame)
        self.scored.append(scores)
        self.tally.add(frame, scores)
        self.lanes.add_part(frame, scores)
        self.firing.add(frame)
        self.facts.append(caseload.fired_indicators(frame))
        self.marked.append(caseload.fired_indicators(frame, BIAS_WATCHED))

    def add_proposals(self, proposed: Mapping[int, Bundle], frame: pl.DataFrame) -> None:
        """Score one part with each proposed model that has not failed before."""
        for number, other in proposed.items():
            if number not in self.failed:
                self._score_proposal(number, other, frame)

    def _score_proposal(self, number: int, other: Bundle, frame: pl.DataFrame) -> None:
        """Score a part with a proposed model, whose failure must not stop the night."""
        try:
            self.others.setdefault(number, []).append(other.score_frame(frame))
        except (UserError, PolarsError, ValueError, KeyError) as error:
            self.failed[number] = f"Its model could not score: {type(error).__name__}."
            self.others.pop(number, None)


def score_caseload(
    store: Store,
    cases: pl.DataFrame,
    placed: Placed,
    model: Bundle,
    as_of: date,
    step: Callable[[str], None],
    proposed: Mapping[int, ProposedModel] = MappingProxyType({}),
) -> ScoredCaseload:
    """Score every case that is not limited, part by part, and count indicators and scores.

    `proposed` models score beside the approved one; nothing of theirs reaches the queue.
    """
    open_ = cases.filter(~pl.col("limited")).select(asof.KEY)
    if open_.is_empty():
        raise UserError(f"Every case under supervision on {as_of} is of limited access.")
    units = {crn: placed.units[crn] for crn in open_["crn"] if crn in placed.units}
    profile = Profile.profile_of(model)
    regions = {crn: region_of(units.get(crn)) for crn in open_["crn"]}
    lanes = LaneRows.of_model(model.scored, read_combinations())
    people = open_.select("crn").hstack(protected_characteristics.characteristics_of(store, open_))
    tally = Tally(profile.edges if profile else {}, regions)
    parts = _Parts(model, tally, lanes, FiringCounts(regions, people))
    by_kinds = _by_note_kinds(proposed)
    for bucket, frame in build.build_frames(store, open_):
        step(f"scoring bucket {bucket + 1} of {store.buckets}")
        parts.add_part(frame)
        parts.add_proposals(by_kinds.get(store.note_kinds, {}), frame)
    for kinds in by_kinds.keys() - {store.note_kinds}:
        # Other entries count for these, so their indicators are others: the caseload once more.
        for bucket, frame in build.build_frames(store.counting_notes(kinds), open_):
            step(f"scoring proposals, bucket {bucket + 1} of {store.buckets}")
            parts.add_proposals(by_kinds[kinds], frame)
    step("finding what is new and unusual")
    lane_rows = lanes.lay_out(store, as_of)
    step("counting what the board watches")
    everyone = volumes.case_regions(store, set(cases.filter("limited")["crn"]))
    days = volumes.by_day(store, everyone, as_of, DAYS)
    return ScoredCaseload(
        store=store,
        as_of=as_of,
        cases=cases,
        placed=placed,
        units=units,
        scores=_concat_scores(parts.scored),
        facts=pl.concat(parts.facts),
        watched=pl.concat(parts.marked),
        lanes=lane_rows,
        shares=parts.firing.shares,
        profile=profile,
        counts=parts.tally.counts,
        week=volumes.total_records(days, volumes.counted_tables(store), as_of, 7),
        days=days,
        notes=note_volumes.count_notes(store, everyone, as_of),
        people=people,
        proposed_scores={number: _concat_scores(frames) for number, frames in parts.others.items()},
        failed=parts.failed,
    )


def _by_note_kinds(
    proposed: Mapping[int, ProposedModel],
) -> dict[frozenset[str], dict[int, Bundle]]:
    """Proposed models by the kinds of entries of notes that count in them."""
    by_kinds: dict[frozenset[str], dict[int, Bundle]] = {}
    for number, one in proposed.items():
        by_kinds.setdefault(one.note_kinds, {})[number] = one.model
    return by_kinds


def without_limited(scored_caseload: ScoredCaseload, limited: Collection[str]) -> ScoredCaseload:
    """The scored caseload without cases whose access was limited in the meantime."""
    since = ~pl.col("limited") & pl.col("crn").is_in(sorted(limited))
    late = set(scored_caseload.cases.filter(since)["crn"])
    if not late:
        return scored_caseload
    is_late = pl.col("crn").is_in(sorted(late))
    proposed = scored_caseload.proposed_scores.items()
    return replace(
        scored_caseload,
        scores=scored_caseload.scores.filter(~is_late),
        facts=scored_caseload.facts.filter(~is_late),
        watched=scored_caseload.watched.filter(~is_late),
        lanes={name: rows.filter(~is_late) for name, rows in scored_caseload.lanes.items()},
        people=scored_caseload.people.filter(~is_late),
        cases=scored_caseload.cases.with_columns(limited=pl.col("limited") | is_late),
        units={crn: unit for crn, unit in scored_caseload.units.items() if crn not in late},
        proposed_scores={number: scores.filter(~is_late) for number, scores in proposed},
    )


def _concat_scores(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).sort(asof.GROUP_KEY)
