"""Leaving unread what no indicator reads changes no value."""

from __future__ import annotations

import polars as pl

from features import asof, build
from features.indicators.language import LEAN
from features.store import Store
from tests.conftest import AS_OF, Service


def test_what_is_left_unread_changes_no_value(service: Service) -> None:
    store: Store = service.store
    on = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    whole = build.frame(asof.read(store, on))
    lean = asof.read(store, on, lean=LEAN)
    assert build.frame(lean).equals(whole)
    read, kept = lean.versions["contacts"], asof.read(store, on).versions["contacts"]
    assert read.height < 0.8 * kept.height, "most of the longest table is left on disk"
    assert "note" not in read.columns
    assert lean.versions["people"].is_empty()


def test_some_buckets_together_or_one_by_one_give_the_same(service: Service) -> None:
    store: Store = service.store
    on = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    together = pl.concat(part for _, part in build.frames(store, on)).sort(asof.GROUP_KEY)
    numbered = on.with_columns(build.bucket_of(store.buckets).alias("bucket"))
    alone = [
        build.frame(asof.read(store, part.drop("bucket"), int(bucket)))
        for (bucket,), part in numbered.partition_by("bucket", as_dict=True).items()
    ]
    assert pl.concat(alone).sort(asof.GROUP_KEY).equals(together)
