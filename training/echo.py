"""Measures the echo of the recorded level in stage 1, which is blind to it.

How much is written about somebody follows the level already recorded: more appointments are more
chances to record something. Where stage 1 ranks people recorded higher above others whom readers
put at the same level, it may repeat the record instead of judging the behaviour. An echo of .5 is
none; a little more is to be expected, as people of one level are not all alike, and practitioners
know more than the record says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from features.contracts.codes import LEVEL_ORDER
from features.frame import build
from features.indicators.ranks import rank_of
from models import metrics
from models.inputs import Matrix, community_rows
from models.metrics import Figure
from training.labels import Labelled

FEWEST = 50
"""Rows of either kind below which an echo is not measured."""
NAMED = 3


@dataclass(frozen=True)
class Echo:
    """Among rows that readers put at one level: how well stage 1 tells those recorded higher.

    `recorded_higher`: at least as high as the readers' level, and at least medium. `echo`: the
    share of pairs in which the row recorded higher has the larger margin. `loudest`: the
    indicators of behaviour that tell most by themselves, with theirs, among rows that know them.
    """

    readers_say: str
    rows: int
    recorded_higher: int
    echo: Figure
    loudest: tuple[str, ...]


def measure_echo(judged: Labelled, left_out: Matrix) -> list[Echo]:
    """The echo at each level that readers give, where enough rows are recorded higher and lower.

    `left_out` (rows, 3): the margin of each row at each threshold, by trainings that had not seen
    the person (`fit.fit_stage_1`): those that had would be drawn to the readers' own level.
    """
    columns = {f"_margin_{k}": left_out[:, k] for k in range(left_out.shape[1])}
    rows = Labelled(community_rows(judged.frame.with_columns(**columns)))
    return [line for place in range(len(LEVEL_ORDER) - 1) for line in _at_level(rows, place)]


def _at_level(judged: Labelled, place: int) -> Iterator[Echo]:
    own = judged.where((pl.col("reviewed") == place) & pl.col("level").is_in(list(LEVEL_ORDER)))
    higher = own.frame.select(rank_of("level") > max(place, 1)).to_series().to_numpy()
    if min(higher.sum(), (~higher).sum()) < FEWEST:
        return
    margins = own.frame[f"_margin_{max(place, 1) - 1}"].to_numpy()
    people = own.frame["crn"].to_numpy().astype(object)
    arguments = higher, own.weights, people, 1
    yield Echo(
        readers_say=LEVEL_ORDER[place].lower().replace("_", " "),
        rows=own.frame.height,
        recorded_higher=int(higher.sum()),
        echo=metrics.bootstrap_interval(metrics.auc, "lower", margins, *arguments),
        loudest=tuple(_loudest(own, higher)),
    )


def _loudest(own: Labelled, higher: metrics.Flags) -> Iterator[str]:
    """The indicators of behaviour that tell the recorded level most by themselves."""
    echoes = {}
    for name in build.indicator_columns("stage_1"):
        values = own.frame[name].cast(pl.Float64).to_numpy()
        supplied = ~np.isnan(values)
        of_both = higher[supplied]
        if min(of_both.sum(), (~of_both).sum()) >= FEWEST:
            echoes[name] = metrics.auc(values[supplied], of_both, own.weights[supplied])
    for name in sorted(echoes, key=lambda one: (-abs(echoes[one] - 0.5), one))[:NAMED]:
        yield f"{name.replace('_', ' ')} {echoes[name]:.2f}"
