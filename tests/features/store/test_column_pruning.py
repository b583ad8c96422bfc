"""Leaving unread what no indicator reads changes no value."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features import parts
from features.frame import build
from features.history import asof
from features.indicators.language import LEAN
from features.intake.load import load_extract
from features.store.store import Store, bucket_of
from tests import factories
from tests.conftest import AS_OF
from tests.properties.histories import TABLES, dense


def test_what_is_left_unread_changes_no_value(made_up: Path) -> None:
    store = Store.open(made_up / "store")
    on = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    whole = build.build_frame(asof.read_histories(store, on))
    lean = asof.read_histories(store, on, lean=LEAN)
    assert build.build_frame(lean).equals(whole)
    read, histories = lean.versions["contacts"], asof.read_histories(store, on).versions["contacts"]
    assert read.height < 0.8 * histories.height, "most of the longest table is left on disk"
    assert "note" not in read.columns
    assert lean.versions["people"].is_empty()


def test_some_buckets_together_or_one_by_one_give_the_same(made_up: Path) -> None:
    store = Store.open(made_up / "store")
    on = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    together = pl.concat(part for _, part in build.build_frames(store, on)).sort(asof.GROUP_KEY)
    numbered = on.with_columns(bucket_of(store.buckets).alias("bucket"))
    alone = [
        build.build_frame(asof.read_histories(store, part.drop("bucket"), int(bucket)))
        for (bucket,), part in numbered.partition_by("bucket", as_dict=True).items()
    ]
    assert pl.concat(alone).sort(asof.GROUP_KEY).equals(together)


def test_workers_give_what_one_process_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [dense(seed, f"C{seed:06d}") for seed in range(24)]
    rows = {table: [r for case in cases for r in case[table]] for table in TABLES}
    load_extract(factories.extract(tmp_path / "x", rows), tmp_path / "store", max_refused=0.9)
    store = Store.open(tmp_path / "store")
    on = asof.make_spine([f"C{seed:06d}" for seed in range(24)], factories.AS_OF)
    monkeypatch.setattr(parts, "CASES_AT_ONCE", 6)
    alone = list(build.build_frames(store, on, workers=1))
    shared = list(build.build_frames(store, on, workers=2))
    assert len(alone) >= 3
    assert [bucket for bucket, _ in shared] == [bucket for bucket, _ in alone]
    for (_, one), (_, other) in zip(alone, shared, strict=True):
        assert one.equals(other)


def test_a_record_is_left_unread_whole_or_not_at_all(tmp_path: Path) -> None:
    """A contact whose type or outcome was corrected is neither seen twice nor as it was before."""
    cases = [dense(seed, f"C{seed:06d}") for seed in range(80)]
    rows = {table: [r for case in cases for r in case[table]] for table in TABLES}
    for r in rows["contacts"]:
        r["type_code"] = ["COAP", "C113", "CTXT", "CARR"][(r["version"] + len(r["crn"])) % 4]
        if r["version"] == 2:
            r["outcome_code"] = None
    load_extract(factories.extract(tmp_path / "x", rows), tmp_path / "store", max_refused=0.9)
    store = Store.open(tmp_path / "store")
    on = asof.make_spine([f"C{seed:06d}" for seed in range(80)], factories.AS_OF)
    whole = build.build_frame(asof.read_histories(store, on))
    assert build.build_frame(asof.read_histories(store, on, lean=LEAN)).equals(whole)


def test_records_that_share_a_mark_are_told_apart_by_their_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = {table: list(dense(4, "C000004")[table]) for table in TABLES}
    assert max(r["version"] for r in rows["contacts"]) > 1
    before = build.build_frame(factories.known_histories(rows, crns=("C000004",)))
    monkeypatch.setattr(asof, "_MARK", pl.lit(1, dtype=pl.UInt64))
    assert build.build_frame(factories.known_histories(rows, crns=("C000004",))).equals(before)
