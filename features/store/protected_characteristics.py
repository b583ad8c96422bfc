"""Gives protected characteristics for the fairness audit; never an input of a model (promise 6)."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from features.store.store import Store

CHARACTERISTICS = ("sex", "ethnicity", "age", "religion", "disability", "region")
NOT_KNOWN = "not known"
BANDS = ((50, "50 and over"), (35, "35 to 49"), (25, "25 to 34"), (18, "18 to 24"))


def characteristics_of(
    store: Store, rows: pl.DataFrame, buckets: Collection[int] | None = None
) -> pl.DataFrame:
    """The protected characteristics of the people in some rows (crn, as_of), a word for each.

    A missing value is "not known". Rows come back in their order, with the columns
    CHARACTERISTICS only. `buckets` are those of the cases; by default all are read.
    """
    people = store.read_versions("people", buckets).sort("recorded_at").unique("crn", keep="last")
    supervisions = (
        store.read_versions("supervisions", buckets).sort("occurred_on").unique("crn", keep="last")
    )
    people_of_rows = rows.select("crn", "as_of").join(
        people, on="crn", how="left", maintain_order="left"
    )
    people_of_rows = people_of_rows.join(
        supervisions.select("crn", region=pl.col("provider_code")),
        on="crn",
        how="left",
        maintain_order="left",
    )
    years = (pl.col("as_of") - pl.col("born_on")).dt.total_days() / 365.25
    age = pl.coalesce(pl.when(years >= first).then(pl.lit(words)) for first, words in BANDS)
    return people_of_rows.with_columns(age=age).select(
        pl.col(name).cast(pl.String).fill_null(NOT_KNOWN) for name in CHARACTERISTICS
    )
