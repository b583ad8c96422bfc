"""Gives a person what may be disclosed of the record that this service holds of them.

For a subject access request. In the shape that HMPPS's subject access request service collects:
one object, `content`. Entries that are marked, and findings that rest on what must not be told, are
left out and counted; staff are named by their role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from features.errors import UserError
from features.indicators import CATALOGUE
from serving.cases.account import Account

READER = "a senior probation officer"
WHY = {
    "flagged": "The record looked like those of people whose level readers put higher.",
    "unusual": "Something new on the record was rare among people with the same level.",
    "combination": "The record held facts that reviews of serious cases found together.",
    "random": "Drawn at random, to check how the service works.",
}


def disclose_account(account: Account, since: date) -> dict[str, Any]:
    """What may be told of a case from a day on: `{"content": {...}}`, as JSON can hold it.

    Raises UserError for a case of limited access, which somebody with access answers by hand.
    """
    if account.limited:
        raise UserError(
            "Access to this case is limited. Somebody who has access answers the request by hand."
        )
    entries = [one for one in account.entries if one["occurred_on"] >= since]
    disclosable = [one for one in entries if one["disclosable"]]
    queued = [one for one in account.queued if one["item"]["queued_on"] >= since]
    urgent = [one for one in account.acute if one["at"].date() >= since]
    disclosable_urgent = [one for one in urgent if one["disclosable"]]
    return {
        "content": {
            "crn": account.crn,
            "from": since.isoformat(),
            "to": account.on.isoformat(),
            "record": [_entry(one) for one in disclosable],
            "put_forward_for_review": [_review(one) for one in queued],
            "urgent_entries": [
                {"date": one["occurred_on"].isoformat(), "what": one["what"]}
                for one in disclosable_urgent
            ],
            "left_out": {
                "entries": len(entries) - len(disclosable),
                "urgent_entries": len(urgent) - len(disclosable_urgent),
                "why": "Marked as not to be disclosed, or not marked either way.",
            },
            "this_service": (
                "It orders cases for a person to read. It decides nothing and changes no level."
            ),
        }
    }


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "date": row["occurred_on"].isoformat(),
        "what": row["what"],
        "detail": row["detail"],
        "source": row["source"],
        "certainty": row["certainty"],
    }


def _review(one: Mapping[str, Any]) -> dict[str, Any]:
    """One time that the case was put forward: why, in disclosable words, and what came of it."""
    sentences, left_out = _disclosable_sentences(one["findings"])
    return {
        "date": one["item"]["queued_on"].isoformat(),
        "record_as_of": one["item"]["as_of"].isoformat(),
        "why": [WHY[row["drawn_as"]] for row in one["findings"]],
        "about": [row["risk_group"] for row in one["findings"]],
        "findings": sentences,
        "findings_left_out": left_out,
        "read_by": READER if one["own_views"] else None,
        "outcome": [
            {"date": row["at"].date().isoformat(), "by": READER, "outcome": row["outcome"]}
            for row in one["conclusions"]
        ],
    }


def _disclosable_sentences(rows: Iterable[Mapping[str, Any]]) -> tuple[list[str], int]:
    """The sentences about findings that may be told, each once, and how many may not."""
    sentences: dict[str, None] = {}
    left_out = 0
    for row in rows:
        for reason in row["reasons"]:
            for finding in reason["findings"]:
                item = CATALOGUE.get(finding["indicator"])
                if item is None or item.disclosure == "no" or not item.disclosable_sentence:
                    left_out += 1
                else:
                    sentences[item.disclosable_sentence] = None
    return list(sentences), left_out
