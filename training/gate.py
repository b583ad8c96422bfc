"""Asks of a model, at each recorded level, what it must show before it is proposed.

On people and days held out: of one row in twenty it is right more often than the level's base rate
(by the near end of its interval), and at least as often as the count of fired indicators, the best
single indicator and the prior; the interval of its slope lies above LEAST_SLOPE; of those shown
between LEAST and MOST of the expected are found too low; and nothing that gets worse lowers it.

A level that fails is read at random only. A level with fewer than FEWEST_HIGHER readings put higher
can show nothing either way: there the prior ranks, as it does before the first reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isnan
from types import MappingProxyType

from models.metrics import Figure
from models.strata import STRATA
from training import evaluate
from training.evaluate import Line

LEAST_SLOPE = 0.5
LEAST, MOST = 0.67, 1.5
FEWEST_HIGHER = 10
"""The readings put higher at a level below which nothing can be shown of it."""
TO_BEAT = ("count of fired indicators", "best single indicator", "prior")


class Outcome(StrEnum):
    """What the readings held out show of the model at a recorded level."""

    PASSES = "passes"
    TOO_FEW = "too few readings"
    FAILS = "fails"


@dataclass(frozen=True)
class Verdict:
    """The outcome at a recorded level, and why it does not pass."""

    recorded: str
    outcome: Outcome
    why_not: tuple[str, ...]


def levels_with_too_few(lines: Iterable[Line]) -> list[str]:
    """The recorded levels of which too few readings of the newest period were put higher."""
    return [one.recorded for one in judge_levels(lines) if one.outcome is Outcome.TOO_FEW]


def judge_levels(
    lines: Iterable[Line], lowering: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> list[Verdict]:
    """The verdict on every recorded level, from the lines of the newest period.

    `lowering` has by level the indicators that lower a probability when they get worse.
    """
    own = [line for line in lines if line.period == "final"]
    figures = {(line.stratum, line.model): line.figures for line in own}
    judged = {line.stratum: line for line in own if line.model == evaluate.MODEL}
    return [
        _judge_level(
            judged[name],
            {other: figures.get((name, other), {}) for other in TO_BEAT},
            lowering.get(name, ()),
        )
        if name in judged
        else Verdict(name, Outcome.TOO_FEW, ("no reading of it was judged",))
        for name in STRATA
    ]


def _judge_level(
    line: Line, others: Mapping[str, Mapping[str, Figure]], lowering: Sequence[str]
) -> Verdict:
    if line.higher < FEWEST_HIGHER:
        words = (
            f"only {line.higher} of the {line.rows} readings held out are higher, and fewer than "
            f"{FEWEST_HIGHER} show nothing"
        )
        return Verdict(line.stratum, Outcome.TOO_FEW, (words,))
    precision = line.figures["precision"]
    slope, shown = line.figures["slope"], line.figures["flagged_calibration"]
    faults = []
    if not precision.low > line.base:
        faults.append(f"not surely right more often than {line.base:.3f}, the share of all")
    for name, figures in others.items():
        right = figures["precision"].value if figures else 0.0
        if not precision.value >= right:
            faults.append(f"right less often ({precision.value:.3f}) than the {name} ({right:.3f})")
    if not slope.low > LEAST_SLOPE:
        faults.append(f"slope {_words(slope)}, which must lie above {LEAST_SLOPE}")
    if not LEAST <= shown.value <= MOST:
        faults.append(
            f"of those shown {_words(shown)} of the expected are too low, which must lie between "
            f"{LEAST} and {MOST}"
        )
    faults += [f"lower where {name} gets worse" for name in lowering]
    return Verdict(line.stratum, Outcome.FAILS if faults else Outcome.PASSES, tuple(faults))


def _words(figure: Figure) -> str:
    if isnan(figure.value):
        return "that cannot be told"
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"
