"""Significant events: one list of what should lead to a review of risk, for every rule."""

from __future__ import annotations

import polars as pl

from features.contracts import codes, contact_codes
from features.history.asof import CASE, Histories, share_plan
from features.indicators.language import (
    MENTAL_HEALTH,
    SERIOUS_INCIDENTS,
    contact_of,
    matching_entries,
    one_of,
)

WORSE = "mental health worse"
"""How an event of mental health is said; scored only by a signed decision of the board."""


INTELLIGENCE_OR_CONCERN = (
    "intelligence",
    "custody_intelligence",
    "sexual_concern_child",
    "provider_concern",
)


@share_plan
def significant_events(histories: Histories) -> pl.LazyFrame:
    """Events that should lead to a review of risk: CASE, evidence, and what each is.

    Arrest or charge; a breach, also of a court order; a report by a third party; serious behaviour;
    intelligence or concern; drug or heavy alcohol use; mental health said or seen to be worse; a new
    relationship, or conflict in one; accommodation at risk or lost (independent review of a further
    offence, sections 1 and 5; the recall service's contact groups).
    """
    columns = [*CASE, "as_of", "table", "record_id", "occurred_on", "counts_on", "days"]
    frames = [
        matching_entries(histories, table).select(*columns, event=event)
        for table, event in _EVENTS.items()
    ]
    return pl.concat(frames).filter(pl.col("event").is_not_null())


_EVENTS: dict[str, pl.Expr] = {
    "contacts": pl.when(contact_of("arrest_or_charge"))
    .then(pl.lit("arrest or charge"))
    .when(one_of("type_code", contact_codes.BREACH_CONTACTS))
    .then(pl.lit("breach"))
    .when(contact_of("third_party"))
    .then(pl.lit("complaint")),
    "incidents": pl.when(one_of("kind", SERIOUS_INCIDENTS))
    .then(pl.col("kind").replace(codes.INCIDENT_KINDS))
    .when(one_of("kind", INTELLIGENCE_OR_CONCERN))
    .then(pl.lit("intelligence or concern"))
    .when(pl.col("kind") == "civil_order_breach")
    .then(pl.lit("breach"))
    .when(pl.col("kind") == "substance_use")
    .then(pl.lit("drug or alcohol use"))
    .when(one_of("kind", MENTAL_HEALTH))
    .then(pl.lit(WORSE)),
    "circumstances": pl.when(pl.col("kind") == "relationship_conflict")
    .then(pl.lit("relationship conflict"))
    .when((pl.col("kind") == "relationship") & (pl.col("state") == "new"))
    .then(pl.lit("new relationship"))
    .when(one_of("state", ["at_risk", "no_fixed_abode"]))
    .then(pl.lit("accommodation at risk")),
}
"""What of each table is such an event, in words; null where it is none."""
