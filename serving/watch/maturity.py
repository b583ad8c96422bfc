"""Measures how much of what was queued has been read, which all outcome figures depend on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Connection, case, func, select

from serving.db.tables import findings, items
from serving.watch.figures import GREEN, THRESHOLDS, TOO_FEW, Figure, share_of
from serving.watch.readings import WITHIN

MATURE = timedelta(days=14)
"""A case queued longer ago than this should have been read."""
Read = Mapping[str, tuple[int, int]]
"""By how a case was drawn: how many are concluded, of how many."""


def read_of(connection: Connection, today: date) -> Read:
    """Of the cases queued in the half year up to a fortnight ago, how many have been read."""
    concluded = func.count().filter(items.c.state == "concluded")
    by_chance = case((findings.c.drawn_as == "random", "random"), else_="flagged")
    rows = connection.execute(
        select(by_chance, concluded, func.count())
        .select_from(findings.join(items, items.c.id == findings.c.item_id))
        .where(items.c.as_of.between(today - WITHIN, today - MATURE), ~items.c.limited)
        .group_by(by_chance)
    )
    return {drawn_as: (count, of) for drawn_as, count, of in rows}


def maturity_figure(counts_of: Read) -> Figure:
    """The share of queued cases that has been read, for flagged and random cases together."""
    concluded, of = (sum(counts[place] for counts in counts_of.values()) for place in (0, 1))
    return share_of(
        "mature", concluded, of, "Of 100 cases queued over two weeks ago, {n} are concluded."
    )


def with_maturity(one: Figure, counts_of: Read, drawn_as: str) -> Figure:
    """The figure with the share read of cases drawn like its own; not green under a half.

    `drawn_as` is "random", or "flagged" for every case drawn for what it holds.
    """
    concluded, of = counts_of.get(drawn_as, (0, 0))
    if not of or one.value is None:
        return one
    how = "at random" if drawn_as == "random" else "for what they hold"
    sentence = (
        f"{one.sentence} Of those drawn {how} over two weeks ago, {concluded:,} of {of:,} are read."
    )
    unripe = one.state == GREEN and concluded / of < THRESHOLDS["mature"].act
    return replace(one, sentence=sentence, state=TOO_FEW if unripe else one.state)


def with_maturity_of(one: Figure, counts_of: Read, kinds: Iterable[str]) -> Figure:
    """The figure with how much was read of each kind of case behind it."""
    for kind in kinds:
        one = with_maturity(one, counts_of, kind)
    return one
