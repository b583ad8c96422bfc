"""Ranks notes by how likely they hold anything that a reader would mark, of whatever kind.

The score orders the notes of a case for a reader who has recorded a view. It is no entry, never an
indicator, and a note with a low score may say something all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.sparse import csr_matrix

from features.notes.sentences import split_sentences
from features.notes.word_weights import WORTH, WordWeights, explain, read_weights

PRONOUN = "pp"
TELLING = 4
"""How many words are named that made a score."""


@dataclass(frozen=True)
class WorthReading:
    """A note's score, the sentence that made it, and the words that weighed most in it."""

    note: int
    score: float
    start: int
    end: int
    words: tuple[str, ...]


def rank_notes(
    notes: Sequence[str], most: int, weights: WordWeights | None = None
) -> list[WorthReading]:
    """The notes with the highest scores, highest first; a note scores as its best sentence."""
    weights = weights or read_weights()
    places = [
        (number, start, sentence)
        for number, note in enumerate(notes)
        for start, sentence in split_sentences(note)
    ]
    rows = weights.features_in([one for *_, one in places])
    scores = weights.score_column(rows, WORTH).tolist()
    best: dict[int, int] = {}
    for place, (number, *_) in enumerate(places):
        if number not in best or scores[place] > scores[best[number]]:
            best[number] = place
    ranked = sorted(best.items(), key=lambda pair: (-scores[pair[1]], pair[0]))[:most]
    return [_of(*places[place], scores[place], weights, rows[place]) for _, place in ranked]


def _of(
    number: int, start: int, sentence: str, score: float, weights: WordWeights, row: csr_matrix
) -> WorthReading:
    words = [
        word
        for word, worth in explain(sentence, WORTH, weights, row)
        if worth > 0 and word.isalpha() and word != PRONOUN
    ]
    own = tuple(dict.fromkeys(words))[:TELLING]
    return WorthReading(number, score, start, start + len(sentence), own)
