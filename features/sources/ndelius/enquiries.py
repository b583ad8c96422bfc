"""NDelius, declared: enquiries and their answers, reports and referrals, ends of MAPPA."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, day, listed
from features.sources.ndelius.rows import (
    case_rows,
    chosen_contacts,
    skip_where,
    with_code,
    with_other_contacts,
)
from features.sources.tables import SourceTables

ENQUIRY_CONTACTS = {"C369": "domestic_abuse", "SFGC": "child_safeguarding"}
RESPONSE_CONTACTS = {"C515": "domestic_abuse", "SFRR": "child_safeguarding"}
RESULTS = {"CONC": "concerns", "NOCO": "no_concerns"}


def _enquiries(tables: SourceTables) -> pl.LazyFrame:
    by_type = (
        "CONTACT_TYPE_ID",
        (*ENQUIRY_CONTACTS, *RESPONSE_CONTACTS),
    )
    rows = chosen_contacts(tables, *by_type).rename({"_code": "_type"})
    rows = with_code(
        rows, tables, "CONTACT_OUTCOME_TYPE_ID", "R_CONTACT_OUTCOME_TYPE", name="_outcome"
    )
    rows = rows.with_columns(_kind=listed("_type", ENQUIRY_CONTACTS), _asked=day("CONTACT_DATE"))
    answers = rows.filter(pl.col("_type").is_in(list(RESPONSE_CONTACTS))).select(
        "OFFENDER_ID",
        listed("_type", RESPONSE_CONTACTS).alias("_kind"),
        pl.col("_asked").alias("_answered"),
        pl.col("_outcome").alias("_result"),
    )
    first = (
        rows.filter(pl.col("_kind").is_not_null())
        .select("CONTACT_ID", "OFFENDER_ID", "_kind", "_asked")
        .join(answers, on=["OFFENDER_ID", "_kind"])
        .filter(pl.col("_answered") >= pl.col("_asked"))
        .sort("_answered")
        .unique("CONTACT_ID", keep="first", maintain_order=True)
        .select("CONTACT_ID", "_answered", "_result")
    )
    rows = rows.join(first, on="CONTACT_ID", how="left").with_columns(
        skip_where(pl.col("_kind").is_null(), "an answer: it stands with its enquiry")
    )
    return with_other_contacts(rows, tables, *by_type)


ENQUIRIES = Mapping(
    record="enquiries",
    table="CONTACT",
    rows="contacts that are an enquiry to police (C369) or children's services (SFGC)",
    prepare=_enquiries,
    day=Value(
        "occurred_on", ("CONTACT.CONTACT_DATE",), "the day of the enquiry", day("CONTACT_DATE")
    ),
    values=(
        Value(
            "kind",
            ("CONTACT.CONTACT_TYPE_ID",),
            "domestic abuse (C369) or child safeguarding (SFGC)",
            pl.col("_kind"),
            codes=tuple(ENQUIRY_CONTACTS.values()),
        ),
        Value(
            "requested_on", ("CONTACT.CONTACT_DATE",), "the day of the enquiry", day("CONTACT_DATE")
        ),
        Value(
            "returned_on",
            ("CONTACT.CONTACT_DATE", "CONTACT.CONTACT_TYPE_ID"),
            "the first response contact (C515, SFRR) of the case on or after it",
            pl.col("_answered"),
        ),
        Value(
            "result",
            ("CONTACT.CONTACT_OUTCOME_TYPE_ID",),
            "concerns (CONC) or none (NOCO), by the outcome of the response",
            listed("_result", RESULTS),
            codes=tuple(RESULTS.values()),
        ),
    ),
    prefix="enquiry-",
)


def _occupier(tables: SourceTables) -> pl.LazyFrame:
    return case_rows(tables, "ADDRESS_ASSESSMENT", "ADDRESS_ASSESSMENT_ID", "ASSESSMENT_DATE")


ADDRESS_CHECKS = Mapping(
    record="enquiries",
    table="ADDRESS_ASSESSMENT",
    rows="assessments of an address, as the question to its main occupier",
    prepare=_occupier,
    day=Value(
        "occurred_on",
        ("ADDRESS_ASSESSMENT.ASSESSMENT_DATE",),
        "the day of it",
        day("ASSESSMENT_DATE"),
    ),
    values=(
        Value(
            "kind",
            ("ADDRESS_ASSESSMENT.ADDRESS_ASSESSMENT_ID",),
            "always the main occupier",
            pl.lit("main_occupier"),
            codes=("main_occupier",),
        ),
        Value(
            "requested_on",
            ("ADDRESS_ASSESSMENT.ASSESSMENT_DATE",),
            "the day of it",
            day("ASSESSMENT_DATE"),
        ),
    ),
    prefix="address-",
)


def _documents(
    table: str,
    key: str,
    date: str,
    kind: pl.Expr,
    words: str,
    rows: str,
    *,
    codes: tuple[str, ...],
    type_column: str = "",
    reference: str = "",
) -> Mapping:
    def prepare(tables: SourceTables) -> pl.LazyFrame:
        extra = (type_column,) if type_column else ()
        frame = case_rows(tables, table, key, date, *extra)
        if type_column:
            frame = with_code(frame, tables, type_column, reference, name="_type")
        frame = frame.with_columns(_written=day(date), _kind=kind)
        return frame.with_columns(
            skip_where(pl.col("_written").is_null(), f"it has no {date}: not written or sent yet")
        )

    return Mapping(
        record="documents",
        table=table,
        rows=rows,
        prepare=prepare,
        day=Value("occurred_on", (f"{table}.{date}",), "the day it was written or sent", day(date)),
        values=(Value("kind", (f"{table}.{type_column or key}",), words, pl.col("_kind"), codes),),
        prefix=f"{table.lower()}-",
    )


_SUBSTANCE = pl.col("_type_words").str.contains("(?i)drug|alcohol|substance")
DOCUMENTS = (
    _documents(
        "COURT_REPORT",
        "COURT_REPORT_ID",
        "COMPLETED_DATE",
        pl.when(pl.col("_type_words").str.contains("(?i)psychiatr|psycholog|mental health"))
        .then(pl.lit("psychiatric_report"))
        .otherwise(pl.lit("court_report")),
        "a psychiatric report by the words of its type, else a court report",
        "reports to a court that were completed",
        codes=("court_report", "psychiatric_report"),
        type_column="COURT_REPORT_TYPE_ID",
        reference="R_COURT_REPORT_TYPE",
    ),
    _documents(
        "INSTITUTIONAL_REPORT",
        "INSTITUTIONAL_REPORT_ID",
        "DATE_COMPLETED",
        pl.lit("custody_information_form"),
        "always information from a prison",
        "reports of a prison that were completed",
        codes=("custody_information_form",),
    ),
    _documents(
        "APPROVED_PREMISES_REFERRAL",
        "APPROVED_PREMISES_REFERRAL_ID",
        "REFERRAL_DATE",
        pl.lit("ap_referral"),
        "always a referral to approved premises",
        "referrals to approved premises",
        codes=("ap_referral",),
    ),
    _documents(
        "REFERRAL",
        "REFERRAL_ID",
        "REFERRAL_DATE",
        pl.when(_SUBSTANCE).then(pl.lit("substance_referral")).otherwise(pl.lit("agency_referral")),
        "a referral for drug or alcohol treatment by the words of its type, else to an agency",
        "referrals to an agency",
        codes=("substance_referral", "agency_referral"),
        type_column="REFERRAL_TYPE_ID",
        reference="R_REFERRAL_TYPE",
    ),
)


MAPPA_REFERRAL = "CCMR"
"""The type of a contact that is a referral to MAPPA."""


def _mappa_referrals(tables: SourceTables) -> pl.LazyFrame:
    by_type = ("CONTACT_TYPE_ID", (MAPPA_REFERRAL,))
    return with_other_contacts(chosen_contacts(tables, *by_type), tables, *by_type)


MAPPA_REFERRALS = Mapping(
    record="documents",
    table="CONTACT",
    rows="contacts of the type CCMR, a referral to MAPPA",
    prepare=_mappa_referrals,
    day=Value(
        "occurred_on", ("CONTACT.CONTACT_DATE",), "the date of the contact", day("CONTACT_DATE")
    ),
    values=(
        Value(
            "kind",
            ("CONTACT.CONTACT_TYPE_ID", "R_CONTACT_TYPE.CODE"),
            "always a referral to MAPPA",
            pl.lit("mappa_referral"),
            codes=("mappa_referral",),
        ),
    ),
    prefix="mappa-referral-",
)


def _mappa_exits(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables, "DEREGISTRATION", "DEREGISTRATION_ID", "DEREGISTRATION_DATE", "REGISTRATION_ID"
    )
    entries = tables.scan("REGISTRATION", "REGISTRATION_ID", "REGISTER_TYPE_ID")
    coded = with_code(entries, tables, "REGISTER_TYPE_ID", "R_REGISTER_TYPE", name="_type")
    rows = rows.join(
        coded.unique("REGISTRATION_ID", keep="any").select("REGISTRATION_ID", "_type"),
        on="REGISTRATION_ID",
        how="left",
    )
    return rows.with_columns(
        skip_where(
            (pl.col("_type") != "MAPP") | pl.col("_type").is_null(),
            "the end of another register: it stands with its registration",
        )
    )


MAPPA_EXITS = Mapping(
    record="actions",
    table="DEREGISTRATION",
    rows="ends of the MAPPA register",
    prepare=_mappa_exits,
    day=Value(
        "occurred_on",
        ("DEREGISTRATION.DEREGISTRATION_DATE",),
        "the day of it",
        day("DEREGISTRATION_DATE"),
    ),
    values=(
        Value(
            "kind",
            ("REGISTRATION.REGISTER_TYPE_ID",),
            "the end of MAPPA (MAPP)",
            pl.lit("mappa_exit"),
            codes=("mappa_exit",),
        ),
        Value(
            "done_on",
            ("DEREGISTRATION.DEREGISTRATION_DATE",),
            "the day of it",
            day("DEREGISTRATION_DATE"),
        ),
    ),
    prefix="mappa-exit-",
)

MAPPINGS: tuple[Mapping, ...] = (
    ENQUIRIES,
    ADDRESS_CHECKS,
    *DOCUMENTS,
    MAPPA_REFERRALS,
    MAPPA_EXITS,
)
