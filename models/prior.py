"""Scores by published findings alone: a signed weight for every scored indicator, without learning.

Log-odds = base + the sum over indicators of the weight of its size for the group, by how far it is
fired: half, or the share `first`, where its value reaches `fires_from`; the whole from `full` on;
in proportion between; nothing below. Null, not known, adds nothing. So every contribution is at
least nought, and grows or stays as things get worse. It ranks on the first day, without a label, as
expert-weighted points do in structured professional judgement; the weights and their sources stand
in prior.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.contracts.codes import COMMUNITY_GROUPS
from features.errors import MissingInput, UnreadableInput, did_you_mean
from features.indicators import CATALOGUE
from models.inputs import Matrix, community_rows, supplied_matrix
from models.scored_rows import lay_out_scores

PRIOR = Path(__file__).with_name("prior.toml")
LEAST_SHARE = 0.1
"""What learning leaves of a weight at least: a share of the prior's, for the group where that is
least, and more for the others.
"""
LEAST_SOURCE = 20
"""The least number of characters that name a source."""


@dataclass(frozen=True)
class Weight:
    """The weight of one indicator: its size for every group, and when the whole of it counts."""

    indicator: str
    size: str
    full: float
    source: str
    groups: Mapping[str, str] = field(default_factory=dict)
    """Groups for which it has another size."""
    first: float = 0.5
    """The share of it that counts where the indicator just fires, more than 0 and at most 1."""


@dataclass(frozen=True)
class Prior:
    """The signed weights, and the log-odds of a row in which nothing fires."""

    base: float
    sizes: Mapping[str, float]
    weights: tuple[Weight, ...]

    @property
    def scored(self) -> tuple[str, ...]:
        """The indicators that it weighs, of those that are scored: mental health only if signed."""
        return tuple(
            one.indicator
            for one in self.weights
            if CATALOGUE[one.indicator].used_in(mental_health=False) != "page_only"
        )

    @property
    def note_kinds(self) -> frozenset[str]:
        """None: no entry of a note counts before a model was approved with it."""
        return frozenset()

    @property
    def about(self) -> dict[str, Any]:
        """Nothing was trained, and every reason is settled."""
        return {}

    def score_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score the rows of an indicator frame, except those of prisoners (`lay_out_scores`)."""
        rows = community_rows(frame)
        return lay_out_scores(rows, self.contributions(rows, "")[0].sum(axis=1))

    def contributions(self, frame: pl.DataFrame, stratum: str) -> tuple[Matrix, list[str]]:
        """What each indicator adds to the log-odds of each row; the last column is the base.

        Shape (rows, indicators + 1). The recorded level changes no weight.
        """
        _ = stratum
        parts = self.weighed(frame, self.scored)
        return np.hstack([parts, np.full((frame.height, 1), self.base)]), [*self.scored, "base"]

    def prior_contributions(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        """The part of each contribution that is the prior's: all of it."""
        return self.contributions(frame, stratum)[0][:, :-1]

    def extents(self, frame: pl.DataFrame, names: Sequence[str]) -> Matrix:
        """How far each indicator is fired, 0 to 1: (rows, names); not known is 0."""
        if not names:
            return np.zeros((frame.height, 0))
        of = {one.indicator: one for one in self.weights}
        listed = (_extent(name, of[name].full, of[name].first) for name in names)
        fired: Matrix = frame.select(listed).to_numpy().astype(np.float64)
        return fired

    def weighed(self, frame: pl.DataFrame, names: Sequence[str]) -> Matrix:
        """Weight x how far each indicator is fired: (rows, names)."""
        extents = self.extents(frame, names)
        parts: Matrix = extents * self.weights_by_row(frame, names)
        return parts

    def unusual(
        self, frame: pl.DataFrame, usual: Mapping[str, float], names: Sequence[str]
    ) -> Matrix:
        """How much farther than `usual` each indicator is fired; 0 where it is not known."""
        away = self.extents(frame, names) - np.array([usual[name] for name in names])
        unusual: Matrix = np.where(supplied_matrix(frame, names), away, 0.0)
        return unusual

    def weights_by_row(self, frame: pl.DataFrame, names: Sequence[str]) -> Matrix:
        """The weight of each indicator for the group of each row: (rows, names).

        Prisoners, for whom nothing is scored, have the least of any group's.
        """
        of_groups = self.weights_by_group(names)
        table = np.vstack([of_groups, of_groups.min(axis=0)])
        places = {group: place for place, group in enumerate(COMMUNITY_GROUPS)}
        at = frame["group"].replace_strict(places, default=len(places), return_dtype=pl.Int64)
        rows: Matrix = table[at.to_numpy()]
        return rows

    def weights_by_group(self, names: Sequence[str]) -> Matrix:
        """The weight of each indicator for each group: (COMMUNITY_GROUPS, names)."""
        of = {one.indicator: one for one in self.weights}
        listed = [
            [self.sizes[of[name].groups.get(group, of[name].size)] for name in names]
            for group in COMMUNITY_GROUPS
        ]
        return np.array(listed).reshape(len(COMMUNITY_GROUPS), len(names))

    def least_weights(self, names: Sequence[str]) -> Matrix:
        """The weight of each indicator for the group of people where it is least: (names)."""
        least: Matrix = self.weights_by_group(names).min(axis=0)
        return least

    def least_departures(self, names: Sequence[str]) -> Matrix:
        """How far each weight may be learned down: LEAST_SHARE of the smallest group's is left."""
        floors: Matrix = -(1 - LEAST_SHARE) * self.least_weights(names)
        return floors

    def as_json(self) -> dict[str, Any]:
        """The prior as plain values, as they stand in its file and in a bundle."""
        return {
            "base": self.base,
            "sizes": dict(self.sizes),
            "weight": [asdict(one) for one in self.weights],
        }


def prior_of(content: Mapping[str, Any]) -> Prior:
    """The prior from the values of its file or of a bundle, not yet checked."""
    sizes = {str(name): float(value) for name, value in content["sizes"].items()}
    weights = tuple(Weight(**item) for item in content["weight"])
    return Prior(float(content["base"]), sizes, weights)


@cache
def _extent(indicator: str, full: float, first: float) -> pl.Expr:
    """How far an indicator is fired: nought, then from its first share to one at `full`."""
    item = CATALOGUE[indicator]
    value = pl.col(item.id).cast(pl.Float64())
    sign = -1.0 if item.fires_below else 1.0
    beyond = sign * (value - item.fires_from)
    span = sign * (full - item.fires_from)
    more = (beyond / span).clip(0.0, 1.0) if span > 0 else pl.lit(1.0)
    extent = pl.when(item.fires_in_frame).then(first + (1 - first) * more).otherwise(0)
    return extent.alias(item.id)


@cache
def read_prior(path: Path = PRIOR) -> Prior:
    """Read the signed weights; each scored indicator has exactly one.

    Raises MissingInput without the file, and UnreadableInput that names the line's indicator for an
    unknown or missing indicator, size or group, a value before it fires, or a source left out.
    """
    if not path.exists():
        raise MissingInput(f"There is no prior {path}.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        prior = prior_of(content)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableInput(f"{path} is no prior: {error}.") from error
    if any(not value > 0 for value in prior.sizes.values()):
        raise UnreadableInput(f"{path}: every size must be more than nought: all are adverse.")
    for one in prior.weights:
        _check_weight(path, one, prior)
    _check_complete(path, prior)
    return prior


def _check_weight(path: Path, weight: Weight, prior: Prior) -> None:
    item = CATALOGUE.get(weight.indicator)
    if item is None:
        hint = did_you_mean(weight.indicator, CATALOGUE)
        raise UnreadableInput(f"{path}: there is no indicator {weight.indicator!r}.{hint}")
    place = f"{path}: {weight.indicator}"
    for size in (weight.size, *weight.groups.values()):
        if size not in prior.sizes:
            raise UnreadableInput(f"{place}: no size {size!r}.{did_you_mean(size, prior.sizes)}")
    for group in weight.groups:
        if group not in item.groups:
            hint = did_you_mean(group, item.groups)
            raise UnreadableInput(f"{place}: it is not about the group {group!r}.{hint}")
    before = weight.full > item.fires_from if item.fires_below else weight.full < item.fires_from
    if before:
        raise UnreadableInput(
            f"{place}: full is {weight.full:g}, before it fires ({item.fires_from:g}): then it "
            "would weigh less the worse it is."
        )
    if not 0 < weight.first <= 1:
        raise UnreadableInput(
            f"{place}: first is {weight.first:g}: the share that counts where it just fires is "
            "more than 0 and at most 1, as no weight of an adverse indicator is nought."
        )
    if weight.full == item.fires_from and weight.first != Weight.first:
        raise UnreadableInput(
            f"{place}: the whole counts where it fires, so it has no first share."
        )
    if len(weight.source.strip()) < LEAST_SOURCE:
        raise UnreadableInput(f"{place}: name the review, guidance or study that supports it.")


def _check_complete(path: Path, prior: Prior) -> None:
    names = [one.indicator for one in prior.weights]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnreadableInput(f"{path}: {twice[0]} has two weights.")
    scored = [n for n, i in CATALOGUE.items() if i.used_in(mental_health=True) != "page_only"]
    shown_only = [name for name in names if name not in scored]
    if shown_only:
        raise UnreadableInput(f"{path}: {shown_only[0]} is shown and never scored.")
    missing = [name for name in scored if name not in names]
    if missing:
        others = " and others" if missing[5:] else ""
        raise UnreadableInput(
            f"{path}: no weight for {', '.join(missing[:5])}{others}: every scored indicator needs "
            "one."
        )
