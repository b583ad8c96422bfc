"""Judges how an entry is said, who told of it and who was harmed, by weights of what surrounds it.

The cues of NegEx and ConText are among the features: weights learnt from labelled notes decide how
far each is believed beside the words that stand near.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from features.notes.weight_table import Numbers, WeightTable

WEIGHTS = Path(__file__).with_name("manner_weights.parquet")
"""A row a feature, a column an answer to a question, such as `said:possible`."""
MANNER, PERIOD, TELLER, TARGET = "said", "period", "teller", "target"
"""The questions: how it is said, when it was, who told of it, who was or could be harmed."""
OF_PERSON = "yes"
"""The answer to MANNER that makes a fact about the person; `other` is somebody else's doing."""


@dataclass(frozen=True)
class Manner:
    """How something is said: as a fact of the person or otherwise, when, by whom, of whom."""

    of_person: float
    """The probability that it is said as a fact about the person."""
    otherwise: str
    """The most probable of the other ways: denied, possible, conditional or somebody else's."""
    period: str
    told_by: str
    target: str


class MannerWeights(WeightTable):
    """The weights of features for each answer to each question."""

    @property
    def answers(self) -> tuple[str, ...]:
        """The answers in order, each after its question."""
        return self.columns

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def features_in(self, named: Sequence[Iterable[str]]) -> csr_matrix:
        """The features of places, rarer ones counting more, each place of length one."""
        rows, columns = [], []
        for number, names in enumerate(named):
            own = [self._place_of[name] for name in sorted(names) if name in self._place_of]
            rows += [number] * len(own)
            columns += own
        shape = (len(named), len(self.names))
        counts = csr_matrix((np.ones(len(rows)), (rows, columns)), shape)
        return self.weigh(counts)

    def judge(self, named: Sequence[Iterable[str]]) -> list[Manner]:
        """For each place how it is said, and the most probable teller, target and time."""
        if not named:
            return []
        sums = np.asarray(self.features_in(named) @ self.weights + self.constant)
        return [self._manner_of(row) for row in sums]

    def _manner_of(self, sums: Numbers) -> Manner:
        shares_of_manner = self._shares(sums, MANNER)
        period, teller, target = (
            max(shares, key=lambda answer: shares[answer])
            for shares in (self._shares(sums, question) for question in (PERIOD, TELLER, TARGET))
        )
        of_person = shares_of_manner.pop(OF_PERSON)
        otherwise = max(shares_of_manner, key=lambda answer: shares_of_manner[answer])
        return Manner(of_person, otherwise, period, teller, target)

    def _shares(self, sums: Numbers, question: str) -> dict[str, float]:
        """The probability of each answer to a question."""
        own = self._columns[question]
        odds = np.exp(sums[own] - sums[own].max())
        names = [self.answers[n].split(":", 1)[1] for n in own]
        return dict(zip(names, (odds / odds.sum()).tolist(), strict=True))

    @cached_property
    def _columns(self) -> dict[str, list[int]]:
        return {
            question: [n for n, one in enumerate(self.answers) if one.startswith(f"{question}:")]
            for question in (MANNER, PERIOD, TELLER, TARGET)
        }


@cache
def read_manner_weights(path: Path = WEIGHTS) -> MannerWeights:
    """The weights in a file; raises MissingInput where it is not there."""
    return MannerWeights.read(path, "the weights of what surrounds an entry")
