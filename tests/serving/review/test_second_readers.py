"""Two readers of one case, each blind to the other; who had a hand in it reads nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from serving.db.session import AuditEvent, transaction
from tests.pages import Browser
from tests.service import Service

SECOND = "INSERT INTO triage.second_reads (item_id, pdu_code, probability, due_on)"


def second_read_probability(service: Service, item: int) -> float | None:
    """With which probability a second reader was drawn; None where none was."""
    with service.admin.connect() as connection:
        rows = text("SELECT probability FROM triage.second_reads WHERE item_id = :item")
        value = connection.execute(rows, {"item": item}).scalar()
    return None if value is None else float(value)


def draw_of(service: Service, item: int) -> tuple[str, float]:
    """How a case was drawn, and the sealed number that decides about a second reader."""
    with service.admin.connect() as connection:
        rows = text("SELECT drawn_as, draw FROM triage.findings WHERE item_id = :item")
        row = connection.execute(rows, {"item": item}).one()
    return str(row[0]), float(row[1])


def send_to_second(service: Service, item: int, pdu: str = "N54ALD") -> None:
    """As if the draw had asked for a second reader, where it did not."""
    if second_read_probability(service, item) is None:
        with service.admin.begin() as connection:
            connection.execute(
                text(f"{SECOND} VALUES (:item, :pdu, 1, current_date + 14)"),
                {"item": item, "pdu": pdu},
            )


def low_public(levels: dict[str, Any]) -> dict[str, str]:
    """A verdict "too low" for the first group with a level below the highest."""
    for group, level in levels.items():
        if level["level"] in ("LOW", "MEDIUM", "HIGH") and group != "prisoners":
            return {f"verdict-{group}": "too_low:VERY_HIGH"}
    raise AssertionError("no group has a level below the highest")


@pytest.mark.parametrize(
    ("drawn_as", "low"),
    [("random", True), ("random", False), ("flagged", True), ("flagged", False)],
)
def test_a_second_reader_is_drawn_as_designed(
    service: Service, browser: Browser, drawn_as: str, low: bool
) -> None:
    item = service.unread("N54BRI", drawn_as=drawn_as, levels=("LOW", "MEDIUM", "HIGH"))
    with service.admin.connect() as connection:
        levels = connection.execute(
            text(f"SELECT person->'levels' FROM triage.items WHERE id = {item}")
        ).scalar_one()
    browser.sign_in("BRI-SPO-1").record_view(item, **(low_public(levels) if low else {}))
    browser.conclude(item)
    rate = 0.05 if drawn_as == "flagged" else 1.0 if low else 0.2
    _, draw = draw_of(service, item)
    assert second_read_probability(service, item) == (rate if draw < rate else None)


def test_neither_reader_sees_anything_of_the_other_before_both_are_done(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item, reasons="The first reader wrote these words.")
    browser.conclude(item)
    send_to_second(service, item)
    second = browser.sign_in("ALD-SPO-2")
    assert f'href="/cases/{item}"' in second.get("/queue").split("Concluded lately")[0]
    page = second.get(f"/cases/{item}")
    assert "The first reader wrote" not in page
    assert "one event told three times" not in page
    assert "Record your view" in page
    assert "one event told three times" not in second.get("/unit")
    second.get(f"/cases/{item}/findings", status=403)
    with transaction(service.web, "ALD-SPO-2") as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        for table in ("conclusions", "own_views", "findings", "openings"):
            rows = text(f"SELECT count(*) FROM triage.{table} WHERE item_id = :item")
            assert opened.connection.execute(rows, {"item": item}).scalar_one() == 0, table
    after = second.record_view(item, reasons="The second reader saw it otherwise.")
    assert "The first reader" in after
    assert "Morgan Ellery" in after
    assert "you were the second reader" in after.lower()
    assert "Record your conclusion" not in after
    second.post(f"/cases/{item}/conclusion", 403, outcome="keep_level", reasons="x" * 30)
    assert f'href="/cases/{item}"' not in second.get("/queue").split("Concluded lately")[0]
    first = browser.sign_in("ALD-SPO-1").get(f"/cases/{item}/findings")
    assert "Jo Tindall" in first


def test_the_first_reader_is_not_the_second(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.conclude(item)
    send_to_second(service, item)
    listed = browser.get("/queue").split("Concluded lately")
    assert f'href="/cases/{item}"' not in listed[0]
    with pytest.raises(DBAPIError), transaction(service.web, "ALD-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        opened.connection.execute(
            text(
                "INSERT INTO triage.claims (item_id, username, until)"
                " VALUES (:item, 'ALD-SPO-1', now() + interval '1 hour')"
            ),
            {"item": item},
        )


def test_a_second_read_grants_another_unit_one_case(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD", alone=True)
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.conclude(item)
    assert second_read_probability(service, item) is None
    browser.sign_in("BRI-SPO-1").get(f"/cases/{item}", status=404)
    send_to_second(service, item, "N54BRI")
    assert "Alderbrook" in browser.get("/queue")
    assert "Record your view" in browser.get(f"/cases/{item}")
    with transaction(service.web, "BRI-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        rows = text("SELECT id FROM triage.items WHERE pdu_code = 'N54ALD'")
        visible_items = set(opened.connection.execute(rows).scalars())
        drawn = opened.connection.execute(text("SELECT triage.second_reads_for_me()")).scalars()
        assert item in visible_items <= set(drawn)
    browser.record_view(item)
    other = browser.sign_in("BRI-SPO-2")
    other.get(f"/cases/{item}", status=404)


def test_who_had_a_hand_in_a_case_is_told_and_another_reads(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD")
    with service.admin.begin() as connection:
        connection.execute(
            text("UPDATE triage.users SET staff_code = 'N54A777' WHERE username = 'ALD-SPO-1'")
        )
        connection.execute(
            text("UPDATE triage.items SET hands = '[\"N54A777\"]' WHERE id = :item"), {"item": item}
        )
    browser.sign_in("ALD-SPO-1")
    assert "Somebody else reads it" in browser.get("/queue")
    assert "You countersigned an assessment" in browser.get(f"/cases/{item}")
    refused = browser.record_view(item, status=403)
    assert "somebody else reads it" in refused
    assert "Three entries since May point the same way.</textarea>" in refused, "nothing is lost"
    with (
        pytest.raises(DBAPIError, match="had a hand"),
        transaction(service.web, "ALD-SPO-1") as opened,
    ):
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        opened.connection.execute(
            text(
                "INSERT INTO triage.claims (item_id, username, until)"
                " VALUES (:item, 'ALD-SPO-1', now() + interval '1 hour')"
            ),
            {"item": item},
        )
    browser.sign_in("ALD-SPO-2").record_view(item)


def test_what_nobody_began_goes_to_the_deputy_and_stays_with_the_head(
    service: Service, browser: Browser
) -> None:
    """More than two working days after it came into the queue, whatever day its record is about."""
    item = service.unread("N54ALD")
    begun = service.unread("N54ALD", other_than=item)
    for one in (item, begun):
        service.let_wait(one, 6)
    browser.sign_in("ALD-SPO-1").get(f"/cases/{begun}")
    browser.post(f"/cases/{begun}/claim")
    browser.sign_in("BRI-SPO-2").get(f"/cases/{item}", status=404)
    head = browser.sign_in("ALD-HEAD")
    head.get("/unit/cover")
    assert "Select somebody from the list" in head.post("/unit/cover", 422, deputy="BOARD-1")
    assert "Enter a whole number" in head.post("/unit/cover", 422, deputy="", most="many")
    assert "Ray Castleton" in head.post("/unit/cover", deputy="BRI-SPO-2", most="")
    deputy = browser.sign_in("BRI-SPO-2")
    assert "Alderbrook" in deputy.get("/queue")
    deputy.get(f"/cases/{begun}", status=404)
    assert "Record your view" in deputy.get(f"/cases/{item}")
    deputy.record_view(item)
    deputy.conclude(item)
    head = browser.sign_in("ALD-HEAD")
    head.get("/unit/cover")
    head.post("/unit/cover", deputy="", most="")
    deputy = browser.sign_in("BRI-SPO-2")
    assert f'href="/cases/{item}"' not in deputy.get("/queue").split("Concluded lately")[0]
    deputy.get(f"/cases/{item}/findings")  # what one concluded oneself stays to be seen
    browser.sign_in("ALD-SPO-1").get(f"/cases/{begun}")
    browser.post(f"/cases/{begun}/return")


def test_a_review_that_was_left_half_way_goes_to_the_deputy_too(
    service: Service, browser: Browser
) -> None:
    """A view recorded, and then leave: nobody else could have ended it, and nobody was told."""
    item = service.unread("N54ALD")
    service.let_wait(item, 6)
    browser.sign_in("ALD-SPO-1").record_view(item)
    head = browser.sign_in("ALD-HEAD")
    head.get("/unit/cover")
    head.post("/unit/cover", deputy="BRI-SPO-2", most="")
    browser.sign_in("BRI-SPO-2").get(f"/cases/{item}", status=404)
    with service.admin.begin() as connection:
        for table, column in (("own_views", "at"), ("claims", "until")):
            connection.execute(text(f"ALTER TABLE triage.{table} DISABLE TRIGGER USER"))
            connection.execute(
                text(
                    f"UPDATE triage.{table} SET {column} = now() - interval '9 days'"
                    " WHERE item_id = :item"
                ),
                {"item": item},
            )
            connection.execute(text(f"ALTER TABLE triage.{table} ENABLE TRIGGER USER"))
        crn = connection.execute(text(f"SELECT crn FROM triage.items WHERE id = {item}")).scalar()
    page = browser.sign_in("ALD-HEAD").get("/unit")
    assert f"CRN {crn}" in page.split('data-qa="unclaimed"')[1]
    deputy = browser.sign_in("BRI-SPO-2")
    page = deputy.record_view(item)
    assert "The findings" in page
    deputy.conclude(item)
    head = browser.sign_in("ALD-HEAD")
    head.get("/unit/cover")
    head.post("/unit/cover", deputy="", most="")


def test_whoever_stands_in_acts_on_what_was_delivered(service: Service, browser: Browser) -> None:
    with service.admin.begin() as connection:
        statement = text("SELECT count(*) FROM triage.acute WHERE pdu_code = 'N54ALD'")
        assert connection.execute(statement).scalar_one() > 0
    deputy = browser.sign_in("BRI-SPO-2").get("/acute").count('data-qa="acute"')
    head = browser.sign_in("ALD-HEAD")
    ours = head.get("/acute").count('data-qa="acute"')
    head.get("/unit/cover")
    head.post("/unit/cover", deputy="BRI-SPO-2", most="")
    assert browser.sign_in("BRI-SPO-2").get("/acute").count('data-qa="acute"') > deputy
    head = browser.sign_in("ALD-HEAD")
    head.get("/unit/cover")
    head.post("/unit/cover", deputy="", most="")
    assert ours


def test_only_the_head_settles_who_stands_in(service: Service, browser: Browser) -> None:
    browser.sign_in("ALD-SPO-1").get("/notice")
    browser.post("/unit/cover", 403, deputy="BRI-SPO-2")
    with pytest.raises(DBAPIError), transaction(service.web, "ALD-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "PDU", "N54ALD"))
        opened.connection.execute(
            text(
                "INSERT INTO triage.cover (pdu_code, deputy, username)"
                " VALUES ('N54ALD', 'BRI-SPO-2', 'ALD-SPO-1')"
            )
        )
