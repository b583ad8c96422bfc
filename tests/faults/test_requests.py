"""What is sent to the service: too much, too slowly, by nobody, or to an address that takes none."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from features.errors import UserError
from serving import __main__ as commands
from serving.board import approvals, stop
from serving.commands import admin
from serving.db import migrate
from serving.db.session import AuditEvent, transaction
from serving.web import app as web_app
from serving.web import guard
from tests import another_day
from tests.pages import Browser
from tests.service import Service

WHY = "Read the card, the figures and the ablation; agreed."


@pytest.fixture
def port(service: Service, front_end: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The service as it is served, on a port of its own, with little patience."""
    monkeypatch.setattr(guard, "HEADER_PATIENCE", 0.5)
    monkeypatch.setattr(guard, "PATIENCE", 0.5)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = int(probe.getsockname()[1])
    config = uvicorn.Config(
        web_app.create_app(service.settings, service.web),
        port=free,
        log_level="critical",
        ws="none",
        http=guard.Impatient,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield free
    server.should_exit = True
    thread.join()


def sent(port: int, head: str, body: bytes = b"") -> tuple[str, float]:
    """The first line of the answer to raw bytes, and how long it took."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(head.replace("\n", "\r\n").encode() + body)
        answer = line.recv(4096).decode(errors="replace").splitlines()
    return (answer[0] if answer else ""), time.monotonic() - began


def test_a_large_body_is_answered_before_it_is_read(port: int) -> None:
    """91 MB were announced, none was sent: the answer comes all the same."""
    head = "POST /v1/scores HTTP/1.1\nHost: x\nContent-Length: 91000000\n\n"
    answer, took = sent(port, head)
    assert " 413 " in answer
    assert took < 5
    form = "POST /sign-in HTTP/1.1\nHost: x\nContent-Length: 2000000\n\n"
    assert " 413 " in sent(port, form)[0]


def test_nobody_s_body_is_read_at_all(port: int) -> None:
    """Without a token the answer comes before the body does."""
    head = "POST /v1/scores HTTP/1.1\nHost: x\nContent-Length: 1000000\n\n"
    assert " 401 " in sent(port, head)[0]
    token = head.replace("Host: x", "Host: x\nAuthorization: Bearer made.up.token")
    assert " 401 " in sent(port, token)[0]


def test_a_body_without_a_length_is_counted(port: int) -> None:
    head = (
        "POST /sign-in HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n"
        "Content-Type: application/x-www-form-urlencoded\n\n"
    )
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    assert " 413 " in sent(port, head, chunk + chunk + b"0\r\n\r\n")[0]


def test_a_body_that_does_not_come_is_not_waited_for(port: int) -> None:
    head = (
        "POST /sign-in HTTP/1.1\nHost: x\nContent-Length: 500\n"
        "Content-Type: application/x-www-form-urlencoded\n\n"
    )
    answer, took = sent(port, head, b"username=")
    assert " 408 " in answer
    assert took < 5


def test_a_connection_that_asks_nothing_is_hung_up_on(port: int) -> None:
    answer, took = sent(port, "GET /ping HTTP/1.1\nHost: x")
    assert answer == ""
    assert took < 5
    assert " 200 " in sent(port, "GET /ping HTTP/1.1\nHost: x\n\n")[0]


def test_a_statement_of_a_page_has_a_limit(service: Service) -> None:
    with service.web.connect() as connection:
        values = {
            name: connection.execute(text(f"SHOW {name}")).scalar()
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        }
        assert values == {
            "statement_timeout": "30s",
            "lock_timeout": "20s",
            "idle_in_transaction_session_timeout": "1min",
        }
    with service.night.connect() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "0"


@pytest.mark.skipif(bool(another_day.AHEAD), reason="libfaketime stops PostgreSQL's own timers")
def test_a_statement_that_takes_longer_is_ended(service: Service) -> None:
    with service.web.connect() as connection:
        connection.execute(text("SET LOCAL statement_timeout = '50ms'"))
        with pytest.raises(OperationalError, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(2)"))


def test_browsers_are_told_to_use_https_outside_a_demo(browser: Browser) -> None:
    assert "strict-transport-security" not in browser.client.get("/ping").headers
    settings = browser.client.app.state.settings  # type: ignore[attr-defined]
    live = type(settings)(**{**vars(settings), "mode": "live"})
    browser.client.app.state.settings = live  # type: ignore[attr-defined]
    assert "max-age=31536000" in browser.client.get("/ping").headers["strict-transport-security"]
    browser.client.app.state.settings = settings  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/board/stop", "/board"),
        ("/board/resume", "/board"),
        ("/board/approvals/3/sign", "/board/approvals"),
        ("/board/incidents/3/follow", "/board/incidents"),
        ("/acute/1/acknowledge", "/acute"),
        ("/cases/1/view", "/cases/1"),
        ("/cases/1/conclusion", "/cases/1"),
        ("/unit/limited/A000001/check", "/unit/limited"),
        ("/account/hold", "/account"),
        ("/sign-out", "/"),
    ],
)
def test_the_address_of_a_form_leads_to_the_page_that_holds_it(
    browser: Browser, path: str, page: str
) -> None:
    """Going back, or signing in again, must not end in an error."""
    browser.sign_in("BOARD-1")
    answer = browser.client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    other = browser.client.request("DELETE", path)
    assert other.status_code == 405
    assert "That address takes a form" in other.text


def test_going_on_with_nothing_stopped_is_a_sentence_on_the_page(browser: Browser) -> None:
    browser.sign_in("BOARD-1").get("/board")
    page = browser.post("/board/resume", 422, reasons=WHY)
    assert "Nothing is stopped." in page


def test_a_second_signature_by_one_who_signed_is_a_sentence(
    service: Service, browser: Browser
) -> None:
    with transaction(service.web, "BOARD-1") as opened:
        number = approvals.propose_approval(opened, service.model, "x", {"low": 1}, 0.2, demo=True)
        approvals.sign_approval(opened, number, WHY)
    browser.sign_in("BOARD-1").get("/board/approvals")
    page = browser.post(f"/board/approvals/{number}/sign", 422, reasons=WHY)
    assert "a board member signs once" in page
    with transaction(service.web, "BOARD-1") as opened:
        approvals.withdraw_approval(opened, number, WHY)


def audited(service: Service, what: str, whom: str) -> dict[str, object]:
    with service.admin.connect() as connection:
        row = text(
            "SELECT details FROM triage.audit WHERE what = :what AND subject_id = :whom"
            " ORDER BY seq DESC LIMIT 1"
        )
        value = connection.execute(row, {"what": what, "whom": whom}).scalar()
    assert value is not None, (what, whom)
    return dict(value)


def test_what_an_administrator_does_to_users_is_audited_and_names_are_names(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    for odd in ("", " ", "A B", "x" * 65, "-x", "a\nb", "a'; DROP"):
        command = ["add-user", f"--name={'N'}", "--role=analyst", "--", odd]
        assert commands.main(command) == UserError.exit_code, odd
        assert "is no username" in capsys.readouterr().err
    assert commands.main(["add-user", "NEW-ANALYST", "--name", "N", "--role", "analyst"]) == 0
    assert audited(service, "ADDED_USER", "NEW-ANALYST")["role"] == "analyst"
    assert commands.main(["end-user", "NEW-ANALYST", "--for-good"]) == 0
    assert audited(service, "ENDED_USER", "NEW-ANALYST")["for_good"] is True


def test_a_migration_is_audited_where_it_changes_something(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    monkeypatch.setattr(admin, "bring_up_to_date", lambda _: ("one", "two"))
    assert commands.main(["migrate"]) == 0
    assert {"from": "one", "to": "two"}.items() <= audited(service, "MIGRATED", "-").items()
    before, after = migrate.migrate_database(service.settings)
    assert before == after, "the second time nothing is changed"


def test_nothing_stopped_is_told_in_a_unit_too(service: Service) -> None:
    with (
        pytest.raises(UserError, match="Nothing is stopped"),
        transaction(service.web, "BOARD-1") as o,
    ):
        o.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        stop.resume_flagging(o, WHY)
