"""Splits cases into parts of whole buckets: a case depends on no other case.

So work on a part needs the store and the part and nothing else, and a runner
(`features.local_runners`) may hand it to any process or machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

import polars as pl

from features.store.store import Store, bucket_of

CASES_AT_ONCE = 10_000
"""The most rows of a spine in one part, which bounds a worker's memory; a bucket is never split."""


@dataclass(frozen=True)
class OfStore:
    """An item of work that reads a store."""

    store: Store

    def on_this_machine(self) -> Self:
        """The same item, of the store as it is reached from this machine."""
        return replace(self, store=self.store.on_this_machine())


@dataclass(frozen=True)
class Part(OfStore):
    """Some cases of a store, each with its as-of date, and the buckets in which they are."""

    spine: pl.DataFrame
    buckets: tuple[int, ...]

    @property
    def last_bucket(self) -> int:
        """The last bucket of the part, by which progress is shown."""
        return self.buckets[-1]


def split_spine(store: Store, on: pl.DataFrame, at_once: int | None = None) -> list[Part]:
    """The cases of a spine in parts of consecutive buckets, of at most `at_once` cases each.

    By default CASES_AT_ONCE; a larger bucket is a part on its own.
    """
    most = CASES_AT_ONCE if at_once is None else at_once
    numbered = on.with_columns(bucket_of(store.buckets).alias("_bucket"))
    sizes = dict(sorted(numbered.group_by("_bucket").len().iter_rows()))
    return [
        Part(
            store,
            numbered.filter(pl.col("_bucket").is_in(buckets)).drop("_bucket"),
            tuple(buckets),
        )
        for buckets in _split_buckets(sizes, most)
    ]


def _split_buckets(sizes: Mapping[int, int], at_once: int) -> Iterator[list[int]]:
    """Group consecutive buckets so that no group holds more than `at_once` cases."""
    together: list[int] = []
    for bucket, size in sizes.items():
        if together and sum(sizes[b] for b in together) + size > at_once:
            yield together
            together = []
        together.append(bucket)
    if together:
        yield together
