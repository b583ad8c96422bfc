"""Extracts in which records are new, corrected, moved to another case, refused and withdrawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import factories
from tests.factories import row

NOTES = (
    "He was drunk at the visit and shouted at staff.",
    "She says he hit her on Saturday. He denies it.",
    "Attended as planned.",
)


def contact(number: int, **values: Any) -> dict[str, Any]:
    """A contact of one of nine people, with a note."""
    own = {
        "record_id": f"C{number}",
        "crn": f"A{number % 9:06d}",
        "note": f"{NOTES[number % 3]} Visit {number}.",
    }
    return row("contacts", "2026-06-01") | own | values


def first_extract(folder: Path) -> Path:
    """Contacts and incidents of nine people, a contact and two incidents to be refused."""
    contacts = [contact(number) for number in range(30)]
    incidents = [
        row("incidents", "2026-06-02", record_id=f"I{n}", crn=f"A{n % 9:06d}") for n in range(20)
    ]
    tables = {
        "contacts": [*contacts, contact(99, crn="no CRN")],
        "incidents": [
            *incidents,
            *[incidents[n] | {"record_id": f"I{99 - n}", "severity": 9} for n in (1, 0)],
        ],
    }
    return factories.extract(folder, tables, "2026-07-01T02:00:00", ["incidents"])


def second_extract(folder: Path) -> Path:
    """The next day's: a note corrected, a contact in another case, an incident withdrawn."""
    contacts = [
        contact(1, note="Attended late."),
        contact(2, crn="A000003"),
        contact(40),
        *[contact(number) for number in range(5, 9)],
    ]
    incidents = [
        row("incidents", "2026-06-02", record_id=f"I{n}", crn=f"A{n % 9:06d}") for n in range(1, 20)
    ]
    tables = {"contacts": contacts, "incidents": incidents}
    return factories.extract(folder, tables, "2026-07-02T02:00:00", ["incidents"])
