"""Looks for what a note may say: words of a kind, by phrases or weights, and how they are said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from features.notes.entries import Note
from features.notes.manner_weights import Manner, MannerWeights
from features.notes.reader import matches_in
from features.notes.sentences import split_sentences, texts_of
from features.notes.surroundings import name_surroundings
from features.notes.word_weights import WORTH, Scores, WordWeights

SKIM = 0.1
"""The score below which nothing is said that a reader would mark: it is read no further."""
POSSIBLE = 0.02
"""The score of a kind below which its phrases are not looked for."""
ALONE = 0.15
"""The score of a kind from which words without a phrase are a candidate."""


LEAST_WORDS = 2
"""A single word is no sentence, and says nothing without a phrase."""


@dataclass(frozen=True)
class Place:
    """A sentence: of which note, where in it, and the sentence before."""

    note: int
    start: int
    sentence: str
    earlier: str


@dataclass(frozen=True)
class Candidate:
    """The words of a sentence that may say a kind, and what speaks for it."""

    at: Place
    kind: str
    first: int
    last: int
    score: float
    """The score of the kind in the sentence, by the weights of its words."""
    has_phrase: bool
    manner: Manner

    @property
    def start(self) -> int:
        """The place in the note of the first sign of the words."""
        return self.at.start + self.first

    @property
    def end(self) -> int:
        """The place in the note after their last sign."""
        return self.at.start + self.last


_Span = tuple[Place, str, int, int, float, bool]


def find_candidates(
    notes: Sequence[Note], words: WordWeights, manner: MannerWeights
) -> list[Candidate]:
    """Every candidate of every note, in order."""
    places = list(_places_in(notes))
    rows = words.features_in([place.sentence for place in places])
    scores = words.score(rows)
    worth = words.kinds.index(WORTH)
    spans: list[_Span] = []
    for number in np.flatnonzero(scores[:, worth] >= SKIM).tolist():
        spans += _spans_of(places[number], rows[number], scores[number], words)
    manners = manner.judge([_surroundings_of(notes, span) for span in spans])
    return [Candidate(*span, own) for span, own in zip(spans, manners, strict=True)]


def _places_in(notes: Sequence[Note]) -> Iterator[Place]:
    for number, note in enumerate(notes):
        earlier = ""
        for start, sentence in split_sentences(note.text):
            yield Place(number, start, sentence, earlier)
            earlier = sentence


def _spans_of(place: Place, row: csr_matrix, scores: Scores, words: WordWeights) -> Iterator[_Span]:
    """The kinds that a sentence may say, over the words of their phrases and the telling ones."""
    likely = {words.kinds[n] for n in np.flatnonzero(scores >= POSSIBLE)}
    is_long = len(texts_of(place.sentence)) >= LEAST_WORDS
    phrases: dict[str, list[tuple[int, int]]] = {}
    for kind, match in matches_in(place.sentence, likely):
        phrases.setdefault(kind, []).append(match)
    for kind, score in zip(words.kinds, scores.tolist(), strict=True):
        if kind != WORTH and ((score >= ALONE and is_long) or kind in phrases):
            own = [words.quote(place.sentence, row, kind), *phrases.get(kind, ())]
            first, last = min(one for one, _ in own), max(one for _, one in own)
            yield place, kind, first, last, score, kind in phrases


def _surroundings_of(notes: Sequence[Note], span: _Span) -> set[str]:
    place, kind, first, last, _, _ = span
    source = notes[place.note].source
    return name_surroundings(kind, source, place.earlier, place.sentence, (first, last))
