"""Gives the recorded level of each risk group on a date or, where there is none, the reason.

Each reason for not knowing is its own state with its own words; none is read as low (promise 5).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from features.contracts import codes
from features.history.asof import CASE, GROUP_KEY, KEY, Histories, latest_rows, share_plan

CURRENT_FOR_DAYS = 55 * 7
"""A completed assessment counts for 55 weeks (assess-risks-and-needs, `riskPredicate`)."""


@share_plan
def current_assessment(histories: Histories) -> pl.LazyFrame:
    """The latest completed assessment of each case, however old, with its `age` in days."""
    complete = histories.scan("assessments").filter(
        pl.col("status") == "COMPLETE", pl.col("completed_on").is_not_null()
    )
    age = (pl.col("as_of") - pl.col("completed_on")).dt.total_days()
    return latest_rows(complete, by="completed_on").with_columns(age=age)


LEVEL_STATES: dict[str, str] = {
    "current": "A level is recorded in an assessment completed in the last 55 weeks.",
    "feed_stopped": "Assessments have stopped arriving from OASys, so the level is not known.",
    "not_supplied": "Assessments are not supplied to this service, so the level is not known.",
    "locked_incomplete": "The last assessment locked before it was complete: no current level.",
    "too_old": "The last completed assessment is older than 55 weeks: no current level.",
    "level_missing": "The current assessment gives no level for this group.",
    "no_assessment": "No completed assessment is on record: no current level.",
    "not_in_custody": "The person is not in custody, so no level for prisoners is due.",
}
"""The states of a recorded level, each with its words for the page (promise 5)."""


def recorded_levels(histories: Histories) -> pl.DataFrame:
    """The recorded level and its state for each key and risk group.

    Columns: KEY, group, level (or null), state (see LEVEL_STATES), assessed_on, level_record.
    The level of a group is the community column of the latest assessment completed within 55
    weeks; that is the definition Ministry of Justice statistics use. Prisoners have a level in
    custody only; for anybody else none is due.
    """
    return histories.collect_now(level_plan(histories).drop(CASE).sort(GROUP_KEY))


def level_plan(histories: Histories) -> pl.LazyFrame:
    """The recorded level of each risk group on the date, as a lazy plan with the column CASE."""
    locked = (
        histories.scan("assessments")
        .filter(pl.col("status") == "LOCKED_INCOMPLETE")
        .group_by(CASE)
        .agg(locked_on=pl.col("completed_on").max())
    )
    assessed = current_assessment(histories).drop(KEY)
    custody = in_custody(histories).with_columns(held=pl.lit(value=True))
    base = histories.spine.lazy()
    for part in (assessed, locked, custody):
        base = base.join(part, on=CASE, how="left")
    parts = [
        base.select(
            *CASE,
            *KEY,
            pl.lit(group).alias("group"),
            _level_state(histories, group).alias("state"),
            pl.col(level_column(group)).alias("level"),
            assessed_on=pl.col("completed_on"),
            level_record=pl.col("record_id"),
        )
        for group in codes.RISK_GROUPS
    ]
    current = pl.when(pl.col("state") == "current").then(pl.col("level"))
    return pl.concat(parts).with_columns(level=current)


def level_column(group: str) -> str:
    """The name of the assessments column that has a risk group's level."""
    return f"{group}_custody" if group == "prisoners" else f"{group}_community"


@share_plan
def in_custody(histories: Histories) -> pl.LazyFrame:
    """The cases that are in custody or on remand on the as-of date: CASE."""
    supervisions = histories.scan("supervisions").filter(
        pl.col("ended_on").is_null(), pl.col("kind").is_in(["custody", "remand"])
    )
    return supervisions.select(CASE).unique()


def _level_state(histories: Histories, group: str) -> pl.Expr:
    level = pl.col(level_column(group))
    begun = [known_on for known_on, _ in histories.feeds.get("assessments", [])]
    missing = (
        pl.when(pl.col("as_of") >= min(begun, default=date.max))
        .then(pl.lit("feed_stopped"))
        .otherwise(pl.lit("not_supplied"))
    )
    lapsed_by_lock = pl.col("locked_on") > pl.col("completed_on").fill_null(date.min)
    outside = histories.is_available(["supervisions"]) & pl.col("held").is_null()
    return (
        pl.when(outside & (group == "prisoners"))
        .then(pl.lit("not_in_custody"))
        .when(~histories.is_available(["assessments"]))
        .then(missing)
        .when(pl.col("age") <= CURRENT_FOR_DAYS)
        .then(
            pl.when(level.is_in(list(codes.LEVELS)))
            .then(pl.lit("current"))
            .otherwise(pl.lit("level_missing"))
        )
        .when(lapsed_by_lock)
        .then(pl.lit("locked_incomplete"))
        .when(pl.col("age").is_not_null())
        .then(pl.lit("too_old"))
        .otherwise(pl.lit("no_assessment"))
    )
