"""Counts in how many people each indicator fires, by region, risk group and group of people.

A share that a board member can repeat ("was 39 of 100, is 12") is compared slice by slice: a change
in one region, or in what is recorded of one group, is lost in a national mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from features.frame import build
from features.indicators import CATALOGUE
from features.store.protected_characteristics import CHARACTERISTICS
from models.inputs import community_rows

Shares = dict[str, dict[str, list[int]]]
"""By slice, by indicator: of how many people it is known, and in how many it fires.

A slice is "region N54", "risk to public" or "ethnicity Black". Groups of people are counted for the
indicators alone that rest on what officers chose to record (`bias_watch`).
"""


FEWEST = 30
"""A slice of fewer people is not stored: its cells would be those of single people."""


def without_few(shares: Shares) -> Shares:
    """The shares without slices in which nothing is known of FEWEST people."""
    return {
        name: counts
        for name, counts in shares.items()
        if max((people for people, _ in counts.values()), default=0) >= FEWEST
    }


def add_shares(total: Shares, part: Shares) -> None:
    """Add the shares of a part to those of the whole."""
    for name, counts in part.items():
        own = total.setdefault(name, {})
        for indicator, (people, fires) in counts.items():
            before = own.get(indicator, [0, 0])
            own[indicator] = [before[0] + people, before[1] + fires]


@dataclass
class FiringCounts:
    """Shares of a caseload, counted part by part."""

    regions: Mapping[str, str]
    """The region of each case."""
    people: pl.DataFrame | None = None
    """Who they are: crn and CHARACTERISTICS; without it no group of people is counted."""
    shares: Shares = field(default_factory=dict)

    def add(self, frame: pl.DataFrame) -> None:
        """Count one part of a caseload: an indicator frame."""
        names = build.indicator_columns()
        rows = community_rows(frame).select(
            "crn", "group", *(CATALOGUE[name].fires_in_frame.alias(name) for name in names)
        )
        self._count(rows.with_columns(slice="risk to " + pl.col("group")), names)
        of_people = rows.group_by("crn").agg(pl.col(names).max())
        regions = {crn: self.regions.get(crn, "not known") for crn in of_people["crn"]}
        region = pl.col("crn").replace_strict(regions, return_dtype=pl.String)
        self._count(of_people.with_columns(slice="region " + region), names)
        if self.people is not None:
            watched = [name for name in names if CATALOGUE[name].bias_watch]
            watched_people = of_people.select("crn", *watched).join(self.people, on="crn")
            for name in CHARACTERISTICS:
                self._count(watched_people.with_columns(slice=f"{name} " + pl.col(name)), watched)

    def _count(self, rows: pl.DataFrame, names: Iterable[str]) -> None:
        listed = list(names)
        counted = rows.group_by("slice").agg(
            pl.col(listed).count().name.suffix(" known"), pl.col(listed).sum().name.suffix(" fires")
        )
        for row in counted.iter_rows(named=True):
            counts = self.shares.setdefault(row["slice"], {})
            for name in listed:
                people, fires = counts.get(name, [0, 0])
                counts[name] = [people + row[f"{name} known"], fires + row[f"{name} fires"]]
