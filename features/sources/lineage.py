"""Traces each indicator back to the columns of the source systems, or says what they do not yield.

The spec examples of an indicator show what it needs. It is computable where the sources can yield
an example in which it fires, and wholly so where they can yield every one of its examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl
from polars.exceptions import PolarsError

from features.contracts import records
from features.frame import broadcast
from features.history.asof import Histories, make_spine
from features.indicators import CATALOGUE
from features.indicators.base import Indicator
from features.sources.import_systems import MAPPINGS
from features.sources.mapping import Mapping as SourceMapping

Entry = tuple[str, Mapping[str, str]]
"""An entry of an example: its record, and the text of each column that the example gives."""


@dataclass(frozen=True)
class Example:
    """A spec example: its entries, and whether the indicator fires in it for some group."""

    entries: tuple[Entry, ...]
    fires: bool


@dataclass(frozen=True)
class Lineage:
    """Where an indicator comes from, and what it needs that no source yields.

    What is missing is `record`, `record.column` or `record.column=code`.
    """

    indicator: Indicator
    columns: Mapping[str, tuple[str, ...]]
    """The columns of records that it reads, by record."""
    sources: tuple[str, ...]
    """The source columns from which those come, each as `system TABLE.COLUMN`."""
    missing_to_fire: tuple[str, ...]
    """What is missing from the example in which it fires and that lacks least."""
    missing: tuple[str, ...]
    """What is missing from any of its examples."""

    @property
    def extent(self) -> str:
        """`whole`, `part` (it can fire, but not in every way) or `none` (it cannot fire)."""
        if self.missing_to_fire:
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


def trace_indicator(name: str, examples: Iterable[Example]) -> Lineage:
    """The lineage of an indicator, given its spec examples."""
    item = CATALOGUE[name]
    columns = columns_read(name)
    without_source = {record for record in item.feeds if not _yields(record)}
    lacks = [(one.fires, without_source | _not_yielded(one.entries, columns)) for one in examples]
    to_fire = min((lack for fires, lack in lacks if fires), key=len, default={"an example"})
    sources = {
        f"{system} {source}"
        for record, names in columns.items()
        for system, mapping in _mappings_of(record)
        for value in mapping.values
        if value.column in names
        for source in value.sources
    }
    every = without_source.union(*(lack for _, lack in lacks))
    return Lineage(
        item, columns, tuple(sorted(sources)), tuple(sorted(to_fire)), tuple(sorted(every))
    )


def _not_yielded(entries: Iterable[Entry], columns: Mapping[str, tuple[str, ...]]) -> set[str]:
    """What entries hold, in columns that are read, that no single mapping yields together."""
    missing: set[str] = set()
    for record, values in entries:
        held = {name: text for name, text in values.items() if name in columns.get(record, ())}
        if record in columns:
            lacks = [_lacking(record, held, yields) for yields in _yields(record)]
            missing |= min(lacks, key=len, default={record})
    return missing


def _lacking(
    record: str, held: Mapping[str, str], yields: Mapping[str, tuple[str, ...]]
) -> set[str]:
    lacks = {f"{record}.{name}" for name in held if name not in yields}
    return lacks | {
        f"{record}.{name}={text}"
        for name, text in held.items()
        if yields.get(name) and text not in yields[name]
    }


def trace_indicators(spec_tables: Mapping[str, str]) -> list[Lineage]:
    """The lineage of every indicator, given the text of each one's spec table."""
    return [
        trace_indicator(name, read_examples(spec_tables.get(name, ""), item))
        for name, item in CATALOGUE.items()
    ]


@cache
def _yields(record: str) -> tuple[dict[str, tuple[str, ...]], ...]:
    """For each mapping to a record, the columns that it fills, with the codes that each may hold."""
    return tuple(
        {value.column: value.codes for value in (mapping.day, *mapping.values)}
        for _, mapping in _mappings_of(record)
    )


@cache
def _mappings_of(record: str) -> tuple[tuple[str, SourceMapping], ...]:
    return tuple(
        (system, mapping)
        for system, mappings in MAPPINGS.items()
        for mapping in mappings
        if mapping.record == record
    )


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


def read_examples(text: str, item: Indicator) -> list[Example]:
    """The examples of an indicator in the text of its spec table."""
    examples: list[Example] = []
    entries: list[Entry] = []
    for line in text.splitlines():
        if line.startswith("  => "):
            values = [part.split()[-1] for part in line[5:].split(", ")]
            examples.append(Example(tuple(entries), any(_says(item, value) for value in values)))
        elif line.startswith("  "):
            record, _, *fields = _REMARK.sub("", line).split()
            entries.append((record, dict(field.split("=", 1) for field in fields)))
        else:
            entries = []
    return examples


def _says(item: Indicator, value: str) -> bool:
    """Whether the value fires; of indicators that only grade, any value above nought counts."""
    return value != "null" and (item.fires(float(value)) or float(value) > 0)


_REMARK = re.compile(r"\(.*\)")
