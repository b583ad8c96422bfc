"""The lexicon: every phrase matches its example, and not the innocent one beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from features.errors import UnreadableInput
from features.notes.phrases import Phrase, anchor_words, phrases_by_word, read_lexicon

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
def test_every_example_has_a_word_by_which_its_phrase_is_looked_up(kind: str) -> None:
    index = phrases_by_word()
    for phrase in read_lexicon():
        if phrase.kind == kind:
            words = set(re.findall(r"[a-z0-9]+", phrase.yes.lower()))
            assert words & anchor_words(phrase.say), phrase.say
            assert anchor_words(phrase.say) <= set(index)


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
