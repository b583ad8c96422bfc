"""Limited access in any shape limits the case, or stops the import."""

from __future__ import annotations

from typing import Any

import pytest

from features.errors import UnreadableInput
from features.sources.api_limits import read_limits, stop_for_unreadable_limits

CRN = "X700001"


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        ({"userRestricted": True, "userExcluded": False}, [(CRN, "restriction")]),
        ({"userExcluded": True}, [(CRN, "exclusion")]),
        ({"a": {"b": [{"userExcluded": True}]}}, [(CRN, "exclusion")]),
        (
            {"otherIds": {"crn": "X700002"}, "currentRestriction": True},
            [("X700002", "restriction")],
        ),
        ([{"crn": "X700003", "limitedAccess": True}], [("X700003", "restriction")]),
        (
            {"crn": "X700004", "excludedFrom": [{"email": "a@b"}], "restrictedTo": []},
            [("X700004", "exclusion")],
        ),
        (
            {"probNumber": "X700005", "limitedAccessOffender": True, "assessments": 5},
            [("X700005", "restriction")],
        ),
        (
            {"caseload": [{"crn": "X700006", "limitedAccess": True}, {"crn": "X700007"}]},
            [("X700006", "restriction")],
        ),
        ({"userExcluded": False, "userRestricted": None, "limitedAccess": ""}, []),
        ({"openapi": "3.1.0", "limitedAccess": {"type": "boolean"}}, []),
        (None, []),
        ([], []),
    ],
)
def test_limits_of_a_response(body: Any, limits: list[tuple[str, str]]) -> None:
    rows = [row for _, row in read_limits("x.json", body, CRN)]
    assert [(row["crn"], row["kind"]) for row in rows] == limits
    assert all("username" not in row for row in rows)


@pytest.mark.parametrize("own", [None, "7001", "x"])
def test_a_limit_of_which_nobody_can_say_the_case_stops(own: str | None) -> None:
    with pytest.raises(UnreadableInput, match="nobody can say whose access is limited"):
        list(read_limits("x.json", {"userExcluded": True, "crn": own}, None))


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ('{"crn": "X700001", "userExcluded": true', True),
        ('{"restrictedTo": [{"email"', True),
        ('{"restrictedTo": [], "userExcluded": false', False),
        ("[[[[", False),
    ],
)
def test_a_file_that_is_no_json_stops_where_it_speaks_of_a_limit(text: str, stops: bool) -> None:
    if stops:
        with pytest.raises(UnreadableInput, match="cannot be read"):
            stop_for_unreadable_limits("x.json", text)
    else:
        stop_for_unreadable_limits("x.json", text)
