"""Says in words how much each reason weighs, and how the likelihood came about from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import exp, log
from typing import Any

SIZES = (
    (0.5, "most of the weight"),
    (0.25, "much of the weight"),
    (0.1, "some of the weight"),
    (0.0, "little of the weight"),
)
"""From which share of what raised the score a reason has which size, in words."""


def share_raised(reason: Mapping[str, Any], reasons: Iterable[Mapping[str, Any]]) -> float:
    """The share of a reason in all that raised the score: between 0 and 1."""
    raised = sum(one["weight"] for one in reasons if one["weight"] > 0)
    return float(reason["weight"] / raised) if raised else 0.0


def steps_to_likelihood(findings: Mapping[Any, Any]) -> list[tuple[str, float]]:
    """How the likelihood came about: after each step, of how many a reader would give more.

    Reasons add up in log-odds; each step adds those of one kind. The first is what is usual at the
    recorded level, with all that was too small to be a reason. Shares between 0 and 1.
    """
    reasons, probability = findings["reasons"], findings["probability"]
    total = log(probability / (1 - probability))
    parts = (
        ("with what the person did or what happened", _raised(reasons, "behaviour")),
        ("with what the service did or did not do", _raised(reasons, "process")),
        ("with what spoke against it", sum(o["weight"] for o in reasons if o["weight"] < 0)),
    )
    so_far = total - sum(weight for _, weight in parts)
    steps = [("What is usual at this recorded level", so_far)]
    for words, weight in parts:
        so_far += weight
        steps.append((words, so_far))
    return [(words, 1 / (1 + exp(-value))) for words, value in steps]


def _raised(reasons: Iterable[Mapping[str, Any]], kind: str) -> float:
    return float(sum(one["weight"] for one in reasons if one["weight"] > 0 and one["kind"] == kind))


def size_in_words(share: float) -> str:
    """How much of what raised the score a reason makes up."""
    return next(words for least, words in SIZES if share >= least)


FILTERS: dict[str, Callable[..., Any]] = {
    "share_raised": share_raised,
    "size": size_in_words,
    "steps_to_likelihood": steps_to_likelihood,
}
