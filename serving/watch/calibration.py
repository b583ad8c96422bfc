"""Whether as many levels were called too low as the model expected, in all and at each level."""

from __future__ import annotations

from models.level import STRATA
from serving.watch.figures import (
    FEWEST,
    Figure,
    Part,
    make_figure,
    state_of,
    too_few,
    untold_part,
    wilson_interval,
)
from serving.watch.readings import Reading


def observed_to_expected(flagged: list[Reading]) -> Figure:
    """Of flagged cases: found too low in the flagged group for each one expected (calibration)."""
    told = [one for one in flagged if one.probability is not None]
    if len(told) < FEWEST:
        return too_few("observed", len(told))
    value, low, high = _for_each_expected(told)
    return make_figure(
        "observed",
        value,
        low,
        high,
        len(told),
        "For each level expected to be called too low, {n} were.",
        _by_level_observed(told),
    )


def _for_each_expected(told: list[Reading]) -> tuple[float, float, float]:
    """Found too low for each one expected, with its interval."""
    expected = sum(one.probability or 0.0 for one in told)
    found = sum(one.same_group for one in told)
    low, high = wilson_interval(found / len(told), len(told))
    scale = len(told) / expected
    return found / expected, low * scale, high * scale


def _by_level_observed(told: list[Reading]) -> list[Part]:
    """The same at each recorded level: a model can promise too much of one and too little of
    another.
    """
    parts = []
    for level in STRATA:
        ours = [one for one in told if one.stratum == level]
        label = f"recorded {level.lower().replace('_', ' ')}"
        if len(ours) < FEWEST:
            parts.append(untold_part(label, len(ours)))
        else:
            value, low, high = _for_each_expected(ours)
            parts.append(Part(label, value, low, high, len(ours), state_of("observed", value)))
    return parts
