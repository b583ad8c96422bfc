"""Builds the header of a case page: person, supervision, recorded levels, what is missing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import date
from typing import Any

import polars as pl

from features.contracts import codes
from features.frame import timeline
from features.frame.non_compliance import non_compliance
from features.history import asof
from features.history.asof import Histories
from features.history.recorded_levels import recorded_levels
from features.store.store import Store
from serving.cases.case_facts import facts_of_cases, iso_day
from serving.cases.over_time import over_time_of_cases


def one_case(store: Store, crn: str, as_of: date) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The header of one case's page, and its entries known on a date, newest first."""
    histories = asof.read_histories(store, asof.make_spine([crn], as_of))
    entries = [
        {**asdict(entry), "source_table": entry.table, "position": place}
        for place, entry in enumerate(timeline.timeline_entries(histories)[crn])
    ]
    return summarise_people(store, histories, as_of, store.incomplete_cases())[crn], entries


def summarise_people(
    store: Store, histories: Histories, as_of: date, incomplete: Collection[str]
) -> dict[str, dict[str, Any]]:
    """The page header of each case: name, supervision, levels and states, what is missing.

    `incomplete` are the cases with a refused row (`Store.incomplete_cases`).
    """
    named, supervision = timeline.case_names(histories), timeline.current_supervision(histories)
    levels: dict[str, dict[str, Any]] = {}
    for row in recorded_levels(histories).iter_rows(named=True):
        levels.setdefault(row["crn"], {})[row["group"]] = {
            "level": row["level"],
            "state": row["state"],
            "assessed_on": row["assessed_on"].isoformat() if row["assessed_on"] else None,
        }
    feeds = {name: state for name, state in store.feed_states(as_of).items() if state != "supplied"}
    open_, facts = _outstanding_work(histories), facts_of_cases(histories)
    over_time = over_time_of_cases(histories, as_of)
    failures = non_compliance(histories)
    return {
        crn: {
            "name": full_name(named.get(crn, {})),
            "born_on": iso_day(named.get(crn, {}).get("born_on")),
            "supervision": codes.SUPERVISION_KINDS.get(
                supervision.get(crn, {}).get("kind") or "", ""
            ),
            "since": iso_day(supervision.get(crn, {}).get("occurred_on")),
            "expected_end_on": iso_day(supervision.get(crn, {}).get("expected_end_on")),
            "unit": supervision.get(crn, {}).get("pdu_code"),
            "team": supervision.get(crn, {}).get("team_code"),
            "suspended_from": iso_day(supervision.get(crn, {}).get("suspended_from")),
            "interpreter": named.get(crn, {}).get("interpreter_language"),
            "adjustments": named.get(crn, {}).get("adjustments"),
            "levels": levels[crn],
            "feeds": feeds,
            "incomplete": crn in incomplete,
            "non_compliance": failures.get(crn),
            "outstanding": open_.get(crn, _nothing_outstanding()),
            "facts": facts[crn],
            "over_time": over_time[crn],
        }
        for crn in histories.spine["crn"]
    }


def _nothing_outstanding() -> dict[str, Any]:
    return {"decisions": [], "enquiries": [], "actions": [], "orders": [], "disputed": 0}


def _outstanding_work(histories: Histories) -> dict[str, dict[str, Any]]:
    """Open work on each case: decisions that nothing was issued of, unanswered enquiries, actions,
    orders in force.
    """
    still = {
        "decisions": "issued_on",
        "enquiries": "returned_on",
        "actions": "done_on",
        "orders": "ended_on",
    }
    outstanding: dict[str, dict[str, Any]] = {}
    for table, ends in still.items():
        rows = histories.rows(table).filter(pl.col(ends).is_null()).sort("occurred_on", "record_id")
        if table == "decisions":
            rows = rows.filter(~pl.col("decided").is_in(["none", "decision_not_to_recall"]))
        for row in rows.iter_rows(named=True):
            entry = timeline.describe_row(table, row)
            one = {
                "what": entry.what,
                "detail": entry.detail,
                "since": iso_day(entry.occurred_on),
            }
            outstanding.setdefault(row["crn"], _nothing_outstanding())[table].append(one)
    for table in timeline.THEMES:
        counted = histories.rows(table).filter(pl.col("disputed") == True).group_by("crn").len()  # noqa: E712 - an expression, not a bool
        for crn, count in counted.iter_rows():
            outstanding.setdefault(crn, _nothing_outstanding())["disputed"] += count
    return outstanding


def full_name(person: dict[str, Any]) -> str:
    """The person's name, or an empty text where none is supplied, as for made-up people."""
    return " ".join(filter(None, (person.get("given_name"), person.get("family_name"))))
