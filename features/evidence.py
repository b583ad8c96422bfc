"""The entries behind a fired indicator, and its sentence with the words filled in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from features.asof import Known
from features.indicators import Indicator
from features.indicators.base import EVIDENCE


@dataclass(frozen=True)
class Entry:
    """A source entry behind a reason: its table, its identifier and the day it is about."""

    table: str
    record_id: str
    occurred_on: date


@dataclass(frozen=True)
class Finding:
    """What one indicator found for one case and group: the sentence and the entries behind it."""

    indicator: str
    crn: str
    group: str | None
    sentence: str
    disclosable_sentence: str | None
    entries: tuple[Entry, ...]


def findings(known: Known, item: Indicator) -> dict[tuple[str, str | None], Finding]:
    """What an indicator found, by case and risk group (None where it is the same for each).

    The spine must hold each case once: a finding is as of one date.
    """
    rows = item.entries(known).sort("occurred_on", "record_id")
    if rows.is_empty():
        return {}
    keys = ["crn", "group"] if item.per_group else ["crn"]
    said = rows.group_by(keys).agg(**item.words)
    found = {}
    behind = rows.select(*keys, *EVIDENCE).partition_by(keys, as_dict=True)
    for words in said.iter_rows(named=True):
        key = tuple(words.pop(name) for name in keys)
        found[key[0], key[1] if item.per_group else None] = _finding(item, key, words, behind[key])
    return found


def _finding(
    item: Indicator, key: tuple[Any, ...], words: dict[str, Any], rows: pl.DataFrame
) -> Finding:
    entries = tuple(
        Entry(row["table"], row["record_id"], row["occurred_on"])
        for row in rows.select(EVIDENCE).unique(maintain_order=True).iter_rows(named=True)
    )
    shown = None
    if item.disclosure == "no" or item.disclosable_sentence is not None:
        shown = item.say(words, disclosable=True)
    return Finding(
        item.id, key[0], key[1] if item.per_group else None, item.say(words), shown, entries
    )
