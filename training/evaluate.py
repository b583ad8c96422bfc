"""Evaluates a model on folds, by recorded level, beside the baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from features.errors import UserError
from models import metrics
from models.bundle import Bundle
from models.inputs import Matrix
from models.metrics import Figure
from models.strata import STRATA, stratum_of
from training import baselines, labels
from training.baselines import Baseline
from training.config import Config
from training.fit import fit_bundle
from training.labels import Labelled
from training.splits import Fold

MODEL = "two-stage model"
COMPARED = ["share_found", "precision", "average_precision"]


@dataclass(frozen=True)
class Line:
    """The figures of one model at one recorded level, over all test people of a period."""

    period: str
    model: str
    stratum: str
    rows: int
    higher: int
    figures: dict[str, Figure]
    base: float
    """The weighted share of the rows that are higher: what a ranking by chance is right about."""

    def flat_figures(self) -> dict[str, float]:
        """The figures as MLflow stores them, name to value."""
        base = f"{self.period}.{self.model}.{self.stratum}".replace(" ", "_")
        return {f"{base}.{name}": figure.value for name, figure in self.figures.items()}


@dataclass(frozen=True)
class Judged:
    """An evaluated period: its figures, and its rows with the model's probability of each.

    `fitted` holds, for each fold that was judged, its test rows and the model that judged them.
    """

    lines: list[Line]
    pooled: Labelled | None
    probability: Matrix
    fitted: list[tuple[Labelled, Bundle]] = field(default_factory=list)


def judge_folds(
    period: str,
    folds: Iterable[Fold],
    config: Config,
    step: Callable[[str], None],
    against: Mapping[str, Baseline] = baselines.BASELINES,
) -> Judged:
    """Fit each fold, score its test people, pool them, and measure by recorded level.

    Raises UserError where the readings of a whole period put no one higher: there is nothing to
    find, and a figure would only look like one.
    """
    fitted: list[tuple[Labelled, Bundle]] = []
    scores: dict[str, list[Matrix]] = {name: [] for name in (MODEL, *against)}
    for fold in folds:
        step(f"{period}: {fold.name}")
        test = fold.test.where(pl.col("judged"))
        if test.frame.is_empty() or fold.train.frame.height < config.least.rows:
            continue
        bundle = fit_bundle(fold.train, config)
        scored = bundle.score_frame(test.frame)
        fitted.append((test, bundle))
        scores[MODEL].append(scored["probability"].fill_null(0.0).to_numpy().astype(np.float64))
        for name, baseline in against.items():
            scores[name].append(baseline(fold.train, test))
    if not fitted:
        return Judged([], None, np.zeros(0))
    pooled = Labelled(pl.concat([test.frame for test, _ in fitted]))
    if not labels.read_higher(pooled).any():
        raise UserError(
            f"No reading of the {period} period puts anyone higher than recorded: nothing to find. "
            "Load more reviews, or take a longer period ([splits] in the configuration)."
        )
    whole = {name: np.concatenate(parts) for name, parts in scores.items()}
    return Judged(_level_lines(period, pooled, whole), pooled, whole[MODEL], fitted)


def _level_lines(period: str, pooled: Labelled, scores: dict[str, Matrix]) -> list[Line]:
    strata = stratum_of(pooled.frame).to_numpy()
    truth = labels.read_higher(pooled) > 0
    people = pooled.frame["crn"].to_numpy()
    lines = []
    for name, score in scores.items():
        for stratum in STRATA:
            rows = strata == stratum
            if not rows.any():
                continue
            names = list(metrics.MEASURES) if name == MODEL else COMPARED
            figures = {
                measure: metrics.with_interval(
                    measure, score[rows], truth[rows], pooled.weights[rows], people[rows], seed=1
                )
                for measure in names
            }
            lines.append(
                Line(
                    period=period,
                    model=name,
                    stratum=stratum,
                    rows=int(rows.sum()),
                    higher=int(truth[rows].sum()),
                    figures=figures,
                    base=float(np.average(truth[rows], weights=pooled.weights[rows])),
                )
            )
    return lines
