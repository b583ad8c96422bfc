"""Ranks notes by how likely they hold anything that a reader would mark, of whatever kind.

The score orders the notes of a case for a reader who has recorded a view. It is no entry, never an
indicator, and a note with a low score may say something all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    column = weights.kinds.index(WORTH)
    scores = weights.score(weights.features_in([one for *_, one in places]))[:, column]
    best: dict[int, tuple[float, int, str]] = {}
    for (number, start, sentence), score in zip(places, scores.tolist(), strict=True):
        if score > best.get(number, (-1.0, 0, ""))[0]:
            best[number] = (score, start, sentence)
    ranked = sorted(best.items(), key=lambda pair: (-pair[1][0], pair[0]))[:most]
    return [_of(number, *own, weights) for number, own in ranked]


def _of(number: int, score: float, start: int, sentence: str, weights: WordWeights) -> WorthReading:
    words = [
        word
        for word, worth in explain(sentence, WORTH, weights)
        if worth > 0 and word.isalpha() and word != PRONOUN
    ]
    own = tuple(dict.fromkeys(words))[:TELLING]
    return WorthReading(number, score, start, start + len(sentence), own)
