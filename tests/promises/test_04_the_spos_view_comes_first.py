"""Promise 4: score and reasons stay sealed, in the database too, until the own view is recorded."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from serving.db.session import AuditEvent, transaction
from serving.db.tables import findings, items
from serving.review.policies import Refused, check_step
from serving.review.states import STEPS, Progress, Step
from serving.web import access
from serving.web import app as web_app
from tests.pages import Browser
from tests.service import Service


def sealed(service: Service, item: int, username: str) -> int:
    """How many findings of a case the database shows to somebody."""
    with transaction(service.web, username) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        count = text("SELECT count(*) FROM triage.findings WHERE item_id = :item")
        return int(opened.connection.execute(count, {"item": item}).scalar_one())


def test_database_keeps_the_seal_for_each_reader(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    assert sealed(service, item, "ALD-SPO-1") == 0
    browser.sign_in("ALD-SPO-1").record_view(item)
    assert sealed(service, item, "ALD-SPO-1") == 1
    assert sealed(service, item, "ALD-SPO-2") == 0, "one reader's view opens nothing for another"


def test_another_readers_view_is_sealed_too(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    with transaction(service.web, "ALD-SPO-2") as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        count = text("SELECT count(*) FROM triage.own_views WHERE item_id = :item")
        assert opened.connection.execute(count, {"item": item}).scalar_one() == 0


def test_database_refuses_an_opening_before_a_view(service: Service) -> None:
    item = service.unread("N54ALD")
    with (
        pytest.raises(DBAPIError, match="own view comes before"),
        transaction(service.web, "ALD-SPO-1") as o,
    ):
        o.audit(AuditEvent("TEST", "ITEM", str(item)))
        o.connection.execute(
            text("INSERT INTO triage.openings (item_id, username) VALUES (:item, 'ALD-SPO-1')"),
            {"item": item},
        )


def test_pages_show_nothing_of_the_findings_before(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD", drawn_as="flagged")
    browser.sign_in("ALD-SPO-1")
    page = browser.get(f"/cases/{item}")
    assert "The findings" not in page.replace("The findings open afterwards", "")
    refused = browser.get(f"/cases/{item}/findings", status=403)
    assert "Record your view before you see the findings" in refused
    assert "entries behind this" not in refused


def test_nothing_in_the_queue_tells_flagged_from_random(service: Service, browser: Browser) -> None:
    flagged = service.unread("N54ALD", drawn_as="flagged")
    random = service.unread("N54ALD", drawn_as="random")
    browser.sign_in("ALD-SPO-1")
    page = browser.get("/queue")
    rows = {
        item: page.split(f'href="/cases/{item}"')[1].split("</tr>")[0] for item in (flagged, random)
    }
    shapes = [
        sorted(set(part.split('"')[0] for part in r.split('class="')[1:]) - {"x"})
        for r in rows.values()
    ]
    for shape in shapes:
        assert {c for c in shape if "rosh-level" not in c} == {
            "rosh-hint",
            "govuk-table__cell",
            "govuk-tag govuk-tag--grey",
        }
    assert "random" not in rows[random].lower()


def test_a_view_cannot_be_changed(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    again = browser.post(
        f"/cases/{item}/view", 403, reasons="Something else entirely, on reflection."
    )
    assert "It cannot be changed" in again


def test_the_table_of_steps_puts_the_view_first() -> None:
    for progress in Progress:
        for step in Step:
            if (progress, step) not in STEPS:
                with pytest.raises(Refused):
                    check_step(progress, step)
    assert (Progress.TO_READ, Step.SEE_FINDINGS) not in STEPS
    assert (Progress.VIEW_RECORDED, Step.CONCLUDE) not in STEPS


def test_a_view_needs_a_level_for_each_group_and_reasons(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1")
    browser.get(f"/cases/{item}")
    page = browser.post(f"/cases/{item}/view", 422, reasons="short")
    for group in ("children", "public", "known adult", "staff"):
        is_known_group = f"Say what you think of the recorded level for {group}" in page
        assert is_known_group != (f"Select the level you would give for {group}" in page)
    assert "Write your reasons (or tick the entries that matter) in at least 20 characters" in page
    assert page.count("There is a problem") == 1
    assert ">short</textarea>" in page
    assert sealed(service, item, "ALD-SPO-1") == 0


def test_no_response_before_the_own_view_holds_anything_of_the_findings(
    service: Service, browser: Browser
) -> None:
    """Every address that an SPO or a head may load, read whole: body and headers."""
    item = service.unread("N54ALD", drawn_as="flagged")
    with service.admin.connect() as connection:
        matches = (
            connection.execute(
                select(findings, items.c.crn)
                .join(items, items.c.id == findings.c.item_id)
                .where(findings.c.item_id == item)
            )
            .mappings()
            .one()
        )
    reasons = [
        *matches["reasons"],
        {"findings": matches["shown_only"], "title": "", "weight": 9.87},
    ]
    sentences = {one["sentence"] for reason in reasons for one in reason["findings"]}
    secrets = {
        *sentences,
        str(matches["probability"]),
        f"{matches['probability']:.3f}",
        str(matches["draw"]),
    } | {str(reason["weight"]) for reason in reasons}
    assert sentences
    tried = 0
    for reader in ("ALD-SPO-1", "ALD-HEAD"):
        browser.sign_in(reader)
        for door in access.list_doors(web_app.ROUTERS):
            if door.method != "GET" or door.path.startswith("/sign-in/"):
                continue
            path = door.path.format(item_id=item, crn=matches["crn"], topic="list")
            for query in ("", "?system=true&whole=true", "?words=risk", "?sort=person&down=true"):
                answer = browser.client.get(path + query)
                body_text = answer.text + str(answer.headers)
                leaked = {secret for secret in secrets if secret in body_text}
                assert not leaked, (reader, path, leaked)
                assert "This case was drawn at random" not in body_text
                tried += 1
    assert tried > 100
    browser.sign_in("ALD-SPO-1").record_view(item)
    assert any(sentence in browser.get(f"/cases/{item}/findings") for sentence in sentences), (
        "the same reading finds them once they are there"
    )
