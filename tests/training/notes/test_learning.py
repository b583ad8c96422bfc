"""Learning the weights of the reader of notes: examples, thresholds, files, and their freshness."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.errors import MissingInput
from features.notes import sentences as sentence_module
from features.notes.candidates import Candidate, Place
from features.notes.kind_measures import MEASURES, read_kind_measures
from features.notes.manner_weights import Manner, read_manner_weights
from features.notes.phrases import read_lexicon
from features.notes.sentences import ORDINARY
from features.notes.sureness import Sureness, read_sureness
from features.notes.word_weights import WORTH, read_weights
from training import __main__ as training_main
from training.notes import commands, examples, held_out
from training.notes.examples import (
    LABELLED,
    digest_examples,
    make_examples,
    ordinary_words,
    read_labelled_notes,
)
from training.notes.held_out import fit_sureness
from training.notes.learn import fit_weights, write_weights
from training.notes.manner import fit_manner, write_manner

LABEL = {"kind": "weapon", "quote": "a knife", "asserted": "yes", "by": "pop", "when": "now"}
LABEL |= {"told_by": "seen", "target": "none"}


def note(writer: str, text: str, *labels: dict[str, Any]) -> dict[str, Any]:
    return {"writer": writer, "text": text, "source": "ndelius", "labels": list(labels)}


def test_what_was_learnt_is_what_the_notes_and_the_lexicon_now_say() -> None:
    """Red after a change of either: run `python -m training notes`."""
    learnt_from = json.loads(MEASURES.read_text())["learnt_from"]
    assert learnt_from == digest_examples()
    assert ORDINARY.read_text().split() == ordinary_words(read_labelled_notes())


def test_labelled_notes_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="labelled notes"):
        read_labelled_notes(tmp_path)


def test_every_labelled_note_can_be_read_and_its_quotes_stand_in_it() -> None:
    notes = read_labelled_notes()
    assert len(notes) > 10_000
    assert all(one["quote"] in own["text"] for own in notes for one in own["labels"])
    assert len({own["id"] for own in notes}) == len(notes)


def test_a_sentence_says_the_kinds_asserted_of_the_person_and_is_worth_reading_for_any() -> None:
    text = "He had a knife. He denied a gun. Quiet."
    denied = {**LABEL, "quote": "denied a gun", "asserted": "no"}
    own = make_examples([note("w1", text, LABEL, denied), note("s1", "Quiet.")])
    weapon, worth = own.kinds.index("weapon"), own.kinds.index(WORTH)
    assert own.sentences[:4] == ["He had a knife.", " He denied a gun.", " Quiet.", "Quiet."]
    assert own.says[:4, weapon].tolist() == [True, False, False, False]
    assert own.says[:4, worth].tolist() == [True, True, False, False]
    assert own.weight[:4].tolist() == [1.0, 1.0, 1.0, 0.3]
    assert own.counts[:4].all()


def test_an_innocent_example_of_the_lexicon_is_innocent_of_its_own_kind_alone() -> None:
    own = make_examples([])
    phrase = read_lexicon()[0]
    place = own.kinds.index(phrase.kind)
    assert own.says[0, place]
    assert not own.says[1].any()
    assert own.counts[0].all()
    assert own.counts[1].tolist() == [n == place for n in range(len(own.kinds))]
    assert set(own.weight) == {0.25}


def test_ordinary_words_are_those_that_several_writers_write_small() -> None:
    notes = [note("w1", "Zyxwv met qqqzz zzqqp's"), note("w2", "zyxwv met Qqqzz zzqqp")]
    words = ordinary_words(notes)
    assert {"met", "zzqqp"} <= set(words)
    assert not {"zyxwv", "qqqzz"} & set(words)


def test_the_same_notes_give_the_same_files_and_the_files_what_was_fitted(
    few_phrases: None, few_notes: list[dict[str, Any]], tmp_path: Path
) -> None:
    for name in ("one", "other"):
        write_weights(fit_weights(make_examples(few_notes)), tmp_path / f"{name}-words")
        write_manner(fit_manner(few_notes), tmp_path / f"{name}-manner")
    for what in ("words", "manner"):
        pair = [pl.read_parquet(tmp_path / f"{name}-{what}") for name in ("one", "other")]
        assert pair[0].equals(pair[1])
    words = read_weights(tmp_path / "one-words")
    assert words.kinds[-1] == WORTH
    sentence = "Police found him with a knife."
    fitted = fit_weights(make_examples(few_notes))
    scores = [own.score(own.features_in([sentence]))[0] for own in (words, fitted)]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)
    manner = read_manner_weights(tmp_path / "one-manner")
    assert {name.split(":")[0] for name in manner.answers} == {"said", "period", "teller", "target"}


def candidate(number: int, score: float, of_person: float, *, phrase: bool) -> Candidate:
    text = f"note {number}"
    manner = Manner(of_person, "no", "now", "seen", "none")
    return Candidate(Place(number, 0, text, ""), "weapon", 0, 4, score, phrase, manner)


def test_a_kind_needs_the_sureness_from_which_it_was_right_often_enough() -> None:
    notes, candidates = [], []
    for number in range(200):
        is_right = number % 2 == 0
        label = {**LABEL, "quote": "note"}
        notes.append(note("w1", f"note {number}", *([label] if is_right else [])))
        # Of those with a high score nine in ten are right, of those with a low one hardly any.
        high = (number % 20 != 1) if not is_right else (number % 20 == 0)
        candidates.append(candidate(number, 0.2 if high else 0.9, 0.9, phrase=not high))
    sureness = fit_sureness([(notes, candidates)])
    least = sureness.least["weapon"]
    sure = sureness.of(candidates)
    right = np.array([number % 2 == 0 for number in range(200)])
    assert held_out.LOWEST <= least <= held_out.HIGHEST
    assert right[sure >= least].mean() >= held_out.AIM
    assert sureness.score > 0


def test_a_kind_that_is_never_right_often_enough_needs_the_most() -> None:
    notes = [note("w1", f"note {n}", *([LABEL | {"quote": "note"}] * (n % 2))) for n in range(40)]
    candidates = [candidate(n, 0.5, 0.5, phrase=False) for n in range(40)]
    assert fit_sureness([(notes, candidates)]).least == {"weapon": held_out.HIGHEST}


def test_sureness_is_written_and_read(tmp_path: Path) -> None:
    own = Sureness(-0.5, 0.6, 0.4, 0.7, {"weapon": 0.5})
    own.write(tmp_path / "sureness.json")
    assert read_sureness(tmp_path / "sureness.json") == own


@pytest.fixture
def few_phrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """One phrase in thirty: what is tested is the way of learning, not what is learnt."""
    monkeypatch.setattr(examples, "read_lexicon", lambda: read_lexicon()[::30])


@pytest.fixture
def few_notes() -> list[dict[str, Any]]:
    """Forty notes of each of four writers."""
    return [
        own for name in ("w1", "w7", "w23", "w30") for own in read_labelled_notes_of(name)[60:100]
    ]


def read_labelled_notes_of(name: str) -> list[dict[str, Any]]:
    lines = (LABELLED / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_command_learns_measures_and_writes(
    few_phrases: None,
    few_notes: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "labelled"
    folder.mkdir()
    for own in few_notes:
        with (folder / f"{own['writer']}.jsonl").open("a") as out:
            out.write(json.dumps(own) + "\n")
    monkeypatch.setattr(held_out, "FOLDS", 2)
    monkeypatch.setattr(held_out, "MEASURES", tmp_path / "measures.json")
    monkeypatch.setattr(sentence_module, "ORDINARY", tmp_path / "ordinary.txt")
    monkeypatch.setattr(commands, "write_weights", lambda own: write_weights(own, tmp_path / "w"))
    monkeypatch.setattr(commands, "write_manner", lambda own: write_manner(own, tmp_path / "m"))
    monkeypatch.setattr(Sureness, "write", lambda _: None)
    try:
        assert training_main.main(["notes", "--labelled", f"{folder}"]) == 0
    finally:
        for cached in (sentence_module.ordinary_words, sentence_module.plain_word):
            cached.cache_clear()
    printed = capsys.readouterr().out
    assert "Writers held out" in printed
    assert "Made-up notes" in printed
    measures = read_kind_measures(tmp_path / "measures.json")
    assert sum(one.labels for one in measures.values()) > 50
    assert all(0 <= one.precision_interval[0] <= one.precision for one in measures.values())
    assert all(0 <= one.recall <= 1 for one in measures.values())
    assert (tmp_path / "w").exists()
    assert (tmp_path / "m").exists()
