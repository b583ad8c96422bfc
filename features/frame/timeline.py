"""Describes a case history in words: every entry known on a date, newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import polars as pl

from features.contracts import codes, contact_codes
from features.frame.seriousness import seriousness_of
from features.history.asof import CASE, Histories
from features.history.rows_of_notes import TABLE as NOTE_ENTRIES
from features.indicators.base import in_words
from features.indicators.orders import suspended_cases

THEMES: dict[str, str] = {
    "contacts": "Contacts",
    "incidents": "Behaviour and information",
    "assessments": "Assessments",
    "decisions": "Enforcement and recall",
    "circumstances": "Circumstances",
    "registrations": "Registers",
    "orders": "Orders and conditions",
    "enquiries": "Enquiries to other agencies",
    "documents": "Reports and referrals",
    "actions": "Actions and tasks",
    "allocations": "Practitioners",
    "supervisions": "Supervision",
}
"""The tables that a reader sees, in words, in the order of the filter."""


@dataclass(frozen=True)
class TimelineEntry:
    """One entry: table and record, day, when it was recorded, its text, how serious it is."""

    table: str
    record_id: str
    occurred_on: date
    recorded_at: datetime
    what: str
    detail: str
    source: str
    certainty: str
    disclosable: bool
    disputed: bool
    system: bool
    seriousness: int
    """For the order of the page (`features.frame.seriousness`)."""


def timeline_entries(histories: Histories) -> dict[str, list[TimelineEntry]]:
    """All entries of each case, newest first, by CRN.

    The record is as officers wrote it: what was read in notes is no entry, even where it counts.
    """
    entries_of: dict[str, list[TimelineEntry]] = {crn: [] for crn in histories.spine["crn"]}
    in_notes = set(histories.rows(NOTE_ENTRIES)["record_id"])
    for table in THEMES:
        for row in histories.rows(table).iter_rows(named=True):
            if row["record_id"] in in_notes:
                continue
            entries_of[row["crn"]].append(describe_row(table, row))
    for listed in entries_of.values():
        listed.sort(key=lambda e: (e.occurred_on, e.recorded_at, e.record_id), reverse=True)
    return entries_of


def case_names(histories: Histories) -> dict[str, dict[str, Any]]:
    """Name, date of birth and adjustments of each case, for the pages only."""
    rows = histories.rows("people").sort("recorded_at").unique("crn", keep="last")
    chosen = rows.select(
        "crn", "given_name", "family_name", "born_on", "interpreter_language", "adjustments"
    )
    return {row.pop("crn"): row for row in chosen.iter_rows(named=True)}


def current_supervision(histories: Histories) -> dict[str, dict[str, Any]]:
    """The newest order, licence or custody in force of each case: kind, unit, team, start,
    expected end.
    """
    active = histories.rows("supervisions").filter(
        pl.col("ended_on").is_null(), pl.col("kind") != "approved_premises"
    )
    rows = active.sort("occurred_on", "record_id").unique("crn", keep="last", maintain_order=True)
    away = histories.collect_now(suspended_cases(histories))
    held = histories.rows("allocations").filter(
        pl.col("ended_on").is_null(), pl.col("pdu_code").is_not_null()
    )
    # The unit that held the case on the day, where its allocations say so: an order has the last.
    units = held.sort("occurred_on", "record_id").unique("crn", keep="last")
    chosen = (
        rows.drop("suspended_from")
        .join(units.select("crn", "pdu_code", "team_code"), on="crn", how="left", suffix="_held")
        .with_columns(
            pl.coalesce("pdu_code_held", "pdu_code").alias("pdu_code"),
            pl.when(pl.col("pdu_code_held").is_null())
            .then("team_code")
            .otherwise("team_code_held")
            .alias("team_code"),
        )
        .join(away, on=CASE, how="left", maintain_order="left")
        .select(
            "crn",
            "kind",
            "occurred_on",
            "expected_end_on",
            "pdu_code",
            "team_code",
            "suspended_from",
        )
    )
    return {row.pop("crn"): row for row in chosen.iter_rows(named=True)}


def current_allocations(histories: Histories) -> pl.DataFrame:
    """The newest allocation of each case that has not ended."""
    allocations = histories.rows("allocations").filter(
        pl.col("ended_on").is_null(), pl.col("staff_code").is_not_null()
    )
    return allocations.sort("occurred_on", "record_id").unique(
        "crn", keep="last", maintain_order=True
    )


def current_practitioners(histories: Histories) -> dict[str, str]:
    """The staff code of the practitioner who holds each case."""
    return dict(current_allocations(histories).select("crn", "staff_code").iter_rows())


def staff_involved(histories: Histories) -> dict[str, list[str]]:
    """The staff codes of those who countersigned or took decisions in each case."""
    parts = [
        histories.rows("assessments").select("crn", staff="countersigned_by"),
        histories.rows("decisions").select("crn", staff="decided_by"),
    ]
    rows = pl.concat(parts).drop_nulls().group_by("crn").agg(pl.col("staff").unique().sort())
    return dict(rows.iter_rows())


def describe_row(table: str, row: Mapping[str, Any]) -> TimelineEntry:
    """Describe one entry of a case record in words: what it is, its detail, its source."""
    what, detail = _WORDS[table](row)
    return TimelineEntry(
        table=table,
        record_id=row["record_id"],
        occurred_on=row["occurred_on"],
        recorded_at=row["recorded_at"],
        what=what,
        detail=_join_parts(detail, "only the month is known" if row["month_only"] else ""),
        source=codes.SOURCES.get(row["source_system"] or "", row["source_system"] or "not said"),
        certainty=_certainty_of(row),
        disclosable=row["disclosable"] is True,
        disputed=row["disputed"] is True,
        system=bool(row.get("system_generated")),
        seriousness=seriousness_of(table, row),
    )


def _certainty_of(row: Mapping[str, Any]) -> str:
    """How certain an entry is; an allegation that was proven later is not called one alone."""
    if row["certainty"] == "allegation" and row.get("proven"):
        return "alleged, later proven"
    return row["certainty"] or "not said"


def _code_in_words(meanings: Mapping[str, str], code: str | None) -> str:
    """The meaning of a code; an unknown code is shown as it was supplied, marked as unknown."""
    if code is None:
        return ""
    if code == codes.NOT_YET_KNOWN:
        return "an entry that was changed later; what it said at first is not known"
    return meanings.get(code, f"{code} (code not known)")


def _capitalise_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _join_parts(*parts: str) -> str:
    return ". ".join(_capitalise_first(part) for part in parts if part)


def _with_day(words: str, day: date | None) -> str:
    return f"{words} {in_words(day)}" if day else ""


def _describe_contact(row: Mapping[str, Any]) -> tuple[str, str]:
    what, detail = _contact_in_words(row["type_code"], row["outcome_code"], row["enforcement_code"])
    return what, _join_parts(detail, row["note"]) if row["note"] else detail


# Most entries are contacts, and a few hundred combinations of codes describe them all.
@lru_cache(maxsize=10_000)
def _contact_in_words(
    type_code: str | None, outcome_code: str | None, enforcement_code: str | None
) -> tuple[str, str]:
    enforcement = _code_in_words(contact_codes.ENFORCEMENT, enforcement_code)
    if enforcement and outcome_code in contact_codes.COMPLIED:
        # Nothing is enforced after an appointment that was complied with: the code says that alone.
        enforcement = f"recorded with the code for “{enforcement.lower()}”"
    return _code_in_words(contact_codes.CONTACT_TYPES, type_code), _join_parts(
        _code_in_words(contact_codes.OUTCOMES, outcome_code), enforcement
    )


def _describe_incident(row: Mapping[str, Any]) -> tuple[str, str]:
    target = _code_in_words(codes.TARGETS, row["target"])
    return _capitalise_first(_code_in_words(codes.INCIDENT_KINDS, row["kind"])), _join_parts(
        f"concerning {target}" if target and row["target"] != "none" else "",
        _code_in_words(codes.SETTINGS, row["setting"]),
        f"seriousness {row['severity']} of 5" if row["severity"] else "",
        "proven" if row["proven"] and row["certainty"] != "allegation" else "",
        "under the influence" if row["while_using"] else "",
        "while mentally unwell" if row["while_unwell"] else "",
    )


def _describe_assessment(row: Mapping[str, Any]) -> tuple[str, str]:
    levels = [
        f"{group.replace('_', ' ')} {row[f'{group}_community'].replace('_', ' ').lower()}"
        for group in codes.COMMUNITY_GROUPS
        if row[f"{group}_community"]
    ]
    bands = [
        f"{name} {row[column].replace('_', ' ').lower()}"
        for name, column in (
            ("serious reoffending", "serious_band"),
            ("violence", "violence_band"),
            ("any reoffending", "reoffending_band"),
        )
        if row[column]
    ]
    return f"Assessment: {_code_in_words(codes.ASSESSMENT_STATUS, row['status'])}", _join_parts(
        _with_day("completed or locked", row["completed_on"]),
        "risk to " + ", ".join(levels) if levels else "",
        "predictors: " + ", ".join(bands) if bands else "",
    )


def _describe_decision(row: Mapping[str, Any]) -> tuple[str, str]:
    grade = _code_in_words(codes.GRADES, row["endorsed_by_grade"])
    instead = _code_in_words(codes.ENFORCEMENT_SCALE_WORDS, row["issued"])
    issued = "issued" if row["issued"] in (None, row["decided"]) else f"issued instead: {instead},"
    return (
        f"Decision: {_code_in_words(codes.ENFORCEMENT_SCALE_WORDS, row['decided'])}",
        _join_parts(
            _with_day(issued, row["issued_on"]) or "nothing recorded as issued",
            f"endorsed by {grade}" if grade else "",
        ),
    )


def _describe_circumstance(row: Mapping[str, Any]) -> tuple[str, str]:
    return _capitalise_first(_code_in_words(codes.CIRCUMSTANCE_KINDS, row["kind"])), _join_parts(
        _code_in_words(codes.CIRCUMSTANCE_STATES, row["state"]),
        "checked" if row["verified"] else "the person's own account",
        _with_day("ended", row["ended_on"]),
    )


def _describe_register(row: Mapping[str, Any]) -> tuple[str, str]:
    return f"Register: {_code_in_words(codes.REGISTER_TYPES, row['type_code'])}", _join_parts(
        _code_in_words(codes.REGISTER_LEVEL_CODES, row["level_code"]).replace("_", " ").lower(),
        _with_day("review due", row["next_review_on"]),
        _with_day("ended", row["ended_on"]),
    )


def _describe_order(row: Mapping[str, Any]) -> tuple[str, str]:
    return _capitalise_first(_code_in_words(codes.ORDER_KINDS, row["kind"])), _join_parts(
        _code_in_words(codes.CONDITION_THEMES, row["theme"]),
        row["category"] or "",
        "electronically monitored" if row["monitored"] else "",
        _with_day("removed or relaxed", row["relaxed_on"]),
        _with_day("ended", row["ended_on"]),
    )


def _describe_enquiry(row: Mapping[str, Any]) -> tuple[str, str]:
    return _capitalise_first(_code_in_words(codes.ENQUIRY_KINDS, row["kind"])), _join_parts(
        _with_day("requested", row["requested_on"]) or "not requested",
        _with_day("answered", row["returned_on"]),
        _code_in_words(codes.ENQUIRY_RESULTS, row["result"]),
    )


def _describe_document(row: Mapping[str, Any]) -> tuple[str, str]:
    level = _code_in_words(codes.LEVELS, row["level"]) and row["level"].replace("_", " ").lower()
    return _capitalise_first(_code_in_words(codes.DOCUMENT_KINDS, row["kind"])), _join_parts(
        f"states {level}" if level else "",
        "says that checks were done" if row["claims_checks"] else "",
        "names a person to be consulted" if row["names_person"] else "",
    )


def _describe_action(row: Mapping[str, Any]) -> tuple[str, str]:
    return _capitalise_first(_code_in_words(codes.ACTION_KINDS, row["kind"])), _join_parts(
        _with_day("due", row["due_on"]), _with_day("done", row["done_on"]) or "not recorded as done"
    )


def _describe_allocation(row: Mapping[str, Any]) -> tuple[str, str]:
    return f"Allocated to {row['staff_code']}", _join_parts(
        _code_in_words(codes.GRADES, row["grade"]),
        _with_day("absent from", row["absent_from"]),
        _with_day("until", row["ended_on"]),
    )


def _describe_supervision(row: Mapping[str, Any]) -> tuple[str, str]:
    return f"Start of {_code_in_words(codes.SUPERVISION_KINDS, row['kind'])}", _join_parts(
        _with_day("contact suspended from", row["suspended_from"]),
        _with_day("ended", row["ended_on"]),
        _code_in_words(codes.END_REASONS, row["end_reason"]),
    )


_WORDS: dict[str, Callable[[Mapping[str, Any]], tuple[str, str]]] = {
    "contacts": _describe_contact,
    "incidents": _describe_incident,
    "assessments": _describe_assessment,
    "decisions": _describe_decision,
    "circumstances": _describe_circumstance,
    "registrations": _describe_register,
    "orders": _describe_order,
    "enquiries": _describe_enquiry,
    "documents": _describe_document,
    "actions": _describe_action,
    "allocations": _describe_allocation,
    "supervisions": _describe_supervision,
}
