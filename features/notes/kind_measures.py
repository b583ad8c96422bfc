"""Reads how right the reader of notes was, kind by kind, on writers that it did not learn from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from features.errors import MissingInput
from features.intervals import share_interval

MEASURES = Path(__file__).with_name("kind_measures.json")


@dataclass(frozen=True)
class KindMeasure:
    """Counts for a kind: labels, those matched, entries, and those that were right."""

    labels: int
    matches: int
    entries: int
    right: int

    @property
    def precision(self) -> float:
        """The share of entries that were right; nought without any."""
        return self.right / self.entries if self.entries else 0.0

    @property
    def precision_interval(self) -> tuple[float, float]:
        """The 95 % interval of the precision."""
        return share_interval(self.right, self.entries)

    @property
    def recall(self) -> float:
        """The share of labels that were found; nought without any."""
        return self.matches / self.labels if self.labels else 0.0


@cache
def read_kind_measures(path: Path = MEASURES) -> dict[str, KindMeasure]:
    """The measure of each kind; raises MissingInput where there is none."""
    if not path.exists():
        raise MissingInput(
            f"There is no file {path.name} with the measured precision of the reader of notes. "
            "Restore it, or measure again: python -m training notes"
        )
    kinds = json.loads(path.read_text(encoding="utf-8"))["kinds"]
    return {kind: KindMeasure(**counts) for kind, counts in kinds.items()}
