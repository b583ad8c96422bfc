"""Compares the levels found too low with those the model expected, overall and by level."""

from __future__ import annotations

from features.intervals import wilson_interval
from models.strata import STRATA
from serving.watch.figures import (
    FEWEST,
    Figure,
    Part,
    make_figure,
    state_of,
    too_few,
    untold_part,
)
from serving.watch.readings import Reading


def observed_to_expected(flagged: list[Reading]) -> Figure:
    """Observed over expected: flagged groups found too low, for each one expected."""
    with_probability = [one for one in flagged if one.probability is not None]
    if len(with_probability) < FEWEST:
        return too_few("observed", len(with_probability))
    value, low, high = _for_each_expected(with_probability)
    return make_figure(
        name="observed",
        value=value,
        low=low,
        high=high,
        count=len(with_probability),
        words="For each level expected to be called too low, {n} were.",
        parts=_by_level_observed(with_probability),
    )


def _for_each_expected(flagged: list[Reading]) -> tuple[float, float, float]:
    """Observed over expected, with its interval."""
    expected = sum(one.probability or 0.0 for one in flagged)
    too_low = sum(one.same_group for one in flagged)
    low, high = wilson_interval(too_low / len(flagged), len(flagged))
    scale = len(flagged) / expected
    return too_low / expected, low * scale, high * scale


def _by_level_observed(flagged: list[Reading]) -> list[Part]:
    """Observed over expected at each recorded level, since errors can cancel out overall."""
    parts = []
    for level in STRATA:
        ours = [one for one in flagged if one.stratum == level]
        label = f"recorded {level.lower().replace('_', ' ')}"
        if len(ours) < FEWEST:
            parts.append(untold_part(label, len(ours)))
        else:
            value, low, high = _for_each_expected(ours)
            parts.append(Part(label, value, low, high, len(ours), state_of("observed", value)))
    return parts
