"""Decides which recently concluded cases are not drawn again yet, and what ends that early.

Ninety days; twenty-eight within ninety days of a release or of leaving approved premises, when most
changes fastest. New evidence is an entry recorded after the conclusion, whatever day it is about:
one of the acute list, an arrest or charge, or any three entries about behaviour. So does a score
that rose by as much as the board signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from features import clock
from features.history import asof
from features.history.asof import Histories
from features.store.column_pruning import Unread
from features.store.store import Store
from serving.cases.acute_entries import MATCHES

DAYS, DAYS_AFTER_RELEASE = 90, 28
RECENT = timedelta(days=90)
NEW_ENTRIES = 3
CHARGED = pl.col("type_code").is_in(["CARR", "CNOC"])


@dataclass(frozen=True)
class Cooling:
    """The cases not drawn because of a recent conclusion, and those brought back early."""

    away: frozenset[str]
    broken: frozenset[str]


def cases_risen(
    scored: pl.DataFrame, then: Mapping[str, tuple[str, float | None]], rise: float
) -> frozenset[str]:
    """The cases whose probability for the same group rose by at least `rise` since queued."""
    now = {
        (crn, group): probability
        for crn, group, probability in scored.filter(pl.col("crn").is_in(list(then)))
        .select("crn", "group", "probability")
        .iter_rows()
    }
    return frozenset(
        crn
        for crn, (group, before) in then.items()
        if before is not None and (now.get((crn, group)) or 0.0) - before >= rise
    )


def cases_cooling_down(
    store: Store,
    concluded: Mapping[str, datetime],
    as_of: date,
    risen: frozenset[str] = frozenset(),
) -> Cooling:
    """Of the cases with the given times of conclusion: those that are cooling down on a date."""
    recent = {
        crn: at for crn, at in concluded.items() if as_of - clock.day_of(at) < timedelta(days=DAYS)
    }
    if not recent:
        return Cooling(frozenset(), frozenset())
    histories = asof.read_histories(
        store,
        asof.make_spine(recent, as_of),
        tables=["incidents", "contacts", "supervisions"],
        lean={"contacts": Unread(CHARGED)},
    )
    moved, evidence = (
        _moved_cases(histories, as_of),
        _cases_with_evidence(histories, recent) | risen,
    )
    short = timedelta(days=DAYS_AFTER_RELEASE)
    within = {
        crn for crn, at in recent.items() if crn not in moved or as_of - clock.day_of(at) < short
    }
    return Cooling(frozenset(within - evidence), frozenset(within & evidence))


def _moved_cases(histories: Histories, as_of: date) -> set[str]:
    """Cases released on licence, or that left approved premises, in the last ninety days."""
    since = as_of - RECENT
    rows = histories.rows("supervisions")
    released = (pl.col("kind") == "licence") & (pl.col("occurred_on") > since)
    left_premises = (pl.col("kind") == "approved_premises") & (pl.col("ended_on") > since)
    return set(rows.filter(released | left_premises)["crn"])


def _cases_with_evidence(histories: Histories, concluded: Mapping[str, datetime]) -> set[str]:
    """The cases with new evidence recorded since their conclusion."""
    # Records carry local time and conclusions UTC: in summer an entry of the hour before counts as
    # new, which brings a person back rather than leaves one alone.
    moments = pl.DataFrame(
        {"crn": list(concluded), "at": [at.replace(tzinfo=None) for at in concluded.values()]},
        schema={"crn": pl.String(), "at": pl.Datetime("us")},
    ).rename({"at": "concluded"})
    new = pl.col("first_recorded_at") > pl.col("concluded")
    incidents = histories.rows("incidents").join(moments, on="crn").filter(new)
    charges = histories.rows("contacts").filter(CHARGED).join(moments, on="crn").filter(new)
    acute = incidents.filter(pl.any_horizontal(MATCHES.values()))
    counted = incidents.group_by("crn").len().filter(pl.col("len") >= NEW_ENTRIES)
    return {*acute["crn"], *charges["crn"], *counted["crn"]}
