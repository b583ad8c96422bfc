"""Closes links to other cases that a reader may not see, when findings are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, text

from serving.db.unit_tables import caseload

LINKS = "links"
_SINCE = re.compile(r" \(since [^)]*\)")


def close_links(connection: Connection, findings: Mapping[Any, Any]) -> dict[str, Any]:
    """The findings as this user may read them: `linked_case` is a CRN of the own unit, else None.

    A link to a case of limited access is left out, and so is a finding that rests on such links
    alone, whoever reads (decision 0088).
    """
    shown = dict(findings)
    crns = {
        entry["linked_crn"]
        for finding in shown["shown_only"]
        for entry in finding["entries"]
        if entry.get("linked_crn")
    }
    if not crns:
        return shown
    limited = _limited_cases(connection, crns)
    held = set(connection.execute(select(caseload.c.crn).where(caseload.c.crn.in_(crns))).scalars())
    readable = [_read_finding(finding, limited, held) for finding in shown["shown_only"]]
    shown["shown_only"] = [finding for finding in readable if finding["entries"]]
    return shown


def _limited_cases(connection: Connection, crns: set[str]) -> set[str]:
    limited = text(
        "SELECT crn FROM unnest(CAST(:crns AS text[])) AS t(crn) WHERE triage.is_limited(crn)"
    )
    return set(connection.execute(limited, {"crns": sorted(crns)}).scalars())


def _read_finding(finding: Mapping[str, Any], limited: set[str], held: set[str]) -> dict[str, Any]:
    entries = []
    for entry in finding["entries"]:
        if entry["table"] != LINKS:
            entries.append(entry)
        elif entry.get("linked_crn") and entry["linked_crn"] not in limited:
            crn = entry["linked_crn"]
            own = {name: value for name, value in entry.items() if name != "linked_crn"}
            entries.append({**own, "linked_case": crn if crn in held else None})
    sentence = finding["sentence"]
    if len(entries) < len(finding["entries"]):
        # Its date may be that of a link that was left out.
        sentence = _SINCE.sub("", sentence)
    return {**finding, "entries": entries, "sentence": sentence}
