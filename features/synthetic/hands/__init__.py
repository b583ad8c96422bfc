"""Reads the lines from which notes of made-up people are put together, and writes them out.

Three writers wrote the lines, one file each, without having seen the lexicon or a labelled note.
`[a|b]` is one of these, a name in braces is filled in. A test holds that few phrases of the lexicon
occur in them: the reader of notes is not tested on its own words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
_CHOICE = re.compile(r"\[([^\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_HE = {"he": "he", "He": "He", "him": "him", "his": "his"}
_SHE = {"he": "she", "He": "She", "him": "her", "his": "her"}
SLOTS: dict[str, tuple[str, ...]] = {
    "partner": ("partner", "girlfriend", "boyfriend", "ex", "ex-partner", "fiancee"),
    "name": ("Ashby", "Corin", "Dilys", "Emlyn", "Jools", "Kezia", "Lorne", "Marnie", "Tamsin"),
    "day": ("Monday", "Tues", "Weds", "Thursday", "Friday", "Saturday", "Sunday", "12/3", "4.9"),
    "time": ("2am", "9pm", "14:30", "22:40", "half six", "11.15"),
    "place": ("the precinct", "Station Road", "the Legion", "the bus station", "the retail park"),
    "drug": ("spice", "crack", "weed", "heroin", "ket", "street benzos"),
    "drink": ("cider", "vodka", "strong lager", "wine"),
}
TYPING_ERRORS = 0.15
"""The share of texts with a slip of the keys."""


@dataclass(frozen=True)
class GrammarLine:
    """A line of a writer: what it says of whom, and in which manner."""

    hand: str
    kind: str
    target: str
    manner: str
    text: str


@dataclass(frozen=True)
class RoutineLine:
    """A whole note of a writer that says nothing of risk, for an outcome of a contact."""

    hand: str
    outcome: str
    text: str


def hand_names() -> tuple[str, ...]:
    """The names of the writers' files, in order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def grammar_lines() -> tuple[GrammarLine, ...]:
    """Every line of every writer that says something of risk, as a fact or in another manner."""
    return tuple(GrammarLine(hand, **line) for hand in hand_names() for line in _part(hand, "line"))


@cache
def routine_lines() -> tuple[RoutineLine, ...]:
    """Every whole note of every writer that says nothing of risk."""
    return tuple(
        RoutineLine(hand, **line) for hand in hand_names() for line in _part(hand, "routine")
    )


def _part(hand: str, name: str) -> list[dict[str, str]]:
    lines: list[dict[str, str]] = tomllib.loads(
        (FOLDER / f"{hand}.toml").read_text(encoding="utf-8")
    )[name]
    return lines


def write_line(rng: np.random.Generator, text: str, *, woman: bool) -> str:
    """A line written out: one of each choice, all slots filled, now and then a slip of the keys."""
    chosen = _CHOICE.sub(lambda match: _one_of(rng, match[1].split("|")), text)
    pronouns = _SHE if woman else _HE
    filled = _SLOT.sub(
        lambda match: pronouns.get(match[1]) or _one_of(rng, SLOTS[match[1]]), chosen
    )
    ended = filled if filled[-1] in ".!?\"'" else filled + "."
    return _slip(rng, ended) if rng.random() < TYPING_ERRORS else ended


def _one_of(rng: np.random.Generator, values: Sequence[str]) -> str:
    return values[int(rng.integers(len(values)))]


def _slip(rng: np.random.Generator, text: str) -> str:
    """The text with two letters of a word exchanged, one doubled, or one left out."""
    letters = [at for at in range(1, len(text) - 1) if text[at - 1 : at + 2].isalpha()]
    if not letters:
        return text
    at = letters[int(rng.integers(len(letters)))]
    two = text[at : at + 2]
    return text[:at] + _one_of(rng, (two[::-1], two[0] + two, two[1])) + text[at + 2 :]
