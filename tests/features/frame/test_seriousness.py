"""How serious an entry is, code by code: the table is the specification."""

from __future__ import annotations

from typing import Any

import pytest

from features.contracts.contact_codes import CONTACT_GROUP_OF
from features.frame.seriousness import (
    ADVERSE,
    CHANGE,
    NOTED,
    OF_CONTACT_GROUP,
    ROUTINE,
    SERIOUS,
    seriousness_of,
)
from features.frame.timeline import THEMES
from tests.factories import row


@pytest.mark.parametrize(
    ("table", "values", "expected"),
    [
        ("incidents", {"kind": "substance_use", "severity": 4}, SERIOUS),
        ("incidents", {"kind": "substance_use", "severity": 3}, ADVERSE),
        ("incidents", {"kind": "substance_use"}, ADVERSE),
        ("incidents", {"kind": "intelligence", "severity": 3}, ADVERSE),
        ("incidents", {"kind": "violence", "severity": 3}, SERIOUS),
        ("incidents", {"kind": "violence", "severity": 2}, ADVERSE),
        ("incidents", {"kind": "violence"}, SERIOUS),
        ("incidents", {"kind": "threat", "severity": 3}, SERIOUS),
        ("incidents", {"kind": "weapon", "severity": 3}, SERIOUS),
        ("incidents", {"kind": "domestic_abuse", "severity": 3}, SERIOUS),
        ("incidents", {"kind": "sexual", "severity": 3}, SERIOUS),
        ("incidents", {"kind": "sexual_concern_child", "severity": 3}, SERIOUS),
        ("contacts", {"type_code": "CARR"}, SERIOUS),
        ("contacts", {"type_code": "ERCL"}, SERIOUS),
        ("contacts", {"type_code": "AWLF"}, ADVERSE),
        ("contacts", {"type_code": "C145"}, ADVERSE),
        ("contacts", {"type_code": "C063"}, CHANGE),
        ("contacts", {"type_code": "MO1"}, CHANGE),
        ("contacts", {"type_code": "COAP"}, ROUTINE),
        ("contacts", {"type_code": "COAP", "outcome_code": "ATTC"}, ROUTINE),
        ("contacts", {"type_code": "COAP", "outcome_code": "AAME"}, ROUTINE),
        ("contacts", {"type_code": "COAP", "outcome_code": "UAAB"}, ADVERSE),
        ("contacts", {"type_code": "DRGTST", "outcome_code": "TNEG"}, ROUTINE),
        ("contacts", {"type_code": "DRGTST", "outcome_code": "TREF"}, ADVERSE),
        ("contacts", {"type_code": "SFRR", "outcome_code": "CONC"}, ADVERSE),
        ("contacts", {"type_code": "SFRR", "outcome_code": "NOCO"}, CHANGE),
        ("contacts", {"type_code": "ZZZZ"}, ROUTINE),
        ("contacts", {"type_code": "COAP", "outcome_code": "ATTC", "note": "Was angry."}, NOTED),
        ("contacts", {"type_code": "COAP", "note": ""}, ROUTINE),
        ("contacts", {"type_code": "CARR", "note": "For assault."}, SERIOUS),
        ("decisions", {"kind": "recall"}, SERIOUS),
        ("decisions", {"kind": "enforcement"}, ADVERSE),
        ("enquiries", {"result": "concerns"}, ADVERSE),
        ("enquiries", {"result": "no_concerns"}, CHANGE),
        ("enquiries", {}, CHANGE),
        ("circumstances", {}, CHANGE),
        ("registrations", {}, CHANGE),
        ("orders", {}, CHANGE),
        ("documents", {}, CHANGE),
        ("supervisions", {}, CHANGE),
        ("assessments", {}, ROUTINE),
        ("allocations", {}, ROUTINE),
        ("actions", {}, ROUTINE),
    ],
)
def test_an_entry_is_as_serious_as_its_codes_say(
    table: str, values: dict[str, Any], expected: int
) -> None:
    assert seriousness_of(table, row(table, "2026-01-01", **values)) == expected


def test_every_table_that_a_reader_sees_is_in_the_specification() -> None:
    marks = test_an_entry_is_as_serious_as_its_codes_say.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == set(THEMES)


def test_the_groups_of_contacts_are_those_of_the_codes() -> None:
    assert set(OF_CONTACT_GROUP) <= set(CONTACT_GROUP_OF.values())
