"""What the service does: assessments, allocations, registers, enquiries; where the level slips.

The recorded level is what the practitioner saw and did with it: true level at the time, lowered
by optimism and by what never reached them (workload, inexperience), copied forward at reviews,
and out of date since. Overestimates and pure chance errors exist too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from features import codes
from features.synthetic.draw import (
    MONTHS,
    Draw,
    Events,
    Flags,
    Floats,
    Ints,
    events,
    fit,
    month_of,
    rows,
)
from features.synthetic.lives import Lives

LEVELS = np.array(codes.LEVEL_ORDER)
REVIEW_EVERY = 230
LOCKED_SHARE = 0.06
COPIED_SHARE = 0.28
NEVER_ASSESSED = 0.02


@dataclass(frozen=True)
class Practice:
    """Supervision: `strain` drives error; `recorded` is (groups, cases, months).

    A recorded level of -1 means that no level is on record in that month.
    """

    strain: Floats
    recorded: Ints
    tables: dict[str, pl.DataFrame]


def make(draw: Draw, lives: Lives, underestimated: float) -> Practice:
    """Assessments, registers, allocations and enquiries of the whole caseload."""
    allocations, strain = _allocations(draw, lives)
    assessments, recorded = _assessments(draw, lives, strain, underestimated)
    return Practice(
        strain,
        recorded,
        {
            "allocations": allocations,
            "assessments": assessments,
            "registrations": _registers(draw, lives, recorded),
            "enquiries": _enquiries(draw, lives, strain),
        },
    )


def _allocations(draw: Draw, lives: Lives) -> tuple[pl.DataFrame, Floats]:
    rng = draw.stream("allocations")
    n = lives.cases
    per_team = 8
    staff = lives.team * per_team + rng.integers(0, per_team, n)
    workload = rng.normal(112, 18, staff.max() + 1).clip(60, 180)
    novice = rng.random(staff.max() + 1) < 0.25
    strain = (workload[staff] - 112) / 18 * 0.5 + novice[staff] * 0.6 + 0.4 * rng.normal(size=n)
    changes = events(rng, np.full((n, MONTHS), 0.06))
    changes = changes.keep(changes.back < lives.start[changes.who])
    first = Events(np.arange(n), lives.start)
    both = Events(
        np.concatenate([first.who, changes.who]), np.concatenate([first.back, changes.back])
    )
    order = np.lexsort((-both.back, both.who))
    at = Events(both.who[order], both.back[order])
    holder = np.where(
        np.isin(order, np.arange(n)), staff[at.who], rng.integers(0, staff.max() + 1, len(at))
    )
    last = np.append(at.who[1:] != at.who[:-1], True)
    holder = np.where(last, staff[at.who], holder)
    until = np.append(at.back[1:], 0)
    absent = last & (rng.random(len(at)) < 0.04 + 0.03 * (strain[at.who] > 0.8))
    away = np.minimum(rng.integers(5, 120, len(at)), at.back)
    made = rows(
        draw,
        "allocations",
        "ALL",
        lives.crns,
        at,
        np.zeros(len(at), dtype=np.int64),
        staff_code=[f"M{code:05d}A" for code in holder],
        grade=np.where(novice[holder], rng.choice(["PSO", "PQiP", "NQO"], len(at)), "PO"),
        ended_on=draw.day(until).set(pl.Series(last), None),
        absent_from=draw.day(away).set(pl.Series(~absent), None),
        workload_percent=workload[holder].round(0),
        source_system=pl.lit("workforce"),
    )
    return made, strain


def _assessments(
    draw: Draw, lives: Lives, strain: Floats, underestimated: float
) -> tuple[pl.DataFrame, Ints]:
    rng = draw.stream("assessments")
    at, nth = _assessment_dates(rng, lives)
    size = len(at)
    locked = rng.random(size) < LOCKED_SHARE
    copied = (nth > 0) & (rng.random(size) < COPIED_SHARE + 0.1 * (strain[at.who] > 0.5)) & ~locked
    taken = np.minimum(rng.integers(3, 30, size), at.back)
    done_back = np.where(locked, np.maximum(at.back - 45, 0), at.back - taken)
    seen = np.stack([lives.level(g)[at.who, month_of(at.back)] for g in codes.COMMUNITY_GROUPS])
    # A person's practitioner may lower one or two groups; settable so that about the wanted share
    # of cases stands too low in some group on the as-of date, staleness included.
    lean = 1 / (1 + np.exp(-(strain[at.who] - 1.1)))
    lowered = rng.random(seen.shape) < np.clip(lean * 1.1 * underestimated, 0, 0.6)
    raised = (rng.random(seen.shape) < 0.03) & (seen < 2)
    given = np.clip(seen - lowered + (raised & ~lowered), 0, 3)
    given, source = _copy_forward(given, copied, at.who)
    recorded = _recorded_by_month(given, locked, at.who, done_back, lives.cases)
    frame = _assessment_rows(draw, rng, lives, at, given, source, locked, done_back)
    return frame, recorded


def _assessment_dates(rng: np.random.Generator, lives: Lives) -> tuple[Events, Ints]:
    most = 1 + 980 // REVIEW_EVERY
    who = np.repeat(np.arange(lives.cases), most)
    nth = np.tile(np.arange(most), lives.cases)
    gap = np.where(
        nth == 0, rng.integers(0, 25, len(who)), rng.integers(120, 2 * REVIEW_EVERY - 120, len(who))
    )
    after = gap.reshape(lives.cases, most).cumsum(axis=1).ravel()
    back = lives.start[who] - after
    assessed = rng.random(lives.cases) > NEVER_ASSESSED
    keep = (back >= 0) & assessed[who]
    return Events(who[keep], back[keep]), nth[keep]


def _copy_forward(given: Ints, copied: Flags, who: Ints) -> tuple[Ints, Ints]:
    """Copied assessments repeat the levels and the analysis of the one before."""
    source = np.arange(len(who))
    for i in np.nonzero(copied)[0]:
        if i and who[i - 1] == who[i]:
            given[:, i] = given[:, i - 1]
            source[i] = source[i - 1]
    return given, source


def _recorded_by_month(given: Ints, locked: Flags, who: Ints, done: Ints, cases: int) -> Ints:
    recorded = np.full((len(given), cases, MONTHS), -1, dtype=np.int64)
    for i in np.nonzero(~locked)[0]:
        recorded[:, who[i], month_of(done[i : i + 1])[0] :] = given[:, i, None]
    return recorded


def _assessment_rows(
    draw: Draw,
    rng: np.random.Generator,
    lives: Lives,
    at: Events,
    given: Ints,
    source: Ints,
    locked: Flags,
    done: Ints,
) -> pl.DataFrame:
    size = len(at)
    blank = pl.Series(locked)
    levels = {
        f"{group}_community": pl.Series(LEVELS[given[i]]).set(blank, None)
        for i, group in enumerate(codes.COMMUNITY_GROUPS)
    }
    traits = lives.traits[at.who]
    serious = 0.7 * traits[:, 0] + 0.4 * traits[:, 3] + 0.6 * rng.normal(size=size)
    band = LEVELS[np.digitize(serious, [0.4, 1.3, 2.2])]
    needs = (given.max(axis=0) >= 2) | (rng.random(size) < 0.2)
    signed = draw.day(done).cast(pl.Datetime("us")) + timedelta(hours=10)
    minutes = np.where(
        rng.random(size) < 0.12, rng.integers(1, 9, size), rng.integers(60, 4000, size)
    )
    countersigned = (signed + pl.Series(minutes * 60_000_000).cast(pl.Duration("us"))).set(
        pl.Series(~needs | (rng.random(size) < 0.07)) | blank, None
    )
    plan = draw.day(done + rng.integers(-5, 5, size).clip(max=0)).set(
        pl.Series(rng.random(size) < 0.06), None
    )
    return rows(
        draw,
        "assessments",
        "OAS",
        lives.crns,
        at,
        np.minimum(at.back - done, at.back),
        status=pl.Series(np.where(locked, "LOCKED_INCOMPLETE", "COMPLETE")),
        completed_on=draw.day(done),
        purpose=pl.lit("430"),
        predictor_version=pl.lit("2"),
        serious_band=band,
        violence_band=LEVELS[
            np.digitize(traits[:, 0] + rng.normal(size=size) * 0.7, [0.5, 1.4, 2.3])
        ],
        reoffending_band=LEVELS[
            np.digitize(traits[:, 3] + rng.normal(size=size) * 0.7, [0.2, 1.1, 2.0])
        ],
        mentions_weapons=rng.random(size) < 0.5,
        mentions_domestic_abuse=rng.random(size) < 0.55,
        plan_written_on=plan,
        countersign_required=needs,
        signed_at=signed.set(blank, None),
        countersigned_at=countersigned,
        analysis_fingerprint=[
            f"{lives.crns[int(w)]}-{int(s):08x}" for w, s in zip(at.who, source, strict=True)
        ],
        source_system=pl.lit("oasys"),
        **levels,
    )


def _registers(draw: Draw, lives: Lives, recorded: Ints) -> pl.DataFrame:
    """Registers as NDelius keeps them: overall level, groups above low, and a few others."""
    rng = draw.stream("registers")
    parts = []
    now = recorded[:, :, -1]
    overall = now.max(axis=0)
    who = np.nonzero(overall >= 0)[0]
    types = np.array(["RLRH", "RMRH", "RHRH", "RVHR"])
    stale = rng.random(len(who)) < 0.05
    shown = np.clip(overall[who] + stale, 0, 3)
    parts.append(_register(draw, lives, "REO", who, types[shown], rng))
    for i, (code, group) in enumerate(
        (c, g) for c, g in codes.GROUP_REGISTER.items() if g in codes.COMMUNITY_GROUPS
    ):
        level = now[codes.COMMUNITY_GROUPS.index(group)]
        who = np.nonzero(level >= 1)[0]
        made = _register(draw, lives, f"REG{i}", who, np.full(len(who), code), rng)
        levels = pl.Series(np.array(["RSKL", "RSKM", "RSKH", "RSKV"])[level[who]])
        keyed = dict(zip(lives.crns.gather(who), levels, strict=True))
        parts.append(made.with_columns(level_code=pl.col("crn").replace_strict(keyed)))
    abusive = np.nonzero((lives.traits[:, 1] > 0.6) & (rng.random(lives.cases) < 0.6))[0]
    parts.append(_register(draw, lives, "REA", abusive, np.full(len(abusive), "ADVP"), rng))
    return pl.concat(parts)


def _register(
    draw: Draw, lives: Lives, prefix: str, who: Ints, types: np.ndarray, rng: np.random.Generator
) -> pl.DataFrame:
    back = np.maximum((lives.start[who] * rng.uniform(0.2, 0.95, len(who))).astype(np.int64), 1)
    return rows(
        draw,
        "registrations",
        prefix,
        lives.crns,
        Events(who, back),
        np.zeros(len(who), dtype=np.int64),
        type_code=types,
        next_review_on=draw.day(back - 180),
    )


def _enquiries(draw: Draw, lives: Lives, strain: Floats) -> pl.DataFrame:
    rng = draw.stream("enquiries")
    parts = []
    for prefix, kind, wanted, trait, share in (
        ("EDA", "domestic_abuse", 0.5, 1, 0.49),
        ("ESG", "child_safeguarding", 0.4, 2, 0.55),
    ):
        needed = rng.random(lives.cases) < wanted + 0.15 * (lives.traits[:, trait] > 0.5)
        who = np.nonzero(needed)[0]
        back = np.maximum(lives.start[who] - rng.integers(0, 60, len(who)), 1)
        asked = rng.random(len(who)) < share - 0.08 * (strain[who] > 0.6)
        asked_back = np.maximum(back - rng.integers(0, 30, len(who)), 0)
        answered = asked & (rng.random(len(who)) < 0.75)
        answer_back = np.maximum(asked_back - rng.integers(3, 60, len(who)), 0)
        worrying = rng.random(len(who)) < 0.15 + 0.25 * (lives.traits[who, trait] > 0.7)
        made = rows(
            draw,
            "enquiries",
            prefix,
            lives.crns,
            Events(who, back),
            np.zeros(len(who), dtype=np.int64),
            kind=pl.lit(kind),
            requested_on=draw.day(asked_back).set(pl.Series(~asked), None),
            returned_on=draw.day(answer_back).set(pl.Series(~answered), None),
            result=pl.Series(np.where(worrying, "concerns", "no_concerns")).set(
                pl.Series(~answered), None
            ),
            disclosable=pl.lit(value=False),
        )
        parts.append(made)
    return fit(pl.concat(parts), "enquiries")
