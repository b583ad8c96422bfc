"""Links to other cases: a CRN of the own unit alone, and nothing of a case of limited access."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError

from serving.db.linked_cases import close_links
from serving.db.session import AuditEvent, transaction
from serving.db.tables import findings
from serving.db.unit_tables import caseload, limits
from tests.pages import Browser
from tests.service import Service

LIMITED, ELSEWHERE = "Q900001", "Q900002"


def link_to(crn: str | None, number: str = "LINK1") -> dict[str, Any]:
    return {
        "table": "links",
        "record_id": number,
        "occurred_on": "2026-05-01",
        "linked_crn": crn,
        "what": "Lives or lived at the same address at the same time",
    }


def sealed(*entries: dict[str, Any]) -> dict[str, Any]:
    plain = {"indicator": "tier", "sentence": "Another.", "entries": []}
    contact = {"table": "contacts", "record_id": "C1", "occurred_on": "2026-05-01"}
    linked = {
        "indicator": "person_of_concern_at_same_address",
        "sentence": "Somebody of high risk lives at the same address (since 1 May 2026).",
        "entries": list(entries),
    }
    return {"reasons": [], "shown_only": [linked, {**plain, "entries": [contact]}]}


def case_of(connection: Connection, pdu: str) -> str:
    rows = select(caseload.c.crn).where(caseload.c.pdu_code == pdu, ~caseload.c.limited)
    return str(connection.execute(rows.order_by(caseload.c.crn).limit(1)).scalar_one())


def findings_read(
    service: Service, username: str, findings_row: dict[str, Any]
) -> list[dict[str, Any]]:
    """The findings as a user reads them; one case is limited meanwhile."""
    with service.night.begin() as connection:
        row = {"crn": LIMITED, "kind": "restriction", "username": ""}
        connection.execute(insert(limits), row)
    try:
        with transaction(service.web, username) as opened:
            opened.audit(AuditEvent("PAGE_VIEW_FIND", "NOT_APPLICABLE", "-"))
            shown: list[dict[str, Any]] = close_links(opened.connection, findings_row)["shown_only"]
    finally:
        with service.night.begin() as connection:
            connection.execute(text("DELETE FROM triage.limits WHERE crn = :crn"), {"crn": LIMITED})
    assert not any("linked_crn" in entry for one in shown for entry in one["entries"])
    return shown


def links_read(service: Service, username: str, findings_row: dict[str, Any]) -> list[Any]:
    """The linked cases of each finding as a user reads them."""
    shown = findings_read(service, username, findings_row)
    return [[entry.get("linked_case") for entry in one["entries"]] for one in shown]


def test_a_linked_case_of_the_own_unit_is_named(service: Service) -> None:
    with service.admin.connect() as connection:
        own, other = case_of(connection, "N54ALD"), case_of(connection, "N54BRI")
    row = sealed(link_to(own), link_to(other, "LINK2"))
    assert links_read(service, "ALD-SPO-1", row) == [[own, None], [None]]
    assert links_read(service, "BRI-SPO-1", row) == [[None, other], [None]]


def test_a_case_that_is_not_there_is_one_that_the_reader_may_not_see(service: Service) -> None:
    row = sealed(link_to(ELSEWHERE), link_to(None, "LINK2"))
    assert links_read(service, "ALD-SPO-1", row) == [[None], [None]], "one of nobody is left out"


def test_nothing_is_said_of_a_link_to_a_case_of_limited_access(service: Service) -> None:
    row = sealed(link_to(LIMITED), link_to(ELSEWHERE, "LINK2"))
    assert links_read(service, "ALD-SPO-1", row) == [[None], [None]]
    sentence = findings_read(service, "ALD-SPO-1", row)[0]["sentence"]
    assert "since" not in sentence, "the date may be that of the limited case"
    # A finding that rests on such a link alone is left out; the other finding stays.
    assert links_read(service, "ALD-SPO-1", sealed(link_to(LIMITED))) == [[None]]


def test_a_user_cannot_list_the_limits_of_other_units(service: Service) -> None:
    with (
        pytest.raises(DBAPIError, match="permission denied"),
        transaction(service.web, "ALD-SPO-1") as opened,
    ):
        opened.audit(AuditEvent("PAGE_VIEW_FIND", "NOT_APPLICABLE", "-"))
        opened.connection.execute(select(limits.c.crn))


LINKED_ITEMS = """
SELECT * FROM (SELECT i.id, i.pdu_code,
       (SELECT min(v.username) FROM triage.own_views v WHERE v.item_id = i.id) AS reader
FROM triage.items i JOIN triage.findings f ON f.item_id = i.id
WHERE NOT i.limited AND i.state <> 'by_hand'
  AND f.shown_only @> '[{"indicator": "person_of_concern_at_same_address"}]'
  AND EXISTS (SELECT 1 FROM triage.users u WHERE u.username = right(i.pdu_code, 3) || '-SPO-1')
  AND NOT EXISTS (SELECT 1 FROM triage.users u
                  WHERE u.username LIKE right(i.pdu_code, 3) || '-SPO-1'
                    AND i.hands ? u.staff_code)
  AND (i.state = 'open' OR EXISTS (SELECT 1 FROM triage.own_views v WHERE v.item_id = i.id))
) AS linked ORDER BY reader IS NOT NULL, id
"""


def test_the_page_shows_the_link_after_the_view(service: Service, browser: Browser) -> None:
    """Of a case that nobody has read yet; of one that somebody has, where the queue has no other."""
    with service.admin.connect() as connection:
        linked = connection.execute(text(LINKED_ITEMS)).first()
    assert linked, "no case in the queue lives with somebody of concern: queue more in conftest"
    browser.sign_in(linked.reader or f"{linked.pdu_code[3:]}-SPO-1")
    before = ""
    if linked.reader is None:
        before = browser.client.get(f"/cases/{linked.id}?system=true&whole=true").text
        assert "same address" not in before
        browser.record_view(linked.id)
    page = browser.client.get(f"/cases/{linked.id}/findings").text
    assert "lives at the same address" in page
    assert "Lives or lived at the same address at the same time" in page
    assert "A linked case that you may not see" in page or 'href="/people/' in page
    with service.admin.connect() as connection:
        stored = select(findings.c.shown_only).where(findings.c.item_id == linked.id)
        (shown,) = connection.execute(stored).scalars()
    link_entries = [e for one in shown for e in one["entries"] if e["table"] == "links"]
    assert all(entry["linked_crn"] not in before for entry in link_entries)
