"""Lays the prior's weight of every indicator beside what a model made of it, for the board."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.bundle import Bundle
from models.strata import STRATA


@dataclass(frozen=True)
class WeightLine:
    """The weight of one indicator, before and after learning, in log-odds where fired in full.

    Means over the groups of people. The boosters are not in it: what they add differs by person.
    """

    indicator: str
    prior: float
    low: float
    medium: float
    high: float
    unknown: float


def compare_weights(model: Bundle) -> list[WeightLine]:
    """A line for each scored indicator, the heaviest of the prior first."""
    names = model.scored
    prior = model.level.prior.weights_by_group(names).mean(axis=0)
    blind = model.ordinal.departures
    blind_weights = np.array(
        [
            weight + blind[name] if name in blind else 0.0
            for name, weight in zip(names, prior, strict=True)
        ]
    )
    by_level = {}
    for name in STRATA:
        own = model.level.strata[name]
        departures = np.array([own.departures[one] for one in names])
        by_level[name] = own.scale * prior + departures + own.slope * blind_weights
    lines = [
        WeightLine(one, float(prior[place]), *(float(by_level[name][place]) for name in STRATA))
        for place, one in enumerate(names)
    ]
    return sorted(lines, key=lambda line: (-line.prior, line.indicator))
