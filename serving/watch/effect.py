"""Estimates what being shown to a reader changes: levels raised, enquiries made, and how soon.

Three comparisons. By the random draw, which is an experiment, of people whom nothing pointed to. At
the cut of a unit and level, of people flagged (a discontinuity by local randomisation; Cattaneo,
Idrobo and Titiunik, A Practical Introduction to Regression Discontinuity Designs, 2024): it tells
nothing where those just below the cut were shown soon after. And by the days on which units began
(a stepped wedge; Hussey and Hughes, Contemporary Clinical Trials 2007, 28: 182-191, with standard
errors by unit). What cannot be told is "too few", never nought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from scipy.special import stdtrit
from sqlalchemy import Connection, select

from features.intervals import Z95
from serving.db.unit_tables import night_outcomes
from serving.watch.figures import (
    FEWEST,
    GREEN,
    LOOK,
    TOO_FEW,
    Figure,
    Part,
    in_words,
    too_few,
    untold_part,
)
from serving.watch.followed import WITHIN

COUNTED = timedelta(days=364)
"""Nights of this time count."""
LEAST_UNITS, LEAST_STARTS, LEAST_WAITING = 6, 3, 3
"""Units that began in the time, nights on which any did, and units that had not begun on a night:
with fewer of either the roll-out tells nothing.
"""
LEAST_INFORMATION = 1e-6
"""What is left of beginning beside units and nights, as a share; less is none."""
MOST_SHOWN = 0.5
"""Where more of those compared with were shown soon after, the comparison tells nothing."""
BY_CHANCE = "drawn at random"
COMPARISONS: dict[str, tuple[str, str]] = {
    BY_CHANCE: ("not drawn", "people drawn at random, against those not drawn"),
    "above the cut": ("below the cut", "people flagged last, against the next in rank"),
}
"""Who was shown, by arm: the arm compared with, and the comparison in words."""
SHOWN_SOON = "most of whom were shown soon after"
ROLL_OUT = "units that had begun, against those that had not"
OUTCOMES: dict[str, tuple[str, str]] = {
    "raised_because": ("raised", "have a level raised within 90 days"),
    "asked_because": ("asked", "have an enquiry made of another agency within 90 days"),
}


@dataclass(frozen=True)
class Estimate:
    """A difference between two arms, with its 95 % interval and how many people were compared."""

    value: float
    low: float
    high: float
    people: int


def effect_figures(connection: Connection, as_of: date) -> list[Figure]:
    """The figures of what being shown changed, from the nights followed in the last year."""
    nights = list(
        connection.execute(
            select(night_outcomes.c.counts)
            .where(night_outcomes.c.as_of > as_of - COUNTED - timedelta(days=WITHIN))
            .order_by(night_outcomes.c.as_of)
        ).scalars()
    )
    return figures_of_nights(nights)


def figures_of_nights(nights: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """The three figures from the counts of nights, as `followed.follow_night` stores them."""
    rollout = {"raised": {ROLL_OUT: _estimate_rollout(nights)}}
    shares = [
        _figure(
            name,
            nights,
            {arm: _share_difference(nights, arm, outcome) for arm in COMPARISONS},
            words=f"Of 100 people drawn at random, {{n}} more {words} than of",
            more=rollout.get(outcome, {}),
        )
        for name, (outcome, words) in OUTCOMES.items()
    ]
    days = {arm: _days_sooner(nights, arm) for arm in COMPARISONS}
    words = "Within 90 days, people drawn at random have a level raised {n} days sooner than"
    return [*shares, _figure("sooner_because", nights, days, words=words)]


def _figure(
    name: str,
    nights: Sequence[Mapping[str, Any]],
    by_arm: Mapping[str, Estimate | None],
    *,
    words: str,
    more: Mapping[str, Estimate | None] = MappingProxyType({}),
) -> Figure:
    """A figure whose value is that of the random draw, with a part for each comparison; `more` are
    comparisons of other people, by their words.
    """
    compared = {**{_label(nights, arm): one for arm, one in by_arm.items()}, **more}
    parts = [
        untold_part(label, 0) if one is None else _part(label, one)
        for label, one in compared.items()
    ]
    chance = by_arm[BY_CHANCE]
    if chance is None:
        return too_few(name, min(_people_of(list(_arms(nights, BY_CHANCE)))), parts)
    sentence = (
        f"{words.format(n=in_words(name, chance.value))} those who could have been drawn and were "
        f"not. Between {in_words(name, chance.low)} and {in_words(name, chance.high)}, from "
        f"{chance.people:,} people; chance alone chose who was drawn."
    )
    return Figure(
        name=name,
        value=chance.value,
        low=chance.low,
        high=chance.high,
        count=chance.people,
        state=_state(chance),
        sentence=sentence,
        parts=parts,
    )


def _label(nights: Sequence[Mapping[str, Any]], arm: str) -> str:
    """The comparison in words; where most of those compared with were shown, it says so."""
    pairs = list(_arms(nights, arm))
    words = COMPARISONS[arm][1]
    return f"{words}, {SHOWN_SOON}" if _are_mostly_shown(pairs) else words


def _part(label: str, one: Estimate) -> Part:
    return Part(label, one.value, one.low, one.high, one.people, _state(one))


def _state(one: Estimate) -> str:
    """Green where being shown surely adds, a look where it surely takes, else too few to tell."""
    if one.low > 0:
        return GREEN
    return LOOK if one.high < 0 else TOO_FEW


Pair = tuple[Mapping[str, int], Mapping[str, int]]
"""The counts of a night of those shown and of those compared with."""


def _arms(nights: Sequence[Mapping[str, Any]], arm: str) -> Iterator[Pair]:
    """The counts of both arms of each night that has people in both."""
    other = COMPARISONS[arm][0]
    for night in nights:
        here, there = night["arms"].get(arm), night["arms"].get(other)
        if here and there and here["people"] and there["people"]:
            yield here, there


def _can_be_told(pairs: Sequence[Pair]) -> bool:
    """Enough people in both arms, and few of those compared with were shown soon after."""
    return min(_people_of(pairs)) >= FEWEST and not _are_mostly_shown(pairs)


def _people_of(pairs: Sequence[Pair]) -> tuple[int, int]:
    """How many people the arm shown has, and that compared with."""
    here, there = (sum(pair[side]["people"] for pair in pairs) for side in (0, 1))
    return here, there


def _are_mostly_shown(pairs: Sequence[Pair]) -> bool:
    """More than MOST_SHOWN of those compared with were shown within the 90 days."""
    people, shown = (sum(there[name] for _, there in pairs) for name in ("people", "shown"))
    return shown > MOST_SHOWN * people


def _share_difference(
    nights: Sequence[Mapping[str, Any]], arm: str, outcome: str
) -> Estimate | None:
    """The difference of the shares who have an outcome.

    The variance has one person more of either kind in each arm over all nights (Agresti and Caffo,
    The American Statistician 2000, 54: 280-288), so that nought of few is not certain.
    """

    def spread(people: int, of: Mapping[str, int]) -> float:
        share = (of[outcome] + 1) / (people + 2)
        return share * (1 - share)

    return _difference(nights, arm, outcome, spread)


def _days_sooner(nights: Sequence[Mapping[str, Any]], arm: str) -> Estimate | None:
    """How many days sooner a level is raised, of 90, where a level not raised counts as 90 days."""

    def spread(people: int, of: Mapping[str, int]) -> float:
        mean = of["days"] / people
        return max(of["squares"] / people - mean**2, WITHIN**2 / people)

    later = _difference(nights, arm, "days", spread)
    return later and Estimate(-later.value, -later.high, -later.low, later.people)


def _difference(
    nights: Sequence[Mapping[str, Any]],
    arm: str,
    what: str,
    spread: Callable[[int, Mapping[str, int]], float],
) -> Estimate | None:
    """How much more of a count a person has in the arm shown, night by night, weighed by how many
    were shown in each. `spread` gives the variance of a person from an arm's counts of all nights.
    """
    pairs = list(_arms(nights, arm))
    if not _can_be_told(pairs):
        return None
    weight = np.array([here["people"] for here, _ in pairs], dtype=float)
    weight /= weight.sum()
    difference, variance = 0.0, 0.0
    for side, sign in ((0, 1.0), (1, -1.0)):
        people, count = (
            np.array([pair[side][name] for pair in pairs], dtype=float) for name in ("people", what)
        )
        totals = {name: sum(pair[side][name] for pair in pairs) for name in pairs[0][side]}
        difference += sign * float((weight * count / people).sum())
        variance += float((weight**2 * spread(totals["people"], totals) / people).sum())
    half = Z95 * sqrt(variance)
    return Estimate(difference, difference - half, difference + half, sum(_people_of(pairs)))


def _estimate_rollout(nights: Sequence[Mapping[str, Any]]) -> Estimate | None:
    """What beginning changes in the share raised of the highest ranked, by unit and night.

    Least squares with an effect for each unit and each night, weighed by people. Standard errors by
    unit, Student's t of the units less one. None where too few units began, or waited.
    """
    cells = _cells_with_units_that_wait(nights)
    if not _tells_of_beginning(cells):
        return None
    people = cells["people"].cast(pl.Float64).to_numpy()
    dummies = cells.select(pl.col("unit"), pl.col("night").cast(pl.String())).to_dummies()
    root = np.sqrt(people)[:, None]
    begun, share = (
        _without(column.to_numpy().astype(float)[:, None] * root, dummies.to_numpy() * root)
        for column in (cells["begun"], cells["raised"] / cells["people"])
    )
    if begun[:, 0] @ begun[:, 0] < LEAST_INFORMATION * people.sum():
        return None
    of_unit = cells["unit"].rank("dense").to_numpy() - 1
    effect, half = _slope_by_unit(begun[:, 0], share[:, 0], of_unit)
    return Estimate(effect, effect - half, effect + half, int(people.sum()))


def _cells_with_units_that_wait(nights: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The units of the nights on which at least LEAST_WAITING had not begun."""
    return pl.DataFrame(
        [
            {"night": place, **cell}
            for place, night in enumerate(nights)
            for cell in night["units"]
            if sum(not one["begun"] for one in night["units"]) >= LEAST_WAITING
        ]
    )


def _tells_of_beginning(cells: pl.DataFrame) -> bool:
    """At least LEAST_UNITS began, on LEAST_STARTS different nights."""
    if cells.is_empty():
        return False
    units = cells.group_by("unit").agg(
        states=pl.col("begun").n_unique(), start=pl.col("night").filter("begun").min()
    )
    began = units.filter(pl.col("states") > 1)
    return began.height >= LEAST_UNITS and began["start"].n_unique() >= LEAST_STARTS


def _slope_by_unit(
    switch: np.ndarray, outcome: np.ndarray, of_unit: np.ndarray
) -> tuple[float, float]:
    """The slope, and half of its 95 % interval with errors that are alike within a unit (CR1)."""
    information = float(switch @ switch)
    slope = float(switch @ outcome) / information
    scores = np.bincount(of_unit, weights=switch * (outcome - slope * switch))
    units = len(scores)
    spread = sqrt(units / (units - 1) * float((scores**2).sum())) / information
    return slope, float(stdtrit(units - 1, 0.975)) * spread


def _without(column: np.ndarray, dummies: np.ndarray) -> np.ndarray:
    """What is left of a column after least squares on the dummies."""
    fitted = dummies @ np.linalg.lstsq(dummies, column, rcond=None)[0]
    left: np.ndarray = column - fitted
    return left
