"""Readers and what they found: misses, precision, agreement, changes of view, how long, how alike.

Worked out after each night from what readers recorded before they saw anything; no person and no
reader is named. Too few readings are "too few to tell", never green.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from sqlalchemy import Connection, RowMapping, func, select

from models import reader_error
from serving.db.tables import conclusions, findings, items, own_views, second_reads
from serving.watch.figures import (
    FEWEST,
    GREEN,
    TOO_FEW,
    Figure,
    Part,
    counted,
    figure,
    part_share,
    share_of,
    too_few,
    wilson,
)

WITHIN = timedelta(days=182)
"""What was concluded in this time counts: two approvals long."""
MINUTES = (2, 5, 8, 15, 30)
"""Times on a case are told in these steps: eight minutes is what a review was reckoned at."""
QUICK = timedelta(minutes=1)
"""Concluding sooner after the own view than this is no reading of the findings."""
MATURE = timedelta(days=14)
"""A case queued longer ago than this should have been read."""


def figures(connection: Connection, read: list[Reading], today: date) -> list[Figure]:
    """Every figure of some readings as it stands; the night's role reads what they rest on."""
    random = [one for one in read if one.drawn_as == "random"]
    flagged = [one for one in read if one.drawn_as == "flagged"]
    double = [one for one in read if one.second is not None]
    right = [one for one in read if not one.first]
    low = [one for one in read if one.first]
    return [
        share("misses", random, lambda one: one.first,
               "Of 100 people not flagged and drawn at random, {n} have a level that the first "
               "reader called too low."),
        corrected(read),
        share("precision", flagged, lambda one: one.first,
               "Of 100 people flagged, {n} have a level that the first reader called too low, "
               "before seeing why."),
        _observed(flagged),
        _mature(connection, today),
        share("agreement", double, lambda one: one.first == one.second,
               "Two blind readers of one case agreed whether a level is too low in {n} of 100.",
               lambda one: one.weight / one.second_probability),
        share("raised_after", right, lambda one: one.asked,
               "After the findings, {n} of 100 readers asked for a reassessment although they had "
               "called no level too low. Much of this may mean a rubber stamp."),
        share("kept_after", low, lambda one: one.kept,
               "After the findings, {n} of 100 readers kept a level that they had called too low."),
        _hasty(read),
        _quick(read),
        _same_words(read),
        _units_that_follow(right),
    ]  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """One concluded case: how it was drawn, whether each reader called a level too low."""

    drawn_as: str
    weight: float
    first: bool
    second: bool | None
    second_probability: float
    asked: bool
    kept: bool
    changed: bool
    """After the findings the conclusion was not that of the own view, either way."""
    crn: str
    pdu_code: str
    probability: float | None
    same_group: bool
    """The first reader called the level of the flagged group itself too low."""
    read_for: timedelta | None
    """From opening the case to the recorded view; None where that was not kept."""
    took: timedelta
    """From the recorded view to the conclusion."""
    reasons: str


def readings(connection: Connection, today: date) -> list[Reading]:
    """Every case concluded in the half year up to a day, as its readers left it.

    Not since ever: what readers do now would be lost among what they did for years.
    """
    since = datetime.combine(today - WITHIN, time.min, UTC)
    rows = connection.execute(
        select(
            items.c.id, items.c.crn, items.c.pdu_code, findings.c.drawn_as,
            findings.c.inclusion_probability, findings.c.risk_group,
            findings.c.probability.label("said"), conclusions.c.reasons,
            conclusions.c.username, conclusions.c.outcome, conclusions.c.groups, conclusions.c.at,
            second_reads.c.probability,
        )
        .join(findings, findings.c.item_id == items.c.id)
        .join(conclusions, conclusions.c.item_id == items.c.id)
        .join(second_reads, second_reads.c.item_id == items.c.id, isouter=True)
        .where(conclusions.c.at >= since)
    ).mappings().all()  # fmt: skip
    views: dict[int, dict[str, RowMapping]] = {}
    told = (
        select(own_views)
        .join(conclusions, conclusions.c.item_id == own_views.c.item_id)
        .where(conclusions.c.at >= since)
        .order_by(own_views.c.at)
    )
    for view in connection.execute(told).mappings():
        views.setdefault(view["item_id"], {})[view["username"]] = view
    return [_reading(row, views[row["id"]]) for row in rows if row["id"] in views]


def _reading(row: RowMapping, views: dict[str, RowMapping]) -> Reading:
    # A view given up before the conclusion is no second reading: nobody drew it.
    others = [_low(v) for who, v in views.items() if who != row["username"] and v["at"] > row["at"]]
    own = views[row["username"]]
    asked, kept = "too_low" in row["groups"].values(), row["outcome"] == "keep_level"
    return Reading(
        drawn_as=row["drawn_as"],
        weight=1.0 / row["inclusion_probability"],
        first=_low(own),
        second=others[0] if others else None,
        second_probability=row["probability"] or 1.0,
        asked=asked,
        kept=kept,
        changed=(asked and not _low(own)) or (kept and _low(own)),
        crn=row["crn"],
        pdu_code=row["pdu_code"],
        probability=row["said"],
        same_group=own["verdicts"].get(row["risk_group"]) == "too_low",
        read_for=own["at"] - own["opened_at"] if own["opened_at"] else None,
        took=row["at"] - own["at"],
        reasons=row["reasons"],
    )


def _low(view: RowMapping) -> bool:
    return "too_low" in view["verdicts"].values()


def share(
    name: str,
    read: list[Reading],
    holds: Callable[[Reading], bool | None],
    words: str,
    weigh: Callable[[Reading], float] = lambda one: one.weight,
) -> Figure:
    """A weighted share with a Wilson interval on as many readings as the weights are worth."""
    if len(read) < FEWEST:
        return too_few(name, len(read))
    weight = np.array([weigh(one) for one in read])
    said = np.array([bool(holds(one)) for one in read])
    share = float(weight[said].sum() / weight.sum())
    worth = float(weight.sum() ** 2 / (weight**2).sum())
    if worth < FEWEST:
        return too_few(name, int(worth))
    low, high = wilson(share, worth)
    return figure(name, share, low, high, len(read), words)


def corrected(read: list[Reading]) -> Figure:
    """The misses corrected for readers who err.

    Who is read twice depends on what the first reader said, which is known: no weights are needed.
    """
    name = "misses_corrected"
    twice, once = np.zeros((2, 4)), np.zeros((2, 2))
    for one in read:
        population = 0 if one.drawn_as == "random" else 1
        if one.second is None:
            once[population, 0 if one.first else 1] += 1
        else:
            place = (0 if one.second else 1) if one.first else (2 if one.second else 3)
            twice[population, place] += 1
    found = reader_error.corrected(twice, once)
    if found is None:
        return too_few(name, int(twice.sum()))
    return figure(
        name, found.share[0], found.low, found.high, int(twice.sum() + once.sum()),
        "Corrected for readers who err, {n} of 100 people not flagged have a level too low.",
    )  # fmt: skip


def _observed(flagged: list[Reading]) -> Figure:
    """Of flagged cases: found too low in the flagged group for each one expected (calibration)."""
    told = [one for one in flagged if one.probability is not None]
    if len(told) < FEWEST:
        return too_few("observed", len(told))
    expected = sum(one.probability or 0.0 for one in told)
    found = sum(one.same_group for one in told)
    low, high = wilson(found / len(told), len(told))
    scale = len(told) / expected
    return figure("observed", found / expected, low * scale, high * scale, len(told),
                  "For each level expected to be called too low, {n} were.")  # fmt: skip


def _mature(connection: Connection, today: date) -> Figure:
    """How much of what was queued over a fortnight ago has been read: what the rest rests on."""
    old = select(items.c.state, func.count()).where(
        items.c.as_of <= today - MATURE, ~items.c.limited
    )
    rows = connection.execute(old.group_by(items.c.state))
    counts: dict[str, int] = {row[0]: row[1] for row in rows}
    return share_of("mature", counts.get("concluded", 0), sum(counts.values()),
                    "Of 100 cases queued over two weeks ago, {n} are concluded.")  # fmt: skip


def _hasty(read: list[Reading]) -> Figure:
    """How long a case was open before the own view was recorded: how many minutes, how often."""
    minutes = [one.read_for.total_seconds() / 60 for one in read if one.read_for is not None]
    if not minutes:
        return too_few("hasty", 0)
    bounds = np.array(MINUTES)
    counts = np.bincount(np.searchsorted(bounds, minutes, side="right"), minlength=len(bounds) + 1)
    labels = [f"under {bounds[0]} minutes",
              *(f"{a} to {b} minutes" for a, b in itertools.pairwise(MINUTES)),
              f"{bounds[-1]} minutes or more"]  # fmt: skip
    parts = [
        Part(label, int(count) / len(minutes), None, None, int(count), GREEN)
        if len(minutes) >= FEWEST else Part(label, None, None, None, int(count), TOO_FEW)
        for label, count in zip(labels, counts, strict=True)
    ]  # fmt: skip
    low, middle, high = np.percentile(minutes, [25, 50, 75])
    words = (
        "Of 100 cases, {n} were open for less than two minutes before a view was recorded; "
        f"half for {middle:.0f} minutes or less, the middle half {low:.0f} to {high:.0f}."
    )
    return share_of("hasty", int(counts[0]), len(minutes), words, parts)


def _quick(read: list[Reading]) -> Figure:
    quick = sum(one.took < QUICK for one in read)
    middle = float(np.median([one.took.total_seconds() / 60 for one in read])) if read else 0.0
    words = f"Of 100 reviews, {{n}} were concluded in a minute; half in {middle:.0f} or less."
    return share_of("quick", quick, len(read), words)


def _same_words(read: list[Reading]) -> Figure:
    """Reasons that are those of another review: the same words, whatever their order or case."""
    keys = Counter(_key(one.reasons) for one in read)
    again = sum(count for count in keys.values() if count > 1)
    return share_of("same_words", again, len(read),
                    "Of 100 conclusions, {n} give the same reasons as another one.")  # fmt: skip


def _key(reasons: str) -> str:
    return " ".join(sorted(set(re.findall(r"[a-z]+", reasons.lower()))))


def _units_that_follow(right: list[Reading]) -> Figure:
    """Units in which half or more of the reviews followed the findings against the own view.

    Units, never people, and only where there are enough reviews to tell.
    """
    by_unit: dict[str, list[Reading]] = {}
    for one in right:
        by_unit.setdefault(one.pdu_code, []).append(one)
    parts = [
        part_share("raised_after", unit, sum(one.asked for one in found), len(found))
        for unit, found in sorted(by_unit.items())
    ]
    told = [part for part in parts if part.value is not None]
    if not told:
        return too_few("units_that_follow", len(right), parts)
    stamped = [part for part in told if (part.value or 0.0) >= 0.5]
    return counted("units_that_follow", len(stamped), len(told),
                   "{n} of {of} units raised half or more of the levels that their readers had "
                   "called about right.", _worst_first(parts))  # fmt: skip


def _worst_first(parts: list[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: -(part.value if part.value is not None else -1.0))
