"""Makes the reviews table: readings by auditors and reviewers, with realistic errors.

Audits are random with a known probability; so is the random share of the reviews in this service.
Countersigning, reassessments and flagged reviews are chosen by need. A reader sees a level that is
too low with a certain sensitivity, leaves a right one alone with a certain specificity, and leans
towards the level that stands there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from features.contracts import codes
from features.synthetic import figures
from features.synthetic.draw import FIRST_DAYS, MONTHS, Desk, Events, Ints, pick_labels
from features.synthetic.lives import Lives
from features.synthetic.practice import GROUPS, Practice, too_low_in

AUDIT_EVERY = 90
AUDIT_ROUNDS = 10
SERVICE_MONTHS = 10
FLAGGED, RANDOM = 0.006, 0.0025
"""Shares of the caseload read in this service each month: flagged, and at random."""
AFTER_FINDINGS_SENSITIVITY = 0.93
REASSESSED = 0.15
OVER_SEEN = 0.6
READERS = 40


def read_levels(rng: np.random.Generator, true: Ints, recorded: Ints, sensitivity: float) -> Ints:
    """Draw the levels that made-up readers give: an array (groups, readings); -1: none recorded."""
    right = figures.SPECIFICITY.value ** (1 / len(GROUPS))
    u, v = rng.random(true.shape), rng.random(true.shape)
    below = np.where(u < sensitivity, true, recorded)
    above = np.where(u < OVER_SEEN, true, recorded)
    slip = np.where(v < 0.75, recorded + 1, recorded - 1)
    same = np.where(u < right, recorded, slip)
    alone = np.where(u < 0.9, true, true + np.where(v < 0.5, 1, -1))
    readings = np.where(true > recorded, below, np.where(true < recorded, above, same))
    levels: Ints = np.clip(np.where(recorded < 0, alone, readings), 0, 3)
    return levels


def reviews_table(desk: Desk, lives: Lives, practice: Practice, audited: float) -> pl.DataFrame:
    """Make the reviews table of a bucket of made-up cases: what readers said of levels."""
    rng = desk.draw.stream("readers")
    desk_ = _Readings(desk, rng, lives, practice)
    return pl.concat(
        [
            *_audit_rows(desk_, audited),
            _countersigning_rows(desk_),
            _reassessment_rows(desk_),
            *_in_this_service(desk_),
        ]
    )


class _Readings:
    def __init__(self, desk: Desk, rng: np.random.Generator, lives: Lives, practice: Practice):
        self.desk, self.rng, self.lives, self.practice = desk, rng, lives, practice

    def rows(
        self,
        prefix: str,
        source: str,
        at: Events,
        sensitivity: float,
        wait: int,
        assessed: Ints | None = None,
        **more: Any,
    ) -> pl.DataFrame:
        """Readings of the record as it was on each event's day, given some days later."""
        in_time = at.back >= wait
        at = at.keep(in_time)
        true = self.lives.readable[:, at.who, at.month]
        recorded = self.practice.recorded[:, at.who, at.month]
        readings = read_levels(self.rng, true, recorded, sensitivity)
        if assessed is not None:
            readings = assessed[:, in_time]
        events = Events(at.who, at.back - wait)
        levels: dict[str, Any] = {
            g: pick_labels(codes.LEVEL_ORDER, readings[i]) for i, g in enumerate(GROUPS)
        }
        levels |= {
            "before_findings": pl.lit(value=True),
            "same_person": pl.lit(value=False),
            **more,
        }
        readers = [f"R{number:03d}" for number in range(READERS)]
        return self.desk.table_rows(
            "reviews",
            prefix,
            events,
            source=pl.lit(source),
            snapshot_on=self.desk.draw.day(at.back),
            reader=pick_labels(readers, self.rng.integers(0, READERS, len(at))),
            source_system=pl.lit("rosh_triage" if source in ("audit", "spo_review") else "oasys"),
            **levels,
        )


def _audit_rows(desk: _Readings, share: float) -> list[pl.DataFrame]:
    parts = []
    for round_ in range(AUDIT_ROUNDS):
        back = AUDIT_EVERY * (round_ + 1) - 60
        month = MONTHS - 1 - back // 30
        under = np.nonzero(desk.lives.sentences.on[:, month] == 1)[0]
        size = round(share * len(under))
        chosen = np.sort(desk.rng.choice(under, size, replace=False))
        at = Events(chosen, np.full(size, back))
        chance = pl.lit(size / max(len(under), 1), dtype=pl.Float64())
        parts.append(
            desk.rows(
                f"AUD{round_}",
                "audit",
                at,
                figures.SENSITIVITY.value,
                10,
                sampling_probability=chance,
            )
        )
    return parts


def _countersigning_rows(desk: _Readings) -> pl.DataFrame:
    """Readings by countersigning managers, who lean towards the level they sign."""
    practice, rng = desk.practice, desk.rng
    high = practice.assessed_levels.max(axis=0) >= 2
    chosen = np.nonzero(~practice.locked & high & (rng.random(len(high)) < 0.12))[0]
    at = Events(practice.who[chosen], FIRST_DAYS[practice.month[chosen]].astype(np.int64))
    return desk.rows(
        "CSG",
        "countersign",
        at,
        figures.COUNTERSIGN_SENSITIVITY.value,
        1,
        same_person=pl.lit(value=True),
    )


def _reassessment_rows(desk: _Readings) -> pl.DataFrame:
    """Later assessments as readings of the record on the day before, raised or not."""
    practice, rng = desk.practice, desk.rng
    before = practice.recorded[:, practice.who, np.maximum(practice.month - 1, 0)]
    real = ~practice.copied & ~practice.locked & (practice.month > 0) & (before[0] >= 0)
    chosen = np.nonzero(real & (rng.random(len(real)) < REASSESSED))[0]
    at = Events(
        practice.who[chosen], FIRST_DAYS[np.maximum(practice.month[chosen] - 1, 0)].astype(np.int64)
    )
    return desk.rows("REA", "reassessment", at, 1.0, 25, practice.assessed_levels[:, chosen])


def _in_this_service(desk: _Readings) -> list[pl.DataFrame]:
    """Reviews of earlier months: the own view first, then the conclusion after the findings."""
    lives, rng = desk.lives, desk.rng
    parts = []
    for name, share in (("F", FLAGGED), ("R", RANDOM)):
        under = lives.sentences.on == 1
        chance = share * under
        if name == "F":
            # Flagged people are more often too low than others: that is what flags are for.
            chance = chance * (1 + 5 * too_low_in(lives, desk.practice)) / 1.5
        drawn = rng.random(chance.shape) < chance
        drawn[:, : MONTHS - SERVICE_MONTHS] = False
        who, month = np.nonzero(drawn)
        at = Events(who, FIRST_DAYS[month] + rng.integers(14, 30, len(who)))
        probability = share if name == "R" else None
        odds: dict[str, Any] = {"sampling_probability": pl.lit(probability, dtype=pl.Float64())}
        own = figures.SENSITIVITY.value
        parts.append(desk.rows(f"SP{name}", "spo_review", at, own, 7, **odds))
        after = {**odds, "before_findings": pl.lit(value=False)}
        parts.append(
            desk.rows(f"SA{name}", "spo_review", at, AFTER_FINDINGS_SENSITIVITY, 7, **after)
        )
    return parts
