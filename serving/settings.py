"""Reads settings from the environment, and refuses weak or sample secrets outside a demo."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Literal

from features.errors import SetupProblem

Mode = Literal["demo", "live"]
_SECRETS = (
    "web_password",
    "night_password",
    "admin_password",
    "session_secret",
    "draw_secret",
    "anchor_key",
)
SHORTEST_SECRET = 24


@dataclass(frozen=True)
class Oidc:
    """The OpenID Connect provider, and this service's registration with it."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    public_url: str
    """Where this service is reached from outside: the provider leads back to it."""
    audience: str | None = None
    """Whom bearer tokens must be for; without it the API lets nobody in."""
    username_claim: str = "user_name"
    """The claim that names a person, as HMPPS Auth does; never one that its owner can change."""


@dataclass(frozen=True, repr=False)
class Alerts:
    """Whom to tell when a night fails or does not run, and by what: GOV.UK Notify, or SMTP."""

    recipients: tuple[str, ...]
    sender: str = ""
    smtp_host: str = ""
    smtp_port: int = 25
    notify_key: str = ""
    """A key of GOV.UK Notify; with it, `notify_template` names the template."""
    notify_template: str = ""


@dataclass(frozen=True)
class Settings:
    """The settings of the service, read once from the environment."""

    mode: Mode
    data: Path
    database_url: str | None = field(repr=False)
    web_password: str = field(repr=False)
    night_password: str = field(repr=False)
    admin_password: str = field(repr=False)
    session_secret: str = field(repr=False)
    draw_secret: str = field(repr=False)
    anchor_key: str = field(repr=False)
    """Signs the heads of the audit chain; kept where the database's owner cannot read it."""
    oidc: Oidc | None = None
    mlflow_url: str = ""
    """Where the analysts' MLflow is reached, so that an approval leads to its run."""
    record_links: Mapping[str, str] = field(default_factory=dict)
    """Where a case is opened in another system: addresses with {crn}, by the system's name."""
    feedback_link: str = ""
    """Where a user says what helps and what does not: an address of a form, or mailto:."""
    alerts: Alerts | None = None
    """Whom to tell when a night fails; None where nobody is to be told."""
    night_due: time = time(7)
    """The local time by which a night about the day before must have run."""
    metrics: bool = False
    """Whether `/metrics` is served; the ingress must keep it from outside."""
    git_ref: str = "unknown"
    build_number: str = "unknown"
    """Which build this is, as the image says (GIT_REF, BUILD_NUMBER)."""
    proxies: str = "127.0.0.1"
    """Whose word is taken for where a request came from: the addresses of the ingress."""

    @property
    def demo(self) -> bool:
        """Whether this is a demo, with made-up people and users, labelled on every page."""
        return self.mode == "demo"

    @property
    def store(self) -> Path:
        """The folder of the store of case histories."""
        return self.data / "store"

    @property
    def bundles(self) -> Path:
        """The folder of trained bundles."""
        return self.data / "bundles"

    @property
    def scores(self) -> Path:
        """The folder of committed scores, one file a run."""
        return self.data / "scores"

    @property
    def replays(self) -> Path:
        """The folder of past days that were scored again, one file each."""
        return self.data / "replays"

    @property
    def anchors(self) -> Path:
        """The file of signed heads of the audit chain, kept outside the database."""
        return self.data / "audit-anchors.jsonl"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment (ROSH_MODE, ROSH_DATA, DATABASE_URL, ROSH_*_PASSWORD …).

    In a demo, secrets are drawn once and kept in the data folder, readable only by its owner.
    Outside a demo each must be given and be at least 24 characters long.
    """
    variables = os.environ if environ is None else environ
    mode = variables.get("ROSH_MODE", "live")
    if mode not in ("demo", "live"):
        raise SetupProblem(f"ROSH_MODE is {mode!r}; it must be demo or live.")
    data = Path(variables.get("ROSH_DATA", "var/live"))
    url = variables.get("DATABASE_URL") or None
    passwords = (
        _demo_secrets(data) if mode == "demo" else _live_secrets(variables, embedded=url is None)
    )
    return Settings(
        mode="demo" if mode == "demo" else "live",
        data=data,
        database_url=url,
        oidc=_oidc_settings(variables),
        record_links=_record_links(variables),
        feedback_link=_feedback_link(variables),
        alerts=_alert_settings(variables),
        night_due=_night_due(variables),
        metrics=_is_on(variables, "ROSH_METRICS"),
        git_ref=variables.get("GIT_REF") or "unknown",
        build_number=variables.get("BUILD_NUMBER") or "unknown",
        mlflow_url=variables.get("ROSH_MLFLOW_URL", "").rstrip("/"),
        proxies=variables.get("ROSH_PROXIES") or "127.0.0.1",
        **passwords,
    )


def _record_links(variables: Mapping[str, str]) -> dict[str, str]:
    """The addresses of a case in NDelius and OASys; SetupProblem where one cannot be used."""
    links = {}
    for system in ("NDelius", "OASys"):
        key = f"ROSH_{system.upper()}_LINK"
        address = variables.get(key, "")
        if address and not (address.startswith("https://") and "{crn}" in address):
            raise SetupProblem(f"{key} must begin with https:// and hold {{crn}}.")
        if address:
            links[system] = address
    return links


def _feedback_link(variables: Mapping[str, str]) -> str:
    link = variables.get("ROSH_FEEDBACK_LINK", "")
    if link and not link.startswith(("https://", "mailto:")):
        raise SetupProblem("ROSH_FEEDBACK_LINK must begin with https:// or mailto:.")
    return link


def _alert_settings(variables: Mapping[str, str]) -> Alerts | None:
    """Whom to tell, or None; SetupProblem where it is not said by what."""
    recipients = tuple(filter(None, variables.get("ROSH_ALERT_TO", "").replace(",", " ").split()))
    if not recipients:
        return None
    key, template = variables.get("ROSH_NOTIFY_KEY", ""), variables.get("ROSH_NOTIFY_TEMPLATE", "")
    if key and template:
        return Alerts(recipients, notify_key=key, notify_template=template)
    host, _, port = variables.get("ROSH_SMTP", "").partition(":")
    sender = variables.get("ROSH_SMTP_FROM", "")
    if not host or not sender or not (port or "25").isdigit():
        raise SetupProblem(
            "ROSH_ALERT_TO needs ROSH_SMTP (host:port) and ROSH_SMTP_FROM, or ROSH_NOTIFY_KEY and "
            "ROSH_NOTIFY_TEMPLATE."
        )
    return Alerts(recipients, sender=sender, smtp_host=host, smtp_port=int(port or 25))


def _is_on(variables: Mapping[str, str], key: str) -> bool:
    text = variables.get(key, "off")
    if text not in ("on", "off"):
        raise SetupProblem(f"{key} is {text!r}; it must be on or off.")
    return text == "on"


def _night_due(variables: Mapping[str, str]) -> time:
    text = variables.get("ROSH_NIGHT_DUE", "07:00")
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise SetupProblem(
            f"ROSH_NIGHT_DUE is {text!r}; it must be a time such as 07:00."
        ) from error


def _oidc_settings(variables: Mapping[str, str]) -> Oidc | None:
    """The sign-in provider's settings, or None; a UserError where they are incomplete."""
    names = ("issuer", "client_id", "client_secret", "public_url")
    keys = {
        name: "ROSH_PUBLIC_URL" if name == "public_url" else f"ROSH_OIDC_{name.upper()}"
        for name in names
    }
    values = {name: variables.get(key, "") for name, key in keys.items()}
    if not values["issuer"]:
        return None
    missing = [keys[name] for name in names if not values[name]]
    if missing:
        raise SetupProblem(f"Sign-in needs {', '.join(missing)} beside ROSH_OIDC_ISSUER.")
    values["public_url"] = values["public_url"].rstrip("/")
    return Oidc(
        **values,
        audience=variables.get("ROSH_API_AUDIENCE") or None,
        username_claim=variables.get("ROSH_OIDC_USERNAME_CLAIM") or "user_name",
    )


def _live_secrets(variables: Mapping[str, str], *, embedded: bool) -> dict[str, str]:
    values = {}
    for name in _SECRETS:
        key = f"ROSH_{name.upper()}"
        value = variables.get(key, "")
        if name == "admin_password" and not embedded:
            values[name] = value
            continue
        if len(value) < SHORTEST_SECRET:
            raise SetupProblem(
                f"{key} must be set to a secret of at least {SHORTEST_SECRET} characters. "
                "To look at made-up people instead, set ROSH_MODE=demo."
            )
        values[name] = value
    return values


def _demo_secrets(data: Path) -> dict[str, str]:
    path = data / "demo-secrets.json"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        new_secrets = {name: secrets.token_urlsafe(32) for name in _SECRETS}
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(new_secrets, file)
    stored = json.loads(path.read_text(encoding="utf-8"))
    if missing := [name for name in _SECRETS if name not in stored]:
        # A demo from before a secret was needed.
        stored |= {name: secrets.token_urlsafe(32) for name in missing}
        path.write_text(json.dumps(stored), encoding="utf-8")
    return {name: str(stored[name]) for name in _SECRETS}
