"""What the reader finds in a note and how it is said; examples of our own."""

from __future__ import annotations

from datetime import date

import pytest

from features.notes.context import is_past, judge_assertion
from features.notes.people import judge_doer, judge_target, judge_teller
from features.notes.reader import read_note


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
