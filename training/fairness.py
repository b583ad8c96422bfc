"""Fairness figures by group of people: who is shown, rightly or wrongly, and who is missed.

Characteristics are used here and nowhere else. Each figure has a count and an interval from
resampling people; figures on fewer than `SMALL` rows are withheld: they would say more of
chance, or of a person, than of a group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from models import metrics
from models.inputs import Matrix
from models.metrics import Figure, Flags, Measure

SMALL = 10
Words = npt.NDArray[np.object_]


@dataclass(frozen=True)
class GroupLine:
    """The figures of one group of people with its number of rows; None where there are too few."""

    characteristic: str
    group: str
    rows: int | None
    """None where fewer than SMALL."""
    figures: dict[str, Figure | None]


def audit_groups(
    probability: Matrix,
    shown: Matrix,
    higher: Flags,
    weight: Matrix,
    people: Words,
    characteristics: Mapping[str, Words],
) -> list[GroupLine]:
    """Fairness figures (share shown, precision, missed, share higher) of each group of people.

    `shown` is 1 for rows that would be put before a reader (a share, where a tie is split).
    """
    lines = []
    for characteristic, values_of in characteristics.items():
        for group in sorted(set(values_of)):
            rows = values_of == group
            lines.append(
                _group_line(
                    characteristic=characteristic,
                    group=group,
                    rows=rows,
                    probability=probability,
                    shown=shown,
                    higher=higher,
                    weight=weight,
                    people=people,
                )
            )
    return lines


def _group_line(
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
    figures: dict[str, Figure | None] = {}
    enough = {
        "rows": True,
        "shown": (rows & (shown > 0)).sum() >= SMALL,
        "higher": (rows & higher).sum() >= SMALL,
    }
    for name, figure in FIGURES.items():
        values = (probability if figure.of == "probability" else shown)[rows]
        arguments = values, higher[rows], weight[rows], people[rows], 1
        is_enough = enough[figure.rests_on]
        figures[name] = (
            metrics.bootstrap_interval(figure.measure, figure.better, *arguments)
            if is_enough
            else None
        )
    return GroupLine(characteristic, group, count, figures)


def _share_shown(shown: Matrix, _higher: Flags, weight: Matrix) -> float:
    return float((weight * shown).sum() / weight.sum())


def share_right(shown: Matrix, higher: Flags, weight: Matrix) -> float:
    """Precision: of those shown, the share put higher."""
    total = (weight * shown).sum()
    return float((weight * shown * higher).sum() / total) if total else float("nan")


def share_found(shown: Matrix, higher: Flags, weight: Matrix) -> float:
    """Recall: of those put higher, the share shown."""
    total = (weight * higher).sum()
    return float((weight * higher * shown).sum() / total) if total else float("nan")


def _share_missed(shown: Matrix, higher: Flags, weight: Matrix) -> float:
    return 1.0 - share_found(shown, higher, weight)


def _share_higher(_shown: Matrix, higher: Flags, weight: Matrix) -> float:
    return float((weight * higher).sum() / weight.sum())


class GroupFigure(NamedTuple):
    """A fairness figure: its measure, its better direction, its input and its denominator."""

    measure: Measure
    better: str
    of: Literal["probability", "shown"] = "shown"
    rests_on: Literal["rows", "shown", "higher"] = "rows"


FIGURES: dict[str, GroupFigure] = {
    "shown": GroupFigure(_share_shown, "neither"),
    "precision": GroupFigure(share_right, "higher", rests_on="shown"),
    "missed": GroupFigure(_share_missed, "lower", rests_on="higher"),
    "rate": GroupFigure(_share_higher, "neither"),
    "calibration": GroupFigure(metrics.calibration, "nearer 1", of="probability"),
}
"""Share shown; of those shown, the share right; of those higher, the share missed; the share
higher; observed over expected.
"""


def by_group(probability: Matrix, groups: Words, weight: Matrix, share: float) -> Matrix:
    """The rows shown where every group of people has the same review rate."""
    shown = np.zeros(len(probability))
    for group in set(groups):
        rows = groups == group
        shown[rows] = metrics.top_share(probability[rows], weight[rows], share)
    return shown
