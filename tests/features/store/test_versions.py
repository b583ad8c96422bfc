"""Which records of an extract differ from what is stored, by example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.intake import parts
from features.intake.load import load_extract
from features.store.store import Store
from features.store.versions import drop_unchanged
from tests import factories
from tests.factories import row

ONE = row("incidents", "2026-06-01", record_id="R1", kind="violence")
TWO = ONE | {"version": 2, "kind": "threat"}
OTHER = row("incidents", "2026-06-02", record_id="R2")
Rows = list[dict[str, Any]]


@pytest.mark.parametrize(
    ("loads", "supplied", "differing"),
    [
        ([[ONE]], [ONE], []),
        ([[ONE, OTHER]], [ONE], []),
        ([[ONE]], [ONE, OTHER], ["R2"]),
        ([[ONE]], [ONE | {"kind": "threat"}], ["R1"]),
        ([[ONE]], [ONE | {"severity": 2}], ["R1"]),
        ([[ONE]], [ONE | {"crn": "B000002"}], ["R1"]),
        ([[ONE, TWO]], [ONE, TWO], []),
        ([[ONE, TWO]], [TWO], []),
        ([[ONE, TWO]], [ONE], ["R1"]),
        ([[ONE, TWO]], [ONE | {"severity": 2}, TWO], ["R1", "R1"]),
        ([[ONE], [ONE | {"kind": "threat"}]], [ONE], ["R1"]),
        ([[ONE], []], [ONE], ["R1"]),
    ],
    ids=[
        "the same row",
        "another record is not supplied again",
        "a new record",
        "a changed code",
        "an empty value is filled",
        "moved to another case",
        "the same two versions",
        "only the last version",
        "only the first version",
        "the first version corrected",
        "an old text comes back",
        "it was withdrawn and comes back",
    ],
)
def test_records_that_differ(
    tmp_path: Path, loads: list[Rows], supplied: Rows, differing: list[str]
) -> None:
    for number, rows in enumerate(loads, start=1):
        extract = factories.extract(
            tmp_path / str(number),
            {"incidents": rows},
            f"2026-07-{number:02d}T02:00:00",
            ["incidents"],
        )
        load_extract(extract, tmp_path / "s")
    stored = Store.open(tmp_path / "s").read_versions("incidents")
    good, before = drop_unchanged(stored, factories.frame("incidents", supplied))
    assert good["record_id"].to_list() == differing
    assert set(before["record_id"]) == set(differing) & set(stored["record_id"])


def test_nothing_is_unchanged_in_an_empty_store(tmp_path: Path) -> None:
    load_extract(factories.extract(tmp_path / "x", {"incidents": [ONE]}), tmp_path / "s")
    stored = Store.open(tmp_path / "s").read_versions("incidents")
    good, before = drop_unchanged(stored.clear(), factories.frame("incidents", [ONE, TWO]))
    assert (good.height, before.height) == (2, 0)


def test_of_two_rows_of_one_record_the_first_in_the_file_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MOST_ROWS", 1)
    rows = [ONE | {"crn": "A000001"}, ONE | {"crn": "A000000"}]
    extract = factories.extract(tmp_path / "x", {"incidents": rows})
    load_extract(extract, tmp_path / "s", max_refused=1)
    store = Store.open(tmp_path / "s")
    assert store.read_versions("incidents")["crn"].to_list() == ["A000001"]
    assert store.refused_rows().select("crn", "row").rows() == [("A000000", 2)]


def test_a_malformed_row_does_not_take_the_place_of_a_good_one(tmp_path: Path) -> None:
    rows = [ONE | {"crn": "no CRN"}, ONE]
    load_extract(
        factories.extract(tmp_path / "x", {"incidents": rows}), tmp_path / "s", max_refused=1
    )
    store = Store.open(tmp_path / "s")
    assert store.read_versions("incidents")["crn"].to_list() == ["A000001"]
    assert store.refused_rows()["reason"].to_list() == ["malformed CRN"]
