"""Measures what counting entries of notes changes: the same training with and without them.

The board signs a model that counts notes only beside this (decision 0093): what the model gains at
each recorded level, and which groups of people it puts before readers more often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from features.errors import UserError
from features.history import asof
from features.store.store import Store
from models import metrics
from models.inputs import Matrix
from models.metrics import Figure
from models.strata import STRATA, stratum_of
from training import audit, evaluate, fairness, labels, splits
from training.config import Config
from training.evaluate import Judged
from training.labels import Labelled

PARTS = GAIN, PEOPLE = "note_gain", "note_people"


@dataclass(frozen=True)
class Gain:
    """A figure of one recorded level, of the model without entries of notes and with them."""

    recorded: str
    figure: str
    without_notes: Figure
    with_notes: Figure


@dataclass(frozen=True)
class Shown:
    """The share of a group of people that is shown, without entries of notes and with them.

    None where the group has fewer rows than are ever given.
    """

    characteristic: str
    group: str
    rows: int | None
    without_notes: float | None
    with_notes: float | None


def compare_without_notes(
    store: Store, until: date, config: Config, final: Judged, step: Callable[[str], None]
) -> dict[str, Any]:
    """The newest period judged again without entries of notes; rows of evidence by part.

    `store` counts the kinds of `config`; `final` is the newest period with them. Empty where no
    kind counts or the period has no readings.
    """
    if not config.notes.kinds or final.pooled is None:
        return {GAIN: [], PEOPLE: []}
    step("the newest period without entries of notes")
    plain = labels.read_labels(store.counting_notes(()), until, config)
    without = evaluate.judge_folds(
        "final, without notes", splits.final_folds(plain, until, config.splits), config, step, {}
    )
    probability = _in_order_of(final.pooled, without)
    characteristics = audit.read_characteristics(store, final.pooled.frame)
    pair = probability, final.probability
    shares = _shares_shown(final.pooled, pair, characteristics, config.review.share)
    gains = _gains(final.pooled, pair)
    return {GAIN: [asdict(one) for one in gains], PEOPLE: [asdict(one) for one in shares]}


def _in_order_of(pooled: Labelled, without: Judged) -> Matrix:
    """The probabilities of the model without notes, for the same readings in the same order."""
    key = [*asof.GROUP_KEY, "source", "record_id"]
    if without.pooled is None or not without.pooled.frame.select(key).equals(
        pooled.frame.select(key)
    ):
        raise UserError(
            "Without entries of notes other readings are judged than with them, so the two cannot "
            "be compared. Take a longer final period ([splits] in the configuration)."
        )
    return without.probability


def _gains(judged: Labelled, pair: tuple[Matrix, Matrix]) -> Iterator[Gain]:
    strata, truth = stratum_of(judged.frame).to_numpy(), labels.read_higher(judged) > 0
    people = judged.frame["crn"].to_numpy()
    for stratum in STRATA:
        rows = strata == stratum
        if not truth[rows].any():
            continue
        for name in evaluate.COMPARED:
            both = (
                metrics.with_interval(
                    name, score[rows], truth[rows], judged.weights[rows], people[rows], seed=1
                )
                for score in pair
            )
            yield Gain(stratum, name, *both)


def _shares_shown(
    judged: Labelled,
    pair: tuple[Matrix, Matrix],
    characteristics: Mapping[str, fairness.Words],
    share: float,
) -> Iterator[Shown]:
    strata = stratum_of(judged.frame).to_numpy().astype(object)
    before, after = (fairness.by_group(one, strata, judged.weights, share) for one in pair)
    for characteristic, words in characteristics.items():
        for group in sorted(set(words)):
            rows = words == group
            count = int(rows.sum())
            if count < fairness.SMALL:
                yield Shown(characteristic, str(group), None, None, None)
                continue
            weight = judged.weights[rows]
            shares = (float(np.average(one[rows], weights=weight)) for one in (before, after))
            yield Shown(characteristic, str(group), count, *shares)
