"""Collects the entries behind each indicator that fired, and fills in its sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

import polars as pl

from features.contracts import codes, records
from features.history.asof import CASE, Histories
from features.history.collect import worked_out
from features.indicators import Indicator
from features.indicators.base import EVIDENCE

MARKS = ["source_system", "certainty", "disputed", "disclosable"]
"""The columns of an entry shown beside its date."""

EntriesOfCases = dict[tuple[int, str | None], list["Entry"]]
"""The entries behind findings, by case-date and risk group."""
Findings = dict[str, dict[tuple[str, str | None], "Finding"]]
"""Findings by indicator id, then by case and risk group (None: the same for every group)."""


@dataclass(frozen=True)
class Entry:
    """A source entry behind a reason: its table and record, the day it is about, and its marks."""

    table: str
    record_id: str
    occurred_on: date
    source: str | None
    certainty: str | None
    disputed: bool
    disclosable: bool


@dataclass(frozen=True)
class Finding:
    """An indicator that fired for one case and group: its sentence and the entries behind it."""

    indicator: str
    crn: str
    group: str | None
    sentence: str
    disclosable_sentence: str | None
    entries: tuple[Entry, ...]
    """In reading order: by day, oldest first."""


def collect_findings(histories: Histories, items: Iterable[Indicator]) -> Findings:
    """The findings of every indicator for the given histories, collected in one query.

    The spine must hold each case once: a finding is as of one date. An entry of which nobody
    said whether it may be disclosed may not.
    """
    indicators = list(items)
    words = (_words_plan(histories, item) for item in indicators)
    behind = (_entries_behind(histories, item) for item in indicators)
    plans = chain(words, behind, [_marks(histories)])
    *frames, marks = worked_out(plans, few=histories.is_small)
    entries_of = _entries_by_finding(frames[len(indicators) :], marks)
    crns = dict(histories.spine.select(*CASE, "crn").iter_rows())
    return {
        item.id: _of_one(item, crns, frames[number], entries_of.get(number, {}))
        for number, item in enumerate(indicators)
    }


def _marks(histories: Histories) -> pl.LazyFrame:
    parts = [
        histories.scan(name).select(*CASE, "record_id", *MARKS, table=pl.lit(name))
        for name in histories.versions or records.TABLES
    ]
    return pl.concat(parts)


def _words_plan(histories: Histories, item: Indicator) -> pl.LazyFrame:
    return (
        item.entries(histories)
        .sort("occurred_on", "record_id")
        .group_by(item.key)
        .agg(**item.words)
    )


def _entries_behind(histories: Histories, item: Indicator) -> pl.LazyFrame:
    return item.entries(histories).select(*item.key, *EVIDENCE).unique()


def _entries_by_finding(
    behind: Sequence[pl.DataFrame], marks: pl.DataFrame
) -> dict[int, EntriesOfCases]:
    """By the number of the indicator, the entries behind each finding, oldest first.

    All are given their marks in one join: a join an indicator took half of the time.
    """
    if not behind:
        return {}
    numbered = [rows.with_columns(number=pl.lit(n)) for n, rows in enumerate(behind)]
    rows = pl.concat(numbered, how="diagonal").join(
        marks, on=[*CASE, "table", "record_id"], how="left"
    )
    entries_of: dict[int, EntriesOfCases] = {}
    for row in rows.sort("occurred_on", "record_id", "table").iter_rows(named=True):
        own = entries_of.setdefault(row["number"], {})
        own.setdefault((row["case_date"], row.get("group")), []).append(_make_entry(row))
    return entries_of


def _of_one(
    item: Indicator, crns: dict[int, str], word_rows: pl.DataFrame, entries: EntriesOfCases
) -> dict[tuple[str, str | None], Finding]:
    own_findings = {}
    for words in word_rows.iter_rows(named=True):
        case, group = words.pop("case_date"), words.pop("group", None)
        shown = None
        if item.disclosure == "no" or item.disclosable_sentence is not None:
            shown = _name_group(item.say_sentence(words, disclosable=True), group)
        listed = tuple(entries[case, group])
        sentence = _name_group(item.say_sentence(words), group)
        own_findings[crns[case], group] = Finding(
            item.id, crns[case], group, sentence, shown, listed
        )
    return own_findings


def _name_group(sentence: str, group: str | None) -> str:
    """The sentence with the risk group by name: "this group" is nothing that a page explains."""
    return sentence.replace("this group", codes.GROUP_WORDS[group]) if group else sentence


def _make_entry(row: dict[str, Any]) -> Entry:
    return Entry(
        table=row["table"],
        record_id=row["record_id"],
        occurred_on=row["occurred_on"],
        source=row["source_system"],
        certainty=row["certainty"],
        disputed=row["disputed"] is True,
        disclosable=row["disclosable"] is True,
    )
