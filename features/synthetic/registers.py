"""Makes the registers table: overall level, groups above low, suspension and others."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from features.contracts import codes
from features.synthetic import figures
from features.synthetic.draw import (
    FIRST_DAYS,
    MONTHS,
    Desk,
    Events,
    Ints,
    blank_where,
    pick_labels,
)
from features.synthetic.lives import Lives
from features.synthetic.practice import Practice


def registers_table(desk: Desk, lives: Lives, practice: Practice) -> pl.DataFrame:
    """Make the registers table of a bucket of made-up cases, as NDelius keeps registers."""
    rng = desk.draw.stream("registers")
    # Some registers are not brought up to date for half a year.
    registered = practice.recorded.copy()
    registered[:, rng.random(len(lives)) < 0.05, -6:] = -2
    for month in range(MONTHS - 6, MONTHS):
        registered[:, :, month] = np.where(
            registered[:, :, month] == -2, registered[:, :, month - 1], registered[:, :, month]
        )
    types = ["RLRH", "RMRH", "RHRH", "RVHR"]
    # Each person's on another day of the month: registers that bunch would look like drift.
    day = desk.draw.stream("register days").integers(0, 30, len(lives))
    at, level, until = _level_changes(registered.max(axis=0), 0, day)
    parts = [_following_rows(desk, "REO", at, until, pick_labels(types, level))]
    groups = [(c, g) for c, g in codes.GROUP_REGISTER.items() if g in codes.COMMUNITY_GROUPS]
    for i, (code, group) in enumerate(groups):
        at, level, until = _level_changes(registered[codes.COMMUNITY_GROUPS.index(group)], 1, day)
        levels = pick_labels(["RSKL", "RSKM", "RSKH", "RSKV"], level)
        parts.append(
            _following_rows(
                desk, f"REG{i}", at, until, _repeat_code(code, len(at)), level_code=levels
            )
        )
    abuse = lives.people.traits["abuse"] + 0.5 * rng.normal(size=len(lives))
    abusive = np.nonzero(abuse > np.quantile(abuse, 1 - figures.DOMESTIC_ABUSE_PERPETRATORS.value))[
        0
    ]
    parts.append(
        _register_rows(desk, lives, rng, "REA", abusive, _repeat_code("ADVP", len(abusive)))
    )
    civil = restrained_people(desk, lives)
    civil = civil[rng.random(len(civil)) < 0.85]
    parts.append(_register_rows(desk, lives, rng, "RER", civil, _repeat_code("RSTO", len(civil))))
    return pl.concat(parts)


def _level_changes(levels: Ints, least: int, day: Ints) -> tuple[Events, Ints, Ints]:
    """When each recorded level of at least `least` began, its value, and when it ended.

    Ends are days back, -1 where it still stands; `day` is the day of the month of each case.
    """
    before = np.concatenate([np.full((len(levels), 1), -1), levels[:, :-1]], axis=1)
    who, month = np.nonzero(levels != before)
    back = FIRST_DAYS[month].astype(np.int64) - day[who]
    level = levels[who, month]
    follows = np.append(who[1:] == who[:-1], False)
    until = np.where(follows, np.maximum(np.append(back[1:], 0), -1), -1)
    # What is still to come is not on record yet: moved to the last day, it would bunch there.
    is_change = (level >= least) & (back >= 0)
    return Events(who[is_change], back[is_change]), level[is_change], until[is_change]


def _following_rows(
    desk: Desk, prefix: str, at: Events, until: Ints, types: pl.Series, **more: Any
) -> pl.DataFrame:
    """Register entries that follow the recorded level: each ends where the next begins."""
    review, ended = desk.draw.day(at.back - 180), blank_where(desk.draw.day(until), until < 0)
    return desk.table_rows(
        "registrations", prefix, at, type_code=types, next_review_on=review, ended_on=ended, **more
    )


def suspension_rows(desk: Desk, suspended: Ints) -> pl.DataFrame:
    """Make the register rows that say that a made-up person's contact is suspended."""
    who = np.nonzero(suspended >= 0)[0]
    return desk.table_rows(
        "registrations", "REP", Events(who, suspended[who]), type_code=_repeat_code("PRC", len(who))
    )


def _register_rows(
    desk: Desk,
    lives: Lives,
    rng: np.random.Generator,
    prefix: str,
    who: Ints,
    types: pl.Series,
    **more: Any,
) -> pl.DataFrame:
    back = (lives.sentences.start[who] * rng.uniform(0.2, 0.95, len(who))).astype(np.int64)
    at = Events(who, np.maximum(back, 1))
    review = desk.draw.day(at.back - 180)
    return desk.table_rows(
        "registrations", prefix, at, type_code=types, next_review_on=review, **more
    )


def _repeat_code(code: str, size: int) -> pl.Series:
    return pick_labels([code], np.zeros(size, dtype=np.int64))


def restrained_people(desk: Desk, lives: Lives) -> Ints:
    """The made-up people with a restraining order."""
    chance = desk.draw.stream("restrained").random(len(lives))
    people: Ints = np.nonzero((lives.people.traits["abuse"] > 0.9) & (chance < 0.5))[0]
    return people
