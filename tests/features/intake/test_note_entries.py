"""Entries of notes: what intake reads of the notes of new versions of contacts, and when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features import __main__ as command
from features import clock
from features.errors import UserError
from features.history.asof import make_spine, read_histories
from features.intake import note_entries
from features.intake.load import load_extract
from features.intake.reports import Report
from features.intake.reread import reread_notes
from features.notes.entries import Note, NoteEntry
from features.store.staging import replace_manifest
from features.store.store import Store
from features.store.verification import verify_store
from tests import factories
from tests.factories import row

DRUNK = "Smelt of alcohol and was slurring."
"""The examples ask what becomes of an entry, not which words are one."""


def load_contacts(
    tmp_path: Path, day: str, *rows: dict[str, Any], complete: bool = True, **others: Any
) -> Report:
    extract = factories.extract(
        tmp_path / f"extract-{day}",
        {"contacts": list(rows), **others},
        extracted_at=f"{day}T22:00:00",
        complete=["contacts"] if complete else [],
    )
    return load_extract(extract, tmp_path / "store")


def contact(
    number: str = "C1", note: str | None = DRUNK, day: str = "2026-06-01", **values: Any
) -> dict[str, Any]:
    return row("contacts", day, **{"record_id": number, "note": note, **values})


def entries_on(tmp_path: Path, day: str) -> list[dict[str, Any]]:
    spine = make_spine(["A000001", "A000002"], date.fromisoformat(day))
    rows = read_histories(Store.open(tmp_path / "store"), spine).rows("note_entries")
    return rows.sort("crn", "record_id").to_dicts()


def test_an_entry_is_of_the_day_that_the_note_names(tmp_path: Path) -> None:
    named = contact("C1", "Smelt of alcohol and was slurring on 28 May.", day="2026-06-01")
    ahead = contact("C2", "Smelt of alcohol. Court on 28 June.", day="2026-06-01")
    late = contact(
        "C3", "Smelt of alcohol on Friday.", "2026-05-25", recorded_at=datetime(2026, 6, 1, 9)
    )
    load_contacts(tmp_path, "2026-06-02", named, ahead, late)
    days = {
        e["contact_id"]: (e["occurred_on"], e["named_on"])
        for e in entries_on(tmp_path, "2026-06-02")
    }
    assert days["C1"] == (date(2026, 5, 28), date(2026, 5, 28))
    assert days["C2"] == (date(2026, 6, 1), None)
    assert days["C3"][1] == date(2026, 5, 22), "the Friday before the contact"


def test_a_note_becomes_entries_that_lead_to_their_words(tmp_path: Path) -> None:
    report = load_contacts(tmp_path, "2026-06-02", contact(disclosable=False))
    (entry,) = entries_on(tmp_path, "2026-06-02")
    assert DRUNK[entry["starts_at"] : entry["ends_at"]].startswith("Smelt of alcohol")
    assert (entry["contact_id"], entry["kind"]) == ("C1", "substance_use")
    assert (entry["asserted"], entry["done_by"], entry["period"]) == ("yes", "pop", "now")
    assert (entry["told_by"], entry["certainty"]) == ("seen", "fact")
    assert entry["disclosable"] is False
    assert entry["occurred_on"] == date(2026, 6, 1)
    assert entry["reader"].startswith("own ")
    (table,) = [one for one in report.tables if one.name == "note_entries"]
    assert (table.read, table.new, table.changed, table.withdrawn) == (1, 1, 0, 0)


def test_an_entry_is_known_from_when_its_note_was_recorded(tmp_path: Path) -> None:
    load_contacts(tmp_path, "2026-06-20", contact(recorded_at=datetime(2026, 6, 9, 12)))
    assert entries_on(tmp_path, "2026-06-08") == []
    assert len(entries_on(tmp_path, "2026-06-09")) == 1


@pytest.mark.parametrize("note", [None, "", "  \n", "Attended on time."])
def test_a_note_that_says_nothing_of_the_kinds_is_no_entry(
    tmp_path: Path, note: str | None
) -> None:
    report = load_contacts(tmp_path, "2026-06-02", contact(note=note))
    assert entries_on(tmp_path, "2026-06-02") == []
    assert next(one for one in report.tables if one.name == "note_entries").supplied


def test_an_entry_ends_when_its_note_no_longer_says_it(tmp_path: Path) -> None:
    load_contacts(tmp_path, "2026-06-02", contact())
    load_contacts(tmp_path, "2026-06-05", contact(note="Attended on time."))
    assert len(entries_on(tmp_path, "2026-06-04")) == 1
    assert entries_on(tmp_path, "2026-06-05") == []


def test_an_entry_of_a_note_that_only_grew_is_the_same_entry(tmp_path: Path) -> None:
    load_contacts(tmp_path, "2026-06-02", contact())
    load_contacts(tmp_path, "2026-06-05", contact(note=f"{DRUNK} Rebooked.", outcome_code="ATTC"))
    stored = Store.open(tmp_path / "store").read_versions("note_entries")
    assert stored["version"].to_list() == [1]
    assert len(entries_on(tmp_path, "2026-06-05")) == 1


def test_an_entry_is_back_when_its_note_says_it_again(tmp_path: Path) -> None:
    load_contacts(tmp_path, "2026-06-02", contact())
    load_contacts(tmp_path, "2026-06-05", contact(note="Attended."))
    load_contacts(tmp_path, "2026-06-08", contact())
    days = ("2026-06-04", "2026-06-06", "2026-06-08")
    assert [len(entries_on(tmp_path, day)) for day in days] == [1, 0, 1]


def test_an_entry_changes_with_the_day_of_its_contact(tmp_path: Path) -> None:
    load_contacts(tmp_path, "2026-06-04", contact())
    load_contacts(tmp_path, "2026-06-05", contact(day="2026-05-30"))
    (entry,) = entries_on(tmp_path, "2026-06-05")
    assert entry["occurred_on"] == date(2026, 5, 30)


def test_an_entry_goes_with_its_contact(tmp_path: Path) -> None:
    load_contacts(tmp_path, "2026-06-02", contact(), contact("C2", note="Attended."))
    load_contacts(tmp_path, "2026-06-05", contact("C2", note="Attended."))
    assert entries_on(tmp_path, "2026-06-05") == []
    assert len(entries_on(tmp_path, "2026-06-04")) == 1


def test_many_notes_may_be_changed_in_a_night(tmp_path: Path) -> None:
    load_contacts(tmp_path, "2026-06-02", *[contact(f"C{n}") for n in range(30)])
    changed = [contact(f"C{n}", note="Attended.") for n in range(30)]
    report = load_contacts(tmp_path, "2026-06-05", *changed)
    (table,) = [one for one in report.tables if one.name == "note_entries"]
    assert (table.new, table.changed, table.withdrawn) == (0, 30, 0)
    assert entries_on(tmp_path, "2026-06-05") == []


def test_an_entry_moves_with_its_contact_to_another_case(tmp_path: Path) -> None:
    load_contacts(tmp_path, "2026-06-02", contact())
    load_contacts(tmp_path, "2026-06-05", contact(crn="A000002"))
    assert [one["crn"] for one in entries_on(tmp_path, "2026-06-04")] == ["A000001"]
    assert [one["crn"] for one in entries_on(tmp_path, "2026-06-05")] == ["A000002"]


def test_two_versions_in_one_extract_are_two_states(tmp_path: Path) -> None:
    first = contact(version=1, recorded_at=datetime(2026, 6, 1, 12))
    second = contact(version=2, note="Attended.", recorded_at=datetime(2026, 6, 3, 12))
    load_contacts(tmp_path, "2026-06-04", first, second)
    assert [len(entries_on(tmp_path, day)) for day in ("2026-06-02", "2026-06-03")] == [1, 0]


def test_two_versions_that_came_late_together_are_two_states(tmp_path: Path) -> None:
    """Both are known from the extract that brought them: the last is what counts."""
    load_contacts(tmp_path, "2026-06-10", contact("C9", note="Attended."))
    first = contact(version=1, recorded_at=datetime(2026, 6, 1, 12))
    second = contact(version=2, note="Attended.", recorded_at=datetime(2026, 6, 3, 12))
    load_contacts(tmp_path, "2026-06-12", first, second, complete=False)
    assert entries_on(tmp_path, "2026-06-12") == []


class TwiceReader:
    """A reader that says one kind in two ways at one place, and a target only at the end."""

    version = "1"

    def read(self, notes: Sequence[Note]) -> list[list[NoteEntry]]:
        manner = ("now", "seen")
        first = NoteEntry("threat", 0, 5, "Smelt", "yes", "pop", *manner, "")
        second = NoteEntry("threat", 0, 9, "Smelt of a", "no", "pop", *manner, "")
        return [
            [first, second, replace(first, kind="weapon", target="family" if last else "")]
            for last in [False] * (len(notes) - 1) + [True]
        ]


def test_a_reader_may_leave_out_targets_and_say_a_kind_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_entries, "find_reader", lambda _: TwiceReader())
    load_contacts(
        tmp_path, "2026-06-02", *[contact(f"C{n}", note=f"Smelt {n}") for n in range(150)]
    )
    entries = entries_on(tmp_path, "2026-06-02")
    assert len({one["record_id"] for one in entries}) == len(entries) == 300
    assert {one["asserted"] for one in entries} == {"yes"}
    assert [one["target"] for one in entries].count("family") == 1


def test_entries_that_an_extract_supplies_are_not_read_again(tmp_path: Path) -> None:
    supplied = row("note_entries", "2026-06-01", contact_id="C1", kind="threat", record_id="N1")
    load_contacts(tmp_path, "2026-06-02", contact(), note_entries=[supplied])
    assert [one["kind"] for one in entries_on(tmp_path, "2026-06-02")] == ["threat"]


def test_a_note_that_stands_often_is_read_once_and_workers_read_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = [contact(f"C{n}", note=f"{DRUNK} Visit {n // 2}.") for n in range(8)]
    load_contacts(tmp_path, "2026-06-02", *contacts)
    alone = entries_on(tmp_path, "2026-06-02")
    assert len(alone) == 8
    monkeypatch.setattr(note_entries, "NOTES_AT_ONCE", 2)
    load_contacts(tmp_path / "b", "2026-06-02", *contacts)
    in_parts = entries_on(tmp_path / "b", "2026-06-02")
    assert pl.DataFrame(in_parts).equals(pl.DataFrame(alone))


class NothingReader:
    """A reader that reads nothing: what an older one may have been."""

    version = "0"

    def read(self, notes: Sequence[Note]) -> list[list[NoteEntry]]:
        return [[] for _ in notes]


def test_notes_are_read_again_where_the_reader_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(note_entries, "find_reader", lambda _: NothingReader())
        load_contacts(tmp_path, "2026-06-02", contact(), contact("C2", None))
    assert entries_on(tmp_path, "2026-06-02") == []
    moment = datetime(2026, 6, 20, 12)
    monkeypatch.setattr(clock, "now_as_recorded", lambda: moment)
    reread = reread_notes(tmp_path / "store")
    assert (reread.notes, reread.new, reread.changed, reread.load) == (1, 1, 0, 2)
    # What is read now was not known to the nights before.
    assert entries_on(tmp_path, "2026-06-19") == []
    (entry,) = entries_on(tmp_path, "2026-06-20")
    assert (entry["kind"], entry["occurred_on"]) == ("substance_use", date(2026, 6, 1))
    assert reread_notes(tmp_path / "store").load is None
    # What is no longer read ends with the rereading; the days before keep it.
    monkeypatch.setattr(clock, "now_as_recorded", lambda: moment + timedelta(days=5))
    monkeypatch.setattr(note_entries, "find_reader", lambda _: NothingReader())
    again = reread_notes(tmp_path / "store")
    assert (again.new, again.changed, again.load) == (0, 1, 3)
    assert len(entries_on(tmp_path, "2026-06-24")) == 1
    assert entries_on(tmp_path, "2026-06-25") == []
    assert verify_store(Store.open(tmp_path / "store")).is_sound


def test_a_store_from_before_notes_were_read_gets_their_entries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_contacts(tmp_path, "2026-06-02", contact())
    opened = Store.open(tmp_path / "store")
    (load,) = opened.loads
    tables, feeds, files = (
        {name: one for name, one in part.items() if "note_entries" not in name}
        for part in (load.tables, load.feeds, load.files)
    )
    opened.loads = [replace(load, tables=tables, feeds=feeds, files=files)]
    replace_manifest(opened)
    assert command.main(["reread", "--store", str(tmp_path / "store")]) == 0
    assert "1 note was read." in capsys.readouterr().out
    (row,) = Store.open(tmp_path / "store").read_versions("note_entries").to_dicts()
    assert row["kind"] == "substance_use"
    assert Store.open(tmp_path / "store").covered_periods("note_entries") != []
    assert command.main(["reread", "--store", str(tmp_path / "store")]) == 0
    assert "Nothing was stored" in capsys.readouterr().out


def test_a_store_without_contacts_has_no_notes_to_read(tmp_path: Path) -> None:
    extract = factories.extract(tmp_path / "extract", {"orders": [row("orders", "2026-06-01")]})
    load_extract(extract, tmp_path / "store")
    with pytest.raises(UserError, match="holds no contacts"):
        reread_notes(tmp_path / "store")


class CountingReader(NothingReader):
    """A reader that counts what it is given, and finds a day in what is drunk."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def read(self, notes: Sequence[Note]) -> list[list[NoteEntry]]:
        self.notes += notes
        return [self._entries(note) for note in notes]

    def _entries(self, note: Note) -> list[NoteEntry]:
        if "Drunk" not in note.text:
            return []
        return [
            NoteEntry(
                "substance_use", 0, 5, "Drunk", "yes", "pop", "now", "seen", "none", note.written_on
            )
        ]


def test_a_text_of_many_days_is_read_once_unless_it_tells_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = CountingReader()
    monkeypatch.setattr(note_entries, "find_reader", lambda _: reader)
    texts = ["Attended.", "Drunk again.", "Drunk yesterday.", "Due on Monday."]
    days = [f"2026-05-{day:02d}" for day in range(1, 11)]
    rows = [
        contact(f"C{number}-{day}", text, day) for number, text in enumerate(texts) for day in days
    ]
    load_contacts(tmp_path, "2026-06-02", *rows)
    times = {text: sum(note.text == text for note in reader.notes) for text in texts}
    # Once to see whether it says anything; then once for all days, or for each day that it dates.
    assert times == {
        "Attended.": 2,
        "Drunk again.": 2,
        "Drunk yesterday.": 11,
        "Due on Monday.": 2,
    }
    named = {entry["contact_id"]: entry["named_on"] for entry in entries_on(tmp_path, "2026-06-02")}
    assert len(named) == 20
    assert {named[f"C1-{day}"] for day in days} == {None}
    assert [str(named[f"C2-{day}"]) for day in days] == days
