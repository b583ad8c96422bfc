"""Promise 7: limited-access cases are never scored nor queued; an SPO sees the own unit only."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from features.errors import NotApproved, RunStopped, SetupProblem
from features.frame import build
from features.intake.load import load_extract
from features.store.store import Store
from serving import settings as settings_module
from serving import watch
from serving.board import approvals
from serving.db import server
from serving.db.session import AuditEvent, transaction
from serving.night import run
from serving.web import app as web_app
from tests import factories
from tests.conftest import AS_OF
from tests.factories import row
from tests.pages import Browser
from tests.service import Service

PATHS = ("/cases/{item}", "/cases/{item}/findings", "/cases/{item}?words=a&system=true")


def test_limited_cases_are_neither_scored_nor_queued(service: Service) -> None:
    on = build.cases_under_supervision(service.store, AS_OF)
    limited = set(on.filter("limited")["crn"])
    assert limited
    scores = pl.read_parquet(next(service.settings.scores.glob("*.parquet")))
    closed = scores.filter(pl.col("crn").is_in(sorted(limited)))
    assert set(closed["what_happened"]) == {"limited"}
    # The CRN and that access is limited: nothing else of these cases is in the file.
    unscored = closed.drop("crn", "what_happened", "why_not", "scorable")
    assert unscored.null_count().sum_horizontal().item() == unscored.height * unscored.width
    with service.admin.connect() as connection:
        queued = set(connection.execute(text("SELECT crn FROM triage.items")).scalars())
    assert queued
    assert not limited & queued


@pytest.mark.parametrize("path", PATHS)
def test_no_url_shows_another_units_case(service: Service, browser: Browser, path: str) -> None:
    item = service.unread("N54BRI")
    with service.admin.connect() as connection:
        crn = connection.execute(
            text(f"SELECT crn FROM triage.items WHERE id = {item}")
        ).scalar_one()
    browser.sign_in("ALD-SPO-1")
    page = browser.get(path.format(item=item), status=404)
    missing = browser.get(path.format(item=999_999), status=404)
    assert crn not in page
    assert re.sub(r'nonce="[^"]+"', "", page) == re.sub(r'nonce="[^"]+"', "", missing)


def test_no_form_reaches_another_units_case(service: Service, browser: Browser) -> None:
    item = service.unread("N54BRI")
    browser.sign_in("ALD-SPO-1").get("/queue")
    levels = {f"level-{g}": "LOW" for g in ("children", "public", "known_adult", "staff")}
    reasons = "I should not be able to write this."
    browser.post(f"/cases/{item}/view", 404, reasons=reasons, **levels)
    browser.post(f"/cases/{item}/conclusion", 404, outcome="about_right", reasons=reasons)
    assert service.unread("N54BRI") == item


def test_database_shows_each_spo_the_own_unit(service: Service) -> None:
    for username, own in (
        ("ALD-SPO-1", {"N54ALD"}),
        ("BRI-SPO-1", {"N54BRI"}),
        ("BOARD-1", set()),
        ("nobody", set()),
        ("", set()),
    ):
        with transaction(service.web, username) as opened:
            opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
            granted = "SELECT triage.granted_to_me()"  # a second read grants one case
            others = f"SELECT pdu_code FROM triage.items WHERE id NOT IN ({granted})"
            assert set(opened.connection.execute(text(others)).scalars()) == own
            for table in ("entries", "findings", "own_views", "conclusions"):
                count = text(
                    f"SELECT count(*) FROM triage.{table} t JOIN triage.items i ON i.id = t.item_id"
                    f" WHERE NOT i.pdu_code = ANY(:own) AND i.id NOT IN ({granted})"
                )
                assert opened.connection.execute(count, {"own": list(own)}).scalar_one() == 0


def test_board_member_sees_no_person(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("BOARD-1")
    browser.get("/queue", status=403)
    browser.get(f"/cases/{item}", status=403)
    paths = ["/board", "/board/approvals", "/board/runs", "/board/incidents"]
    paths += [f"/board/watch/{topic}" for topic in watch.TOPICS]
    page = "".join(browser.get(path) for path in paths)
    browser.get("/board/watch/nobody", status=404)
    with service.admin.connect() as connection:
        names = connection.execute(
            text("SELECT coalesce(person->>'name', crn), crn FROM triage.items")
        ).all()
    assert not [row for row in names if row[0] in page or row[1] in page]


def test_nobody_sees_anything_without_signing_in(browser: Browser) -> None:
    for path in ("/queue", "/cases/1", "/cases/1/findings", "/board", "/"):
        assert "Sign in to the demonstration" in browser.get(path)


def test_a_case_limited_later_shrinks_to_its_crn(service: Service, browser: Browser) -> None:
    item = service.unread("N54BRI")
    with service.admin.connect() as connection:
        crn, name = connection.execute(
            text("SELECT crn, person->>'name' FROM triage.items WHERE id = :item"), {"item": item}
        ).one()
    from serving.cases.limited_access import shrink_items

    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        assert shrink_items(opened.connection, [crn]) == 1
    browser.sign_in("BRI-SPO-1")
    queue, case = browser.get("/queue"), browser.get(f"/cases/{item}")
    assert crn in queue
    assert "Restricted access" in case
    assert name not in queue
    assert name not in case
    browser.get(f"/cases/{item}/findings", status=403)
    with transaction(service.web, "BRI-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        count = text("SELECT count(*) FROM triage.entries WHERE item_id = :item")
        assert opened.connection.execute(count, {"item": item}).scalar_one() == 0


def test_web_role_can_neither_write_the_queue_nor_read_the_audit(service: Service) -> None:
    for statement in (
        "UPDATE triage.items SET pdu_code = 'N54ALD'",
        "DELETE FROM triage.items",
        "SELECT * FROM triage.audit",
        "INSERT INTO triage.users VALUES ('x')",
        "SET ROLE rosh_owner",
        "ALTER TABLE triage.items DISABLE ROW LEVEL SECURITY",
    ):
        with pytest.raises(DBAPIError), transaction(service.web, "ALD-SPO-1") as opened:
            opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
            opened.connection.execute(text(statement))


def test_service_refuses_to_start_as_superuser(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "url_for", lambda settings, _role: server.admin_url(settings))
    with pytest.raises(SetupProblem, match="row-level security"):
        server.engine_for(service.settings, server.WEB)


def test_demo_sign_in_refuses_to_start_outside_a_demo(service: Service) -> None:
    secrets = factories.live_secrets()
    live = settings_module.read_settings({"ROSH_MODE": "live", **secrets})
    with pytest.raises(SetupProblem, match="this is not a demo"):
        web_app.create_app(live, service.web)


def test_forms_without_the_sessions_token_are_refused(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").get("/queue")
    browser.token = "made-up"
    browser.post(f"/cases/{item}/conclusion", 403, outcome="about_right", reasons="x" * 30)


def test_non_disclosable_information_has_a_variant_for_the_person(service: Service) -> None:
    from features.indicators import CATALOGUE

    for item in CATALOGUE.values():
        if item.disclosure == "likely":
            assert item.disclosable_sentence, item.id
            assert "{" not in item.disclosable_sentence, item.id
            assert item.say_sentence({"n": 2}, disclosable=True) != item.sentence


def test_embedded_database_trusts_no_one(service: Service) -> None:
    url = server.admin_url(service.settings).set(password="wrong")
    with pytest.raises(DBAPIError, match="password authentication failed"):
        create_engine(url).connect()


def limits(folder: Path, rows: list[dict[str, Any]], at: str, **more: list[dict[str, Any]]) -> Path:
    """An extract of one supervised case and the list of limits."""
    supervised = [row("supervisions", "2026-01-05", record_id="S1")]
    return factories.extract(folder, {"supervisions": supervised, "limits": rows, **more}, at)


def limited(store: Path, day: str = "2026-06-30") -> bool:
    """Whether the case is out of bounds on a day."""
    cases = build.cases_under_supervision(Store.open(store), date.fromisoformat(day))
    return bool(cases["limited"].item())


def test_a_limit_counts_from_the_moment_the_store_has_it(tmp_path: Path) -> None:
    load_extract(limits(tmp_path / "a", [], "2026-06-30T22:00:00"), tmp_path / "s")
    assert not limited(tmp_path / "s")
    late = row("limits", "2026-07-05", record_id="L1")
    load_extract(limits(tmp_path / "b", [late], "2026-07-06T22:00:00"), tmp_path / "s")
    assert limited(tmp_path / "s", "2026-06-30"), "an earlier night scored later is closed too"


def test_a_refused_limit_still_limits(tmp_path: Path) -> None:
    many = [row("limits", "2026-01-05", crn="B000002") for _ in range(150)]
    bad = row("limits", "1066-10-14")
    load_extract(limits(tmp_path / "a", [*many, bad], "2026-06-30T22:00:00"), tmp_path / "s")
    assert limited(tmp_path / "s")
    nobody = row("limits", "2026-01-05", crn="unreadable")
    load_extract(
        limits(tmp_path / "b", [*many, bad, nobody], "2026-07-01T22:00:00"),
        tmp_path / "s",
        max_refused=0.05,
    )
    with pytest.raises(RunStopped, match="does not say which case"):
        limited(tmp_path / "s")


def test_without_the_list_of_limits_nothing_is_scored(tmp_path: Path) -> None:
    rows = {"supervisions": [row("supervisions", "2026-01-05")]}
    load_extract(factories.extract(tmp_path / "a", rows), tmp_path / "s")
    with pytest.raises(RunStopped, match="not supplied or has stopped"):
        limited(tmp_path / "s")


def test_open_cases_shrink_before_anything_else(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a valid approval too, and whether or not the case is still supervised."""
    item = service.unread("N58CAR")
    with service.admin.connect() as connection:
        crn = connection.execute(
            text("SELECT crn FROM triage.items WHERE id = :item"), {"item": item}
        ).scalar_one()
    limit = {"crn": [crn], "kind": ["exclusion"], "username": [""], "ended_on": [None]}
    schema = {"crn": pl.String, "kind": pl.String, "username": pl.String, "ended_on": pl.Date}
    frame = pl.DataFrame(limit, schema=schema)
    monkeypatch.setattr(approvals, "SIGNATURES", 3)
    with monkeypatch.context() as another_list, pytest.raises(NotApproved):
        another_list.setattr(build, "limits_in_force", lambda *_: frame)
        run.run_night(service.settings, service.night, AS_OF)
    assert shrunk_to(service, item) == (True, "{}")
    # By the list as it is the case is open again, and those that it names are closed.
    with pytest.raises(NotApproved):
        run.run_night(service.settings, service.night, AS_OF)
    reopened, person = shrunk_to(service, item)
    assert not reopened
    assert "name" in person
    with service.admin.connect() as connection:
        closed = set(connection.execute(text("SELECT crn FROM triage.limits")).scalars())
        assert build.limited_cases(service.store, AS_OF) <= closed


def shrunk_to(service: Service, item: int) -> tuple[bool, str]:
    """Whether an item is limited, and what it says of the person."""
    with service.admin.connect() as connection:
        state = text("SELECT limited, person::text FROM triage.items WHERE id = :item")
        limited_now, person = connection.execute(state, {"item": item}).one()
    return limited_now, person


def test_numbers_in_addresses_tell_nothing(service: Service) -> None:
    with service.admin.connect() as connection:
        order = text(
            "SELECT f.drawn_as FROM triage.findings f JOIN triage.items i ON i.id = f.item_id"
            " ORDER BY i.id"
        )
        kinds = list(connection.execute(order).scalars())
    count = kinds.count("random")
    assert kinds[-count:] != ["random"] * count
    assert kinds[:count] != ["random"] * count


def test_odd_addresses_and_forms_are_pages_too(service: Service, browser: Browser) -> None:
    browser.sign_in("ALD-SPO-1")
    item = service.unread("N54ALD")
    for path in (
        "/cases/0x1",
        "/cases/" + "9" * 40,
        "/cases/-1",
        f"/cases/{item}?system=perhaps",
        "/nowhere",
    ):
        browser.get(path, status=404)
    browser.get(f"/cases/{item}?words=%00")
    browser.token = "é"
    browser.post(f"/cases/{item}/view", 403)
