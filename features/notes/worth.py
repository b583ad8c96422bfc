"""Ranks notes by how likely they hold anything that a reader would mark, of whatever kind.

The score orders the notes of a case for a reader who has recorded a view. It is no entry, never an
indicator, and a note with a low score may say something all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from scipy.sparse import csr_matrix

from features.notes.sentences import split_sentences
from features.notes.word_weights import WORTH, WordWeights, explain, read_weights

PRONOUN = "pp"
TELLING = 4
"""How many words are named that made a score."""
Place = tuple[int, int, int, str]
"""A sentence: the number of its case, of its note in that, where it begins, and its words."""


@dataclass(frozen=True)
class WorthReading:
    """A note's score, the sentence that made it, and the words that weighed most in it."""

    note: int
    score: float
    start: int
    end: int
    words: tuple[str, ...]


def rank_notes(
    cases: Sequence[Sequence[str]],
    most: int,
    least: float = 0.0,
    weights: WordWeights | None = None,
) -> list[list[WorthReading]]:
    """For the notes of each case those with the highest scores, highest first.

    A note scores as its best sentence. At most `most` a case, and none that scores below `least`.
    The sentences of all cases are scored at once.
    """
    weights = weights or read_weights()
    places = [
        (case, number, start, sentence)
        for case, notes in enumerate(cases)
        for number, note in enumerate(notes)
        for start, sentence in split_sentences(note)
    ]
    # The same sentence stands in many notes, copied or by a template: it is looked at once.
    own_numbers: dict[str, int] = {}
    of = [own_numbers.setdefault(sentence, len(own_numbers)) for *_, sentence in places]
    sentences = list(own_numbers)
    rows = weights.features_in(sentences)
    scores = weights.score_column(rows, WORTH)[of].tolist()

    @cache
    def telling_words(own: int) -> tuple[str, ...]:
        return _telling_words(sentences[own], weights, rows[own])

    return [
        [
            WorthReading(number, score, start, start + len(sentence), telling_words(of[place]))
            for place, score in best
            for _, number, start, sentence in [places[place]]
        ]
        for best in _best_of_cases(len(cases), places, scores, most, least)
    ]


def _best_of_cases(
    cases: int, places: Sequence[Place], scores: Sequence[float], most: int, least: float
) -> list[list[tuple[int, float]]]:
    """For each case the best sentence of its best notes, highest first: its place and its score."""
    best: list[dict[int, int]] = [{} for _ in range(cases)]
    for place, (case, number, *_) in enumerate(places):
        own = best[case]
        if scores[place] >= least and (number not in own or scores[place] > scores[own[number]]):
            own[number] = place
    return [
        [
            (place, scores[place])
            for _, place in sorted(own.items(), key=lambda pair: (-scores[pair[1]], pair[0]))[:most]
        ]
        for own in best
    ]


def _telling_words(sentence: str, weights: WordWeights, row: csr_matrix) -> tuple[str, ...]:
    """The words of a sentence that speak most for its being worth reading."""
    words = [
        word
        for word, worth in explain(sentence, WORTH, weights, row)
        if worth > 0 and word.isalpha() and word != PRONOUN
    ]
    return tuple(dict.fromkeys(words))[:TELLING]
