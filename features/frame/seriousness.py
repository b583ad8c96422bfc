"""Says how serious an entry of a record is by its codes: for the order of a page, never a score.

A reader with eight minutes must meet what happened before what is routine. What is routine is
folded, with its number; but not where somebody wrote a note, because much stands in words alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from features.contracts.contact_codes import BREACH_CONTACTS, CONTACT_GROUP_OF, NON_COMPLIANT

ROUTINE, NOTED, CHANGE, ADVERSE, SERIOUS = range(5)
"""Routine without a note, with a note; what changed; what went wrong; what did or could do harm."""
SERIOUS_FROM = 4
"""The seriousness of an incident, of 5, from which it is shown first."""
HARM_FROM = 3
"""The same for kinds that are harm, or speak of it, by themselves; so is one that nobody rated."""
HARM = frozenset(
    ["violence", "threat", "weapon", "domestic_abuse", "sexual", "sexual_concern_child"]
)
OF_CONTACT_GROUP = {
    "arrest_or_charge": SERIOUS,
    "recall": SERIOUS,
    "warning": ADVERSE,
    "police_intelligence": ADVERSE,
    "approved_premises": ADVERSE,
    "third_party": ADVERSE,
    "police_liaison": CHANGE,
    "safeguarding": CHANGE,
    "monitoring": CHANGE,
    "oversight": CHANGE,
    "mappa": CHANGE,
}
"""Contacts by their group; all others are routine unless outcome or note say otherwise."""
ADVERSE_OUTCOMES = frozenset([*NON_COMPLIANT, "TPOS", "TREF", "CONC", "MO10"])
OF_TABLE = {
    "circumstances": CHANGE,
    "registrations": CHANGE,
    "orders": CHANGE,
    "enquiries": CHANGE,
    "documents": CHANGE,
    "supervisions": CHANGE,
}
"""Entries of other tables; of those that are not named here, routine."""


def seriousness_of(table: str, row: Mapping[str, Any]) -> int:
    """How serious a row of a table is: ROUTINE, NOTED, CHANGE, ADVERSE or SERIOUS."""
    judge = _JUDGES.get(table)
    return judge(row) if judge else OF_TABLE.get(table, ROUTINE)


def _of_contact(row: Mapping[str, Any]) -> int:
    code = row["type_code"]
    own = OF_CONTACT_GROUP.get(CONTACT_GROUP_OF.get(code, ""), ROUTINE)
    if code in BREACH_CONTACTS or row["outcome_code"] in ADVERSE_OUTCOMES:
        own = max(own, ADVERSE)
    return max(own, NOTED) if row["note"] else own


def _of_incident(row: Mapping[str, Any]) -> int:
    if row["kind"] in HARM:
        return SERIOUS if (row["severity"] or HARM_FROM) >= HARM_FROM else ADVERSE
    return SERIOUS if (row["severity"] or 0) >= SERIOUS_FROM else ADVERSE


def _of_decision(row: Mapping[str, Any]) -> int:
    return SERIOUS if row["kind"] == "recall" else ADVERSE


def _of_enquiry(row: Mapping[str, Any]) -> int:
    return ADVERSE if row["result"] == "concerns" else CHANGE


_JUDGES: dict[str, Callable[[Mapping[str, Any]], int]] = {
    "contacts": _of_contact,
    "incidents": _of_incident,
    "decisions": _of_decision,
    "enquiries": _of_enquiry,
}
