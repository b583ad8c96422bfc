"""What readers said, with the day whose record they read: the labels.

A label is the level that a reader gave a risk group, as of the snapshot that the reader saw.
Underestimated means: the reader's level is above the one recorded in that snapshot. Serious
further offences are never labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from features import asof, build, codes
from features.errors import UserError
from features.store import Store
from models.ordinal import Matrix
from training.config import Config

RANK = {level: rank for rank, level in enumerate(codes.LEVEL_ORDER)}


@dataclass(frozen=True)
class Labelled:
    """Indicator rows with what a reader said of each: the input of training.

    `frame` also has `reviewed` (0 to 3), `source`, `recorded_on`, `weight` (mean 1 where the
    sampling probability is known) and `judged`: a judged source, with a known probability.
    """

    frame: pl.DataFrame

    def where(self, mask: pl.Series | pl.Expr) -> Labelled:
        """The rows where the mask holds."""
        return Labelled(self.frame.filter(mask))

    @property
    def reviewed(self) -> npt.NDArray[np.int64]:
        """The reader's level of each row, 0 (low) to 3 (very high)."""
        return self.frame["reviewed"].to_numpy().astype(np.int64)

    @property
    def weights(self) -> Matrix:
        """The sampling weight of each row."""
        found: Matrix = self.frame["weight"].to_numpy().astype(np.float64)
        return found

    @property
    def effective_rows(self) -> float:
        """Kish's effective sample size of the weights."""
        w = self.weights
        return float(w.sum() ** 2 / (w**2).sum()) if len(w) else 0.0


def read(store: Store, until: date, config: Config) -> Labelled:
    """The readings recorded by `until`, joined to the indicators as of the snapshot each saw."""
    spoken = _readings(store, until, config)
    if spoken.height < config.least.rows:
        raise UserError(
            f"Only {spoken.height:,} labelled rows by {until}: at least {config.least.rows:,} are "
            "needed to train. Load more reviews (audits), or a later date."
        )
    spine = spoken.select("crn", "as_of").unique().sort("crn", "as_of")
    frame = pl.concat([part for _, part in build.frames(store, spine)])
    joined = frame.join(spoken, on=asof.GROUP_KEY, how="inner")
    return Labelled(joined.sort(*asof.GROUP_KEY, "source", "record_id"))


def _readings(store: Store, until: date, config: Config) -> pl.DataFrame:
    everyone = store.read("reviews").select("crn").unique()
    known = asof.read(store, everyone.with_columns(as_of=pl.lit(until)), tables=["reviews"])
    sources = set(config.labels.judged) | set(config.labels.learned)
    rows = known.rows("reviews").filter(pl.col("source").is_in(sorted(sources)))
    long = rows.unpivot(
        on=list(codes.COMMUNITY_GROUPS),
        index=[
            "crn",
            "record_id",
            "source",
            "snapshot_on",
            "recorded_at",
            "sampling_probability",
        ],
        variable_name="group",
        value_name="said",
    ).filter(pl.col("said").is_in(list(codes.LEVELS)))
    weighted = long.with_columns(
        reviewed=pl.col("said").replace_strict(RANK, default=None).cast(pl.Int64),
        weight=(1 / pl.col("sampling_probability")),
    )
    cap = config.labels.weight_cap * pl.col("weight").mean()
    capped = pl.when(pl.col("weight") > cap).then(cap).otherwise(pl.col("weight"))
    mean_one = capped / pl.col("weight").mean()
    return weighted.select(
        "crn",
        pl.col("snapshot_on").alias("as_of"),
        "group",
        "record_id",
        "source",
        "reviewed",
        recorded_on=pl.col("recorded_at").dt.date(),
        judged=pl.col("source").is_in(list(config.labels.judged))
        & pl.col("sampling_probability").is_not_null(),
        # A source without a known probability weighs one: it teaches stage 1, and judges nothing.
        weight=mean_one.fill_null(1.0),
    )
