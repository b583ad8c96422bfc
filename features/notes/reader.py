"""Reads a note: every phrase of the lexicon in it, with the words and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property

from features.notes.context import is_past, judge_assertion
from features.notes.entries import Note, NoteEntry
from features.notes.people import judge_doer, judge_target, judge_teller
from features.notes.phrases import WORD, CompiledPhrase, digest_lexicon, phrases_by_word

_SENTENCE = re.compile(r"(?:[^.!?;\n]|[.](?=[^\s])|\?(?=[+a-z]))+[.!?;]?")

_PLAIN = str.maketrans({"\u2019": "'", "\u2018": "'"})
"""Curly apostrophes as straight ones: a phone writes the one, a keyboard the other."""


class PhraseReader:
    """The project's own reader: phrases of the lexicon, and cues around them."""

    @cached_property
    def version(self) -> str:
        """A digest of the lexicon and the cues."""
        return digest_lexicon()

    def read(self, notes: Sequence[Note]) -> list[list[NoteEntry]]:
        """The entries of each note, in the order of the notes."""
        return [read_note(note.text, note.source, note.written_on) for note in notes]


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
    matches = [
        (phrase.kind, match)
        for phrase in _phrases_in(words)
        if (match := phrase.pattern.search(words)) is not None
    ]
    if not matches:
        return
    past = is_past(words, text[: sentence.start()], written_on.year if written_on else None)
    told_by = judge_teller(source, words)
    for kind, match in matches:
        before, after = words[: match.start()], words[match.end() :]
        start, end = sentence.start() + match.start(), sentence.start() + match.end()
        yield NoteEntry(
            kind=kind,
            start=start,
            end=end,
            quote=text[start:end],
            asserted=judge_assertion(before, after),
            by=judge_doer(kind, before, after),
            when="past" if past else "now",
            told_by=told_by,
            target=judge_target(kind, words),
        )


def _phrases_in(sentence: str) -> dict[CompiledPhrase, None]:
    """The phrases that could match a sentence, by its words."""
    index = phrases_by_word()
    words = dict.fromkeys(WORD.findall(sentence.lower()))
    return {
        phrase: None
        for word in words
        for phrase in index.get(word, ())
        if not any(required.isdisjoint(words) for required in phrase.required)
    }
