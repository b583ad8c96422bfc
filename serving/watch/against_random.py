"""Compares people drawn for what is on record with people drawn at random: what drawing them finds.

How many levels are too low differs by level, region and year, so a share by itself is neither good
nor bad. What the service adds is how many times as often a level is too low among those that it
draws as among those that chance draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from features.intervals import ratio_interval
from models.lanes import LANE_NAMES
from models.strata import STRATA
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


def found_figure(drawn: Sequence[Reading], random: Sequence[Reading]) -> Figure:
    """How many times as often a first reader called a level too low among those drawn.

    `drawn` for what is on record, `random` by chance; the parts are each lane against all who were
    drawn by chance, then each recorded level against chance at that level.
    """
    name = "found"
    parts = [
        _part(words, [one for one in drawn if one.drawn_as == lane], random)
        for lane, words in DRAWN_BY.items()
    ]
    for level in STRATA:
        ours, theirs = (
            [one for one in readings if one.stratum == level] for readings in (drawn, random)
        )
        parts.append(_part(f"recorded {level.lower().replace('_', ' ')}", ours, theirs))
    ratio = _ratio_of_shares(drawn, random)
    if ratio is None:
        return too_few(name, min(len(drawn), len(random)), parts)
    here, chance = _share(drawn)[0], _share(random)[0]
    words = (
        f"Of 100 people drawn for what is on record, {100 * here:.0f} have a level that the first "
        f"reader called too low; of 100 drawn at random, {100 * chance:.0f}: {{n}} times as many, "
        f"{100 * (here - chance):+.0f} of 100."
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


def _part(label: str, drawn: Sequence[Reading], random: Sequence[Reading]) -> Part:
    ratio = _ratio_of_shares(drawn, random)
    if ratio is None:
        return untold_part(label, min(len(drawn), len(random)))
    return Part(label, *ratio, len(drawn), _surely(state_of("found", ratio[0]), ratio))


def _surely(state: str, ratio: tuple[float, float, float]) -> str:
    """The state, but "too few" instead of green where chance may have found as many."""
    return TOO_FEW if state == GREEN and ratio[1] <= 1 else state


def _share(readings: Iterable[Reading]) -> tuple[float, float]:
    """The weighted share called too low, and how many readings it is worth (Kish)."""
    weight = np.array([one.weight for one in readings])
    low = np.array([one.first for one in readings])
    return float(weight[low].sum() / weight.sum()), float(weight.sum() ** 2 / (weight**2).sum())


def _ratio_of_shares(
    drawn: Sequence[Reading], random: Sequence[Reading]
) -> tuple[float, float, float] | None:
    """The ratio of two shares with its 95 % interval, or None for too few readings."""
    if min(len(drawn), len(random)) < FEWEST:
        return None
    (share, worth), (base, base_worth) = _share(drawn), _share(random)
    if min(worth, base_worth) < FEWEST:
        return None
    return ratio_interval(share, worth, base, base_worth)
