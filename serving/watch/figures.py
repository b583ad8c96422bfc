"""Defines the watched figures, and the thresholds at which each needs a look or action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan
from types import MappingProxyType
from typing import Literal

import numpy as np

from features.intervals import wilson_interval

FEWEST = 30
"""The number of readings below which no share is given."""
TOO_UNLIKE = "too few of them can be compared"
NO_COUNTS: Mapping[str, str] = MappingProxyType({})
SMALL = 10
"""Counts of people below this are withheld by group."""
GREEN, LOOK, ACT, TOO_FEW, NOT_KNOWN = "green", "look", "act", "too few to tell", "not known"
WORST_FIRST = (ACT, LOOK, NOT_KNOWN, TOO_FEW, GREEN)

Unit = Literal["share", "ratio", "psi", "number"]
TOPICS: dict[str, str] = {
    "feed": "Does everything reach us, and in time?",
    "caseload": "Are the people still those that the model was made for?",
    "practice": "Has recording changed, rather than behaviour?",
    "outcomes": "Are those flagged rightly flagged, and who is missed?",
    "readers": "Do readers judge, or follow?",
    "fairness": "Is the service worse for some groups of people?",
    "effect": "Does being shown change anything?",
    "list": "Is the list steady, and is it read?",
}
"""The questions that the board asks, a page each."""


@dataclass(frozen=True)
class Line:
    """The definition of a figure: its question, its title, its two thresholds."""

    topic: str
    title: str
    unit: Unit
    way: Literal["above", "below"]
    look: float
    """NaN, like `act`, where another figure or the interval judges."""
    act: float
    too_much: tuple[float, float] | None = None
    """The thresholds on the other side, of what can be wrong both ways."""
    judged_by: str = ""
    """The figure whose state this one takes: it has no good or bad value of its own."""
    by_interval: bool = False
    """Whether the interval of a difference judges it: a look where all of it lies below nought."""

    @property
    def thresholds(self) -> dict[str, float]:
        """Where to look and where to act, by these words; nothing where something else judges."""
        return {} if isnan(self.look) else {"look": self.look, "act": self.act}


def _judged_by(other: str, title: str, way: Literal["above", "below"]) -> Line:
    """A share among outcomes that another figure judges."""
    return Line("outcomes", title, "share", way, np.nan, np.nan, judged_by=other)


def _by_interval(title: str, unit: Unit) -> Line:
    """A difference that being shown made."""
    return Line("effect", title, unit, "below", np.nan, np.nan, by_interval=True)


THRESHOLDS: dict[str, Line] = {
    "day_few": Line("feed", "Too few rows in a day", "ratio", "below", 0.4, 0.1),
    "rows_few": Line("feed", "Too few rows in a week", "ratio", "below", 0.6, 0.35),
    "rows_many": Line("feed", "Too many rows in a week", "ratio", "above", 2.5, 5.0),
    "late": Line("feed", "More entries late than usual", "share", "above", 0.15, 0.30),
    "refused": Line("feed", "Rows refused in the newest load", "share", "above", 0.002, 0.01),
    "unknown_codes": Line("feed", "Codes never seen in it", "share", "above", 0.001, 0.01),
    "feeds_gone": Line("feed", "Tables that have stopped", "number", "above", 1.0, 2.0),
    "regions": Line("caseload", "Change in people by region", "psi", "above", 0.05, 0.15),
    "indicators": Line("caseload", "Indicator that changed most", "psi", "above", 0.10, 0.25),
    "moved": Line("caseload", "Change in one part of the caseload", "share", "above", 0.05, 0.15),
    "creeping": Line("caseload", "Change over a quarter", "ratio", "above", 1.5, 2.0),
    "scores": Line("caseload", "Scores that changed most", "psi", "above", 0.10, 0.25),
    "levels": Line("practice", "Recorded levels that changed most", "psi", "above", 0.05, 0.15),
    "process": Line("practice", "Change in process without behaviour", "psi", "above", 0.03, 0.08),
    "notes_moved": Line("practice", "Change in what is read in notes", "ratio", "above", 1.5, 3.0),
    "notes_wrong": Line("practice", "Entries of notes corrected", "share", "above", 0.15, 0.3),
    "found": Line("outcomes", "Found, against chance", "ratio", "below", 2.0, 1.25),
    "misses": _judged_by("found", "Missed", "above"),
    "misses_corrected": _judged_by("found", "Missed, corrected for errors", "above"),
    "share_found": _judged_by("found", "Share found", "below"),
    "precision": _judged_by("found", "Rightly flagged", "below"),
    "observed": Line(
        "outcomes", "Found against expected", "ratio", "below", 0.75, 0.50, too_much=(1.5, 2.5)
    ),
    "mature": Line("outcomes", "Read of what was queued", "share", "below", 0.80, 0.50),
    "agreement": Line("readers", "Blind readers agree", "share", "below", 0.80, 0.65),
    "same_again": Line("readers", "One reader judges alike twice", "share", "below", 0.80, 0.65),
    "raised_after": Line("readers", "Raised after the findings", "share", "above", 0.25, 0.50),
    "kept_after": Line("readers", "Kept after calling it low", "share", "above", 0.25, 0.50),
    "hasty": Line("readers", "Viewed within two minutes", "share", "above", 0.10, 0.30),
    "quick": Line("readers", "Concluded within a minute", "share", "above", 0.10, 0.30),
    "same_words": Line("readers", "The same reasons again", "share", "above", 0.10, 0.25),
    "units_that_follow": Line("readers", "Units that may follow only", "number", "above", 1.0, 3.0),
    "answered": Line("list", "Reassessments answered", "share", "below", 0.80, 0.50),
    "overdue": Line("list", "Reassessments overdue", "share", "above", 0.10, 0.25),
    "past_their_day": Line("list", "Unread and overdue", "share", "above", 0.10, 0.25),
    "waiting": Line("list", "Weeks of reading that wait", "ratio", "above", 2.0, 4.0),
    "overlap": Line("list", "On the list of the night before", "share", "below", 0.80, 0.60),
    "cooling": Line("list", "Not drawn again, concluded lately", "share", "above", 0.50, 0.80),
    "units_closed": Line("list", "Units that take no flagged case", "number", "above", 1.0, 3.0),
    "flagged_gap": Line("fairness", "Widest gap in who is flagged", "ratio", "above", 1.5, 2.5),
    "precision_gap": Line("fairness", "Widest gap in rightly flagged", "share", "above", 0.15, 0.3),
    "missed_gap": Line("fairness", "Widest gap in who is missed", "share", "above", 0.10, 0.2),
    "agreement_gap": Line("fairness", "Widest gap in agreement", "share", "above", 0.15, 0.3),
    "changed_gap": Line("fairness", "Widest gap in changed views", "share", "above", 0.15, 0.3),
    "asked_gap": Line("fairness", "Widest gap in what is asked", "share", "above", 0.15, 0.3),
    "notes_gap": Line("fairness", "Widest gap in notes corrected", "share", "above", 0.1, 0.2),
    "raised_because": _by_interval("Raised because shown", "share"),
    "asked_because": _by_interval("Enquired because shown", "share"),
    "sooner_because": _by_interval("Days sooner because shown", "number"),
    "recorded_gap": Line("fairness", "Widest gap in what is recorded", "ratio", "above", 1.3, 2.0),
}
"""The thresholds, used by code and page; a change of them is a reviewed change of code."""


@dataclass(frozen=True)
class Part:
    """One row of the table behind a figure; no person, and no count of people under SMALL."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    state: str


@dataclass(frozen=True)
class Figure:
    """One watched figure: value, interval, count, state, and a plain sentence."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    state: str
    sentence: str
    parts: list[Part] = field(default_factory=list)


def state_of(name: str, value: float | None) -> str:
    """The state of a figure by its thresholds: green, look or act.

    "Too few" where another figure judges it, until that has.
    """
    line = THRESHOLDS[name]
    if value is None or line.judged_by:
        return TOO_FEW
    sign = 1 if line.way == "above" else -1
    look, act = line.too_much or (np.inf, np.inf)
    if sign * value >= sign * line.act or value >= act:
        return ACT
    return LOOK if sign * value >= sign * line.look or value >= look else GREEN


def make_figure(
    name: str,
    value: float,
    low: float,
    high: float,
    count: int,
    words: str,
    parts: Iterable[Part] = (),
) -> Figure:
    """A figure with its state; in `words`, {n} is replaced by the value in its unit."""
    sentence = words.format(n=in_words(name, value))
    span = f"Between {in_words(name, low)} and {in_words(name, high)}, from {count:,}."
    return Figure(
        name=name,
        value=value,
        low=low,
        high=high,
        count=count,
        state=state_of(name, value),
        sentence=f"{sentence} {span}",
        parts=list(parts),
    )


def count_figure(name: str, number: int, of: int, words: str, parts: Iterable[Part] = ()) -> Figure:
    """A figure that is a number of things, without an interval; not known where there are none."""
    if not of:
        return not_known(name, "there is nothing to count yet.")
    sentence = words.format(n=f"{number:,}", of=f"{of:,}")
    return Figure(
        name=name,
        value=float(number),
        low=None,
        high=None,
        count=of,
        state=state_of(name, number),
        sentence=sentence,
        parts=list(parts),
    )


def too_few(name: str, count: int, parts: Iterable[Part] = (), why: str = "") -> Figure:
    """A figure with too few cases to estimate; it is neither 0 nor green.

    `why` says what is missing where the count by itself would be enough.
    """
    sentence = (
        f"Not enough to tell yet: {count} of the {FEWEST} needed."
        if count < FEWEST
        else f"Not enough to tell yet: {count:,} are counted, but {why or TOO_UNLIKE}."
    )
    return _without_value(name, TOO_FEW, sentence, count, parts)


def not_known(name: str, why: str) -> Figure:
    """A figure that cannot be computed because something is missing; neither 0 nor green."""
    return _without_value(name, NOT_KNOWN, f"Not known: {why}")


def _without_value(
    name: str, state: str, sentence: str, count: int = 0, parts: Iterable[Part] = ()
) -> Figure:
    return Figure(
        name=name,
        value=None,
        low=None,
        high=None,
        count=count,
        state=state,
        sentence=sentence,
        parts=list(parts),
    )


def worst_part(
    name: str, parts: list[Part], words: str, none: str, counts: Mapping[str, str] = NO_COUNTS
) -> Figure:
    """The figure of the part in the worst state; `words` has {n}, {where} and {counts}.

    `counts` has by label what the part says in counts of people.

    Green only where at least half of the parts could be told: the others may be the bad ones.
    """
    measurable = [part for part in parts if part.value is not None]
    if not measurable:
        return _no_part(name, parts) if parts else not_known(name, none)
    sign = 1 if THRESHOLDS[name].way == "above" else -1
    ordered = sorted(
        measurable, key=lambda part: (WORST_FIRST.index(part.state), -sign * (part.value or 0.0))
    )
    one = ordered[0]
    sentence = words.format(
        n=in_words(name, one.value or 0.0), where=one.label, counts=counts.get(one.label, "")
    )
    rest = [part for part in parts if part.value is None]
    unsaid = f" {len(rest)} of {len(parts)} parts could not be told." if rest else ""
    unsure = one.state == GREEN and len(measurable) < ENOUGH_PARTS * len(parts)
    state = TOO_FEW if unsure else one.state
    return Figure(
        name=name,
        value=one.value,
        low=one.low,
        high=one.high,
        count=one.count,
        state=state,
        sentence=f"{sentence} From {one.count:,}.{unsaid}",
        parts=[*ordered, *rest][:MOST_PARTS],
    )


ENOUGH_PARTS = 0.5
"""The share of a figure's parts that must have a value before it can be green."""


def _no_part(name: str, parts: list[Part]) -> Figure:
    sentence = f"Not enough to tell yet in any of {len(parts)} parts."
    return _without_value(name, TOO_FEW, sentence, parts=parts[:MOST_PARTS])


MOST_PARTS = 160
"""The number of rows stored of the table behind a figure, the worst first."""


def in_words(name: str, value: float) -> str:
    """A figure's value in words, with its unit of measure."""
    unit = THRESHOLDS[name].unit
    if unit == "share":
        hundredths = 100 * value
        return f"{hundredths:.1f}" if 0 < hundredths < 1 else f"{round(hundredths)}"
    if unit == "number":
        return f"{value:,.0f}"
    return f"{value:.2f}"


def share_of(name: str, part: int, whole: int, words: str, parts: Iterable[Part] = ()) -> Figure:
    """A share of a complete count, without an interval, because nothing is estimated.

    Under FEWEST it is marked "too few": one of three says little.
    """
    if whole < FEWEST:
        return too_few(name, whole, parts)
    share = part / whole
    sentence = f"{words.format(n=in_words(name, share))} All {whole:,} are counted."
    return Figure(
        name=name,
        value=share,
        low=None,
        high=None,
        count=whole,
        state=state_of(name, share),
        sentence=sentence,
        parts=list(parts),
    )


def untold_part(label: str, people: int) -> Part:
    """A part with too few people to estimate; its count is withheld under SMALL."""
    return Part(label, None, None, None, people if people >= SMALL else 0, TOO_FEW)


def part_share(name: str, label: str, part: int, whole: int) -> Part:
    """A share as a row of a table; withheld under FEWEST."""
    if whole < FEWEST:
        return untold_part(label, whole)
    low, high = wilson_interval(part / whole, whole)
    return Part(label, part / whole, low, high, whole, state_of(name, part / whole))


def count_states(figures: Iterable[Figure]) -> Counter[str]:
    """How many of the watched figures are green, to look at, to act on, or not known."""
    return Counter(one.state for one in figures)
