"""RC: links to other cases. Shown after the reader's own view; no score passes along them."""

from __future__ import annotations

import polars as pl

from features.history.asof import Histories
from features.indicators.base import declare_indicator
from features.indicators.language import FIRST, in_force, one_of

HOUSEHOLDS = "Review of Rapid Safety Feedback, Illinois, 2017: other adults of a home not connected"
NOBODY_IS_SCORED_BY_OTHERS = "nobody is scored by what is recorded of somebody else"
CONCERNS = ("HIGH", "VERY_HIGH", "child_register")
KIND = pl.col("kind")
PEOPLE = pl.col("linked_crn").n_unique()


@declare_indicator(
    family="RC",
    kind="context",
    sentence="Somebody who is recorded as high or very high risk, or is on a register that concerns "
    "children, lives at the same address (since {date}).",
    feeds=("links",),
    source=HOUSEHOLDS,
    value=PEOPLE,
    words={"n": PEOPLE, "date": FIRST},
    disclosure="likely",
    disclosable_sentence="Who lives at the address is on record.",
    page_only_because=NOBODY_IS_SCORED_BY_OTHERS,
)
def person_of_concern_at_same_address(histories: Histories) -> pl.LazyFrame:
    """People with a link in force by a shared address who have a recorded high or very high risk of serious
    harm, or on a register that concerns children.
    """
    shared = KIND == "shared_address"
    return in_force(histories, "links", shared, one_of("concern", CONCERNS))


@declare_indicator(
    family="RC",
    kind="context",
    sentence="A partner named in this case is named as a victim in another case (since {date}).",
    feeds=("links",),
    source=HOUSEHOLDS,
    groups=("children", "known_adult"),
    value=PEOPLE,
    words={"n": PEOPLE, "date": FIRST},
    disclosure="likely",
    disclosable_sentence="Who the person is close to is on record.",
    page_only_because=NOBODY_IS_SCORED_BY_OTHERS,
)
def partner_is_victim_in_another_case(histories: Histories) -> pl.LazyFrame:
    """Other cases with a link in force that says that a partner named here is a victim there."""
    without_concern = pl.col("concern").is_null()
    return in_force(histories, "links", KIND == "partner_is_victim", without_concern)
