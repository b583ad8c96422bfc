"""What happens and what is written down: incidents, contacts, circumstances, decisions.

Entries follow the hidden true level, with the delays, duplicates, corrections and silences of a
real record; how often someone is seen follows the recorded level.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from features import codes
from features.synthetic.draw import (
    MONTHS,
    Draw,
    Events,
    Floats,
    Ints,
    delays,
    events,
    month_of,
    rows,
)
from features.synthetic.lives import Lives
from features.synthetic.practice import Practice

# kind, target, group whose level drives it, entries a month at level low, growth a level,
# shares of severity. All assumptions.
INCIDENTS: tuple[tuple[str, str, str, float, float], ...] = (
    ("violence", "public", "public", 0.0070, 0.95),
    ("violence", "partner", "known_adult", 0.0045, 0.95),
    ("violence", "family", "known_adult", 0.0030, 0.80),
    ("violence", "staff", "staff", 0.0030, 1.10),
    ("violence", "child", "children", 0.0012, 1.10),
    ("threat", "public", "public", 0.0060, 0.85),
    ("threat", "partner", "known_adult", 0.0050, 0.95),
    ("threat", "child", "children", 0.0010, 1.10),
    ("threat", "staff", "staff", 0.0045, 1.00),
    ("domestic_abuse", "partner", "known_adult", 0.0070, 1.00),
    ("weapon", "public", "public", 0.0020, 0.90),
    ("sexual", "public", "public", 0.0010, 0.70),
    ("sexual_concern_child", "child", "children", 0.0008, 1.40),
    ("provider_concern", "partner", "known_adult", 0.0008, 1.00),
    ("intelligence", "none", "public", 0.0060, 0.70),
    ("substance_use", "none", "public", 0.0450, 0.25),
    ("mental_health_decline", "none", "public", 0.0250, 0.15),
)
INTENSITY = 1.6
NEVER_REACHES = 0.2
"""Share of incidents that no one puts on record; some arrive months late (see delays)."""
SOURCES = {
    "intelligence": "police",
    "domestic_abuse": "police",
    "sexual_concern_child": "childrens_services",
    "provider_concern": "ems",
}
VISITS_A_YEAR = np.array([18.0, 14.0, 26.0, 44.0, 52.0])
"""Appointments a year by recorded level: none on record, low, medium, high, very high."""
NOTES = {
    "ATTC": "Attended on time. Discussed the week, accommodation and the plan.",
    "AFTC": "Attended but would not take part in the session.",
    "ATSH": "Arrived under the influence and was asked to leave.",
    "UAAB": "Did not attend and did not call.",
    "AAME": "Called to say unwell; evidence seen.",
    "AAEM": "At work; shift pattern seen.",
    "RSSR": "Moved by us: staff absence.",
}


def active(lives: Lives) -> Floats:
    """1 in each month in which the case was under supervision, 0.35 before (other agencies)."""
    month_start = (MONTHS - 1 - np.arange(MONTHS)) * 30
    found: Floats = np.where(lives.start[:, None] > month_start[None, :], 1.0, 0.35)
    return found


def incidents(draw: Draw, lives: Lives) -> pl.DataFrame:
    """Behaviour from any source, by the true level of the group that it concerns."""
    rng = draw.stream("incidents")
    frailty = rng.gamma(2.0, 0.5, size=(lives.cases, 1))
    chaos = np.exp(0.5 * lives.traits[:, 3])[:, None]
    parts = []
    for i, (kind, target, group, base, growth) in enumerate(INCIDENTS):
        rate = INTENSITY * base * np.exp(growth * lives.level(group)) * frailty * active(lives)
        if kind in ("substance_use", "mental_health_decline"):
            rate = rate * chaos
        at = events(rng, rate)
        at = at.keep(rng.random(len(at)) > NEVER_REACHES)
        parts.append(_incident_rows(draw, rng, lives, at, i, kind, target, group))
    return _with_history(draw, rng, pl.concat(parts))


def _incident_rows(
    draw: Draw,
    rng: np.random.Generator,
    lives: Lives,
    at: Events,
    i: int,
    kind: str,
    target: str,
    group: str,
) -> pl.DataFrame:
    size = len(at)
    level = lives.level(group)[at.who, month_of(at.back)]
    abuse = kind in ("violence", "domestic_abuse", "threat", "sexual")
    settings = ["community", "home", "custody", "approved_premises", "office", "health", "online"]
    return rows(
        draw,
        "incidents",
        f"INC{i:02d}",
        lives.crns,
        at,
        np.minimum(delays(rng, size, 0.15), 400),
        kind=pl.lit(kind),
        target=pl.lit(target),
        severity=np.clip(1 + rng.binomial(4, 0.18 + 0.16 * level), 1, 5),
        setting=rng.choice(settings, size, p=[0.4, 0.25, 0.08, 0.06, 0.11, 0.06, 0.04]),
        proven=rng.random(size) < (0.2 if abuse else 0.0),
        victim_ref=[f"V{w}-{v}" for w, v in zip(at.who, rng.integers(0, 3, size), strict=True)]
        if abuse
        else None,
        certainty=pl.lit(
            "intelligence" if kind == "intelligence" else "allegation" if abuse else "fact"
        ),
        source_system=pl.lit(SOURCES.get(kind, "ndelius")),
        disputed=rng.random(size) < 0.06,
        disclosable=pl.lit(kind not in SOURCES),
    )


def _with_history(draw: Draw, rng: np.random.Generator, frame: pl.DataFrame) -> pl.DataFrame:
    """Corrections as later versions, withdrawals, and the same event recorded twice."""
    size = frame.height
    late = frame["recorded_at"] + pl.Series(rng.integers(5, 60, size) * 86_400_000_000).cast(
        pl.Duration("us")
    )
    in_time = late < draw.extracted_at
    corrected = pl.Series(rng.random(size) < 0.03) & in_time
    changed = frame.with_columns(recorded_at=late, version=pl.lit(2, dtype=pl.Int64()))
    changed = changed.with_columns(severity=(pl.col("severity") % 5) + 1).filter(corrected)
    withdrawn = pl.Series(rng.random(size) < 0.008) & in_time & ~corrected
    kept = frame.with_columns(withdrawn_at=pl.when(withdrawn).then(late).cast(pl.Datetime("us")))
    twice = frame.filter(pl.Series(rng.random(size) < 0.015)).with_columns(
        record_id=pl.lit("D") + pl.col("record_id")
    )
    return pl.concat([kept, changed, twice])


def contacts(draw: Draw, lives: Lives, practice: Practice) -> pl.DataFrame:
    """Appointments with outcomes, enforcement, reports, oversight, and the system's own entries."""
    rng = draw.stream("contacts")
    highest = practice.recorded.max(axis=0)
    under = active(lives) > 0.9
    visits = events(rng, VISITS_A_YEAR[highest + 1] / 12 * under)
    parts = [*_appointments(draw, rng, lives, visits)]
    level = lives.highest()
    chaos = np.exp(0.4 * lives.traits[:, 3])[:, None]
    for prefix, types, base, growth in (
        ("ARR", ["CARR", "CNOC"], 0.0060, 0.50),
        ("EMV", ["C145", "EM01", "EM02", "AAM3"], 0.0100, 0.35),
        ("APB", ["APBR", "C118", "C119"], 0.0050, 0.40),
        ("TPR", ["C3PR"], 0.0050, 0.55),
        ("TST", ["DRGTST", "DGTSLC"], 0.0600, 0.10),
    ):
        at = events(rng, base * np.exp(growth * level) * chaos * under)
        outcome = None
        if prefix == "TST":
            refused = rng.random(len(at)) < 0.12 + 0.04 * level[at.who, month_of(at.back)]
            outcome = np.where(refused, "TREF", rng.choice(["TNEG", "TPOS"], len(at)))
        parts.append(
            _contact_rows(
                draw, rng, lives, at, prefix, rng.choice(types, len(at)), outcome_code=outcome
            )
        )
    overseen = events(
        rng, (0.02 + 0.02 * level) * np.where(practice.strain > 0.6, 0.5, 1.0)[:, None] * under
    )
    parts.append(
        _contact_rows(
            draw, rng, lives, overseen, "OVS", rng.choice(["C002", "MO1", "CSPO"], len(overseen))
        )
    )
    system = events(rng, 1.6 * under)
    kinds = rng.choice(["ETCH20", "ERGR", "ROC", "EOAS", "C070", "CNOF"], len(system))
    made = _contact_rows(draw, rng, lives, system, "SYS", kinds)
    parts.append(made.with_columns(system_generated=pl.lit(value=True)))
    return pl.concat(parts)


def _contact_rows(
    draw: Draw,
    rng: np.random.Generator,
    lives: Lives,
    at: Events,
    prefix: str,
    types: object,
    **more: object,
) -> pl.DataFrame:
    return rows(
        draw,
        "contacts",
        prefix,
        lives.crns,
        at,
        delays(rng, len(at)),
        type_code=types,
        system_generated=pl.lit(value=False),
        **more,
    )


def _appointments(
    draw: Draw, rng: np.random.Generator, lives: Lives, at: Events
) -> list[pl.DataFrame]:
    size = len(at)
    level = lives.highest()[at.who, month_of(at.back)]
    missed = 0.05 + 0.035 * level + 0.05 * np.clip(lives.traits[at.who, 3], 0, 2)
    u = rng.random(size)
    outcome = np.where(
        u < missed,
        "UAAB",
        np.where(
            u < missed * 1.25,
            "AFTC",
            np.where(
                u < missed * 1.25 + 0.02,
                "ATSH",
                np.where(
                    u < missed * 1.25 + 0.12, rng.choice(["AAME", "AAEM", "RSSR"], size), "ATTC"
                ),
            ),
        ),
    )
    types = rng.choice(["COAP", "CHVS", "COPT", "COVC"], size, p=[0.66, 0.12, 0.16, 0.06])
    failed = np.isin(outcome, codes.NON_COMPLIANT)
    acted = failed & (rng.random(size) < 0.35)
    enforcement = np.where(rng.random(size) < 0.5, "EA02", "ROM")
    visits = _contact_rows(
        draw,
        rng,
        lives,
        at,
        "APP",
        types,
        outcome_code=outcome,
        enforcement_code=pl.Series(enforcement).set(pl.Series(~acted), None),
        note=pl.Series(outcome).replace_strict(NOTES, default=None),
    )
    letters = at.keep(failed & (rng.random(size) < 0.4))
    sent = Events(letters.who, np.maximum(letters.back - rng.integers(1, 9, len(letters)), 0))
    warnings = _contact_rows(
        draw, rng, lives, sent, "WRN", rng.choice(["AWLI", "LCL", "AWL2"], len(sent))
    )
    return [visits, warnings]


def reader_levels(rng: np.random.Generator, true: Ints) -> Ints:
    """What a careful reader would say: right in 88 of 100 groups, else a level up or down."""
    u = rng.random(true.shape)
    slip = np.where(u < 0.07, -1, np.where(u > 0.95, 1, 0))
    found: Ints = np.clip(true + slip, 0, 3)
    return found
