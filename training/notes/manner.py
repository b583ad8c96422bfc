"""Learns how an entry is said, who told of it and who was harmed, from the labels of notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from features.notes.manner_weights import (
    MANNER,
    OF_PERSON,
    PERIOD,
    TARGET,
    TELLER,
    WEIGHTS,
    MannerWeights,
)
from features.notes.sentences import split_sentences
from features.notes.surroundings import name_surroundings
from training.notes.examples import BANK

LEAST_LABELS = 3
STRENGTH = 10.0
BANK_WEIGHT = 0.4
LIGHTEST = 0.02


def fit_manner(notes: Iterable[dict[str, Any]]) -> MannerWeights:
    """Weights for every answer to every question: a multinomial regression with a ridge each."""
    places = list(_places_of(notes))
    counted: dict[str, int] = {}
    for own_names, _, _ in places:
        for name in own_names:
            counted[name] = counted.get(name, 0) + 1
    names = tuple(sorted(name for name, count in counted.items() if count >= LEAST_LABELS))
    rarity = 1 - np.log(np.array([counted[name] for name in names]) / len(places))
    blank = MannerWeights((), names, rarity, np.zeros((len(names), 0)), np.zeros(0))
    rows = blank.features_in([one for one, _, _ in places])
    weight = np.array([each for _, _, each in places])
    answers, columns, constants = [], [], []
    for question in (MANNER, PERIOD, TELLER, TARGET):
        answers_given = np.array([own[question] for _, own, _ in places])
        even = weight * _even_weights(answers_given) if question == MANNER else weight
        model = LogisticRegression(C=STRENGTH, max_iter=1000, random_state=0)
        model.fit(rows, answers_given, even)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:
            coefficients = np.vstack([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        answers += [f"{question}:{one}" for one in model.classes_]
        columns.append(coefficients)
        constants.append(intercepts)
    return MannerWeights(
        tuple(answers), names, rarity, np.vstack(columns).T, np.concatenate(constants)
    )


def _even_weights(answers: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weights by which facts about the person and all else together count the same."""
    is_fact = answers == OF_PERSON
    share = float(np.mean(is_fact))
    return np.where(is_fact, 0.5 / share, 0.5 / (1 - share))


def _places_of(
    notes: Iterable[dict[str, Any]],
) -> Iterator[tuple[set[str], dict[str, str], float]]:
    """For every label: the features of its place, its answers, and what it counts."""
    for note in notes:
        sentences = list(split_sentences(note["text"]))
        weight = BANK_WEIGHT if str(note["writer"]).startswith(BANK) else 1.0
        for label in note["labels"]:
            first = note["text"].find(label["quote"])
            number = max((n for n, (start, _) in enumerate(sentences) if start <= first), default=0)
            start, sentence = sentences[number]
            span = (first - start, min(len(sentence), first - start + len(label["quote"])))
            earlier = sentences[number - 1][1] if number else ""
            names = name_surroundings(label["kind"], note["source"], earlier, sentence, span)
            yield names, _answers_of(label), weight


def _answers_of(label: dict[str, Any]) -> dict[str, str]:
    is_other = label["by"] == "other"
    return {
        MANNER: "other" if label["asserted"] == "yes" and is_other else label["asserted"],
        PERIOD: "past" if label["when"] == "past" else "now",
        TELLER: label["told_by"],
        TARGET: label["target"] or "none",
    }


def write_manner(weights: MannerWeights, path: Path = WEIGHTS) -> None:
    """Write weights as a table, rounded; features that hardly matter are left out."""
    weights.write(path, LIGHTEST)
