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
_EXTENTS = {
    "whole": "every example of the spec table can come from the systems",
    "part": "it can fire, but not in every way that its spec table shows",
    "none": "no example in which it fires can come from the systems",
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
    count = {extent: sum(one.extent == extent for one in lineages) for extent in _EXTENTS}
    out = [
        "# Sources of the records and the indicators",
        "",
        "Generated from the declarations in `features/sources/` and the spec tables by `make docs`;",
        "do not edit. `python -m features import` runs the same declarations.",
        "",
        f"Of {len(lineages)} indicators:",
        "",
        *[f"- {count[extent]} {extent}: {words}" for extent, words in _EXTENTS.items()],
        "",
        "Words of officers (`contacts.note`) are not read; what stands only in them is missing here.",
        "",
        "## Indicators",
        "",
        "| Indicator | Extent | Columns of the systems | Missing |",
        "|---|---|---|---|",
    ]
    out += [_indicator_row(one) for one in lineages]
    for system, mappings in MAPPINGS.items():
        out += ["", f"## {_TITLES[system]}", ""]
        for mapping in mappings:
            out += _mapping_lines(mapping)
    return "\n".join(out) + "\n"


def _indicator_row(one: Lineage) -> str:
    sources = ", ".join(f"`{name}`" for name in one.sources) or "none"
    missing = ", ".join(f"`{name}`" for name in one.missing) or "nothing"
    return f"| `{one.indicator.id}` | {one.extent} | {sources} | {missing} |"


def _mapping_lines(mapping: Mapping) -> list[str]:
    lines = [
        f"### {mapping.table} as {mapping.record}",
        "",
        f"Rows: {mapping.rows}.",
        "",
        f"| Column of {mapping.record} | From | Rule |",
        "|---|---|---|",
    ]
    for value in (mapping.day, *mapping.values):
        sources = ", ".join(f"`{name}`" for name in value.sources)
        lines.append(f"| `{value.column}` | {sources} | {value.rule} |")
    return [*lines, ""]


FORMATS: dict[str, Callable[[Sequence[Lineage]], str]] = {
    "csv": as_csv,
    "json": as_json,
    "md": as_markdown,
}
"""How the lineage can be printed, by the name of the format."""
