"""Lists the entries that answer each indicator of something missing, late or not done.

An indicator of something missing, late or not done falls only by an entry that is listed here for
it, by the end of its window, or because the thing that made it due has ended. An adverse event
answers nothing: an arrest is no report to police, a missed appointment is no referral (promise 11).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from features.contracts import codes, contact_codes
from features.history.asof import CASE, Histories
from features.indicators.language import CALLS_TO_OTHERS, contact_of, one_of
from features.indicators.orders import ORDERS

KIND = pl.col("kind")
RISK_REGISTERS: tuple[str, ...] = (
    "RCCO",
    "RCPR",
    "ADVP",
    "REG30",
    "WEAP",
    "RSTO",
    "SPO",
    "SOPS",
    "ARSO",
    "STRG",
    "REG26",
    "IRMO",
    "RTAO",
    "REG22",
)
"""Registers that say something of the risk to others, whatever the level."""


@dataclass(frozen=True)
class Answer:
    """A kind of entry that answers an indicator: table, condition on rows, date column."""

    words: str
    table: str
    is_one: pl.Expr
    day: str = "occurred_on"

    def rows(self, histories: Histories) -> pl.LazyFrame:
        """The answers on record: CASE, and the date that counts as occurred_on."""
        rows = histories.scan(self.table).filter(self.is_one, pl.col(self.day).is_not_null())
        return rows.select(*CASE, occurred_on=pl.col(self.day))


NEITHER_MISSED_NOR_FAILED = ~one_of(
    "outcome_code", [*contact_codes.UNACCEPTABLE_ABSENCE, *contact_codes.NON_COMPLIANT]
).fill_null(value=False)
"""The appointment was not missed without an acceptable reason, nor failed."""

ASSESSED = Answer(
    "an assessment completed", "assessments", pl.col("status") == "COMPLETE", "completed_on"
)
HELD = ~one_of("outcome_code", ["RSSR", "RSOF"]).fill_null(value=False)
"""What was arranged was not put off."""
MANAGEMENT = Answer(
    "management oversight that was held", "contacts", contact_of("oversight") & HELD
)
POLICE_TOLD = Answer("a police liaison contact", "contacts", contact_of("police_liaison"))
TREATMENT_ARRANGED = Answer(
    "a treatment appointment neither missed nor failed",
    "contacts",
    contact_of("treatment") & NEITHER_MISSED_NOR_FAILED,
)
COMPLIED = Answer(
    "an appointment attended and complied with",
    "contacts",
    contact_of("appointment", "treatment") & one_of("outcome_code", contact_codes.COMPLIED),
)
CALLED = Answer(
    "a call or message to or from somebody else", "contacts", one_of("type_code", CALLS_TO_OTHERS)
)
HOSTEL_WARNINGS = ("C118", "C119")
"""The warning and the caution of approved premises: a failure, and the response to it."""
ENFORCED = Answer(
    "a warning, breach or recall contact with a decision",
    "contacts",
    (contact_of("warning", "recall") & (pl.col("type_code") != "C173"))
    | one_of("type_code", ["MO5", *HOSTEL_WARNINGS]),
)


MAY_BE_HOME = (KIND == "address") & (
    one_of("state", ["settled", "current", "new"]) | pl.col("state").is_null()
)
"""An address that may be a home: one whose state nobody gave may be, too."""
PROTECTION = pl.col("ended_on").is_null() & (
    ((KIND == "treatment") & pl.col("state").ne_missing("ended")) | MAY_BE_HOME
)
AGENCIES: dict[str, pl.Expr] = {
    "the police": one_of("type_code", ["C204", "C369"]),
    "children's and adult services": one_of("type_code", ["SFGC", "C158"]),
    "the monitoring provider": one_of("type_code", ["C063"]),
}
"""Other agencies, and the routine contacts with each: what probation asks or arranges, not news."""
ATTENDED_AGAIN = Answer(
    "an appointment attended, whether or not complied with",
    "contacts",
    contact_of("appointment") & one_of("outcome_code", contact_codes.ATTENDED),
)
HOUSED = one_of("kind", ["custody", "remand", "approved_premises"])
AN_ADDRESS = one_of("state", ["settled", "temporary", "current", "new"])
LIVED_AT = AN_ADDRESS & pl.col("verified").ne_missing(pl.lit(value=False))
"""An address that is known: lived at, and not said to be unchecked."""


def document_sent(words: str, *kinds: str) -> Answer:
    """An answer that is a document of the given kinds, dated by the day it was written or sent."""
    return Answer(words, "documents", one_of("kind", kinds))


def enquiry_made(words: str, *kinds: str, day: str = "requested_on") -> Answer:
    """An answer that is an enquiry of the given kinds, dated by its request or its return."""
    return Answer(words, "enquiries", one_of("kind", kinds), day)


HANDED_OVER = document_sent("a handover", "handover")
LETTERS: dict[str, Answer] = {
    "warning": Answer(
        "a warning letter", "contacts", one_of("type_code", ["AWLI", "AWL2", "AWLF"])
    ),
    "compliance_letter": Answer(
        "a licence compliance letter", "contacts", one_of("type_code", ["LCL"])
    ),
    "recall": Answer(
        "a recall begun or submitted", "contacts", one_of("type_code", ["RECI", "PPCS", "ERCL"])
    ),
}
"""The letter contact of what was decided. A decision not to recall has none of its own: only the
decision's own date of issue says that its letter went out.
"""

RECALLED = Answer("a decision to recall", "decisions", pl.col("decided") == "recall")
A_SENTENCE = one_of("kind", [*ORDERS, "custody"])
A_PRACTITIONER = ~pl.col("staff_code").str.ends_with("U").fill_null(value=False)
"""A holding by somebody: a staff code that ends in U stands for nobody."""

ANSWERS: dict[str, tuple[Answer, ...]] = {
    "plan_missing_or_before_assessment": (document_sent("a plan", "plan"),),
    "assessment_locked_incomplete": (ASSESSED,),
    "unanswered_noncompliance_count": (ENFORCED,),
    "enforcement_decided_not_issued": tuple(LETTERS.values()),
    "new_offence_treated_as_nonviolent": (ASSESSED,),
    "civil_order_breach_not_reported": (POLICE_TOLD,),
    "restriction_relaxed_without_oversight": (MANAGEMENT,),
    "recall_decision_delay_days": (
        RECALLED,
        LETTERS["recall"],
        ATTENDED_AGAIN,
    ),
    "consecutive_unacceptable_absences": (COMPLIED,),
    "attendance_rate_90d": (COMPLIED,),
    "whereabouts_unknown": (
        ATTENDED_AGAIN,
        Answer("an address that is known", "circumstances", (KIND == "address") & LIVED_AT),
        Answer(
            "custody, remand or approved premises",
            "supervisions",
            HOUSED,
        ),
    ),
    "treatment_attendance_reports_missing": (
        document_sent("a report of the treatment provider", "treatment_report"),
    ),
    "substance_condition_without_referral": (
        document_sent("a referral for treatment", "substance_referral"),
        TREATMENT_ARRANGED,
    ),
    "mh_decline_disclosed_no_action": (MANAGEMENT, TREATMENT_ARRANGED, CALLED, ASSESSED),
    "new_relationship_no_enquiry": (
        enquiry_made("an enquiry requested", "domestic_abuse", "child_safeguarding"),
    ),
    "pregnancy_or_new_child_unassessed": (ASSESSED,),
    "da_enquiry_missing": (enquiry_made("a domestic abuse enquiry requested", "domestic_abuse"),),
    "da_enquiry_overdue": (
        enquiry_made("the enquiry returned", "domestic_abuse", day="returned_on"),
    ),
    "sg_enquiry_missing": (
        enquiry_made("a child safeguarding enquiry requested", "child_safeguarding"),
    ),
    "sg_enquiry_overdue": (
        enquiry_made("the enquiry returned", "child_safeguarding", day="returned_on"),
    ),
    "enquiry_result_not_reflected": (ASSESSED,),
    "curfew_without_main_occupier_consent": (
        Answer(
            "the main occupier's answer, where it raises no concerns",
            "enquiries",
            (KIND == "main_occupier") & (pl.col("result") == "no_concerns"),
            "returned_on",
        ),
    ),
    "curfew_household_unchecked": (
        enquiry_made(
            "the check returned", "domestic_abuse", "child_safeguarding", day="returned_on"
        ),
    ),
    "checks_claimed_without_evidence": (
        enquiry_made(
            "an enquiry requested", "domestic_abuse", "child_safeguarding", "main_occupier"
        ),
    ),
    "curfew_not_monitored": (POLICE_TOLD,),
    "named_person_not_consulted": (CALLED,),
    "address_change_not_reviewed": (ASSESSED,),
    "police_intelligence_unassessed": (ASSESSED,),
    "no_review_after_significant_event": (ASSESSED,),
    "severe_information_unassessed": (ASSESSED,),
    "seriousness_since_assessment": (ASSESSED,),
    "no_oversight_after_significant_event": (MANAGEMENT,),
    "engagement_masks_risk": (MANAGEMENT, ASSESSED),
    "protection_lost_180d": (
        Answer("treatment that is current, or an address", "circumstances", PROTECTION),
    ),
    "agency_contact_lapsed": (
        Answer(
            "a routine contact with the same agency",
            "contacts",
            pl.any_horizontal(*AGENCIES.values()) & HELD,
        ),
    ),
    "initial_assessment_overdue": (ASSESSED,),
    "closed_case_information_unreviewed": (
        ASSESSED,
        Answer("an order, licence or sentence that covers the day", "supervisions", A_SENTENCE),
    ),
    "mh_information_not_in_assessment": (
        Answer(
            "an assessment completed that mentions mental health",
            "assessments",
            (pl.col("status") == "COMPLETE")
            & pl.col("mentions_mental_health").fill_null(value=True),
            "completed_on",
        ),
    ),
    "civil_order_without_register": (
        Answer(
            "the register of the order",
            "registrations",
            one_of("type_code", codes.CIVIL_ORDERS.values()),
        ),
    ),
    "expected_register_missing": (
        Answer(
            "the register that the events call for",
            "registrations",
            one_of("type_code", ["ADVP", "REG30", "WEAP", "RCCO", "RCPR"]),
        ),
    ),
    "recent_deregistration": (
        Answer("the same register active again", "registrations", pl.lit(value=True)),
    ),
    "earlier_sentence_risk_not_carried": (
        Answer(
            "the same register active again",
            "registrations",
            one_of("type_code", RISK_REGISTERS),
        ),
    ),
    "custody_information_form_missing": (
        document_sent("the form or a handover", "custody_information_form", "handover"),
    ),
    "sentence_ended_while_remanded": (HANDED_OVER,),
    "late_allocation_before_release": (
        Answer("a practitioner allocated", "allocations", A_PRACTITIONER),
    ),
    "mappa_or_ap_referral_late": (
        document_sent("a referral to MAPPA or approved premises", "mappa_referral", "ap_referral"),
    ),
    "recall_information_not_sent_to_police": (
        document_sent("the recall information sent", "recall_information"),
        POLICE_TOLD,
    ),
}
"""By indicator, the kinds of entry that answer it. What stands in a row of its own (done, issued,
ended, endorsed) answers that row and is not listed.
"""


def answers_to(histories: Histories, indicator: str) -> pl.LazyFrame:
    """The answers on record to the named indicator: CASE, occurred_on."""
    return pl.concat([answer.rows(histories) for answer in ANSWERS[indicator]])
