"""Contacts, registers, circumstances and reports of the made-up caseload as tables of NDelius."""

from __future__ import annotations

import polars as pl

from features.contracts import codes, contact_codes
from features.synthetic.source_systems.rows import Tables, case_table, code_list, iso_day

LEVELS = {"RSKM": "LV-M", "RSKH": "LV-H", "RSKV": "LV-V"}
REPORTS = {"court_report": "Pre-sentence report", "psychiatric_report": "Psychiatric report"}
REFERRALS = {
    "substance_referral": "Drug and alcohol service",
    "agency_referral": "Partner agency",
}
CONTACTS = {"mappa_referral": "CCMR", "handover": "POM1"}
"""Documents that NDelius has as contacts of a type."""
OTHER_TYPES = {"POM1": "POM Handover expected start date"}
"""Types of contact that the made-up record has as documents, in the words of NDelius's list."""
RELATIONSHIPS = {"relationship": "Partner", "child_contact": "Child"}


def contact_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """CONTACT with its lists, and ENFORCEMENT for the action on a contact."""
    rows = newest["contacts"]
    acted = rows.drop_nulls("enforcement_code")
    systems = rows.group_by("type_code").agg(
        pl.when(pl.col("system_generated").any())
        .then(pl.lit("Y"))
        .otherwise(pl.lit("N"))
        .alias("SGC_FLAG")
    )
    listed = {**contact_codes.CONTACT_TYPES, **OTHER_TYPES}
    types = code_list(listed, "CONTACT_TYPE_ID", "CODE", "DESCRIPTION")
    return {
        "CONTACT": case_table(
            rows,
            CONTACT_ID=pl.col("_number"),
            CONTACT_DATE=iso_day("occurred_on"),
            CONTACT_TYPE_ID=pl.col("type_code"),
            CONTACT_OUTCOME_TYPE_ID=pl.col("outcome_code"),
            STAFF_ID=pl.col("staff_code"),
            NOTES=pl.col("note"),
            SENSITIVE=pl.when("disclosable").then(pl.lit("N")).otherwise(pl.lit("Y")),
        ),
        "R_CONTACT_TYPE": types.join(
            systems.rename({"type_code": "CONTACT_TYPE_ID"}), on="CONTACT_TYPE_ID", how="left"
        ),
        "R_CONTACT_OUTCOME_TYPE": code_list(
            contact_codes.OUTCOMES, "CONTACT_OUTCOME_TYPE_ID", "CODE", "DESCRIPTION"
        ),
        "ENFORCEMENT": case_table(
            acted,
            ENFORCEMENT_ID=pl.col("_number"),
            CONTACT_ID=pl.col("_number"),
            ENFORCEMENT_ACTION_ID=pl.col("enforcement_code"),
            ACTION_TAKEN_DATE=iso_day("occurred_on"),
        ).drop("OFFENDER_ID"),
        "R_ENFORCEMENT_ACTION": code_list(
            contact_codes.ENFORCEMENT, "ENFORCEMENT_ACTION_ID", "CODE", "DESCRIPTION"
        ),
    }


def register_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """REGISTRATION, DEREGISTRATION and R_REGISTER_TYPE."""
    rows = newest["registrations"]
    ended = rows.drop_nulls("ended_on")
    level = pl.col("level_code").replace_strict(LEVELS, default=None, return_dtype=pl.String)
    return {
        "REGISTRATION": case_table(
            rows,
            REGISTRATION_ID=pl.col("_number"),
            REGISTRATION_DATE=iso_day("occurred_on"),
            REGISTER_TYPE_ID=pl.col("type_code"),
            REGISTER_LEVEL_ID=level,
            NEXT_REVIEW_DATE=iso_day("next_review_on"),
        ),
        "DEREGISTRATION": case_table(
            ended,
            DEREGISTRATION_ID=pl.col("_number"),
            REGISTRATION_ID=pl.col("_number"),
            DEREGISTRATION_DATE=iso_day("ended_on"),
        ),
        "R_REGISTER_TYPE": code_list(
            codes.REGISTER_TYPES, "REGISTER_TYPE_ID", "CODE", "DESCRIPTION"
        ),
    }


def circumstance_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """OFFENDER_ADDRESS, PERSONAL_CONTACT and PERSONAL_CIRCUMSTANCE.

    NDelius has one row of a partner or child, from the beginning to the end; an entry of ours that
    says only that something ended has no row.
    """
    rows = newest["circumstances"]
    addresses = rows.filter(
        pl.col("kind") == "address",
        pl.col("state").is_in(["settled", "temporary", "no_fixed_abode"]),
    )
    people = rows.filter(
        pl.col("kind").is_in(list(RELATIONSHIPS)), pl.col("state").ne_missing("ended")
    )
    others = rows.filter(pl.col("kind").is_in(["relationship_conflict", "pregnancy"]))
    types = {
        "relationship_conflict": "Relationship breakdown",
        "pregnancy": "Pregnancy",
    }
    homeless = pl.col("state") == "no_fixed_abode"
    settled = pl.when(pl.col("state") == "settled").then(pl.lit("AD-SETTLED"))
    return {
        "OFFENDER_ADDRESS": case_table(
            addresses,
            OFFENDER_ADDRESS_ID=pl.col("_number"),
            START_DATE=iso_day("occurred_on"),
            END_DATE=iso_day("ended_on"),
            ADDRESS_STATUS_ID=pl.lit("AD-MAIN"),
            ADDRESS_TYPE_ID=settled.otherwise(pl.lit("AD-TRANSIENT")),
            NO_FIXED_ABODE=pl.when(homeless).then(pl.lit("Y")).otherwise(pl.lit("N")),
            TYPE_VERIFIED=_yes_or_no("verified"),
            ADDRESS_NUMBER=pl.when(~homeless).then(pl.col("_number").str.slice(-4)),
            POSTCODE=pl.when(~homeless).then(
                pl.concat_str(pl.lit("ZZ1 "), pl.col("crn").str.slice(1))
            ),
        ),
        "PERSONAL_CONTACT": case_table(
            people,
            PERSONAL_CONTACT_ID=pl.col("_number"),
            START_DATE=iso_day("occurred_on"),
            END_DATE=iso_day("ended_on"),
            RELATIONSHIP=pl.col("kind").replace_strict(RELATIONSHIPS),
            RELATIONSHIP_TYPE_ID=pl.when(pl.col("kind") == "relationship")
            .then(pl.lit("RL-PARTNER"))
            .otherwise(pl.lit("RL-CHILD")),
            FIRST_NAME=pl.lit("Made"),
            SURNAME=pl.lit("Up"),
        ),
        "PERSONAL_CIRCUMSTANCE": case_table(
            others,
            PERSONAL_CIRCUMSTANCE_ID=pl.col("_number"),
            START_DATE=iso_day("occurred_on"),
            END_DATE=iso_day("ended_on"),
            CIRCUMSTANCE_TYPE_ID=pl.col("kind"),
            EVIDENCED=_yes_or_no("verified"),
        ),
        "R_CIRCUMSTANCE_TYPE": code_list(
            types, "CIRCUMSTANCE_TYPE_ID", "CODE_VALUE", "CODE_DESCRIPTION"
        ),
    }


def _yes_or_no(column: str) -> pl.Expr:
    return pl.when(pl.col(column)).then(pl.lit("Y")).otherwise(pl.lit("N"))


def document_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """COURT_REPORT, INSTITUTIONAL_REPORT and REFERRAL with their lists."""
    rows = newest["documents"]
    reports = rows.filter(pl.col("kind").is_in(list(REPORTS)))
    referrals = rows.filter(pl.col("kind").is_in(list(REFERRALS)))
    return {
        "COURT_REPORT": case_table(
            reports,
            COURT_REPORT_ID=pl.col("_number"),
            COMPLETED_DATE=iso_day("occurred_on"),
            COURT_REPORT_TYPE_ID=pl.col("kind"),
        ),
        "R_COURT_REPORT_TYPE": code_list(REPORTS, "COURT_REPORT_TYPE_ID", "CODE", "DESCRIPTION"),
        "INSTITUTIONAL_REPORT": case_table(
            rows.filter(pl.col("kind") == "custody_information_form"),
            INSTITUTIONAL_REPORT_ID=pl.col("_number"),
            DATE_COMPLETED=iso_day("occurred_on"),
        ),
        "REFERRAL": case_table(
            referrals,
            REFERRAL_ID=pl.col("_number"),
            REFERRAL_DATE=iso_day("occurred_on"),
            REFERRAL_TYPE_ID=pl.col("kind"),
        ),
        "R_REFERRAL_TYPE": code_list(REFERRALS, "REFERRAL_TYPE_ID", "CODE", "DESCRIPTION"),
        "CONTACT": case_table(
            rows.filter(pl.col("kind").is_in(list(CONTACTS))),
            CONTACT_ID=pl.concat_str(pl.lit("6"), pl.col("_number")),
            CONTACT_DATE=iso_day("occurred_on"),
            CONTACT_TYPE_ID=pl.col("kind").replace_strict(CONTACTS, default=None),
        ),
    }
