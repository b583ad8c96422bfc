"""Computes the figures that the board watches after each night, and stores them as snapshots.

Pages and the pack only read snapshots. Each figure has a state from one table (`figures.py`); what
cannot be told is said so, never nought and never green.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, RowMapping, case, func, insert, select

from features.store.store import Store
from features.store.volumes import Supplied
from models.firing_shares import Shares
from models.profile import Counts, Profile
from serving.db.unit_tables import snapshots
from serving.watch import (
    arrivals,
    effect,
    equality,
    followed,
    lists,
    moved,
    notes,
    population,
    readers,
    readings,
    repeat_readings,
)
from serving.watch.figures import THRESHOLDS, TOPICS, WORST_FIRST, Figure, Part, count_states

__all__ = [
    "THRESHOLDS",
    "TOPICS",
    "Figure",
    "CountedNight",
    "Topic",
    "write_snapshot",
    "keep_again",
    "count_states",
]
VERSION = 2
HISTORY = 90
"""Snapshots that a picture goes back."""


@dataclass(frozen=True)
class CountedNight:
    """A night's counts over the whole caseload, and who was scored, for the fairness figures."""

    store: Store
    profile: Profile | None
    counts: Counts
    week: Supplied
    days: pl.DataFrame
    """Rows by table, region and day of recording, five weeks back."""
    people: pl.DataFrame
    """Everyone scored: crn, and the characteristics."""
    marked: pl.DataFrame
    """Where indicators fire that are watched for bias."""
    notes: pl.DataFrame
    """Notes and entries read in them, by region (features.store.note_volumes)."""
    shares: Shares
    """Of how many people each indicator fires, by slice (models.firing_shares)."""
    rows: pl.DataFrame
    """The outcome rows of the night, one a person and group."""
    weekly_reviews: Mapping[str, int]
    scores: Path
    as_of: date


def write_snapshot(connection: Connection, night: CountedNight, today: date) -> list[Figure]:
    """Compute every figure after a night and store them as a snapshot."""
    concluded = readings.read_readings(connection, today)
    figures = [
        *arrivals.arrival_figures(night.store, night.profile, night.week, night.as_of),
        arrivals.last_day(night.store, night.days, night.as_of),
        *population.population_figures(night.profile, night.counts),
        *moved.moved_figures(connection, night.profile, night.shares, night.as_of),
        *readers.reader_figures(connection, concluded, today),
        repeat_readings.same_again_figure(connection, today),
        *lists.list_figures(
            connection, night.rows, night.weekly_reviews, night.scores, night.as_of
        ),
        *lists.of_the_queue(connection, today),
        *equality.equality_figures(connection, night.people, night.marked, concluded, night.as_of),
        *notes.note_figures(connection, night.people, night.notes),
    ]
    moved.write_shares(connection, night.shares, night.as_of)
    followed.follow_night(connection, night.store, night.scores, night.as_of)
    figures += effect.effect_figures(connection, night.as_of)
    return _insert_snapshot(connection, night.as_of, figures)


def keep_again(connection: Connection, today: date) -> list[Figure]:
    """Compute the figures of readers and queue again; the others stay as of the last night."""
    concluded = readings.read_readings(connection, today)
    fresh = [
        *readers.reader_figures(connection, concluded, today),
        repeat_readings.same_again_figure(connection, today),
        *lists.of_the_queue(connection, today),
    ]
    names = {one.name for one in fresh}
    last = newest_snapshot(connection)
    older = [] if last is None else [f for f in figures_of(last) if f.name not in names]
    return _insert_snapshot(connection, today if last is None else last["as_of"], [*older, *fresh])


def _insert_snapshot(connection: Connection, as_of: date, figures: list[Figure]) -> list[Figure]:
    ordered = sorted(figures, key=lambda one: list(THRESHOLDS).index(one.name))
    contents = [asdict(one) for one in ordered]
    parts = {one["name"]: one.pop("parts") for one in contents}
    values = {"as_of": as_of, "version": VERSION, "figures": contents, "parts": parts}
    connection.execute(insert(snapshots).values(**values))
    return ordered


def newest_snapshot(
    connection: Connection, until: date | None = None, by: datetime | None = None
) -> RowMapping | None:
    """The newest snapshot of the last night, or of the last night up to a day.

    `by`: of that night's the last that was made by then, so that what readers did later is not told
    of it; the first one where all were made later.
    """
    rows = select(snapshots).order_by(snapshots.c.as_of.desc())
    if until is not None:
        rows = rows.where(snapshots.c.as_of <= until)
    if by is not None:
        then = snapshots.c.at <= by
        rows = rows.order_by(then.desc(), case((then, -snapshots.c.id), else_=snapshots.c.id))
    else:
        rows = rows.order_by(snapshots.c.id.desc())
    return connection.execute(rows.limit(1)).mappings().first()


def newest_made_by(connection: Connection, until: date, by: datetime) -> RowMapping | None:
    """The newest snapshot, made by a moment, of the last night up to a day."""
    rows = select(snapshots).where(snapshots.c.as_of <= until, snapshots.c.at <= by)
    ordered = rows.order_by(snapshots.c.as_of.desc(), snapshots.c.id.desc())
    return connection.execute(ordered.limit(1)).mappings().first()


def figure_history(
    connection: Connection, until: date, by: datetime | None = None
) -> dict[str, list[tuple[date, Figure]]]:
    """For each figure, its value in the last snapshot of each night, oldest first.

    Nights without a snapshot are left out; a figure that was not computed has no value. `by`: only
    what was made by then.
    """
    last = (
        select(func.max(snapshots.c.id))
        .where(snapshots.c.as_of <= until, *([snapshots.c.at <= by] if by else []))
        .group_by(snapshots.c.as_of)
        .order_by(snapshots.c.as_of.desc())
        .limit(HISTORY)
    )
    rows = select(snapshots.c.as_of, snapshots.c.figures).where(snapshots.c.id.in_(last))
    history: dict[str, list[tuple[date, Figure]]] = {name: [] for name in THRESHOLDS}
    for row in connection.execute(rows.order_by(snapshots.c.as_of)).mappings():
        for one in figures_of(row):
            history[one.name].append((row["as_of"], one))
    return history


def figures_of(snapshot: Mapping[Any, Any]) -> list[Figure]:
    """The figures of a snapshot, including one stored by an earlier version."""
    parts = snapshot.get("parts") or {}
    return [
        Figure(**content, parts=[Part(**part) for part in parts.get(content["name"], [])])
        for content in snapshot["figures"]
        if content["name"] in THRESHOLDS
    ]


@dataclass(frozen=True)
class Topic:
    """One question of the board with its figures; its state is that of the worst figure."""

    key: str
    question: str
    figures: list[Figure]

    @property
    def worst_figure(self) -> Figure | None:
        """The figure in the worst state, or None where none was computed."""
        return min(self.figures, key=lambda one: WORST_FIRST.index(one.state), default=None)


def topics_of(figures: list[Figure]) -> list[Topic]:
    """The board's questions in their order, each with the watched figures that answer it."""
    return [
        Topic(key, question, [one for one in figures if THRESHOLDS[one.name].topic == key])
        for key, question in TOPICS.items()
    ]
