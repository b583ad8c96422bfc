"""Gathers what the picture of a case shows: assessments, custody, registers and contact by month.

Everything is as known on the as-of date. What happened comes from the entries of the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from features.contracts import codes
from features.contracts.contact_codes import ATTENDED, NON_COMPLIANT
from features.history.asof import Histories
from serving.cases.case_facts import (
    LEVEL_REGISTERS,
    assessment_facts,
    completed_assessments,
    iso_day,
)

MONTHS = 24
"""How far the picture goes back, in months of 30 days, so that each is as long as the others."""
MONTH = 30
WITHOUT_FAILURE = sorted(set(ATTENDED) - set(NON_COMPLIANT))
ASSESSMENTS_BACK = 8
"""The number of completed assessments that are listed, the newest first."""


def first_day(as_of: date) -> date:
    """The first day of the picture."""
    return as_of - timedelta(days=MONTHS * MONTH - 1)


def over_time_of_cases(histories: Histories, as_of: date) -> dict[str, dict[str, Any]]:
    """What the picture of each case shows, by CRN; days are ISO text.

    Keys: assessments [{completed_on, community, custody, countersigned_on, same_words}], newest
    first; spells [{kind, since, until}]; recalls [day]; registers [{title, since, until}]; months
    [[first day, attended, missed, enforced]], oldest first.
    """
    parts: dict[str, Mapping[str, list[Any]]] = {
        "recalls": _recalls(histories, as_of),
        "assessments": _assessments(histories),
        "spells": _spells(histories, as_of),
        "registers": _registers(histories, as_of),
        "months": _months(histories, as_of),
    }
    return {
        crn: {name: values.get(crn, []) for name, values in parts.items()}
        for crn in histories.spine["crn"]
    }


def _assessments(histories: Histories) -> dict[str, list[dict[str, Any]]]:
    """The newest completed assessments of each case, and which repeat the one before."""
    rows = completed_assessments(histories)
    ordered = rows.sort("crn", "completed_on", "record_id").with_columns(
        same_words=(
            pl.col("analysis_fingerprint") == pl.col("analysis_fingerprint").shift(1).over("crn")
        )
    )
    assessments: dict[str, list[dict[str, Any]]] = {}
    for row in ordered.reverse().iter_rows(named=True):
        listed = assessments.setdefault(row["crn"], [])
        if len(listed) < ASSESSMENTS_BACK:
            listed.append({**assessment_facts(row), "same_words": bool(row["same_words"])})
    return assessments


def _spells(histories: Histories, as_of: date) -> dict[str, list[dict[str, Any]]]:
    """Time in custody and in approved premises within the picture."""
    kinds = pl.col("kind").is_in(["custody", "remand", "approved_premises"])
    rows = _within(histories.rows("supervisions").filter(kinds), as_of)
    return _by_case(rows, lambda row: codes.SUPERVISION_KINDS.get(row["kind"], row["kind"]), "kind")


def _recalls(histories: Histories, as_of: date) -> dict[str, list[str]]:
    """The days on which an order or licence ended by recall, revocation or a proven breach."""
    ended = pl.col("end_reason").is_in(["recalled", "revoked", "breached"])
    rows = histories.rows("supervisions").filter(
        ended, pl.col("ended_on").is_between(first_day(as_of), as_of)
    )
    recalls: dict[str, list[str]] = {}
    for crn, day in rows.select("crn", "ended_on").sort("crn", "ended_on").iter_rows():
        recalls.setdefault(crn, []).append(day.isoformat())
    return recalls


def _registers(histories: Histories, as_of: date) -> dict[str, list[dict[str, Any]]]:
    """Registers that were active within the picture; those of levels are in the assessments."""
    shown = ~pl.col("type_code").is_in(sorted(LEVEL_REGISTERS))
    rows = _within(histories.rows("registrations").filter(shown), as_of)
    return _by_case(
        rows, lambda row: codes.REGISTER_TYPES.get(row["type_code"], row["type_code"]), "title"
    )


def _within(rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    ended = pl.col("ended_on").fill_null(as_of)
    return rows.filter(ended >= first_day(as_of)).sort("occurred_on", "record_id")


def _by_case(rows: pl.DataFrame, words: Any, name: str) -> dict[str, list[dict[str, Any]]]:
    spells: dict[str, list[dict[str, Any]]] = {}
    for row in rows.iter_rows(named=True):
        spells.setdefault(row["crn"], []).append(
            {
                name: words(row),
                "since": iso_day(row["occurred_on"]),
                "until": iso_day(row["ended_on"]),
            }
        )
    return spells


def _months(histories: Histories, as_of: date) -> dict[str, list[list[Any]]]:
    """Appointments kept, missed or failed, and enforcement actions, by month of each case."""
    start = first_day(as_of)
    month = (pl.col("occurred_on") - start).dt.total_days() // MONTH
    rows = histories.rows("contacts").filter(pl.col("occurred_on").is_between(start, as_of))
    failed = pl.col("outcome_code").is_in(list(NON_COMPLIANT))
    counted = (
        rows.group_by("crn", month.alias("month"))
        .agg(
            attended=pl.col("outcome_code").is_in(WITHOUT_FAILURE).sum(),
            missed=failed.sum(),
            enforced=(pl.col("enforcement_code").is_not_null() & failed).sum(),
        )
        .sort("crn", "month")
    )
    months: dict[str, list[list[Any]]] = {}
    for crn, number, *counts in counted.iter_rows():
        listed = months.setdefault(
            crn, [[iso_day(start + timedelta(days=MONTH * n)), 0, 0, 0] for n in range(MONTHS)]
        )
        listed[number][1:] = counts
    return months
