"""NDelius, declared: addresses, partners and children, and other circumstances."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, by_words, day, end_day, flag, listed
from features.sources.ndelius.rows import case_rows, skip_where, units, with_code, without_deleted
from features.sources.tables import SourceTables

ADDRESS_STATES = {
    **dict.fromkeys(
        ("A01", "A01A", "A01B", "A01C", "A01D", "A04", "A07", "A07B", "A12"), "settled"
    ),
    **dict.fromkeys(("A02", "A03", "A07A", "A10", "A11", "A13", "A14", "A17"), "temporary"),
    **dict.fromkeys(("A05", "A08", "A08A", "A08B", "A08C"), "no_fixed_abode"),
    **dict.fromkeys(("A06", "A16", "A99"), "unknown"),
}
"""Address types of NDelius (list ADDRESS TYPE) as states of where somebody lives."""


def _addresses(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "OFFENDER_ADDRESS",
        "OFFENDER_ADDRESS_ID",
        "START_DATE",
        "END_DATE",
        "ADDRESS_TYPE_ID",
        "NO_FIXED_ABODE",
        "TYPE_VERIFIED",
    )
    rows = with_code(rows, tables, "ADDRESS_TYPE_ID", name="_type")
    checks = without_deleted(
        tables.scan(
            "ADDRESS_ASSESSMENT",
            "OFFENDER_ADDRESS_ID",
            "ASSESSMENT_DATE",
            "TEAM_ID",
            "SOFT_DELETED",
        )
    ).with_columns(_on=day("ASSESSMENT_DATE"))
    newest = checks.sort("_on").unique("OFFENDER_ADDRESS_ID", keep="last", maintain_order=True)
    placed = newest.join(units(tables), on="TEAM_ID").select("OFFENDER_ADDRESS_ID", "pdu_code")
    return rows.join(placed, on="OFFENDER_ADDRESS_ID", how="left")


ADDRESSES = Mapping(
    record="circumstances",
    table="OFFENDER_ADDRESS",
    rows="every address",
    prepare=_addresses,
    day=Value("occurred_on", ("OFFENDER_ADDRESS.START_DATE",), "since when", day("START_DATE")),
    values=(
        Value(
            "kind",
            ("OFFENDER_ADDRESS.OFFENDER_ADDRESS_ID",),
            "always an address",
            pl.lit("address"),
            codes=("address",),
        ),
        Value(
            "state",
            ("OFFENDER_ADDRESS.ADDRESS_TYPE_ID", "OFFENDER_ADDRESS.NO_FIXED_ABODE"),
            "no fixed abode where it says so; else by the address type; null for a type not listed",
            pl.when(pl.col("NO_FIXED_ABODE") == "Y")
            .then(pl.lit("no_fixed_abode"))
            .otherwise(listed("_type", ADDRESS_STATES)),
            codes=tuple(dict.fromkeys(ADDRESS_STATES.values())),
        ),
        Value(
            "verified",
            ("OFFENDER_ADDRESS.TYPE_VERIFIED",),
            "whether the type of address was verified",
            flag("TYPE_VERIFIED"),
        ),
        Value(
            "pdu_code",
            ("ADDRESS_ASSESSMENT.TEAM_ID", "TEAM.DISTRICT_ID", "BOROUGH.CODE"),
            "the delivery unit whose team assessed the address last; null for one never assessed",
            pl.col("pdu_code"),
        ),
        Value("ended_on", ("OFFENDER_ADDRESS.END_DATE",), "until when", end_day("END_DATE")),
    ),
    prefix="address-",
)

PERSONS = (
    ("relationship", "partner|spouse|wife|husband|girlfriend|boyfriend|fianc|civil"),
    ("child_contact", "child|son|daughter"),
)
"""What a personal contact is, by the words of the relationship; the first that fits."""


def personal_contacts(tables: SourceTables, *columns: str) -> pl.LazyFrame:
    """All rows of PERSONAL_CONTACT, with `_words`: what the person is to the one on probation."""
    rows = case_rows(
        tables,
        "PERSONAL_CONTACT",
        "PERSONAL_CONTACT_ID",
        "START_DATE",
        "END_DATE",
        "RELATIONSHIP",
        "RELATIONSHIP_TYPE_ID",
        *columns,
    )
    rows = with_code(rows, tables, "RELATIONSHIP_TYPE_ID", name="_type")
    words = [pl.col("RELATIONSHIP").fill_null(""), pl.col("_type_words").fill_null("")]
    return rows.with_columns(_words=pl.concat_str(words, separator=" "))


def _personal(tables: SourceTables) -> pl.LazyFrame:
    rows = personal_contacts(tables).with_columns(_kind=by_words(pl.col("_words"), PERSONS))
    return rows.with_columns(
        skip_where(pl.col("_kind").is_null(), "neither a partner nor a child, by its words")
    )


_PERSON_KIND = Value(
    "kind",
    ("PERSONAL_CONTACT.RELATIONSHIP", "PERSONAL_CONTACT.RELATIONSHIP_TYPE_ID"),
    "a relationship or contact with a child, by the words of the relationship",
    pl.col("_kind"),
    codes=tuple(name for name, _ in PERSONS),
)
PERSONAL_CONTACTS = Mapping(
    record="circumstances",
    table="PERSONAL_CONTACT",
    rows="partners and children among the personal contacts",
    prepare=_personal,
    day=Value("occurred_on", ("PERSONAL_CONTACT.START_DATE",), "since when", day("START_DATE")),
    values=(
        _PERSON_KIND,
        Value(
            "state",
            ("PERSONAL_CONTACT.RELATIONSHIP", "PERSONAL_CONTACT.RELATIONSHIP_TYPE_ID"),
            "new for a relationship, current for a child; when it ended says the end alone",
            pl.when(pl.col("_kind") == "relationship")
            .then(pl.lit("new"))
            .otherwise(pl.lit("current")),
            codes=("new", "current"),
        ),
        Value("ended_on", ("PERSONAL_CONTACT.END_DATE",), "until when", end_day("END_DATE")),
    ),
    prefix="person-",
)


def _ended(tables: SourceTables) -> pl.LazyFrame:
    rows = _personal(tables)
    return rows.with_columns(skip_where(end_day("END_DATE").is_null(), "it has not ended"))


ENDED_CONTACTS = Mapping(
    record="circumstances",
    table="PERSONAL_CONTACT",
    rows="the ends of relationships and of contact with children",
    prepare=_ended,
    day=Value("occurred_on", ("PERSONAL_CONTACT.END_DATE",), "when it ended", end_day("END_DATE")),
    values=(
        _PERSON_KIND,
        Value("state", ("PERSONAL_CONTACT.END_DATE",), "always ended", pl.lit("ended"), ("ended",)),
        Value("ended_on", ("PERSONAL_CONTACT.END_DATE",), "the same day", end_day("END_DATE")),
    ),
    prefix="person-end-",
)

CIRCUMSTANCES = (
    ("pregnancy", "pregnan"),
    ("relationship_conflict", "relationship (breakdown|difficult)|separat"),
    ("relationship", "relationship"),
    ("child_contact", "dependent|child"),
    ("treatment", "treatment"),
)
"""What a personal circumstance is, by the words of its type; the first that fits."""


def _circumstances(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "PERSONAL_CIRCUMSTANCE",
        "PERSONAL_CIRCUMSTANCE_ID",
        "START_DATE",
        "END_DATE",
        "CIRCUMSTANCE_TYPE_ID",
        "CIRCUMSTANCE_SUB_TYPE_ID",
        "EVIDENCED",
    )
    rows = with_code(rows, tables, "CIRCUMSTANCE_TYPE_ID", "R_CIRCUMSTANCE_TYPE", name="_type")
    rows = with_code(
        rows, tables, "CIRCUMSTANCE_SUB_TYPE_ID", "R_CIRCUMSTANCE_SUB_TYPE", name="_sub"
    )
    words = pl.concat_str(
        pl.col("_type_words").fill_null(""), pl.lit(" "), pl.col("_sub_words").fill_null("")
    )
    return rows.with_columns(_kind=by_words(words, CIRCUMSTANCES)).with_columns(
        skip_where(pl.col("_kind").is_null(), "a type of circumstance that no record holds")
    )


PERSONAL_CIRCUMSTANCES = Mapping(
    record="circumstances",
    table="PERSONAL_CIRCUMSTANCE",
    rows="relationships, children, pregnancy and treatment among the circumstances",
    prepare=_circumstances,
    day=Value(
        "occurred_on", ("PERSONAL_CIRCUMSTANCE.START_DATE",), "since when", day("START_DATE")
    ),
    values=(
        Value(
            "kind",
            ("PERSONAL_CIRCUMSTANCE.CIRCUMSTANCE_TYPE_ID", "R_CIRCUMSTANCE_TYPE.CODE_DESCRIPTION"),
            "by the words of its type and sub-type",
            pl.col("_kind"),
            codes=tuple(name for name, _ in CIRCUMSTANCES),
        ),
        Value(
            "state",
            ("PERSONAL_CIRCUMSTANCE.CIRCUMSTANCE_TYPE_ID", "R_CIRCUMSTANCE_TYPE.CODE_DESCRIPTION"),
            "new for a pregnancy, else current; when it ended says the end alone",
            pl.when(pl.col("_kind") == "pregnancy")
            .then(pl.lit("new"))
            .otherwise(pl.lit("current")),
            codes=("new", "current"),
        ),
        Value(
            "verified",
            ("PERSONAL_CIRCUMSTANCE.EVIDENCED",),
            "whether it is evidenced",
            flag("EVIDENCED"),
        ),
        Value("ended_on", ("PERSONAL_CIRCUMSTANCE.END_DATE",), "until when", end_day("END_DATE")),
    ),
    prefix="circumstance-",
)

MAPPINGS: tuple[Mapping, ...] = (
    ADDRESSES,
    PERSONAL_CONTACTS,
    ENDED_CONTACTS,
    PERSONAL_CIRCUMSTANCES,
)
