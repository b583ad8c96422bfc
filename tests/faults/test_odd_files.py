"""Extracts and API responses that ended in a traceback, or were taken without a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features import __main__ as features_main
from features import clock
from features.errors import MissingInput, UnreadableInput, UserError
from features.intake.load import load_extract
from features.sources import hmpps_api
from features.store import undo
from features.store.store import Store
from tests import factories
from tests.conftest import SHARED
from tests.factories import row

HEADER = "record_id,crn,occurred_on,recorded_at,type_code,note\n"
LINE = "C1,A000001,2026-06-01,2026-06-01T12:00:00Z,COAP,"


def csv_of(
    text: str, about: str = '{"extracted_at": "2026-07-01T02:00:00"}'
) -> Callable[[Path], None]:
    """Writes an extract of one CSV file."""

    def write(folder: Path) -> None:
        (folder / "contacts.csv").write_bytes(text.encode())
        (folder / "extract.json").write_text(about)

    return write


def parquet_of(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    """Writes an extract of one Parquet file, changed."""

    def write(folder: Path) -> None:
        rows = [row("contacts", "2026-06-01") for _ in range(20)]
        change(factories.frame("contacts", rows)).write_parquet(folder / "contacts.parquet")
        (folder / "extract.json").write_text('{"extracted_at": "2026-07-01T02:00:00"}')

    return write


def about(text: str) -> Callable[[Path], None]:
    return csv_of(HEADER + LINE + "\n", text)


def macosx(folder: Path) -> None:
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._contacts.csv").write_bytes(b"x")
    (folder / "extract.json").write_text('{"extracted_at": "2026-07-01T02:00:00"}')


FAR = pl.Series([4_000_000] * 20, dtype=pl.Int32).cast(pl.Date)
ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "lines that end in CR alone": (
        csv_of((HEADER + LINE + "\n").replace("\n", "\r")),
        "end in CR alone",
    ),
    "a column twice": (
        csv_of(HEADER.replace("note", "crn") + LINE + "A000002\n"),
        "'crn' more than once",
    ),
    "decimals for whole numbers": (
        parquet_of(lambda f: f.with_columns(version=pl.Series([Decimal("1.50")] * 20))),
        "'version' is Decimal",
    ),
    "bytes for text": (
        parquet_of(lambda f: f.with_columns(crn=pl.col("crn").cast(pl.Binary))),
        "'crn' is Binary",
    ),
    "days beyond the calendar": (
        parquet_of(lambda f: f.with_columns(occurred_on=FAR)),
        "occurred_on is not a date",
    ),
    "more rows than its bytes can hold": (
        parquet_of(lambda _: pl.select(pl.repeat("C1", 3_000_000).alias("record_id"))),
        "claims 3,000,000 rows",
    ),
    "deep JSON": (about("[" * 100_000), "cannot be read as JSON"),
    "a time that no calendar has": (
        about('{"extracted_at": "0001-01-01T00:00:00+14:00"}'),
        "not a time such as",
    ),
    "a key that says nothing": (
        about('{"extracted_at": "2026-07-01T02:00:00", "compleet": []}'),
        "Did you mean 'complete'",
    ),
    "taken in the year 2206": (about('{"extracted_at": "2206-11-21T02:00:00"}'), "yet to come"),
    "a feed until 9999": (
        about('{"extracted_at": "2026-07-01T02:00:00", "feeds": {"contacts": "9999-12-31"}}'),
        "after the extract was taken",
    ),
    "taken before there was a record": (
        about('{"extracted_at": "1970-01-01T02:00:00"}'),
        "before 2000-01-01",
    ),
    "true for a number of buckets": (
        about('{"extracted_at": "2026-07-01T02:00:00", "buckets": true}'),
        "a whole number",
    ),
    "only what a Macintosh leaves behind": (macosx, "Passed over: __MACOSX/._contacts.csv"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_refused_with_a_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    write, sentence = ODD[name]
    (tmp_path / "x").mkdir()
    write(tmp_path / "x")
    code = features_main.main(["check", str(tmp_path / "x"), "--store", str(tmp_path / "s")])
    assert code in (UserError.exit_code, UnreadableInput.exit_code, 13)
    out = capsys.readouterr()
    assert sentence in " ".join(out.err.split())
    assert "Traceback" not in out.err
    assert not (tmp_path / "s").exists()


def test_a_long_note_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    csv_of(HEADER + LINE + "x" * 200_000 + "\n")(tmp_path / "x")
    load_extract(tmp_path / "x", tmp_path / "s")
    assert Store.open(tmp_path / "s").read_versions("contacts")[
        "note"
    ].str.len_chars().to_list() == [200_000]


@pytest.mark.parametrize(
    ("table", "values", "reason"),
    [
        ("allocations", {"workload_percent": float("nan")}, "workload_percent is not a number"),
        ("allocations", {"workload_percent": float("inf")}, "workload_percent is not a number"),
        ("allocations", {"workload_percent": -5.0}, "out of range: workload_percent"),
        ("reviews", {"sampling_probability": float("nan")}, "sampling_probability is not a number"),
    ],
)
def test_a_number_that_is_none_is_refused_and_kept(
    tmp_path: Path, table: str, values: dict[str, Any], reason: str
) -> None:
    good = [row(table, "2026-06-01") for _ in range(200)]
    folder = factories.extract(tmp_path / "x", {table: [*good, row(table, "2026-06-01", **values)]})
    load_extract(folder, tmp_path / "s")
    store = Store.open(tmp_path / "s")
    assert store.refused_rows()["reason"].str.contains(reason, literal=True).to_list() == [True]
    assert store.read_versions(table).height == 200


def test_a_load_is_taken_back_and_its_number_is_never_used_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "s"
    one, two = ({"contacts": [row("contacts", "2026-06-01")]} for _ in range(2))
    load_extract(factories.extract(tmp_path / "a", one), store)
    load_extract(factories.extract(tmp_path / "b", two, "2026-07-02T02:00:00"), store)
    with pytest.raises(UserError, match="Say why"):
        undo.undo_load(store, "because")
    why = "It was the extract of another region."
    assert features_main.main(["undo", "--store", str(store), "--reasons", why]) == 0
    assert "Load 2" in capsys.readouterr().out
    opened = Store.open(store)
    assert opened.read_versions("contacts").height == 1
    assert [(entry["number"], entry["reasons"]) for entry in opened.undone] == [(2, why)]
    assert not list((store / "loads" / "0002").rglob("*.parquet"))
    load_extract(tmp_path / "b", store)
    assert [load.number for load in Store.open(store).loads] == [1, 3]
    undo.undo_load(store, why), undo.undo_load(store, why)
    with pytest.raises(UserError, match="holds no load"):
        undo.undo_load(store, why)
    with pytest.raises(MissingInput):
        undo.undo_load(tmp_path / "none", why)


GOOD: dict[str, Any] = {
    "assessments": [
        {
            "assessmentPk": 77,
            "status": "COMPLETE",
            "crn": "X700001",
            "initiationDate": "2026-05-01T10:00:00",
            "completedDate": "2026-05-19T08:26:31",
        }
    ],
    "crn": "X700001",
}
DAMAGED: dict[str, Any] = {
    "a list for an object": {"crn": "X700002", "assessments": ["x"]},
    "a number for a list": {"crn": "X700002", "assessments": 5},
    "mappings that are none": {"mappings": 3},
    "a mapping that is a text": {"mappings": ["x", {"request": 1}]},
    "a response that is null": {"mappings": [{"request": {}, "response": None}]},
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_response_is_named_and_loses_no_other(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "X700001-good.json").write_text(json.dumps(GOOD))
    (tmp_path / "in" / "damaged.json").write_text(json.dumps(DAMAGED[name]))
    (tmp_path / "in" / "deep.json").write_text("[" * 100_000)
    report = hmpps_api.convert_responses(tmp_path / "in", tmp_path / "out")
    assert [line.file for line in report.lines] == ["X700001-good.json"]
    assert "deep.json" in report.unread
    if DAMAGED[name] != {"mappings": 3}:
        assert "damaged.json" in report.unread
    taken = json.loads((tmp_path / "out" / "extract.json").read_text())["extracted_at"]
    assert taken <= clock.now_as_recorded().isoformat()


def test_a_damaged_response_about_limited_access_limits_or_stops(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "X700001-good.json").write_text(json.dumps(GOOD))
    bad = {"assessments": 5, "limitedAccessOffender": True}
    (tmp_path / "in" / "access.json").write_text(json.dumps(bad))
    with pytest.raises(UnreadableInput, match="speaks of limited access"):
        hmpps_api.convert_responses(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "in" / "access.json").write_text(json.dumps(bad | {"crn": "X700002"}))
    hmpps_api.convert_responses(tmp_path / "in", tmp_path / "out")
    limits = pl.read_parquet(tmp_path / "out" / "limits.parquet")
    assert limits["crn"].to_list() == ["X700002"], "for everyone, until somebody says for whom"


def test_what_was_told_was_on_record_when_it_was_fetched(tmp_path: Path) -> None:
    """A response about an appointment to come made an extract that was taken in the future."""
    (tmp_path / "in").mkdir()
    ahead = (clock.now_as_recorded() + timedelta(days=90)).isoformat(timespec="seconds")
    body = {"contacts": None, "assessments": GOOD["assessments"], "crn": "X700001"}
    body["assessments"] = [dict(body["assessments"][0], completedDate=ahead)]
    (tmp_path / "in" / "X700001.json").write_text(json.dumps(body))
    hmpps_api.convert_responses(tmp_path / "in", tmp_path / "out")
    load_extract(tmp_path / "out", tmp_path / "s")


@pytest.mark.skipif(not (SHARED / "cases").exists(), reason="the shared cases are not beside us")
@pytest.mark.parametrize("kind", ["files", "hmpps-mutated"])
def test_the_shared_cases_end_in_a_sentence(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in sorted((SHARED / "cases" / kind).iterdir()):
        sentences = (
            ["check", str(folder), "--store", str(tmp_path / folder.name)]
            if kind == "files"
            else ["import-hmpps", str(folder), "--out", str(tmp_path / folder.name)]
        )
        code = features_main.main(sentences)
        assert code != 1, (folder.name, capsys.readouterr().err)
