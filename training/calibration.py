"""Measures calibration by recorded level and risk group on a later period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from models import metrics
from models.inputs import GROUPS, Matrix
from models.metrics import Figure, Flags, Measure
from models.strata import STRATA, stratum_of
from training import labels
from training.labels import Labelled

ALL = "all"
FEWEST_HIGHER = 20
"""The number of people put higher, and not higher, below which no slope is given."""
FEWEST_SHOWN = 10


@dataclass(frozen=True)
class Calibrated:
    """Predicted against observed shares at one recorded level and group, from random readings.

    None where there are too few readings to tell.
    """

    recorded: str
    group: str
    rows: int
    higher: int
    slope: Figure | None
    observed_over_expected: Figure | None
    among_those_shown: Figure | None


def calibration_lines(judged: Labelled, probability: Matrix, share: float) -> Iterator[Calibrated]:
    """The calibration of each recorded level, and of each risk group within it."""
    strata, groups = stratum_of(judged.frame).to_numpy(), judged.frame["group"].to_numpy()
    truth = labels.read_higher(judged) > 0
    for name in STRATA:
        for group in (ALL, *GROUPS):
            at = (strata == name) & ((groups == group) | (group == ALL))
            yield _calibration_line(
                name=name,
                group=group,
                at=at,
                judged=judged,
                probability=probability,
                truth=truth,
                share=share,
            )


def _calibration_line(
    name: str,
    group: str,
    at: Flags,
    judged: Labelled,
    probability: Matrix,
    truth: Flags,
    share: float,
) -> Calibrated:
    higher = int(truth[at].sum())
    enough = min(higher, int(at.sum()) - higher) >= FEWEST_HIGHER
    arguments = probability[at], truth[at], judged.weights[at]
    people = judged.frame["crn"].to_numpy()[at]

    def with_interval(measure: Measure) -> Figure:
        return metrics.bootstrap_interval(measure, "nearer 1", *arguments, people, 1)

    shown = int(np.ceil(share * at.sum())) >= FEWEST_SHOWN
    among = partial(metrics.flagged_calibration, capacity=share)
    return Calibrated(
        recorded=name,
        group=group,
        rows=int(at.sum()),
        higher=higher,
        slope=with_interval(metrics.slope) if enough else None,
        observed_over_expected=with_interval(metrics.calibration) if enough else None,
        among_those_shown=with_interval(among) if enough and shown else None,
    )
