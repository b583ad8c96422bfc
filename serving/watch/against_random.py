"""Compares people drawn for what is on record with people drawn at random: what drawing them finds.

How many levels are too low differs by level, region and year, so a share by itself is neither good
nor bad. What the service adds is how many times as often a level is too low among those that it
draws as among those that chance draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection, select

from features.intervals import ratio_interval
from models.lanes import LANE_NAMES
from models.strata import STRATA
from serving.db.tables import runs
from serving.watch.figures import (
    FEWEST,
    GREEN,
    TOO_FEW,
    Figure,
    Part,
    make_figure,
    state_of,
    too_few,
    untold_part,
)
from serving.watch.readings import Reading

DRAWN_BY = {"flagged": "flagged by the model", **LANE_NAMES}
"""How a case can be drawn for what is on record, in words."""
LEAST_OF_MIX = 0.1
"""A level with a smaller share of those drawn may be without anybody drawn at random."""


def found_figure(drawn: Sequence[Reading], random: Sequence[Reading]) -> Figure:
    """How many times as often a first reader called a level too low among those drawn.

    `drawn` for what is on record, `random` by chance. People are drawn by signed numbers of each
    recorded level and chance is not, so those drawn by chance are weighed to the same mix of
    levels. The parts are each lane, then each recorded level.
    """
    name = "found"
    parts = [
        _part(words, [one for one in drawn if one.drawn_as == lane], random)
        for lane, words in DRAWN_BY.items()
    ]
    for level in STRATA:
        own = [one for one in drawn if one.stratum == level]
        parts.append(_part(f"recorded {level.lower().replace('_', ' ')}", own, random))
    compared = _compare(drawn, random)
    if compared is None:
        why = "at a recorded level that is often drawn, too few were drawn at random"
        return too_few(name, min(len(drawn), len(random)), parts, why)
    here, chance, ratio = compared
    words = (
        f"Of 100 people drawn for what is on record, {100 * here:.0f} have a level that the first "
        f"reader called too low; of 100 drawn at random of the same levels, {100 * chance:.0f}: "
        f"{{n}} times as many, {100 * (here - chance):+.0f} of 100."
    )
    figure = make_figure(name, *ratio, len(drawn) + len(random), words, parts)
    return replace(figure, state=_surely(figure.state, ratio))


def judge_by(figure: Figure, against_chance: Figure) -> Figure:
    """The figure and its parts with the states of what is found against chance."""
    if figure.value is None:
        return figure
    states = {part.label: part.state for part in against_chance.parts}
    parts = [
        part
        if part.value is None
        else replace(part, state=states.get(part.label, against_chance.state))
        for part in figure.parts
    ]
    return replace(figure, state=against_chance.state, parts=parts)


def with_people(missed: Figure, connection: Connection) -> Figure:
    """The figure of who is missed with how many people that is, of those of the newest night."""
    people = _people_scored(connection)
    if missed.low is None or missed.high is None or not people:
        return missed
    low, high = (people * share for share in (missed.low, missed.high))
    how_many = f"That is about {low:,.0f} to {high:,.0f} of {people:,} people."
    return replace(missed, sentence=f"{missed.sentence} {how_many}")


def share_found_figure(
    missed: Figure, drawn: Sequence[Reading], random: Sequence[Reading], connection: Connection
) -> Figure:
    """Of the people with a level too low, the share found: those found / (found + missed).

    Found: everybody read in the half year whose level the first reader called too low, however
    drawn; the count is complete. Missed: the share of the figure `missed`, of the people scored in
    the newest night who were not read.
    """
    name, people = "share_found", _people_scored(connection)
    too_low = sum(one.first for one in (*drawn, *random))
    if missed.value is None or missed.low is None or missed.high is None or not people:
        return too_few(name, len(random))
    unread = max(0, people - len(drawn) - len(random))
    value, high, low = (
        too_low / (too_low + share * unread) if too_low or share else 0.0
        for share in (missed.value, missed.low, missed.high)
    )
    words = (
        f"Of 100 people whose level is too low, {{n}} were found in half a year: {too_low:,} were "
        f"read and called too low, about {missed.low * unread:,.0f} to "
        f"{missed.high * unread:,.0f} were not read."
    )
    return make_figure(name, value, low, high, len(drawn) + len(random), words)


def _people_scored(connection: Connection) -> int:
    """How many people the newest night scored; none before the first."""
    newest = select(runs.c.counts).order_by(runs.c.as_of.desc(), runs.c.at.desc()).limit(1)
    counts = connection.execute(newest).scalar()
    return int(counts["cases_scored"]) if counts else 0


def _part(label: str, drawn: Sequence[Reading], random: Sequence[Reading]) -> Part:
    compared = _compare(drawn, random)
    if compared is None:
        return untold_part(label, len(drawn))
    ratio = compared[2]
    return Part(label, *ratio, len(drawn), _surely(state_of("found", ratio[0]), ratio))


def _surely(state: str, ratio: tuple[float, float, float]) -> str:
    """The state, but "too few" instead of green where chance may have found as many."""
    return TOO_FEW if state == GREEN and ratio[1] <= 1 else state


def _share(readings: Iterable[Reading]) -> tuple[float, float]:
    """The weighted share called too low, and how many readings it is worth (Kish)."""
    weight = np.array([one.weight for one in readings])
    low = np.array([one.first for one in readings])
    return float(weight[low].sum() / weight.sum()), float(weight.sum() ** 2 / (weight**2).sum())


def _compare(
    drawn: Sequence[Reading], random: Sequence[Reading]
) -> tuple[float, float, tuple[float, float, float]] | None:
    """The share of those drawn, that of chance at the same levels, and their ratio; or None.

    None for too few readings, also at any level of which a tenth or more of those drawn are: what
    chance finds there is not known.
    """
    alike = _weighed_to_mix(drawn, random)
    if alike is None or min(len(drawn), len(alike)) < FEWEST:
        return None
    (share, worth), (base, base_worth) = _share(drawn), _share(alike)
    if min(worth, base_worth) < FEWEST:
        return None
    return share, base, ratio_interval(share, worth, base, base_worth)


def _weighed_to_mix(drawn: Sequence[Reading], random: Sequence[Reading]) -> list[Reading] | None:
    """Those drawn at random with weights that give them the recorded levels of those drawn."""
    mix = Counter(one.stratum for one in drawn)
    weight_of: Counter[str] = Counter()
    for one in random:
        weight_of[one.stratum] += one.weight  # type: ignore[assignment]
    if any(count >= LEAST_OF_MIX * len(drawn) and not weight_of[s] for s, count in mix.items()):
        return None
    return [
        replace(one, weight=one.weight * mix[one.stratum] / weight_of[one.stratum])
        for one in random
        if mix[one.stratum]
    ]
