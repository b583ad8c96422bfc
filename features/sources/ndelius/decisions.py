"""NDelius, declared: what was decided on a breach, and decisions not to recall."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import DELETED, ID, NOTHING, Mapping, Value, day, listed
from features.sources.ndelius.contacts import GRADES
from features.sources.ndelius.rows import (
    case_rows,
    chosen_contacts,
    skip_where,
    with_code,
    with_other_contacts,
    with_staff,
)
from features.sources.tables import SourceTables

ENFORCEMENT_DECISIONS = {
    "EA02": "warning",
    "EA03": "warning",
    "EA05": "warning",
    "LCL": "compliance_letter",
    "EA11": "recall",
    "NFA": "none",
}


def _enforcement(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "ENFORCEMENT",
        "ENFORCEMENT_ID",
        "ENFORCEMENT_ACTION_ID",
        "ACTION_TAKEN_DATE",
        via=("CONTACT_ID", "CONTACT"),
    )
    rows = with_code(rows, tables, "ENFORCEMENT_ACTION_ID", "R_ENFORCEMENT_ACTION", name="_action")
    unlisted = ~pl.col("_action").is_in(list(ENFORCEMENT_DECISIONS))
    return rows.with_columns(
        skip_where(unlisted, "an enforcement action that is no decision on its own")
    )


DECISIONS = Mapping(
    record="decisions",
    table="ENFORCEMENT",
    rows="enforcement actions that say what was decided",
    prepare=_enforcement,
    day=Value(
        "occurred_on",
        ("ENFORCEMENT.ACTION_TAKEN_DATE",),
        "the day of the action",
        day("ACTION_TAKEN_DATE"),
    ),
    values=(
        Value(
            "kind",
            ("ENFORCEMENT.ENFORCEMENT_ID",),
            "always enforcement",
            pl.lit("enforcement"),
            codes=("enforcement",),
        ),
        *(
            Value(
                column,
                ("ENFORCEMENT.ENFORCEMENT_ACTION_ID", "R_ENFORCEMENT_ACTION.CODE"),
                "a warning (EA02, EA03, EA05), a compliance letter (LCL), recall (EA11) or none (NFA)",
                listed("_action", ENFORCEMENT_DECISIONS),
                codes=tuple(dict.fromkeys(ENFORCEMENT_DECISIONS.values())),
            )
            for column in ("decided", "issued")
        ),
        Value(
            "issued_on",
            ("ENFORCEMENT.ACTION_TAKEN_DATE",),
            "the day of the action",
            day("ACTION_TAKEN_DATE"),
        ),
    ),
    prefix="enforcement-",
)

NOT_TO_RECALL = "MO11"
"""The outcome of a contact that says that a recall was decided against."""


DECLINED = "C423"
"""The type of a contact that says that an ACO or director declined a recall."""
DECLINED_WITHIN = 7
"""Days after a decision not to recall within which a refusal by an ACO or director is of it."""


_BY_OUTCOME = ("CONTACT_OUTCOME_TYPE_ID", (NOT_TO_RECALL,))


def _decisions_not_to_recall(tables: SourceTables) -> pl.LazyFrame:
    rows = chosen_contacts(tables, *_BY_OUTCOME)
    rows = with_staff(rows, tables, "STAFF_ID", "_officer").with_columns(_on=day("CONTACT_DATE"))
    declined = chosen_contacts(tables, "CONTACT_TYPE_ID", (DECLINED,))
    declined = declined.filter(pl.col(NOTHING).is_null(), ~pl.col(DELETED)).select(
        "OFFENDER_ID", day("CONTACT_DATE").alias("_declined")
    )
    waited = (pl.col("_declined") - pl.col("_on")).dt.total_days()
    endorsed = (
        rows.select(ID, "OFFENDER_ID", "_on")
        .join(declined, on="OFFENDER_ID")
        .filter(waited.is_between(0, DECLINED_WITHIN))
        .select(ID, pl.lit("PDU_HEAD").alias("_endorsed"))
    )
    rows = rows.join(endorsed.unique(ID, keep="any"), on=ID, how="left")
    return with_other_contacts(rows, tables, *_BY_OUTCOME)


_OUTCOME = ("CONTACT.CONTACT_OUTCOME_TYPE_ID", "R_CONTACT_OUTCOME_TYPE.CODE")

DECISIONS_NOT_TO_RECALL = Mapping(
    record="decisions",
    table="CONTACT",
    rows="contacts with the outcome MO11, a decision not to recall",
    prepare=_decisions_not_to_recall,
    day=Value(
        "occurred_on", ("CONTACT.CONTACT_DATE",), "the date of the contact", day("CONTACT_DATE")
    ),
    values=(
        Value("kind", _OUTCOME, "always recall", pl.lit("recall"), codes=("recall",)),
        *(
            Value(
                column,
                _OUTCOME,
                "always not to recall",
                pl.lit("decision_not_to_recall"),
                codes=("decision_not_to_recall",),
            )
            for column in ("decided", "issued")
        ),
        Value(
            "issued_on", ("CONTACT.CONTACT_DATE",), "the date of the contact", day("CONTACT_DATE")
        ),
        Value("decided_by", ("STAFF.OFFICER_CODE",), "the officer's code", pl.col("_officer")),
        Value(
            "decided_by_grade",
            ("STAFF.STAFF_GRADE_ID",),
            "the officer's grade, as in allocations",
            pl.col("_officer_grade").replace(GRADES),
            codes=tuple(dict.fromkeys(GRADES.values())),
        ),
        Value(
            "endorsed_by_grade",
            ("CONTACT.CONTACT_TYPE_ID", "R_CONTACT_TYPE.CODE"),
            "the head of the delivery unit or above, where an ACO or director declined the recall "
            f"(C423) within {DECLINED_WITHIN} days; null where no contact says so",
            pl.col("_endorsed"),
            codes=("PDU_HEAD",),
        ),
    ),
    prefix="no-recall-",
)

MAPPINGS: tuple[Mapping, ...] = (DECISIONS, DECISIONS_NOT_TO_RECALL)
