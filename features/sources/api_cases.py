"""Reads responses about sentences, officers, enforcement, needs and caseloads into rows of our tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from features import clock
from features.contracts import contact_codes
from features.sources.api_assessments import Body, Row, base_columns, parse_day, parse_time
from features.sources.api_versions import CHANGED, GUESSED

SKIPPED = ""
"""Instead of a table: an item that becomes no row, with its `reason`."""
_KINDS = (
    ("suspended_sentence", "suspended|sso"),
    ("community_order", "community|youth rehabilitation|combination|curfew order"),
    ("licence", "licence|post.?sentence|pss"),
    ("custody", "custod|imprison|detention|determinate|life|ipp|borstal|prison"),
)
"""What a sentence is, by the words of its description; the first that fits."""
_ENDS = (
    ("revoked", "revoked"),
    ("recalled", "recall"),
    ("breached", "breach"),
    ("completed", "completed|expir|reached"),
)
"""How a sentence ended, by the words of its status; the first that fits."""


def skip_item(reason: str) -> Row:
    """An item that becomes no row, for the report."""
    return SKIPPED, {"reason": reason}


def crn_of(body: Body) -> str | None:
    """The CRN that a body gives as that of its person, wherever it stands."""
    for place in (
        body,
        body.get("personSummary"),
        (body.get("personalDetails") or {}).get("identifiers"),
    ):
        crn = place.get("crn") if isinstance(place, dict) else None
        if crn:
            return str(crn).strip()
    return None


def code_of(text: str | None, meanings: dict[str, str]) -> str | None:
    """The code whose meaning is the given text; an unknown text is kept as it came."""
    if not text:
        return None
    plain = re.sub(r"[^a-z]", "", text.lower())
    for code, meaning in meanings.items():
        if re.sub(r"[^a-z]", "", meaning.lower()) == plain:
            return code
    return text


def _first_fit(text: Any, choices: tuple[tuple[str, str], ...]) -> str | None:
    words = str(text or "").lower()
    return next((name for name, like in choices if re.search(like, words)), None)


def read_compliance(body: Body, crn: str | None) -> Iterator[Row]:
    """Sentences, current and past, from the compliance response of manage people on probation.

    A current sentence has no end, whatever end is planned. Counts of absences have no days, so they
    become no rows.
    """
    crn = crn_of(body) or crn
    past = (body.get("previousOrders") or {}).get("orders") or []
    for item in body.get("currentSentences") or []:
        order = item.get("order") or {}
        yield _sentence(crn, item.get("eventNumber"), order, ended_on=None, status=None)
        if item.get("activeBreach"):
            yield skip_item("an active breach, without the contact that began it")
        if item.get("mainOffence"):
            yield skip_item("a main offence, without the day on which it was committed")
    for item in past:
        ended_on = item.get("endDate")
        yield _sentence(crn, item.get("eventNumber"), item, ended_on, item.get("status"))


def _sentence(crn: str | None, number: Any, order: Body, ended_on: str | None, status: Any) -> Row:
    start = order.get("startDate")
    kind = _first_fit(order.get("description"), _KINDS)
    if not start or kind is None:
        return skip_item("a sentence without a start, or of a kind that is not known")
    return "supervisions", {
        **base_columns(f"order-{crn}-{number}-{parse_day(start)}", crn, start),
        CHANGED: parse_time(ended_on),
        "kind": kind,
        "ended_on": parse_day(ended_on),
        "end_reason": _first_fit(status, _ENDS) if ended_on else None,
    }


def read_officers(body: Body, crn: str | None) -> Iterator[Row]:
    """Practitioners who hold or held the case, by name: the response has no staff code."""
    crn = crn_of(body) or crn
    for item in [*(body.get("currentContacts") or []), *(body.get("previousContacts") or [])]:
        if item.get("prisonOffenderManager"):
            yield skip_item("a prison offender manager, who holds no case in the community")
            continue
        start, until = item["allocationDate"], item.get("allocatedUntil")
        yield (
            "allocations",
            {
                **base_columns(f"allocation-{crn}-{start}-{item['name']}", crn, start),
                CHANGED: parse_time(until),
                "staff_code": item["name"],
                "ended_on": parse_day(until),
            },
        )


def read_enforcement(body: Body, crn: str | None) -> Iterator[Row]:
    """Appointments with their outcome and enforcement action, as known when they were changed last."""
    for item in body["enforcementContacts"]:
        changed = item.get("lastModifiedDate") or item["appointmentDate"]
        yield (
            "contacts",
            {
                **base_columns(
                    contact_number(item["id"]),
                    item.get("crn") or crn,
                    item["appointmentDate"],
                    changed,
                ),
                CHANGED: parse_time(changed),
                "type_code": code_of(item["appointmentType"], contact_codes.CONTACT_TYPES),
                "outcome_code": code_of(item.get("appointmentOutcome"), contact_codes.OUTCOMES),
                "enforcement_code": code_of(
                    item.get("enforcementAction"), contact_codes.ENFORCEMENT
                ),
            },
        )


def contact_number(number: Any) -> str:
    """The record number of a contact of NDelius, as the import of its tables gives it."""
    return f"ndelius-{number}"


def read_needs(body: Body, crn: str | None) -> Iterator[Row]:
    """Assessments from a response about needs: their dates; needs themselves become no column."""
    for item in body["assessments"]:
        completed_on = item.get("dateCompleted")
        full = str(item.get("assessmentType") or "LAYER3").startswith("LAYER")
        yield (
            "assessments",
            {
                **base_columns(
                    f"oasys-set-{item['assessmentPk']}", body.get("crn") or crn, completed_on
                ),
                GUESSED: True,
                "status": "COMPLETE" if full else "PREDICTORS_ONLY",
                "completed_on": parse_day(completed_on),
                "source_system": "oasys",
            },
        )


def read_caseload(body: Body, crn: str | None) -> Iterator[Row]:
    """Names and appointments from a caseload; a case of limited access has neither."""
    for item in body["caseload"]:
        own = item.get("crn") or crn
        if not item.get("caseName"):
            yield skip_item("a case without a name, as one of limited access")
            continue
        earlier = item.get("previousAppointment") or {}
        for appointment in filter(None, (item.get("nextAppointment"), earlier)):
            at = appointment["date"]
            yield (
                "contacts",
                {
                    **base_columns(contact_number(appointment["id"]), own, at, at),
                    GUESSED: True,
                    "type_code": code_of(
                        appointment.get("description"), contact_codes.CONTACT_TYPES
                    ),
                },
            )
        yield _person(own, item)


def _person(crn: str | None, item: Body) -> Row:
    name = item["caseName"]
    # Nobody says since when the name is on record: it was when the response was fetched.
    return "people", {
        **base_columns(f"person-{crn}", crn, clock.now().isoformat()),
        "given_name": name.get("forename"),
        "family_name": name.get("surname"),
        "born_on": parse_day(item.get("dob")),
    }


def read_access(body: Body, crn: str | None) -> Iterator[Row]:
    """No row: limits are read from every body, and one that says that access is open limits nothing."""
    if not body["userExcluded"] and not body["userRestricted"]:
        yield skip_item(
            f"access to {crn_of(body) or crn or 'a case'} is open to the user who asked"
        )
