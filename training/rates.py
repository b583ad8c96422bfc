"""Measures what each review rate costs and finds, by level, for the board's decision."""

from __future__ import annotations

from dataclasses import dataclass

from models import metrics
from models.inputs import Matrix
from models.metrics import Figure
from models.strata import STRATA, stratum_of
from training import labels
from training.labels import Labelled

SHARES = (0.01, 0.02, 0.05, 0.10, 0.15, 0.20)
FEWEST = 10
"""With fewer rows shown than this, or fewer put higher, a figure is withheld."""


@dataclass(frozen=True)
class Rate:
    """Precision and recall at one recorded level when one share of its rows is shown to readers.

    None where there are too few to tell.
    """

    recorded: str
    share: float
    rows: int
    precision: Figure | None
    share_found: Figure | None


def rate_curve(judged: Labelled, probability: Matrix) -> list[Rate]:
    """Precision and recall at every share of every recorded level, with intervals."""
    strata = stratum_of(judged.frame).to_numpy()
    truth, people = labels.read_higher(judged) > 0, judged.frame["crn"].to_numpy()
    rates = []
    for name in STRATA:
        at = strata == name
        for share in SHARES:
            shown = int(share * at.sum())
            is_enough = shown >= FEWEST and truth[at].sum() >= FEWEST
            right = caught = None
            if is_enough:
                arguments = probability[at], truth[at], judged.weights[at], people[at], 1
                right = metrics.bootstrap_interval(
                    _measure_at(metrics.precision, share), "higher", *arguments
                )
                caught = metrics.bootstrap_interval(
                    _measure_at(metrics.share_found, share), "higher", *arguments
                )
            rates.append(Rate(name, share, shown, right, caught))
    return rates


def _measure_at(measure: metrics.Sharing, share: float) -> metrics.Measure:
    return lambda score, higher, weight: measure(score, higher, weight, share)
