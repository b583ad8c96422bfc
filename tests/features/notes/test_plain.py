"""What is said plainly is read: everyday words that the labelled notes avoid on purpose."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from features.contracts import note_columns
from features.notes.combined import CombinedReader
from features.notes.entries import Note, NoteEntry
from features.notes.people import harmed_by_another
from features.notes.plain import opened_otherwise, plain_statements, read_plain_forms

BANK = Path(__file__).with_name("plain_notes.jsonl")
SAME = {"violence", "domestic_abuse"}


def facts_of(text: str) -> list[NoteEntry]:
    (entries,) = CombinedReader().read([Note(text)])
    return [one for one in entries if (one.asserted, one.by) == ("yes", "pop")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("He threatened his neighbour.", "threat"),
        ("Threatened to stab his ex. Police informed.", "threat"),
        ("Police report that he threatened to kill a shop worker.", "threat"),
        ("PoP punched another resident.", "violence"),
        ("Her brother says she hit her mum.", "violence"),
        ("Hit his partner again.", "domestic_abuse"),
        ("She was found with a kitchen knife.", "weapon"),
        ("Has been using heroin.", "substance_use"),
        ("He felt suicidal.", "mental_health_decline"),
        ("He has stopped taking his medication.", "relapse_sign"),
        ("He has a new girlfriend, Kelly.", "relationship_new"),
        ("She refused to engage.", "hostile_to_supervision"),
        ("He breached the restraining order.", "civil_order_breach"),
    ],
)
def test_a_plain_statement_is_a_fact(text: str, kind: str) -> None:
    assert kind in {one.kind for one in facts_of(text)}


@pytest.mark.parametrize(
    "text",
    [
        "He did not threaten his neighbour.",
        "Threatened with eviction.",
        "He was threatened by his neighbour.",
        "He threatened to kill himself.",
        "If he threatened staff he would be recalled.",
        "Has he hit his partner again?",
        "Hit his head on the door.",
        "Kicked the ball about with his son.",
        "His brother punched a man.",
        "Another prisoner punched him in the queue.",
        "He was punched by another prisoner.",
        "She was grabbed by the throat by her partner.",
        "Denied using heroin.",
        "Used his phone to book an appointment.",
        "He carried a bag for his mum.",
        "Missing his children.",
    ],
)
def test_what_is_not_stated_of_the_person_is_no_fact(text: str) -> None:
    assert facts_of(text) == []


def test_plain_notes_are_read_and_their_traps_are_not_facts() -> None:
    """Everyday words in every manner, by kind; no weight was learnt from these notes."""
    notes = [json.loads(line) for line in BANK.read_text(encoding="utf-8").splitlines()]
    counts = {"fact": [0, 0], "trap": [0, 0]}
    entries = CombinedReader().read([Note(note["text"]) for note in notes])
    for note, own in zip(notes, entries, strict=True):
        (label,) = note["labels"]
        kinds = {one.kind for one in own if (one.asserted, one.by) == ("yes", "pop")}
        is_read = label["kind"] in kinds or (label["kind"] in SAME and bool(kinds & SAME))
        is_fact = (label["asserted"], label["by"]) == ("yes", "pop")
        counted = counts["fact" if is_fact else "trap"]
        counted[0] += is_read
        counted[1] += 1
    assert counts["fact"][0] / counts["fact"][1] >= 0.85, counts
    assert counts["trap"][0] / counts["trap"][1] <= 0.05, counts


@pytest.mark.parametrize(
    ("sentence", "words", "is_another"),
    [
        ("He was hit by his brother.", "hit", True),
        ("Two men attacked him outside.", "attacked", True),
        ("He got badly beaten up by a gang and later used spice.", "used spice", False),
        ("A nurse was assaulted by him.", "assaulted", False),
        ("Grabbed by the throat.", "Grabbed", False),
        ("She was grabbed by the throat.", "grabbed", False),
        ("He attacked two men.", "attacked", False),
    ],
)
def test_harm_by_another(sentence: str, words: str, is_another: bool) -> None:
    start = sentence.index(words)
    assert harmed_by_another(sentence, (start, start + len(words))) is is_another


def test_every_form_is_of_a_kind_and_ends_in_time() -> None:
    assert {form.kind for form in read_plain_forms()} <= set(note_columns.KINDS)
    long_sentences = [
        "he " * 30_000,
        "threatened " * 10_000,
        "police report that " * 8_000,
        "-" * 90_000,
    ]
    begun = time.monotonic()
    assert [plain_statements(one) for one in long_sentences] == [[]] * 4
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("kind", "sentence", "words", "says"),
    [
        ("weapon", "Denied keeping a knife under the bed", "keeping a knife", "no"),
        ("weapon", "He has never carried a knife.", "carried a knife", "no"),
        ("non_disclosure", "He has never told us of a phone.", "never told us", None),
        ("threat", "Concerns that he threatened staff.", "threatened staff", "possible"),
        ("address_changed", "Concerns that he has moved.", "has moved", "possible"),
        (
            "threat",
            "If he threatened staff he would be recalled.",
            "threatened staff",
            "conditional",
        ),
        ("violence", "His cellmate punched a man.", "punched a man", "other"),
        ("violence", "His mum says he punched a man.", "punched a man", None),
        # An opener reaches to the end of its part of the sentence.
        ("violence", "Denied drinking but punched a man.", "punched a man", None),
        ("violence", "He punched a man.", "punched a man", None),
    ],
)
def test_an_opener_says_how_its_part_of_the_sentence_is_said(
    kind: str, sentence: str, words: str, says: str | None
) -> None:
    assert opened_otherwise(kind, sentence, sentence.index(words)) == says
