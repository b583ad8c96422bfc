"""The command `notes`: files of notes, measures of a reader, and readers of other packages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from features import __main__ as features_main
from features.errors import MissingInput, UnreadableInput, UserError
from features.notes import readers
from features.notes.combined import CombinedReader
from features.notes.entries import Note, NoteEntry
from features.notes.files import read_notes_file
from features.notes.measure import SIX, Measured, Mistake, measure_reader, worst_mistakes
from features.notes.reader import PhraseReader
from tests.conftest import SHARED

DEV = SHARED / "notes" / "dev.jsonl"


def entry(kind: str, start: int, end: int, **values: Any) -> NoteEntry:
    manner = {"asserted": "yes", "by": "pop", "when": "now", "told_by": "seen", "target": ""}
    return NoteEntry(kind=kind, start=start, end=end, quote="", **{**manner, **values})


def label(kind: str, quote: str, **values: Any) -> dict[str, Any]:
    manner = {"asserted": "yes", "by": "pop", "when": "now", "told_by": "seen", "target": ""}
    return {"kind": kind, "quote": quote, **manner, **values}


class FixedReader:
    """A reader that says the same of every note."""

    version = "1"

    def __init__(self, *entries: NoteEntry) -> None:
        self.entries = list(entries)

    def read(self, notes: Sequence[Note]) -> list[list[NoteEntry]]:
        return [self.entries for _ in notes]


LABELS = [
    label("threat", "aaaa", when="past"),
    label("weapon", "bbbb"),
    label("violence", "cccc", target="partner"),
    label("sexual", "dddd", asserted="no"),
]
ENTRIES = (
    entry("threat", 0, 3),
    entry("weapon", 16, 19),
    entry("domestic_abuse", 10, 14, target="partner"),
    entry("sexual", 15, 19),
    entry("sexual", 15, 19, asserted="possible"),
)


def measured_example() -> Measured:
    note = {"text": "aaaa bbbb cccc dddd", "labels": LABELS}
    return measure_reader([note], FixedReader(*ENTRIES))


def test_what_is_measured() -> None:
    measured = measured_example()
    assert measured.recall(SIX) == pytest.approx(2 / 3)
    assert measured.precision(SIX) == pytest.approx(2 / 4)
    assert (measured.traps, measured.fallen) == (1, 1)
    assert measured.precision([]) == measured.recall([]) == 0.0
    assert measured.precision_interval([]) == (0.0, 1.0)
    low, high = measured.recall_interval(SIX)
    assert 0.2 < low < 2 / 3 < high < 1
    assert dict(measured.details) == {"when": 1, "told_by": 2, "target": 2}


def test_the_mistakes_are_named_in_words_with_traps_first() -> None:
    mistakes = worst_mistakes(measured_example(), 3)
    assert [(one.what, one.kind) for one in mistakes] == [
        ("trap taken", "sexual"),
        ("missed", "weapon"),
    ]
    assert worst_mistakes(measured_example(), 20) == [
        Mistake("sexual", "trap taken", "", "aaaa bbbb cccc dddd"),
        Mistake("weapon", "not in the labels", "", "aaaa bbbb cccc dddd"),
        Mistake("weapon", "missed", "bbbb", "aaaa bbbb cccc dddd"),
    ]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ({"text": "secret words"}, "line 1"),
        ({"labels": []}, "line 1"),
        ({"text": 5, "labels": []}, "line 1"),
        ({"text": "a", "labels": [], "written_on": "secret words"}, "line 1"),
        ({"text": "a", "labels": [{"kind": "threat"}]}, "line 1"),
        (["secret words"], "line 1"),
        ({"text": "secret words", "labels": [label("threat", "nowhere")]}, "line 1"),
        ({"text": "secret words", "labels": [label("threat", "")]}, "line 1"),
        ({"text": "secret words", "labels": [label("threats", "secret")]}, "line 1"),
        ({"text": "secret words", "labels": [label("threat", "secret", asserted="Yes")]}, "line 1"),
        ({"text": "secret words", "labels": [label("threat", "secret", by="me")]}, "line 1"),
    ],
)
def test_a_line_that_is_no_labelled_note_is_named_without_its_words(
    tmp_path: Path, line: Any, place: str
) -> None:
    (tmp_path / "notes.jsonl").write_text(json.dumps(line))
    with pytest.raises(UnreadableInput, match=rf"notes\.jsonl, {place}") as caught:
        read_notes_file(tmp_path / "notes.jsonl", labelled=True)
    assert "secret" not in str(caught.value)


def test_a_file_of_notes_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match=r"none\.jsonl"):
        read_notes_file(tmp_path / "none.jsonl")
    (tmp_path / "notes.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableInput, match="UTF-8"):
        read_notes_file(tmp_path / "notes.jsonl")


def test_the_command_prints_the_entries_of_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert features_main.main(["notes", "--text", "Smelt of alcohol."]) == 0
    printed = capsys.readouterr().out
    assert "substance_use" in printed
    assert "is not a note that says nothing" in printed


def test_the_command_writes_the_entries_of_a_file(tmp_path: Path) -> None:
    notes = [{"id": "N1", "text": "Quiet.\u2028Smelt of alcohol."}, {"id": "N2", "text": ""}]
    source, out = tmp_path / "notes.jsonl", tmp_path / "entries.jsonl"
    source.write_text("\n".join(json.dumps(note, ensure_ascii=False) for note in notes))
    assert features_main.main(["notes", "--read", f"{source}", "--out", f"{out}"]) == 0
    first, second = (json.loads(line) for line in out.read_text().splitlines())
    assert second == {"id": "N2", "entries": []}
    assert first["id"] == "N1"
    (own,) = first["entries"]
    assert features_main.main(["notes", "--read", f"{source}", "--out", f"{source}"]) == 10
    assert features_main.main(["notes", "--read", f"{source}", "--out", f"{tmp_path}"]) == 10
    absent = tmp_path / "none" / "out.jsonl"
    assert features_main.main(["notes", "--read", f"{source}", "--out", f"{absent}"]) == 10
    assert json.loads(source.read_text().split("\n")[0])["id"] == "N1"
    text = notes[0]["text"]
    assert text[own.pop("start") : own.pop("end")] == "Smelt of alcohol"
    assert own == {
        "kind": "substance_use",
        "asserted": "yes",
        "by": "pop",
        "when": "now",
        "told_by": "seen",
        "target": "none",
    }
    assert features_main.main(["notes", "--read", f"{source}"]) == 10


def test_brackets_and_control_characters_of_a_note_are_printed_as_they_are_or_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "He punched [/his] partner \x1b[31min the face."
    assert features_main.main(["notes", "--text", text]) == 0
    assert "\x1b" not in capsys.readouterr().out
    note = {"text": text, "labels": [label("sexual", "[/his]")], "writer": "[/Z]"}
    (tmp_path / "notes.jsonl").write_text(json.dumps(note), encoding="utf-8-sig")
    assert features_main.main(["notes", "--evaluate", f"{tmp_path / 'notes.jsonl'}"]) == 0
    assert "writer [/Z]" in capsys.readouterr().out


def test_the_command_prints_the_measure_of_each_writer_and_the_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [label("substance_use", "Smelt of alcohol"), label("weapon", "Denied")]
    note = {"text": "Smelt of alcohol. Denied it.", "labels": labels, "writer": "Z"}
    (tmp_path / "notes.jsonl").write_text(json.dumps(note))
    assert features_main.main(["notes", "--evaluate", f"{tmp_path / 'notes.jsonl'}"]) == 0
    printed = capsys.readouterr().out
    assert "writer Z" in printed
    assert "missed" in printed


def test_another_package_can_offer_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = EntryPoint("ours", f"{__name__}:FixedReader", readers.READERS)
    monkeypatch.setattr(readers, "entry_points", lambda **_: [offer])
    readers.find_reader.cache_clear()
    assert readers.find_reader("ours").version == "1"
    assert isinstance(readers.find_reader("own"), CombinedReader)
    assert isinstance(readers.find_reader("phrases"), PhraseReader)
    with pytest.raises(UserError, match=r"'our'.*Did you mean 'ours'"):
        readers.find_reader("our")
    readers.find_reader.cache_clear()


@pytest.mark.skipif(not DEV.exists(), reason="no labelled notes beside the project")
def test_the_labelled_notes_are_no_worse_than_before() -> None:
    """A floor under the figures of the decision, not an aim."""
    measured = measure_reader(read_notes_file(DEV, labelled=True), CombinedReader())
    kinds = {*measured.labels, *measured.entries}
    assert measured.precision(kinds) >= 0.65
    assert measured.recall(kinds) >= 0.42
    assert measured.precision(SIX) >= 0.70
    assert measured.recall(SIX) >= 0.42
    assert measured.fallen / measured.traps <= 0.10
