"""Makes the recorded levels: how practitioners arrive at them, and where they err.

What a practitioner puts together is less than what goes on: a circumstance may never have been
told, or stand on record in one entry that nobody joined to the rest. Strain (workload, little
experience, cover), optimism, copying forward and the time since the last assessment add to it.
Overestimates exist: a level is not always lowered when circumstances end, and error is part chance.
One number, `slips`, scales all of it; it is set on a pilot so that the wanted share is too low.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.contracts import codes
from features.synthetic import figures
from features.synthetic.draw import MONTHS, Draw, Flags, Floats, Ints
from features.synthetic.lives import FACTORS, Lives, group_scores, static_score
from features.synthetic.places import Places
from features.synthetic.scenarios import Scenario

GROUPS = codes.COMMUNITY_GROUPS
REVIEW_MONTHS = 6
"""Months after which an assessment is due again, give or take."""


@dataclass(frozen=True)
class Holding:
    """The practitioner who holds each (case, month), and whether the case is covered in absence."""

    team: Ints
    staff: Ints
    covered: Flags
    strain: Floats


@dataclass(frozen=True)
class Practice:
    """The recorded levels by month and the assessments that recorded them.

    `recorded` is (groups, cases, months), -1 before the first; an assessment is a row of `who`,
    `month`, `assessed_levels` (groups, assessments), `copied` and `locked`.
    """

    holding: Holding
    recorded: Ints
    who: Ints
    month: Ints
    assessed_levels: Ints
    copied: Flags
    locked: Flags

    @property
    def overall(self) -> Ints:
        """The highest recorded level of any group by (case, month); -1 where there is none."""
        highest: Ints = self.recorded.max(axis=0)
        return highest


def draw_holdings(draw: Draw, lives: Lives, places: Places) -> Holding:
    """Draw which practitioner holds each made-up case by month, and how strained that person is."""
    rng = draw.stream("holding")
    n = len(lives)
    team = rng.integers(0, len(places.team_unit), n)
    a_team = len(places.staff_team) // len(places.team_unit)
    now = rng.integers(0, a_team, n)
    staff = np.zeros((n, MONTHS), dtype=np.int64)
    covered = np.zeros((n, MONTHS), dtype=bool)
    away = np.zeros(n, dtype=np.int64)
    for month in range(MONTHS):
        changes = rng.random(n) < figures.CHANGES_A_YEAR.value / 12
        another = (now + rng.integers(1, max(a_team, 2), n)) % a_team
        now = np.where(changes, another, now)
        away = np.where(rng.random(n) < 0.008, rng.integers(1, 6, n), np.maximum(away - 1, 0))
        staff[:, month] = team * a_team + now
        covered[:, month] = away > 0
    own = 0.5 * rng.normal(size=n)[:, None]
    return Holding(team, staff, covered, places.strain[staff] + 0.8 * covered + own)


def draw_assessments(
    draw: Draw, lives: Lives, holding: Holding, cuts: Floats, slips: float, scenario: Scenario
) -> Practice:
    """Draw the assessments of made-up cases by month, and the levels that they record."""
    rng = draw.stream("assessments")
    n = len(lives)
    perceived = _perceived_levels(rng, lives, holding, cuts, slips)
    recorded = np.full((len(GROUPS), n, MONTHS), -1, dtype=np.int64)
    now = np.full((len(GROUPS), n), -1, dtype=np.int64)
    since = np.full(n, 99, dtype=np.int64)
    interval = rng.integers(REVIEW_MONTHS - 3, REVIEW_MONTHS + 4, n)
    interval[rng.random(n) < figures.LAPSED.value] = 4 * MONTHS
    never = rng.random(n) < figures.NEVER_ASSESSED.value
    assessments: list[tuple[Ints, Ints, Ints, Flags, Flags]] = []
    for month in range(MONTHS):
        fresh = perceived[:, :, month]
        strained = holding.strain[:, month]
        higher = ((fresh > now) & (now >= 0)).any(axis=0)
        lower = ((fresh < now) & (now >= 0)).any(axis=0)
        noticed: Flags = higher & (rng.random(n) < 0.9 / (1 + 1.0 * slips * np.exp(1.0 * strained)))
        noticed = noticed | (lower & (rng.random(n) < 0.25))
        due = (since >= interval) & (rng.random(n) < 0.7)
        first = (now[0] < 0) & (rng.random(n) < 0.75)
        doing: Flags = (lives.sentences.on[:, month] > 0) & (noticed | due | first) & ~never
        locked = doing & (rng.random(n) < figures.LOCKED.value)
        copy = rng.random(n) < np.clip(0.05 + 0.15 * slips * np.exp(0.6 * strained), 0, 0.7)
        copied: Flags = doing & ~locked & (now[0] >= 0) & copy & ~noticed
        inflate = month >= MONTHS - scenario.inflated_from // 30
        raise_ = (rng.random(fresh.shape) < scenario.inflation) & inflate & (fresh < 2)
        assessed = np.where(copied, now, fresh + raise_)
        settled = doing & ~locked
        now = np.where(settled, assessed, now)
        since = np.where(settled, 0, since + 1)
        recorded[:, :, month] = now
        who = np.nonzero(doing)[0]
        assessments.append(
            (who, np.full(len(who), month), assessed[:, who], copied[who], locked[who])
        )
    joined = [np.concatenate(parts, axis=-1) for parts in zip(*assessments, strict=True)]
    who, month_, levels, copied_, locked_ = joined
    return Practice(
        holding=holding,
        recorded=recorded,
        who=who,
        month=month_,
        assessed_levels=levels,
        copied=copied_,
        locked=locked_,
    )


def too_low_in(lives: Lives, practice: Practice) -> Flags:
    """Whether any group's recorded level is too low, for each (case, month)."""
    recorded = practice.recorded
    is_too_low: Flags = np.any((lives.true > recorded) & (recorded >= 0), axis=0)
    return is_too_low


def too_low(lives: Lives, practice: Practice) -> Flags:
    """Whether any group's recorded level is too low on the as-of date, for each case."""
    now = practice.recorded[:, :, -1]
    is_too_low: Flags = np.any((lives.true[:, :, -1] > now) & (now >= 0), axis=0)
    return is_too_low


def slips_for(target: float, draw: Draw, lives: Lives, holding: Holding, cuts: Floats) -> float:
    """The error scale at which the wanted share of a pilot in the community is recorded too low."""
    community = lives.sentences.on[:, -1] == 1
    low, high = 0.0, 12.0
    for _ in range(12):
        middle = (low + high) / 2
        practice = draw_assessments(draw, lives, holding, cuts, middle, Scenario("none", ""))
        share = too_low(lives, practice)[community].mean()
        low, high = (middle, high) if share < target else (low, middle)
    return (low + high) / 2


def _perceived_levels(
    rng: np.random.Generator, lives: Lives, holding: Holding, cuts: Floats, slips: float
) -> Ints:
    """The level that the practitioner would record each month: (groups, cases, months)."""
    n = len(lives)
    strain = np.exp(0.9 * holding.strain)
    typical = strain.mean(axis=1)
    missing = {}
    for name in FACTORS:
        overlooked = rng.random(n) < np.clip(0.09 * slips * typical, 0, 0.9)
        unaware = ~lives.discloses[name] & (rng.random(n) < min(0.3 * slips, 1.0))
        missing[name] = (overlooked | unaware).astype(float)
    unread = (rng.random(n) < np.clip(0.03 * slips * typical, 0, 0.7)).astype(float)
    levels = []
    for i, group in enumerate(GROUPS):
        score = group_scores(lives, group)
        for name, weight in figures.CIRCUMSTANCE_WEIGHTS.value[group].items():
            score = score - weight * missing[name][:, None] * lives.felt[name]
        # What an earlier practitioner knew and this one has not read lowers what is brought along.
        score = (
            score
            - 0.6 * unread[:, None] * np.maximum(static_score(lives.people, group), 0)[:, None]
        )
        score = score - 0.02 * slips * np.log1p(strain)
        score = score + 0.03 * min(slips, 1.5) * rng.normal(size=n)[:, None]
        levels.append(np.searchsorted(cuts[i], score))
    visible = np.stack(levels) + lives.raised * lives.noticed
    perceived: Ints = np.minimum(visible, len(codes.LEVELS) - 1)
    return perceived
