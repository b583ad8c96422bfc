"""Measures how much of a night's list was on the lists of the nights before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.frame import build
from features.history import asof
from features.store.store import Store
from models import metrics
from models.bundle import Bundle
from models.strata import STRATA

NIGHTS = (1, 7, 28)


@dataclass(frozen=True)
class Stay:
    """Of people shown on one night, the share already shown a given number of nights before."""

    recorded: str
    nights_before: int
    shown: int
    share_kept: float
    overlap: float
    """Of all on either list, the share on both."""


def measure_stay(store: Store, model: Bundle, until: date, share: float) -> list[Stay]:
    """The list of `until` compared with those of earlier nights, by recorded level."""
    now = _lists_shown(store, model, until, share)
    stays = []
    for nights in NIGHTS:
        before = _lists_shown(store, model, until - timedelta(days=nights), share)
        for name in STRATA:
            if now[name] and before[name]:
                both = len(now[name] & before[name])
                either = len(now[name] | before[name])
                share_kept = both / len(now[name])
                stays.append(Stay(name, nights, len(now[name]), share_kept, both / either))
    return stays


def _lists_shown(
    store: Store, model: Bundle, on: date, share: float
) -> dict[str, set[tuple[str, str]]]:
    """The cases and groups shown at each recorded level on a day."""
    cases = build.cases_under_supervision(store, on).filter(~pl.col("limited"))
    parts = [
        model.score_frame(frame) for _, frame in build.build_frames(store, cases.select(asof.KEY))
    ]
    scored = pl.concat(parts).filter("scorable")
    lists = {}
    for name in STRATA:
        rows = scored.filter(pl.col("stratum") == name)
        shown = metrics.top_share(rows["log_odds"].to_numpy(), np.ones(rows.height), share) > 0
        lists[name] = set(rows.filter(pl.Series(shown)).select("crn", "group").iter_rows())
    return lists
