"""Gathers what stands at the top of a case page: offence, tier, MAPPA, registers, predictors, who
assessed and who holds the case.

Everything is as known on the as-of date. The recorded levels and their states are in `summary`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import polars as pl

from features.contracts import codes
from features.contracts.contact_codes import APPOINTMENTS, ATTENDED, IN_PERSON
from features.frame.timeline import current_allocations, describe_row
from features.history.asof import Histories

LEVEL_REGISTERS = frozenset([*codes.OVERALL_REGISTER, *codes.GROUP_REGISTER])
"""Registers that repeat a recorded level, which the page shows by group."""
NO_RISK = frozenset(["PRC", "RRR", "HREG", "MAPP"])
"""Registers that mark a step of supervision; MAPPA has a line of its own."""
BANDS = {"serious": "serious_band", "violence": "violence_band", "any": "reoffending_band"}
"""The predictors by their columns; which instruments they are, the version says."""
PREDICTORS = {
    "1": {"serious": "RSR", "violence": "OVP", "any": "OGRS3"},
    "2": {"serious": "CSRP", "violence": "VRP", "any": "ARP"},
}
"""The instruments of each generation of predictors (docs/glossary.md)."""


def facts_of_cases(histories: Histories) -> dict[str, dict[str, Any]]:
    """The facts of each case by CRN, dates as ISO text; None where nothing is on record.

    Keys: offence {words, on, others}, tier, mappa {level, category, since, review_on}, registers
    [{title, since, review_on}], predictors {on, bands}, assessed {completed_on,
    countersign_required, countersigned_on, custody, community}, practitioner {code, unallocated,
    grade, since, absent_from}, home {state, since, verified}, children {since, verified}, last_seen
    {on, what}, next_appointment {on, what}, concerns [{what, on}]: enquiries that came back with
    concerns.
    """
    parts: dict[str, Mapping[str, Any]] = {
        "offence": _offences(histories),
        "tier": _tiers(histories),
        "mappa": _mappa(histories),
        "registers": _registers(histories),
        "predictors": _predictors(histories),
        "assessed": _assessments(histories),
        "practitioner": _practitioners(histories),
        "home": _circumstances(histories, "address"),
        "children": _circumstances(histories, "child_contact"),
        "last_seen": _last_seen(histories),
        "next_appointment": _next_appointments(histories),
        "concerns": _concerns(histories),
    }
    return {
        crn: {name: values.get(crn) for name, values in parts.items()}
        for crn in histories.spine["crn"]
    }


def _last_of_each(rows: pl.DataFrame, by: str = "occurred_on") -> Iterator[dict[str, Any]]:
    last = rows.sort(by, "record_id").unique("crn", keep="last", maintain_order=True)
    yield from last.iter_rows(named=True)


def _offences(histories: Histories) -> dict[str, dict[str, Any]]:
    """The newest main offence of each case, and how many others are on record."""
    rows = histories.rows("offences")
    counts = dict(rows.group_by("crn").len().iter_rows())
    return {
        row["crn"]: {
            "words": row["description"] or row["code"] or "not described",
            "on": iso_day(row["occurred_on"]),
            "others": counts[row["crn"]] - 1,
        }
        for row in _last_of_each(rows.filter(pl.col("main") == True))  # noqa: E712 - an expression, not a bool
    }


def _tiers(histories: Histories) -> dict[str, str]:
    rows = histories.rows("supervisions").filter(pl.col("tier").is_not_null())
    return {row["crn"]: row["tier"] for row in _last_of_each(rows)}


def _active_registers(histories: Histories) -> pl.DataFrame:
    return histories.rows("registrations").filter(pl.col("ended_on").is_null())


def _mappa(histories: Histories) -> dict[str, dict[str, Any]]:
    rows = _active_registers(histories).filter(pl.col("type_code") == "MAPP")
    return {
        row["crn"]: {
            "level": codes.MAPPA_LEVELS.get(row["level_code"] or "", ""),
            "category": codes.MAPPA_CATEGORIES.get(row["category_code"] or "", ""),
            "since": iso_day(row["occurred_on"]),
            "review_on": iso_day(row["next_review_on"]),
        }
        for row in _last_of_each(rows)
    }


def _registers(histories: Histories) -> dict[str, list[dict[str, Any]]]:
    """The active registers of each case, one of a type, the newest first."""
    not_shown = sorted(LEVEL_REGISTERS | NO_RISK)
    rows = _active_registers(histories).filter(~pl.col("type_code").is_in(not_shown))
    newest = rows.sort("occurred_on", "record_id", descending=True).unique(
        ["crn", "type_code"], keep="first", maintain_order=True
    )
    registers: dict[str, list[dict[str, Any]]] = {}
    for row in newest.iter_rows(named=True):
        registers.setdefault(row["crn"], []).append(
            {
                "title": codes.REGISTER_TYPES.get(row["type_code"], row["type_code"]),
                "since": iso_day(row["occurred_on"]),
                "review_on": iso_day(row["next_review_on"]),
            }
        )
    return registers


def _predictors(histories: Histories) -> dict[str, dict[str, Any]]:
    has_band = pl.any_horizontal(pl.col(column).is_not_null() for column in BANDS.values())
    rows = histories.rows("assessments").filter(
        has_band, pl.col("status").is_in(["COMPLETE", "PREDICTORS_ONLY"])
    )
    return {
        row["crn"]: {"on": iso_day(row["occurred_on"]), "bands": _bands(row)}
        for row in _last_of_each(rows)
    }


def _bands(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The instrument and its band, as far as each is known and applies."""
    names = PREDICTORS.get(row["predictor_version"] or "", {})
    words = {"serious": "Serious reoffending", "violence": "Violence", "any": "Any reoffending"}
    return [
        (names.get(key, words[key]), row[column])
        for key, column in BANDS.items()
        if row[column] in codes.LEVELS
    ]


def _assessments(histories: Histories) -> dict[str, dict[str, Any]]:
    return {
        row["crn"]: {
            **assessment_facts(row),
            "countersign_required": row["countersign_required"],
        }
        for row in _last_of_each(completed_assessments(histories), "completed_on")
    }


def completed_assessments(histories: Histories) -> pl.DataFrame:
    """The assessments that were completed and give levels; none that locked before."""
    return histories.rows("assessments").filter(
        pl.col("status") == "COMPLETE", pl.col("completed_on").is_not_null()
    )


def assessment_facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a page says of a completed assessment: its days, and its levels by place and group."""
    return {
        "completed_on": iso_day(row["completed_on"]),
        "countersigned_on": iso_day(row["countersigned_at"] and row["countersigned_at"].date()),
        "custody": _levels(row, codes.RISK_GROUPS, "custody"),
        "community": _levels(row, codes.COMMUNITY_GROUPS, "community"),
    }


def _levels(row: Mapping[str, Any], groups: Iterable[str], place: str) -> dict[str, str]:
    """The level of each group that the assessment gives, in custody or in the community."""
    return {
        group: row[f"{group}_{place}"]
        for group in groups
        if row[f"{group}_{place}"] in codes.LEVELS
    }


def _practitioners(histories: Histories) -> dict[str, dict[str, Any]]:
    """Who holds each case now; a code that ends in U is a place that nobody holds."""
    return {
        row["crn"]: {
            "code": row["staff_code"],
            "unallocated": row["staff_code"].endswith("U"),
            "grade": codes.GRADES.get(row["grade"] or "", ""),
            "since": iso_day(row["occurred_on"]),
            "absent_from": iso_day(row["absent_from"]),
        }
        for row in current_allocations(histories).iter_rows(named=True)
    }


def _circumstances(histories: Histories, kind: str) -> dict[str, dict[str, Any]]:
    """The newest circumstance of a kind that has not ended, and whether anybody checked it."""
    rows = histories.rows("circumstances").filter(
        pl.col("kind") == kind, pl.col("ended_on").is_null()
    )
    return {
        row["crn"]: {
            "state": codes.CIRCUMSTANCE_STATES.get(row["state"] or "", ""),
            "since": iso_day(row["occurred_on"]),
            "verified": bool(row["verified"]),
        }
        for row in _last_of_each(rows)
        if row["state"] != "ended"
    }


def _last_seen(histories: Histories) -> dict[str, dict[str, Any]]:
    """The newest meeting in person that was attended, whether or not complied with."""
    rows = histories.rows("contacts").filter(
        pl.col("type_code").is_in(IN_PERSON), pl.col("outcome_code").is_in(list(ATTENDED))
    )
    return {
        row["crn"]: {"on": iso_day(row["occurred_on"]), "what": describe_row("contacts", row).what}
        for row in _last_of_each(rows)
    }


def _next_appointments(histories: Histories) -> dict[str, dict[str, Any]]:
    """The first appointment ahead of each case; one that was cancelled or moved has an outcome."""
    rows = histories.planned_rows("contacts").filter(
        pl.col("type_code").is_in(APPOINTMENTS), pl.col("outcome_code").is_null()
    )
    first = rows.sort("occurred_on", "record_id").unique("crn", keep="first", maintain_order=True)
    return {
        row["crn"]: {"on": iso_day(row["occurred_on"]), "what": describe_row("contacts", row).what}
        for row in first.iter_rows(named=True)
    }


def _concerns(histories: Histories) -> dict[str, list[dict[str, Any]]]:
    """The enquiries that came back with concerns, the newest first."""
    rows = histories.rows("enquiries").filter(pl.col("result") == "concerns")
    concerns: dict[str, list[dict[str, Any]]] = {}
    ordered = rows.sort("returned_on", "record_id", descending=True, nulls_last=True)
    for row in ordered.iter_rows(named=True):
        concerns.setdefault(row["crn"], []).append(
            {
                "what": codes.ENQUIRY_KINDS.get(row["kind"], row["kind"]),
                "on": iso_day(row["returned_on"]),
            }
        )
    return concerns


def iso_day(value: date | None) -> str | None:
    """A day as ISO text, or None where none is known."""
    return value.isoformat() if value else None
