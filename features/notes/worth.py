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
    rows = weights.features_in([one for *_, one in places])
    scores = weights.score_column(rows, WORTH).tolist()
    best: list[dict[int, int]] = [{} for _ in cases]
    for place, (case, number, *_) in enumerate(places):
        own = best[case]
        if scores[place] >= least and (number not in own or scores[place] > scores[own[number]]):
            own[number] = place
    return [
        [
            _of(*places[place][1:], scores[place], weights, rows[place])
            for _, place in sorted(own.items(), key=lambda pair: (-scores[pair[1]], pair[0]))[:most]
        ]
        for own in best
    ]


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
