"""Measures how old a reader must be for the words of a page: Flesch-Kincaid grade and 5 years.

Kincaid and others, Derivation of new readability formulas for Navy enlisted personnel (1975):
0.39 words a sentence + 11.8 syllables a word - 15.59. GOV.UK asks for a reading age of 9; what a
practitioner calls things (assessment, registration) is long and stays, so 12 is the aim.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
LEAST_WORDS = 4
"""A shorter text is a name or a heading, and no sentence."""
LEAST_WORDS_OF_ITEM = 8
"""A shorter item of a list without a full stop is a name with a value."""
BLOCKS = frozenset(
    [
        "p",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "label",
        "legend",
        "summary",
        "caption",
        "dt",
        "dd",
        "th",
        "td",
        "div",
        "option",
    ]
)
UNREAD = frozenset(
    ["script", "style", "svg", "textarea", "nav", "header", "footer", "head", "select"]
)
_SILENT_END = re.compile(r"(?:[^laeiouy]e|[^sxzcgaeiouy]es|[^tdaeiouy]ed)$")


class _Texts(HTMLParser):
    """The texts of the main part of a page, one for each block."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []
        """The text of each block, and its tag."""
        self._words: list[str] = []
        self._unread = 0
        self._tag = ""
        self.feed(page)
        self._end_block()

    def _end_block(self) -> None:
        text = " ".join("".join(self._words).split())
        self._words = []
        if text:
            self.texts.append((self._tag, text))

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self._unread += tag in UNREAD
        if tag in BLOCKS:
            self._end_block()
            self._tag = tag

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in UNREAD
        if tag in BLOCKS:
            self._end_block()

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self._words.append(data)


def count_syllables(word: str) -> int:
    """The syllables of an English word: its groups of vowels, without a silent e at the end."""
    lower = word.lower().replace("'", "")
    groups = len(re.findall(r"[aeiouy]+", lower))
    return max(groups - bool(groups > 1 and _SILENT_END.search(lower)), 1)


def sentences_of(page: str) -> list[list[str]]:
    """The sentences of a page as words, each once, without numbers and codes.

    A longer item of a list is one too, with or without a full stop; another text without one is a
    heading, a label or a cell.
    """
    sentences = [
        sentence
        for tag, text in _Texts(page).texts
        for sentence in SENTENCE_END.split(text)
        if sentence.endswith((".", "?", "!", ":"))
        or (tag == "li" and sentence.count(" ") >= LEAST_WORDS_OF_ITEM)
    ]
    words = [tuple(re.findall(r"\b[A-Za-z][a-z']*\b", sentence)) for sentence in sentences]
    return [list(one) for one in dict.fromkeys(words) if len(one) >= LEAST_WORDS]


def reading_age(sentences: Iterable[list[str]]) -> float:
    """The age in years at which the sentences are read with ease."""
    listed = list(sentences)
    words = [word for sentence in listed for word in sentence]
    syllables = sum(count_syllables(word) for word in words)
    return 0.39 * len(words) / len(listed) + 11.8 * syllables / len(words) - 15.59 + 5
