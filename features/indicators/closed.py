"""CC: what became known while no case was open."""

from __future__ import annotations

import polars as pl

from features.history.asof import CASE, Histories
from features.indicators.answers import A_SENTENCE
from features.indicators.base import EVIDENCE, declare_indicator
from features.indicators.language import (
    MENTAL_HEALTH,
    completed_assessments,
    contact_of,
    matching_entries,
    one_of,
)

CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
TOPIC_OF_KIND: dict[str, tuple[str, ...]] = {
    "mentions_weapons": ("weapon",),
    "mentions_domestic_abuse": ("domestic_abuse",),
    "mentions_sexual_behaviour": ("sexual", "sexual_concern_child"),
    "mentions_mental_health": MENTAL_HEALTH,
}
"""What an assessment says that it mentions, and the kinds of incident that it would be about."""


@declare_indicator(
    family="CC",
    kind="process",
    sentence="{n} entr[y|ies] about a time when no case was open [has|have] not been considered in an "
    "assessment since it was opened again.",
    feeds=("supervisions", "incidents", "assessments", "contacts"),
    source=f"{CORONER_JANUARY}, section on offender records; an inspectorate review as reported",
    disclosure="likely",
    disclosable_sentence="Earlier information has not been considered.",
)
def closed_case_information_unreviewed(histories: Histories) -> pl.LazyFrame:
    """Incidents, arrests, charges, complaints and police intelligence that are about, or became known on,
    a day that no order, licence or sentence covers, after an earlier one had ended and before one began,
    of which no assessment completed since that beginning, and since they were known, takes account. A
    contact and an incident of police intelligence on one day are one. Time on remand is no sentence. An assessment that says that it does not mention the topic takes no account
    of it.
    """
    rows, day, key = _new_information(histories), pl.col("day"), [*CASE, "record_id", "day"]
    spells = matching_entries(histories, "supervisions", A_SENTENCE)
    spells = spells.select(*CASE, began=pl.col("occurred_on"), ended=pl.col("ended_on"))
    bounds = spells.group_by(CASE).agg(
        first_end=pl.col("ended").min(), last_beginning=pl.col("began").max()
    )
    information = rows.join(bounds, on=CASE)
    between = pl.concat(
        information.select(*CASE, "record_id", "first_end", "last_beginning", day=name)
        for name in ("occurred_on", "counts_on")
    ).filter(pl.col("first_end") < day, day < pl.col("last_beginning"))
    covered = (pl.col("began") <= day) & (pl.col("ended").is_null() | (pl.col("ended") >= day))
    closed = (
        between.select(key)
        .unique()
        .join(spells, on=CASE)
        .group_by(key)
        .agg(
            open_then=covered.any(),
            reopened_on=pl.when(pl.col("began") > day).then(pl.col("began")).min(),
        )
        .filter(~pl.col("open_then"))
    )
    again = closed.group_by([*CASE, "record_id"]).agg(reopened_on=pl.col("reopened_on").max())
    dated = rows.join(again, on=[*CASE, "record_id"])
    return dated.join(_considered_incidents(histories, dated), on=[*CASE, "record_id"], how="anti")


def _new_information(histories: Histories) -> pl.LazyFrame:
    """What may become known while a case is closed: incidents, and some contacts."""
    columns = [*CASE, "as_of", *EVIDENCE, "counts_on"]
    heard = contact_of("arrest_or_charge", "third_party") | (
        (pl.col("type_code") == "C515") & pl.col("outcome_code").ne_missing("NOCO")
    )
    contacts = matching_entries(histories, "contacts", heard)
    incidents = matching_entries(histories, "incidents").select(*columns, "kind")
    # A source that has both the contact and what it brought would say one thing twice. Only one that
    # was known as late as the contact stands for it: an earlier one may have been considered.
    same = (
        contacts.filter(pl.col("type_code") == "C515")
        .select(*CASE, "occurred_on", "record_id", heard_on=pl.col("counts_on"))
        .join(
            incidents.filter(pl.col("kind") == "intelligence").select(
                *CASE, "occurred_on", "counts_on"
            ),
            on=[*CASE, "occurred_on"],
        )
        .filter(pl.col("counts_on") >= pl.col("heard_on"))
    )
    alone = contacts.join(same, on=[*CASE, "record_id"], how="anti")
    return pl.concat([incidents, alone.select(*columns, kind=pl.lit(None, pl.String()))])


def _considered_incidents(histories: Histories, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The incidents of which some assessment completed since the reopening takes account."""
    assessed = completed_assessments(histories).select(
        *CASE, *TOPIC_OF_KIND, done_on=pl.col("occurred_on")
    )
    silent = pl.any_horizontal(
        one_of("kind", kinds).fill_null(value=False)
        & pl.col(column).eq_missing(pl.lit(value=False))
        for column, kinds in TOPIC_OF_KIND.items()
    )
    from_then = pl.max_horizontal("reopened_on", "counts_on")
    since = rows.join(assessed, on=CASE).filter(pl.col("done_on") >= from_then, ~silent)
    return since.select(*CASE, "record_id").unique()
