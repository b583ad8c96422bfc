"""Scores the whole caseload in parts, and counts what the pages and the watch need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

import polars as pl

from features.errors import UserError
from features.history import asof
from features.local_runners import Runner
from features.parts import split_spine
from features.store import note_volumes, volumes
from features.store.store import Store
from features.store.volumes import Supplied
from models.bundle import Bundle
from models.combinations import read_combinations
from models.firing_shares import Shares, add_shares
from models.lanes import LaneFinder, Lanes, lay_out_lanes
from models.profile import Counts, Profile, add_counts
from serving.cases import caseload
from serving.cases.caseload import Placed
from serving.night.score_part import NightPart, NightWork, ProposalWork, Scores

DAYS = 37
"""A day is compared with the same day of the five weeks before it."""


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


def score_caseload(
    store: Store,
    cases: pl.DataFrame,
    model: Bundle,
    as_of: date,
    step: Callable[[str], None],
    runner: Runner,
    proposed: Mapping[int, ProposedModel] = MappingProxyType({}),
) -> ScoredCaseload:
    """Score every case that is not limited, part by part, and count indicators and scores.

    `proposed` models score beside the approved one; nothing of theirs reaches the queue.
    """
    open_ = cases.filter(~pl.col("limited")).select(asof.KEY)
    if open_.is_empty():
        raise UserError(f"Every case under supervision on {as_of} is of limited access.")
    by_kinds = _by_note_kinds(proposed)
    profile = Profile.profile_of(model)
    work = NightWork(
        model=model,
        proposed=by_kinds.get(store.note_kinds, {}),
        finder=LaneFinder.of_model(model.scored, read_combinations()),
        edges=profile.edges if profile else {},
        as_of=as_of,
    )
    step("scoring the caseload")
    parts = []
    for part, scored in runner.run(work, split_spine(store, open_)):
        step(f"scoring bucket {part.last_bucket + 1} of {store.buckets}")
        parts.append(scored)
    others = [(part.proposed_scores, part.failed) for part in parts]
    for kinds in by_kinds.keys() - {store.note_kinds}:
        # Other entries count for these, so their indicators are others: the caseload once more.
        own = ProposalWork(by_kinds[kinds])
        for part, result in runner.run(own, split_spine(store.counting_notes(kinds), open_)):
            step(f"scoring proposals, bucket {part.last_bucket + 1} of {store.buckets}")
            others.append(result)
    failed = {number: why for _, faults in others for number, why in faults.items()}
    placed = _placed(store, cases, parts)
    step("finding what is new and unusual")
    lanes = lay_out_lanes([part.lanes for part in parts])
    step("counting what the board watches")
    everyone = volumes.case_regions(store, set(cases.filter("limited")["crn"]))
    days = volumes.by_day(store, everyone, as_of, DAYS)
    counts: Counts = {}
    shares: Shares = {}
    for one in parts:
        add_counts(counts, one.counts)
        add_shares(shares, one.shares)
    return ScoredCaseload(
        store=store,
        as_of=as_of,
        cases=cases,
        placed=placed,
        units={crn: placed.units[crn] for crn in open_["crn"] if crn in placed.units},
        scores=_concat_scores([one.scores for one in parts]),
        facts=pl.concat(one.facts for one in parts),
        watched=pl.concat(one.watched for one in parts),
        lanes=lanes,
        shares=shares,
        profile=profile,
        counts=counts,
        week=volumes.total_records(days, volumes.counted_tables(store), as_of, 7),
        days=days,
        notes=note_volumes.count_notes(store, everyone, as_of),
        people=pl.concat(one.people for one in parts),
        proposed_scores=_scores_by_proposal([scores for scores, _ in others], failed),
        failed=failed,
    )


def _placed(store: Store, cases: pl.DataFrame, parts: Sequence[NightPart]) -> Placed:
    """The unit and practitioner of every case, those of limited access included."""
    limited = caseload.place_cases(store, cases.filter("limited"))
    every = [*(part.placed for part in parts), limited]
    return Placed(
        {crn: unit for one in every for crn, unit in one.units.items()},
        {crn: staff for one in every for crn, staff in one.practitioners.items()},
    )


def _scores_by_proposal(
    parts: Iterable[Scores], failed: Collection[int]
) -> dict[int, pl.DataFrame]:
    """The scores of the proposals that failed in no part."""
    by_number: dict[int, list[pl.DataFrame]] = {}
    for part in parts:
        for number, scores in part.items():
            if number not in failed:
                by_number.setdefault(number, []).append(scores)
    return {number: _concat_scores(frames) for number, frames in by_number.items()}


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
