"""What counts as a thing getting worse: an entry of any kind in any table, each as it would stand."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from features.contracts import codes, contact_codes, note_columns

Adverse = tuple[str, dict[str, Any]]
"""A table, and what the entry says beside its day. Values that are numbers of days after it are dates."""

_ABSENT = ("UAAB", "AFTA", "AFTC", "ATSH")
_CONTACTS: list[Adverse] = [
    *[
        ("contacts", {"type_code": code})
        for code in (
            *contact_codes.CONTACT_GROUPS["arrest_or_charge"],
            *contact_codes.BREACH_CONTACTS,
            "EAP0",
            "C3PR",
            "C515",
            "C078",
            "C005",
            "AWLI",
            "CLBR",
            "RECI",
            "ERCL",
            "INFFES",
        )
    ],
    *[
        ("contacts", {"type_code": kind, "outcome_code": outcome})
        for kind in ("COAP", "COAI", "CHVS", "TRTM")
        for outcome in _ABSENT
    ],
    *[
        ("contacts", {"type_code": "DGTSLC", "outcome_code": outcome})
        for outcome in ("TREF", "TPOS", "UAAB")
    ],
    ("contacts", {"type_code": "SFRR", "outcome_code": "CONC"}),
]
_INCIDENTS: list[Adverse] = [
    *[
        ("incidents", {"kind": kind, "target": target, "setting": setting, "severity": severity})
        for kind, target, setting, severity in (
            ("violence", "public", "community", 2),
            ("violence", "staff", "custody", 5),
            ("violence", "prisoner", "custody", 4),
            ("violence", "partner", "home", 3),
            ("threat", "partner", "home", 5),
            ("threat", "child", "home", 1),
            ("threat", "staff", "office", 4),
            ("threat", "none", "online", None),
            ("weapon", "public", "community", 3),
            ("weapon", None, "custody", None),
            ("domestic_abuse", "partner", "home", 3),
            ("domestic_abuse", None, None, None),
            ("sexual", "known_adult", "community", 3),
            ("sexual_concern_child", "child", "online", None),
            ("intelligence", "public", None, None),
            ("custody_intelligence", "staff", "custody", None),
            ("provider_concern", "partner", "home", 3),
        )
    ],
    *[("incidents", {"kind": kind, "severity": 3}) for kind in codes.INCIDENT_KINDS],
    (
        "incidents",
        {
            "kind": "violence",
            "target": "public",
            "proven": True,
            "severity": 4,
            "while_using": True,
            "while_unwell": True,
        },
    ),
    (
        "incidents",
        {"kind": "domestic_abuse", "target": "partner", "proven": True, "victim_ref": "V9"},
    ),
]
_ORDERS: list[Adverse] = [
    *[("orders", {"kind": kind}) for kind in codes.ORDER_KINDS],
    *[
        ("orders", {"kind": "licence_condition", "theme": theme})
        for theme in codes.CONDITION_THEMES
    ],
    *[("orders", {"kind": "curfew", "monitored": is_monitored}) for is_monitored in (True, False)],
    ("orders", {"kind": "curfew", "relaxed_on": 20}),
    ("orders", {"kind": "licence_condition", "theme": "non_contact", "relaxed_on": 30}),
]
_SUPERVISION: list[Adverse] = [
    *[("supervisions", {"kind": kind}) for kind in codes.SUPERVISION_KINDS],
    *[
        ("supervisions", {"kind": "licence", "ended_on": 30, "end_reason": reason})
        for reason in ("breached", "revoked", "recalled")
    ],
    ("supervisions", {"kind": "community_order", "pdu_code": "P2", "tier": "D"}),
]
_OTHERS: list[Adverse] = [
    *[("decisions", {"kind": "recall", "decided": kind}) for kind in codes.ENFORCEMENT_SCALE],
    (
        "decisions",
        {"kind": "enforcement", "decided": "recall", "issued": "warning", "issued_on": 3},
    ),
    *[
        ("registrations", {"type_code": code})
        for code in codes.REGISTER_TYPES
        if code not in ("PRC", "HREG", *codes.OVERALL_REGISTER)
    ],
    *[("registrations", {"type_code": code}) for code in ("RHRH", "RVHR")],
    ("registrations", {"type_code": "WEAP", "ended_on": 40}),
    ("registrations", {"type_code": "ADVP", "next_review_on": 20}),
    *[("enquiries", {"kind": kind}) for kind in codes.ENQUIRY_KINDS],
    *[
        ("enquiries", {"kind": kind, "requested_on": 2, "returned_on": 9, "result": "concerns"})
        for kind in codes.ENQUIRY_KINDS
    ],
    *[
        ("circumstances", {"kind": "address", "state": state})
        for state in ("no_fixed_abode", "unknown", "at_risk")
    ],
    ("circumstances", {"kind": "relationship", "state": "new", "verified": False}),
    ("circumstances", {"kind": "relationship_conflict", "state": "current"}),
    ("circumstances", {"kind": "treatment", "state": "ended"}),
    ("circumstances", {"kind": "child_contact", "state": "current", "verified": False}),
    ("circumstances", {"kind": "pregnancy", "state": "new"}),
    ("allocations", {"absent_from": 5}),
    ("allocations", {"grade": "PSO", "workload_percent": 190.0}),
    *[("actions", {"kind": kind, "due_on": 10}) for kind in codes.ACTION_KINDS],
    ("documents", {"kind": "psychiatric_report"}),
    ("documents", {"kind": "court_report", "claims_checks": True, "level": "VERY_HIGH"}),
    ("documents", {"kind": "agency_referral", "level": "LOW"}),
    ("documents", {"kind": "plan", "names_person": True}),
    ("documents", {"kind": "mappa_referral"}),
    ("offences", {"main": False, "code": "00800", "description": "Wounding"}),
    *[
        ("links", {"kind": kind, "linked_crn": "A000009", "concern": concern})
        for kind in codes.LINK_KINDS
        for concern in (None, *codes.LINK_CONCERNS)
    ],
    ("assessments", {"status": "LOCKED_INCOMPLETE", "completed_on": 45}),
    # Kinds of notes count once the board switches one on; until then they change nothing.
    *[
        (
            "note_entries",
            {
                "contact_id": "C1",
                "kind": kind,
                "asserted": "yes",
                "done_by": "pop",
                "period": "now",
            },
        )
        for kind in note_columns.KINDS
    ],
]
ADVERSE: list[Adverse] = [*_CONTACTS, *_INCIDENTS, *_ORDERS, *_SUPERVISION, *_OTHERS]
"""Every kind, over every table that holds what happened. A `PRC` register and a suspension are no
events of the person, and a completed assessment is the answer to nearly everything.
"""
_DATES = {
    "relaxed_on",
    "ended_on",
    "issued_on",
    "requested_on",
    "returned_on",
    "absent_from",
    "due_on",
    "completed_on",
    "next_review_on",
}


def values_of(adverse: Adverse, day: date, recorded_after: int) -> dict[str, Any]:
    """What an adverse entry about a day holds, recorded so many days after it."""
    values = {
        name: day + timedelta(days=value) if name in _DATES else value
        for name, value in adverse[1].items()
    }
    recorded = datetime.combine(day, time(12)) + timedelta(days=recorded_after)
    return values | {"recorded_at": recorded}
