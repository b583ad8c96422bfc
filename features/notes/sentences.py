"""Splits a note into sentences, and a sentence into the words that a learnt weight may rest on.

Names, titles and words about who someone is are no such words, and every pronoun is the same: the
same thing said of anybody has the same words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SENTENCE = re.compile(r"(?:[^.!?;\n]|[.](?=[^\s])|\?(?=[+a-z])|\n(?=[>\s]{0,80}[a-z]))+[.!?;]?")
"""A line that goes on in lower case is the same sentence: emails wrap their lines."""
_TOKEN = re.compile(r"[A-Za-z\u00c0-\u00ff]+(?:'[A-Za-z]+)?|\d+|[?!]")
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>\n]{0,200}>|&(?:[a-z]{2,8}|#\d{2,5});|\\[a-z]{1,12}-?\d*\b")
"""Tags and entities of HTML and control words of RTF, as exports have them."""
_PLAIN = str.maketrans(
    {"\u2019": "'", "\u2018": "'", **dict.fromkeys("\t\r\x0b\x0c\u00a0\u2028\u2029\u200b\x00", " ")}
)
"""Curly apostrophes as straight ones and every blank as a space, each sign for one sign."""
_LINES = str.maketrans({"\n": " ", ">": " "})
IDENTITY = Path(__file__).with_name("identity_words.toml")
ORDINARY = Path(__file__).with_name("ordinary_words.txt")
_PRONOUNS = dict.fromkeys(
    re.findall(
        r"\S+",
        "he she they him them his her hers their theirs himself herself themselves themself pop sp "
        "he's she's they're he'd she'd they'd he'll she'll they'll they've hes shes",
    ),
    "pp",
)
_SAME = {
    "boyfriend": "girlfriend",
    "bf": "gf",
    "husband": "wife",
    "son": "daughter",
    "sons": "daughters",
    "dad": "mum",
    "father": "mother",
    "brother": "sister",
    "boy": "girl",
    "man": "woman",
    "men": "women",
    "male": "female",
    "lad": "lass",
}
"""Words that say the same of people of another sex are the same word."""
_PARTICLES = frozenset(re.findall(r"\S+", "ap ab van von der den de del bin ibn al el"))
NAME = "\0"
"""Stands for a name until it is left out."""


@dataclass(frozen=True)
class Word:
    """A word of a sentence as weights know it, and its place in the sentence."""

    text: str
    start: int
    end: int


def split_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Each sentence of a note with its place: plain text, sign for sign as long as the note's."""
    plain = text.translate(_PLAIN)
    if "<" in plain or "&" in plain or "\\" in plain:
        plain = _MARKUP.sub(lambda match: " " * len(match.group()), plain)
    for match in _SENTENCE.finditer(plain):
        yield match.start(), match.group().translate(_LINES)


def words_of(sentence: str) -> list[Word]:
    """The words of a sentence in order, without names, titles and words about who someone is."""
    matches = list(_TOKEN.finditer(sentence))
    texts = _plain_texts([match.group() for match in matches])
    return [
        Word(text, match.start(), match.end())
        for text, match in zip(texts, matches, strict=True)
        if text
    ]


def texts_of(sentence: str) -> list[str]:
    """The texts of `words_of`, without their places: three times as quick."""
    return [text for text in _plain_texts(_TOKEN.findall(sentence)) if text]


def _plain_texts(tokens: list[str]) -> list[str]:
    """The plain word of each token; empty for what is left out, beside a name a capital too."""
    if not tokens:
        return []
    texts = [plain_word(tokens[0], is_first=True)]
    texts += [plain_word(token, is_first=False) for token in tokens[1:]]
    if NAME not in texts:
        return texts
    is_name = [text == NAME for text in texts]
    for number, token in enumerate(tokens):
        beside = (number > 0 and is_name[number - 1]) or is_name[number + 1 : number + 2] == [True]
        if number > 0 and beside and (_has_capital(token) or token in _PARTICLES):
            is_name[number] = True
    return ["" if own else text for text, own in zip(texts, is_name, strict=True)]


def _has_capital(token: str) -> bool:
    return token[0].isupper() and not token.isupper()


@cache
def plain_word(token: str, *, is_first: bool) -> str:
    """A token in lower case: `pp` for any pronoun, `#` for a number, NAME, or empty if left out.

    A capital letter is a name's unless it begins the sentence or the word is an ordinary one.
    """
    lower = token.lower()
    if lower[0].isdigit():
        return "#"
    if lower in _PRONOUNS:
        return _PRONOUNS[lower]
    if lower in left_out_words():
        return ""
    if not _has_capital(token):
        return _SAME.get(lower, lower)
    if lower.removesuffix("'s") not in ordinary_words():
        return NAME
    names = names_that_are_words("names_even_at_the_beginning")
    if not is_first:
        names |= names_that_are_words("names_that_are_words")
    return NAME if lower in names else _SAME.get(lower, lower)


@cache
def ordinary_words() -> frozenset[str]:
    """Words that several writers wrote without a capital letter; a file made by training."""
    return (
        frozenset(ORDINARY.read_text(encoding="utf-8").split())
        if ORDINARY.exists()
        else frozenset()
    )


@cache
def names_that_are_words(which: str) -> frozenset[str]:
    """Given names that are ordinary words too, such as Dawn: with a capital letter a name."""
    return frozenset(_identity()[which])


@cache
def left_out_words() -> frozenset[str]:
    """Titles and words about who someone is, in lower case."""
    lists = _identity().items()
    return frozenset(word for name, own in lists if not name.startswith("names_") for word in own)


@cache
def _identity() -> dict[str, list[str]]:
    return tomllib.loads(IDENTITY.read_text(encoding="utf-8"))
