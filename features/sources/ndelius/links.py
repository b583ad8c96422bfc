"""NDelius, declared: links between cases by address and by Crown Court case.

No link is written where access to either case is limited (decision 0088).
"""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, day, end_day
from features.sources.ndelius.link_pairs import (
    END,
    KEY,
    MOST_PEOPLE,
    START,
    link_rows,
    linked_values,
)
from features.sources.ndelius.rows import case_rows, skip_where, with_code
from features.sources.tables import SourceTables

NOT_LIVED_AT = "propos|reject|refus|unsuit|not suit|postal|bail"
"""Words of an address status of somebody who does not live there."""


def _letters(column: str) -> pl.Expr:
    plain = pl.col(column).str.to_uppercase().str.replace_all("[^A-Z0-9]", "")
    return pl.when(plain != "").then(plain)


NO_NUMBER = r"^(N A|NA|N/A|NONE|NIL|0|UNKNOWN|NOT KNOWN|TBC|NFA|\W*)$"
"""Texts in place of a number or name of a house that say that there is none."""


def _words(column: str) -> pl.Expr:
    """An expression: words and numbers as they stand, in capitals, with one space between them."""
    plain = pl.col(column).str.to_uppercase().str.replace_all("[^A-Z0-9]+", " ").str.strip_chars()
    return pl.when(~plain.str.contains(NO_NUMBER)).then(plain)


def _addresses(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "OFFENDER_ADDRESS",
        "OFFENDER_ADDRESS_ID",
        "START_DATE",
        "END_DATE",
        "ADDRESS_STATUS_ID",
        "NO_FIXED_ABODE",
        "BUILDING_NAME",
        "ADDRESS_NUMBER",
        "POSTCODE",
    )
    rows = with_code(rows, tables, "ADDRESS_STATUS_ID", name="_status")
    number, building = _words("ADDRESS_NUMBER"), _words("BUILDING_NAME")
    house = pl.when(number.is_not_null() | building.is_not_null()).then(
        pl.concat_str(number, building, separator=", ", ignore_nulls=True)
    )
    rows = rows.with_columns(
        pl.concat_str(_letters("POSTCODE"), house, separator=" ").alias(KEY),
        day("START_DATE").alias(START),
        end_day("END_DATE").alias(END),
    )
    status = pl.when(pl.col("ADDRESS_STATUS_ID").is_not_null()).then(
        pl.col("_status_words").fill_null("not suitable: a status that no list explains")
    )
    elsewhere = status.str.contains(f"(?i){NOT_LIVED_AT}")
    no_address = pl.col(KEY).is_null() | (pl.col("NO_FIXED_ABODE") == "Y")
    rows = rows.with_columns(skip_where(elsewhere, "an address at which nobody lives yet"))
    rows = rows.with_columns(skip_where(no_address, "no postcode with a number or name of a house"))
    return link_rows(rows, tables, pl.lit("shared_address"))


ADDRESSES = Mapping(
    record="links",
    table="OFFENDER_ADDRESS",
    rows="two people under supervision at one address at the same time: postcode, number and name of "
    f"the house alike, and at most {MOST_PEOPLE} people there (more is a hostel)",
    prepare=_addresses,
    day=Value(
        "occurred_on",
        ("OFFENDER_ADDRESS.START_DATE", "REGISTRATION.REGISTRATION_DATE"),
        "the first day on which both lived there and, with a concern, it was on a register",
        pl.col(START),
    ),
    values=linked_values(
        (
            "OFFENDER_ADDRESS.POSTCODE",
            "OFFENDER_ADDRESS.ADDRESS_NUMBER",
            "OFFENDER_ADDRESS.BUILDING_NAME",
        ),
        ("OFFENDER_ADDRESS.END_DATE",),
        ("shared_address",),
    ),
    prefix="address-link-",
)


def _appearances(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "COURT_APPEARANCE",
        "COURT_APPEARANCE_ID",
        "APPEARANCE_DATE",
        "COURT_ID",
        "CROWN_COURT_CALENDAR_NUMBER",
    )
    number = _letters("CROWN_COURT_CALENDAR_NUMBER")
    rows = rows.with_columns(
        pl.concat_str("COURT_ID", number, separator=" ").alias(KEY),
        day("APPEARANCE_DATE").alias(START),
        pl.lit(None, pl.Date).alias(END),
    )
    rows = rows.with_columns(skip_where(pl.col(KEY).is_null(), "no number of a Crown Court case"))
    return link_rows(rows, tables, pl.lit("co_defendant"))


APPEARANCES = Mapping(
    record="links",
    table="COURT_APPEARANCE",
    rows="two people in one Crown Court case: the same court and the same number of the case",
    prepare=_appearances,
    day=Value(
        "occurred_on",
        ("COURT_APPEARANCE.APPEARANCE_DATE", "REGISTRATION.REGISTRATION_DATE"),
        "the first day on which both had appeared and, with a concern, it was on a register",
        pl.col(START),
    ),
    values=linked_values(
        ("COURT_APPEARANCE.COURT_ID", "COURT_APPEARANCE.CROWN_COURT_CALENDAR_NUMBER"),
        (),
        ("co_defendant",),
    ),
    prefix="court-link-",
)

MAPPINGS: tuple[Mapping, ...] = (ADDRESSES, APPEARANCES)
