"""What the board watches of readers and misses: each figure with its count, and in words.

Worked out after each night from what readers recorded before they saw anything, kept as a snapshot
without any person, so that pages only read it. Too few readings are "too few to tell", never green.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

import numpy as np
from sqlalchemy import Connection, RowMapping, insert, select

from models import reader_error
from serving.db.tables import answers, conclusions, findings, items, own_views, second_reads
from serving.db.unit_tables import snapshots
from serving.review.asked_store import REASSESS_WITHIN, after_working_days

FEWEST = 30
"""Readings below which a share is too few to tell."""
GREEN, LOOK, ACT, TOO_FEW = "green", "look", "act", "too few to tell"

THRESHOLDS: dict[str, tuple[str, float, float]] = {
    "misses": ("above", 0.05, 0.10),
    "misses_corrected": ("above", 0.05, 0.10),
    "precision": ("below", 0.50, 0.30),
    "agreement": ("below", 0.80, 0.65),
    "raised_after": ("above", 0.25, 0.50),
    "kept_after": ("above", 0.25, 0.50),
    "overdue": ("above", 0.10, 0.25),
    "past_their_day": ("above", 0.10, 0.25),
}
"""From where a figure is to be looked at, and from where acted on: one table, code and page."""


@dataclass(frozen=True)
class Figure:
    """One figure: its value with an interval and a count, its state, and a plain sentence."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    state: str
    sentence: str


def figures(connection: Connection, today: date) -> list[Figure]:
    """Every figure as it stands; the night's role reads what it rests on."""
    read = _readings(connection)
    random = [one for one in read if one.drawn_as == "random"]
    flagged = [one for one in read if one.drawn_as == "flagged"]
    double = [one for one in read if one.second is not None]
    right = [one for one in read if not one.first]
    low = [one for one in read if one.first]
    return [
        _share("misses", random, lambda one: one.first,
               "Of 100 people not flagged and drawn at random, {n} have a level that the first "
               "reader called too low."),
        _corrected(read),
        _share("precision", flagged, lambda one: one.first,
               "Of 100 people flagged, {n} have a level that the first reader called too low, "
               "before seeing why."),
        _share("agreement", double, lambda one: one.first == one.second,
               "Two blind readers of one case agreed whether a level is too low in {n} of 100.",
               lambda one: one.weight / one.second_probability),
        _share("raised_after", right, lambda one: one.asked,
               "After the findings, {n} of 100 readers asked for a reassessment although they had "
               "called no level too low. Much of this may mean a rubber stamp."),
        _share("kept_after", low, lambda one: one.kept,
               "After the findings, {n} of 100 readers kept a level that they had called too low."),
        _overdue(connection, today),
        _past_their_day(connection, today),
    ]  # fmt: skip


def keep(connection: Connection, as_of: date, today: date) -> list[Figure]:
    """Work the figures out and keep them as a snapshot."""
    found = figures(connection, today)
    values = {"as_of": as_of, "version": 1, "figures": [asdict(one) for one in found]}
    connection.execute(insert(snapshots).values(**values))
    return found


@dataclass(frozen=True)
class _Reading:
    """One concluded case: how it was drawn, whether each reader called a level too low."""

    drawn_as: str
    weight: float
    first: bool
    second: bool | None
    second_probability: float
    asked: bool
    kept: bool


def _readings(connection: Connection) -> list[_Reading]:
    rows = connection.execute(
        select(
            items.c.id, findings.c.drawn_as, findings.c.inclusion_probability,
            conclusions.c.username, conclusions.c.outcome, conclusions.c.groups, conclusions.c.at,
            second_reads.c.probability,
        )
        .join(findings, findings.c.item_id == items.c.id)
        .join(conclusions, conclusions.c.item_id == items.c.id)
        .join(second_reads, second_reads.c.item_id == items.c.id, isouter=True)
    ).mappings()  # fmt: skip
    views: dict[int, dict[str, tuple[datetime, bool]]] = {}
    for view in connection.execute(select(own_views).order_by(own_views.c.at)).mappings():
        low = "too_low" in view["verdicts"].values()
        views.setdefault(view["item_id"], {})[view["username"]] = view["at"], low
    return [_reading(row, views[row["id"]]) for row in rows if row["id"] in views]


def _reading(row: RowMapping, views: dict[str, tuple[datetime, bool]]) -> _Reading:
    # A view given up before the conclusion is no second reading: nobody drew it.
    others = [low for who, (at, low) in views.items() if who != row["username"] and at > row["at"]]
    asked = "too_low" in row["groups"].values()
    return _Reading(
        drawn_as=row["drawn_as"],
        weight=1.0 / row["inclusion_probability"],
        first=views[row["username"]][1],
        second=others[0] if others else None,
        second_probability=row["probability"] or 1.0,
        asked=asked,
        kept=row["outcome"] == "keep_level",
    )


def _share(
    name: str,
    read: list[_Reading],
    holds: Callable[[_Reading], bool | None],
    words: str,
    weigh: Callable[[_Reading], float] = lambda one: one.weight,
) -> Figure:
    """A weighted share with a Wilson interval on as many readings as the weights are worth."""
    if len(read) < FEWEST:
        return _too_few(name, len(read))
    weight = np.array([weigh(one) for one in read])
    said = np.array([bool(holds(one)) for one in read])
    share = float(weight[said].sum() / weight.sum())
    worth = float(weight.sum() ** 2 / (weight**2).sum())
    low, high = _wilson(share, worth)
    return _figure(name, share, low, high, len(read), words)


def _corrected(read: list[_Reading]) -> Figure:
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
        return _too_few(name, int(twice.sum()))
    return _figure(
        name, found.share[0], found.low, found.high, int(twice.sum() + once.sum()),
        "Corrected for readers who err, {n} of 100 people not flagged have a level too low.",
    )  # fmt: skip


def _overdue(connection: Connection, today: date) -> Figure:
    asked = connection.execute(
        select(items.c.id, conclusions.c.at)
        .join(conclusions, conclusions.c.item_id == items.c.id)
        .where(conclusions.c.outcome == "ask_reassessment")
    ).all()
    done: dict[int, tuple[set[str], date | None]] = {}
    for row in connection.execute(select(answers).order_by(answers.c.id)).mappings():
        kinds, day = done.get(row["item_id"], (set(), None))
        done[row["item_id"]] = (kinds | {row["kind"]}, row["planned_on"] or day)
    late = 0
    for item, at in asked:
        kinds, day = done.get(item, (set(), None))
        due = day or after_working_days(at.date(), REASSESS_WITHIN)
        late += not kinds & {"reassessed", "declined"} and due < today
    return _counted("overdue", late, len(asked),
                    "Of 100 reassessments that were asked for, {n} are overdue.")  # fmt: skip


def _past_their_day(connection: Connection, today: date) -> Figure:
    due = list(connection.execute(select(items.c.due_on).where(items.c.state == "open")).scalars())
    return _counted("past_their_day", sum(day < today for day in due), len(due),
                    "Of 100 cases that wait to be read, {n} are past their day.")  # fmt: skip


def _counted(name: str, part: int, whole: int, words: str) -> Figure:
    if whole < FEWEST:
        return _too_few(name, whole)
    low, high = _wilson(part / whole, whole)
    return _figure(name, part / whole, low, high, whole, words)


def _figure(name: str, value: float, low: float, high: float, count: int, words: str) -> Figure:
    way, look, act = THRESHOLDS[name]
    sign = 1 if way == "above" else -1
    state = ACT if sign * value >= sign * act else LOOK if sign * value >= sign * look else GREEN
    told = words.format(n=round(100 * value))
    sentence = f"{told} Between {100 * low:.0f} and {100 * high:.0f}, from {count:,}."
    return Figure(name, value, low, high, count, state, sentence)


def _too_few(name: str, count: int) -> Figure:
    return Figure(name, None, None, None, count, TOO_FEW, f"Too few to tell: {count} of {FEWEST}.")


def _wilson(share: float, worth: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.959964
    middle = (share + z * z / (2 * worth)) / (1 + z * z / worth)
    half = z * np.sqrt(share * (1 - share) / worth + z * z / (4 * worth**2)) / (1 + z * z / worth)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def newest(connection: Connection) -> RowMapping | None:
    """The snapshot that was kept last."""
    rows = select(snapshots).order_by(snapshots.c.id.desc()).limit(1)
    return connection.execute(rows).mappings().first()


def states(found: list[Figure]) -> Counter[str]:
    """How many figures are in each state."""
    return Counter(one.state for one in found)


def now() -> date:
    """Today, as the figures count lateness."""
    return datetime.now(UTC).date()
