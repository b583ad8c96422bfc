"""Measures a model among the people of each recorded level, at the review rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from models import metrics
from models.inputs import Matrix
from models.metrics import Figure, Flags
from training import learner, tabular
from training.tabular import Description, Rows


@dataclass(frozen=True)
class LevelLine:
    """The figures of one model at one recorded level, when its review rate is shown."""

    model: str
    level: str
    rows: int
    rate: float
    figures: dict[str, Figure]


def level_lines(
    about: Description, rows: Rows, scores: Mapping[str, Matrix], tested: Flags
) -> Iterator[LevelLine]:
    """The figures of every model at every recorded level with enough rows."""
    higher, people = rows.higher(), rows.ids.to_numpy()
    share = about.review_rate
    measures: dict[str, tuple[metrics.Measure, str]] = {
        "precision": (lambda s, h, w: metrics.precision(s, h, w, share), "higher"),
        "share_found": (lambda s, h, w: metrics.share_found(s, h, w, share), "higher"),
        "calibration": (metrics.calibration, "nearer 1"),
        "flagged_calibration": (
            lambda s, h, w: metrics.flagged_calibration(s, h, w, share),
            "nearer 1",
        ),
        "slope": (metrics.slope, "nearer 1"),
    }
    for name, score in scores.items():
        for level in (*about.levels, tabular.UNKNOWN):
            at = tested & (rows.recorded == level)
            if at.sum() < learner.LEAST_ROWS:
                continue
            figures = {
                figure: metrics.bootstrap_interval(
                    measure=measure,
                    better=better,
                    values=score[at],
                    higher=higher[at],
                    weight=np.ones(int(at.sum())),
                    people=people[at],
                    seed=1,
                )
                for figure, (measure, better) in measures.items()
            }
            yield LevelLine(name, level, int(at.sum()), float(higher[at].mean()), figures)


def reliability(score: Matrix, higher: Flags) -> list[tuple[float, float, int]]:
    """For ten parts of equal size: mean predicted, share observed, number of rows."""
    parts = metrics.equal_weight_bins(score, np.ones(len(score)))
    return [
        (float(score[parts == p].mean()), float(higher[parts == p].mean()), int((parts == p).sum()))
        for p in range(metrics.BINS)
    ]
