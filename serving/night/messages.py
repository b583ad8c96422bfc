"""Sends a message to whoever runs the service: by SMTP, or by GOV.UK Notify.

A message says what happened with a night, in counts and sentences. It holds nothing about a person.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import requests
from joserfc import jwt
from joserfc.jwk import OctKey

from features import clock
from features.errors import SetupProblem
from serving.settings import Alerts

NOTIFY = "https://api.notifications.service.gov.uk/v2/notifications/email"
TIMEOUT = 20
_UUID = 36
"""The characters of an identifier in a key of GOV.UK Notify: name-service-secret."""


@dataclass(frozen=True)
class Message:
    """A message: its subject and its text, both without anything about a person."""

    subject: str
    text: str


def send_message(alerts: Alerts, message: Message) -> None:
    """Send a message to every recipient; raises SetupProblem with the reason where it cannot."""
    try:
        if alerts.notify_key:
            _send_by_notify(alerts, message)
        else:
            _send_by_smtp(alerts, message)
    except (OSError, smtplib.SMTPException, requests.RequestException) as error:
        raise SetupProblem(
            f"The message could not be sent ({type(error).__name__}). Check ROSH_SMTP, "
            "ROSH_NOTIFY_KEY and ROSH_ALERT_TO."
        ) from error


def _send_by_smtp(alerts: Alerts, message: Message) -> None:
    email = EmailMessage()
    email["Subject"], email["From"] = message.subject, alerts.sender
    email["To"] = ", ".join(alerts.recipients)
    email.set_content(message.text)
    with smtplib.SMTP(alerts.smtp_host, alerts.smtp_port, timeout=TIMEOUT) as server:
        server.send_message(email)


def _send_by_notify(alerts: Alerts, message: Message) -> None:
    """One request a recipient; the template takes the personalisation `subject` and `text`."""
    headers = {"Authorization": f"Bearer {_notify_token(alerts.notify_key)}"}
    for body in _notify_bodies(alerts, message):
        response = requests.post(NOTIFY, json=body, headers=headers, timeout=TIMEOUT)
        response.raise_for_status()


def _notify_bodies(alerts: Alerts, message: Message) -> Iterable[dict[str, Any]]:
    for recipient in alerts.recipients:
        yield {
            "email_address": recipient,
            "template_id": alerts.notify_template,
            "personalisation": {"subject": message.subject, "text": message.text},
        }


def _notify_token(key: str) -> str:
    """The token of GOV.UK Notify: signed by the secret at the end of the key (its API reference,
    "Headers"), with the service and the time.
    """
    secret, service = key[-_UUID:], key[-2 * _UUID - 1 : -_UUID - 1]
    claims = {"iss": service, "iat": int(clock.now().timestamp())}
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(secret))
