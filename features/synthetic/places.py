"""Makes regions, delivery units, teams and practitioners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from features.synthetic import figures
from features.synthetic.draw import MONTHS, Draw, Flags, Floats, Ints
from features.synthetic.scenarios import Policies

NAMED: tuple[str, ...] = ("N54ALD", "N54BRI", "N58CAR", "N58DUN", "N56EAS", "N56FEN")
"""Made-up units in real regions; the demo's SPOs work in the first two."""
SMALLEST_UNIT = 500
GRADES = ("PO", "NQO", "PQiP", "PSO")


def unit_codes(cases: int) -> list[str]:
    """The delivery units for a caseload of this size: 108 nationally, at least three."""
    numbered = dict.fromkeys(figures.REGIONS.value, 0)
    codes = list(NAMED)
    for code in NAMED:
        numbered[code[:3]] += 1
    while len(codes) < sum(figures.REGIONS.value.values()):
        for provider, units in figures.REGIONS.value.items():
            if numbered[provider] < units:
                numbered[provider] += 1
                codes.append(f"{provider}U{numbered[provider]:02d}")
    return codes[: int(np.clip(cases // SMALLEST_UNIT, 3, len(codes)))]


@dataclass(frozen=True)
class Places:
    """Units, teams and practitioners of a whole caseload, drawn once for all buckets.

    `unit` of each team and `team` of each practitioner are positions; `workload` is per cent of
    capacity; `strain` is about standard normal: high where errors are likely; `contact` is the
    multiple of usual contact by (unit, month), a half where a unit was amber.
    """

    units: list[str]
    team_unit: Ints
    staff_team: Ints
    grade: Ints
    qualified: Ints
    workload: Floats
    strain: Floats
    contact: Floats

    @property
    def staff_codes(self) -> list[str]:
        """The code of each practitioner: the provider and four characters."""
        providers = [self.units[self.team_unit[team]][:3] for team in self.staff_team]
        return [f"{p}{_letters_of(i)}{i % 1000:03d}" for i, p in enumerate(providers)]

    @property
    def cover_codes(self) -> list[str]:
        """The staff code that stands for "unallocated" in each team."""
        return [f"{self.units[u]}U" for u in self.team_unit]

    def team_codes(self) -> list[str]:
        """The code of each made-up team."""
        return [f"{self.units[u]}T{t:03d}" for t, u in enumerate(self.team_unit)]

    def qualified_on(self, draw: Draw, staff: Ints) -> pl.Series:
        """The date on which each practitioner qualified; null for one in training."""
        days = draw.day(np.maximum(self.qualified[staff], 0)) - timedelta(days=0)
        return days.set(pl.Series(self.qualified[staff] < 0), None)

    def of_provider(self, team: Ints, *providers: str) -> Flags:
        """Which made-up teams belong to the given regions, as a mask."""
        codes = np.array([code[:3] for code in self.units])
        is_of_provider: Flags = np.isin(codes[self.team_unit[team]], providers)
        return is_of_provider

    def of_unit(self, team: Ints, unit: str) -> Flags:
        """Which made-up teams belong to the given delivery unit, as a mask."""
        is_of_unit: Flags = np.isin(np.array(self.units)[self.team_unit[team]], [unit])
        return is_of_unit


def make_places(draw: Draw, cases: int, policies: Policies) -> Places:
    """Make units, teams of eight practitioners, and about 36 made-up cases a practitioner."""
    rng = draw.stream("places")
    units = unit_codes(cases)
    practitioners = cases / figures.CASES_PER_PRACTITIONER.value
    size = figures.PRACTITIONERS_A_TEAM.value
    teams = max(len(units), round(practitioners / size))
    a_team = max(1, round(practitioners / teams))
    staff = teams * a_team
    mean, spread = figures.WORKLOAD.value
    workload = rng.normal(mean, spread, staff).clip(60, 190)
    novice = rng.random(staff) < figures.NOVICES.value
    grade = np.where(novice, rng.integers(1, 4, staff), 0)
    strain = 0.6 * (workload - mean) / spread + 1.0 * novice + 0.6 * rng.normal(size=staff) - 0.25
    years = np.where(novice, rng.uniform(0.1, 1.9, staff), rng.gamma(3.0, 3.0, staff) + 2)
    qualified = np.where(grade >= 2, -1, (years * 365).astype(np.int64))
    return Places(
        units=units,
        team_unit=np.arange(teams) % len(units),
        staff_team=np.repeat(np.arange(teams), a_team),
        grade=grade,
        qualified=qualified,
        workload=workload,
        strain=strain,
        contact=_draw_contact_rate(rng, len(units), policies),
    )


def _draw_contact_rate(rng: np.random.Generator, units: int, policies: Policies) -> Floats:
    amber = rng.random(units) < policies.amber_units
    since, until = policies.amber
    month_end = (MONTHS - 1 - np.arange(MONTHS)) * 30
    halved = (month_end <= since) & (month_end >= until)
    return np.where(amber[:, None] & halved[None, :], 0.5, 1.0)


def _letters_of(number: int) -> str:
    return "ABCDEFGHJKLMNPRSTVW"[number // 1000 % 19]
