"""Scores by published findings alone: a signed weight for every scored indicator, without learning.

Log-odds = base + the sum over indicators of the weight of its size for the group, by how far it is
fired: half where its value reaches `fires_from`, the whole from `full` on, in proportion between,
nothing below. Null, not known, adds nothing. So every contribution is at least nought, and grows or
stays as things get worse. It ranks on the first day, without a label, as expert-weighted points do
in structured professional judgement; the weights and their sources stand in prior.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.errors import MissingInput, UnreadableInput, did_you_mean
from features.indicators import CATALOGUE
from features.indicators.base import Indicator
from models.ordinal import Matrix, community_rows
from models.scored_rows import lay_out_scores

PRIOR = Path(__file__).with_name("prior.toml")
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


@dataclass(frozen=True)
class Prior:
    """The signed weights, and the log-odds of a row in which nothing fires."""

    base: float
    sizes: Mapping[str, float]
    weights: tuple[Weight, ...]

    @property
    def scored(self) -> tuple[str, ...]:
        """The indicators that it weighs, of those that are scored."""
        return tuple(one.indicator for one in self._weighed)

    @property
    def note_kinds(self) -> frozenset[str]:
        """None: no entry of a note counts before a model was approved with it."""
        return frozenset()

    @property
    def about(self) -> dict[str, Any]:
        """Nothing was trained, and every reason is settled."""
        return {}

    @property
    def _weighed(self) -> tuple[Weight, ...]:
        """The weights of indicators that are scored today: mental health only where signed."""
        return tuple(
            one
            for one in self.weights
            if CATALOGUE[one.indicator].used_in(mental_health=False) != "page_only"
        )

    def score_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score the rows of an indicator frame, except those of prisoners (`lay_out_scores`)."""
        rows = community_rows(frame)
        return lay_out_scores(rows, self._parts(rows).sum(axis=1))

    def contributions(self, frame: pl.DataFrame, stratum: str) -> tuple[Matrix, list[str]]:
        """What each indicator adds to the log-odds of each row; the last column is the base.

        Shape (rows, indicators + 1). The recorded level changes no weight.
        """
        _ = stratum
        return self._parts(frame), [*self.scored, "base"]

    def _parts(self, frame: pl.DataFrame) -> Matrix:
        columns = [
            (_extent(CATALOGUE[one.indicator], one.full) * self._weight_of_group(one)).alias(
                one.indicator
            )
            for one in self._weighed
        ]
        base = pl.lit(self.base).alias("base")
        parts: Matrix = frame.select(*columns, base).to_numpy().astype(np.float64)
        return parts

    def _weight_of_group(self, weight: Weight) -> pl.Expr:
        own = {group: self.sizes[size] for group, size in weight.groups.items()}
        usual = pl.lit(self.sizes[weight.size])
        if not own:
            return usual
        return pl.col("group").replace_strict(own, default=usual, return_dtype=pl.Float64())


def _extent(item: Indicator, full: float) -> pl.Expr:
    """How far an indicator is fired: nought, then from a half to one."""
    value = pl.col(item.id).cast(pl.Float64())
    sign = -1.0 if item.fires_below else 1.0
    beyond = sign * (value - item.fires_from)
    span = sign * (full - item.fires_from)
    more = (beyond / span).clip(0.0, 1.0) if span > 0 else pl.lit(1.0)
    return pl.when(item.fires_in_frame).then(0.5 + 0.5 * more).otherwise(0.0)


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
        sizes = {str(name): float(value) for name, value in content["sizes"].items()}
        weights = tuple(Weight(**item) for item in content["weight"])
        prior = Prior(float(content["base"]), sizes, weights)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableInput(f"{path} is no prior: {error}.") from error
    if any(not value > 0 for value in sizes.values()):
        raise UnreadableInput(f"{path}: every size must be more than nought: all are adverse.")
    for one in weights:
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
