"""The lexicon: every phrase matches its example, and not the innocent one beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from features.errors import UnreadableInput
from features.notes.phrases import (
    Phrase,
    digest_lexicon,
    phrases_by_word,
    read_lexicon,
    required_words,
)

KINDS = sorted({phrase.kind for phrase in read_lexicon()})


def test_the_lexicon_has_a_file_for_each_kind() -> None:
    assert len(KINDS) == 23
    assert {"violence", "threat", "weapon", "domestic_abuse", "sexual"} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_phrase_matches_its_example_and_not_the_other(kind: str) -> None:
    faults = [
        phrase.say
        for phrase in read_lexicon()
        if phrase.kind == kind
        and not (_matches(phrase, phrase.yes) and not _matches(phrase, phrase.no))
    ]
    assert faults == []


def _matches(phrase: Phrase, text: str) -> bool:
    return re.search(f"(?i){phrase.pattern}", text) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_every_example_has_the_words_by_which_its_phrase_is_looked_up(kind: str) -> None:
    index = phrases_by_word()
    for phrase in read_lexicon():
        if phrase.kind == kind:
            words = set(re.findall(r"[a-z0-9]+", phrase.yes.lower()))
            required = required_words(phrase.wording)
            assert all(words & own for own in required), phrase.say
            assert any(own <= set(index) for own in required)


def test_a_word_that_may_be_written_as_a_sign_is_not_required() -> None:
    assert required_words("tested (+|pos)") == [frozenset({"tested"})]
    with pytest.raises(UnreadableInput, match="no word that must be there"):
        required_words("(so)? (+|pos)")


def test_the_digest_of_the_lexicon_changes_with_a_word_of_it(tmp_path: Path) -> None:
    (tmp_path / "lexicon").mkdir()
    file = tmp_path / "lexicon" / "violence.toml"
    file.write_text("[[phrase]]\nsay = 'hit her'\nyes = 'He hit her'\nno = 'It hit him'\n")
    before = digest_lexicon(tmp_path / "lexicon")
    digest_lexicon.cache_clear()
    file.write_text(file.read_text().replace("hit her", "hits her"))
    assert digest_lexicon(tmp_path / "lexicon") != before
    digest_lexicon.cache_clear()


@pytest.mark.parametrize(
    ("say", "text", "is_match"),
    [
        ("punch(ed|es)? her", "He punched her.", True),
        ("punch(ed|es)? her", "He punches her", True),
        ("punch(ed|es)? her", "punching her", False),
        ("grab(bed)? (her|his) (own)? throat", "grabbed her throat", True),
        ("grab(bed)? (her|his) (own)? throat", "grabbed her own throat", True),
        ("head_butted", "head-butted him", True),
        ("head_butted", "headbutted him", True),
        ("kick .. door", "kick in the front door", True),
        ("kick .. door", "kick in the old front room door", False),
        ("kick ... door", "kick in the old front room door", True),
        ("kick .. door", "a kick. The door", False),
        ("back on it", "Back On It, he says", True),
        ("back on it", "setback on it", False),
    ],
)
def test_the_language_of_phrases(say: str, text: str, is_match: bool) -> None:
    assert _matches(Phrase("violence", say, "", ""), text) is is_match


@pytest.mark.parametrize("say", ["a*b", "[abc]", "what\\d"])
def test_a_sign_that_the_language_does_not_have_is_named(say: str) -> None:
    with pytest.raises(UnreadableInput, match="Mend the lexicon"):
        _ = Phrase("violence", say, "", "").pattern


def test_a_file_that_is_no_lexicon_is_named(tmp_path: Path) -> None:
    (tmp_path / "violence.toml").write_text("[[phrase]]\nsay = 'hit her'\n")
    with pytest.raises(UnreadableInput, match=r"violence\.toml"):
        read_lexicon(tmp_path)
