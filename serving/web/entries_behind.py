"""Orders the entries behind a finding: of the first two a reader sees, none may be the mildest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Record = Mapping[tuple[str, str], Mapping[Any, Any]]
"""The entries of a case by table and record number."""


def order_behind(entries: Iterable[Mapping[str, Any]], by_id: Record) -> list[Mapping[str, Any]]:
    """The entries of a finding, the most serious first, then the newest.

    One whose seriousness nobody recorded stands after those with one.
    """
    return sorted(entries, key=lambda entry: _rank_of(entry, by_id), reverse=True)


def _rank_of(entry: Mapping[str, Any], by_id: Record) -> tuple[int, str]:
    row = by_id.get((entry["table"], entry["record_id"]), {})
    return (row.get("seriousness") or 0, str(entry["occurred_on"]))
