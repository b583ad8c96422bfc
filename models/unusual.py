"""Finds what is new and unusual: what became known lately and few people of the same level have.

Danger that moves in days has no time to add up in a weighted sum over a whole history. A fact is
unusual by its surprisal: -log2 of the share of rows of the same recorded level and group in which
the indicator is at least as high. New is what the surprisal rose by since an earlier day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.frame import build
from features.history.asof import Histories
from features.indicators import CATALOGUE
from models.inputs import Matrix

DAYS = 30
"""New is what became known within so many days, or since the last assessment if that is later."""
MOST_BITS = 8.0
"""The most that one indicator adds: without a limit a code used once would outrank all else."""

LEAST_BITS = 1.0
"""What rose by less is not unusual: half of the level has as much."""
GROW_BY_THEMSELVES = ("whereabouts_unknown", "attendance_rate_90d")
"""Indicators that get worse as days pass, without anything becoming known: they are not watched."""

ROW = ["crn", "group"]
ALIKE = ["stratum", "group", "indicator"]
"""Rows that are compared: the same recorded level and group, and the same indicator."""
NOT_FIRING = -float("inf")


def watched_indicators(scored: Sequence[str]) -> tuple[str, ...]:
    """The scored indicators of behaviour: what a person did, not what was left undone about it."""
    return tuple(
        name
        for name in scored
        if CATALOGUE[name].kind == "behaviour" and name not in GROW_BY_THEMSELVES
    )


@dataclass(frozen=True)
class FiringPart:
    """Where watched indicators fire in one part of a caseload, now and on the day compared with."""

    firing: pl.DataFrame
    """Where one fires, as `firing_values` gives it."""
    rows: pl.DataFrame
    """How many rows are ALIKE, as `count_alike` gives it."""
    since: pl.DataFrame
    """The day with which each person is compared: crn, as_of."""


def firing_of_part(
    histories: Histories,
    frame: pl.DataFrame,
    scores: pl.DataFrame,
    names: Sequence[str],
    as_of: date,
) -> FiringPart:
    """Where the indicators fire in a part: its histories, its frame and its scores.

    `scores` as `lay_out_scores` gives them. The same indicators are built again as they were known
    on the day that each person is compared with.
    """
    scored = scores.filter("scorable").select(*ROW, "stratum")
    if not names:
        return _nothing_firing(frame)
    rows = frame.join(scored, on=ROW, maintain_order="left")
    now = adverse_values(rows, names)
    is_firing = pl.Series((now > NOT_FIRING).any(axis=1))
    people = frame.filter(pl.col("crn").is_in(rows.filter(is_firing)["crn"].unique().implode()))
    since = _days_before(people.group_by("crn").agg(pl.col("assessed_on").max()), as_of)
    earlier = build.build_frame(histories.on_other_days(since), names)
    before = rows.select(ROW).join(earlier, on=ROW, how="left", maintain_order="left")
    return FiringPart(
        firing=firing_values(rows, now, adverse_values(before, names), names),
        rows=count_alike(rows, now, names),
        since=since,
    )


def _nothing_firing(frame: pl.DataFrame) -> FiringPart:
    """A part where no indicator is watched, because the model scores none of behaviour."""
    keys = frame.select(*ROW, stratum=pl.lit("")).clear()
    value, indicator = pl.lit(None, pl.Float64()), pl.lit(None, pl.Enum([]))
    return FiringPart(
        firing=keys.with_columns(indicator=indicator, value=value, value_before=value),
        rows=keys.select("stratum", "group", indicator=indicator, rows=pl.lit(0, pl.UInt32())),
        since=frame.select("crn", "as_of").clear(),
    )


def adverse_values(frame: pl.DataFrame, names: Sequence[str]) -> Matrix:
    """How bad each indicator is, higher for worse: (rows, names).

    NOT_FIRING where the indicator is known and does not fire, NaN where it is not known.
    """
    columns = []
    for name in names:
        item = CATALOGUE[name]
        worse = -pl.col(name) if item.fires_below else pl.col(name)
        value = pl.when(item.fires_in_frame).then(worse).otherwise(NOT_FIRING)
        columns.append(pl.when(pl.col(name).is_not_null()).then(value).alias(name))
    values: Matrix = frame.select(columns).to_numpy().astype(np.float64)
    return values


def firing_values(
    rows: pl.DataFrame, now: Matrix, before: Matrix, names: Sequence[str]
) -> pl.DataFrame:
    """Where an indicator fires now: crn, group, stratum, indicator, value and value_before.

    `now` and `before` as `adverse_values` gives them, for the same rows; null is not known.
    """
    at, column = np.nonzero(now > NOT_FIRING)
    values = {"value": now[at, column], "value_before": before[at, column]}
    return rows[at].select(
        *ROW,
        "stratum",
        indicator=pl.Series(list(names), dtype=pl.Enum(list(names)))[column],
        **{name: pl.Series(own, dtype=pl.Float64()).fill_nan(None) for name, own in values.items()},
    )


def count_alike(rows: pl.DataFrame, now: Matrix, names: Sequence[str]) -> pl.DataFrame:
    """In how many rows of each level and group each indicator is known: ALIKE, rows."""
    is_known = pl.from_numpy(~np.isnan(now), list(names), orient="row")
    counted = rows.select("stratum", "group").hstack(is_known).group_by("stratum", "group").sum()
    long = counted.unpivot(index=["stratum", "group"], variable_name="indicator", value_name="rows")
    return long.filter(pl.col("rows") > 0).cast({"indicator": pl.Enum(list(names))})


def find_new(parts: Sequence[FiringPart]) -> pl.DataFrame:
    """What is new and unusual in a caseload, a row a person and group in which anything is.

    Columns: crn, group, stratum, bits (the sum over indicators), since (the day that the person is
    compared with) and facts: a list of {indicator, bits, having, rows}, the most unusual first; of
    `rows` rows of the level `having` have as much. Only rows with a fact that rose by LEAST_BITS;
    the most bits come first, then by CRN and group.
    """
    since = pl.concat(part.since for part in parts)
    if since.is_empty():
        return NOTHING_NEW
    rows = pl.concat(part.rows for part in parts).group_by(ALIKE).agg(pl.col("rows").sum())
    facts = compare_bits(pl.concat(part.firing for part in parts), rows)
    rises = _sum_by_row(facts).join(since.rename({"as_of": "since"}), on="crn")
    return rises.select(NOTHING_NEW.columns).sort("bits", *ROW, descending=[True, False, False])


NOTHING_NEW = pl.DataFrame(
    schema={
        "crn": pl.String(),
        "group": pl.String(),
        "stratum": pl.String(),
        "bits": pl.Float64(),
        "since": pl.Date(),
        "facts": pl.List(
            pl.Struct(
                {
                    "indicator": pl.String(),
                    "bits": pl.Float64(),
                    "having": pl.Int64(),
                    "rows": pl.Int64(),
                }
            )
        ),
    }
)
"""The layout of `find_new`, without a row."""


def compare_bits(firing: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The rise in the surprisal of each firing indicator: crn, group, stratum, indicator and bits.

    `bits` is the rise; of `rows` rows that are ALIKE `having` have as much now.
    `firing` as `firing_values` gives it; `rows` counts the rows that are ALIKE. What was not known
    on the earlier day is not new: nobody can say that it was not so then. An indicator that did
    not fire then had no surprisal.
    """
    both = firing.drop_nulls("value_before")
    bits = _bits_of_values(firing, both, rows)
    earlier = bits.rename({"value": "value_before", "bits": "bits_before"})
    joined = both.join(bits, on=[*ALIKE, "value"]).join(
        earlier.drop("having", "rows"), on=[*ALIKE, "value_before"], how="left"
    )
    rise = pl.col("bits") - pl.col("bits_before").fill_null(0.0)
    return joined.select(*ROW, "stratum", "indicator", "having", "rows", bits=rise).filter(
        pl.col("bits") > 0
    )


def _bits_of_values(firing: pl.DataFrame, both: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The surprisal of each value now or before, by the rows that are at least as high now."""
    now = firing.group_by(*ALIKE, "value").agg(having=pl.len())
    then = both.select(*ALIKE, value="value_before").filter(pl.col("value") > NOT_FIRING)
    values = pl.concat([now, then.unique().with_columns(having=pl.lit(0, pl.get_index_type()))])
    counted = (
        values.group_by(*ALIKE, "value")
        .agg(pl.col("having").sum())
        .sort("value", descending=True)
        .with_columns(as_high=pl.col("having").cum_sum().over(ALIKE))
        .join(rows, on=ALIKE)
    )
    # One more in each count: a value that nobody has is not infinitely surprising.
    share = (pl.col("as_high") + 1) / (pl.col("rows") + 2)
    bits = (-share.log(2)).clip(0.0, MOST_BITS)
    return counted.select(
        *ALIKE, "value", bits=bits, having=pl.col("as_high").cast(pl.Int64), rows="rows"
    ).with_columns(pl.col("rows").cast(pl.Int64))


def _days_before(assessed: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The day with which each person is compared, as a spine: crn, as_of."""
    earliest = as_of - timedelta(days=DAYS)
    since = pl.max_horizontal(pl.lit(earliest), pl.col("assessed_on").fill_null(earliest))
    return assessed.select("crn", as_of=since).filter(pl.col("as_of") < as_of).sort("crn")


def _sum_by_row(facts: pl.DataFrame) -> pl.DataFrame:
    """The rises of each row added up, with its facts, the most unusual first."""
    fact = pl.struct("indicator", "bits", "having", "rows")
    named = facts.cast({"indicator": pl.String()})
    ordered = named.sort("bits", "indicator", descending=[True, False])
    summed = ordered.group_by(*ROW, "stratum", maintain_order=True).agg(
        pl.col("bits").sum(), fact.alias("facts"), most=pl.col("bits").max()
    )
    return summed.filter(pl.col("most") >= LEAST_BITS).drop("most")
