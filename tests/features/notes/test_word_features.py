"""Features of sentences: the quick way gives what the plain way names, and nobody's name is one."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.notes.phrases import read_lexicon, required_words
from features.notes.sentences import left_out_words, split_sentences, texts_of, words_of
from features.notes.word_features import (
    SCOPES,
    feature_keys,
    key_of,
    name_features,
    scopes_of,
    stem,
)

WORDS = st.sampled_from(
    [
        "he",
        "she",
        "punched",
        "not",
        "denied",
        "but",
        "if",
        "the",
        "wall",
        "knife",
        "a?",
        "12",
        "might",
        "however",
        "Kyle",
        "PoP",
        "it's",
        "session",
    ]
)


def keys_by_sentence(sentences: list[str]) -> list[set[int]]:
    keys: dict[int, set[int]] = defaultdict(set)
    for number, key in zip(*feature_keys(sentences), strict=True):
        keys[int(number)].add(int(key))
    return [keys[number] for number in range(len(sentences))]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(WORDS, max_size=14).map(" ".join), min_size=1, max_size=5))
def test_features_as_numbers_are_the_features_by_name(sentences: list[str]) -> None:
    expected = [{key_of(name) for name in name_features(one)} for one in sentences]
    assert keys_by_sentence(sentences) == expected


def test_the_same_holds_for_every_example_of_the_lexicon() -> None:
    sentences = [phrase.yes for phrase in read_lexicon()[::7]]
    expected = [{key_of(name) for name in name_features(one)} for one in sentences]
    assert keys_by_sentence(sentences) == expected


def test_no_sentence_has_no_features() -> None:
    assert keys_by_sentence(["", " - "]) == [set(), set()]


@pytest.mark.parametrize(
    ("sentence", "texts"),
    [
        ("He punched her", ["pp", "punched", "pp"]),
        ("She's hit his boyfriend", ["pp", "hit", "pp", "girlfriend"]),
        ("Met Si\u00e2n and Jac van Dijk", ["met", "and"]),
        ("They punched him 3 times", ["pp", "punched", "pp", "#", "times"]),
        ("Mr Okafor punched Kyle's friend", ["punched", "friend"]),
        ("Dawn said so, at dawn", ["said", "so", "at", "dawn"]),
        ("Mark said so", ["mark", "said", "so"]),
        ("Shanice Brown said so", ["said", "so"]),
        ("In Tower Hamlets", ["in"]),
        ("Police said so, Police", ["police", "said", "so", "police"]),
        ("Then Dawn said so", ["then", "said", "so"]),
        ("A Muslim woman", ["a", "woman"]),
        ("WENT TO PUB?", ["went", "to", "pub", "?"]),
        ("didn\u2019t", ["didn't"]),
    ],
)
def test_the_words_that_weights_may_rest_on(sentence: str, texts: list[str]) -> None:
    ((_, own),) = split_sentences(sentence)
    assert texts_of(own) == texts
    assert [word.text for word in words_of(own)] == texts
    assert all(own[word.start : word.end] for word in words_of(own))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("punched", "punch"),
        ("punching", "punch"),
        ("slapped", "slap"),
        ("kissing", "kiss"),
        ("telling", "tell"),
        ("knives", "kniv"),
        ("babies", "bab"),
        ("bed", "bed"),
        ("ring", "ring"),
    ],
)
def test_stems(word: str, expected: str) -> None:
    assert stem(word) == expected


@pytest.mark.parametrize(("scope", "opens"), [("n", "denied"), ("c", "if"), ("m", "possibly")])
def test_a_scope_reaches_so_many_words_and_ends_at_but(scope: str, opens: str) -> None:
    reach = SCOPES[scope][0]
    words = [opens, *["word"] * (reach + 1)]
    assert scopes_of(words) == ["", *[scope] * reach, ""]
    assert scopes_of([opens, "word", "but", "word"]) == ["", scope, "", ""]
    assert scopes_of(["word", opens]) == ["", ""]


def test_no_phrase_rests_on_a_word_about_who_someone_is_alone() -> None:
    """ "Hates all Muslims" needs the hatred, whoever is hated."""
    who = left_out_words()
    alone = [
        phrase.say
        for phrase in read_lexicon()
        if not any(words - who for words in required_words(phrase.wording))
    ]
    assert alone == []
