"""A night that a schedule starts: what it ends with, whom it tells, and when it is late."""

from __future__ import annotations

import json
import smtplib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from typing import Any, ClassVar, Self

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import OctKey

from features import clock
from features.errors import RunStopped, SetupProblem
from serving import __main__ as main_module
from serving.commands import scheduled
from serving.db.last_night import LastNight, expected_day, read_last_night
from serving.night import messages, nightly
from serving.night.messages import Message, send_message
from serving.settings import Alerts, read_settings
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service, later_night

SEVEN = time(7)
BY_SMTP = Alerts(("ops@example.org", "b@example.org"), "rosh@example.org", "mail", 2525)
SECRET, SERVICE = "5" * 36, "a" * 36
BY_NOTIFY = Alerts(
    ("ops@example.org",), notify_key=f"rosh-{SERVICE}-{SECRET}", notify_template="t1"
)


class Post:
    """A mail server that keeps what it is given."""

    sent: ClassVar[list[EmailMessage]] = []

    def __init__(self, host: str, port: int, timeout: float) -> None:
        assert (host, port, timeout) == ("mail", 2525, messages.TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def send_message(self, email: EmailMessage) -> None:
        """Keep a message."""
        self.sent.append(email)


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> list[EmailMessage]:
    """The messages sent by SMTP."""
    Post.sent.clear()
    monkeypatch.setattr(smtplib, "SMTP", Post)
    return Post.sent


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 30, 6, 59, tzinfo=UTC), date(2026, 11, 28)),
        (datetime(2026, 11, 30, 7, 0, tzinfo=UTC), date(2026, 11, 29)),
        (datetime(2026, 7, 1, 5, 59, tzinfo=UTC), date(2026, 6, 29)),  # 6:59 in summer
        (datetime(2026, 7, 1, 6, 0, tzinfo=UTC), date(2026, 6, 30)),
        (datetime(2026, 6, 30, 23, 30, tzinfo=UTC), date(2026, 6, 29)),  # past midnight there
    ],
)
def test_a_night_is_due_in_the_morning_by_local_time(now: datetime, expected: date) -> None:
    assert expected_day(now, SEVEN) == expected


def test_nights_that_did_not_run_are_counted_from_the_last_one(service: Service) -> None:
    morning = datetime.combine(AS_OF + timedelta(1), time(12), UTC)
    with service.night.connect() as connection:
        newest = read_last_night(connection, morning, SEVEN)
        later = read_last_night(connection, morning + timedelta(2), SEVEN)
    assert newest.as_of is not None
    assert not newest.is_late
    assert later.missed == (newest.as_of + timedelta(1), newest.as_of + timedelta(2))
    assert LastNight(None, ()).is_late, "no night at all is late too"


def test_a_message_goes_by_smtp_to_everybody(post: list[EmailMessage]) -> None:
    send_message(BY_SMTP, Message("No night", "It did not run."))
    (email,) = post
    assert (email["From"], email["To"]) == ("rosh@example.org", "ops@example.org, b@example.org")
    assert (email["Subject"], email.get_content()) == ("No night", "It did not run.\n")


def test_a_message_goes_by_notify_as_its_reference_says(monkeypatch: pytest.MonkeyPatch) -> None:
    requests_made: list[tuple[str, dict[str, Any], dict[str, str]]] = []

    def answer(url: str, *, json: Any, headers: Any, timeout: float) -> requests.Response:
        requests_made.append((url, json, headers))
        response = requests.Response()
        response.status_code = 201
        return response

    monkeypatch.setattr(requests, "post", answer)
    send_message(BY_NOTIFY, Message("No night", "It did not run."))
    ((url, body, headers),) = requests_made
    assert url == messages.NOTIFY
    assert body == {
        "email_address": "ops@example.org",
        "template_id": "t1",
        "personalisation": {"subject": "No night", "text": "It did not run."},
    }
    kind, _, token = headers["Authorization"].partition(" ")
    claims = jwt.decode(token, OctKey.import_key(SECRET)).claims
    assert (kind, claims["iss"]) == ("Bearer", SERVICE)
    assert abs(claims["iat"] - clock.now().timestamp()) < 60


@pytest.mark.parametrize("alerts", [BY_SMTP, BY_NOTIFY])
def test_what_cannot_be_sent_is_said(monkeypatch: pytest.MonkeyPatch, alerts: Alerts) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("nobody there")

    monkeypatch.setattr(smtplib, "SMTP", refuse)
    monkeypatch.setattr(requests, "post", refuse)
    with pytest.raises(SetupProblem, match="could not be sent"):
        send_message(alerts, Message("a", "b"))


def test_a_night_that_fails_is_told_and_fails_all_the_same(post: list[EmailMessage]) -> None:
    warnings: list[str] = []
    with (
        pytest.raises(RunStopped, match="Nothing was kept"),
        nightly.reported_if_it_fails(BY_SMTP, AS_OF, warnings.append),
    ):
        raise RunStopped("A worker was killed. Nothing was kept.")
    (email,) = post
    assert email["Subject"] == f"Risk level triage: no night for {AS_OF}"
    assert "A worker was killed. Nothing was kept." in email.get_content()
    assert not warnings


def test_what_nobody_foresaw_is_told_without_its_words(post: list[EmailMessage]) -> None:
    """The words of an unforeseen error may hold data of a person."""
    with (
        pytest.raises(ZeroDivisionError),
        nightly.reported_if_it_fails(BY_SMTP, AS_OF, lambda _: None),
    ):
        raise ZeroDivisionError("CRN A123456")
    assert "A123456" not in post[0].as_string()
    assert nightly.UNFORESEEN.split(".")[0] in post[0].get_content()


def test_a_night_that_ends_tells_nobody(post: list[EmailMessage]) -> None:
    with nightly.reported_if_it_fails(BY_SMTP, AS_OF, lambda _: None):
        pass
    assert post == []


def test_without_anybody_to_tell_the_command_says_so() -> None:
    warnings: list[str] = []
    nightly.tell(None, Message("a", "b"), warnings.append)
    assert warnings == ["Nobody was told: ROSH_ALERT_TO is not set."]


def test_the_command_ends_with_a_summary_and_stands_when_started_again(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The extract is in the store already, and so is the run: nothing is changed."""
    monkeypatch.setattr(scheduled.settings, "read_settings", lambda **_: service.settings)
    extract = str(service.settings.data / "extract")
    command = ["nightly", "--as-of", str(AS_OF), "--extract", extract]
    assert main_module.main(command) == 0
    output = capsys.readouterr().out
    assert "nothing new" in output
    assert "stands already: nothing was changed" in output
    assert "seconds" in output


def test_the_check_says_which_night_is_missing(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    post: list[EmailMessage],
) -> None:
    chosen = replace(service.settings, alerts=BY_SMTP)
    monkeypatch.setattr(scheduled.settings, "read_settings", lambda **_: chosen)
    assert main_module.main(["check-night"]) == 0
    assert "none is missing" in capsys.readouterr().out
    with later_night(3):
        assert main_module.main(["check-night"]) == RunStopped.exit_code
    assert "python -m serving nightly" in capsys.readouterr().err
    assert "No night has run about" in post[0].get_content()


def test_pages_and_health_say_that_a_night_is_missing(service: Service, browser: Browser) -> None:
    page = browser.sign_in("ALD-SPO-1").get("/queue")
    assert 'data-qa="late-night"' not in page
    assert browser.client.get("/health").status_code == 200
    with later_night(3):
        page = browser.get("/queue")
        health = browser.client.get("/health")
    assert "What was recorded since then is not here" in page.split('data-qa="late-night"')[1]
    assert health.status_code == 503
    night = health.json()["components"]["night"]
    assert night["status"] == "DOWN"
    assert json.dumps(night).count("202") >= 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        (
            {
                "ROSH_ALERT_TO": "a@b.uk, c@d.uk",
                "ROSH_SMTP": "mail:2525",
                "ROSH_SMTP_FROM": "r@b.uk",
            },
            Alerts(("a@b.uk", "c@d.uk"), "r@b.uk", "mail", 2525),
        ),
        (
            {"ROSH_ALERT_TO": "a@b.uk", "ROSH_SMTP": "mail", "ROSH_SMTP_FROM": "r@b.uk"},
            Alerts(("a@b.uk",), "r@b.uk", "mail", 25),
        ),
        (
            {"ROSH_ALERT_TO": "a@b.uk", "ROSH_NOTIFY_KEY": "k", "ROSH_NOTIFY_TEMPLATE": "t"},
            Alerts(("a@b.uk",), notify_key="k", notify_template="t"),
        ),
    ],
)
def test_whom_to_tell_is_a_setting(
    tmp_path: Any, variables: dict[str, str], expected: Alerts | None
) -> None:
    demo = {"ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)}
    assert read_settings(demo | variables).alerts == expected


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ROSH_ALERT_TO": "a@b.uk"}, "ROSH_ALERT_TO needs"),
        ({"ROSH_ALERT_TO": "a@b.uk", "ROSH_SMTP": "mail:x", "ROSH_SMTP_FROM": "r"}, "ROSH_SMTP"),
        ({"ROSH_NIGHT_DUE": "late"}, "such as 07:00"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(
    tmp_path: Any, variables: dict[str, str], message: str
) -> None:
    demo = {"ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)}
    with pytest.raises(SetupProblem, match=message):
        read_settings(demo | variables)


def test_keys_are_in_no_representation() -> None:
    assert SECRET not in repr(BY_NOTIFY)
