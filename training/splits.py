"""Splits labels in time: trains on other people before, tests on these people after a gap.

No person is on both sides, the test set is not only of newcomers, and no label recorded within the
gap before the test period is used for training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from training.config import Splits
from training.labels import Labelled


@dataclass(frozen=True)
class Fold:
    """One split in time: training rows, test rows of other people, and the dates between."""

    name: str
    train: Labelled
    test: Labelled
    train_before: date
    test_from: date


def person_hash(parts: int) -> pl.Expr:
    """The part that a person belongs to: a hash of the CRN's digits, modulo the parts."""
    return (pl.col("crn").str.slice(1).cast(pl.Int64) * 2654435761 % 2**32) // 97 % parts


def development_folds(labelled: Labelled, until: date, settings: Splits) -> Iterator[Fold]:
    """The folds for development, which leave out the newest period."""
    final = until - timedelta(days=settings.final_days)
    starts = [until - timedelta(days=days) for days in settings.folds]
    ends = [*starts[1:], final]
    for start, end in zip(starts, ends, strict=True):
        yield from _period_folds(labelled, start, end, settings, f"{start}")


def final_folds(labelled: Labelled, until: date, settings: Splits) -> Iterator[Fold]:
    """The newest period, evaluated once, by models that saw neither it nor its people."""
    start = until - timedelta(days=settings.final_days)
    yield from _period_folds(labelled, start, until + timedelta(days=1), settings, "final")


def _period_folds(
    labelled: Labelled, start: date, end: date, settings: Splits, name: str
) -> Iterator[Fold]:
    before = start - timedelta(days=settings.gap_days)
    part = person_hash(settings.hashes)
    for j in range(settings.hashes):
        yield Fold(
            f"{name} part {j + 1}",
            labelled.where((pl.col("recorded_on") < before) & (part != j)),
            labelled.where((pl.col("as_of") >= start) & (pl.col("as_of") < end) & (part == j)),
            before,
            start,
        )
