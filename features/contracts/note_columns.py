"""Defines the columns of an entry that intake reads from a note, and their codes."""

from __future__ import annotations

from features.contracts import codes
from features.contracts.table import Column

INCIDENTS = {
    kind: words for kind, words in codes.INCIDENT_KINDS.items() if kind != "custody_intelligence"
}
KINDS: dict[str, str] = {
    **INCIDENTS,
    "third_party_complaint": "complaint by somebody else",
    "relationship_new": "new intimate relationship",
    "relationship_ended": "end of an intimate relationship",
    "relationship_conflict": "conflict or breakdown in a close relationship",
    "child_contact": "lives with or has contact with a child",
    "pregnancy": "pregnancy or new child",
    "address_changed": "change of address",
    "address_lost_or_at_risk": "home lost or at risk",
    "attitude_violence": "speaks in favour of violence",
    "hostile_to_supervision": "hostile to supervision",
}
"""What the reader of notes looks for."""
ASSERTED: dict[str, str] = {
    "yes": "said to be so",
    "no": "denied or ruled out",
    "possible": "suspected or feared",
    "conditional": "said of what might be",
}
DOERS: dict[str, str] = {"pop": "the person on probation", "other": "somebody else"}
PERIODS: dict[str, str] = {"now": "at the time of the note", "past": "earlier"}
TELLERS: dict[str, str] = {
    "seen": "seen or heard by the writer",
    "self": "said by the person",
    "third_party": "said by somebody else",
    "agency": "said by another agency",
}

OWN: tuple[Column, ...] = (
    Column("contact_id", "text", "the contact whose note it is", required=True),
    Column("kind", "code", "what it says", required=True, codes=KINDS),
    Column("starts_at", "int", "place in the note of the first sign of the words, from 0"),
    Column("ends_at", "int", "place in the note after their last sign"),
    Column("asserted", "code", "whether it is said to be so", required=True, codes=ASSERTED),
    Column("done_by", "code", "whose doing or state it is", required=True, codes=DOERS),
    Column("period", "code", "when it was", required=True, codes=PERIODS),
    Column("told_by", "code", "who said so", codes=TELLERS),
    Column("target", "code", "who was or could be harmed", codes=codes.TARGETS),
    Column("named_on", "date", "the day that the note names, on which the entry then counts"),
    Column("reader", "text", "which reader of notes read it, and its version"),
)
