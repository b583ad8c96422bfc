"""Makes stories in which a whole level is missed: their sequence of events, and what became of it.

A story raises the true level of one group for some months, and leaves entries scattered over them
(stories.toml). Some are noticed by the practitioner, whose recorded level then follows. Of people
whose life hardly reaches any record little is written. False alarms leave a part of the entries and
raise nothing.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.contracts import codes
from features.synthetic import figures
from features.synthetic.draw import (
    FIRST_DAYS,
    MONTH,
    MONTHS,
    Desk,
    Draw,
    Events,
    Ints,
    draw_delays,
)
from features.synthetic.lives import Lives

PLOTS = Path(__file__).with_name("stories.toml")
OF_CONCEALED = 0.15
"""Share of a story's entries that reach the record where a person's life hardly does."""
OF_FALSE_ALARM = 0.4
PAST_DAYS = (1100, 3600)
"""How many days before it comes on record the past of a story lies."""
ALLEGED = ("violence", "domestic_abuse", "threat", "sexual", "sexual_concern_child")
PLACES = ("table", "least", "most", "from", "to")
"""The parts of an entry that are not columns of its table."""


@dataclass(frozen=True)
class Plot:
    """A kind of story: the group whose level it raises, and the entries that it leaves."""

    name: str
    group: str
    entries: tuple[dict[str, Any], ...]
    past: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Stories:
    """The stories of a bucket: whose, which plot, when (days back), and by how many levels."""

    who: Ints
    plot: Ints
    begins: Ints
    lasts: Ints
    rise: Ints
    """0 for a false alarm."""
    noticed: Ints
    """The month from which the practitioner sees it; MONTHS if never."""

    def __len__(self) -> int:
        return len(self.who)


@cache
def read_plots() -> tuple[Plot, ...]:
    """The kinds of stories, in the order of their file."""
    content = tomllib.loads(PLOTS.read_text(encoding="utf-8"))
    return tuple(
        Plot(one["name"], one["group"], tuple(one["entries"]), tuple(one.get("past", ())))
        for one in content["story"]
    )


def draw_stories(draw: Draw, lives: Lives, share: float) -> Stories:
    """Draw which made-up people have a story; `share` is that of people over all months."""
    rng = draw.stream("stories")
    n = len(lives)
    begins, lasts = rng.integers(45, MONTHS * MONTH - 60, n), rng.integers(120, 480, n)
    supervised = lives.sentences.on[np.arange(n), MONTHS - 1 - begins // MONTH] > 0
    who = np.nonzero((rng.random(n) < share) & supervised)[0]
    size = len(who)
    rise = np.where(rng.random(size) < figures.TWO_LEVELS.value, 2, 1)
    rise = np.where(rng.random(size) < figures.FALSE_ALARMS.value, 0, rise)
    wait = rng.integers(2, 9, size)
    noticed = (rng.random(size) < figures.STORIES_NOTICED.value) & (rise > 0)
    month = MONTHS - 1 - begins[who] // MONTH
    return Stories(
        who=who,
        plot=rng.integers(0, len(read_plots()), size),
        begins=begins[who],
        lasts=lasts[who],
        rise=rise,
        noticed=np.where(noticed, np.minimum(month + wait, MONTHS), MONTHS),
    )


def raise_levels(lives: Lives, stories: Stories) -> Lives:
    """The lives with the true levels that their stories raise, and what is noticed of it."""
    raised = np.zeros_like(lives.true)
    noticed = np.zeros(lives.true.shape[1:], dtype=bool)
    for place, plot in enumerate(read_plots()):
        group = codes.COMMUNITY_GROUPS.index(plot.group)
        own = np.nonzero(stories.plot == place)[0]
        who, begins = stories.who[own], stories.begins[own]
        # It is there once a third of it is told: before, there was little to see.
        since = begins - stories.lasts[own] // 3
        until = np.maximum(begins - stories.lasts[own], -1)
        during = (FIRST_DAYS[None, :] <= since[:, None]) & (FIRST_DAYS[None, :] > until[:, None])
        raised[group, who] = during * stories.rise[own][:, None]
        noticed[who] = np.arange(MONTHS)[None, :] >= stories.noticed[own][:, None]
    true = np.minimum(lives.true + raised, len(codes.LEVELS) - 1)
    return replace(lives, true=true, raised=true - lives.true, noticed=noticed)


def add_story_rows(
    desk: Desk, lives: Lives, stories: Stories, tables: dict[str, pl.DataFrame], staff: pl.Series
) -> dict[str, pl.DataFrame]:
    """The tables with the entries that the stories left; `staff` is who holds each case now."""
    rng = desk.draw.stream("story entries")
    more: dict[str, list[pl.DataFrame]] = {name: [] for name in tables}
    number = 0
    for place, plot in enumerate(read_plots()):
        own = np.nonzero(stories.plot == place)[0]
        for entry in (*plot.entries, *plot.past):
            at, delay = _when(rng, lives, stories, own, entry)
            number += 1
            more[entry["table"]].append(
                _entry_rows(desk, rng, entry, at, delay, f"ST{number:03d}", staff)
            )
    return {name: pl.concat([rows, *more[name]]) for name, rows in tables.items()}


def _when(
    rng: np.random.Generator, lives: Lives, stories: Stories, own: Ints, entry: dict[str, Any]
) -> tuple[Events, Ints]:
    """When one kind of entry happened in each story, and how many days later it was recorded."""
    counts = rng.integers(entry["least"], entry["most"] + 1, len(own))
    which = np.repeat(own, counts)
    start, end = entry.get("from", 0.3), entry.get("to", 0.9)
    along = start + (end - start) * rng.random(len(which))
    heard = stories.begins[which] - (along * stories.lasts[which]).astype(np.int64)
    back, delay = heard, draw_delays(rng, len(which), figures.LATE.value)
    if "from" not in entry:
        back = heard + rng.integers(*PAST_DAYS, len(which))
        delay = back - heard
    reaches = np.where(lives.concealed[stories.who[which]], OF_CONCEALED, 1.0)
    reaches = reaches * np.where(stories.rise[which] == 0, OF_FALSE_ALARM, 1.0)
    month = np.clip(MONTHS - 1 - heard // MONTH, 0, MONTHS - 1)
    supervised = lives.sentences.on[stories.who[which], month] > 0
    written = (rng.random(len(which)) < reaches) & (heard >= 0) & supervised
    return Events(stories.who[which][written], back[written]), delay[written]


def _entry_rows(
    desk: Desk,
    rng: np.random.Generator,
    entry: dict[str, Any],
    at: Events,
    delay: Ints,
    prefix: str,
    staff: pl.Series,
) -> pl.DataFrame:
    columns: dict[str, Any] = {
        name: pl.lit(value) for name, value in entry.items() if name not in PLACES
    }
    if entry["table"] == "incidents":
        severity: Ints = np.clip(rng.binomial(4, 0.55, len(at)) + 1, 1, 5)
        columns["severity"] = pl.Series(severity)
        allegation = "allegation" if entry["kind"] in ALLEGED else "fact"
        columns["certainty"] = pl.lit(
            "intelligence" if "intelligence" in entry["kind"] else allegation
        )
    if entry["table"] == "contacts":
        columns["staff_code"] = staff.gather(at.who)
        columns["system_generated"] = pl.lit(value=False)
    return desk.table_rows(entry["table"], prefix, at, delay, **columns)
