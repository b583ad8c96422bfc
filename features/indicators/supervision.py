"""SC, MA and CU: who holds the case, who oversees it, and the time around release."""

from __future__ import annotations

import polars as pl

from features.history.asof import CASE, Histories, latest_rows
from features.indicators.answers import answers_to
from features.indicators.base import declare_indicator
from features.indicators.events import significant_events
from features.indicators.language import (
    N,
    counts_within,
    matching_entries,
    not_followed_by,
    one_of,
    within_days,
)
from features.indicators.orders import recent_releases

SFO_REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"


@declare_indicator(
    family="SC",
    kind="process",
    sentence="{n} change[|s] of practitioner in the last 12 months.",
    feeds=("allocations",),
    source="A practitioners' account, October 2023: seven or eight in a year is not uncommon",
    fires_from=2.0,
)
def practitioner_changes_365d(histories: Histories) -> pl.LazyFrame:
    """Holdings that began in the last 365 days after another practitioner's: the first of all is no
    change, nor is a holding that begins anew with the same practitioner. Of one day, each counts.
    """
    allocations = matching_entries(histories, "allocations")
    by_day = allocations.group_by(*CASE, "occurred_on").agg(staff=pl.col("staff_code").unique())
    before = by_day.sort("occurred_on").with_columns(
        staff_before=pl.col("staff").shift().over(CASE)
    )
    rows = allocations.join(before.drop("staff"), on=[*CASE, "occurred_on"])
    is_same = pl.col("staff_code").is_in(pl.col("staff_before"))
    return rows.filter(within_days(365), pl.col("staff_before").is_not_null(), ~is_same)


@declare_indicator(
    family="SC",
    kind="process",
    sentence="The practitioner has been absent for {d} days and the case has not been reallocated.",
    feeds=("allocations",),
    source=f"{SFO_REVIEW}, sections 5 and 11c",
    words={"n": N, "d": pl.col("absent_days").max()},
)
def absence_cover_without_reallocation(histories: Histories) -> pl.LazyFrame:
    """Current holdings whose practitioner has been absent for 28 days or more."""
    allocations = matching_entries(
        histories,
        "allocations",
        pl.col("ended_on").is_null(),
        pl.col("absent_from").is_not_null(),
        pl.col("absent_to").is_null(),
    ).with_columns(absent_days=(pl.col("as_of") - pl.col("absent_from")).dt.total_days())
    return allocations.filter(pl.col("absent_days") >= 28)


@declare_indicator(
    family="SC",
    kind="process",
    sentence="No management oversight is recorded within 10 working days of {n} significant "
    "event[|s] ({kinds}).",
    feeds=("contacts", "incidents", "circumstances"),
    source=f"{SFO_REVIEW}, sections 5, 11d and 12",
    words={"n": N, "kinds": pl.col("event").unique()},
    disclosure="possible",
    disclosable_sentence="Events were not discussed with a manager.",
)
def no_oversight_after_significant_event(histories: Histories) -> pl.LazyFrame:
    """Significant events that became known in the last 180 days, without management oversight in 10
    working days.
    """
    events = significant_events(histories).filter(counts_within(180))
    return not_followed_by(
        events, answers_to(histories, "no_oversight_after_significant_event"), 10
    )


@declare_indicator(
    family="SC",
    kind="context",
    sentence="The practitioner's workload is {p}% of capacity.",
    feeds=("allocations",),
    source=f"{SFO_REVIEW}, sections 5 and 10",
    direction="0",
    value=pl.col("workload_percent").last(),
    words={"p": pl.col("workload_percent").last()},
    none=None,
    fires_from=120.0,
    page_only_because="context for the reader: it says nothing of the person",
)
def practitioner_workload_percent(histories: Histories) -> pl.LazyFrame:
    """The workload of the practitioner who holds the case, as last recorded."""
    allocations = matching_entries(
        histories,
        "allocations",
        pl.col("ended_on").is_null(),
        pl.col("workload_percent").is_not_null(),
    )
    return allocations.sort("occurred_on", "record_id")


@declare_indicator(
    family="SC",
    kind="process",
    sentence="{n} task[|s] set by MAPPA or in oversight [is|are] overdue, the oldest by {d} days.",
    feeds=("actions",),
    source=f"{SFO_REVIEW}, sections 4 and 13",
    words={"n": N, "d": pl.col("late").max()},
    disclosure="possible",
    disclosable_sentence="Tasks that were agreed are overdue.",
)
def overdue_task_noted_not_done(histories: Histories) -> pl.LazyFrame:
    """Actions set by MAPPA or in oversight, not done and more than 14 days past their date; one without
    a date was due at once.
    """
    due = pl.coalesce("due_on", "occurred_on")
    open_actions = matching_entries(
        histories,
        "actions",
        one_of("kind", ["oversight_task", "mappa_action"]),
        pl.col("done_on").is_null(),
    ).with_columns(late=(pl.col("as_of") - due).dt.total_days())
    return open_actions.filter(pl.col("late") > 14)


@declare_indicator(
    family="CU",
    kind="context",
    sentence="Released {days} days ago.",
    feeds=("supervisions",),
    source="Chief Probation Officer's response to a coroner, October 2024, section 1: the early "
    "period is when failures are likeliest",
    direction="0",
    value=pl.col("days").min(),
    words={"days": pl.col("days").min()},
    none=None,
    fires_from=0.0,
    page_only_because="context for the reader: it says when, not what the person did",
)
def days_since_release(histories: Histories) -> pl.LazyFrame:
    """Days since the latest release on licence, within 90 days of it, whatever else began since."""
    return latest_rows(recent_releases(histories, 90))
