"""Finds limits of access in an API response, whatever its shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from features import clock
from features.errors import UnreadableInput
from features.sources.api_assessments import Row, base_columns

CRN = re.compile(r"(?<![A-Z0-9])[A-Z]\d{6}(?![A-Z0-9])")
"""A case reference number that is not a part of a longer word or number."""
_KINDS = {
    "userExcluded": "exclusion",
    "excludedFrom": "exclusion",
    "currentExclusion": "exclusion",
    "userRestricted": "restriction",
    "restrictedTo": "restriction",
    "currentRestriction": "restriction",
    "limitedAccess": "restriction",
    "limitedAccessOffender": "restriction",
}
"""Fields that say that access is limited, where they are not false, null or empty."""


def read_limits(name: str, body: Any, crn: str | None) -> Iterator[Row]:
    """A limit for each case of which some field of a response says so, at any depth.

    The case is that of the nearest object around the field, else that of the address or file name.
    Users are left out: a response never says who was removed, and that user would keep access.
    Raises UnreadableInput where nobody can say whose access is limited.
    """
    if isinstance(body, dict) and "openapi" in body:
        return  # the description of an API speaks of limits, and of no case
    now = clock.now().isoformat()
    for kind, case in sorted(_limited_cases(name, body, crn)):
        yield "limits", {**base_columns(f"access-{case}-{kind}", case, now), "kind": kind}


def stop_for_unreadable_limits(name: str, text: str) -> None:
    """Raise UnreadableInput where a file that is no JSON has a field that says access is limited."""
    if re.search(rf'"({"|".join(_KINDS)})"\s*:\s*(true|\[\s*[^\]\s]|"[^"])', text):
        raise UnreadableInput(
            f"{name} speaks of limited access and cannot be read, so nobody can say whose access is "
            "limited. Nothing was written. Fetch it again."
        )


def _limited_cases(name: str, body: Any, crn: str | None) -> set[tuple[str, str]]:
    limited: set[tuple[str, str]] = set()
    left: list[tuple[Any, str | None]] = [(body, crn)]
    while left:
        part, case = left.pop()
        if isinstance(part, list):
            left += [(item, case) for item in part]
        if not isinstance(part, dict):
            continue
        case = _case_of(part) or case
        for kind in {kind for key, kind in _KINDS.items() if part.get(key)}:
            if case is None:
                raise UnreadableInput(
                    f"{name} speaks of limited access, and nobody can say whose access is limited. "
                    "Nothing was written. Fetch it again, with the CRN in the file's name."
                )
            limited.add((kind, case))
        left += [(value, case) for value in part.values()]
    return limited


def _case_of(part: dict[str, Any]) -> str | None:
    """The CRN that an object gives as its own."""
    for place in (part, part.get("otherIds"), part.get("identifiers"), part.get("personSummary")):
        for key in ("crn", "probNumber"):
            value = place.get(key) if isinstance(place, dict) else None
            if isinstance(value, str) and CRN.fullmatch(value.strip().upper()):
                return value.strip().upper()
    return None
