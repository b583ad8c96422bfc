"""Writes the outcome of every person in a night: score or reason for none, rank, whether queued.

One row a case and risk group, kept as a file beside the database: what the system computed about
anyone on any night can be told afterwards (promise 10). A case of limited access is its CRN alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import polars as pl

from models.scored_rows import rank_in_level
from serving.night.sampling import Chosen


def outcome_rows(
    scored: pl.DataFrame,
    limited: Collection[str],
    units: Mapping[str, str],
    chosen: Iterable[Chosen],
    open_review: Collection[str],
    cooling_down: Collection[str],
) -> pl.DataFrame:
    """The outcome rows of a night: the scores, then `pdu_code`, `rank` and `what_happened`.

    `rank` is the place within the recorded level, 1 first, over rows that could be scored.
    `what_happened` is one of: queued, already in the queue, cooling down, no unit, limited,
    not chosen. Whether a queued case was flagged or drawn is in the sealed findings alone.
    """
    queued = {item.crn for item in chosen}
    happened = pl.DataFrame(
        {"crn": sorted(scored["crn"].unique())}, schema={"crn": pl.String()}
    ).with_columns(
        what_happened=pl.when(pl.col("crn").is_in(sorted(queued)))
        .then(pl.lit("queued"))
        .when(pl.col("crn").is_in(sorted(open_review)))
        .then(pl.lit("already in the queue"))
        .when(pl.col("crn").is_in(sorted(cooling_down)))
        .then(pl.lit("cooling down"))
        .when(~pl.col("crn").is_in(sorted(units)))
        .then(pl.lit("no unit"))
        .otherwise(pl.lit("not chosen")),
        pdu_code=pl.col("crn").replace_strict(dict(units), default=None, return_dtype=pl.String()),
    )
    ranked = scored.with_columns(rank=rank_in_level())
    rows = ranked.join(happened, on="crn", how="left", maintain_order="left")
    closed = pl.DataFrame({"crn": sorted(limited)}, schema={"crn": pl.String()}).with_columns(
        scorable=pl.lit(value=False),
        why_not=pl.lit("limited access"),
        what_happened=pl.lit("limited"),
    )
    return pl.concat([rows, closed], how="diagonal")
