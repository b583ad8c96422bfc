"""Learns the weights of words, kind by kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from features.notes import sentences as sentence_module
from features.notes.word_features import name_features
from features.notes.word_weights import WEIGHTS, WordWeights
from training.notes.examples import Examples, ordinary_words

LEAST_SENTENCES = 3
"""A feature of fewer sentences than this has no weight."""
STRENGTH = 40.0
"""How freely weights move from nought (the inverse of the ridge); chosen with writers held out."""
LIGHTEST = 0.05
"""Features whose weights are all smaller than this are left out of the file."""


def learn_words(notes: list[dict[str, Any]]) -> None:
    """Write the words that several writers wrote without a capital letter; all rests on them."""
    sentence_module.ORDINARY.write_text("\n".join(ordinary_words(notes)) + "\n", encoding="utf-8")
    for cached in (sentence_module.ordinary_words, sentence_module.plain_word):
        cached.cache_clear()


def fit_weights(examples: Examples) -> WordWeights:
    """Weights for every kind: a logistic regression with a ridge, on rarity-weighted features."""
    counted = _count_features(examples.sentences)
    names = tuple(sorted(name for name, count in counted.items() if count >= LEAST_SENTENCES))
    share = np.array([counted[name] for name in names]) / len(examples.sentences)
    empty = np.zeros((len(names), len(examples.kinds)))
    blank = WordWeights(examples.kinds, names, 1 - np.log(share), empty, empty[0])
    rows = blank.features_in(examples.sentences)
    columns, constants = [], []
    for place in range(len(examples.kinds)):
        counts = examples.counts[:, place]
        model = LogisticRegression(C=STRENGTH, max_iter=300, random_state=0)
        model.fit(rows[counts], examples.says[counts, place], examples.weight[counts])
        columns.append(model.coef_[0])
        constants.append(model.intercept_[0])
    return replace(blank, weights=np.array(columns).T, constant=np.array(constants))


def _count_features(sentences: list[str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for sentence in sentences:
        for name in name_features(sentence):
            counted[name] = counted.get(name, 0) + 1
    return counted


def write_weights(weights: WordWeights, path: Path = WEIGHTS) -> None:
    """Write weights as a table, rounded; features that hardly matter are left out."""
    weights.write(path, LIGHTEST)
