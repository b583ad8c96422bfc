"""The fairness audit: who is shown, rightly or wrongly, and who is missed, by group of people.

Characteristics are used here and nowhere else. Each figure has a count and an interval from
resampling people; figures on fewer than `SMALL` rows are withheld, because they would say more of
chance, or of a person, than of a group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import metrics
from models.metrics import Figure, Flags, Measure
from models.ordinal import Matrix

SMALL = 10
Words = npt.NDArray[np.object_]


@dataclass(frozen=True)
class GroupLine:
    """One group of people: how many rows, and each figure or None where too few to tell."""

    characteristic: str
    group: str
    rows: int | None
    """None where fewer than SMALL."""
    figures: dict[str, Figure | None]


def audit(
    probability: Matrix,
    shown: Matrix,
    higher: Flags,
    weight: Matrix,
    people: Words,
    characteristics: Mapping[str, Words],
) -> list[GroupLine]:
    """The figures of every group of every characteristic.

    `shown` is 1 for rows that would be put before a reader (a share, where a tie is split).
    """
    lines = []
    for characteristic, said in characteristics.items():
        for group in sorted(set(said)):
            rows = said == group
            lines.append(_line(characteristic, group, rows, probability, shown, higher, weight,
                               people))  # fmt: skip
    return lines


def _line(
    characteristic: str,
    group: str,
    rows: Flags,
    probability: Matrix,
    shown: Matrix,
    higher: Flags,
    weight: Matrix,
    people: Words,
) -> GroupLine:
    count = int(rows.sum())
    if count < SMALL:
        return GroupLine(characteristic, group, None, dict.fromkeys(FIGURES))
    found: dict[str, Figure | None] = {}
    for name, (measure, better, of) in FIGURES.items():
        values = probability[rows] if of == "all" else shown[rows]
        based_on = {"all": rows, "shown": rows & (shown > 0), "higher": rows & higher}[
            "shown" if name == "precision" else "higher" if name == "missed" else "all"
        ]
        found[name] = (
            metrics.interval(measure, better, values, higher[rows], weight[rows], people[rows], 1)
            if based_on.sum() >= SMALL
            else None
        )
    return GroupLine(characteristic, group, count, found)


def _share_shown(shown: Matrix, _higher: Flags, weight: Matrix) -> float:
    return float((weight * shown).sum() / weight.sum())


def _right(shown: Matrix, higher: Flags, weight: Matrix) -> float:
    total = (weight * shown).sum()
    return float((weight * shown * higher).sum() / total) if total else float("nan")


def _missed(shown: Matrix, higher: Flags, weight: Matrix) -> float:
    total = (weight * higher).sum()
    return float((weight * higher * (1 - shown)).sum() / total) if total else float("nan")


def _rate(_shown: Matrix, higher: Flags, weight: Matrix) -> float:
    return float((weight * higher).sum() / weight.sum())


FIGURES: dict[str, tuple[Measure, str, str]] = {
    "shown": (_share_shown, "neither", "shown"),
    "precision": (_right, "higher", "shown"),
    "missed": (_missed, "lower", "shown"),
    "rate": (_rate, "neither", "shown"),
    "calibration": (metrics.calibration, "nearer 1", "all"),
}
"""Share shown; of those shown, the share right; of those higher, the share missed; the share
higher; observed over expected. The second entry says which direction is better.
"""


def by_group(probability: Matrix, groups: Words, weight: Matrix, share: float) -> Matrix:
    """Who is shown where every group has the same review rate: its own highest rows."""
    shown = np.zeros(len(probability))
    for group in set(groups):
        rows = groups == group
        shown[rows] = metrics.top(probability[rows], weight[rows], share)
    return shown
