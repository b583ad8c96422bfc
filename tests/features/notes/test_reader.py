"""What the reader finds in a note and how it is said; examples of our own."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from features import __main__ as features_main
from features.errors import UnreadableInput
from features.notes.context import is_past, judge_assertion
from features.notes.measure import SIX, measure_reader, read_labelled
from features.notes.people import judge_doer, judge_target, judge_teller
from features.notes.reader import NoteEntry, read_note
from tests.conftest import SHARED


@pytest.mark.parametrize(
    ("before", "after", "asserted"),
    [
        ("He ", " on Friday", "yes"),
        ("Denies that he ", "", "no"),
        ("Denied having ", " or anything else", "no"),
        ("No evidence that he ", "", "no"),
        ("Has not ", "", "no"),
        ("Risk: ", " - none reported", "no"),
        ("Not his day, but he ", "", "yes"),
        ("No issues at work however he then ", "", "yes"),
        ("He may have ", "", "possible"),
        ("It is possible that he ", "", "possible"),
        ("?", "", "possible"),
        ("", " ? awaiting result", "possible"),
        ("If he ", " he goes back", "conditional"),
        ("Warned that if he ", "", "conditional"),
        ("", " would result in recall", "conditional"),
        ("Discussed the consequences of ", "", "conditional"),
        (
            "No further contact with the man who was there when he was asked by us whether he ",
            "",
            "possible",
        ),
    ],
)
def test_what_is_asserted(before: str, after: str, asserted: str) -> None:
    assert judge_assertion(before, after) == asserted


@pytest.mark.parametrize(
    ("sentence", "earlier", "past"),
    [
        ("He has a history of it", "", True),
        ("Convicted of it in 2011", "", True),
        ("It was 2026 when he did", "", False),
        ("Previous note: he did it", "", True),
        ("He did it", "Previous note: first line. ", True),
        ("He did it on Friday", "", False),
    ],
)
def test_the_past(sentence: str, earlier: str, past: bool) -> None:
    assert is_past(sentence, earlier, 2026) is past


@pytest.mark.parametrize(
    ("kind", "before", "after", "by"),
    [
        ("violence", "He ", " on Friday", "pop"),
        ("violence", "Her partner ", "", "other"),
        ("violence", "His brother has ", "", "other"),
        ("violence", "He was ", " by two strangers", "other"),
        ("violence", "Victim of ", "", "other"),
        ("substance_use", "Co-resident ", "", "other"),
        ("third_party_complaint", "Neighbour ", "", "pop"),
    ],
)
def test_who_did_it(kind: str, before: str, after: str, by: str) -> None:
    assert judge_doer(kind, before, after) == by


@pytest.mark.parametrize(
    ("source", "sentence", "teller"),
    [
        ("ndelius", "Smelt of drink", "seen"),
        ("ndelius", "He said he had been drinking", "self"),
        ("ndelius", "Call from his mum, he is drinking", "third_party"),
        ("ndelius", "Police report that he was drinking", "agency"),
        ("police_log", "Male drinking in the street", "agency"),
    ],
)
def test_who_told_of_it(source: str, sentence: str, teller: str) -> None:
    assert judge_teller(source, sentence) == teller


@pytest.mark.parametrize(
    ("kind", "sentence", "target"),
    [
        ("violence", "Punched a bouncer outside a pub", "public"),
        ("violence", "Punched his cellmate", "prisoner"),
        ("violence", "Pushed his girlfriend", "partner"),
        ("threat", "Said he would hurt the officer", "staff"),
        ("domestic_abuse", "Slapped his mum", "family"),
        ("domestic_abuse", "Slapped her", "partner"),
        ("sexual_concern_child", "Messages to a girl", "child"),
        ("weapon", "Had a knife", "none"),
        ("substance_use", "Drinking with his brother", ""),
    ],
)
def test_who_could_be_harmed(kind: str, sentence: str, target: str) -> None:
    assert judge_target(kind, sentence) == target


def kinds_of(text: str) -> set[tuple[str, str, str]]:
    return {(entry.kind, entry.asserted, entry.by) for entry in read_note(text)}


def test_a_note_with_nothing_in_it() -> None:
    assert read_note("") == []
    assert read_note("Attended on time. Discussed work. Next appointment Friday.") == []


def test_a_curly_apostrophe_is_an_apostrophe() -> None:
    curly = "He’s been drinking again and he’s off his face."
    entries = read_note(curly)
    assert {entry.kind for entry in entries} == {
        entry.kind for entry in read_note(curly.replace("’", "'"))
    }
    assert all(curly[entry.start : entry.end] == entry.quote for entry in entries)


def test_the_words_are_those_of_the_note() -> None:
    text = "Attended late. He punched his partner in the face. Next appointment Friday."
    entries = read_note(text, written_on=date(2026, 3, 1))
    assert entries
    for entry in entries:
        assert text[entry.start : entry.end] == entry.quote
        assert text.index("He punched") <= entry.start < text.index("Next")
    assert {"violence", "domestic_abuse"} & {entry.kind for entry in entries}


@pytest.mark.parametrize("person", ["Ann Smith", "Mohammed Khan", "Oluwaseun Ade", "Wei Chen"])
@pytest.mark.parametrize("place", ["Leeds", "Tower Hamlets", "Rhyl"])
def test_the_same_words_about_anybody_are_the_same_entries(person: str, place: str) -> None:
    text = "{} smelt strongly of alcohol and was slurring in {}. Denied it."
    assert kinds_of(text.format(person, place)) == kinds_of(text.format("PoP", "town"))


@pytest.mark.parametrize(("one", "other"), [("He", "She"), ("He", "They")])
def test_pronouns_change_nothing_about_who_did_it(one: str, other: str) -> None:
    text = "{} smelt of alcohol at the appointment."
    assert kinds_of(text.format(one)) == kinds_of(text.format(other))


def entry(kind: str, start: int, end: int, **values: Any) -> NoteEntry:
    manner = {"asserted": "yes", "by": "pop", "when": "now", "told_by": "seen", "target": ""}
    return NoteEntry(kind=kind, start=start, end=end, quote="", **{**manner, **values})


def label(kind: str, quote: str, **values: Any) -> dict[str, Any]:
    return {"kind": kind, "quote": quote, "asserted": "yes", "by": "pop", "target": "", **values}


def test_what_is_measured() -> None:
    text = "aaaa bbbb cccc dddd"
    labels = [
        label("threat", "aaaa"),
        label("weapon", "bbbb"),
        label("violence", "cccc", target="partner"),
        label("sexual", "dddd", asserted="no"),
    ]
    note = {"text": text, "labels": labels, "source": "ndelius", "written_on": "2026-03-01"}

    def reader(*_: Any) -> list[NoteEntry]:
        return [
            entry("threat", 0, 3),
            entry("weapon", 16, 19),
            entry("domestic_abuse", 10, 14),
            entry("sexual", 15, 19),
            entry("sexual", 15, 19, asserted="possible"),
        ]

    measured = measure_reader([note], reader)
    assert measured.recall(SIX) == pytest.approx(2 / 3)
    assert measured.precision(SIX) == pytest.approx(2 / 4)
    assert (measured.traps, measured.fallen) == (1, 1)
    assert measured.precision([]) == measured.recall([]) == 0.0


def test_labelled_notes_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text(json.dumps({"text": "a"}))
    with pytest.raises(UnreadableInput, match=r"notes\.jsonl"):
        read_labelled(tmp_path / "notes.jsonl")


def test_the_commands_print_entries_and_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert features_main.main(["read-note", "Smelt of alcohol."]) == 0
    printed = capsys.readouterr().out
    assert "substance_use" in printed
    assert "is not a note that says nothing" in printed
    note = {
        "text": "Smelt of alcohol.",
        "labels": [label("substance_use", "Smelt of alcohol")],
        "source": "ndelius",
        "written_on": "2026-03-01",
        "writer": "Z",
    }
    (tmp_path / "notes.jsonl").write_text(json.dumps(note))
    assert features_main.main(["measure-notes", f"{tmp_path / 'notes.jsonl'}"]) == 0
    assert "writer Z" in capsys.readouterr().out


@pytest.mark.skipif(
    not (SHARED / "notes" / "dev.jsonl").exists(), reason="no labelled notes beside the project"
)
def test_the_labelled_notes_are_no_worse_than_before() -> None:
    """A floor under the figures of the decision, not an aim."""
    measured = measure_reader(read_labelled(SHARED / "notes" / "dev.jsonl"))
    kinds = {*measured.labels, *measured.entries}
    assert measured.precision(kinds) >= 0.35
    assert measured.recall(kinds) >= 0.20
    assert measured.fallen / measured.traps <= 0.15
