"""Reads config.toml into typed settings, and checks every one of them."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from features.errors import MissingInput, UnreadableInput, did_you_mean
from features.history.rows_of_notes import COUNTS_AS
from models.boosters import Settings

DEFAULT = Path(__file__).with_name("config.toml")


@dataclass(frozen=True)
class Labels:
    """Which readings are used as labels, and the largest weight of one."""

    judged: tuple[str, ...]
    learned: tuple[str, ...]
    weight_cap: float
    window_days: int


@dataclass(frozen=True)
class Splits:
    """Temporal folds by CRN hash with a gap, and the newest period kept for the final figures."""

    hashes: int
    gap_days: int
    final_days: int
    folds: tuple[int, ...]


@dataclass(frozen=True)
class Trainings:
    """How many times the people are split into halves: stage 1 is the mean of twice as many."""

    pairs: int


@dataclass(frozen=True)
class Ridges:
    """How firmly weights may be drawn to the prior; folds of people decide between them."""

    ridges: tuple[float, ...]
    parts: int


@dataclass(frozen=True)
class Indicators:
    """Which mental health indicators are scored."""

    mental_health: bool


@dataclass(frozen=True)
class Notes:
    """Which kinds of entries of notes count like coded entries, in training and in the night."""

    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Review:
    """The share of each recorded level that is shown, at which figures are given."""

    share: float


@dataclass(frozen=True)
class Least:
    """The smallest numbers of readings and people with which training continues."""

    rows: int


@dataclass(frozen=True)
class Config:
    """Every setting of a training run."""

    labels: Labels
    splits: Splits
    booster: Settings
    trainings: Trainings
    weights: Ridges
    level: Ridges
    indicators: Indicators
    notes: Notes
    review: Review
    least: Least

    @property
    def digest(self) -> str:
        """A digest of all settings of the training run."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


_SECTIONS: dict[str, type] = {
    "labels": Labels,
    "splits": Splits,
    "booster": Settings,
    "trainings": Trainings,
    "weights": Ridges,
    "level": Ridges,
    "indicators": Indicators,
    "notes": Notes,
    "review": Review,
    "least": Least,
}


def read_config(path: Path = DEFAULT) -> Config:
    """Read a configuration file; a UserError names an unknown or missing setting."""
    if not path.exists():
        raise MissingInput(f"There is no training configuration {path}.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UnreadableInput(f"{path} is not TOML: {error}.") from error
    for name in content:
        if name not in _SECTIONS:
            raise UnreadableInput(f"{path}: unknown part [{name}].{did_you_mean(name, _SECTIONS)}")
    config = Config(
        **{name: _read_section(path, name, content.get(name, {})) for name in _SECTIONS}
    )
    if config.splits.gap_days < config.labels.window_days:
        raise UnreadableInput(
            f"{path}: the gap of the splits ({config.splits.gap_days} days) is shorter than the "
            f"label window ({config.labels.window_days} days): a label could reach what is judged."
        )
    for part, ridges in (("weights", config.weights.ridges), ("level", config.level.ridges)):
        if not ridges or min(ridges) <= 0:
            raise UnreadableInput(
                f"{path}: [{part}] ridges need at least one, each above nought: without any, "
                "weights have no one best value."
            )
    for kind in config.notes.kinds:
        if kind not in COUNTS_AS:
            raise UnreadableInput(
                f"{path}: [notes] kinds has {kind!r}, which is no kind that an indicator reads."
                f"{did_you_mean(kind, COUNTS_AS)}"
            )
    return config


def _read_section(path: Path, name: str, values: dict[str, Any]) -> Any:
    kind = _SECTIONS[name]
    fields_of = kind.__dataclass_fields__  # type: ignore[attr-defined]
    for setting in values:
        if setting not in fields_of:
            hint = did_you_mean(setting, fields_of)
            raise UnreadableInput(f"{path}: [{name}] has no setting {setting!r}.{hint}")
    frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return kind(**frozen)
    except TypeError as error:
        raise UnreadableInput(f"{path}: [{name}] lacks a setting: {error}.") from error
