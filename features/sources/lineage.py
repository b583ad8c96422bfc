"""Traces each indicator back to the columns of the source systems, or says what they do not yield.

The spec examples of an indicator show what it needs. From each, what no mapping yields is taken
away: where an example still fires, the indicator can be computed in part, and as a whole where
nothing was taken away from any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl
from polars.exceptions import PolarsError

from features.contracts import records
from features.frame import broadcast
from features.history.asof import Histories, make_spine
from features.history.rows_of_notes import COUNTS_AS
from features.indicators import CATALOGUE
from features.indicators.base import Indicator
from features.sources.import_systems import MAPPINGS
from features.sources.lineage_examples import Entry, evaluate_examples, read_examples
from features.sources.mapping import Value
from features.sources.note_values import DAY_OF_NOTE, values_of_note


@dataclass(frozen=True)
class Lineage:
    """Where an indicator comes from, and what its examples have that no source yields.

    What is missing is `record`, `record.column` or `record.column=code`.
    """

    indicator: Indicator
    columns: Mapping[str, tuple[str, ...]]
    """The columns of records that it reads, by record."""
    sources: tuple[str, ...]
    """The source columns from which those come, each as `system TABLE.COLUMN`."""
    can_fire: bool
    """Whether some example fires still when what no source yields is taken away."""
    missing: tuple[str, ...]
    """What no source yields of all its examples."""

    @property
    def extent(self) -> str:
        """`whole`, `part` (it can fire, but not in every way) or `none` (it cannot fire)."""
        if not self.can_fire:
            return "none"
        return "part" if self.missing else "whole"


@cache
def columns_read(name: str) -> dict[str, tuple[str, ...]]:
    """The columns of records that an indicator reads, by record: those without which its plan fails."""
    item = CATALOGUE[name]
    requests: set[str] = set()
    _resolves(item, _Plans(_empty_plans(), requests))
    columns = {}
    for record in sorted(requests & set(records.TABLES)):
        whole = _empty_plans()
        columns[record] = tuple(
            column.name
            for column in records.find_table(record).own
            if column.name in whole[record].collect_schema()
            and not _resolves(item, {**whole, record: whole[record].drop(column.name)})
        )
    return columns


class _Plans(dict[str, pl.LazyFrame]):
    """Plans that note the name of each one that is asked for."""

    def __init__(self, plans: Mapping[str, pl.LazyFrame], requests: set[str]) -> None:
        super().__init__(plans)
        self._requests = requests

    def __contains__(self, name: object) -> bool:
        self._requests.add(str(name))
        return super().__contains__(name)


@cache
def _empty_plans() -> dict[str, pl.LazyFrame]:
    histories = Histories(make_spine([], date.max), {}, {})
    return {name: histories.scan(name) for name in records.TABLES}


def _resolves(item: Indicator, plans: dict[str, pl.LazyFrame]) -> bool:
    histories = Histories(make_spine([], date.max), {}, {}, plans)
    try:
        broadcast.layout_plan(item, histories).collect_schema()
    except PolarsError:
        return False
    return True


def trace_indicators(spec_tables: Mapping[str, str], *, with_notes: bool = False) -> list[Lineage]:
    """The lineage of every indicator that has a spec table, given the text of each one's table.

    With notes: as if entries of every kind that is read in notes counted like coded ones.
    """
    examples = [
        (item, example)
        for name, item in CATALOGUE.items()
        for example in read_examples(spec_tables.get(name, ""), item)
    ]
    reduced = [_reduce_entries(item.id, example.entries, with_notes) for item, example in examples]
    entries = [(item, rest) for (item, _), (rest, _) in zip(examples, reduced, strict=True)]
    results: dict[str, list[tuple[bool, set[str]]]] = {name: [] for name in spec_tables}
    firing = evaluate_examples(entries)
    for (item, example), (_, lacks), fires in zip(examples, reduced, firing, strict=True):
        results[item.id].append((example.fires and fires, lacks))
    return [
        _lineage(CATALOGUE[name], results[name], with_notes)
        for name in CATALOGUE
        if name in results
    ]


def _lineage(item: Indicator, examples: list[tuple[bool, set[str]]], with_notes: bool) -> Lineage:
    sources = {
        f"{system} {source}"
        for record, names in columns_read(item.id).items()
        for system, _, values in _values_of(record, with_notes)
        for value in values
        if value.column in names
        for source in value.sources
    }
    missing = {record for record in item.feeds if not _yields(record, with_notes)}
    return Lineage(
        item,
        columns_read(item.id),
        tuple(sorted(sources)),
        can_fire=not missing and any(fires for fires, _ in examples),
        missing=tuple(sorted(missing.union(*(lacks for _, lacks in examples)))),
    )


def _reduce_entries(
    name: str, entries: Iterable[Entry], with_notes: bool
) -> tuple[list[Entry], set[str]]:
    """The entries with only what the systems yield, and what was taken away.

    Each entry is held against the mapping that lacks least. A column that it does not fill is
    left out; an entry without a column that its record must have is left out as a whole.
    """
    columns = columns_read(name)
    reduced, missing = [], set[str]()
    for entry in entries:
        names = columns.get(entry.record, ())
        held = {
            name: text
            for name, text in entry.values.items()
            if name in names and _is_in_our_list(entry.record, name, text)
        }
        yields_of_record = _yields(entry.record, with_notes)
        lacks = [_lacking(held, yields) for yields in yields_of_record]
        least = min(lacks, key=len, default=set(held))
        missing |= {_describe_lack(entry, name, yields_of_record) for name in least}
        required = {
            column.name for column in records.find_table(entry.record).own if column.required
        }
        if not least & required and yields_of_record:
            values = {name: text for name, text in entry.values.items() if name not in least}
            reduced.append(Entry(entry.record, entry.day, values))
    return reduced, missing


def _lacking(held: Mapping[str, str], yields: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The columns that a mapping does not fill, or not with the code that is held."""
    return {
        name
        for name, text in held.items()
        if name not in yields or (yields[name] and text not in yields[name])
    }


def _is_in_our_list(record: str, column: str, text: str) -> bool:
    codes = records.find_table(record).column(column).codes
    return codes is None or text in codes


def _describe_lack(
    entry: Entry, column: str, yields_of_record: Iterable[Mapping[str, object]]
) -> str:
    filled = any(column in yields for yields in yields_of_record)
    is_coded = records.find_table(entry.record).column(column).codes is not None
    if filled and is_coded:
        return f"{entry.record}.{column}={entry.values[column]}"
    return f"{entry.record}.{column}"


@cache
def _yields(record: str, with_notes: bool) -> tuple[dict[str, tuple[str, ...]], ...]:
    """For each mapping to a record, the columns that it fills, with the codes that each may hold."""
    return tuple(
        {value.column: value.codes for value in (day, *values)}
        for _, day, values in _values_of(record, with_notes)
    )


@cache
def _values_of(record: str, with_notes: bool) -> tuple[tuple[str, Value, tuple[Value, ...]], ...]:
    """For each mapping to a record: its system, its day and its other values."""
    coded = [
        (system, mapping.day, mapping.values)
        for system, mappings in MAPPINGS.items()
        for mapping in mappings
        if mapping.record == record
    ]
    noted = [
        ("ndelius", DAY_OF_NOTE, values_of_note(counts_as))
        for counts_as in COUNTS_AS.values()
        if with_notes and counts_as.table == record
    ]
    return (*coded, *noted)


def indicators_reading(record: str, column: str) -> list[str]:
    """The indicators that read a column of a record, in the order of the catalogue."""
    return [name for name in CATALOGUE if column in columns_read(name).get(record, ())]


def indicators_lost(system: str, missing: str) -> list[str]:
    """The indicators that read a column of a record which comes from a missing `TABLE.COLUMN`."""
    lost = {
        name
        for mapping in MAPPINGS[system]
        for value in (mapping.day, *mapping.values)
        if missing in value.sources
        for name in indicators_reading(mapping.record, value.column)
    }
    return [name for name in CATALOGUE if name in lost]
