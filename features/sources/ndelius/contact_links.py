"""NDelius, declared: links between cases that name the same personal contact."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import CREATED, Mapping, Value, by_words, day, end_day
from features.sources.ndelius.circumstances import personal_contacts
from features.sources.ndelius.link_pairs import END, KEY, START, link_rows, linked_values
from features.sources.ndelius.rows import skip_where
from features.sources.tables import SourceTables

ROLES = (
    (
        "professional",
        r"liaison|\bgp\b|doctor|nurse|solicitor|lawyer|barrister|worker|officer|manager|psych|landlord|"
        "employer|teacher|tutor|agency|interpreter|probation|social services|support|sponsor",
    ),
    (
        "other",
        r"(not|no) (a |the )?victim|business partner|['’]s |\bof (his|her|the)? ?(partner|wife|"
        "husband|girlfriend|boyfriend|ex|victim)",
    ),
    ("victim", "victim|complainant|injured party"),
    ("partner", "partner|spouse|wife|husband|girlfriend|boyfriend|fianc|civil"),
)
"""What a personal contact is to the person, by the words of the relationship; the first that fits."""
OTHER = "other"
_OWN, _OTHERS = pl.col("_role"), pl.col("_role_other")
KIND = (
    pl.when((_OWN == "victim") & (_OTHERS == "victim"))
    .then(pl.lit("same_victim"))
    .when((_OWN == "partner") & (_OTHERS == "victim"))
    .then(pl.lit("partner_is_victim"))
    .when((_OWN == "victim") & (_OTHERS == "partner"))
    .then(pl.lit("victim_is_partner"))
    .otherwise(pl.lit("shared_contact"))
)
KINDS = ("same_victim", "partner_is_victim", "victim_is_partner", "shared_contact")


def _name_with(column: str) -> pl.Expr:
    """An expression: the person's name with one more thing that is alike, as one text."""
    parts = [
        pl.col(name).str.to_uppercase().str.replace_all("[^A-Z0-9@]", "")
        for name in ("FIRST_NAME", "SURNAME", column)
    ]
    whole = pl.all_horizontal((part != "").fill_null(value=False) for part in parts)
    return pl.when(whole).then(pl.concat_str(pl.lit(column), *parts, separator=" "))


def _personal(tables: SourceTables) -> pl.LazyFrame:
    rows = personal_contacts(
        tables, "FIRST_NAME", "SURNAME", "ADDRESS_ID", "MOBILE_NUMBER", "EMAIL_ADDRESS"
    )
    names = [_name_with(name) for name in ("ADDRESS_ID", "MOBILE_NUMBER", "EMAIL_ADDRESS")]
    rows = rows.with_columns(
        by_words(pl.col("_words"), ROLES).fill_null(OTHER).alias("_role"),
        pl.concat_list(names).list.drop_nulls().alias(KEY),
        pl.coalesce(day("START_DATE"), pl.col(CREATED).dt.date()).alias(START),
    )
    # To have been harmed does not end when the contact with somebody does.
    ended = pl.when(pl.col("_role") != "victim").then(end_day("END_DATE"))
    unnamed = pl.col(KEY).list.len() == 0
    rows = rows.with_columns(
        ended.alias(END),
        skip_where(pl.col("_role") == "professional", "somebody who works with the person"),
    )
    rows = rows.with_columns(skip_where(unnamed, "no name with an address, telephone or e-mail"))
    return link_rows(rows.explode(KEY), tables, KIND)


PERSONAL_CONTACTS = Mapping(
    record="links",
    table="PERSONAL_CONTACT",
    rows="two cases that name the same person: first name and surname alike, and the address, "
    "mobile number or e-mail address too; nobody who works with the person",
    prepare=_personal,
    day=Value(
        "occurred_on",
        ("PERSONAL_CONTACT.START_DATE", "PERSONAL_CONTACT.CREATED_DATETIME"),
        "the first day on which both cases named the person and, with a concern, it was on a "
        "register",
        pl.col(START),
    ),
    values=linked_values(
        (
            "PERSONAL_CONTACT.FIRST_NAME",
            "PERSONAL_CONTACT.SURNAME",
            "PERSONAL_CONTACT.ADDRESS_ID",
            "PERSONAL_CONTACT.MOBILE_NUMBER",
            "PERSONAL_CONTACT.EMAIL_ADDRESS",
            "PERSONAL_CONTACT.RELATIONSHIP",
        ),
        ("PERSONAL_CONTACT.END_DATE",),
        KINDS,
    ),
    prefix="person-link-",
)

MAPPINGS: tuple[Mapping, ...] = (PERSONAL_CONTACTS,)
