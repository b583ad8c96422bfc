"""Counts what came within 90 days of a night of those it showed, and of those it did not show.

Three comparisons, for the estimates of `effect.py`: people just above the cut of a unit and level
against those just below it; people drawn at random against those who could have been drawn; the
people who rank highest in units that had begun against those in units that had not. Only counts are
stored, no person.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError
from sqlalchemy import Connection, func, insert, select

from features.contracts import codes
from features.history import asof
from features.history.recorded_levels import level_column
from features.indicators.ranks import LEVEL_RANK, rank_of
from features.store import working_copy
from features.store.store import Store
from serving.cases import limited_access
from serving.db.tables import findings, items, runs
from serving.db.unit_tables import night_outcomes
from serving.watch.figures import SMALL

WITHIN = 90
"""Days after a night in which what came of it counts."""
BESIDE_THE_CUT = 2
"""People on each side of the cut of a unit and level who are compared."""
MOST_OTHERS = 3_000
"""People not drawn at random who are followed beside those who were, a night."""
TOP_SHARE = 0.02
"""The share of each recorded level, from the top, that is compared between units."""
READ = [
    "crn",
    "group",
    "level",
    "stratum",
    "scorable",
    "why_not",
    "rank",
    "pdu_code",
    "what_happened",
]
"""The columns of a night's scores file that are needed."""
Counts = dict[str, Any]


def follow_night(connection: Connection, store: Store, scores: Path, as_of: date) -> date | None:
    """Count what came of the next night that ended 90 days ago and store it; returns its date.

    One night of a week is followed, the first that drew anybody at random: later ones of the week
    draw in place of others alone. The oldest first, one at a time; None where there is none. A
    night whose scores file is gone is passed over.
    """
    last = connection.execute(select(func.max(night_outcomes.c.as_of))).scalar()
    nights = select(runs).where(runs.c.as_of <= as_of - timedelta(days=WITHIN))
    if last is not None:
        next_week = last + timedelta(days=7 - last.weekday())
        nights = nights.where(runs.c.as_of >= next_week)
    for run in connection.execute(nights.order_by(runs.c.as_of, runs.c.at)):
        path = scores / run.scores_file
        rows = _read_scores(path) if run.counts["random"] else None
        if rows is not None:
            counts = _count_night(connection, store, rows, run.id, run.as_of)
            values = {"as_of": run.as_of, "counts": counts}
            connection.execute(insert(night_outcomes).values(**values))
            day: date = run.as_of
            return day
    return None


def _read_scores(path: Path) -> pl.DataFrame | None:
    """The rows of a night with `place`: the share of the recorded level that ranks as high."""
    working_copy.fetch_file(path)
    try:
        rows = pl.read_parquet(path, columns=READ) if path.exists() else None
    except (PolarsError, OSError):
        return None  # a damaged file of an old night stops no later one
    return None if rows is None else with_places(rows)


def with_places(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `place`, over everybody scored in the night; null without a score."""
    place = pl.col("rank") / pl.col("scorable").sum().over("stratum")
    return rows.with_columns(place=pl.when("scorable").then(place))


def _count_night(
    connection: Connection, store: Store, rows: pl.DataFrame, run: str, night: date
) -> Counts:
    # Who is limited since is not looked at, nor counted, also where no longer under supervision.
    limited = limited_access.limited_cases(connection)
    rows = rows.filter(~pl.col("crn").is_in(sorted(limited)), pl.col("pdu_code").is_not_null())
    drawn = _drawn_in(connection, run)
    arms = pl.concat([beside_the_cut(rows, drawn), by_chance(rows, drawn, night.toordinal())])
    top = highest_ranked(rows)
    until = night + timedelta(days=WITHIN)
    crns = pl.concat([arms.select("crn"), top.select("crn")]).unique()
    later = _what_came(store, rows, crns, night, until)
    shown = select(items.c.crn).where(items.c.as_of > night, items.c.as_of <= until)
    shown_later = connection.execute(shown.distinct()).scalars()
    outcomes = arms.join(later, on="crn").with_columns(shown=pl.col("crn").is_in(list(shown_later)))
    by_arm = outcomes.partition_by("arm", as_dict=True)
    return {
        "arms": {arm: count_people(people) for (arm,), people in sorted(by_arm.items())},
        "units": count_units(top.join(later, on="crn"), _units_begun(connection, night)),
    }


def _drawn_in(connection: Connection, run: str) -> pl.DataFrame:
    """Whom a run put in the queue: crn, drawn_as, and the group and level drawn for."""
    drawn = (
        select(items.c.crn, findings.c.drawn_as, findings.c.risk_group, findings.c.stratum)
        .join(findings, findings.c.item_id == items.c.id)
        .where(items.c.run_id == run)
    )
    schema = dict.fromkeys(["crn", "drawn_as", "group", "stratum"], pl.String())
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


def beside_the_cut(rows: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """The last people flagged of each unit and level, and as many next ones: crn, arm.

    Next are people who could have been drawn and were not, each at the level of the best place, of
    the levels at which anybody was flagged: as the draw itself ranks them.
    """
    flagged = rows.join(
        drawn.filter(pl.col("drawn_as") == "flagged").select("crn", "group", "stratum"),
        on=["crn", "group", "stratum"],
    )
    others = rows.filter(
        pl.col("what_happened") == "not chosen",
        pl.col("place").is_not_null(),
        pl.col("stratum").is_in(flagged["stratum"].unique().to_list()),
    )
    best = others.sort("place", "stratum", "group").unique("crn", keep="first", maintain_order=True)
    key = ["pdu_code", "stratum"]
    cut = flagged.group_by(key).agg(cut=pl.col("place").max())
    below = best.join(cut, on=key).filter(pl.col("place") > pl.col("cut"))
    above = flagged.sort("place", "crn", descending=True)
    pairs = above.group_by(key).len("above").join(below.group_by(key).len("below"), on=key)
    size = pl.min_horizontal("above", "below", pl.lit(BESIDE_THE_CUT))
    sizes = pairs.select(*key, size=size)
    sides = {"above the cut": above, "below the cut": below.sort("place", "crn")}
    nearest = [
        side.join(sizes, on=key, maintain_order="left")
        .filter(pl.int_range(pl.len()).over(key) < pl.col("size"))
        .select("crn", arm=pl.lit(name))
        for name, side in sides.items()
    ]
    return pl.concat(nearest)


def by_chance(rows: pl.DataFrame, drawn: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Those drawn at random, and a sample of those who could have been and were not: crn, arm.

    Who has nothing on record cannot be drawn.
    """
    by_lot = drawn.filter(pl.col("drawn_as") == "random").select("crn")
    at_random = by_lot.join(rows, on="crn", how="semi")
    could_be = rows.filter(
        pl.col("what_happened") == "not chosen",
        pl.col("why_not").is_null() | (pl.col("why_not") != "nothing on record"),
    )
    others = could_be.select("crn").unique().sort("crn")
    sample = others.sample(min(MOST_OTHERS, others.height), seed=seed)
    if at_random.is_empty():
        sample = sample.head(0)
    return pl.concat(
        [
            at_random.select("crn", arm=pl.lit("drawn at random")),
            sample.select("crn", arm=pl.lit("not drawn")),
        ]
    )


def highest_ranked(rows: pl.DataFrame) -> pl.DataFrame:
    """The people in the first hundredths of each recorded level, whatever happened to them: crn,
    pdu_code. Without those shown before, units that had begun would lack whom they showed.
    """
    return rows.filter(pl.col("place") <= TOP_SHARE).select("crn", "pdu_code").unique("crn")


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
    higher = rank_of("later") > pl.coalesce(rank_of("level"), pl.lit(LEVEL_RANK["MEDIUM"]))
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


def count_units(outcomes: pl.DataFrame, begun: set[str]) -> list[dict[str, Any]]:
    """By unit: whether it had begun, how many people rank highest, how many were raised.

    A unit with fewer than SMALL of them is left out: no count tells of a person.
    """
    counted = outcomes.group_by("pdu_code").agg(people=pl.len(), raised=pl.col("raised").sum())
    counted = counted.filter(pl.col("people") >= SMALL)
    return [
        {
            "unit": row["pdu_code"],
            "begun": row["pdu_code"] in begun,
            "people": row["people"],
            "raised": row["raised"],
        }
        for row in counted.sort("pdu_code").iter_rows(named=True)
    ]
