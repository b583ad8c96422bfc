"""Groups contributions into reasons with sentences, and checks that they add up to the score.

Related indicators speak together: a reason is a family of one kind (behaviour, or process), its
weight the signed sum of its contributions, its sentences those of the indicators that fired. What
lowered the score is a reason too: a family with less on record than others have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from features.errors import RunStopped
from features.frame import evidence
from features.frame.evidence import Finding, Findings
from features.history.asof import Histories
from features.indicators import CATALOGUE, FAMILIES
from models.inputs import Matrix, community_rows
from models.scored_rows import Scorer
from models.strata import STRATA, THRESHOLD_OF

Key = tuple[str, str]
"""A family and a kind: what speaks together."""
TOLERANCE = 1e-6
LEAST_SETTLED = 0.8
"""A family that stays a reason in fewer than this share of models trained on other people is held
back: named as unsettled, and not given as a reason.
"""
SMALLEST_WEIGHT = 0.02
"""Contributions below this (in log-odds) are not worth a sentence."""


@dataclass(frozen=True)
class Reason:
    """One reason for a score: a family of indicators, its signed weight, and its sentences.

    A negative weight lowered the score; it has no findings, because less was found than usual.
    A reason is not settled if models trained on other people would often not give it.
    """

    family: str
    kind: str
    weight: float
    findings: tuple[Finding, ...]
    settled: bool = True
    from_prior: float = 0.0
    """The part of the weight that is the prior's: published findings. The rest was learned."""

    @property
    def title(self) -> str:
        """The family of indicators behind the reason, in words."""
        return FAMILIES[self.family]


def explain_rows(
    scorer: Scorer,
    frame: pl.DataFrame,
    histories: Histories,
    findings: Findings | None = None,
) -> dict[tuple[str, str], list[Reason]]:
    """The reasons of each (case, group) row, by weight, those that lowered the score last.

    `findings` are those of every scored indicator, where they were collected already.

    Raises RunStopped where the contributions do not add up to the calibrated log-odds: reasons
    that do not make up the score are not its reasons (promise 3).
    """
    frame = community_rows(frame)
    scored = scorer.score_frame(frame)
    if findings is None:
        findings = evidence.collect_findings(histories, [CATALOGUE[name] for name in scorer.scored])
    reasons_of: dict[tuple[str, str], list[Reason]] = {}
    for stratum in STRATA:
        rows = (scored["stratum"] == stratum) & scored["scorable"]
        part = frame.filter(rows)
        if part.is_empty():
            continue
        parts, names = scorer.contributions(part, stratum)
        check_adds_up(parts, scored.filter(rows)["log_odds"].to_numpy(), stratum)
        of_prior = scorer.prior_contributions(part, stratum)
        for i, row in enumerate(part.iter_rows(named=True)):
            weights = dict(zip(names, zip(parts[i], [*of_prior[i], 0.0], strict=True), strict=True))
            own = _reasons_of_row(row, weights, findings)
            reasons_of[row["crn"], row["group"]] = _mark_settled(own, scorer.about, stratum)
    return reasons_of


def check_adds_up(parts: Matrix, log_odds: Matrix, stratum: str) -> None:
    """Raise RunStopped unless every row's contributions sum to its log-odds."""
    worst = float(np.abs(parts.sum(axis=1) - log_odds).max(initial=0.0))
    if not worst <= TOLERANCE:
        raise RunStopped(
            f"Contributions at recorded level {stratum} miss the score by up to {worst:.2g} "
            f"(threshold {THRESHOLD_OF[stratum]}). Nothing of this run was kept. Report it to "
            "whoever trained the model."
        )


def _reasons_of_row(
    row: Mapping[str, object],
    weights: Mapping[str, tuple[float, float]],
    findings: Findings,
) -> list[Reason]:
    """The reasons of a row; `weights` has of each indicator the whole and the prior's part."""
    totals: dict[Key, float] = {}
    prior: dict[Key, float] = {}
    voices: dict[Key, list[tuple[float, Finding]]] = {}
    for name, (weight, of_prior) in weights.items():
        if name == "base":
            continue
        item = CATALOGUE[name]
        key = item.family, item.kind
        totals[key] = totals.get(key, 0.0) + weight
        prior[key] = prior.get(key, 0.0) + of_prior
        finding = finding_of(name, row, findings)
        if finding is not None and weight >= SMALLEST_WEIGHT:
            voices.setdefault(key, []).append((weight, finding))
    ranked = sorted(voices, key=lambda key: (-totals[key], key))
    raised = [
        Reason(
            *key,
            totals[key],
            tuple(f for _, f in sorted(voices[key], key=lambda v: -v[0])),
            from_prior=prior[key],
        )
        for key in ranked
        if totals[key] >= SMALLEST_WEIGHT
    ]
    lower = sorted((total, key) for key, total in totals.items() if total <= -SMALLEST_WEIGHT)
    return raised + [Reason(*key, total, (), from_prior=prior[key]) for total, key in lower]


def family_key(key: Key) -> str:
    """A family and kind as one text, used as a key in the bundle."""
    return " ".join(key)


def _mark_settled(own: list[Reason], about: Mapping[str, Any], stratum: str) -> list[Reason]:
    """The reasons, each marked whether it is settled; those never measured count as settled."""
    stays = about.get("settled", {}).get(stratum, {})
    return [
        replace(
            reason, settled=stays.get(family_key((reason.family, reason.kind)), 1) >= LEAST_SETTLED
        )
        for reason in own
    ]


def group_contributions(parts: Matrix, names: Sequence[str]) -> tuple[Matrix, list[Key]]:
    """Contributions summed by family and kind: a matrix (rows, families), and the families."""
    family_and_kind = [(CATALOGUE[n].family, str(CATALOGUE[n].kind)) for n in names if n != "base"]
    keys = sorted(set(family_and_kind))
    columns = [place for place, name in enumerate(names) if name != "base"]
    summed = [
        parts[
            :, [c for c, key in zip(columns, family_and_kind, strict=True) if key == one_key]
        ].sum(axis=1)
        for one_key in keys
    ]
    return np.column_stack(summed), keys


def also_on_record(
    row: Mapping[str, object], reasons: Sequence[Reason], findings_of: Findings
) -> list[Finding]:
    """A row's findings that are in none of its reasons, in the order of the catalogue (promise 12).

    Of indicators that are shown and never scored; of a family that did not raise the score, and
    of what added next to nothing to one that did.
    """
    in_reasons = {finding.indicator for reason in reasons for finding in reason.findings}
    rest = (finding_of(name, row, findings_of) for name in CATALOGUE if name not in in_reasons)
    return [finding for finding in rest if finding is not None]


def finding_of(
    name: str,
    row: Mapping[str, object],
    findings_of: Findings,
) -> Finding | None:
    """What an indicator found in a row of the frame, or None where it does not fire."""
    item = CATALOGUE[name]
    value = row[name]
    if not item.fires(value if isinstance(value, float) else None):
        return None
    group = str(row["group"]) if item.per_group else None
    return findings_of[name].get((str(row["crn"]), group))
