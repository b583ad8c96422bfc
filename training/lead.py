"""Measures lead time: how long before a reader the model would have shown the case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from features.frame import build
from features.history import asof
from features.store.store import Store
from models import metrics
from models.bundle import Bundle
from models.inputs import Matrix, community_rows
from models.metrics import Figure, Flags
from models.strata import STRATA, stratum_of
from training import labels
from training.evaluate import Judged

DAYS_BEFORE = (0, 30, 90, 180)
FEWEST = 20
"""The number of raised readings below which no lead time is given."""


@dataclass(frozen=True)
class Lead:
    """Of people whose level a reader raised, the share that the model would have shown earlier."""

    recorded: str
    days_before: int
    rows: int
    shown: Figure | None


def measure_lead(store: Store, final: Judged, share: float) -> list[Lead]:
    """The lead time in the newest period, by models that saw neither it nor its people.

    `recorded` is the level that stood when the reader read. Shown means: as of the earlier day the
    probability reached that of the last one shown at the level recorded that day.
    """
    if final.pooled is None:
        return []
    cuts = _probability_cuts(final, share)
    parts = [_score_leads(store, bundle, rows, cuts) for rows, bundle in _raised_readings(final)]
    return list(_lead_lines(pl.concat(parts))) if parts else []


def _raised_readings(final: Judged) -> Iterator[tuple[pl.DataFrame, Bundle]]:
    for test, bundle in final.fitted:
        rows = test.frame.with_columns(stratum_of(test.frame))
        raised = rows.filter(
            pl.Series(labels.read_higher(test) > 0), pl.col("stratum").is_in(STRATA)
        )
        if raised.height:
            yield raised, bundle


def _probability_cuts(final: Judged, share: float) -> dict[str, float]:
    """The lowest probability that is shown at each recorded level."""
    assert final.pooled is not None  # noqa: S101 (the caller has looked)
    strata = stratum_of(final.pooled.frame).to_numpy()
    cuts_of = {}
    for name in STRATA:
        at = strata == name
        if at.any():
            shown = metrics.top_share(final.probability[at], final.pooled.weights[at], share) > 0
            cuts_of[name] = float(final.probability[at][shown].min())
    return cuts_of


def _score_leads(
    store: Store, bundle: Bundle, rows: pl.DataFrame, cuts: dict[str, float]
) -> pl.DataFrame:
    """A row for each raised reading and lead: crn, recorded, weight, days_before, shown."""
    labelled = rows.select("crn", "group", "weight", recorded="stratum", read_on="as_of")
    raised_frames = []
    for days in DAYS_BEFORE:
        then = labelled.with_columns(as_of=pl.col("read_on").dt.offset_by(f"-{days}d"))
        frames = build.build_frames(store, then.select(asof.KEY).unique().sort(asof.KEY))
        scored = pl.concat([bundle.score_frame(community_rows(frame)) for _, frame in frames])
        cut = pl.col("stratum").replace_strict(cuts, default=2.0, return_dtype=pl.Float64)
        shown = scored.select(*asof.GROUP_KEY, shown=pl.col("probability") >= cut)
        joined = then.join(shown, on=asof.GROUP_KEY, how="left").with_columns(
            pl.col("shown").fill_null(value=False), days_before=pl.lit(days)
        )
        raised_frames.append(joined.select("crn", "recorded", "weight", "days_before", "shown"))
    return pl.concat(raised_frames)


def _lead_lines(rows: pl.DataFrame) -> Iterator[Lead]:
    for name in STRATA:
        for days in DAYS_BEFORE:
            own = rows.filter(pl.col("recorded") == name, pl.col("days_before") == days)
            figure = None
            if own.height >= FEWEST:
                figure = metrics.bootstrap_interval(
                    measure=_share_shown,
                    better="higher",
                    values=own["shown"].to_numpy().astype(np.float64),
                    higher=np.ones(own.height, dtype=bool),
                    weight=own["weight"].to_numpy(),
                    people=own["crn"].to_numpy(),
                    seed=1,
                )
            yield Lead(name, days, own.height, figure)


def _share_shown(shown: Matrix, _higher: Flags, weight: Matrix) -> float:
    return float((weight * shown).sum() / weight.sum())
