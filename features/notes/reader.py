"""Reads a note by the phrases of the lexicon, with the words and what stands around them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import cached_property

from features.notes.code_digest import digest_code
from features.notes.context import is_past, judge_assertion
from features.notes.entries import Note, NoteEntry
from features.notes.named_days import named_day
from features.notes.people import judge_doer, judge_target, judge_teller
from features.notes.phrases import (
    WORD,
    CompiledPhrase,
    digest_lexicon,
    phrases_by_word,
)
from features.notes.sentences import split_sentences


class PhraseReader:
    """The reader that knows phrases alone: those of the lexicon, and cues around them."""

    @cached_property
    def version(self) -> str:
        """A digest of the lexicon, the cues and the code that reads."""
        return f"{digest_lexicon()}{digest_code()[:8]}"

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
    note = Note(text, source, written_on)
    return plainest_of(
        entry
        for start, sentence in split_sentences(text)
        for entry in read_sentence(note, start, sentence)
    )


def plainest_of(entries: Iterable[NoteEntry]) -> list[NoteEntry]:
    """Of the entries of a note that say the same in the same way the longest, in order of place."""
    plainest: dict[tuple[str, str, str, str], NoteEntry] = {}
    for entry in sorted(entries, key=lambda one: one.start - one.end):
        plainest.setdefault((entry.kind, entry.asserted, entry.by, entry.when), entry)
    return sorted(plainest.values(), key=lambda entry: (entry.start, entry.kind))


def read_sentence(note: Note, start: int, sentence: str) -> list[NoteEntry]:
    """The entries of a sentence that stands at a place of a note, by the phrases in it."""
    matches = list(matches_in(sentence))
    return make_entries(note, start, sentence, matches) if matches else []


def matches_in(
    sentence: str, kinds: Collection[str] | None = None
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every phrase of some kinds, or of all, in a sentence: kind, first and last place."""
    for phrase in _phrases_in(sentence, kinds):
        match = phrase.pattern.search(sentence)
        if match is not None:
            yield phrase.kind, match.span()


def make_entries(
    note: Note, start: int, sentence: str, matches: Sequence[tuple[str, tuple[int, int]]]
) -> list[NoteEntry]:
    """An entry for each kind and place in a sentence, with how the words around it say it."""
    year = note.written_on.year if note.written_on else None
    past = is_past(sentence, note.text[:start], year)
    told_by = judge_teller(note.source, sentence)
    named_on = named_day(sentence, note.written_on)
    entries = []
    for kind, (first, last) in matches:
        before, after = sentence[:first], sentence[last:]
        entries.append(
            NoteEntry(
                kind=kind,
                start=start + first,
                end=start + last,
                quote=note.text[start + first : start + last],
                asserted=judge_assertion(before, after),
                by=judge_doer(kind, before, after),
                when="past" if past else "now",
                told_by=told_by,
                target=judge_target(kind, sentence),
                named_on=named_on,
            )
        )
    return entries


def _phrases_in(sentence: str, kinds: Collection[str] | None) -> dict[CompiledPhrase, None]:
    """The phrases that could match a sentence, by its words."""
    index = phrases_by_word()
    words = dict.fromkeys(WORD.findall(sentence.lower()))
    return {
        phrase: None
        for word in words
        for phrase in index.get(word, ())
        if (kinds is None or phrase.kind in kinds)
        and not any(required.isdisjoint(words) for required in phrase.required)
    }
