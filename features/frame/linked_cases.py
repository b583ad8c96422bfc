"""Describes the links behind a finding: the other case, and what the two cases share."""

from __future__ import annotations

from features.contracts import codes
from features.history.asof import Histories

LinkedCases = dict[tuple[str, str], dict[str, str | None]]
"""By case and record number of a link: `linked_crn` and `what`, in words."""


def linked_cases(histories: Histories) -> LinkedCases:
    """Every link known on each case's as-of date, with the other case and the link in words."""
    described: LinkedCases = {}
    for row in histories.rows("links").iter_rows(named=True):
        words = [
            codes.LINK_KINDS.get(row["kind"] or "", row["kind"]),
            codes.LINK_CONCERNS.get(row["concern"] or "", row["concern"]),
        ]
        what = "; ".join(word for word in words if word)
        described[row["crn"], row["record_id"]] = {
            "linked_crn": row["linked_crn"],
            "what": what[:1].upper() + what[1:],
        }
    return described
