"""Reads a note: every phrase of the lexicon in it, with the words and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from features.notes.context import is_past, judge_assertion
from features.notes.people import judge_doer, judge_target, judge_teller
from features.notes.phrases import WORD, CompiledPhrase, phrases_by_word

_SENTENCE = re.compile(r"(?:[^.!?;\n]|[.](?=[^\s])|\?(?=[+a-z]))+[.!?;]?")

_PLAIN = str.maketrans({"\u2019": "'", "\u2018": "'"})
"""Curly apostrophes as straight ones: a phone writes the one, a keyboard the other."""


@dataclass(frozen=True)
class NoteEntry:
    """One thing that a note says: its kind, the words, and how it is said."""

    kind: str
    start: int
    end: int
    quote: str
    asserted: str
    """`yes`, `no` (denied), `possible` or `conditional`."""
    by: str
    """`pop` for the person on probation, `other` for somebody else."""
    when: str
    """`now` or `past`."""
    told_by: str
    """`seen`, `self`, `third_party` or `agency`."""
    target: str


def read_note(
    text: str, source: str = "ndelius", written_on: date | None = None
) -> list[NoteEntry]:
    """Every entry of a note, in order: of one kind, said in one way, the one with the most words.

    `source` is the system or service whose note it is. What is denied, possible, conditional or
    about somebody else is an entry too, and says so.
    """
    entries = [
        entry
        for sentence in _SENTENCE.finditer(text.translate(_PLAIN))
        for entry in _read_sentence(sentence, text, source, written_on)
    ]
    plainest: dict[tuple[str, str, str, str], NoteEntry] = {}
    for entry in sorted(entries, key=lambda one: one.start - one.end):
        plainest.setdefault((entry.kind, entry.asserted, entry.by, entry.when), entry)
    return sorted(plainest.values(), key=lambda entry: (entry.start, entry.kind))


def _read_sentence(
    sentence: re.Match[str], text: str, source: str, written_on: date | None
) -> Iterator[NoteEntry]:
    words = sentence.group()
    for phrase in _phrases_in(words):
        match = phrase.pattern.search(words)
        if match is None:
            continue
        before, after = words[: match.start()], words[match.end() :]
        past = is_past(words, text[: sentence.start()], written_on.year if written_on else None)
        yield NoteEntry(
            kind=phrase.kind,
            start=sentence.start() + match.start(),
            end=sentence.start() + match.end(),
            quote=text[sentence.start() + match.start() : sentence.start() + match.end()],
            asserted=judge_assertion(before, after),
            by=judge_doer(phrase.kind, before, after),
            when="past" if past else "now",
            told_by=judge_teller(source, words),
            target=judge_target(phrase.kind, words),
        )


def _phrases_in(words: str) -> dict[CompiledPhrase, None]:
    """The phrases that could match a sentence, by its words."""
    index = phrases_by_word()
    return {
        phrase: None
        for word in dict.fromkeys(WORD.findall(words.lower()))
        for phrase in index.get(word, ())
    }
