"""Reads settings from the environment, and refuses weak or sample secrets outside a demo."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Literal

from features.errors import SetupProblem
from features.store import s3_store
from serving.environment import Environment, read_environment

Mode = Literal["demo", "live"]
_SECRETS = (
    "web_password",
    "night_password",
    "admin_password",
    "session_secret",
    "draw_secret",
    "anchor_key",
)
WEB_SECRETS = ("web_password", "session_secret", "admin_password")
NIGHT_SECRETS = ("night_password", "draw_secret", "anchor_key", "admin_password")
CHECK_SECRETS = ("night_password", "admin_password")
MIGRATION_SECRETS = ("web_password", "night_password", "session_secret", "admin_password")
"""The secrets that pages, a night, the check that it ran and a migration need: each has its own."""
SHORTEST_SECRET = 24
ANCHORS = "audit-anchors.jsonl"
MIRRORED = ("bundles", "scores", "replays", ANCHORS, "store/holds.json")
"""What of a data folder is sent to S3 when it becomes its cache, beside the store."""


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
    logs: bool = True
    """Whether what the service does is logged as lines of JSON on stderr."""
    public_url: str = ""
    """Where this service is reached from outside."""
    events_topic: str = ""
    """The topic of SNS to which events are published; empty where nowhere."""
    audit_queue: str = ""
    """The queue of SQS to which audit rows are published; empty where nowhere."""
    traces: str = ""
    """Where traces are sent: an address for OTLP over HTTP; empty where nowhere."""
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
        return self.data / ANCHORS


def read_settings(
    environ: Mapping[str, str] | None = None, needed: Collection[str] = _SECRETS
) -> Settings:
    """Settings from the environment (`serving.environment`), checked together.

    In a demo, secrets are drawn once and kept in the data folder, readable only by its owner.
    Outside a demo each that is `needed` must be given and be at least 24 characters long.
    """
    environment = read_environment(environ)
    is_demo = environment.ROSH_MODE == "demo"
    if environment.ROSH_OBJECTS:
        s3_store.move_to_s3(environment.ROSH_DATA, environment.ROSH_OBJECTS, MIRRORED)
    url = environment.DATABASE_URL.get_secret_value() or None
    if is_demo:
        passwords = _demo_secrets(environment.ROSH_DATA)
    else:
        passwords = _live_secrets(environment, needed, embedded=url is None)
    links = {"NDelius": environment.ROSH_NDELIUS_LINK, "OASys": environment.ROSH_OASYS_LINK}
    return Settings(
        mode=environment.ROSH_MODE,
        data=environment.ROSH_DATA,
        database_url=url,
        oidc=_oidc_settings(environment),
        record_links={system: link for system, link in links.items() if link},
        feedback_link=environment.ROSH_FEEDBACK_LINK,
        alerts=_alert_settings(environment),
        night_due=environment.ROSH_NIGHT_DUE,
        metrics=environment.ROSH_METRICS,
        logs=not is_demo if environment.ROSH_LOGS is None else environment.ROSH_LOGS,
        traces=environment.ROSH_TRACES,
        public_url=environment.ROSH_PUBLIC_URL,
        events_topic=environment.ROSH_EVENTS_TOPIC,
        audit_queue=environment.ROSH_AUDIT_QUEUE,
        git_ref=environment.GIT_REF,
        build_number=environment.BUILD_NUMBER,
        mlflow_url=environment.ROSH_MLFLOW_URL,
        proxies=environment.ROSH_PROXIES,
        **passwords,
    )


def _alert_settings(environment: Environment) -> Alerts | None:
    """Whom to tell, or None; SetupProblem where it is not said by what."""
    recipients = tuple(environment.ROSH_ALERT_TO.replace(",", " ").split())
    if not recipients:
        return None
    key, template = environment.ROSH_NOTIFY_KEY.get_secret_value(), environment.ROSH_NOTIFY_TEMPLATE
    if key and template:
        return Alerts(recipients, notify_key=key, notify_template=template)
    host, _, port = environment.ROSH_SMTP.partition(":")
    sender = environment.ROSH_SMTP_FROM
    if not host or not sender or not (port or "25").isdigit():
        raise SetupProblem(
            "ROSH_ALERT_TO needs ROSH_SMTP (host:port) and ROSH_SMTP_FROM, or ROSH_NOTIFY_KEY and "
            "ROSH_NOTIFY_TEMPLATE."
        )
    return Alerts(recipients, sender=sender, smtp_host=host, smtp_port=int(port or 25))


def _oidc_settings(environment: Environment) -> Oidc | None:
    """The sign-in provider's settings, or None; a UserError where they are incomplete."""
    if not environment.ROSH_OIDC_ISSUER:
        return None
    needed = {
        "ROSH_OIDC_CLIENT_ID": environment.ROSH_OIDC_CLIENT_ID,
        "ROSH_OIDC_CLIENT_SECRET": environment.ROSH_OIDC_CLIENT_SECRET.get_secret_value(),
        "ROSH_PUBLIC_URL": environment.ROSH_PUBLIC_URL,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise SetupProblem(f"Sign-in needs {', '.join(missing)} beside ROSH_OIDC_ISSUER.")
    return Oidc(
        issuer=environment.ROSH_OIDC_ISSUER,
        client_id=environment.ROSH_OIDC_CLIENT_ID,
        client_secret=needed["ROSH_OIDC_CLIENT_SECRET"],
        public_url=environment.ROSH_PUBLIC_URL,
        audience=environment.ROSH_API_AUDIENCE or None,
        username_claim=environment.ROSH_OIDC_USERNAME_CLAIM,
    )


def _live_secrets(
    environment: Environment, needed: Collection[str], *, embedded: bool
) -> dict[str, str]:
    """The secrets by name; one that is not needed here stays empty, even where it is set."""
    values = dict.fromkeys(_SECRETS, "")
    for name in needed:
        key = f"ROSH_{name.upper()}"
        value = getattr(environment, key).get_secret_value()
        if name == "admin_password" and not embedded:
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
