"""The project's own reader: phrases and weights of words together, the same for everybody."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from features.errors import MissingInput
from features.notes import manner_weights, word_weights
from features.notes.combined import CombinedReader
from features.notes.entries import Note, NoteEntry
from features.notes.kind_measures import read_kind_measures
from features.notes.manner_weights import MannerWeights, read_manner_weights
from features.notes.sentences import words_of
from features.notes.sureness import Sureness, read_sureness
from features.notes.word_weights import WORTH, WordWeights, explain, read_weights

READER = CombinedReader()


def read(text: str, **values: object) -> list[NoteEntry]:
    return READER.read([replace(Note(text), **values)])[0]  # type: ignore[arg-type]


def facts_in(text: str) -> set[str]:
    """The kinds that a note asserts of the person."""
    return {entry.kind for entry in read(text) if entry.asserted == "yes" and entry.by == "pop"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("He punched his partner in the face and split her lip.", "domestic_abuse"),
        ("Police rang, he was found with a knife in his waistband.", "weapon"),
        ("She said she will stab him if he comes near her again.", "threat"),
        ("Arrived reeking of cider and slurring.", "substance_use"),
        ("Says his girlfriend is three months pregnant.", "pregnancy"),
        ("Landlord has served him notice, he must be out by Friday.", "address_lost_or_at_risk"),
    ],
)
def test_what_is_said_plainly_is_a_fact(text: str, kind: str) -> None:
    assert kind in facts_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "He denied punching his partner.",
        "No evidence that he carries a knife.",
        "If he drinks again I will recall him.",
        "His brother was arrested for carrying a knife.",
        "Breath test negative, no alcohol.",
        "Attended on time. Discussed the course on domestic abuse.",
        "He was punched by another resident.",
        "",
        "\n\n ...",
    ],
)
def test_what_is_denied_conditional_or_about_another_is_no_fact(text: str) -> None:
    assert facts_in(text) == set()


def test_every_entry_quotes_its_words_and_the_order_is_that_of_the_note() -> None:
    text = "Quiet at first. He\u2019s punched the wall. Later he punched his mate. Smelt of beer."
    entries = read(text, written_on=date(2026, 3, 1))
    assert [entry.start for entry in entries] == sorted(entry.start for entry in entries)
    assert all(text[entry.start : entry.end] == entry.quote != "" for entry in entries)
    assert len({(e.kind, e.asserted, e.by, e.when) for e in entries}) == len(entries)


def test_a_note_alone_and_among_others_has_the_same_entries() -> None:
    texts = ["Smelt of beer.", "Attended.", "He punched his partner. Denied it.", ""]
    together = READER.read([Note(text) for text in texts])
    assert together == [read(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "> He denies that\n> he punched his partner.",
        "Denies he has ever\npunched his partner in the face.",
        "Her.",
        "now; and; new; his; her; over;",
        "He&nbsp;attended&nbsp;on&nbsp;time.",
    ],
)
def test_a_wrapped_line_or_a_word_alone_makes_no_fact(text: str) -> None:
    assert facts_in(text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "<p>He <b>punched</b> his partner in the face.</p>",
        "He&nbsp;punched&nbsp;his&nbsp;partner&nbsp;in&nbsp;the&nbsp;face.",
        "{\\rtf1 \\b He punched his partner in the face.}",
        "He\tpunched\u00a0his\u200bpartner in the face.\x00",
        "From: x\n> He punched his\n> partner in the face.",
        "\U0001f600 \ud800 He punched his partner in the face. \u202e",
    ],
)
def test_a_note_as_systems_export_it_is_read_and_its_places_are_those_of_the_note(
    text: str,
) -> None:
    entries = read(text)
    assert {"domestic_abuse", "violence"} & {entry.kind for entry in entries}
    assert all(text[entry.start : entry.end] == entry.quote for entry in entries)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("He punched his partner in the face at 2010 hours.", "now"),
        ("Male DOB 12/03/1987 punched his partner in the face last night.", "now"),
        ("Last contact was at 10:15.\nHe punched his partner in the face.", "now"),
        ("Previous note: visit.\n\nToday he punched his partner in the face.", "now"),
        ("He punched his previous partner in the face last night.", "now"),
        ("He punched his partner in the face in 2011.", "past"),
        ("She punched her partner in the face when she was young.", "past"),
        ("Previous entry: he punched his partner in the face.", "past"),
    ],
)
def test_when_it_was(text: str, when: str) -> None:
    entries = read(text, written_on=date(2026, 3, 1))
    assert {e.when for e in entries if e.kind in ("violence", "domestic_abuse")} == {when}


def test_a_line_of_signs_or_a_long_note_takes_no_longer_than_its_length() -> None:
    """Not timed: a pattern with two readings of a run would not come to an end here."""
    for run in ("-", '"', "- ", "a-", "not "):
        read(f"Breach: victim says he rang her {run * 3000} forwarded by police, messaged")
    assert read("He punched his partner in the face last night. " * 400)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("He's punched his girlfriend.", "She's punched her boyfriend."),
        ("The hostel have given him notice.", "The hostel have given her notice."),
        ("Has his daughter for the weekend.", "Has her son for the weekend."),
        ("Si\u00e2n punched his partner.", "John punched his partner."),
        ("The yemeni man punched his partner.", "The man punched his partner."),
    ],
)
def test_sex_and_origin_change_nothing(one: str, other: str) -> None:
    assert [(e.kind, e.asserted, e.by) for e in read(one)] == [
        (e.kind, e.asserted, e.by) for e in read(other)
    ]


NAMES = ("Kyle", "Mohammed", "Oluwaseun", "Wei", "Zofia Nowak", "Shanice Brown", "Dawn", "Mr Khan")
PLACES = ("Leeds", "Tower Hamlets", "Rhyl", "Handsworth")
SAYINGS = (
    "{name} punched his partner in the kitchen in {place}.",
    "Police in {place} found {name} with a knife.",
    "{name} smelt of beer and could not say where in {place} he had slept.",
    "Met {name} in {place}, all well.",
)


@pytest.mark.parametrize("saying", SAYINGS)
def test_the_same_said_of_anybody_anywhere_is_the_same(saying: str) -> None:
    answers = {
        frozenset((e.kind, e.asserted, e.by, e.when, e.told_by, e.target) for e in read(text))
        for name, place in itertools.product(NAMES, PLACES)
        for text in [saying.format(name=name, place=place)]
    }
    assert len(answers) == 1


@pytest.mark.parametrize("pronoun", [("He", "his"), ("She", "her"), ("They", "their")])
def test_pronouns_change_nothing(pronoun: tuple[str, str]) -> None:
    text = "{} punched {} neighbour outside the shop.".format(*pronoun)
    assert facts_in(text) == facts_in("He punched his neighbour outside the shop.") != set()


@pytest.mark.parametrize("word", ["Muslim", "Polish", "black", "gay", "Irish", "deaf"])
def test_words_about_who_someone_is_change_nothing(word: str) -> None:
    for text in ("The {} man attended on time.", "The {} man punched his neighbour."):
        assert facts_in(text.format(word)) == facts_in(text.replace("{} ", ""))


def test_a_score_is_the_sum_of_what_its_words_add() -> None:
    weights = read_weights()
    sentence = "He punched his partner in the face."
    words = explain(sentence, "domestic_abuse", weights)
    row = weights.features_in([sentence])
    column = weights.kinds.index("domestic_abuse")
    total = float((row @ weights.weights)[0, column])
    assert sum(worth for _, worth in words) == pytest.approx(total)
    score = weights.score(row)[0, column]
    assert score == pytest.approx(1 / (1 + np.exp(-total - weights.constant[column])))
    assert words == sorted(words, key=lambda pair: -pair[1])
    assert words[0][0] in ("punched", "partner", "face")


def test_a_sentence_without_a_word_of_the_weights_scores_the_constant() -> None:
    weights = read_weights()
    assert weights.score(weights.features_in([""]))[0] == pytest.approx(
        1 / (1 + np.exp(-weights.constant))
    )


ANSWERS = ("said:yes", "said:no", "said:other", "period:past", "teller:self", "target:none")


def manner_of(*shares: float) -> MannerWeights:
    """Weights that give every place the same probabilities of yes, no and other."""
    constant = np.log(np.array([*shares, 1, 1, 1]))
    return MannerWeights(ANSWERS, (), np.zeros(0), np.zeros((0, 6)), constant)


def test_how_something_is_said_is_the_probability_of_a_fact_and_the_best_of_the_rest() -> None:
    (manner,) = manner_of(0.5, 0.2, 0.3).judge([set()])
    assert manner.of_person == pytest.approx(0.5)
    assert (manner.otherwise, manner.period) == ("other", "past")
    assert (manner.told_by, manner.target) == ("self", "none")
    assert manner_of(0.5, 0.2, 0.3).judge([]) == []


@pytest.mark.parametrize(
    ("shares", "least", "manner"),
    [
        ((0.9, 0.05, 0.05), 0.5, ("yes", "pop")),
        ((0.9, 0.05, 0.05), 1.0, None),
        ((0.3, 0.5, 0.2), 1.0, ("no", "pop")),
        ((0.3, 0.2, 0.5), 1.0, ("yes", "other")),
        ((0.51, 0.48, 0.01), 1.0, None),
        ((0.49, 0.48, 0.03), 1.0, ("no", "pop")),
    ],
)
def test_a_fact_must_be_sure_and_what_is_said_otherwise_need_not(
    shares: tuple[float, float, float], least: float, manner: tuple[str, str] | None
) -> None:
    """The words of the sentence count for nothing here: sureness rests on the manner alone."""
    kinds = read_weights().kinds[:-1]
    sureness = Sureness(0.0, 0.0, 1.0, 0.0, dict.fromkeys(kinds, least))
    reader = CombinedReader(manner=manner_of(*shares), sureness=sureness)
    (entries,) = reader.read([Note("Yesterday a knife was in his waistband.")])
    own = [(entry.asserted, entry.by) for entry in entries if entry.kind == "weapon"]
    assert own == ([manner] if manner else [])


def test_files_of_weights_that_are_not_there_are_named() -> None:
    for read_file, module in (
        (read_weights, word_weights),
        (read_manner_weights, manner_weights),
        (read_kind_measures, None),
        (read_sureness, None),
    ):
        path = (module.WEIGHTS if module else word_weights.WEIGHTS).with_name("not-there")
        with pytest.raises(MissingInput, match="python -m training notes"):
            read_file(path)  # type: ignore[operator]


def test_the_weights_in_the_project_hold_every_kind() -> None:
    weights = read_weights()
    assert isinstance(weights, WordWeights)
    assert weights.kinds[-1] == WORTH
    assert set(read_kind_measures()) == set(weights.kinds[:-1])
    assert set(read_sureness().least) == set(weights.kinds[:-1])
    table = pl.read_parquet(word_weights.WEIGHTS)
    assert table["feature"].is_unique().all()
    assert all(words_of(name) is not None for name in table["feature"].head(5))
