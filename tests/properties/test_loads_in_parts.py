"""Loads cut by buckets of cases give the store that a load of whole tables gives.

The reference is a dictionary: what each extract says last of a record is what is known of it.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from features.intake import parts
from features.intake.load import load_extract
from features.store.store import Store
from features.store.versions import live_versions
from tests import factories
from tests.factories import row

BUCKETS = 3
CRNS = ("A000000", "A000001", "A000002", "A000004", "no CRN")
START = datetime(2026, 7, 1, 2)
Rows = list[dict[str, Any]]

ROW = st.fixed_dictionaries(
    {
        "record_id": st.sampled_from(["R1", "R2", "R3", "R4"]),
        "version": st.sampled_from([1, 2]),
        "crn": st.sampled_from(CRNS),
        "kind": st.sampled_from(["violence", "threat"]),
        "severity": st.sampled_from([1, 1, 2, 9]),
    }
)
EXTRACT = st.tuples(st.lists(ROW, min_size=1, max_size=6), st.booleans())


def whole_row(values: dict[str, Any]) -> dict[str, Any]:
    return row("incidents", "2026-06-01") | values


def write_whole(folder: Path, rows: Rows, at: datetime, complete: list[str]) -> Path:
    return factories.extract(folder, {"incidents": rows}, at.isoformat(), complete)


def write_in_files(folder: Path, rows: Rows, at: datetime, complete: list[str]) -> Path:
    """The same rows in a file each, as CSV and Parquet by turns."""
    factories.extract(folder, {}, at.isoformat(), complete)
    for number, one in enumerate(rows):
        frame = factories.frame("incidents", [one])
        if number % 2:
            frame.write_csv(folder / f"incidents-{number}.csv")
        else:
            frame.write_parquet(folder / f"incidents-{number}.parquet")
    return folder


def write_buckets(folder: Path, rows: Rows, at: datetime, complete: list[str]) -> Path:
    """The same rows in a file for each bucket of cases."""
    factories.extract(folder, {}, at.isoformat(), complete)
    about = json.loads((folder / "extract.json").read_text())
    (folder / "extract.json").write_text(json.dumps(about | {"buckets": BUCKETS}))
    (folder / "incidents").mkdir()
    for bucket in range(BUCKETS):
        own = [one for one in rows if bucket_of(one["crn"]) == bucket]
        factories.frame("incidents", own).write_parquet(
            folder / "incidents" / f"{bucket:02d}.parquet"
        )
    return folder


def bucket_of(crn: str) -> int:
    return int(crn[1:]) % BUCKETS if crn[1:].isdigit() else 0


def load_all(folder: Path, write: Any, each: list[tuple[Rows, bool]]) -> Store:
    for number, (rows, complete) in enumerate(each):
        at = START + timedelta(days=number)
        extract = write(folder / str(number), rows, at, ["incidents"] if complete else [])
        load_extract(extract, folder / "s", max_refused=1, max_vanished=100, buckets=BUCKETS)
    return Store.open(folder / "s")


def latest_by_dictionary(each: list[tuple[Rows, bool]]) -> dict[str, tuple[str, str]]:
    latest: dict[str, tuple[str, str]] = {}
    for rows, complete in each:
        first: dict[tuple[str, int], dict[str, Any]] = {}
        for one in rows:
            if one["crn"] != "no CRN" and one["severity"] <= 5:
                first.setdefault((one["record_id"], one["version"]), one)
        last = {record: first[record, version] for record, version in sorted(first)}
        named = {one["record_id"] for one in rows}
        latest = {r: it for r, it in latest.items() if not complete or r in named}
        latest |= {record: (one["crn"], one["kind"]) for record, one in last.items()}
    return latest


@settings(deadline=None, max_examples=15, phases=(Phase.explicit, Phase.generate))
@given(st.lists(EXTRACT, min_size=1, max_size=3))
def test_cut_by_buckets_the_store_is_the_same(extracts: list[tuple[Rows, bool]]) -> None:
    each = [([whole_row(one) for one in rows], complete) for rows, complete in extracts]
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        whole = load_all(folder / "whole", write_whole, each)
        # Rows of one case keep their order in every way of writing them, as a supplier's would.
        in_order = [(sorted(rows, key=lambda r: bucket_of(r["crn"])), c) for rows, c in each]
        ordered = load_all(folder / "ordered", write_whole, in_order)
        in_buckets = load_all(folder / "buckets", write_buckets, each)
        patch.setattr(parts, "MOST_ROWS", 1)
        in_files = load_all(folder / "files", write_in_files, each)
        assert contents(in_files) == contents(whole)
        assert contents(in_buckets) == contents(ordered)
        latest = live_versions(whole.read_versions("incidents"))
        assert {r: (c, k) for r, c, k in latest.select("record_id", "crn", "kind").iter_rows()} == (
            latest_by_dictionary(each)
        )


def contents(store: Store) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every stored version, and every refused row without where it stood and how it was written."""
    versions = store.read_versions("incidents").sort("record_id", "version")
    refused = store.refused_rows().drop("row", "content").sort(pl.all())
    return versions.to_dicts(), refused.to_dicts()
