"""Renders the lineage of indicators: the page docs/sources.md, and the same as CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from features.sources.import_systems import MAPPINGS
from features.sources.lineage import Lineage
from features.sources.mapping import Mapping

_TITLES = {"ndelius": "NDelius", "oasys": "OASys", "nomis": "NOMIS"}
_SECTIONS = {
    "none": ("Not computed", "No example in which the indicator fires can come from the systems."),
    "part": ("Computed in part", "It can fire, but not in every way that its spec table shows."),
    "whole": ("Computed as a whole", "Every example of its spec table can come from the systems."),
}


def as_csv(lineages: Sequence[Lineage]) -> str:
    """One row an indicator: id, extent, source columns, what is missing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["indicator", "extent", "sources", "missing"])
    for one in lineages:
        row = (one.indicator.id, one.extent, "; ".join(one.sources), "; ".join(one.missing))
        writer.writerow(row)
    return out.getvalue()


def as_json(lineages: Sequence[Lineage]) -> str:
    """A list of objects with the columns of `as_csv`, and the columns of records that are read."""
    content = [
        {
            "indicator": one.indicator.id,
            "extent": one.extent,
            "reads": one.columns,
            "sources": one.sources,
            "missing": one.missing,
        }
        for one in lineages
    ]
    return json.dumps(content, indent=1) + "\n"


def as_markdown(lineages: Sequence[Lineage]) -> str:
    """The page docs/sources.md: indicators with their lineage, then every mapping."""
    out = [
        "# Sources of the records and the indicators",
        "",
        "Generated from the declarations in `features/sources/` and the spec tables by `make docs`;",
        "do not edit. `python -m features import` runs the same declarations; `python -m features",
        "lineage --format csv` has every column of the systems that an indicator comes from.",
        "",
        "What is read in the words of officers (`contacts.note`) counts only for kinds that the board let",
        "count, today none (docs/decisions/0093.md), so what stands in notes alone is missing here.",
        "`lineage --with-notes` shows what they would add.",
        "",
    ]
    for extent, (title, words) in _SECTIONS.items():
        of_extent = [one for one in lineages if one.extent == extent]
        out += [f"## {title}: {len(of_extent)} of {len(lineages)} indicators", "", words, ""]
        out += [_indicator_line(one) for one in of_extent]
        out.append("")
    for system, mappings in MAPPINGS.items():
        out += [f"## {_TITLES[system]}", ""]
        for mapping in mappings:
            out += _mapping_lines(mapping)
    return "\n".join(out) + "\n"


def _indicator_line(one: Lineage) -> str:
    tables: dict[str, list[str]] = {}
    for source in one.sources:
        system, column = source.split(" ", 1)
        table = column.split(".")[0]
        if table not in tables.setdefault(system, []):
            tables[system].append(table)
    named = "; ".join(f"{_TITLES[name]} {', '.join(of)}" for name, of in tables.items())
    missing = f" Missing: {', '.join(f'`{name}`' for name in one.missing)}." if one.missing else ""
    return f"- `{one.indicator.id}`.{missing} From {named or 'no table'}."


def _mapping_lines(mapping: Mapping) -> list[str]:
    lines = [
        f"### {mapping.table} as {mapping.record}",
        "",
        f"Rows: {mapping.rows}.",
        "",
    ]
    for value in (mapping.day, *mapping.values):
        sources = ", ".join(f"`{name}`" for name in value.sources)
        lines.append(f"- `{value.column}`: {value.rule} ({sources})")
    return [*lines, ""]


FORMATS: dict[str, Callable[[Sequence[Lineage]], str]] = {
    "csv": as_csv,
    "json": as_json,
    "md": as_markdown,
}
"""How the lineage can be printed, by the name of the format."""
