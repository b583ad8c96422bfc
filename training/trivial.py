"""Compares trivial predictors with the hidden truth of a made-up caseload.

A caseload on which counting entries or knowing the practitioner does well would be no test of a
model. Here a person counts as found when some group of theirs is truly too low.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from features.contracts import codes
from features.errors import UserError
from features.frame import build
from features.history import asof
from features.history.recorded_levels import recorded_levels
from features.indicators import find_indicator
from features.store.store import Store, bucket_of
from models import metrics
from models.inputs import Matrix
from training import sealed
from training.labels import RANK

ONE_INDICATOR = "violence_incident_count"
_TABLES = ["contacts", "incidents", "allocations", "assessments", "supervisions"]


@dataclass(frozen=True)
class Line:
    """How far one trivial predictor gets: `auc`, and precision and recall at one in twenty."""

    name: str
    auc: float
    right: float
    share_found: float


def compare_predictors(store: Store, truth: Path, on: date) -> tuple[int, float, list[Line]]:
    """The number of people, the share truly too low, and the figures of each predictor."""
    people = pl.concat(list(_people_by_bucket(store, on)))
    recorded = people.select("crn", *codes.COMMUNITY_GROUPS).unpivot(
        index="crn", variable_name="group", value_name="recorded"
    )
    low = sealed.too_low(truth, recorded.drop_nulls(), on).group_by("crn").agg(pl.col("low").any())
    rows = people.join(low, on="crn", how="inner").sort("crn")
    truly = rows["low"].to_numpy()
    if not truly.any():
        raise UserError(f"No case of {store.path} is truly too low on {on}: nothing to find.")
    ones: Matrix = np.ones(rows.height)
    predictor_lines = [
        Line(
            name,
            float(roc_auc_score(truly, score)),
            metrics.precision(score, truly, ones),
            metrics.share_found(score, truly, ones),
        )
        for name, score in _trivial_scores(rows, truly).items()
    ]
    return rows.height, float(truly.mean()), predictor_lines


def _trivial_scores(rows: pl.DataFrame, truly: np.ndarray) -> dict[str, Matrix]:
    plain = {
        "count of entries in a year": rows["entries"],
        "count of incidents in a year": rows["incidents"],
        f"one indicator: {ONE_INDICATOR}": rows["indicator"],
    }
    scores = {name: column.to_numpy().astype(np.float64) for name, column in plain.items()}
    highest = rows.select(pl.max_horizontal(codes.COMMUNITY_GROUPS)).to_series()
    half = rows["crn"].str.slice(-1).is_in(["0", "2", "4", "6", "8"])
    for name, keys in (
        ("recorded level alone", highest.cast(pl.String())),
        ("who the practitioner is", rows["staff_code"]),
    ):
        scores[name] = _rate_in_the_other_half(keys, truly, half)
    return scores


def _rate_in_the_other_half(keys: pl.Series, truly: np.ndarray, half: pl.Series) -> Matrix:
    """The share truly too low among people of the other half with the same key."""
    frame = pl.DataFrame({"key": keys.fill_null("none"), "low": truly, "half": half})
    rates = frame.group_by("key", half=~pl.col("half")).agg(rate=pl.col("low").mean())
    joined = frame.join(rates, on=["key", "half"], how="left", maintain_order="left")
    rate_values: Matrix = joined["rate"].fill_null(float(truly.mean())).to_numpy()
    return rate_values


def _people_by_bucket(store: Store, on: date) -> Iterator[pl.DataFrame]:
    """One row a case in the community, by bucket: crn, levels, and the predictors."""
    spine = build.cases_under_supervision(store, on).select(asof.KEY)
    numbered = spine.with_columns(_bucket=bucket_of(store.buckets))
    for bucket in range(store.buckets):
        part = numbered.filter(pl.col("_bucket") == bucket).drop("_bucket")
        if part.height:
            yield _describe_people(asof.read_histories(store, part, bucket, tables=_TABLES))


def _describe_people(histories: asof.Histories) -> pl.DataFrame:
    year = pl.col("days") < 365
    indicator = find_indicator(ONE_INDICATOR)
    rows = indicator.entries(histories).collect()
    rank = pl.col("level").replace_strict(RANK, return_dtype=pl.Int64)
    levels = recorded_levels(histories).with_columns(rank)
    wide = levels.pivot(on="group", index=asof.KEY, values="level")
    counts = {
        "entries": histories.rows("contacts").filter(year).group_by("crn").len("entries"),
        "incidents": histories.rows("incidents").filter(year).group_by("crn").len("incidents"),
        "indicator": rows.group_by("crn").agg(indicator=indicator.value),
    }
    for counted in counts.values():
        wide = wide.join(counted, on="crn", how="left")
    allocations = histories.rows("allocations").filter(pl.col("ended_on").is_null())
    last = allocations.sort("occurred_on").unique("crn", keep="last", maintain_order=True)
    inside = histories.rows("supervisions").filter(
        pl.col("ended_on").is_null(), pl.col("kind") == "custody"
    )
    filled = wide.with_columns(pl.col(list(counts)).fill_null(0))
    return filled.join(last.select("crn", "staff_code"), on="crn", how="left").join(
        inside, on="crn", how="anti"
    )
