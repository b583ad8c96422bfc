"""Judges what stands around a phrase: denied, possible, conditional, past, somebody else's."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LONGEST_PARAGRAPH = 2000
CUES = Path(__file__).with_name("cues.toml")
_TOKEN = re.compile(r"[^\s,:/()]+")
_YEAR = re.compile(r"(?<!at )\b(?:19|20)\d\d\b(?!\s*(?:h|hrs?|hours)\b)")
_BIRTH = re.compile(r"(?i)\b(?:dob|d\.o\.b\.?|born)\b[^a-z]{0,20}")
_EARLIER_ENTRY = re.compile(
    r"(?i)\b(?:previous|earlier|last) (?:note|entry|contact|log)\b[^:\d\n]{0,20}:|\bcopied from\b"
)
_PARAGRAPH = re.compile(r"\n\s*\n|(?i:\btoday\b)")


@dataclass(frozen=True)
class Cue:
    """Words that change what a phrase says, on which side of it, and how near they must stand."""

    says: str
    side: str
    within: int
    pattern: re.Pattern[str]


@cache
def read_cues() -> tuple[tuple[Cue, ...], re.Pattern[str]]:
    """The cues, and the words over which none reaches."""
    content = tomllib.loads(CUES.read_text(encoding="utf-8"))
    cues = tuple(
        Cue(item["says"], item["side"], item["within"], _any_of(item["words"]))
        for item in content["cue"]
    )
    return cues, _any_of(content["ends"])


def _any_of(words: list[str]) -> re.Pattern[str]:
    ordered = sorted(words, key=len, reverse=True)
    each = [re.escape(word).replace(r"\ ", r"\s+").replace("s\\?", "s?") for word in ordered]
    return re.compile(rf"(?i)(?<![a-z0-9'])(?:{'|'.join(each)})(?![a-z0-9'])")


def judge_assertion(before: str, after: str) -> str:
    """`no`, `possible`, `conditional` or `yes` for a phrase, by the words of its sentence.

    The nearest denial goes first, then a condition, then a doubt.
    """
    cues, ends = read_cues()
    near_before = _after_last(ends, before)
    near_after = _before_first(ends, after)
    if near_before.rstrip().endswith("?") or near_after.lstrip().startswith("?"):
        return "possible"
    meanings = {
        cue.says
        for cue in cues
        if (cue.side == "before" and _is_near_end(cue, near_before))
        or (cue.side == "after" and _is_near_start(cue, near_after))
    }
    return next((says for says in ("no", "conditional", "possible") if says in meanings), "yes")


def is_past(sentence: str, earlier: str, year: int | None) -> bool:
    """Whether a sentence speaks of the past: by its cues, an earlier year, or a copied entry.

    `earlier` is the note up to the sentence: what follows "previous note:" in its paragraph is
    copied. The year of a birth and the hour of a day are no years of what happened.
    """
    cues, _ = read_cues()
    if any(cue.pattern.search(sentence) for cue in cues if cue.says == "past"):
        return True
    paragraph = _PARAGRAPH.split(earlier[-LONGEST_PARAGRAPH:])[-1]
    if _EARLIER_ENTRY.search(paragraph) or _EARLIER_ENTRY.search(sentence):
        return True
    years = [int(text) for text in _YEAR.findall(_BIRTH.sub("", sentence))]
    return bool(years) and year is not None and max(years) < year


def _after_last(ends: re.Pattern[str], text: str) -> str:
    matches = list(ends.finditer(text))
    return text[matches[-1].end() :] if matches else text


def _before_first(ends: re.Pattern[str], text: str) -> str:
    first = ends.search(text)
    return text[: first.start()] if first else text


def _is_near_end(cue: Cue, text: str) -> bool:
    return any(
        len(_TOKEN.findall(text[match.end() :])) <= cue.within
        for match in cue.pattern.finditer(text)
    )


def _is_near_start(cue: Cue, text: str) -> bool:
    return any(
        len(_TOKEN.findall(text[: match.start()])) <= cue.within
        for match in cue.pattern.finditer(text)
    )
