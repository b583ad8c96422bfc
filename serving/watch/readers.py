"""Watches readers: misses, precision, agreement, changes of view, time taken, copied reasons.

Worked out after each night from what readers recorded before they saw anything; no person and no
reader is named. Too few readings are "too few to tell", never green.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from sqlalchemy import Connection

from features.intervals import wilson_interval
from models import reader_error
from models.reader_error import ReaderError
from models.strata import STRATA
from serving.watch import against_random, alike, calibration, maturity
from serving.watch.figures import (
    ACT,
    FEWEST,
    GREEN,
    TOO_FEW,
    Figure,
    Part,
    count_figure,
    make_figure,
    part_share,
    share_of,
    state_of,
    too_few,
    untold_part,
    worst_part,
)
from serving.watch.readings import Reading, split_by_chance

MINUTES = (2, 5, 8, 15, 30)
"""The steps in which times are given; a review was expected to take eight minutes."""
QUICK = timedelta(minutes=1)
"""Concluding sooner after the own view than this is no reading of the findings."""
READERS = 3
"""Of fewer readers, the share of a unit would be that of a person."""


def reader_figures(connection: Connection, concluded: list[Reading], today: date) -> list[Figure]:
    """Every figure about readers, from concluded cases."""
    random, drawn = split_by_chance(concluded)
    flagged = [one for one in drawn if one.drawn_as == "flagged"]
    double = [one for one in concluded if one.second is not None]
    right = [one for one in concluded if not one.first]
    low = [one for one in concluded if one.first]
    read_of = maturity.read_of(connection, today)
    against_chance = against_random.found_figure(drawn, random)
    missed = share_figure(
        "misses",
        random,
        lambda one: one.first,
        "Of 100 people in no lane and drawn at random, {n} have a level that the first "
        "reader called too low.",
        parts=by_level("misses", random, lambda one: one.first),
    )
    outcomes = [
        against_chance,
        against_random.with_people(missed, connection),
        corrected_misses(concluded),
        against_random.share_found_figure(missed, drawn, random, connection),
        share_figure(
            "precision",
            flagged,
            lambda one: one.first,
            "Of 100 people flagged by the model, {n} have a level that the first reader called "
            "too low, before seeing why.",
            parts=by_level("precision", flagged, lambda one: one.first),
        ),
        calibration.observed_to_expected(flagged),
    ]
    by_model = against_random.found_figure(flagged, random)
    judges = dict.fromkeys(("misses", "misses_corrected", "share_found"), against_chance)
    judges["precision"] = by_model
    both = ("flagged", "random")
    kinds = (both, ("random",), ("random",), both, ("flagged",), ("flagged",))
    return [
        *(
            maturity.with_maturity_of(_judged(one, judges), read_of, kind)
            for one, kind in zip(outcomes, kinds, strict=True)
        ),
        maturity.maturity_figure(read_of),
        _worse_of_both(
            "agreement",
            double,
            lambda one: one.first == one.second,
            "Two blind readers of one case agreed whether a level is too low in {n} of 100 "
            "({where}).",
            lambda one: 1 / one.second_probability,
        ),
        _worse_of_both(
            "raised_after",
            right,
            lambda one: one.asks_reassessment,
            "After the findings, {n} of 100 readers asked for a reassessment although they had "
            "called no level too low ({where}). Much of this may mean a rubber stamp.",
        ),
        _worse_of_both(
            "kept_after",
            low,
            lambda one: one.keeps_level,
            "After the findings, {n} of 100 readers kept a level that they had called too low "
            "({where}).",
        ),
        _haste_figure(concluded),
        _quick_readings(concluded),
        _same_words(concluded),
        _units_that_follow(right),
    ]


def _judged(figure: Figure, judges: Mapping[str, Figure]) -> Figure:
    """The figure with the state of the one that judges it, where one does."""
    judge = judges.get(figure.name)
    return against_random.judge_by(figure, judge) if judge else figure


def _worse_of_both(
    name: str,
    concluded: list[Reading],
    holds: Callable[[Reading], bool | None],
    words: str,
    weigh: Callable[[Reading], float] = lambda _: 1.0,
) -> Figure:
    """A share among cases drawn for what they hold and at random; the worse one is the figure.

    What readers do is told of the reviews that they did. One case at random stands for a thousand;
    together with those flagged it would hide what happens to them.
    """
    random, drawn = split_by_chance(concluded)
    parts = []
    for ours, label in (
        (drawn, "of cases drawn for what they hold"),
        (random, "of cases drawn at random"),
    ):
        interval, worth = weighted_share(ours, holds, weigh)
        if interval is None:
            parts.append(untold_part(label, worth))
        else:
            parts.append(Part(label, *interval, len(ours), state_of(name, interval[0])))
    if all(part.value is None for part in parts):
        why = "too few of those drawn at random, and of the others"
        return too_few(name, len(concluded), parts, why)
    return worst_part(name, parts, words, "nothing was read.")


def share_figure(
    name: str,
    concluded: list[Reading],
    holds: Callable[[Reading], bool | None],
    words: str,
    weigh: Callable[[Reading], float] = lambda one: one.weight,
    parts: Iterable[Part] = (),
) -> Figure:
    """A weighted share with a Wilson interval for the effective number of readings."""
    interval, worth = weighted_share(concluded, holds, weigh)
    if interval is None:
        return too_few(name, worth, parts)
    return make_figure(name, *interval, len(concluded), words, parts)


def weighted_share(
    concluded: Sequence[Reading],
    holds: Callable[[Reading], bool | None],
    weigh: Callable[[Reading], float] = lambda one: one.weight,
) -> tuple[tuple[float, float, float] | None, int]:
    """A weighted share with its interval (None for too few), and how many readings it is worth."""
    if len(concluded) < FEWEST:
        return None, len(concluded)
    weight = np.array([weigh(one) for one in concluded])
    is_true = np.array([bool(holds(one)) for one in concluded])
    share = float(weight[is_true].sum() / weight.sum())
    worth = float(weight.sum() ** 2 / (weight**2).sum())
    return (share, *wilson_interval(share, worth)) if worth >= FEWEST else None, int(worth)


def by_level(
    name: str,
    concluded: list[Reading],
    holds: Callable[[Reading], bool | None],
    correct: Callable[[float], float] = float,
) -> list[Part]:
    """A share at each recorded level (promise 9), passed through `correct`."""
    parts = []
    for level in STRATA:
        ours = [one for one in concluded if one.stratum == level]
        label = f"recorded {level.lower().replace('_', ' ')}"
        interval, worth = weighted_share(ours, holds)
        if interval is None:
            parts.append(untold_part(label, worth))
            continue
        value, low, high = (correct(each) for each in interval)
        parts.append(Part(label, value, low, high, len(ours), state_of(name, value)))
    return parts


def how_they_err(concluded: list[Reading]) -> tuple[ReaderError | None, int, int]:
    """Readers' error rates, or None; the number of cases read twice, and once.

    Who is read twice depends on what the first reader said, which is known: no weights are needed.
    """
    twice, once = np.zeros((2, 4)), np.zeros((2, 2))
    for one in concluded:
        population = 0 if one.drawn_as == "random" else 1
        if one.second is None:
            once[population, 0 if one.first else 1] += 1
        else:
            place = (0 if one.second else 1) if one.first else (2 if one.second else 3)
            twice[population, place] += 1
    error_rates = reader_error.correct_shares(twice, once)
    if error_rates is not None and not error_rates.is_informative:
        error_rates = None  # readers hardly better than chance: nothing can be put right by them
    return error_rates, int(twice.sum()), int(once.sum())


def corrected_misses(concluded: list[Reading]) -> Figure:
    """The share missed, overall and by recorded level, corrected for readers' errors."""
    name = "misses_corrected"
    error_rates, twice, once = how_they_err(concluded)
    if error_rates is None:
        why = too_few(name, twice)
        if twice < FEWEST:
            return why
        sentence = (
            f"Not enough to tell yet: {twice} cases were read twice, but too few of those flagged "
            "or of those at random, or readers agree hardly more than by chance."
        )
        return replace(why, sentence=sentence)
    random = split_by_chance(concluded)[0]
    parts = by_level(name, random, lambda one: one.first, error_rates.put_right)
    return make_figure(
        name=name,
        value=error_rates.share[0],
        low=error_rates.low,
        high=error_rates.high,
        count=twice + once,
        words="Corrected for readers who err, {n} of 100 people in no lane have a level too low.",
        parts=parts,
    )


def _haste_figure(concluded: list[Reading]) -> Figure:
    """How long cases were open before the own view was recorded, in steps of minutes."""
    minutes = [one.read_for.total_seconds() / 60 for one in concluded if one.read_for is not None]
    if not minutes:
        return too_few("hasty", 0)
    bounds = np.array(MINUTES)
    counts = np.bincount(np.searchsorted(bounds, minutes, side="right"), minlength=len(bounds) + 1)
    labels = [
        f"under {bounds[0]} minutes",
        *(f"{a} to {b} minutes" for a, b in itertools.pairwise(MINUTES)),
        f"{bounds[-1]} minutes or more",
    ]
    parts = [
        _time_step(label, int(count), len(minutes), first=not place)
        for place, (label, count) in enumerate(zip(labels, counts, strict=True))
    ]
    low, middle, high = np.percentile(minutes, [25, 50, 75])
    words = (
        "Of 100 cases, {n} were open for less than two minutes before a view was recorded; "
        f"half for {middle:.0f} minutes or less, the middle half {low:.0f} to {high:.0f}."
    )
    return share_of("hasty", int(counts[0]), len(minutes), words, parts)


def _time_step(label: str, count: int, of: int, *, first: bool) -> Part:
    """One step of the times; only the first one counts as haste."""
    if of < FEWEST:
        return untold_part(label, count)
    state = state_of("hasty", count / of) if first else GREEN
    return Part(label, count / of, None, None, count, state)


def _quick_readings(concluded: list[Reading]) -> Figure:
    quick = sum(one.took < QUICK for one in concluded)
    middle = (
        float(np.median([one.took.total_seconds() / 60 for one in concluded])) if concluded else 0.0
    )
    words = f"Of 100 reviews, {{n}} were concluded in a minute; half in {middle:.0f} or less."
    return share_of("quick", quick, len(concluded), words)


def _same_words(concluded: list[Reading]) -> Figure:
    """Reasons that are nearly the same as those of another review."""
    again = alike.count_near_copies([_words_of(one.reasons) for one in concluded])
    return share_of(
        "same_words",
        again,
        len(concluded),
        "Of 100 conclusions, {n} give nearly the reasons of another one.",
    )


def _words_of(reasons: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", reasons.lower()))


def _units_that_follow(right: list[Reading]) -> Figure:
    """Units in which at least half of the reviews changed their view to the findings'.

    Units, never people: only where there are enough reviews, of several readers, to tell.
    """
    by_unit: dict[str, list[Reading]] = {}
    for one in right:
        by_unit.setdefault(one.pdu_code, []).append(one)
    parts = [_unit_part(unit, own) for unit, own in sorted(by_unit.items())]
    measurable = [part for part in parts if part.value is not None]
    if not measurable:
        why = "no unit has enough, read by several readers"
        return too_few("units_that_follow", len(right), parts, why)
    stamped = [part for part in measurable if part.state == ACT]
    own_readings = count_figure(
        "units_that_follow",
        len(stamped),
        len(measurable),
        "{n} of {of} units raised half or more of the levels that their readers had "
        "called about right.",
        parts,
    )
    unsaid = len(parts) - len(measurable)
    if not unsaid:
        return own_readings
    # Green for some is not green for the most.
    state = (
        TOO_FEW if own_readings.state == GREEN and unsaid >= len(measurable) else own_readings.state
    )
    sentence = f"{own_readings.sentence} Of {unsaid} more it cannot be told."
    return replace(own_readings, state=state, sentence=sentence)


def _unit_part(unit: str, own_readings: list[Reading]) -> Part:
    if len({one.reader for one in own_readings}) < READERS:
        return untold_part(unit, len(own_readings))
    return part_share(
        "raised_after", unit, sum(one.asks_reassessment for one in own_readings), len(own_readings)
    )
