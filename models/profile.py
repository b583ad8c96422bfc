"""Holds the distributions of the training caseload, against which drift is measured.

Bins are fixed with the profile and travel in the bundle, so what the board approved includes what
"as usual" is. Every indicator has a bin of its own for "not known": a feed that stops is drift too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from features.contracts.codes import COMMUNITY_GROUPS, LEVEL_ORDER
from features.frame import build, timeline
from features.history import asof
from features.store import volumes
from features.store.protected_characteristics import characteristics_of
from features.store.store import Store
from features.store.volumes import Supplied
from models.bundle import Bundle
from models.firing_shares import FiringCounts, Shares, without_few
from models.inputs import Matrix, community_rows
from models.strata import STRATA

NOWHERE = "not known"
"""The region of a case that is held by no unit."""
SMALLEST = 0.005
"""A bin holds at least this share of the caseload of the profile: a smaller one is noise."""
SUPPLY_DAYS = 84
"""The number of days over which the usual number of records a week is measured."""
Places = npt.NDArray[np.int64]
Counts = dict[str, dict[str, list[int]]]
"""By region, by measure: how many rows are not known, then how many lie in each bin."""


def score_name(stratum: str, group: str) -> str:
    """The key of the score distribution for a recorded level and group."""
    return f"score {stratum} {group}"


def level_name(group: str) -> str:
    """The key of the distribution of recorded levels for a group."""
    return f"level {group}"


@dataclass(frozen=True)
class Profile:
    """Bins and counts of a caseload, by region: rows are people times community groups."""

    as_of: date
    edges: dict[str, list[float]]
    counts: Counts
    supplied: Supplied
    """What was recorded in the SUPPLY_DAYS before: by table and region, and how much of it late."""
    shares: Shares = field(default_factory=dict)
    """In how many people each indicator fires, by slice; empty in a profile of before."""

    def as_json(self) -> dict[str, Any]:
        """The profile as plain values for the bundle."""
        return {
            "as_of": self.as_of.isoformat(),
            "edges": self.edges,
            "counts": self.counts,
            "supplied": self.supplied,
            "shares": self.shares,
        }

    @classmethod
    def profile_of(cls, model: Bundle) -> Profile | None:
        """The profile in a bundle, or None where it has none."""
        content = model.about.get("profile")
        if content is None:
            return None
        return cls(
            date.fromisoformat(content["as_of"]),
            content["edges"],
            content["counts"],
            content["supplied"],
            content.get("shares", {}),
        )


@dataclass
class Tally:
    """Counts rows of indicator frames in the bins of a reference profile, part by part."""

    edges: Mapping[str, list[float]]
    regions: Mapping[str, str]
    """The region of each case."""
    counts: Counts = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Number the regions, so that rows are counted by number."""
        self._names = sorted({*self.regions.values(), NOWHERE})
        numbered = {name: at for at, name in enumerate(self._names)}
        self._places = {crn: numbered[name] for crn, name in self.regions.items()}

    def add(self, frame: pl.DataFrame, scored: pl.DataFrame) -> None:
        """Count one part of a caseload in the profile's bins: an indicator frame and its scores."""
        rows = community_rows(frame)
        # The cases of this part alone: looking them up among all of a caseload takes long.
        elsewhere = self._names.index(NOWHERE)
        ours = {crn: self._places.get(crn, elsewhere) for crn in rows["crn"].unique()}
        region = _region_of(rows, ours)
        for name in build.indicator_columns():
            self._count(name, rows[name].cast(pl.Float64).to_numpy(), region)
        order = {level: float(place) for place, level in enumerate(LEVEL_ORDER)}
        levels = rows["level"].replace_strict(order, default=None, return_dtype=pl.Float64)
        for group in COMMUNITY_GROUPS:
            about = (rows["group"] == group).to_numpy()
            self._count(level_name(group), levels.to_numpy()[about], region[about])
        scorable = scored.filter("scorable")
        for (stratum, group), part in _by_key(scorable):
            values = part["probability"].to_numpy()
            self._count(score_name(stratum, group), values, _region_of(part, ours))

    def _count(self, name: str, values: Matrix, region: Places) -> None:
        edges = self.edges.get(name)
        if edges is None:
            return
        size = len(edges) + 2
        place = np.searchsorted(edges, values, side="left") + 1
        place[np.isnan(values)] = 0
        cell_counts = np.bincount(region * size + place, minlength=len(self._names) * size)
        for at, one in enumerate(self._names):
            region_counts = cell_counts[at * size : (at + 1) * size]
            if region_counts.any():
                counts = self.counts.setdefault(one, {}).setdefault(name, [0] * size)
                counts[:] = [a + int(b) for a, b in zip(counts, region_counts, strict=True)]


def add_counts(total: Counts, part: Counts) -> None:
    """Add the counts of a part to those of the whole."""
    for region, by_name in part.items():
        for name, bins in by_name.items():
            counts = total.setdefault(region, {}).setdefault(name, [0] * len(bins))
            counts[:] = [a + b for a, b in zip(counts, bins, strict=True)]


def make_profile(store: Store, model: Bundle, as_of: date) -> Profile:
    """The profile of every case under supervision on a day, limited cases left out."""
    cases = build.cases_under_supervision(store, as_of).filter(~pl.col("limited"))
    spine = cases.select(asof.KEY)
    regions = regions_of(store, spine)
    frames = [frame for _, frame in build.build_frames(store, spine)]
    scored = [model.score_frame(frame) for frame in frames]
    tally = Tally(_bin_edges(pl.concat(frames), pl.concat(scored)), regions)
    people = spine.select("crn").hstack(characteristics_of(store, spine))
    firing = FiringCounts(regions, people)
    for frame, scores in zip(frames, scored, strict=True):
        tally.add(frame, scores)
        firing.add(frame)
    everyone = volumes.case_regions(store, build.limited_cases(store, as_of))
    usual = volumes.count_records(store, everyone, as_of, SUPPLY_DAYS)
    return Profile(as_of, dict(tally.edges), tally.counts, usual, without_few(firing.shares))


def all_regions(counts: Counts) -> dict[str, list[int]]:
    """Add up a profile's counts over all regions."""
    totals: dict[str, list[int]] = {}
    for by_name in counts.values():
        for name, level_counts in by_name.items():
            before = totals.get(name, [0] * len(level_counts))
            totals[name] = [a + b for a, b in zip(before, level_counts, strict=True)]
    return totals


def regions_of(store: Store, spine: pl.DataFrame) -> dict[str, str]:
    """The region of each case: the first letters of the code of its unit."""
    supervisions = timeline.current_supervision(
        asof.read_histories(store, spine, tables=["supervisions"])
    )
    return {crn: region_of(row["pdu_code"]) for crn, row in supervisions.items()}


def region_of(pdu_code: str | None) -> str:
    """The region of a delivery unit: the provider code at the beginning of its code."""
    return pdu_code[:3] if pdu_code else NOWHERE


def _bin_edges(frame: pl.DataFrame, scored: pl.DataFrame) -> dict[str, list[float]]:
    rows = community_rows(frame)
    edges = {name: decile_edges(rows[name]) for name in build.indicator_columns()}
    for group in COMMUNITY_GROUPS:
        edges[level_name(group)] = [place + 0.5 for place in range(len(LEVEL_ORDER) - 1)]
    scorable = scored.filter("scorable")
    for (stratum, group), part in _by_key(scorable):
        edges[score_name(stratum, group)] = decile_edges(part["probability"])
    return edges


def decile_edges(values: pl.Series) -> list[float]:
    """The upper edges of bins: deciles, and deciles of the values above the commonest one.

    Where that leaves a single bin, the commonest value ends it: what hardly anyone has must be seen
    to become common.
    """
    numbers = values.drop_nulls().cast(pl.Float64)
    if numbers.is_empty():
        return []
    sorted_ = np.sort(numbers.to_numpy())
    different, counts = np.unique(sorted_, return_counts=True)
    usual = different[counts.argmax()]
    above = sorted_[sorted_ > usual]
    quantiles = list(np.quantile(sorted_, np.arange(1, 10) / 10, method="nearest"))
    if len(above):
        quantiles += [usual, *np.quantile(above, [0.5, 0.9], method="nearest")]
    edges: list[float] = []
    least = max(1.0, SMALLEST * len(numbers))
    for edge in sorted({float(q) for q in quantiles}):
        before = np.searchsorted(sorted_, edges[-1], side="right") if edges else 0
        here = np.searchsorted(sorted_, edge, side="right")
        if here - before >= least and len(numbers) - here >= least:
            edges.append(edge)
    return edges or [float(usual)]


def _region_of(rows: pl.DataFrame, places: Mapping[str, int]) -> Places:
    """The region of each row as an index into the region names."""
    named = rows["crn"].replace_strict(dict(places), return_dtype=pl.Int64)
    region_places: Places = named.to_numpy()
    return region_places


def _by_key(rows: pl.DataFrame) -> list[tuple[tuple[str, str], pl.DataFrame]]:
    return [
        ((stratum, group), rows.filter(pl.col("stratum") == stratum, pl.col("group") == group))
        for stratum in STRATA
        for group in COMMUNITY_GROUPS
    ]
