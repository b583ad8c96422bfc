"""Writes the page of the records (`docs/records.md`)."""

from __future__ import annotations

from features.contracts.records import TABLES


def as_markdown() -> str:
    """Every table with its columns as a Markdown page (docs/records.md)."""
    out = [
        "# The records",
        "",
        "Generated from `features/contracts/records.py` by `python -m features docs`; do not edit.",
        "Dates are local calendar dates, times are UTC. A code that is not listed is kept as it",
        "came, counted and named by intake, and treated as unknown. A case is one CRN.",
        "",
    ]
    for item in TABLES.values():
        out += [f"## {item.name}", "", f"A row is {item.row}.", "", f"Gaps: {item.gaps}", ""]
        if item.planned:
            out += ["Rows may be recorded before they occur; they count only from that day.", ""]
        out += ["| column | type | required | meaning | codes |", "|---|---|---|---|---|"]
        for column in item.columns:
            listed = ", ".join(f"`{code}`" for code in column.codes or ())
            out.append(
                f"| `{column.name}` | {column.type} | {'yes' if column.required else ''} "
                f"| {column.meaning} | {listed} |"
            )
        out.append("")
    return "\n".join(out)
