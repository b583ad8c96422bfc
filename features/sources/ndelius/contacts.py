"""NDelius, declared: contacts, registers and the practitioners who had the case."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, day, end_day, flag
from features.sources.ndelius.rows import (
    case_rows,
    units,
    with_code,
    with_staff,
    without_deleted,
)
from features.sources.tables import SourceTables

NO_TYPE = "NO_TYPE"


def _contacts(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "CONTACT",
        "CONTACT_ID",
        "CONTACT_DATE",
        "CONTACT_TYPE_ID",
        "CONTACT_OUTCOME_TYPE_ID",
        "STAFF_ID",
        "SENSITIVE",
        "NOTES",
    )
    rows = with_code(rows, tables, "CONTACT_TYPE_ID", "R_CONTACT_TYPE", name="_type")
    system = tables.scan("R_CONTACT_TYPE", "CONTACT_TYPE_ID", "SGC_FLAG").unique(
        "CONTACT_TYPE_ID", keep="any"
    )
    rows = rows.join(system, on="CONTACT_TYPE_ID", how="left")
    rows = with_code(
        rows, tables, "CONTACT_OUTCOME_TYPE_ID", "R_CONTACT_OUTCOME_TYPE", name="_outcome"
    )
    rows = with_staff(rows, tables, "STAFF_ID", "_officer")
    return rows.join(_latest_action(tables), on="CONTACT_ID", how="left")


def _latest_action(tables: SourceTables) -> pl.LazyFrame:
    actions = without_deleted(
        tables.scan(
            "ENFORCEMENT",
            "CONTACT_ID",
            "ENFORCEMENT_ACTION_ID",
            "ACTION_TAKEN_DATE",
            "SOFT_DELETED",
        )
    )
    coded = with_code(actions, tables, "ENFORCEMENT_ACTION_ID", "R_ENFORCEMENT_ACTION", name="_act")
    newest = coded.sort("ACTION_TAKEN_DATE").unique("CONTACT_ID", keep="last", maintain_order=True)
    return newest.select("CONTACT_ID", pl.col("_act").alias("_action"))


CONTACTS = Mapping(
    record="contacts",
    table="CONTACT",
    rows="every contact, planned ones included",
    prepare=_contacts,
    day=Value(
        "occurred_on", ("CONTACT.CONTACT_DATE",), "the date of the contact", day("CONTACT_DATE")
    ),
    values=(
        Value(
            "type_code",
            ("CONTACT.CONTACT_TYPE_ID", "R_CONTACT_TYPE.CODE"),
            f"the code of the contact type; {NO_TYPE} for one without a type, so that its words are kept",
            pl.coalesce("_type", pl.lit(NO_TYPE)),
        ),
        Value(
            "outcome_code",
            ("CONTACT.CONTACT_OUTCOME_TYPE_ID", "R_CONTACT_OUTCOME_TYPE.CODE"),
            "the code of the outcome",
            pl.col("_outcome"),
        ),
        Value(
            "enforcement_code",
            ("ENFORCEMENT.ENFORCEMENT_ACTION_ID", "R_ENFORCEMENT_ACTION.CODE"),
            "the code of the last enforcement action on the contact",
            pl.col("_action"),
        ),
        Value("staff_code", ("STAFF.OFFICER_CODE",), "the officer's code", pl.col("_officer")),
        Value(
            "system_generated",
            ("R_CONTACT_TYPE.SGC_FLAG",),
            "whether NDelius writes contacts of this type itself",
            flag("SGC_FLAG"),
        ),
        Value("note", ("CONTACT.NOTES",), "the officer's words", pl.col("NOTES")),
        Value(
            "disclosable",
            ("CONTACT.SENSITIVE",),
            "not where the contact is marked as sensitive; null where it does not say",
            ~flag("SENSITIVE"),
        ),
    ),
)


def _registrations(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "REGISTRATION",
        "REGISTRATION_ID",
        "REGISTRATION_DATE",
        "REGISTER_TYPE_ID",
        "REGISTER_LEVEL_ID",
        "REGISTER_CATEGORY_ID",
        "NEXT_REVIEW_DATE",
    )
    rows = with_code(rows, tables, "REGISTER_TYPE_ID", "R_REGISTER_TYPE", name="_type")
    rows = with_code(rows, tables, "REGISTER_LEVEL_ID", name="_level")
    rows = with_code(rows, tables, "REGISTER_CATEGORY_ID", name="_category")
    ended = tables.scan("DEREGISTRATION", "REGISTRATION_ID", "DEREGISTRATION_DATE", "SOFT_DELETED")
    ended = without_deleted(ended)
    newest = ended.sort("DEREGISTRATION_DATE").unique(
        "REGISTRATION_ID", keep="last", maintain_order=True
    )
    return rows.join(
        newest.select("REGISTRATION_ID", "DEREGISTRATION_DATE"), on="REGISTRATION_ID", how="left"
    )


REGISTRATIONS = Mapping(
    record="registrations",
    table="REGISTRATION",
    rows="every register entry",
    prepare=_registrations,
    day=Value(
        "occurred_on",
        ("REGISTRATION.REGISTRATION_DATE",),
        "the date of registration",
        day("REGISTRATION_DATE"),
    ),
    values=(
        Value(
            "type_code",
            ("REGISTRATION.REGISTER_TYPE_ID", "R_REGISTER_TYPE.CODE"),
            "the code of the register",
            pl.col("_type"),
        ),
        Value(
            "level_code",
            ("REGISTRATION.REGISTER_LEVEL_ID", "R_STANDARD_REFERENCE_LIST.CODE_VALUE"),
            "the code of the level",
            pl.col("_level"),
        ),
        Value(
            "category_code",
            ("REGISTRATION.REGISTER_CATEGORY_ID", "R_STANDARD_REFERENCE_LIST.CODE_VALUE"),
            "the code of the category",
            pl.col("_category"),
        ),
        Value(
            "next_review_on",
            ("REGISTRATION.NEXT_REVIEW_DATE",),
            "when the next review is due",
            end_day("NEXT_REVIEW_DATE"),
        ),
        Value(
            "ended_on",
            ("DEREGISTRATION.DEREGISTRATION_DATE",),
            "the date of the last de-registration that was not deleted",
            end_day("DEREGISTRATION_DATE"),
        ),
    ),
)


def _allocations(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "OFFENDER_MANAGER",
        "OFFENDER_MANAGER_ID",
        "ALLOCATION_DATE",
        "END_DATE",
        "ALLOCATION_STAFF_ID",
        "TEAM_ID",
    )
    rows = with_staff(rows, tables, "ALLOCATION_STAFF_ID", "_officer")
    return rows.join(units(tables), on="TEAM_ID", how="left")


GRADES = {
    "PSQ": "PSO",
    "PSP": "PQiP",
    "TPO": "PQiP",
    "PSM": "PO",
    "NPSM": "PO",
    "PSC": "SPO",
}
"""NDelius grade codes (hmpps-probation-integration-services, workforce-allocations)."""

ALLOCATIONS = Mapping(
    record="allocations",
    table="OFFENDER_MANAGER",
    rows="every allocation of the case to a practitioner",
    prepare=_allocations,
    day=Value(
        "occurred_on",
        ("OFFENDER_MANAGER.ALLOCATION_DATE",),
        "the date of allocation",
        day("ALLOCATION_DATE"),
    ),
    values=(
        Value(
            "staff_code",
            ("OFFENDER_MANAGER.ALLOCATION_STAFF_ID", "STAFF.OFFICER_CODE"),
            "the practitioner's code, or the id of one whom STAFF does not have",
            pl.coalesce(
                "_officer", pl.concat_str(pl.lit("STAFF_ID "), pl.col("ALLOCATION_STAFF_ID"))
            ),
        ),
        Value(
            "grade",
            ("STAFF.STAFF_GRADE_ID",),
            "the grade: PSQ is a PSO, PSP and TPO a trainee, PSM and NPSM a PO, PSC an SPO",
            pl.col("_officer_grade").replace(GRADES),
            codes=tuple(dict.fromkeys(GRADES.values())),
        ),
        Value(
            "ended_on",
            ("OFFENDER_MANAGER.END_DATE",),
            "the end of the allocation",
            end_day("END_DATE"),
        ),
        *(
            Value(
                column,
                ("OFFENDER_MANAGER.TEAM_ID", source),
                f"the {words} of the allocation: which unit held the case from when until when",
                pl.col(column),
            )
            for column, source, words in (
                ("provider_code", "PROBATION_AREA.CODE", "provider"),
                ("pdu_code", "BOROUGH.CODE", "delivery unit"),
                ("lau_code", "DISTRICT.CODE", "local admin unit"),
                ("team_code", "TEAM.CODE", "team"),
            )
        ),
    ),
)

MAPPINGS: tuple[Mapping, ...] = (CONTACTS, REGISTRATIONS, ALLOCATIONS)
