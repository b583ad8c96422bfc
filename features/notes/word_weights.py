"""Scores sentences by weights of words that were learnt from labelled notes, kind by kind.

A score is a probability among notes like those that it was learnt from, not among all notes. It is
a sum over words, so every score can be taken apart into the words that made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from features.notes.sentences import IDENTITY, ORDINARY, Word, words_of
from features.notes.weight_table import Numbers, WeightTable
from features.notes.word_features import Keys, feature_keys, key_of, parts_of_word, stem

WEIGHTS = Path(__file__).with_name("word_weights.parquet")
"""A row a feature: its name, how rare it is, and a weight for each kind."""
SURENESS = WEIGHTS.with_name("sureness.json")
WORTH = "worth_reading"
"""The column that is no kind: whether a sentence says anything at all that a reader would mark."""
_TABLE_BITS = 20
_SHIFT = np.uint64(64 - _TABLE_BITS)
_LONGEST_QUOTE = 12
Scores = Numbers


class WordWeights(WeightTable):
    """The weights of features for each kind."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds in order, and last the score that is of no kind."""
        return self.columns

    @cached_property
    def _keys(self) -> Keys:
        return np.array([key_of(name) for name in self.names], np.uint64)

    @cached_property
    def _tables(self) -> list[NDArray[np.int32]]:
        """Tables from the upper bits of a key to its feature; what is taken goes to the next."""
        tables, left = [], np.arange(len(self._keys), dtype=np.int32)
        while len(left):
            table = np.zeros(1 << _TABLE_BITS, np.int32)
            slots = (self._keys[left] >> _SHIFT).astype(np.int64)
            table[slots] = left
            tables.append(table)
            left = left[table[slots] != left]
        return tables

    def _features_of(self, keys: Keys) -> NDArray[np.int32]:
        """The feature of each key; -1 for one without a weight."""
        features = np.full(len(keys), -1, np.int32)
        slots = (keys >> _SHIFT).astype(np.int64)
        for table in self._tables:
            place = table[slots]
            features = np.where(self._keys[place] == keys, place, features)
        return features

    def features_in(self, sentences: Sequence[str]) -> csr_matrix:
        """The features of sentences, rarer ones counting more, each sentence of length one."""
        of, keys = feature_keys(sentences)
        features = self._features_of(keys)
        is_one = features >= 0
        shape = (len(sentences), len(self.names))
        ones = np.ones(int(is_one.sum()))
        counts = csr_matrix((ones, (of[is_one], features[is_one])), shape)
        counts.data[:] = 1
        return self.weigh(counts)

    def score(self, rows: csr_matrix) -> Scores:
        """For each row of features a score between 0 and 1 for each kind."""
        sums = rows @ self.weights + self.constant
        return np.asarray(1 / (1 + np.exp(-sums)))

    def score_column(self, rows: csr_matrix, kind: str) -> Numbers:
        """For each row of features the score of one kind alone."""
        column = self.kinds.index(kind)
        sums = rows @ np.ascontiguousarray(self.weights[:, column]) + self.constant[column]
        return np.asarray(1 / (1 + np.exp(-sums)))

    def quote(self, sentence: str, row: csr_matrix, kind: str) -> tuple[int, int]:
        """The place of the words of a sentence that speak most for a kind, given its features."""
        words = words_of(sentence)
        first, last = _best_run(self.worth_of_words(words, row, kind))
        return words[first].start, words[last].end

    def worth_of_words(self, words: Sequence[Word], row: csr_matrix, kind: str) -> list[float]:
        """What each word adds to the sum of a kind: its share of every feature that it is in."""
        column = self.kinds.index(kind)
        members = _members_by_part(words)
        worth = [0.0] * len(words)
        added = row.data * self.weights[row.indices, column]
        for place, value in zip(row.indices.tolist(), added.tolist(), strict=True):
            own = [n for part in _parts_of(self.names[place]) for n in members.get(part, ())]
            for member in own:
                worth[member] += value / len(own)
        return worth


@cache
def _parts_of(name: str) -> tuple[tuple[str, str], ...]:
    """What a feature is made of: parts of words, whole words or stems."""
    letter, _, rest = name.partition("=")
    if letter in "cw":
        return ((letter, rest),)
    return tuple({("s", part.split("~", 1)[-1]) for part in rest.split(" ")})


def _members_by_part(words: Sequence[Word]) -> dict[tuple[str, str], list[int]]:
    """For each word, stem and part of a word: the numbers of the words that have it."""
    members: dict[tuple[str, str], list[int]] = {}
    for number, word in enumerate(words):
        members.setdefault(("w", word.text), []).append(number)
        members.setdefault(("s", stem(word.text)), []).append(number)
        for part in set(parts_of_word(word.text)):
            members.setdefault(("c", part), []).append(number)
    return members


def _best_run(worth: Sequence[float]) -> tuple[int, int]:
    """The first and last of the words in a row whose worth adds up to the most."""
    sums = np.concatenate([[0.0], np.cumsum(worth)])
    runs = [
        (sums[last + 1] - sums[first], first, last)
        for first in range(len(worth))
        for last in range(first, min(len(worth), first + _LONGEST_QUOTE))
    ]
    _, first, last = max(runs, key=lambda run: (run[0], -run[1]))
    return first, last


@cache
def read_weights(path: Path = WEIGHTS) -> WordWeights:
    """The weights in a file; raises MissingInput where it is not there."""
    return WordWeights.read(path, "the weights of words")


@cache
def digest_weights(folder: Path = WEIGHTS.parent) -> str:
    """A digest of all weights and of the words that they may rest on."""
    digest = hashlib.sha256()
    for own in (*sorted(folder.glob("*_weights.parquet")), SURENESS, ORDINARY, IDENTITY):
        digest.update(own.read_bytes() if own.exists() else b"")
    return digest.hexdigest()


def explain(
    sentence: str, kind: str, weights: WordWeights, row: csr_matrix | None = None
) -> list[tuple[str, float]]:
    """The words of a sentence with what each adds to the sum of a kind, the largest first.

    `row` holds the features of the sentence where they are known already.
    """
    words = words_of(sentence)
    features = weights.features_in([sentence]) if row is None else row
    worth = weights.worth_of_words(words, features, kind)
    pairs = [(word.text, each) for word, each in zip(words, worth, strict=True)]
    return sorted(pairs, key=lambda pair: -pair[1])
