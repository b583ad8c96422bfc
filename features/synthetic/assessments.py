"""Makes the assessments table: recorded levels, signatures and predictor scores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from features.contracts import codes
from features.synthetic.draw import MONTHS, Desk, Events, Flags, Ints, blank_where, pick_labels
from features.synthetic.lives import Lives
from features.synthetic.practice import GROUPS, Practice

LEVELS = codes.LEVEL_ORDER
DAYS_TO_LOCK = 45


def assessments_table(desk: Desk, lives: Lives, practice: Practice) -> pl.DataFrame:
    """Make the assessments table of a bucket of made-up cases, one row an assessment."""
    rng = desk.draw.stream("assessment rows")
    who, back, completed, order = _assessment_dates(rng, practice)
    locked, levels = practice.locked[order], practice.assessed_levels[:, order]
    still_open = locked & (back < DAYS_TO_LOCK)
    needs = (levels.max(axis=0) >= 2) | (rng.random(len(who)) < 0.2)
    days = desk.draw.day
    signed = days(completed).cast(pl.Datetime("us")) + timedelta(hours=10)
    inside = lives.sentences.on[who, practice.month[order]] == 2
    status = np.where(still_open, 2, np.where(locked, 1, 0))
    return desk.table_rows(
        "assessments",
        "OAS",
        Events(who, back),
        back - completed,
        status=pick_labels(["COMPLETE", "LOCKED_INCOMPLETE", "OPEN"], status),
        completed_on=blank_where(days(completed), still_open),
        purpose=pick_labels(["430", "260"], inside.astype(np.int64)),
        predictor_version=pl.lit("2"),
        mentions_weapons=rng.random(len(who)) < 0.5,
        mentions_domestic_abuse=rng.random(len(who)) < 0.55,
        mentions_sexual_behaviour=rng.random(len(who)) < 0.7,
        mentions_staff_violence=rng.random(len(who)) < 0.7,
        mentions_mental_health=rng.random(len(who)) < 0.6,
        plan_written_on=blank_where(
            days(completed + rng.integers(-5, 5, len(who)).clip(max=0)), rng.random(len(who)) < 0.06
        ),
        countersign_required=needs,
        signed_at=blank_where(signed, locked),
        countersigned_at=_countersigned_at(desk, rng, signed, needs, locked),
        analysis_fingerprint=_text_fingerprints(desk, who, practice.copied[order]),
        source_system=pl.lit("oasys"),
        **_level_columns(levels, locked, inside),
        **_predictor_bands(rng, lives, who),
    )


def _assessment_dates(
    rng: np.random.Generator, practice: Practice
) -> tuple[Ints, Ints, Ints, Ints]:
    """For each assessment: person, start, completion or lock, and sort order."""
    order = np.lexsort((practice.month, practice.who))
    who, month = practice.who[order], practice.month[order]
    end = (MONTHS - 1 - month) * 30
    # On any day of the month alike: assessments that bunch would look like drift to the watch.
    completed = end + rng.integers(0, 30, len(who))
    back = completed + rng.integers(1, 13, len(who))
    return (
        who,
        back,
        np.where(practice.locked[order], back - DAYS_TO_LOCK, completed).clip(0),
        order,
    )


def _level_columns(levels: Ints, locked: Flags, inside: Flags) -> dict[str, Any]:
    columns = {
        f"{group}_community": blank_where(pick_labels(LEVELS, levels[i].clip(0)), locked)
        for i, group in enumerate(GROUPS)
    }
    for i, group in enumerate(GROUPS):
        columns[f"{group}_custody"] = blank_where(
            pick_labels(LEVELS, levels[i].clip(0)), locked | ~inside
        )
    among_prisoners = levels[GROUPS.index("staff")].clip(0)
    columns["prisoners_custody"] = blank_where(
        pick_labels(LEVELS, among_prisoners), locked | ~inside
    )
    return columns


def _predictor_bands(rng: np.random.Generator, lives: Lives, who: Ints) -> dict[str, Any]:
    """Predictor bands drawn from history and age, so only loosely related to the level of harm."""
    traits = {name: values[who] for name, values in lives.people.traits.items()}
    noise = rng.normal(size=(3, len(who)))
    serious = 0.7 * traits["violence"] + 0.4 * traits["chaos"] + 0.6 * noise[0]
    scores = {
        "serious_band": (serious, [0.4, 1.3, 2.2]),
        "violence_band": (traits["violence"] + 0.7 * noise[1], [0.5, 1.4, 2.3]),
        "reoffending_band": (traits["chaos"] + 0.7 * noise[2], [0.2, 1.1, 2.0]),
    }
    return {name: pick_labels(LEVELS, np.digitize(s, at)) for name, (s, at) in scores.items()}


def _countersigned_at(
    desk: Desk, rng: np.random.Generator, signed: pl.Series, needs: Flags, locked: Flags
) -> pl.Series:
    size = len(needs)
    rushed = rng.random(size) < 0.12
    minutes = np.where(rushed, rng.integers(1, 9, size), rng.integers(60, 4000, size))
    at = signed + pl.Series(minutes * 60_000_000).cast(pl.Duration("us"))
    not_yet = (at > desk.draw.extracted_at).to_numpy()
    return blank_where(at, ~needs | (rng.random(size) < 0.07) | locked | not_yet)


def _text_fingerprints(desk: Desk, who: Ints, copied: Flags) -> pl.Series:
    """A digest of the analysis text; equal where the text was copied forward."""
    own = np.where(copied, 0, np.arange(len(who)))
    source = np.maximum.accumulate(own)
    same = who[source] == who
    source = np.where(same, source, np.arange(len(who)))
    text = desk.crns.gather(who[source]) + pl.Series(source).cast(pl.String()).str.zfill(7)
    return text.hash(seed=desk.draw.seed).cast(pl.String())
