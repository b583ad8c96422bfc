"""Closes links to other cases that a reader may not see, when findings are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    of_others = [one for part in shown.get("other_groups", ()) for one in part["findings"]]
    crns = {
        entry["linked_crn"]
        for finding in [*shown["shown_only"], *of_others]
        for entry in finding["entries"]
        if entry.get("linked_crn")
    }
    if not crns:
        return shown
    limited = _limited_cases(connection, crns)
    held = set(connection.execute(select(caseload.c.crn).where(caseload.c.crn.in_(crns))).scalars())
    shown["shown_only"] = _read_findings(shown["shown_only"], limited, held)
    shown["other_groups"] = [
        {**part, "findings": _read_findings(part["findings"], limited, held)}
        for part in shown.get("other_groups", ())
    ]
    return shown


def _read_findings(
    findings: Iterable[Mapping[str, Any]], limited: set[str], held: set[str]
) -> list[dict[str, Any]]:
    readable = [_read_finding(finding, limited, held) for finding in findings]
    return [finding for finding in readable if finding["entries"]]


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
