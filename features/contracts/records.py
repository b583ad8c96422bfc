"""Defines the source tables: what a row is, each column with its meaning and codes, known gaps.

`docs/records.md` is generated from them (`features.contracts.records_page`).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from features.contracts import codes, contact_codes, level_columns, note_columns
from features.contracts.table import Column, Table
from features.errors import UserError, did_you_mean


def _c(
    name: str,
    kind: str,
    meaning: str,
    codes_: Mapping[str, str] | None = None,
    *,
    required: bool = False,
    settled_by: str | None = None,
    unsettled: str | None = None,
    plan: bool = False,
) -> Column:
    return Column(
        name=name,
        type=kind,
        meaning=meaning,
        required=required,
        codes=codes_,
        settled_by=settled_by,
        unsettled=unsettled,
        plan=plan,
    )


COMMON: tuple[Column, ...] = (
    _c("record_id", "text", "the supplier's identifier of the record", required=True),
    _c("version", "int", "which version of the record; numbered by intake where not supplied"),
    _c("crn", "text", "case reference number: a letter and six digits", required=True),
    _c("occurred_on", "date", "the day that it is about", required=True),
    _c("recorded_at", "time", "when it was put on record (UTC)", required=True),
    _c("withdrawn_at", "time", "when the record was withdrawn as wrong, if it was (UTC)"),
    _c("source_system", "code", "which system or agency it came from", codes.SOURCES),
    _c("certainty", "code", "fact, allegation, intelligence or opinion", codes.CERTAINTY),
    _c("disputed", "flag", "the person disputes it"),
    _c("month_only", "flag", "only the month of `occurred_on` is known, not the day"),
    _c("disclosable", "flag", "may be shown to the person; unknown counts as no"),
)


def _declare_table(
    name: str, row: str, gaps: str, own: tuple[Column, ...], *, planned: bool = False
) -> Table:
    return Table(name, row, gaps, COMMON, own, planned)


_UNIT = (
    _c("provider_code", "text", "region, e.g. N54"),
    _c("pdu_code", "text", "probation delivery unit"),
    _c("lau_code", "text", "local admin unit"),
    _c("team_code", "text", "team"),
)

_TABLES = (
    _declare_table(
        "supervisions",
        "an order, licence, custodial period or stay in approved premises, from its start",
        "Tier is a consequence of the recorded level and is shown, never used as a feature.",
        (
            _c("kind", "code", "what it is", codes.SUPERVISION_KINDS, required=True),
            _c("ended_on", "date", "when it ended"),
            _c("end_reason", "code", "how it ended", codes.END_REASONS, settled_by="ended_on"),
            _c(
                "expected_end_on",
                "date",
                "when it is expected to end",
                plan=True,
                settled_by="expected_end_set_on",
            ),
            _c("expected_end_set_on", "date", "when that expectation was put on record"),
            *_UNIT,
            _c("tier", "text", "tier at the start, A to G or A0 to D3"),
            _c("suspended_from", "date", "contact suspended from (two-thirds point)", plan=True),
        ),
        planned=True,
    ),
    _declare_table(
        "contacts",
        "a contact: an appointment, call, letter, enforcement step or system entry",
        "What happens between appointments reaches the record only when someone writes it down; "
        "half the rows are the system's own.",
        (
            _c("type_code", "code", "contact type", contact_codes.CONTACT_TYPES, required=True),
            _c("outcome_code", "code", "outcome; absent until recorded", contact_codes.OUTCOMES),
            _c("enforcement_code", "code", "enforcement action taken", contact_codes.ENFORCEMENT),
            _c("staff_code", "text", "officer; a code ending in U is an unallocated placeholder"),
            _c("system_generated", "flag", "written by the system, not by a person"),
            _c("note", "text", "the officer's words, as written"),
        ),
        planned=True,
    ),
    _declare_table(
        "assessments",
        "an OASys assessment or its predictor scores, from the day it was started",
        "Levels count only from status COMPLETE and for 55 weeks. No register for a group means "
        "low or not assessed, and cannot be told apart.",
        (
            _c(
                "status",
                "code",
                "status",
                codes.ASSESSMENT_STATUS,
                required=True,
                settled_by="completed_on",
                unsettled="OPEN",
            ),
            _c("completed_on", "date", "when it was completed or locked"),
            *level_columns.COMMUNITY,
            *level_columns.CUSTODY,
            _c("purpose", "text", "purpose code, e.g. 260 start custody"),
            _c("predictor_version", "text", "1 (OGRS3 generation) or 2 (OGRS4 generation)"),
            _c("serious_band", "code", "RSR or combined serious reoffending band", codes.BANDS),
            _c("violence_band", "code", "OVP or violent reoffending band", codes.BANDS),
            _c("reoffending_band", "code", "OGRS or all reoffending band", codes.BANDS),
            _c("mentions_weapons", "flag", "the analysis mentions weapons"),
            _c("mentions_domestic_abuse", "flag", "the analysis mentions domestic abuse"),
            _c("mentions_sexual_behaviour", "flag", "the analysis mentions sexual behaviour"),
            _c("mentions_staff_violence", "flag", "the analysis mentions violence to staff"),
            _c("mentions_mental_health", "flag", "the analysis mentions mental health"),
            _c("plan_written_on", "date", "date of the risk management plan"),
            _c("countersign_required", "flag", "needed countersigning"),
            _c("signed_at", "time", "signed by the assessor (UTC)"),
            _c("countersigned_at", "time", "countersigned (UTC)"),
            _c("countersigned_by", "text", "staff code of the countersigner"),
            _c("analysis_fingerprint", "text", "a digest of the analysis text, never the text"),
        ),
    ),
    _declare_table(
        "registrations",
        "a register entry (risk flag), from its start",
        "Low group levels have no register entry.",
        (
            _c("type_code", "code", "register type", codes.REGISTER_TYPES, required=True),
            _c(
                "level_code",
                "code",
                "level of a group or MAPPA register",
                codes.REGISTER_LEVEL_CODES,
            ),
            _c("category_code", "code", "MAPPA category", codes.MAPPA_CATEGORIES),
            _c("next_review_on", "date", "next review due", plan=True),
            _c("ended_on", "date", "de-registered"),
        ),
    ),
    _declare_table(
        "orders",
        "a civil order, licence condition, requirement or curfew, from its start",
        "Orders made by other courts reach the record only where someone entered them.",
        (
            _c("kind", "code", "what it is", codes.ORDER_KINDS, required=True),
            _c("theme", "code", "what it is about", codes.CONDITION_THEMES),
            _c("category", "text", "main and sub category code, e.g. NLC8.NSTT8"),
            _c("monitored", "flag", "electronically monitored"),
            _c("ended_on", "date", "ended"),
            _c("relaxed_on", "date", "removed or relaxed early"),
        ),
        planned=True,
    ),
    _declare_table(
        "enquiries",
        "an enquiry to another agency, from the day it was needed",
        "An enquiry that nobody saw the need for is not in the table.",
        (
            _c("kind", "code", "what was asked, of whom", codes.ENQUIRY_KINDS, required=True),
            _c("requested_on", "date", "requested; absent if it was not"),
            _c("returned_on", "date", "answered"),
            _c("result", "code", "what came back", codes.ENQUIRY_RESULTS, settled_by="returned_on"),
        ),
    ),
    _declare_table(
        "incidents",
        "a behaviour or a piece of information from any source",
        "Some never reaches probation, some arrives late; police-initiated kinds carry the "
        "biases of policing.",
        (
            _c("kind", "code", "what it is", codes.INCIDENT_KINDS, required=True),
            _c("severity", "int", "1 (least) to 5 (most serious)"),
            _c("target", "code", "who was or could be harmed", codes.TARGETS),
            _c("setting", "code", "where", codes.SETTINGS),
            _c("proven", "flag", "proven in court or at adjudication"),
            _c("while_using", "flag", "happened under the influence of drugs or alcohol"),
            _c("while_unwell", "flag", "happened while mental health was unstable"),
            _c("victim_ref", "text", "pseudonym of the person harmed; never a name"),
        ),
    ),
    _declare_table(
        "decisions",
        "an enforcement or recall decision",
        "Decisions taken by word of mouth are missing.",
        (
            _c("kind", "code", "what was to be decided", codes.DECISION_KINDS, required=True),
            _c("decided", "code", "what was decided", codes.ENFORCEMENT_SCALE_WORDS),
            _c(
                "issued",
                "code",
                "what was issued",
                codes.ENFORCEMENT_SCALE_WORDS,
                settled_by="issued_on",
            ),
            _c("issued_on", "date", "when it was issued"),
            _c("decided_by", "text", "staff code of the decider"),
            _c("decided_by_grade", "code", "grade of the decider", codes.GRADES),
            _c("endorsed_by_grade", "code", "grade of the endorser", codes.GRADES),
        ),
    ),
    _declare_table(
        "allocations",
        "a practitioner's holding of a case",
        "Absence is recorded in days, and often afterwards.",
        (
            _c("staff_code", "text", "practitioner", required=True),
            _c("grade", "code", "grade", codes.GRADES),
            _c("qualified_on", "date", "date of qualification"),
            _c("ended_on", "date", "end of the holding"),
            _c("absent_from", "date", "start of the current or latest absence"),
            _c("absent_to", "date", "end of that absence"),
            _c("workload_percent", "number", "workload as a share of capacity, per cent"),
            *_UNIT,
        ),
    ),
    _declare_table(
        "actions",
        "an action or task set by MAPPA or in oversight, or the end of MAPPA management",
        "Done but not ticked off looks like not done.",
        (
            _c("kind", "code", "what it is", codes.ACTION_KINDS, required=True),
            _c("due_on", "date", "due", plan=True),
            _c("done_on", "date", "done"),
        ),
    ),
    _declare_table(
        "circumstances",
        "a state of the person's life, from the day it began",
        "Mostly the person's own account; `verified` says whether anyone checked.",
        (
            _c("kind", "code", "which part of life", codes.CIRCUMSTANCE_KINDS, required=True),
            _c("state", "code", "the state", codes.CIRCUMSTANCE_STATES),
            _c("verified", "flag", "checked by someone"),
            _c("pdu_code", "text", "probation delivery unit in which an address lies"),
            _c("ended_on", "date", "when it ended"),
        ),
    ),
    _declare_table(
        "documents",
        "a report, plan, referral or transfer form, from the day it was written or sent",
        "Only what was registered as a document; what was said on the telephone is not here.",
        (
            _c("kind", "code", "what it is", codes.DOCUMENT_KINDS, required=True),
            _c("level", "code", "the overall level that it states", codes.LEVELS),
            _c("claims_checks", "flag", "says that checks with other agencies were done"),
            _c("names_person", "flag", "names a person to be consulted or protected"),
        ),
    ),
    _declare_table(
        "offences",
        "an offence of a sentence, main or additional, from the day it was committed",
        "Of an offence that was committed before an order for another, nothing but the day says so. "
        "Shown on the pages; an offence that says something of harm is an incident too.",
        (
            _c("main", "flag", "the main offence of its sentence"),
            _c("code", "text", "Home Office offence class and subclass, e.g. 00800"),
            _c("description", "text", "the offence in words"),
            _c("count", "int", "how many counts of it"),
        ),
    ),
    _declare_table(
        "note_entries",
        "one thing that the note of a contact says, as the reader of notes read it",
        "Worked out by intake from the notes of contacts. What a note says in words that the reader "
        "does not look for is missing, and a note without a row is not one that says nothing.",
        note_columns.OWN,
    ),
    _declare_table(
        "links",
        "a link between this case and another, from the day it began",
        "Worked out from the addresses, personal contacts and court cases of all cases; none where "
        "access to either case is limited. A link that nobody recorded the two halves of is missing.",
        (
            _c("kind", "code", "what the cases share", codes.LINK_KINDS, required=True),
            _c("linked_crn", "text", "the other case"),
            _c("concern", "code", "what is recorded of the other person", codes.LINK_CONCERNS),
            _c("ended_on", "date", "when it ended"),
        ),
    ),
    _declare_table(
        "reviews",
        "levels that a reader gave a case: the labels a model is trained on",
        "Only audits have a known probability of being chosen; the rest are chosen by need.",
        (
            _c("source", "code", "what kind of reading", codes.REVIEW_SOURCES, required=True),
            _c("snapshot_on", "date", "the record was read as it stood on this day", required=True),
            _c("reader", "text", "pseudonym of the reader"),
            *level_columns.of_groups(),
            _c("sampling_probability", "number", "probability of being chosen, where known"),
            _c("before_findings", "flag", "levels given before any finding was seen"),
            _c("same_person", "flag", "the reader had countersigned the assessment"),
        ),
    ),
    _declare_table(
        "people",
        "a person: name for the pages; protected characteristics for audit and adjustments only",
        "Ethnicity and religion are missing for about a tenth. Never joined into the indicators.",
        (
            _c("given_name", "text", "given name"),
            _c("family_name", "text", "family name"),
            _c("born_on", "date", "date of birth"),
            _c("sex", "text", "sex"),
            _c("ethnicity", "text", "ethnicity, five groups"),
            _c("religion", "text", "religion"),
            _c("disability", "text", "disability"),
            _c("nationality", "text", "nationality"),
            _c("interpreter_language", "text", "language if an interpreter is needed"),
            _c("adjustments", "text", "reasonable adjustments agreed, in the words of the record"),
        ),
    ),
    _declare_table(
        "limits",
        "an exclusion or restriction of access to a case (limited access)",
        "Any limit at all keeps the case out of scoring and of the queue; who is named decides who may "
        "look at it by hand, and answer what was asked before. No name: that is not known.",
        (
            _c("kind", "code", "exclusion or restriction", codes.LIMIT_KINDS, required=True),
            _c("username", "text", "the user it names, as that user signs in"),
            _c("ended_on", "date", "when it ended"),
        ),
    ),
)

TABLES: dict[str, Table] = {one.name: one for one in _TABLES}
"""Every source table, by name, in the order of the documentation."""

PROTECTED = frozenset({"sex", "ethnicity", "religion", "disability", "nationality", "born_on"})
"""Columns that no indicator may read (promise 6)."""


def find_table(name: str) -> Table:
    """The definition of the named table, or a UserError that suggests the closest name."""
    if name not in TABLES:
        raise UserError(f"There is no table {name!r}.{did_you_mean(name, TABLES)}")
    return TABLES[name]


def empty_frame(name: str) -> pl.DataFrame:
    """A frame of the named table with its schema and no rows."""
    return pl.DataFrame(schema=find_table(name).schema)
