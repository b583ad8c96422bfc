"""Describes what the notes of a case say, for a reader who has recorded a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from features.contracts import contact_codes
from features.history.asof import CASE, Histories
from features.history.rows_of_notes import COUNTS_AS, IS_FACT, TABLE
from features.notes.worth import rank_notes

MOST_ENTRIES = 150
"""How many entries of notes a case shows: those that count first, then facts, then the newest."""
MOST_NOTES = 10
"""How many notes are named as most likely to hold something."""
LIKELY = 0.5
"""The score from which a note is named."""


def notes_of_cases(histories: Histories) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """For each case the entries of its notes with their words, and the notes worth reading first.

    An entry has the whole note beside the place of its words in it, and says whether it is a fact
    about the person at the time of the note, or on a day that it names, and whether it counts.
    """
    contacts = histories.rows("contacts").filter(pl.col("note").is_not_null())
    written = contacts.select(
        *CASE, "crn", "occurred_on", "type_code", "note", "disclosable", contact_id="record_id"
    )
    entries = histories.rows(TABLE).with_columns(
        is_fact=IS_FACT, is_counted=pl.col("record_id").is_in(_counted_entries(histories))
    )
    joined = entries.drop("crn", "occurred_on", "disclosable").join(
        written, on=[*CASE, "contact_id"]
    )
    entries_of, written_of = _by_case(joined), _by_case(written)
    crns = histories.spine["crn"].unique().to_list()
    worth_reading = _worth_reading([written_of.get(crn, written.clear()) for crn in crns])
    return {
        crn: {
            "entries": _newest_entries(entries_of.get(crn, joined.clear())),
            "worth_reading": own,
        }
        for crn, own in zip(crns, worth_reading, strict=True)
    }


def _counted_entries(histories: Histories) -> list[str]:
    """The entries of notes that count like coded ones: rows of another table bear their numbers."""
    tables = {counts_as.table for counts_as in COUNTS_AS.values()} if histories.note_kinds else ()
    in_notes = set(histories.rows(TABLE)["record_id"])
    return sorted(
        number for name in tables for number in in_notes & set(histories.rows(name)["record_id"])
    )


def _by_case(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The rows of each case that has any."""
    return {str(crn): own for (crn,), own in rows.partition_by("crn", as_dict=True).items()}


def _newest_entries(entries: pl.DataFrame) -> list[dict[str, Any]]:
    order = ["is_counted", "is_fact", "occurred_on", "contact_id", "starts_at"]
    newest = entries.sort(order, descending=[True] * 3 + [False] * 2).head(MOST_ENTRIES)
    return [_entry(row) for row in newest.iter_rows(named=True)]


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    names = ("kind", "asserted", "done_by", "period", "told_by", "starts_at", "ends_at")
    return {
        "entry_id": row["record_id"],
        "named_on": row["named_on"].isoformat() if row["named_on"] else None,
        **{name: row[name] for name in (*names, "is_fact", "is_counted")},
        **_of_contact(row),
    }


def _of_contact(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "contact_id": row["contact_id"],
        "occurred_on": row["occurred_on"].isoformat(),
        "what": contact_codes.CONTACT_TYPES.get(row["type_code"], row["type_code"]),
        "note": row["note"],
        "disclosable": row["disclosable"] is True,
    }


def _worth_reading(written: Sequence[pl.DataFrame]) -> list[list[dict[str, Any]]]:
    """For the notes of each case, newest first, those that are most likely to hold something."""
    newest = ["occurred_on", "contact_id"]
    cases = [notes.sort(newest, descending=True).to_dicts() for notes in written]
    ranked = rank_notes([[row["note"] for row in rows] for rows in cases], MOST_NOTES, LIKELY)
    return [
        [
            {
                **_of_contact(rows[one.note]),
                "starts_at": one.start,
                "ends_at": one.end,
                "words": list(one.words),
            }
            for one in own
        ]
        for rows, own in zip(cases, ranked, strict=True)
    ]
