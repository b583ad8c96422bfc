"""Lists every setting of the service: its environment variable, its default and what it is.

A value that cannot be what it should be is refused by the name of its variable, and so is a
variable that begins like ours and is none of them: a misspelt one would silently do nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from features.errors import SetupProblem, did_you_mean
from features.processes import FOLDER, WORKERS
from features.runners import SPARK
from features.store.working_copy import CACHE

OURS = "ROSH_"
ELSEWHERE = frozenset({WORKERS, FOLDER, SPARK, CACHE})
"""Settings that loads and training have too; they are read where they are used."""
OF_OTHERS = re.compile(r"ROSH_TRIAGE_(SERVICE|PORT)(_.*)?|ROSH_TEST_.*|ROSH_PICTURES|ROSH_GUIDANCE")
"""Variables that are no settings: Kubernetes gives every container the addresses of a service
called rosh-triage by such names, and tests read others.
"""


def _on_or_off(text: Any) -> bool:
    if text not in ("on", "off"):
        raise ValueError("must be on or off.")
    return bool(text == "on")


def _clock_time(text: Any) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise ValueError("must be a time such as 07:00.") from error


def _case_address(text: str) -> str:
    if text and not (text.startswith("https://") and "{crn}" in text):
        raise ValueError("must begin with https:// and hold {crn}.")
    return text


def _contact_address(text: str) -> str:
    if text and not text.startswith(("https://", "mailto:")):
        raise ValueError("must begin with https:// or mailto:.")
    return text


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if text and not (parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError("must be an address that begins with http:// or https://.")
    return text.rstrip("/")


def _trace_address(text: str) -> str:
    address = _web_address(text)
    # The path of the standard, where the collector's own address is all that is said.
    return f"{address}/v1/traces" if address and not urlsplit(address).path else address


def _topic(text: str) -> str:
    if text and not re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d+:[\w.-]+", text):
        raise ValueError("must be the ARN of a topic, such as arn:aws:sns:eu-west-2:1234:events.")
    return text


OnOrOff = Annotated[bool, BeforeValidator(_on_or_off)]
ClockTime = Annotated[time, BeforeValidator(_clock_time)]
CaseAddress = Annotated[str, AfterValidator(_case_address)]
ContactAddress = Annotated[str, AfterValidator(_contact_address)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
TraceAddress = Annotated[str, AfterValidator(_trace_address)]
Topic = Annotated[str, AfterValidator(_topic)]
NO_SECRET = SecretStr("")


class Environment(BaseSettings):
    """The settings as they stand in the environment; an empty variable is as none."""

    model_config = SettingsConfigDict(
        case_sensitive=True,
        extra="ignore",
        env_ignore_empty=True,
        frozen=True,
        validate_default=False,
    )

    ROSH_MODE: Literal["demo", "live"] = Field(
        "live", description="`demo` (made-up people and users) or `live`"
    )
    ROSH_DATA: Path = Field(
        Path("var/live"),
        description="The folder of store, bundles, scores and, without `DATABASE_URL`, the "
        "database",
    )
    ROSH_OBJECTS: str = Field(
        "",
        description="An address in S3 (`s3://bucket/prefix`) for store, legal holds, scores, "
        "bundles, replays and signed heads. `ROSH_DATA` is then a cache of it, which may be lost "
        "where `DATABASE_URL` is set",
    )
    DATABASE_URL: SecretStr = Field(
        NO_SECRET,
        description="The address of the PostgreSQL database. `migrate`, backups and commands about "
        "users need its owner's name and password in it; all else is given it without either, and "
        "signs in as `rosh_web` or `rosh_night`, which own nothing",
    )
    ROSH_WEB_PASSWORD: SecretStr = Field(NO_SECRET, description="Password of the role `rosh_web`")
    ROSH_NIGHT_PASSWORD: SecretStr = Field(
        NO_SECRET, description="Password of the role `rosh_night`"
    )
    ROSH_ADMIN_PASSWORD: SecretStr = Field(
        NO_SECRET, description="Password of the owner, for the embedded database alone"
    )
    ROSH_SESSION_SECRET: SecretStr = Field(
        NO_SECRET,
        description="Signs sessions, and the name of the acting user that the pages hand to the "
        "database. After changing it run `migrate`, so that the database has the new key",
    )
    ROSH_DRAW_SECRET: SecretStr = Field(NO_SECRET, description="The key of the random draws")
    ROSH_ANCHOR_KEY: SecretStr = Field(
        NO_SECRET,
        description="Signs the heads of the audit chain and backups; keep it where the owner of "
        "the database cannot read it",
    )
    ROSH_OIDC_ISSUER: str = Field("", description="The OpenID Connect provider (HMPPS Auth)")
    ROSH_OIDC_CLIENT_ID: str = Field("", description="What the provider knows this service by")
    ROSH_OIDC_CLIENT_SECRET: SecretStr = Field(NO_SECRET, description="Its secret there")
    ROSH_PUBLIC_URL: WebAddress = Field(
        "",
        description="Where the service is reached from outside; the provider leads back to "
        "`/sign-in/callback` there",
    )
    ROSH_API_AUDIENCE: str = Field(
        "", description="Whom bearer tokens must be for; without it the API lets nobody in"
    )
    ROSH_OIDC_USERNAME_CLAIM: str = Field(
        "user_name",
        description="The claim that names a person; never one that its owner can change",
    )
    ROSH_MLFLOW_URL: WebAddress = Field(
        "",
        description="Where the analysts' MLflow is reached: the page of approvals leads there",
    )
    ROSH_NDELIUS_LINK: CaseAddress = Field(
        "", description="The address (https, with `{crn}`) at which a case is opened in NDelius"
    )
    ROSH_OASYS_LINK: CaseAddress = Field("", description="The same in OASys")
    ROSH_FEEDBACK_LINK: ContactAddress = Field(
        "", description="An address (https or mailto) for feedback, offered on each page"
    )
    ROSH_ALERT_TO: str = Field(
        "", description="E-mail addresses to tell when a night fails or does not run"
    )
    ROSH_SMTP: str = Field("", description="The mail server for them (host:port)")
    ROSH_SMTP_FROM: str = Field("", description="Whom that mail comes from")
    ROSH_NOTIFY_KEY: SecretStr = Field(
        NO_SECRET, description="A key of GOV.UK Notify, instead of a mail server"
    )
    ROSH_NOTIFY_TEMPLATE: str = Field(
        "", description="Its template, with the fields `subject` and `text`"
    )
    ROSH_NIGHT_DUE: ClockTime = Field(
        time(7),
        description="The time in London, whatever the machine's zone, by which a night about the "
        "day before must have run",
    )
    ROSH_METRICS: OnOrOff = Field(
        default=False,
        description="`on` serves `/metrics` for Prometheus; the ingress must keep it from outside",
    )
    ROSH_LOGS: OnOrOff | None = Field(
        None,
        description="Whether requests and steps of a night are logged as lines of JSON on stderr: "
        "`on` or `off`; by default on, and off in a demo",
    )
    ROSH_TRACES: TraceAddress = Field(
        "", description="Where traces are sent: an address for OpenTelemetry (OTLP) over HTTP"
    )
    ROSH_EVENTS_TOPIC: Topic = Field(
        "",
        description="The ARN of the topic of SNS to which `publish` sends events (what was "
        "concluded), in the HMPPS envelope",
    )
    ROSH_AUDIT_QUEUE: WebAddress = Field(
        "",
        description="The address of the queue of SQS to which `publish` sends audit rows, as the "
        "HMPPS audit service takes them",
    )
    ROSH_PROXIES: str = Field(
        "127.0.0.1",
        description="Addresses or networks of trusted reverse proxies: `X-Forwarded-For` is "
        "believed from these alone",
    )
    GIT_REF: str = Field("unknown", description="Which build this is, for `/health` and `/info`")
    BUILD_NUMBER: str = Field("unknown", description="Its number")


def read_environment(environ: Mapping[str, str] | None = None) -> Environment:
    """The settings in some variables, by default those of the process.

    Raises SetupProblem that names each variable that is wrong, and never shows its value.
    """
    variables = os.environ if environ is None else environ
    _refuse_unknown(variables)
    try:
        if environ is None:
            return Environment()
        return Environment.model_validate({k: v for k, v in environ.items() if v})
    except ValidationError as error:
        faults = [_fault(one) for one in error.errors(include_input=False, include_url=False)]
        raise SetupProblem(" ".join(faults)) from error


def _refuse_unknown(variables: Mapping[str, str]) -> None:
    settings = [*Environment.model_fields, *ELSEWHERE]
    for name in sorted(variables):
        if name.startswith(OURS) and name not in settings and not OF_OTHERS.fullmatch(name):
            raise SetupProblem(
                f"There is no setting {name}.{did_you_mean(name, settings)} See docs/settings.md."
            )


def _fault(one: ErrorDetails) -> str:
    """What is wrong with one variable, in a sentence without its value."""
    name = str(one["loc"][0])
    if one["type"] == "literal_error":
        return f"{name} must be demo or live."
    return f"{name} {one['msg'].removeprefix('Value error, ')}"


def settings_page() -> str:
    """Every setting with its default, as Markdown."""
    rows = [
        f"- `{name}`{_default(field.default)}: {field.description}"
        for name, field in Environment.model_fields.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Read from the environment, written by `make docs` from `serving/environment.py`. A "
            "value that cannot be what it should be is refused by name, and so is a variable that "
            f"begins with `{OURS}` and is not in this list. Outside a demo each command refuses "
            "to start without the secrets that it uses, and with one shorter than 24 characters; "
            "the pages start only with a provider of sign-in. In a demo secrets are drawn once and "
            "kept in the data folder, readable by its owner alone.",
            "",
            *rows,
            f"- `{WORKERS}` (one a core): How many worker processes a load and a night have",
            f"- `{CACHE}` (`rosh-triage-UID` in the folder for temporary files): Caches of stores "
            "that a command names as `s3://…`. They hold case histories; nothing removes them",
            f"- `{SPARK}`: A Spark master (`local[2]`, `spark://host:7077`) whose executors "
            "work the parts of a load and of a night instead (`pip install "
            "rosh-triage[spark]`, Java 17)",
            "",
        ]
    )


def _default(value: Any) -> str:
    """The default in brackets; nothing where there is none."""
    if value in (None, "") or value == NO_SECRET:
        return ""
    if isinstance(value, bool):
        return " (`off`)"
    return f" (`{value:%H:%M}`)" if isinstance(value, time) else f" (`{value}`)"
