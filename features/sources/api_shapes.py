"""Recognises the kinds of HMPPS API response and reads each into rows of our tables.

Shapes as served by assess-risks-and-needs, OASys (ORDS), manage people on probation, make a recall
decision and the probation integration API. A level for a group is parsed without regard to case;
fields that a shape does not have stay null.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.contracts import codes, contact_codes
from features.sources.api_assessments import (
    Body,
    Row,
    base_columns,
    parse_day,
    parse_time,
    read_arns,
    read_ords,
    read_predictors,
    recall_rosh,
)
from features.sources.api_cases import (
    code_of,
    contact_number,
    crn_of,
    read_access,
    read_caseload,
    read_compliance,
    read_enforcement,
    read_needs,
    read_officers,
)
from features.sources.api_merges import WHOLE, is_merge, read_merge
from features.sources.api_versions import CHANGED, GUESSED

_REGISTER_BY_NAME = {
    **{text.lower(): code for code, text in codes.REGISTER_TYPES.items()},
    "risk to probation staff": "AV2S",
}
COUNTS = ("hits", "total")
_COMMENT = re.compile(r"on (\d\d)/(\d\d)/(\d{4}) at (\d\d):(\d\d)")


@dataclass(frozen=True)
class Shape:
    """A kind of API response: its name, a test that recognises it, and a function that reads it."""

    name: str
    fits: Callable[[Any], bool]
    read: Callable[[Any, str | None], Iterator[Row]]


def _contact_page(body: Body, crn: str | None) -> Iterator[Row]:
    for item in body["content"]:
        created, updated = parse_time(item.get("createdAt")), parse_time(item.get("updatedAt"))
        # An overwritten snapshot: its outcome was not known before the last change.
        late = item.get("updatedAt") if item.get("outcome") and updated else item.get("createdAt")
        row = base_columns(
            contact_number(item["id"]), item.get("crn") or crn, item["contactDate"], late
        )
        yield (
            "contacts",
            {
                **row,
                "recorded_at": parse_time(late) or created,
                CHANGED: updated or created,
                "type_code": (item.get("type") or {}).get("code"),
                "outcome_code": (item.get("outcome") or {}).get("code"),
                "staff_code": (item.get("officer") or {}).get("code"),
                "note": item.get("notes"),
            },
        )


def _contact_history(body: Body, crn: str | None) -> Iterator[Row]:
    crn = crn_of(body) or crn
    summary = body.get("summary") or {}
    listed = {len(body["contacts"]), *(summary.get(name) for name in summary if name in COUNTS)}
    if crn and body["contacts"] and len(listed) == 1:
        # Asked with a filter, it tells of a part of the contacts alone.
        yield WHOLE, {"record_id": f"history-{crn}-", "crn": crn}
    places: Counter[tuple[str, str | None]] = Counter()
    # In an order of their own, so that the numbers of two alike do not depend on the list's.
    for item in sorted(body["contacts"], key=lambda one: (one["startDateTime"], repr(one))):
        start = item["startDateTime"]
        comment = _COMMENT.search(item.get("notes") or "")
        written_at = (
            f"{comment[3]}-{comment[2]}-{comment[1]}T{comment[4]}:{comment[5]}:00"
            if comment
            else start
        )
        kind = item.get("type") or {}
        yield (
            "contacts",
            {
                **base_columns(_history_number(crn, start, kind.get("code"), places), crn, start),
                "recorded_at": _when_told(item, start, written_at),
                "type_code": kind.get("code"),
                "outcome_code": code_of(item.get("outcome"), contact_codes.OUTCOMES),
                "enforcement_code": code_of(
                    item.get("enforcementAction"), contact_codes.ENFORCEMENT
                ),
                "system_generated": kind.get("systemGenerated"),
                "disclosable": False if item.get("sensitive") else None,
                "note": item.get("notes"),
            },
        )


def _history_number(
    crn: str | None, start: str, code: str | None, places: Counter[tuple[str, str | None]]
) -> str:
    """A record number from when a contact was and its type, for a shape that has no number."""
    places[start, code] += 1
    again = f"-{places[start, code]}" if places[start, code] > 1 else ""
    return f"history-{crn}-{start}-{code}{again}"


def _when_told(item: Body, start: str, written_at: str) -> datetime | None:
    """When what a contact says was known: an outcome not before it, a plan when it was written."""
    times = [at for at in (parse_time(start), parse_time(written_at)) if at is not None]
    if not times:
        return None
    return max(times) if item.get("outcome") else times[-1]


_ABSENCE = {
    "acceptableAbsence": "CO05",
    "unacceptableAbsence": "UAAB",
    "attendedButDidNotComply": "AFTC",
}


def _non_compliance(body: Body, crn: str | None) -> Iterator[Row]:
    for part, outcome in _ABSENCE.items():
        for item in body.get(part) or []:
            yield (
                "contacts",
                {
                    **base_columns(contact_number(item["contactId"]), crn, item["date"]),
                    GUESSED: True,
                    "type_code": (item.get("type") or {}).get("code"),
                    "outcome_code": outcome,
                },
            )


def _risk_flags(body: Body, crn: str | None) -> Iterator[Row]:
    crn = (body.get("personSummary") or {}).get("crn") or crn
    flags = [*(body.get("riskFlags") or []), *(body.get("removedRiskFlags") or [])]
    for item in [*flags, *([body["riskFlag"]] if body.get("riskFlag") else [])]:
        removed = item.get("removalHistory") or []
        yield (
            "registrations",
            {
                # The number of the register entry, as the import of the tables gives it.
                **base_columns(f"ndelius-{item['id']}", crn, item.get("createdDate")),
                "type_code": _REGISTER_BY_NAME.get(
                    str(item["description"]).lower(), item["description"]
                ),
                "level_code": item.get("levelCode"),
                "next_review_on": parse_day(item.get("nextReviewDate")),
                "ended_on": parse_day(removed[-1].get("removalDate"))
                if item.get("removed") and removed
                else None,
            },
        )
    if body.get("mappa"):
        yield _read_mappa(body["mappa"], crn)


def _read_mappa(item: Body, crn: str | None) -> Row:
    number = item.get("category")
    return "registrations", {
        **base_columns(f"mappa-{crn}", crn, item.get("startDate")),
        "type_code": "MAPP",
        "level_code": f"M{item.get('level')}",
        "category_code": "X9" if number == 0 else f"M{number}",
        "next_review_on": parse_day(item.get("reviewDate")),
    }


def _rosh_history(body: Body, crn: str | None) -> Iterator[Row]:
    crn = crn_of(body) or crn
    if body.get("mappa"):
        yield _read_mappa(body["mappa"], crn)
    for i, item in enumerate(body.get("roshHistory") or []):
        yield (
            "registrations",
            {
                **base_columns(f"rosh-{crn}-{i}", crn, item["startDate"]),
                "type_code": item["type"],
            },
        )


def _licence_conditions(body: Body, crn: str | None) -> Iterator[Row]:
    crn = crn_of(body) or crn
    for event in body["activeConvictions"]:
        for i, item in enumerate(event.get("licenceConditions") or []):
            parts = [(item.get(key) or {}).get("code") for key in ("mainCategory", "subCategory")]
            yield (
                "orders",
                {
                    **base_columns(
                        f"condition-{crn}-{event.get('number')}-{i}", crn, item["startDate"]
                    ),
                    "kind": "licence_condition",
                    "category": ".".join(filter(None, parts)),
                    "theme": "movement" if parts[0] == "NLC8" else None,
                },
            )


def _has_keys(*keys: str) -> Callable[[Any], bool]:
    return lambda body: isinstance(body, dict) and all(key in body for key in keys)


def _has_either(*tests: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda body: any(test(body) for test in tests)


def _first_has(*keys: str) -> Callable[[Any], bool]:
    return lambda body: (
        isinstance(body, list)
        and bool(body)
        and _has_either(*[_has_keys(key) for key in keys])(body[0])
    )


def _has_needs(body: Any) -> bool:
    items = body.get("assessments") if isinstance(body, dict) else None
    return isinstance(items, list) and bool(items) and all("acc" in item for item in items)


SHAPES: tuple[Shape, ...] = (
    Shape("merge of two cases", is_merge, read_merge),
    Shape(
        "OASys: levels, predictors, timeline",
        _has_either(
            _has_keys("timeline"),
            lambda b: _has_keys("assessments")(b) and not any("acc" in a for a in b["assessments"]),
        ),
        read_ords,
    ),
    Shape("RoSH: recall decision", _has_keys("riskOfSeriousHarm"), recall_rosh),
    Shape("RoSH: summary or widget", _has_keys("riskInCommunity"), read_arns),
    Shape(
        "predictors, version 1 or 2",
        _first_has("outputVersion", "groupReconvictionScore"),
        read_predictors,
    ),
    Shape(
        "contacts: integration API",
        lambda b: _has_keys("content")(b) and any("contactDate" in i for i in b["content"]),
        _contact_page,
    ),
    Shape("contacts: recall decision", _has_keys("contacts", "personalDetails"), _contact_history),
    Shape("non-compliance", _has_keys("unacceptableAbsence"), _non_compliance),
    Shape(
        "registers: risk flags",
        _has_either(_has_keys("riskFlags"), _has_keys("riskFlag")),
        _risk_flags,
    ),
    Shape("registers: MAPPA and RoSH history", _has_keys("roshHistory"), _rosh_history),
    Shape("licence conditions", _has_keys("activeConvictions"), _licence_conditions),
    Shape("sentences: compliance", _has_keys("currentSentences"), read_compliance),
    Shape("practitioners", _has_keys("currentContacts"), read_officers),
    Shape("enforcement", _has_keys("enforcementContacts"), read_enforcement),
    Shape("caseload", _has_keys("caseload"), read_caseload),
    Shape("needs", _has_needs, read_needs),
    Shape("access of one user", _has_keys("userExcluded", "userRestricted"), read_access),
)
"""Tried in order; the first that fits reads the body."""
