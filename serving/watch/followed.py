"""Counts what came within 90 days of a night of those it showed, and of those it did not show.

Three comparisons, for the estimates of `effect.py`: people just above the cut of a unit and level
against those just below it; people drawn at random against those who could have been drawn; the
people who rank highest in units that had begun against those in units that had not. Only counts are
stored, no person.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError
from sqlalchemy import Connection, func, insert, select

from features.contracts import codes
from features.history import asof
from features.history.recorded_levels import level_column
from features.store.store import Store
from serving.db.tables import findings, items, runs
from serving.db.unit_tables import caseload, night_outcomes

WITHIN = 90
"""Days after a night in which what came of it counts."""
EVERY = 7
"""Days between two nights that are followed."""
BESIDE_THE_CUT = 2
"""People on each side of the cut of a unit and level who are compared."""
MOST_OTHERS = 3_000
"""People not drawn at random who are followed beside those who were, a night."""
TOP_SHARE = 0.02
"""The share of each recorded level, from the top, that is compared between units."""
READ = ["crn", "group", "level", "stratum", "scorable", "rank", "pdu_code", "what_happened"]
"""The columns of a night's scores file that are needed."""
Counts = dict[str, Any]


def follow_night(connection: Connection, store: Store, scores: Path, as_of: date) -> date | None:
    """Count what came of the next night that ended 90 days ago and store it; returns its date.

    One night a week is followed, the oldest first, and one at a time; None where there is none. A
    night whose scores file is gone is passed over.
    """
    last = connection.execute(select(func.max(night_outcomes.c.as_of))).scalar()
    nights = select(runs.c.id, runs.c.as_of, runs.c.scores_file).where(
        runs.c.as_of <= as_of - timedelta(days=WITHIN)
    )
    if last is not None:
        nights = nights.where(runs.c.as_of >= last + timedelta(days=EVERY))
    for run in connection.execute(nights.order_by(runs.c.as_of, runs.c.at)):
        rows = _read_scores(scores / run.scores_file)
        if rows is not None:
            counts = _count_night(connection, store, rows, run.id, run.as_of)
            values = {"as_of": run.as_of, "counts": counts}
            connection.execute(insert(night_outcomes).values(**values))
            day: date = run.as_of
            return day
    return None


def _read_scores(path: Path) -> pl.DataFrame | None:
    try:
        return pl.read_parquet(path, columns=READ) if path.exists() else None
    except (PolarsError, OSError):
        return None  # a damaged file of an old night stops no later one


def _count_night(
    connection: Connection, store: Store, rows: pl.DataFrame, run: str, night: date
) -> Counts:
    # Who is limited since is not looked at, nor counted.
    limited = connection.execute(select(caseload.c.crn).where(caseload.c.limited)).scalars()
    rows = rows.filter(~pl.col("crn").is_in(list(limited)))
    people = people_of_night(rows, _drawn_in(connection, run))
    arms = pl.concat([beside_the_cut(people), by_chance(people, seed=night.toordinal())])
    top = highest_ranked(people)
    until = night + timedelta(days=WITHIN)
    crns = pl.concat([arms.select("crn"), top.select("crn")]).unique()
    later = _what_came(store, rows, crns, night, until)
    shown = select(items.c.crn).where(items.c.as_of > night, items.c.as_of <= until)
    shown_later = connection.execute(shown.distinct()).scalars()
    outcomes = arms.join(later, on="crn").with_columns(shown=pl.col("crn").is_in(list(shown_later)))
    by_arm = outcomes.partition_by("arm", as_dict=True)
    return {
        "arms": {arm: count_people(people) for (arm,), people in sorted(by_arm.items())},
        "units": _count_units(top.join(later, on="crn"), _units_begun(connection, night)),
    }


def _drawn_in(connection: Connection, run: str) -> pl.DataFrame:
    """How each person was drawn whom a run put in the queue: crn, drawn_as."""
    drawn = (
        select(items.c.crn, findings.c.drawn_as)
        .join(findings, findings.c.item_id == items.c.id)
        .where(items.c.run_id == run)
    )
    schema = {"crn": pl.String(), "drawn_as": pl.String()}
    return pl.DataFrame(connection.execute(drawn).all(), schema=schema, orient="row")


def _units_begun(connection: Connection, night: date) -> set[str]:
    """The units that had a case that was not drawn at random, by a night."""
    units = (
        select(items.c.pdu_code)
        .distinct()
        .join(findings, findings.c.item_id == items.c.id)
        .where(items.c.as_of <= night, findings.c.drawn_as != "random")
    )
    return set(connection.execute(units).scalars())


def people_of_night(rows: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """One row a person of a unit who could have been drawn, or was: how, and place in the level.

    Columns: crn, pdu_code, stratum, place (the share of the level that ranks as high; null for
    those without a score), drawn_as (null for those not drawn).
    """
    place = pl.col("rank") / pl.col("scorable").sum().over("stratum")
    eligible = rows.with_columns(place=pl.when("scorable").then(place)).filter(
        pl.col("what_happened").is_in(["queued", "not chosen"]), pl.col("pdu_code").is_not_null()
    )
    best = eligible.sort("place", "stratum", "group", nulls_last=True).unique(
        "crn", keep="first", maintain_order=True
    )
    return best.join(drawn, on="crn", how="left").select(
        "crn", "pdu_code", "stratum", "place", "drawn_as"
    )


def beside_the_cut(people: pl.DataFrame) -> pl.DataFrame:
    """The last people flagged of each unit and level, and as many next ones: crn, arm."""
    key = ["pdu_code", "stratum"]
    scored = people.filter(pl.col("place").is_not_null()).sort("place", "crn")
    flagged = scored.filter(pl.col("drawn_as") == "flagged")
    cut = flagged.group_by(key).agg(cut=pl.col("place").max())
    below = (
        scored.filter(pl.col("drawn_as").is_null())
        .join(cut, on=key)
        .filter(pl.col("place") > pl.col("cut"))
        .group_by(key, maintain_order=True)
        .head(BESIDE_THE_CUT)
    )
    above = flagged.group_by(key, maintain_order=True).tail(BESIDE_THE_CUT)
    pairs = above.group_by(key).len("above").join(below.group_by(key).len("below"), on=key)
    size = pairs.select(*key, size=pl.min_horizontal("above", "below"))
    nearest = [
        above.sort("place", "crn", descending=True).join(size, on=key),
        below.sort("place", "crn").join(size, on=key),
    ]
    listed = [
        side.filter(pl.int_range(pl.len()).over(key) < pl.col("size")).select(
            "crn", arm=pl.lit(name)
        )
        for side, name in zip(nearest, ("above the cut", "below the cut"), strict=True)
    ]
    return pl.concat(listed)


def by_chance(people: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The people drawn at random, and a sample of those who could have been drawn: crn, arm."""
    drawn = people.filter(pl.col("drawn_as") == "random")
    others = people.filter(pl.col("drawn_as").is_null()).sort("crn")
    sample = others.sample(min(MOST_OTHERS, others.height), seed=seed)
    if drawn.is_empty():
        sample = sample.head(0)
    return pl.concat(
        [
            drawn.select("crn", arm=pl.lit("drawn at random")),
            sample.select("crn", arm=pl.lit("not drawn")),
        ]
    )


def highest_ranked(people: pl.DataFrame) -> pl.DataFrame:
    """The people in the first hundredths of each recorded level: crn, pdu_code."""
    return people.filter(pl.col("place") <= TOP_SHARE).select("crn", "pdu_code")


def _what_came(
    store: Store, rows: pl.DataFrame, crns: pl.DataFrame, night: date, until: date
) -> pl.DataFrame:
    """Of each person: raised, days until then (90 where it was not), asked of another agency."""
    spine = asof.make_spine(crns["crn"], until)
    histories = asof.read_histories(store, spine, tables=["assessments", "enquiries"])
    return outcomes_of(
        crns, rows, histories.rows("assessments"), histories.rows("enquiries"), night
    )


def outcomes_of(
    crns: pl.DataFrame,
    rows: pl.DataFrame,
    assessments: pl.DataFrame,
    enquiries: pl.DataFrame,
    night: date,
) -> pl.DataFrame:
    """What came of each person within 90 days: crn, raised, days, asked.

    Raised: an assessment completed after the night gives a group a higher level than was recorded
    or, where none was, high or very high. `assessments` and `enquiries` as known 90 days later.
    """
    # The later assessments give levels in columns: one row a group.
    columns = {level_column(group): group for group in codes.COMMUNITY_GROUPS}
    complete = assessments.filter(
        pl.col("status") == "COMPLETE", pl.col("completed_on") > night
    ).rename(columns)
    levels = complete.unpivot(
        on=list(columns.values()),
        index=["crn", "completed_on"],
        variable_name="group",
        value_name="later",
    )
    before = rows.select("crn", "group", "level")
    higher = _rank("later") > pl.coalesce(_rank("level"), pl.lit(codes.LEVEL_ORDER.index("MEDIUM")))
    raised = (
        levels.join(before, on=["crn", "group"])
        .filter(higher)
        .group_by("crn")
        .agg(raised_on=pl.col("completed_on").min())
    )
    enquired = enquiries.filter(pl.col("requested_on") > night).select("crn").unique()
    days = (pl.col("raised_on") - pl.lit(night)).dt.total_days()
    return (
        crns.join(raised, on="crn", how="left")
        .with_columns(
            raised=pl.col("raised_on").is_not_null(),
            days=days.fill_null(WITHIN),
            asked=pl.col("crn").is_in(enquired["crn"].to_list()),
        )
        .drop("raised_on")
    )


def _rank(column: str) -> pl.Expr:
    places: Mapping[str, int] = {level: n for n, level in enumerate(codes.LEVEL_ORDER)}
    return pl.col(column).replace_strict(places, default=None, return_dtype=pl.Int64)


def count_people(outcomes: pl.DataFrame) -> dict[str, int]:
    """How many people, how many of each outcome, and the days and their squares added up."""
    return {
        "people": outcomes.height,
        "raised": int(outcomes["raised"].sum()),
        "asked": int(outcomes["asked"].sum()),
        "shown": int(outcomes["shown"].sum()),
        "days": int(outcomes["days"].sum()),
        "squares": int((outcomes["days"] ** 2).sum()),
    }


def _count_units(outcomes: pl.DataFrame, begun: set[str]) -> list[dict[str, Any]]:
    """By unit: whether it had begun, how many people rank highest, how many were raised."""
    counted = outcomes.group_by("pdu_code").agg(people=pl.len(), raised=pl.col("raised").sum())
    return [
        {
            "unit": row["pdu_code"],
            "begun": row["pdu_code"] in begun,
            "people": row["people"],
            "raised": row["raised"],
        }
        for row in counted.sort("pdu_code").iter_rows(named=True)
    ]
