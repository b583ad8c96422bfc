"""Puts rows of API responses under the case that lives on: merges told of, and items told of twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from features.sources.api_assessments import Body, Row, parse_time
from features.sources.api_versions import CHANGED
from features.sources.ndelius.merges import Merges, follow_merges

MERGES = "merges"
"""Instead of a table: the row of an event that two cases were merged, or are two again."""
WHOLE = "whole"
"""Instead of a table: the row of a response that lists all contacts of its case."""
Tellings = dict[tuple[str, str], list[dict[str, Any]]]
"""Everything that was said of each record, by table and record number."""
_TIMES = ("crn", "recorded_at", CHANGED)


def is_merge(body: Any) -> bool:
    """Whether a body is an event about the merging of cases."""
    kind = body.get("eventType") if isinstance(body, dict) else None
    return isinstance(kind, str) and "merge" in kind


def read_merge(body: Body, _: str | None) -> Iterator[Row]:
    """A merge of one case into another, or its undoing, from an event of probation-case."""
    about = body.get("additionalInformation") or body
    undone = "unmerge" in body["eventType"]
    source = about["reactivatedCRN"] if undone else about["sourceCRN"]
    target = None if undone else about["targetCRN"]
    at = parse_time(body.get("occurredAt")) or parse_time(body.get("publishedAt"))
    yield MERGES, {"record_id": source, "crn": source, "target": target, "recorded_at": at}


def join_cases(rows: Tellings, merged: Mapping[str, str]) -> tuple[Tellings, Merges]:
    """The rows under the cases that live on, and the merges.

    After a merge event, rows of the source count for the target. The same number with the same
    content under two CRNs is one item that has moved: it counts for the case that lives on, or the
    higher CRN where no event says which. With another content they are two items of two cases.
    `merged` has the cases that live on by the tables.
    """
    targets = dict(merged)
    events = [row for (table, _), own in rows.items() if table == MERGES for row in own]
    for event in sorted(events, key=_moment_of):
        targets.pop(event["crn"], None)
        if event["target"]:
            targets[event["crn"]] = event["target"]
    merges = follow_merges(targets)
    joined: Tellings = {}
    for (table, number), own in rows.items():
        if table in (MERGES, WHOLE):
            continue
        for row in own:
            row["crn"] = merges.survivors.get(row["crn"], row["crn"])
        for key, some in _split_by_case(number, own):
            joined.setdefault((table, key), []).extend(some)
    return joined, merges


def _moment_of(row: Mapping[str, Any]) -> str:
    at: datetime | None = row["recorded_at"]
    return at.isoformat() if at else ""


def _split_by_case(
    number: str, own: list[dict[str, Any]]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    of_case: dict[str, list[dict[str, Any]]] = {}
    for row in own:
        of_case.setdefault(row["crn"], []).append(row)
    contents = [{_content_of(row) for row in some} for some in of_case.values()]
    if len(of_case) == 1:
        yield number, own
    elif any(one & other for one, other in zip(contents, contents[1:], strict=False)):
        last = max(of_case)
        for row in own:
            row["crn"] = last
        yield number, own
    else:
        for crn, some in of_case.items():
            key = f"{number}-{crn}"
            for row in some:
                row["record_id"] = key
            yield key, some


def _content_of(row: dict[str, Any]) -> str:
    return repr(sorted((name, value) for name, value in row.items() if name not in _TIMES))
