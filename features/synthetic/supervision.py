"""Makes the supervisions and allocations tables, and how much contact each case is due.

Contact follows the recorded level, as it does in life, and what services decide for everyone:
contact is halved while a unit is amber and suspended for the last third of an order. None of that
is behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from features.synthetic import figures
from features.synthetic.draw import (
    FIRST_DAYS,
    MONTHS,
    Desk,
    Events,
    Floats,
    Ints,
    blank_where,
    month_of,
    pick_labels,
)
from features.synthetic.lives import CUSTODY, KINDS, LICENCE, Lives
from features.synthetic.places import GRADES, Places
from features.synthetic.practice import Practice
from features.synthetic.scenarios import Policies, Scenario

PRISON_CONTACTS_A_YEAR = 8.0
TIERS = ("F", "E", "B", "A")
WHILE_SUSPENDED = 0.03
"""Contact that goes on while it is suspended, as a share of the usual."""


@dataclass(frozen=True)
class Contact:
    """Appointments due a month for each case, and when contact was suspended (-1: never)."""

    visits: Floats
    suspended: Ints


def contact_due(
    lives: Lives, practice: Practice, places: Places, policies: Policies, scenario: Scenario
) -> Contact:
    """How many appointments are due each month, by recorded level and policy."""
    ranges = list(figures.APPOINTMENTS_A_YEAR.value.values())
    usual = np.array([sum(pair) / 2 for pair in ranges]) / 12
    visits = usual[practice.overall + 1] * lives.sentences.community
    visits = visits * places.contact[places.team_unit[practice.holding.team]]
    suspended = _draw_suspensions(lives, practice, policies, scenario)
    within = (suspended[:, None] > FIRST_DAYS[None, :]) & (suspended[:, None] >= 0)
    visits = np.where(within, visits * WHILE_SUSPENDED, visits)
    if scenario.halved_from:
        visits = np.where(FIRST_DAYS[None, :] < scenario.halved_from, visits / 2, visits)
    inside = lives.sentences.on == 2
    return Contact(np.where(inside, PRISON_CONTACTS_A_YEAR / 12, visits), suspended)


def _draw_suspensions(
    lives: Lives, practice: Practice, policies: Policies, scenario: Scenario
) -> Ints:
    sentences = lives.sentences
    point = sentences.start - (sentences.length * policies.suspended_after).astype(np.int64)
    point = np.minimum(point, policies.suspension_from)
    if scenario.halved_from:
        sooner = sentences.start - (sentences.length / 3).astype(np.int64)
        sooner = np.minimum(sooner, scenario.halved_from)
        point = np.where(sooner > 0, np.maximum(point, sooner), point)
    level = practice.overall[np.arange(len(lives)), month_of(np.maximum(point, 0))]
    eligible = (point > 0) & (sentences.kind != CUSTODY) & (level >= 0) & (level < 2)
    return np.where(eligible, point, -1)


def supervisions_table(
    desk: Desk, lives: Lives, places: Places, practice: Practice, contact: Contact
) -> pl.DataFrame:
    """Make the supervisions table of a bucket of made-up cases: sentences, custody, past orders."""
    rng = desk.draw.stream("supervisions")
    sentences = lives.sentences
    everyone = np.arange(len(lives))
    team = practice.holding.team
    unit = places.team_unit[team]
    where: dict[str, Any] = {
        "provider_code": pick_labels([code[:3] for code in places.units], unit),
        "pdu_code": pick_labels(places.units, unit),
        "lau_code": pick_labels([f"{code}L" for code in places.units], unit),
        "team_code": pick_labels(places.team_codes(), team),
    }
    days = desk.draw.day
    # The tier follows the recorded level: shown, and used by process indicators alone.
    level = practice.overall[everyone, month_of(sentences.start)]
    current = desk.table_rows(
        "supervisions",
        "SUP",
        Events(everyone, sentences.start),
        kind=pick_labels(KINDS, sentences.kind),
        tier=blank_where(pick_labels(TIERS, level.clip(0)), level < 0),
        suspended_from=blank_where(days(contact.suspended), contact.suspended < 0),
        expected_end_on=days(sentences.start - sentences.length),
        expected_end_set_on=days(sentences.start),
        **where,
    )
    out = np.nonzero(sentences.kind == LICENCE)[0]
    prison = desk.table_rows(
        "supervisions",
        "SUC",
        Events(out, sentences.jailed[out]),
        kind=pl.lit("custody"),
        ended_on=days(sentences.start[out]),
        end_reason=pl.lit("completed"),
    )
    return pl.concat(
        [
            current,
            prison,
            _earlier_rows(desk, lives, rng),
            _premises_rows(desk, lives, practice, rng),
        ]
    )


def _earlier_rows(desk: Desk, lives: Lives, rng: np.random.Generator) -> pl.DataFrame:
    who, began, ended = lives.sentences.before
    size = len(who)
    failing = 0.5 * lives.people.traits["chaos"][who] + rng.normal(size=size)
    done, _ = figures.COMPLETED.value
    reasons = ["completed", "breached", "revoked", "recalled"]
    broken = failing > np.quantile(failing, done)
    reason = np.where(broken, rng.integers(1, 4, size), 0)
    kind = np.array([0, 1, 3])[rng.integers(0, 3, size)]
    # Nobody is recalled from an order of a court.
    reason = np.where((reason == len(reasons) - 1) & (kind != LICENCE), len(reasons) - 2, reason)
    return desk.table_rows(
        "supervisions",
        "SUQ",
        Events(who, began),
        kind=pick_labels(KINDS, kind),
        ended_on=desk.draw.day(ended),
        end_reason=pick_labels(reasons, reason),
    )


def _premises_rows(
    desk: Desk, lives: Lives, practice: Practice, rng: np.random.Generator
) -> pl.DataFrame:
    """Stays in approved premises after release, mostly of people recorded high or very high."""
    start = lives.sentences.start
    high = practice.overall[np.arange(len(lives)), month_of(start)] >= 2
    chance = np.where(high, 0.35, 0.03)
    stays = np.nonzero((lives.sentences.kind == LICENCE) & (rng.random(len(lives)) < chance))[0]
    length = rng.integers(40, 110, len(stays))
    left = start[stays] - length
    return desk.table_rows(
        "supervisions",
        "SAP",
        Events(stays, start[stays]),
        kind=pl.lit("approved_premises"),
        end_reason=blank_where(
            pick_labels(["moved_on"], np.zeros(len(stays), dtype=np.int64)), left < 0
        ),
        ended_on=blank_where(desk.draw.day(left), left < 0),
    )


def allocations_table(desk: Desk, lives: Lives, places: Places, practice: Practice) -> pl.DataFrame:
    """Make the allocations table of made-up cases: a row for each period with one practitioner."""
    rng = desk.draw.stream("allocations")
    staff, on = practice.holding.staff, lives.sentences.on > 0
    before = np.concatenate([np.full((len(lives), 1), -1), staff[:, :-1]], axis=1)
    was_on = np.concatenate([np.zeros((len(lives), 1), dtype=bool), on[:, :-1]], axis=1)
    who, month = np.nonzero(on & ((staff != before) | ~was_on))
    back = (MONTHS - 1 - month) * 30 + rng.integers(0, 30, len(who))
    follows = np.append(who[1:] == who[:-1], False)
    until = np.append(back[1:], 0)
    held = staff[who, month]
    covered = practice.holding.covered[who, MONTHS - 1] & ~follows
    away = np.minimum(rng.integers(5, 120, len(who)), back)
    learning = (places.qualified[held] >= 0) & (places.qualified[held] < back)
    grade = np.where(learning, GRADES.index("PQiP"), places.grade[held])
    return desk.table_rows(
        "allocations",
        "ALL",
        Events(who, back),
        staff_code=pick_labels(places.staff_codes, held),
        grade=pick_labels(GRADES, grade),
        qualified_on=places.qualified_on(desk.draw, held),
        ended_on=blank_where(desk.draw.day(until), ~follows),
        absent_from=blank_where(desk.draw.day(away), ~covered),
        workload_percent=places.workload[held].round(0),
        source_system=pl.lit("workforce"),
    )
