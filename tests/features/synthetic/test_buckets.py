"""An extract in buckets of cases is read a bucket at a time, with the same outcome."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from features import synthetic
from features.contracts import records
from features.errors import TooManyRefused, UnreadableInput
from features.intake.load import load_extract
from features.store.store import Store
from features.synthetic import caseload


@pytest.fixture
def bucketed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small extract in three buckets."""
    monkeypatch.setattr(caseload, "CASES_A_BUCKET", 50)
    chosen = synthetic.Parameters(cases=150, seed=3)
    synthetic.synthesise_extract(chosen, tmp_path / "x", tmp_path / "x-truth", workers=1)
    return tmp_path / "x"


def say(folder: Path, **changed: object) -> None:
    about = json.loads((folder / "extract.json").read_text())
    (folder / "extract.json").write_text(json.dumps({**about, **changed}))


def change(path: Path, change: pl.Expr) -> None:
    pl.read_parquet(path).with_columns(change).write_parquet(path)


def test_bucket_by_bucket_or_whole_the_store_is_the_same(bucketed: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    parts = load_extract(bucketed, tmp_path / "parts", step=steps.append)
    assert steps[:3] == [f"supervisions, part {number} of 3" for number in (1, 2, 3)]
    say(bucketed, buckets=0)
    whole = load_extract(bucketed, tmp_path / "whole", buckets=3)
    assert parts.tables == whole.tables
    one, two = Store.open(tmp_path / "parts"), Store.open(tmp_path / "whole")
    assert one.buckets == two.buckets == 3
    for name in records.TABLES:
        for bucket in range(3):
            assert one.read_versions(name, bucket).equals(two.read_versions(name, bucket)), (
                name,
                bucket,
            )


def test_a_second_load_is_read_whole_and_finds_itself_done(bucketed: Path, tmp_path: Path) -> None:
    assert load_extract(bucketed, tmp_path / "store").load == 1
    before = (tmp_path / "store" / "manifest.json").read_bytes()
    assert load_extract(bucketed, tmp_path / "store").load is None
    assert (tmp_path / "store" / "manifest.json").read_bytes() == before
    assert not list((tmp_path / "store" / "loads").glob("*.tmp"))


def test_refused_rows_of_every_bucket_are_kept(bucketed: Path, tmp_path: Path) -> None:
    for number in (0, 2):
        path = bucketed / "actions" / f"{number:02d}.parquet"
        first = pl.int_range(pl.len()) == 0
        change(path, pl.when(first).then(None).otherwise(pl.col("kind")).alias("kind"))
    with pytest.raises(TooManyRefused, match="actions: 2 of"):
        load_extract(bucketed, tmp_path / "store")
    assert not (tmp_path / "store").exists(), "a load that stopped leaves nothing"
    report = load_extract(bucketed, tmp_path / "store", max_refused=0.2)
    actions = next(item for item in report.tables if item.name == "actions")
    assert actions.refused_rows == 2
    assert Store.open(tmp_path / "store").refused_rows().height == 2


def test_a_case_in_the_wrong_bucket_stops_the_load(bucketed: Path, tmp_path: Path) -> None:
    one, two = (bucketed / "limits" / f"{number:02d}.parquet" for number in (0, 1))
    other = pl.read_parquet(bucketed / "people" / "01.parquet")["crn"][0]
    change(bucketed / "people" / "00.parquet", pl.lit(other).alias("crn"))
    with pytest.raises(UnreadableInput, match=r"people/00\.parquet, row 1: .* 49 more rows"):
        load_extract(bucketed, tmp_path / "store")
    assert one.exists()
    assert two.exists()
    assert not (tmp_path / "store").exists()


def test_of_a_record_in_two_buckets_the_second_row_is_refused(
    bucketed: Path, tmp_path: Path
) -> None:
    there = pl.read_parquet(bucketed / "people" / "00.parquet")["record_id"][0]
    change(
        bucketed / "people" / "01.parquet",
        pl.when(pl.int_range(pl.len()) == 0)
        .then(pl.lit(there))
        .otherwise(pl.col("record_id"))
        .alias("record_id"),
    )
    with pytest.raises(TooManyRefused, match=r"people/01\.parquet, row 1\. Nothing was changed"):
        load_extract(bucketed, tmp_path / "store", max_refused=0)
    report = load_extract(bucketed, tmp_path / "store", max_refused=0.05)
    people = next(item for item in report.tables if item.name == "people")
    assert people.refused == {"duplicate record and version": 1}


def test_a_missing_file_of_a_bucket_stops_the_load(bucketed: Path, tmp_path: Path) -> None:
    (bucketed / "orders" / "01.parquet").unlink()
    with pytest.raises(UnreadableInput, match=r"00 to 02 .* orders/01\.parquet is missing"):
        load_extract(bucketed, tmp_path / "store")


def test_a_file_that_is_no_bucket_stops_the_load(bucketed: Path, tmp_path: Path) -> None:
    (bucketed / "orders" / "02.parquet").rename(bucketed / "orders" / "03.parquet")
    with pytest.raises(UnreadableInput, match=r"orders/02\.parquet is missing"):
        load_extract(bucketed, tmp_path / "store")
    whole = (bucketed / "orders" / "03.parquet").read_bytes()
    (bucketed / "orders" / "02.parquet").write_bytes(whole)
    with pytest.raises(UnreadableInput, match=r"orders/03\.parquet is not one of them"):
        load_extract(bucketed, tmp_path / "store")
