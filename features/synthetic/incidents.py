"""Makes the incidents table: behaviour and information, who recorded it, when and how precisely.

Incidents follow the hidden true level of the group they concern and what is going on in the
person's life; which of them probation hears of follows how often the person is seen, which
follows the level already recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.synthetic import figures
from features.synthetic.draw import (
    Desk,
    Events,
    Floats,
    Ints,
    blank_where,
    draw_delays,
    draw_events,
    pick_labels,
)
from features.synthetic.lives import Lives
from features.synthetic.scenarios import Scenario


@dataclass(frozen=True)
class Happening:
    """A kind of incident: its group, monthly rate at level low, and growth for each level."""

    kind: str
    target: str
    group: str
    monthly: float
    growth: float
    source: str = "ndelius"
    while_: str | None = None
    """Happens only while this goes on, at this rate."""
    factor: float = 1.0


POLICE, SERVICES, MONITORING, PRISON = "police", "childrens_services", "ems", "nomis"
HAPPENINGS: tuple[Happening, ...] = (
    Happening("violence", "public", "public", 0.0140, 1.25),
    Happening("violence", "partner", "known_adult", 0.0095, 1.25, POLICE),
    Happening("violence", "family", "known_adult", 0.0062, 1.10),
    Happening("violence", "staff", "staff", 0.0056, 1.35),
    Happening("violence", "child", "children", 0.0025, 1.35, SERVICES),
    Happening("threat", "public", "public", 0.0126, 1.15),
    Happening("threat", "partner", "known_adult", 0.0106, 1.25),
    Happening("threat", "child", "children", 0.0022, 1.35),
    Happening("threat", "staff", "staff", 0.0090, 1.30),
    Happening("domestic_abuse", "partner", "known_adult", 0.0154, 1.30, POLICE),
    Happening("weapon", "public", "public", 0.0045, 1.20, POLICE),
    Happening("sexual", "public", "public", 0.0022, 0.95),
    Happening("sexual_concern_child", "child", "children", 0.0017, 1.65, SERVICES),
    Happening("provider_concern", "partner", "known_adult", 0.0017, 1.25, MONITORING),
    Happening("intelligence", "none", "public", 0.0168, 0.90, POLICE),
    Happening(
        kind="violence",
        target="public",
        group="public",
        monthly=0.0300,
        growth=0.30,
        source="ndelius",
        while_="peers",
    ),
    Happening(
        kind="threat",
        target="partner",
        group="known_adult",
        monthly=0.0450,
        growth=0.30,
        source="ndelius",
        while_="conflict",
    ),
    Happening(
        kind="domestic_abuse",
        target="partner",
        group="known_adult",
        monthly=0.0500,
        growth=0.45,
        source=POLICE,
        while_="conflict",
    ),
    Happening(
        kind="substance_use",
        target="none",
        group="public",
        monthly=0.3000,
        growth=0.00,
        source="ndelius",
        while_="substance",
    ),
    Happening("substance_use", "none", "public", 0.0100, 0.00),
    Happening(
        kind="mental_health_decline",
        target="none",
        group="public",
        monthly=0.2400,
        growth=0.00,
        source="ndelius",
        while_="unwell",
    ),
    Happening("mental_health_decline", "none", "public", 0.0080, 0.00),
    Happening("civil_order_breach", "partner", "known_adult", 0.0015, 0.60),
    Happening("non_disclosure", "none", "public", 0.0090, 0.35),
    Happening(
        kind="relapse_sign",
        target="none",
        group="public",
        monthly=0.0500,
        growth=0.00,
        source="ndelius",
        while_="unwell",
    ),
    Happening(
        kind="violence",
        target="prisoner",
        group="public",
        monthly=0.0120,
        growth=0.70,
        source=PRISON,
        while_="inside",
    ),
    Happening(
        kind="custody_intelligence",
        target="none",
        group="public",
        monthly=0.0150,
        growth=0.50,
        source=PRISON,
        while_="inside",
    ),
)
POLICE_INITIATED = ("intelligence", "weapon")
"""Kinds that depend on where the police look; over-policing multiplies them."""
ABUSIVE = ("violence", "domestic_abuse", "threat", "sexual")
SETTINGS = ("community", "home", "custody", "approved_premises", "office", "health", "online")
COMMON_SETTINGS = np.cumsum([0.44, 0.28, 0.0, 0.05, 0.12, 0.07])
BEFORE_SUPERVISION = 0.35
"""Incidents known from before supervision began, as a share: other agencies' records."""


def incidents_table(desk: Desk, lives: Lives, visits: Floats, scenario: Scenario) -> pl.DataFrame:
    """Make the incidents table of a bucket of made-up cases, with corrections."""
    rng = desk.draw.stream("incidents")
    frailty = rng.gamma(5.0, 0.2, size=(len(lives), 1))
    frailty = frailty * np.where(lives.concealed, 0.12, 1.1)[:, None]
    under = np.where(lives.sentences.on > 0, 1.0, BEFORE_SUPERVISION)
    noticed = np.where(lives.sentences.on == 1, 1 - np.exp(-0.9 * visits), 0.5)
    black = (lives.people.ethnicity == "Black").to_numpy()
    parts = []
    for i, what in enumerate(HAPPENINGS):
        rate = what.monthly * np.exp(what.growth * lives.level(what.group)) * frailty * under
        rate = rate * _rate_while(lives, what)
        if what.source == "ndelius":
            rate = rate * noticed * 1.4
        if what.kind in POLICE_INITIATED:
            rate = rate * np.where(black, scenario.policing, 1.0)[:, None]
        at = draw_events(rng, rate)
        at = at.keep(rng.random(len(at)) > figures.NEVER_REACHES.value)
        parts.append(_incident_rows(desk, rng, lives, at, i, what))
    return _with_history(desk, rng, pl.concat(parts))


def _rate_while(lives: Lives, what: Happening) -> Floats:
    inside = lives.sentences.on == 2
    free: Floats = (inside if what.while_ == "inside" else ~inside).astype(np.float64)
    if what.while_ not in (None, "inside"):
        free = free * (lives.going_on[what.while_] & lives.discloses[what.while_][:, None])
    return free


def _incident_rows(
    desk: Desk, rng: np.random.Generator, lives: Lives, at: Events, i: int, what: Happening
) -> pl.DataFrame:
    size = len(at)
    level = lives.level(what.group)[at.who, at.month]
    abuse = what.kind in ABUSIVE
    none = np.zeros(size, dtype=np.int64)
    vague = rng.random((2, size)) < figures.VAGUE.value
    inside = lives.sentences.on[at.who, at.month] == 2
    setting = np.where(inside, 2, np.searchsorted(COMMON_SETTINGS, rng.random(size)))
    late = np.minimum(draw_delays(rng, size, figures.LATE.value), 400)
    certainty = "allegation" if abuse else "fact"
    using = abuse & lives.going_on["substance"][at.who, at.month] & (rng.random(size) < 0.5)
    unwell = abuse & lives.going_on["unwell"][at.who, at.month] & (rng.random(size) < 0.5)
    harmed = desk.crns.gather(at.who) + pick_labels(["-1", "-2", "-3"], rng.integers(0, 3, size))
    return desk.table_rows(
        "incidents",
        f"IN{i:02d}",
        at,
        late,
        kind=pick_labels([what.kind], none),
        target=pick_labels(
            [what.target, "none"], (vague[0] & (what.target == "public")).astype(np.int64)
        ),
        severity=blank_where(pl.Series(_draw_severity(rng, level)), vague[1]),
        setting=pick_labels(SETTINGS, setting),
        proven=rng.random(size) < (0.2 if abuse else 0.0),
        while_using=using,
        while_unwell=unwell,
        victim_ref=blank_where("V" + harmed, np.full(size, not abuse)),
        certainty=pl.lit("intelligence" if "intelligence" in what.kind else certainty),
        source_system=pl.lit(what.source),
        disputed=rng.random(size) < 0.06,
        disclosable=pl.lit(what.source == "ndelius"),
    )


def _draw_severity(rng: np.random.Generator, level: Ints) -> Ints:
    severity: Ints = np.clip(1 + rng.binomial(4, 0.2 + 0.12 * level), 1, 5)
    return severity


def _with_history(desk: Desk, rng: np.random.Generator, frame: pl.DataFrame) -> pl.DataFrame:
    """Add corrections as later versions, withdrawals, and the same event recorded twice."""
    size = frame.height
    wait = pl.Series(rng.integers(5, 60, size) * 86_400_000_000).cast(pl.Duration("us"))
    late = frame["recorded_at"] + wait
    in_time = late < desk.draw.extracted_at
    corrected = pl.Series(rng.random(size) < figures.CORRECTED.value) & in_time
    changed = frame.with_columns(recorded_at=late, version=pl.lit(2, dtype=pl.Int64()))
    changed = changed.with_columns(severity=(pl.col("severity") % 5) + 1).filter(corrected)
    withdrawn = pl.Series(rng.random(size) < figures.WITHDRAWN.value) & in_time & ~corrected
    with_withdrawals = frame.with_columns(
        withdrawn_at=pl.when(withdrawn).then(late).cast(pl.Datetime("us"))
    )
    twice = frame.filter(pl.Series(rng.random(size) < figures.RECORDED_TWICE.value))
    twice = twice.with_columns(record_id=pl.lit("D") + pl.col("record_id"))
    return pl.concat([with_withdrawals, changed, twice])
