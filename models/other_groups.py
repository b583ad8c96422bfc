"""Finds what a record holds about the groups for which a case was not put forward (promise 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from features.contracts.codes import COMMUNITY_GROUPS
from features.frame.evidence import Finding, Findings
from features.indicators import CATALOGUE
from models.explain import finding_of
from models.prior import Prior

Rows = Mapping[tuple[str, str], Mapping[str, object]]
"""The rows of an indicator frame by CRN and group."""


def rank_indicators(prior: Prior, frame: pl.DataFrame) -> dict[tuple[str, str], list[str]]:
    """By case and group, every indicator: first those to which the prior gives most in that row.

    Those that are shown and never scored come last, in the order of the catalogue.
    """
    names = prior.scored
    shown_only = [name for name in CATALOGUE if name not in set(names)]
    weights = prior.weighed(frame, names)
    keys = frame.select("crn", "group").iter_rows()
    return {
        (crn, group): [*(names[place] for place in (-row).argsort(kind="stable")), *shown_only]
        for (crn, group), row in zip(keys, weights, strict=True)
    }


def findings_of_other_groups(
    crn: str,
    group: str,
    rows: Rows,
    ranks: Mapping[tuple[str, str], Sequence[str]],
    findings_of: Findings,
) -> list[tuple[str, list[Finding]]]:
    """Each other group of a case with the findings that its row has and the row of `group` has not.

    A finding about the whole case is given once, with the first group that it counts for. Groups
    without one are left out.
    """
    own = [name for name in CATALOGUE if finding_of(name, rows[crn, group], findings_of)]
    keys_so_far: set[tuple[str, str | None]] = {(name, None) for name in own}
    by_group = []
    for other in COMMUNITY_GROUPS:
        if other == group or (crn, other) not in rows:
            continue
        findings = []
        for name in ranks[crn, other]:
            finding = finding_of(name, rows[crn, other], findings_of)
            key = (name, other if CATALOGUE[name].per_group else None)
            if finding is not None and key not in keys_so_far:
                keys_so_far.add(key)
                findings.append(finding)
        if findings:
            by_group.append((other, findings))
    return by_group
