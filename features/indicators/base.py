"""Defines an indicator: one declaration gives its value, entries, sentence, direction and page.

An indicator selects entries (a function of what was known) and counts them (an expression over
the entries of one key). The same entries are the evidence; the same declaration fills the
sentence. The function's docstring is the rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import polars as pl

from features.contracts import codes
from features.errors import UserError, did_you_mean
from features.history.asof import CASE, CASE_GROUP, Histories

Kind = Literal["behaviour", "process", "context"]
Use = Literal["stage_1", "stage_2", "page_only"]

FAMILIES: dict[str, str] = {
    "CE": "Compliance and enforcement",
    "AT": "Attendance and contact",
    "ES": "Escalation in frequency and severity",
    "WI": "Weapons and intelligence",
    "SM": "Substance misuse",
    "MH": "Mental health",
    "RC": "Relationships and children",
    "SE": "Safeguarding enquiries",
    "AC": "Accommodation",
    "AQ": "Quality of the assessment",
    "RG": "Registers",
    "SC": "Continuity of supervision and oversight",
    "CU": "Custody and release",
    "MA": "Work with other agencies",
    "EM": "Electronic monitoring",
    "CC": "Information from closed cases",
    "PL": "Loss of what protected",
}

COUNT = pl.len()
"""The value of an indicator that says no other: how many entries it has."""
_NUMBER = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")
"""In a sentence, [is|are] is the form for one and the form for any other `n`."""

ALL: tuple[str, ...] = codes.RISK_GROUPS
EVIDENCE = ["table", "record_id", "occurred_on"]
BY_THE_BOARD = "mental health is scored only by a signed decision of the board"
"""Why the marked indicators stay on the page until the board decides (one switch in training)."""
_USE_OF_KIND: dict[str, Use] = {
    "behaviour": "stage_1",
    "process": "stage_2",
    "context": "page_only",
}


@dataclass(frozen=True)
class Indicator:
    """One indicator, declared once; `rule` is the docstring of its entries function."""

    id: str
    family: str
    kind: Kind
    sentence: str
    feeds: tuple[str, ...]
    source: str
    entries: Callable[[Histories], pl.LazyFrame]
    rule: str
    value: pl.Expr
    words: Mapping[str, pl.Expr]
    groups: tuple[str, ...] = ALL
    per_group: bool = False
    """The entries name the group that they concern, so the value differs by group."""
    direction: Literal["+", "-", "0"] = "+"
    disclosure: Literal["no", "possible", "likely"] = "no"
    """Whether it may derive from information that must not be disclosed to the person."""
    disclosable_sentence: str | None = None
    none: float | None = 0.0
    """The value where the feed is there and no entry is; null means that it is not known."""
    fires_from: float = 1.0
    fires_below: bool = False
    protected_link: str | None = None
    bias_watch: bool = False
    page_only_because: str | None = None

    @property
    def use(self) -> Use:
        """Where it is used: stage 1 (behaviour), stage 2 (process), or on the page only."""
        return "page_only" if self.page_only_because else _USE_OF_KIND[self.kind]

    def used_in(self, *, mental_health: bool = False) -> Use:
        """Where it is used, given the board's decision on mental health indicators."""
        if mental_health and self.page_only_because == BY_THE_BOARD:
            return _USE_OF_KIND[self.kind]
        return self.use

    @property
    def key(self) -> list[str]:
        """The columns that identify a value: case and as-of date, and the risk group for some."""
        return CASE_GROUP if self.per_group else CASE

    @property
    def is_count(self) -> bool:
        """Whether the indicator's value is the number of its entries."""
        return self.value is COUNT

    @property
    def fires_in_frame(self) -> pl.Expr:
        """An expression over an indicator frame: whether it fires; null where it is not known."""
        value = pl.col(self.id)
        return value < self.fires_from if self.fires_below else value >= self.fires_from

    def fires(self, value: float | None) -> bool:
        """Whether the value is high enough for the sentence to be shown; null never is."""
        if value is None or value != value:
            return False
        return value < self.fires_from if self.fires_below else value >= self.fires_from

    def say_sentence(self, words: Mapping[str, Any], *, disclosable: bool = False) -> str:
        """The sentence with its words filled in, optionally the variant that may be disclosed."""
        template = self.sentence
        if disclosable and self.disclosable_sentence is not None:
            template = self.disclosable_sentence
        filled = template.format(**{name: _in_words(value) for name, value in words.items()})
        return _NUMBER.sub(lambda form: form[1 if words.get("n") == 1 else 2], filled)


@dataclass
class _Catalogue:
    indicators: dict[str, Indicator] = field(default_factory=dict)


_catalogue = _Catalogue()


def declare_indicator(**about: Any) -> Callable[[Callable[[Histories], pl.LazyFrame]], Indicator]:
    """Decorator that declares an indicator; the function selects its entries."""

    def register(entries: Callable[[Histories], pl.LazyFrame]) -> Indicator:
        rule = " ".join((entries.__doc__ or "").split())
        if not rule:
            raise TypeError(f"{entries.__name__} needs a docstring: it is the rule.")
        about.setdefault("value", COUNT)
        about.setdefault("words", {"n": pl.len()})
        indicator = Indicator(id=entries.__name__, entries=entries, rule=rule, **about)
        _catalogue.indicators[indicator.id] = indicator
        return indicator

    return register


def declared_indicators() -> dict[str, Indicator]:
    """Every indicator declared so far, in order of declaration."""
    return _catalogue.indicators


def find_indicator(name: str) -> Indicator:
    """The named indicator, or a UserError that suggests the closest name."""
    indicators = declared_indicators()
    if name not in indicators:
        raise UserError(f"There is no indicator {name!r}.{did_you_mean(name, indicators)}")
    return indicators[name]


def in_words(day: date) -> str:
    """A date in words, such as 3 March 2026."""
    return f"{day.day} {day:%B %Y}"


def _in_words(value: Any) -> str:
    if isinstance(value, date):
        return in_words(value)
    if isinstance(value, float):
        return f"{value:.0f}"
    if isinstance(value, list):
        return ", ".join(str(item) for item in sorted(value))
    return str(value)
