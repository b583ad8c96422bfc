"""Adds up what is recorded as non-compliance of each case, for its page."""

from __future__ import annotations

from typing import Any

import polars as pl

from features.contracts import contact_codes
from features.history.asof import CASE, Histories
from features.indicators import CATALOGUE
from features.indicators.orders import supervised_since

DAYS_OF_FAILURES = 365
"""How far back failures are looked for that do not count, because no contact was due."""


def non_compliance(histories: Histories) -> dict[str, dict[str, Any]]:
    """Recorded non-compliance of each case by month, under the current orders and licences.

    `uncounted` is how many failures of the last year do not count, because no contact was due: in
    custody, while contact was suspended, or under no order. They are on record all the same.
    """
    supplied = histories.spine.filter(histories.is_available(["contacts", "supervisions"]))
    started = histories.collect_now(
        supervised_since(histories).select(*CASE, since="supervised_since")
    )
    rows = CATALOGUE["licence_breach_count_cumulative"].entries(histories)
    month = pl.col("occurred_on").dt.strftime("%Y-%m")
    counted = histories.collect_now(rows.group_by("crn", month=month).len().sort("crn", "month"))
    failures = histories.rows("contacts").filter(
        pl.col("outcome_code").is_in(contact_codes.NON_COMPLIANT)
        | pl.col("type_code").is_in(contact_codes.BREACH_CONTACTS),
        (pl.col("as_of") - pl.col("occurred_on")).dt.total_days() < DAYS_OF_FAILURES,
    )
    counted_rows = histories.collect_now(rows.select("crn", "record_id"))
    left_out = dict(
        failures.join(counted_rows, on=["crn", "record_id"], how="anti")
        .group_by("crn")
        .len()
        .iter_rows()
    )
    counts_of: dict[str, dict[str, Any]] = {}
    for crn, since in (
        supplied.join(started, on=CASE, how="left").select("crn", "since").iter_rows()
    ):
        counts_of[crn] = {
            "since": since.isoformat() if since else None,
            "months": [],
            "uncounted": left_out.get(crn, 0),
        }
    for crn, name, count in counted.iter_rows():
        if crn in counts_of:
            counts_of[crn]["months"].append((name, count))
    return counts_of
