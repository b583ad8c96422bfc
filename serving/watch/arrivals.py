"""Watches the feeds: rows of the week against the usual number, lateness, refusals, silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from features.history.rows_of_notes import TABLE as NOTE_ENTRIES
from features.intervals import wilson_interval
from features.store.store import Load, Store
from features.store.volumes import Supplied
from models.profile import SUPPLY_DAYS, Profile
from serving.db import working_days
from serving.watch.figures import (
    TOO_FEW,
    Figure,
    Part,
    count_figure,
    not_known,
    part_share,
    state_of,
    untold_part,
    worst_part,
)

WEEKS = SUPPLY_DAYS / 7
FEWEST_TO_STOP = 20
"""The usual number of rows from which no rows at all cannot be chance, even in a small table."""
FEWEST_ROWS = 50
"""The usual rows a week below which a table and region are too few to judge."""
SURE = 3.29
"""Standard errors of a 99.9 % interval: every table of every region is looked at each night."""
WEEKS_BEFORE = 5
MISSING = "the model came without a record of what is usual."


def arrival_figures(
    store: Store, profile: Profile | None, week: Supplied, as_of: date
) -> list[Figure]:
    """The figures on rows received in the week up to a day, by table and region."""
    loaded = [
        _refused_figure("refused", store.loads[-1]),
        _refused_figure("unknown_codes", store.loads[-1]),
    ]
    stopped = _stopped_tables(store, profile, as_of)
    if profile is None:
        names = ("rows_few", "rows_many", "late")
        return [*(not_known(name, MISSING) for name in names), *loaded, stopped]
    return [
        worst_part(
            "rows_few",
            _row_parts("rows_few", profile.supplied, week),
            "A week brought {n} times the usual rows of {where}.",
            MISSING,
        ),
        worst_part(
            "rows_many",
            _row_parts("rows_many", profile.supplied, week),
            "A week brought {n} times the usual rows of {where}.",
            MISSING,
        ),
        worst_part(
            "late",
            _lateness_parts(profile.supplied, week),
            "Of 100 entries, {n} more than usual came over a week late: {where}.",
            MISSING,
        ),
        *loaded,
        stopped,
    ]


def _row_parts(name: str, usual: Supplied, week: Supplied) -> list[Part]:
    """Rows by table and region, and by table alone, since a small table can stop everywhere."""
    parts = []
    for table, regions in usual.items():
        counts = {
            f"{table} in {region}": (rows / WEEKS, week.get(table, {}).get(region, (0, 0))[0])
            for region, (rows, _) in regions.items()
        }
        counts[f"{table} everywhere"] = (
            sum(rows for rows, _ in regions.values()) / WEEKS,
            sum(rows for rows, _ in week.get(table, {}).values()),
        )
        for label, (expected, got) in counts.items():
            if expected < FEWEST_ROWS and (got or expected < FEWEST_TO_STOP):
                parts.append(Part(label, None, None, None, got, TOO_FEW))
                continue
            half = 2.576 * max(got, 1) ** 0.5 / expected
            ratio = got / expected
            low, high = max(0.0, ratio - half), ratio + half
            # By the near end of a 99 % interval: many tables and regions are looked at at once.
            state = state_of(name, low if name == "rows_many" else high if got else 0.0)
            parts.append(Part(label, ratio, low, high, got, state))
    return parts


def silent_feeds(
    usual: Supplied, week: Supplied, days: pl.DataFrame, people: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    """The tables of which a region sent nothing in a week, by region, and since when.

    Where at least FEWEST_TO_STOP rows a week were usual when the model was approved. `days` are the
    counts by table, region and day, `people` how many are under supervision by region. Each region
    has `people` and `tables`, with an ISO day: the one after the last row, or the first of `days`.
    """
    first = days["day"].min()
    silent: dict[str, dict[str, Any]] = {}
    for table, regions in usual.items():
        if table == NOTE_ENTRIES:
            continue  # they are read in contacts, and stop with them
        for region, (rows, _) in regions.items():
            if rows / WEEKS < FEWEST_TO_STOP or week.get(table, {}).get(region, (0, 0))[0]:
                continue
            own_days = days.filter(table=table, region=region).filter(pl.col("rows") > 0)
            last = own_days["day"].max()
            since = first if last is None else last + timedelta(days=1)  # type: ignore[operator]
            if since is not None:
                own = silent.setdefault(region, {"people": people.get(region, 0), "tables": {}})
                own["tables"][table] = since.isoformat()  # type: ignore[union-attr]
    return silent


def last_day(store: Store, days: pl.DataFrame, as_of: date) -> Figure:
    """The last whole day by table and region, against the same weekday of earlier weeks.

    A feed that failed is seen the next morning, where the week's figure needs several days. The
    middle of those weeks is what is usual: one holiday among them does not move it.
    """
    day = min(as_of, store.extracted_on - timedelta(days=1))
    day_words = f"on {day.day} {day:%B}"
    if working_days.is_bank_holiday(day):
        return not_known("day_few", f"there was a bank holiday {day_words}.")
    before = [day - timedelta(weeks=week) for week in range(1, WEEKS_BEFORE + 1)]
    before = [one for one in before if not working_days.is_bank_holiday(one)]
    parts = []
    for label, by_day in _by_place(days).items():
        usual = float(np.median([by_day.get(one, 0) for one in before]))
        if usual < FEWEST_TO_STOP:
            parts.append(untold_part(label, by_day.get(day, 0)))
            continue
        got = by_day.get(day, 0)
        half = SURE * max(got, 1) ** 0.5 / usual
        low, high = max(0.0, got / usual - half), got / usual + half
        state = state_of("day_few", high if got else 0.0)
        parts.append(Part(label, got / usual, low, high, got, state))
    words = f"The record of {day.day} {day:%B} has {{n}} times the usual rows of {{where}}."
    return worst_part("day_few", parts, words, "nothing was supplied.")


def _by_place(days: pl.DataFrame) -> dict[str, dict[date, int]]:
    """Rows by day for each table and region, and for each table alone."""
    places: dict[str, dict[date, int]] = {}
    for table, region, day, rows in days.select("table", "region", "day", "rows").iter_rows():
        for label in (f"{table} in {region}", f"{table} everywhere"):
            by_day = places.setdefault(label, {})
            by_day[day] = by_day.get(day, 0) + rows
    return dict(sorted(places.items()))


def _lateness_parts(usual: Supplied, week: Supplied) -> list[Part]:
    """How far the share of late entries exceeds the usual one, by region and by table."""
    parts = []
    regions = sorted({region for by in usual.values() for region in by})
    for region in regions:
        parts.append(_lateness_part(region, _sum_counts(usual, region), _sum_counts(week, region)))
        parts += [
            _lateness_part(
                f"{table} in {region}", by[region], week.get(table, {}).get(region, (0, 0))
            )
            for table, by in usual.items()
            if region in by and len(usual) > 1
        ]
    return parts


def _lateness_part(label: str, then: tuple[int, int], now: tuple[int, int]) -> Part:
    if min(then[0], now[0]) < FEWEST_ROWS:
        return Part(label, None, None, None, now[0], TOO_FEW)
    then_late = then[1] / then[0]
    low, high = (
        max(0.0, end - then_late) for end in wilson_interval(now[1] / now[0], now[0], SURE)
    )
    more = max(0.0, now[1] / now[0] - then_late)
    # A single table by the near end of its interval: there are many of them.
    state = state_of("late", low if " in " in label else more)
    return Part(label, more, low, high, now[0], state)


def _sum_counts(counts: Supplied, region: str) -> tuple[int, int]:
    parts = [by.get(region, (0, 0)) for by in counts.values()]
    return sum(rows for rows, _ in parts), sum(late for _, late in parts)


def _refused_figure(name: str, load: Load) -> Figure:
    parts = [
        _near_end(
            name, part_share(name, table, int(table_counts.get(name, 0)), int(table_counts["read"]))
        )
        for table, table_counts in load.tables.items()
    ]
    words = {
        "refused": "Of 100 rows of {where} in the newest load, {n} were refused.",
        "unknown_codes": "Of 100 rows of {where}, {n} have a code never seen.",
    }
    return worst_part(name, parts, words[name], "there has been no load.")


def _near_end(name: str, part: Part) -> Part:
    """The part with the end of its interval nearest to "no change" as its value."""
    return part if part.low is None else replace(part, state=state_of(name, part.low))


def _stopped_tables(store: Store, profile: Profile | None, as_of: date) -> Figure:
    """The tables supplied when the model was approved that are no longer supplied."""
    if profile is None:
        return not_known("feeds_gone", MISSING)
    supplied = set(profile.supplied)
    stopped = sorted(
        name
        for name, state in store.feed_states(as_of).items()
        if name in supplied and state != "supplied"
    )
    words = "{n} of {of} tables have stopped" + (f": {', '.join(stopped)}." if stopped else ".")
    return count_figure("feeds_gone", len(stopped), len(supplied), words)
