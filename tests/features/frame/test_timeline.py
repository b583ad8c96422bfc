"""The words of an entry, and what of the failures to comply counts on the page of a case."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from features.frame.non_compliance import DAYS_OF_FAILURES, non_compliance
from features.frame.timeline import describe_row
from tests.factories import AS_OF, CRN, known_histories, row


@pytest.mark.parametrize(
    ("outcome", "enforcement", "words"),
    [
        ("UAAB", "EA05", "Other enforcement letter"),
        ("ATTC", "EA05", "recorded with the code for “other enforcement letter”"),
        ("ATTC", None, "complied"),
    ],
)
def test_an_enforcement_after_what_was_complied_with_is_a_code_alone(
    outcome: str, enforcement: str | None, words: str
) -> None:
    contact = row("contacts", AS_OF, outcome_code=outcome, enforcement_code=enforcement)
    detail = describe_row("contacts", contact).detail.lower()
    assert words.lower() in detail
    assert ("recorded with the code" in detail) == (outcome == "ATTC" and enforcement is not None)


def counted(*contacts: dict[str, Any], kind: str = "licence") -> dict[str, Any]:
    """What the page says of these contacts of one person under an order or in custody."""
    supervised = row("supervisions", "2026-01-01", kind=kind)
    return non_compliance(
        known_histories({"supervisions": [supervised], "contacts": list(contacts)})
    )[CRN]


def missed(on: date) -> dict[str, Any]:
    """An appointment that was missed without an acceptable reason."""
    return row("contacts", on, type_code="COAP", outcome_code="UAAB")


def test_a_failure_under_an_order_in_force_is_counted_by_month() -> None:
    assert counted(missed(date(2026, 5, 4)), missed(date(2026, 5, 20)))["months"] == [
        ("2026-05", 2)
    ]
    assert counted(missed(date(2026, 5, 4)))["uncounted"] == 0


def test_a_failure_in_custody_is_on_record_and_said_not_to_count() -> None:
    in_custody = counted(missed(date(2026, 5, 4)), kind="custody")
    assert in_custody["months"] == []
    assert in_custody["uncounted"] == 1


@pytest.mark.parametrize(("back", "is_said"), [(DAYS_OF_FAILURES - 1, 1), (DAYS_OF_FAILURES, 0)])
def test_failures_that_do_not_count_are_those_of_a_year(back: int, is_said: int) -> None:
    before = counted(missed(AS_OF - timedelta(days=back)), kind="custody")
    assert before["uncounted"] == is_said


def test_an_appointment_that_was_kept_is_no_failure() -> None:
    attended = row("contacts", AS_OF, type_code="COAP", outcome_code="ATTC")
    assert counted(attended, kind="custody")["uncounted"] == 0


@pytest.mark.parametrize(
    ("certainty", "proven", "words", "says_proven"),
    [
        ("allegation", True, "alleged, later proven", False),
        ("allegation", False, "allegation", False),
        ("fact", True, "fact", True),
        (None, None, "not said", False),
    ],
)
def test_what_was_proven_is_not_called_an_allegation_alone(
    certainty: str | None, proven: bool | None, words: str, says_proven: bool
) -> None:
    incident = row("incidents", "2026-05-01", kind="violence", certainty=certainty, proven=proven)
    entry = describe_row("incidents", incident)
    assert entry.certainty == words
    assert ("roven" in entry.detail) == says_proven
