"""One look at the whole caseload: scored, and counted for the pages and the watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import polars as pl
from lightgbm.basic import LightGBMError
from polars.exceptions import PolarsError

from features import asof, build, characteristics, supply
from features.errors import UserError
from features.indicators import CATALOGUE
from features.store import Store
from features.supply import Supplied
from models.bundle import Bundle
from models.profile import Counts, Profile, Tally, region
from serving import caseload
from serving.caseload import Placed

BIAS_WATCHED = tuple(name for name, item in CATALOGUE.items() if item.bias_watch)
"""Indicators that rest on what police or others chose to record: watched by group of people."""


@dataclass(frozen=True)
class Looked:
    """What a night knows before it chooses: scores, facts, and counts without any person."""

    store: Store
    as_of: date
    on: pl.DataFrame
    """The spine: every case under supervision, and whether its access is limited."""
    where: Placed
    units: Mapping[str, str]
    """The unit of each case that is open to be read."""
    scored: pl.DataFrame
    facts: pl.DataFrame
    profile: Profile | None
    counted: Counts
    week: Supplied
    people: pl.DataFrame
    """Who they are: for asking for whom it is worse, and for nothing else."""
    marked: pl.DataFrame
    """Where indicators fire that are watched for bias: crn, indicator."""
    others: Mapping[int, pl.DataFrame]
    """What proposals that wait to be signed say of the same rows, by their numbers."""
    failed: Mapping[int, str]
    """Why a proposal could not score."""


def look(
    store: Store,
    on: pl.DataFrame,
    where: Placed,
    model: Bundle,
    as_of: date,
    step: Callable[[str], None],
    proposed: Mapping[int, Bundle] = MappingProxyType({}),
) -> Looked:
    """Score every case that is open to be read, part by part, and count what was seen.

    `proposed` models score beside the approved one; nothing of theirs reaches the queue.
    """
    open_ = on.filter(~pl.col("limited")).select(asof.KEY)
    if open_.is_empty():
        raise UserError(f"Every case under supervision on {as_of} is of limited access.")
    units = {crn: where.units[crn] for crn in open_["crn"] if crn in where.units}
    profile = Profile.of(model)
    regions = {crn: region(units.get(crn)) for crn in open_["crn"]}
    tally = Tally(profile.edges if profile else {}, regions)
    parts: list[pl.DataFrame] = []
    failed: dict[int, str] = {}
    facts: list[pl.DataFrame] = []
    marked: list[pl.DataFrame] = []
    others: dict[int, list[pl.DataFrame]] = {number: [] for number in proposed}
    for bucket, frame in build.frames(store, open_):
        step(f"scoring bucket {bucket + 1} of {store.buckets}")
        parts.append(model.score(frame))
        tally.add(frame, parts[-1])
        facts.append(caseload.fired(frame))
        marked.append(caseload.fired(frame, BIAS_WATCHED))
        for number, other in proposed.items():
            if number not in failed:
                try:
                    others[number].append(other.score(frame))
                except (UserError, LightGBMError, PolarsError, ValueError, KeyError) as error:
                    # A proposal that cannot score must not stop the night of the approved model.
                    failed[number] = f"Its model could not score: {type(error).__name__}."
    step("counting what the board watches")
    everyone = supply.regions(store, set(on.filter("limited")["crn"]))
    return Looked(
        store=store,
        as_of=as_of,
        on=on,
        where=where,
        units=units,
        scored=pl.concat(parts).sort(asof.GROUP_KEY),
        facts=pl.concat(facts),
        marked=pl.concat(marked),
        profile=profile,
        counted=tally.counts,
        week=supply.counted(store, everyone, as_of, 7),
        people=open_.select("crn").hstack(characteristics.of(store, open_)),
        others={
            number: pl.concat(told).sort(asof.GROUP_KEY)
            for number, told in others.items()
            if number not in failed
        },
        failed=failed,
    )
