"""What an extract's files may be, and what is said when they cannot be read."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from features.errors import MissingInput, UnreadableInput, UserError
from features.intake.load import load_extract
from features.store.store import Store
from tests import factories
from tests.factories import row

HEADER = "record_id,crn,occurred_on,recorded_at,type_code,outcome_code,system_generated\n"
LINE = "C1,A000001,2026-06-01,2026-06-01T12:00:00Z,COAP,UAAB,no\n"


def write(folder: Path, name: str, text: str) -> Path:
    """A CSV file of contacts in an extract folder that says when it was taken."""
    folder.mkdir(exist_ok=True)
    (folder / "extract.json").write_text('{"extracted_at": "2026-07-01T02:00:00"}')
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_csv_is_read_by_the_contract(tmp_path: Path) -> None:
    load_extract(write(tmp_path / "x", "contacts.csv", HEADER + LINE), tmp_path / "s")
    stored_row = Store.open(tmp_path / "s").read_versions("contacts").row(0, named=True)
    assert stored_row["recorded_at"] == datetime(2026, 6, 1, 12)
    assert stored_row["system_generated"] is False
    assert stored_row["certainty"] is None


def test_one_table_may_come_in_many_files(tmp_path: Path) -> None:
    line = LINE.replace("Z", "")
    folder = write(tmp_path / "x", "contacts-1.csv", HEADER + line)
    write(folder, "contacts-2.csv", HEADER + line.replace("C1", "C2"))
    (folder / "contacts").mkdir()
    factories.frame("contacts", [row("contacts", "2026-06-01")]).write_parquet(
        folder / "contacts" / "part.parquet"
    )
    report = load_extract(folder, tmp_path / "s")
    assert next(t for t in report.tables if t.name == "contacts").new == 3


def test_a_missing_table_is_said_and_is_no_error(tmp_path: Path) -> None:
    report = load_extract(write(tmp_path / "x", "contacts.csv", HEADER + LINE), tmp_path / "s")
    assert [t.name for t in report.tables if t.supplied] == ["contacts", "note_entries"]
    assert Store.open(tmp_path / "s").feed_states(factories.AS_OF)["incidents"] == "missing"


def test_unknown_codes_are_kept_counted_and_named(tmp_path: Path) -> None:
    lines = LINE.replace("UAAB", "XX1") + LINE.replace("C1", "C2").replace("UAAB", "XX1")
    report = load_extract(write(tmp_path / "x", "contacts.csv", HEADER + lines), tmp_path / "s")
    contacts = next(t for t in report.tables if t.name == "contacts")
    assert contacts.unknown_codes == {"outcome_code": {"XX1": 2}}
    assert contacts.refused_rows == 0
    assert set(Store.open(tmp_path / "s").read_versions("contacts")["outcome_code"]) == {"XX1"}


def test_a_truncated_parquet_file_stops_with_a_sentence(tmp_path: Path) -> None:
    folder = factories.extract(tmp_path / "x", {"incidents": [row("incidents", "2026-06-01")]})
    whole = (folder / "incidents.parquet").read_bytes()
    (folder / "incidents.parquet").write_bytes(whole[: len(whole) - 40])
    with pytest.raises(UnreadableInput, match="footer.*missing or damaged.*Nothing was changed"):
        load_extract(folder, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_renamed_column_stops_with_what_it_should_be(tmp_path: Path) -> None:
    renamed = HEADER.replace("outcome_code", "outcome_cod")
    with pytest.raises(UnreadableInput, match="'outcome_cod'.*Did you mean 'outcome_code'"):
        load_extract(write(tmp_path / "x", "contacts.csv", renamed + LINE), tmp_path / "s")


def test_a_missing_key_column_stops(tmp_path: Path) -> None:
    without = HEADER.replace("crn,", "") + LINE.replace("A000001,", "")
    with pytest.raises(UnreadableInput, match="no column 'crn'"):
        load_extract(write(tmp_path / "x", "contacts.csv", without), tmp_path / "s")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("A000001", "a000001"), "malformed CRN"),
        (("A000001", ""), "missing: crn"),
        (("2026-06-01,", "01/06/2026,"), "wrong type: occurred_on is not a date"),
        (("2026-06-01,", "1066-10-14,"), "date before 1900-01-01: occurred_on"),
        (("2026-06-01,", "0001-01-01,"), "date before 1900-01-01: occurred_on"),
        (("2026-06-01,", "2206-10-14,"), "date out of range: occurred_on"),
        (("2026-06-01T12:00:00Z", "yesterday"), "wrong type: recorded_at is not a time"),
        (
            ("2026-06-01T12:00:00Z", "2026-08-01T12:00:00Z"),
            "date out of range: recorded after the extract was taken",
        ),
        ((",no", ",perhaps"), "wrong type: system_generated is not a flag"),
        (("COAP", ""), "missing: type_code"),
    ],
)
def test_reasons_for_refusal(tmp_path: Path, change: tuple[str, str], reason: str) -> None:
    good = "".join(LINE.replace("C1", f"G{n}") for n in range(300))
    text = HEADER + good + LINE.replace(*change)
    report = load_extract(write(tmp_path / "x", "contacts.csv", text), tmp_path / "s")
    assert next(t for t in report.tables if t.name == "contacts").refused == {reason: 1}
    assert Store.open(tmp_path / "s").refused_rows()["row"].to_list() == [301]


def test_planned_kinds_may_be_recorded_before_they_occur(tmp_path: Path) -> None:
    ahead = row("contacts", "2026-09-01", type_code="COAP", recorded_at=datetime(2026, 6, 1, 9))
    arrest = row("contacts", "2026-09-01", type_code="CARR", recorded_at=datetime(2026, 6, 1, 9))
    many = [row("contacts", "2026-06-01") for _ in range(200)]
    folder = factories.extract(tmp_path / "x", {"contacts": [*many, ahead, arrest]})
    report = load_extract(folder, tmp_path / "s")
    contacts = next(t for t in report.tables if t.name == "contacts")
    assert contacts.refused == {"date out of range: recorded before it occurred": 1}


@pytest.mark.parametrize(
    ("recorded_at", "refused"),
    [
        (datetime(2026, 6, 1, 23, 0), {}),
        (datetime(2026, 6, 1, 22, 59), {"date out of range: recorded before it occurred": 1}),
    ],
    ids=["midnight of 2 June in England", "a minute before"],
)
def test_an_entry_is_recorded_on_the_day_in_england(
    tmp_path: Path, recorded_at: datetime, refused: dict[str, int]
) -> None:
    arrest = row("contacts", "2026-06-02", type_code="CARR", recorded_at=recorded_at)
    many = [row("contacts", "2026-06-01") for _ in range(200)]
    folder = factories.extract(tmp_path / "x", {"contacts": [*many, arrest]})
    report = load_extract(folder, tmp_path / "s")
    assert next(t for t in report.tables if t.name == "contacts").refused == refused


def test_the_same_record_and_version_twice_is_refused_once(tmp_path: Path) -> None:
    many = [row("contacts", "2026-06-01") for _ in range(200)]
    folder = factories.extract(tmp_path / "x", {"contacts": [*many, many[0]]})
    report = load_extract(folder, tmp_path / "s")
    contacts = next(t for t in report.tables if t.name == "contacts")
    assert contacts.refused == {"duplicate record and version": 1}
    assert contacts.new == 200


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "must hold an object"),
        ('{"extracted_at": "soon"}', "not a time"),
        ('{"extracted_at": "2026-07-01", "complete": ["contact"]}', "Did you mean 'contacts'"),
        ("{}", "does not say when it was taken"),
    ],
)
def test_what_an_extract_says_of_itself_is_checked(
    tmp_path: Path, about: str, sentence: str
) -> None:
    folder = write(tmp_path / "x", "contacts.csv", HEADER + LINE)
    (folder / "extract.json").write_text(about)
    with pytest.raises(UserError, match=sentence):
        load_extract(folder, tmp_path / "s")


def test_files_of_no_table_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="Did you mean 'contacts'"):
        load_extract(write(tmp_path / "x", "contact.csv", HEADER + LINE), tmp_path / "s")
    with pytest.raises(MissingInput, match="no extract folder"):
        load_extract(tmp_path / "nowhere", tmp_path / "s")
    with pytest.raises(UnreadableInput, match="empty"):
        load_extract(write(tmp_path / "y", "contacts.csv", ""), tmp_path / "s")
    with pytest.raises(UserError, match="none of the tables"):
        empty = tmp_path / "z"
        empty.mkdir()
        load_extract(empty, tmp_path / "s", extracted_at=datetime(2026, 7, 1))


def test_extracts_are_loaded_in_order_and_made_up_people_kept_apart(tmp_path: Path) -> None:
    rows = {"incidents": [row("incidents", "2026-06-01")]}
    load_extract(factories.extract(tmp_path / "a", rows), tmp_path / "s")
    with pytest.raises(UserError, match="before the latest one"):
        load_extract(factories.extract(tmp_path / "b", rows, "2026-06-15T02:00:00"), tmp_path / "s")
    made_up = factories.extract(tmp_path / "c", rows, "2026-07-09T02:00:00", made_up=True)
    with pytest.raises(UserError, match="never kept in one store"):
        load_extract(made_up, tmp_path / "s")


def test_a_feed_says_until_when_it_covers(tmp_path: Path) -> None:
    rows = {"incidents": [row("incidents", "2026-06-01")]}
    folder = factories.extract(tmp_path / "a", rows, feeds={"incidents": "2026-06-10T00:00:00"})
    load_extract(folder, tmp_path / "s")
    assert Store.open(tmp_path / "s").feed_states(factories.AS_OF)["incidents"] == "stopped"


def test_stores_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no store"):
        Store.open(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"loads": [{}]}))
    with pytest.raises(UnreadableInput, match="restore it from a backup"):
        Store.open(tmp_path)


def test_parquet_with_other_types_is_cast_or_refused(tmp_path: Path) -> None:
    good = [row("contacts", "2026-06-01") for _ in range(120)]
    folder = factories.extract(tmp_path / "x", {"contacts": good})
    frame = factories.frame("contacts", good).with_columns(
        recorded_at=pl.col("recorded_at").dt.replace_time_zone("Europe/London"),
        occurred_on=pl.col("occurred_on").cast(pl.Datetime("ms")),
        version=pl.col("version").cast(pl.Int32),
    )
    frame.write_parquet(folder / "contacts.parquet")
    load_extract(folder, tmp_path / "s")
    versions = Store.open(tmp_path / "s").read_versions("contacts")
    assert versions["recorded_at"][0] == datetime(2026, 6, 1, 11), "British summer time, in UTC"
    wrong = frame.with_columns(occurred_on=pl.lit(20260601))
    wrong.write_parquet(folder / "contacts.parquet")
    with pytest.raises(UserError, match="occurred_on is not a date"):
        load_extract(folder, tmp_path / "t")
