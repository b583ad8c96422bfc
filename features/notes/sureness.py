"""Judges how sure a candidate is: by the words of its kind, a phrase, and how it is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.errors import MissingInput
from features.notes.candidates import Candidate
from features.notes.word_weights import SURENESS

_LEAST = 0.001


@dataclass(frozen=True)
class Sureness:
    """Four weights, and for each kind the sureness from which an entry is a fact of the person."""

    constant: float
    score: float
    manner: float
    phrase: float
    least: dict[str, float]

    def of(self, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
        """The sureness of each candidate, between 0 and 1."""
        sums = measures_of(candidates) @ np.array([self.score, self.manner, self.phrase])
        return np.asarray(1 / (1 + np.exp(-sums - self.constant)))

    def write(self, path: Path = SURENESS) -> None:
        """Write the weights."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def measures_of(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """For each candidate the odds by its words, those by its manner, and 1 for a phrase."""
    rows = [
        (_log_odds(one.score), _log_odds(one.manner.of_person), float(one.has_phrase))
        for one in candidates
    ]
    return np.array(rows, float).reshape(len(rows), 3)


def _log_odds(share: float) -> float:
    inside = min(max(share, _LEAST), 1 - _LEAST)
    return float(np.log(inside / (1 - inside)))


@cache
def read_sureness(path: Path = SURENESS) -> Sureness:
    """The weights in a file; raises MissingInput where it is not there."""
    if not path.exists():
        raise MissingInput(
            f"There is no file {path.name} with the weights of sureness. Restore it, or learn them "
            "again: python -m training notes"
        )
    return Sureness(**json.loads(path.read_text(encoding="utf-8")))
