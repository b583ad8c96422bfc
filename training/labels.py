"""Reads labels: the level each reader gave, joined to the indicators of the day that they read.

A label is the level that a reader gave a risk group, as of the snapshot that the reader saw.
Underestimated means: the reader's level is above the one recorded in that snapshot. A reading
counts where it was given within the label window. Serious further offences are never labels, nor
is a level given in the light of an offence after the snapshot. Own views, given before the
findings were seen, are used; the same reader's conclusion afterwards is only compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from features.contracts import codes
from features.errors import UserError
from features.frame import build
from features.history import asof
from features.store.column_pruning import Unread
from features.store.store import Store
from models.inputs import Matrix
from training.config import Config

RANK = {level: rank for rank, level in enumerate(codes.LEVEL_ORDER)}
BEFORE, AFTER, COUNTERSIGNED = "before the findings", "after the findings", "after countersigning"
NEW_OFFENCES = ["CARR", "CNOC"]


@dataclass(frozen=True)
class Labelled:
    """Indicator rows with the reader's level for each: the input of training.

    `frame` also has `reviewed` (0 to 3), `source`, `seen` (what the reader knew), `recorded_on`,
    `weight` (mean 1 within a source whose sampling probability is known), `weighted` (it is known)
    `teaches` (a learned source, not after the findings) and `judged`: an own view from a judged
    source, with a known probability.
    """

    frame: pl.DataFrame

    def where(self, mask: pl.Series | pl.Expr) -> Labelled:
        """The labelled rows for which the mask is true."""
        return Labelled(self.frame.filter(mask))

    def teaching(self) -> Labelled:
        """The readings that may be used for training."""
        return self.where(pl.col("teaches"))

    @property
    def reviewed(self) -> npt.NDArray[np.int64]:
        """The level that the reader gave each row, from 0 (low) to 3 (very high)."""
        return self.frame["reviewed"].to_numpy().astype(np.int64)

    @property
    def weights(self) -> Matrix:
        """The sampling weight of each row."""
        values: Matrix = self.frame["weight"].to_numpy().astype(np.float64)
        return values

    @property
    def effective_rows(self) -> float:
        """Kish's effective sample size of the weights."""
        w = self.weights
        return float(w.sum() ** 2 / (w**2).sum()) if len(w) else 0.0


def read_labels(store: Store, until: date, config: Config) -> Labelled:
    """The readings used for training: learned sources, given before the findings were seen."""
    return read_all_readings(store, until, config).teaching()


def read_all_readings(store: Store, until: date, config: Config) -> Labelled:
    """Every reading recorded by `until`, with the indicators on the day that it is about.

    Raises UserError where too few teach, or none puts anyone higher, or all do.
    """
    spoken = list_readings(store, until, config)
    teaches = spoken.filter("teaches").height
    if teaches < config.least.rows:
        raise UserError(
            f"Only {teaches:,} labelled rows by {until}: at least {config.least.rows:,} are "
            "needed to train. Load more reviews (audits), or take a later date. Until there are, "
            "published findings alone can rank: python -m training propose-prior."
        )
    labelled = join_indicators(store, spoken)
    labels_given = set(read_higher(labelled.teaching()))
    if len(labels_given) == 1:
        raise UserError(
            f"Every reading by {until} says the same: "
            f"{'too low' if labels_given == {1.0} else 'not too low'}. "
            "There is nothing to learn from that."
        )
    return labelled


def join_indicators(store: Store, readings: pl.DataFrame) -> Labelled:
    """Readings (`list_readings`) with the indicators and levels of the days that they are about."""
    spine = readings.select("crn", "as_of").unique().sort("crn", "as_of")
    frame = pl.concat([part for _, part in build.build_frames(store, spine)])
    joined = frame.join(readings, on=asof.GROUP_KEY, how="inner")
    return Labelled(joined.sort(*asof.GROUP_KEY, "source", "record_id"))


def compare_sources(labelled: Labelled) -> list[dict[str, Any]]:
    """The kinds of reading side by side: rows, people, and the share put higher.

    Given before the findings were seen, after, or by who had countersigned: readers who know what
    a model or they themselves said lean on it, so these are kept separate.
    """
    rows = labelled.frame.with_columns(higher=read_higher(labelled))
    share = (pl.col("higher") * pl.col("weight")).sum() / pl.col("weight").sum()
    counts = rows.group_by("source", "seen").agg(
        rows=pl.len(),
        people=pl.col("crn").n_unique(),
        known_probability=pl.col("weighted").mean(),
        higher=share,
    )
    return counts.sort("source", "seen").to_dicts()


def read_higher(labelled: Labelled) -> Matrix:
    """1 where the reader's level is above the recorded one or, without one, at least high."""
    recorded = labelled.frame["level"].replace_strict(RANK, default=None)
    bar = recorded.cast(pl.Int64) + 1
    return (labelled.reviewed >= bar.fill_null(2).to_numpy()).astype(np.float64)


def list_readings(store: Store, until: date, config: Config) -> pl.DataFrame:
    """Every reading recorded by `until` within the label window, a row a person and group.

    Columns: crn, as_of (the day read), group, record_id, source, reader, seen, reviewed,
    recorded_on, weighted, judged, blind (it says that it was before any finding), teaches, weight.
    Raises UserError for a reading recorded before the day that it is about.
    """
    everyone = store.read_versions("reviews").select("crn").unique()
    histories = asof.read_histories(
        store, everyone.with_columns(as_of=pl.lit(until)), tables=["reviews"]
    )
    rows = histories.rows("reviews").with_columns(recorded_on=pl.col("recorded_at").dt.date())
    future = rows.filter(pl.col("recorded_on") < pl.col("snapshot_on"))
    if future.height:
        raise UserError(
            f"{future.height:,} reviews were recorded before the day whose record they read (the "
            f"first: record {future['record_id'][0]!r}). Put the supplier's snapshot_on right."
        )
    waited = (pl.col("recorded_on") - pl.col("snapshot_on")).dt.total_days()
    rows = rows.filter(waited <= config.labels.window_days)
    rows = _without_new_offences(store, rows, until)
    long = rows.unpivot(
        on=list(codes.COMMUNITY_GROUPS),
        index=[
            "crn",
            "record_id",
            "source",
            "snapshot_on",
            "recorded_on",
            "reader",
            "sampling_probability",
            "before_findings",
            "same_person",
        ],
        variable_name="group",
        value_name="said",
    ).filter(pl.col("said").is_in(list(codes.LEVELS)))
    verdicts = long.with_columns(
        reviewed=pl.col("said").replace_strict(RANK, default=None).cast(pl.Int64),
        seen=_what_the_reader_knew(),
        weight=1 / pl.col("sampling_probability"),
        weighted=pl.col("sampling_probability").is_not_null(),
    )
    judged = (
        pl.col("source").is_in(list(config.labels.judged))
        & (pl.col("seen") == BEFORE)
        & pl.col("weighted")
    )
    return verdicts.select(
        "crn",
        pl.col("snapshot_on").alias("as_of"),
        "group",
        "record_id",
        "source",
        "reader",
        "seen",
        "reviewed",
        "recorded_on",
        "weighted",
        judged=judged,
        blind=pl.col("before_findings").eq_missing(other=True),
        teaches=pl.col("source").is_in(sorted({*config.labels.judged, *config.labels.learned}))
        & (pl.col("seen") != AFTER),
        # A reading without a known probability weighs one: it teaches stage 1, and judges nothing.
        weight=_mean_one(config.labels.weight_cap).fill_null(1.0),
    )


def _what_the_reader_knew() -> pl.Expr:
    """What the reader had seen: the findings, an own countersignature, or only the record."""
    return (
        pl.when(pl.col("same_person").fill_null(value=False))
        .then(pl.lit(COUNTERSIGNED))
        .when(pl.col("before_findings").fill_null(value=True))
        .then(pl.lit(BEFORE))
        .otherwise(pl.lit(AFTER))
    )


def _mean_one(cap: float) -> pl.Expr:
    """Inverse-probability weights, capped, with a mean of one within each source."""
    weight = pl.col("weight")
    mean = weight.mean().over("source")
    capped = pl.min_horizontal(weight, cap * mean)
    return capped / capped.mean().over("source")


def _without_new_offences(store: Store, rows: pl.DataFrame, until: date) -> pl.DataFrame:
    """The rows without reassessments that follow a new offence after the snapshot.

    A level raised, or kept, in the light of what happened after the snapshot says nothing of what
    the snapshot should have told.
    """
    later = rows.filter(pl.col("source") == "reassessment")
    if later.is_empty():
        return rows
    on = later.select("crn", as_of=pl.lit(until)).unique()
    charged = pl.col("type_code").is_in(NEW_OFFENCES)
    histories = asof.read_histories(
        store, on, tables=["contacts"], lean={"contacts": Unread(charged)}
    )
    days = (
        histories.rows("contacts").filter(charged).select("crn", offence_on=pl.col("occurred_on"))
    )
    between = pl.col("offence_on").is_between("snapshot_on", "recorded_on", closed="right")
    struck = later.join(days, on="crn").filter(between)["record_id"].unique()
    return rows.filter(~pl.col("record_id").is_in(struck.implode()))
