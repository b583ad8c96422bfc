"""Measures what reading notes adds, on made-up people of whom much stands only in notes.

Made-up people: it proves that a note's entry reaches indicators and model, not how often it would.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from features.errors import UserError, did_you_mean
from features.frame import build
from features.history import asof
from features.history.rows_of_notes import COUNTS_AS, IS_FACT, TABLE
from features.indicators import CATALOGUE
from features.store.store import Store
from models.inputs import community_rows
from training import sealed, truth
from training.config import Config

COUNT = "count of fired indicators"
NAMES = (truth.MODEL, COUNT, truth.TAUGHT_BY_TRUTH)


@dataclass(frozen=True)
class Reading:
    """Of one kind: what happened and stands in notes alone, how much of it was read, and rightly.

    `read` counts happenings of which the contact's note has a fact of the kind; `facts` are all
    entries of the kind that are read as facts, `right` those that the note does say so.
    """

    kind: str
    only_in_notes: int
    read: int
    facts: int
    right: int


@dataclass(frozen=True)
class Effect:
    """What indicators and model find where some kinds of entries of notes count, or none.

    `fired` is the mean number of indicators that fire for a person and a group, `alive` how many
    fire for anybody; `right` the share of those shown by each predictor who are truly too low.
    """

    way: str
    fired: float
    alive: int
    right: dict[str, float]
    average_precision: dict[str, float]


def compare_reading(store: Store, folder: Path) -> list[Reading]:
    """What the reader read of what notes say, kind by kind, by the hidden truth."""
    truths = sealed.said_in_notes(folder).filter(pl.col("manner") == "fact")
    facts = store.read_versions(TABLE).filter(IS_FACT, pl.col("withdrawn_at").is_null())
    entries = facts.select("crn", "kind", noted_on="occurred_on").unique()
    key = ["crn", "kind", "noted_on"]
    is_read = truths.join(entries.with_columns(is_read=pl.lit(value=True)), on=key, how="left")
    is_said = entries.join(
        truths.select(key).unique().with_columns(right=pl.lit(value=True)), on=key, how="left"
    )
    lines = []
    for kind in sorted(set(truths["kind"]) | set(entries["kind"])):
        alone = is_read.filter(pl.col("kind") == kind, pl.col("only_in_notes"))
        own = is_said.filter(pl.col("kind") == kind)
        lines.append(
            Reading(
                kind,
                alone.height,
                alone["is_read"].count(),
                own.height,
                own["right"].count(),
            )
        )
    return lines


def compare_effect(
    store: Store,
    folder: Path,
    on: date,
    settings: Config,
    kinds: Collection[str],
    step: Callable[[str], None],
) -> list[Effect]:
    """Indicators and model by the hidden truth, without entries of notes and with some kinds.

    Raises UserError for a kind that no indicator reads.
    """
    unknown = sorted(set(kinds) - set(COUNTS_AS))
    if unknown:
        raise UserError(
            f"No indicator reads entries of notes of the kind {unknown[0]!r}."
            f"{did_you_mean(unknown[0], COUNTS_AS)}"
        )
    ways = {"without notes": (), "with notes": tuple(kinds)}
    return [
        _effect(way, store.counting_notes(counted), folder, on, settings, step)
        for way, counted in ways.items()
    ]


def _effect(
    way: str,
    store: Store,
    folder: Path,
    on: date,
    settings: Config,
    step: Callable[[str], None],
) -> Effect:
    step(f"{way}: indicators")
    spine = build.cases_under_supervision(store, on).select(asof.KEY)
    frame = pl.concat(community_rows(part) for _, part in build.build_frames(store, spine))
    fires = frame.select(
        item.fires_in_frame.fill_null(value=False).alias(name) for name, item in CATALOGUE.items()
    )
    counts = fires.sum().row(0)
    lines, _, _ = truth.compare_with_truth(
        store, folder, on, settings, lambda words: step(f"{way}: {words}")
    )
    share = settings.review.share
    return Effect(
        way=way,
        fired=sum(counts) / frame.height,
        alive=sum(count > 0 for count in counts),
        right={name: truth.overall_share(lines, name, share) for name in NAMES},
        average_precision={name: truth.mean_precision(lines, name) for name in NAMES},
    )
