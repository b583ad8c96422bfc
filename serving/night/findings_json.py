"""Writes findings, reasons and what a lane drew a case for as the JSON that is sealed with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from features.contracts.codes import GROUP_WORDS
from features.frame.evidence import Finding, Findings
from features.frame.linked_cases import LinkedCases
from features.indicators import CATALOGUE
from models import explain
from models.answers import Effect
from models.combinations import Combination, read_combinations
from models.explain import Reason
from models.lanes import COMBINATION, UNUSUAL
from models.unusual import LEAST_BITS
from serving.night.sampling import Chosen
from serving.watch.figures import SMALL

MOST_FACTS = 6
"""The most new facts that are given as why a case was drawn."""


def reason_json(reason: Reason) -> dict[str, Any]:
    """A reason for a score with its findings."""
    return {
        "family": reason.family,
        "title": reason.title,
        "kind": reason.kind,
        "weight": round(reason.weight, 6),
        "from_prior": round(reason.from_prior, 6),
        "settled": reason.settled,
        "findings": [finding_json(finding) for finding in reason.findings],
    }


def finding_json(finding: Finding, links: LinkedCases | None = None) -> dict[str, Any]:
    """A finding with its entries; `links` describes the linked cases among them."""
    item = CATALOGUE[finding.indicator]
    described = links or {}
    return {
        "indicator": finding.indicator,
        "sentence": finding.sentence,
        "disclosure": item.disclosure,
        "why_not_scored": item.page_only_because,
        "entries": [
            {
                "table": e.table,
                "record_id": e.record_id,
                "occurred_on": e.occurred_on.isoformat(),
                **(described.get((finding.crn, e.record_id), {}) if e.table == "links" else {}),
            }
            for e in finding.entries
        ],
    }


def effect_json(effect: Effect) -> dict[str, Any]:
    """What an outstanding answer would change: its words, and the probability with and without."""
    return {
        "answer": effect.answer.id,
        "words": effect.answer.words,
        "now": round(effect.now, 6),
        "without_concerns": round(effect.without_concerns, 6),
        "with_concerns": None if effect.with_concerns is None else round(effect.with_concerns, 6),
    }


def because_json(
    item: Chosen, row: Mapping[str, object], findings: Findings, *, by_prior: bool
) -> dict[str, Any]:
    """Why a case was drawn: {since, parts, by_prior}, each part {words, findings}.

    `row` is the row of the indicator frame. Without parts where the model flagged the case, or
    chance drew it. `by_prior` is whether the prior alone ranked a flagged case.
    """
    return {**_because_of_lane(item, row, findings), "by_prior": by_prior}


def _because_of_lane(item: Chosen, row: Mapping[str, object], findings: Findings) -> dict[str, Any]:
    if item.drawn_as == UNUSUAL:
        new = [fact for fact in item.because["facts"] if fact["bits"] >= LEAST_BITS]
        parts = [
            _part(_words_of_fact(fact, item), [fact["indicator"]], row, findings)
            for fact in new[:MOST_FACTS]
        ]
        return {"since": item.because["since"].isoformat(), "parts": parts}
    if item.drawn_as == COMBINATION:
        parts = [_part(one.words, one.indicators, row, findings) for one in _combinations_of(item)]
        return {"since": None, "parts": parts}
    return {"since": None, "parts": []}


def _part(
    words: str, names: Iterable[str], row: Mapping[str, object], findings: Findings
) -> dict[str, Any]:
    behind = (explain.finding_of(name, row, findings) for name in names)
    return {"words": words, "findings": [finding_json(one) for one in behind if one is not None]}


def _words_of_fact(fact: Mapping[str, Any], item: Chosen) -> str:
    stratum, group = item.stratum, GROUP_WORDS[item.group]
    level = "without a current level" if stratum == "UNKNOWN" else f"recorded {stratum.lower()}"
    having = "Fewer than ten" if fact["having"] < SMALL else f"{fact['having']:,}"
    return f"{having} of {fact['rows']:,} people {level} for {group} have as much on record."


def _combinations_of(item: Chosen) -> list[Combination]:
    return [one for one in read_combinations() if one.id in item.because["combinations"]]
