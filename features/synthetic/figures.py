"""Lists every figure that shapes the made-up caseload: value, source, and how reliable it is.

`seen` was read in the source named; `memory` is recalled from such a source and not seen again;
`assumption` has no published source and was chosen. Targets are compared with what was generated
in docs/caseload.md; the rest shape the story of each person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Mark = Literal["seen", "memory", "assumption"]
T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class Figure(Generic[T]):
    """A published figure that shapes the made-up caseload: value, source, and how reliable."""

    value: T
    mark: Mark
    source: str


_of = Figure

OMSQ = "Offender Management Statistics Quarterly"
INSPECTION = "HM Inspectorate of Probation"

# ── The caseload ────────────────────────────────────────────────────────────────────────────────
NATIONAL_CASELOAD = _of(240_362, "seen", f"{OMSQ}: 31 December 2024")
KINDS = _of(
    {"community_order": 69.0, "suspended_sentence": 43.0, "custody": 61.0, "licence": 69.0},
    "memory",
    f"{OMSQ}: thousands of people, within 5 %; custody is before release",
)
REGIONS = _of(
    {
        "N07": 18,
        "N58": 9,
        "N51": 10,
        "N52": 9,
        "N03": 8,
        "N50": 8,
        "N53": 8,
        "N55": 8,
        "N56": 8,
        "N57": 8,
        "N54": 7,
        "N59": 7,
    },
    "memory",
    "108 delivery units in 12 regions; London 18 and South West 9 seen, the rest assumed",
)
WOMEN = _of(0.10, "memory", f"{OMSQ}; 11 % in March 2010 seen")
AGES = _of(
    {"18-20": 5, "21-24": 10, "25-29": 15, "30-39": 35, "40-49": 21, "50-59": 10, "60+": 4},
    "assumption",
    "Per cent of people",
)
ETHNICITY = _of(
    {"White": 78, "Black": 8, "Asian": 7, "Mixed": 4, "Other": 1, "Not stated": 2},
    "assumption",
    "Per cent where recorded; about a fifth from minority ethnic backgrounds seen",
)
ETHNICITY_MISSING = _of(0.10, "seen", f"{INSPECTION} 2021: almost one in ten inspected cases")
RELIGION = _of(
    {"No religion": 42, "Christian": 27, "Muslim": 10, "Other": 6, "Not stated": 15},
    "assumption",
    "Per cent where recorded",
)
DISABILITY = _of(0.35, "assumption", "Share with a disability, where recorded")
DISABILITY_MISSING = _of(0.15, "assumption", "Share with nothing recorded")
INTERPRETER = _of(0.02, "assumption", "Share who need an interpreter")
NO_SETTLED_ADDRESS = _of((0.12, 0.14), "seen", "One constituency, 2023-24: no fixed address")

# ── Levels ──────────────────────────────────────────────────────────────────────────────────────
OVERALL = _of(
    {"LOW": 0.23, "MEDIUM": 0.47, "HIGH": 0.25, "VERY_HIGH": 0.006, "not recorded": 0.044},
    "assumption",
    "Community caseload; high was 19.9 % in 2018 and 25 % in 2022 (seen, base not stated)",
)
GROUPS_AT_HIGH = _of(
    {"children": 0.30, "public": 0.50, "known_adult": 0.45, "staff": 0.08},
    "assumption",
    "Share of people whose overall level is high with this group at it",
)
GROUPS_AT_MEDIUM = _of(
    {"children": 0.20, "public": 0.65, "known_adult": 0.40, "staff": 0.08},
    "assumption",
    "Share of people whose overall level is medium with this group at it",
)
UNDERESTIMATED = _of(0.10, "assumption", "People too low in some group; no rate is published")
UNDERESTIMATED_RANGE = _of((0.03, 0.20), "assumption", "The range the caseload may be set to")

# ── Practice ────────────────────────────────────────────────────────────────────────────────────
CASES_PER_PRACTITIONER = _of(36.0, "seen", "Parliamentary answers: 36.0, 37.1, 35.2 (2021-24)")
PRACTITIONERS_A_TEAM = _of(8, "assumption", "One SPO has about 8 practitioners and 280 cases")
WORKLOAD = _of((112.0, 18.0), "assumption", "Mean and spread, per cent of capacity")
NOVICES = _of(0.25, "assumption", "Share of practitioners in training or newly qualified")
CHANGES_A_YEAR = _of(0.75, "assumption", "Changes of practitioner a person a year")
OASYS_A_WEEK = _of(9_420, "seen", "OASys completed in a week of January 2025, custody included")
DOMESTIC_ABUSE_ENQUIRIES = _of(0.49, "seen", f"{INSPECTION} 2022/23: enquiries made where needed")
SAFEGUARDING_ENQUIRIES = _of(0.55, "seen", f"{INSPECTION} 2022/23: enquiries made where needed")
DOMESTIC_ABUSE_PERPETRATORS = _of(0.30, "seen", f"{INSPECTION} July 2023: share of the caseload")
NEVER_ASSESSED = _of(0.018, "assumption", "People without any assessment")
LAPSED = _of(0.045, "assumption", "People whose assessment nobody reviews in time")
LOCKED = _of(0.035, "assumption", "Assessments that lock before they are complete")

# ── Contact ─────────────────────────────────────────────────────────────────────────────────────
APPOINTMENTS_A_YEAR = _of(
    {
        "none": (14, 30),
        "LOW": (12, 15),
        "MEDIUM": (24, 30),
        "HIGH": (45, 60),
        "VERY_HIGH": (45, 60),
    },
    "assumption",
    "By recorded level, while contact is due; halved where a unit is amber or red",
)
ATTENDED_SHARE = _of((0.78, 0.15), "assumption", "Appointments kept: mean and spread over people")
UNACCEPTABLE = _of(0.12, "assumption", "Appointments missed without acceptable reason")
ACCEPTABLE = _of(0.10, "assumption", "Appointments missed with acceptable reason, or moved")
ENTRIES_NATIONALLY = _of(40e6, "assumption", "Contacts over three years, half the system's own")
STAFF_SHARE = _of(0.5, "assumption", "Share of contacts that a person wrote")
RECALLS_A_YEAR = _of(37_573, "seen", f"{OMSQ}: recalls in 2024; 57,277 releases")
COMPLETED = _of((0.70, 0.74), "seen", "Community sentences completed successfully, 2018 to 2023")

# ── Readers ─────────────────────────────────────────────────────────────────────────────────────
SENSITIVITY = _of(0.85, "assumption", "A reader sees a group that is too low as too low")
SPECIFICITY = _of(0.95, "assumption", "A reader leaves all four groups of a right case alone")
COUNTERSIGN_SENSITIVITY = _of(0.45, "assumption", "The same for whoever countersigns in minutes")
AUDITED = _of(0.16, "assumption", "Share of the caseload read again in a quarterly audit")

# ── Lives: the chance each month that a circumstance begins or ends, and what it weighs ─────────
CIRCUMSTANCES = _of(
    {
        # name: begins, ends, what raises its beginning (trait, weight)
        "substance": (0.030, 0.110, "chaos", 0.6),
        "unsettled": (0.029, 0.140, "chaos", 0.4),
        "partner": (0.030, 0.035, "abuse", 0.0),
        "conflict": (0.022, 0.220, "abuse", 0.5),
        "unwell": (0.022, 0.140, "illness", 0.7),
        "child": (0.012, 0.018, "family", 0.3),
        "peers": (0.014, 0.180, "violence", 0.5),
    },
    "assumption",
    "Monthly chances of a circumstance beginning and ending, and the trait that brings it on",
)
RELEASE_MONTHS = _of(3, "assumption", "Months after release that weigh on the level of risk")
TRAIT_WEIGHTS = _of(
    {
        "children": {"family": 0.80, "abuse": 0.40, "violence": 0.20},
        "public": {"violence": 0.95, "chaos": 0.35},
        "known_adult": {"abuse": 0.90, "violence": 0.40},
        "staff": {"violence": 0.45, "illness": 0.35, "chaos": 0.2},
    },
    "assumption",
    "What a person brings along: weight of each trait in the level of each group",
)
CIRCUMSTANCE_WEIGHTS = _of(
    {
        "children": {"child": 1.0, "substance": 0.35, "unwell": 0.30, "conflict": 0.45},
        "public": {
            "peers": 1.0,
            "substance": 0.35,
            "unsettled": 0.35,
            "unwell": 0.25,
            "released": 0.45,
        },
        "known_adult": {
            "conflict": 1.1,
            "partner": 0.30,
            "substance": 0.35,
            "unwell": 0.25,
            "released": 0.40,
        },
        "staff": {"unwell": 0.80, "substance": 0.35, "unsettled": 0.25, "released": 0.30},
    },
    "assumption",
    "What is going on: weight of each circumstance in the level of each group",
)
OWN_SPREAD = _of(0.85, "assumption", "What sets people apart beyond traits and circumstances")
CONCEALED = _of(0.12, "assumption", "People whose life hardly reaches any record")
STORIES = _of(
    0.45, "assumption", "People who have a story (stories.toml) at some time in three years"
)
TWO_LEVELS = _of(0.6, "assumption", "Stories that raise a level by two; the others by one")
FALSE_ALARMS = _of(0.35, "assumption", "Stories that leave entries and raise nothing")
STORIES_NOTICED = _of(0.45, "assumption", "Stories that the practitioner comes to see")
NEVER_REACHES = _of(0.30, "assumption", "Incidents that reach nobody's record")

# ── Recording ───────────────────────────────────────────────────────────────────────────────────
RECORDED_TWICE = _of(0.02, "assumption", "Incidents that two people put on record")
CORRECTED = _of(0.03, "assumption", "Entries corrected later, as a second version")
WITHDRAWN = _of(0.008, "assumption", "Entries withdrawn later")
VAGUE = _of(0.12, "assumption", "Incidents without severity, or without saying who was harmed")
BOOKED_AHEAD = _of(0.12, "assumption", "Appointments sent when booked and again with the outcome")
LATE = _of(0.10, "assumption", "Entries put on record more than two weeks late")
ALSO_NOTED = _of(0.35, "assumption", "Coded incidents and circumstances that a note tells too")
NOTE_TRAPS = _of(0.02, "assumption", "Notes that deny, fear, plan for or remember something too")
LIMITED = _of(0.008, "assumption", "People with limited access")


def listed_figures() -> dict[str, Figure[object]]:
    """Every figure that shapes the made-up caseload, by name, in order."""
    return {name: item for name, item in globals().items() if isinstance(item, Figure)}
