"""Watches the share of people in whom each indicator fires, slice by slice, and over a quarter.

Thousands of shares are compared every night, so some differ by chance: only those count that stay
significant when the false discovery rate is held at one in a hundred (Benjamini and Hochberg, J R
Stat Soc B 1995, 57: 289-300), and that changed enough to matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.special import ndtr
from sqlalchemy import Connection, insert, select

from features.indicators import CATALOGUE
from features.indicators.titles import title_of
from models.firing_shares import Shares, without_few
from models.profile import NOWHERE, Profile
from serving.db.unit_tables import night_shares
from serving.watch.figures import (
    FEWEST,
    GREEN,
    SMALL,
    Figure,
    Part,
    not_known,
    state_of,
    untold_part,
    worst_part,
)

FALSE_DISCOVERIES = 0.01
QUARTER = timedelta(weeks=13)
"""A share is compared with that of the night nearest to so long ago."""
LEAST_POINTS = 0.01
"""A share that moved by less does not creep: of a few people, one more is a large factor."""
NEAREST = timedelta(weeks=5)
"""How far from that the night may lie."""


@dataclass(frozen=True)
class Change:
    """The share of people in whom an indicator fires in a slice, then and now."""

    slice: str
    indicator: str
    then: tuple[int, int]
    """Of how many people it is known, and in how many it fires."""
    now: tuple[int, int]
    p: float
    """The probability of a difference at least as large by chance; 1 where it cannot be told."""

    @property
    def can_be_told(self) -> bool:
        """Whether there were enough people both times."""
        return min(self.then[0], self.now[0]) >= FEWEST

    @property
    def shares(self) -> tuple[float, float]:
        """The share then and now, as if fewer than SMALL people were SMALL.

        So that no small count can be worked out from a difference or a ratio.
        """
        was, is_ = (_no_small(*counts) / counts[0] for counts in (self.then, self.now))
        return was, is_

    @property
    def label(self) -> str:
        """What changed and where, in words: "region N54, ..., 39 of 100 then, 12 of 100 now"."""
        was, is_ = (_hundredths(*counts) for counts in (self.then, self.now))
        return f"{self.slice.replace('_', ' ')}, {self.words}, {was} then, {is_} now"

    @property
    def words(self) -> str:
        """The title of the indicator, in quotation marks."""
        return f"“{title_of(self.indicator)}”"


def moved_figures(
    connection: Connection, profile: Profile | None, now: Shares, as_of: date
) -> list[Figure]:
    """What moved since the model was approved, and what creeps: against a quarter ago."""
    if profile is None or not profile.shares:
        since_approval = not_known("moved", "the model came without the shares of its caseload.")
    else:
        since_approval = moved_figure(profile.shares, now)
    before = _shares_near(connection, as_of - QUARTER)
    if before is None:
        why = f"no night about {QUARTER.days // 7} weeks ago was counted."
        return [since_approval, not_known("creeping", why)]
    return [since_approval, creeping_figure(before, now)]


def moved_figure(then: Shares, now: Shares) -> Figure:
    """The share that moved most, in points, of those that chance does not explain."""
    parts = [_part("moved", one, _points, real=real) for one, real in real_changes(then, now)]
    words = "Of 100 people, {n} more or fewer than when the model was made: {where}."
    return worst_part("moved", parts, words, "no slice is in both.")


def creeping_figure(then: Shares, now: Shares) -> Figure:
    """The share that rose or fell most in a quarter, as a ratio over one either way."""
    parts = [_part("creeping", one, _factor, real=real) for one, real in real_changes(then, now)]
    words = "The largest change in a quarter is a factor of {n}: {where}."
    return worst_part("creeping", parts, words, "no slice is in both.")


def real_changes(then: Shares, now: Shares) -> list[tuple[Change, bool]]:
    """Every change, those that cannot be told last, and whether it is real: not by chance."""
    changes = sorted(_changes(then, now), key=lambda one: not one.can_be_told)
    real = passes_false_discovery([one.p for one in changes if one.can_be_told])
    return [(one, bool(place < len(real) and real[place])) for place, one in enumerate(changes)]


def passes_false_discovery(p_values: Sequence[float]) -> list[bool]:
    """Which tests are significant at the false discovery rate, by Benjamini and Hochberg."""
    p = np.asarray(p_values)
    if not len(p):
        return []
    ordered = np.sort(p)
    under = ordered <= FALSE_DISCOVERIES * np.arange(1, len(p) + 1) / len(p)
    limit = ordered[under].max() if under.any() else -1.0
    return [bool(one <= limit) for one in p]


def write_shares(connection: Connection, shares: Shares, as_of: date) -> None:
    """Store the shares of a night, to compare later ones with."""
    connection.execute(insert(night_shares).values(as_of=as_of, shares=without_few(shares)))


def _shares_near(connection: Connection, day: date) -> Shares | None:
    """The shares of the night nearest to a day, the newest count of it; None without any near."""
    rows = select(night_shares.c.as_of, night_shares.c.id).where(
        night_shares.c.as_of.between(day - NEAREST, day + NEAREST)
    )
    nights = [(abs((row.as_of - day).days), -row.id) for row in connection.execute(rows)]
    if not nights:
        return None
    number = -min(nights)[1]
    shares = select(night_shares.c.shares).where(night_shares.c.id == number)
    return dict(connection.execute(shares).scalar_one())


def _changes(then: Shares, now: Shares) -> Iterator[Change]:
    # Who is placed nowhere yet comes and goes.
    for name in sorted((set(then) & set(now)) - {f"region {NOWHERE}"}):
        for indicator in sorted(set(then[name]) & set(now[name]) & set(CATALOGUE)):
            before, after = _pair(then[name][indicator]), _pair(now[name][indicator])
            if max(before[0], after[0]) >= FEWEST:
                enough = min(before[0], after[0]) >= FEWEST
                p = _chance_of(before, after) if enough else 1.0
                yield Change(name, indicator, before, after, p)


def _pair(counts: Sequence[int]) -> tuple[int, int]:
    return int(counts[0]), int(counts[1])


def _chance_of(then: tuple[int, int], now: tuple[int, int]) -> float:
    """The two-sided p-value of two shares that are one: pooled, with continuity correction."""
    share = (then[1] + now[1]) / (then[0] + now[0])
    spread = np.sqrt(share * (1 - share) * (1 / then[0] + 1 / now[0]))
    if not spread:
        return 1.0
    correction = 0.5 * (1 / then[0] + 1 / now[0])
    away = max(0.0, abs(now[1] / now[0] - then[1] / then[0]) - correction)
    return float(2 * ndtr(-away / spread))


def _part(name: str, change: Change, measure: Callable[[Change], float], *, real: bool) -> Part:
    # Nothing is measured where nothing is known any more, as of a feed that has stopped.
    if not change.can_be_told:
        return untold_part(f"{change.slice.replace('_', ' ')}, {change.words}", change.now[0])
    value = measure(change)
    if not real and state_of(name, value) != GREEN:
        # Large enough to matter, and too few people to say that it is not chance.
        return untold_part(change.label, change.now[0])
    return Part(change.label, value, None, None, change.now[0], state_of(name, value))


def _points(change: Change) -> float:
    """How far the share moved, in points."""
    was, is_ = change.shares
    return abs(is_ - was)


def _factor(change: Change) -> float:
    """The larger share as a multiple of the smaller; one for a change of a few points of few."""
    was, is_ = (max(share, 0.5 / change.now[0]) for share in change.shares)
    return max(was, is_) / min(was, is_) if abs(is_ - was) >= LEAST_POINTS else 1.0


def _no_small(people: int, firing: int) -> int:
    """How many, with fewer than SMALL who have it, or have it not, as SMALL."""
    if 0 < firing < SMALL:
        return min(SMALL, people)
    return people - SMALL if 0 < people - firing < SMALL else firing


def _hundredths(people: int, firing: int) -> str:
    """A share in hundredths; where it would tell of fewer than SMALL people, only that."""
    if 0 < firing < SMALL:
        return "under 10 people"
    if 0 < people - firing < SMALL:
        return "all but under 10 people"
    share = firing / people
    return f"{100 * share:.1f} of 100" if 0 < share < 0.1 else f"{100 * share:.0f} of 100"
