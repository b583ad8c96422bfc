"""Every setting is documented, and a wrong or misspelt one is refused by name without its value."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from features.errors import SetupProblem
from serving.environment import Environment, read_environment, settings_page


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ROSH_MODE", "test", "ROSH_MODE must be demo or live."),
        ("ROSH_METRICS", "yes", "ROSH_METRICS must be on or off."),
        ("ROSH_LOGS", "1", "ROSH_LOGS must be on or off."),
        ("ROSH_NIGHT_DUE", "late", "ROSH_NIGHT_DUE must be a time such as 07:00."),
        ("ROSH_TRACES", "collector:4318", "ROSH_TRACES must be an address"),
        ("ROSH_TRACES", "http://", "ROSH_TRACES must be an address"),
        ("ROSH_EVENTS_TOPIC", "events", "ROSH_EVENTS_TOPIC must be the ARN of a topic"),
        ("ROSH_TRIAGE_MODE", "demo", "There is no setting ROSH_TRIAGE_MODE."),
        ("ROSH_PICTURESX", "1", "There is no setting ROSH_PICTURESX."),
        ("ROSH_PUBLIC_URL", "rosh.example", "ROSH_PUBLIC_URL must be an address"),
        (
            "ROSH_ALERTS_TO",
            "a@b.uk",
            "There is no setting ROSH_ALERTS_TO. Did you mean 'ROSH_ALERT_TO'",
        ),
        ("ROSH_DRAW_SECRETS", "s3cret-value", "There is no setting ROSH_DRAW_SECRETS."),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str, message: str) -> None:
    with pytest.raises(SetupProblem) as refusal:
        read_environment({name: value})
    assert message in str(refusal.value)
    secret = "s3cret-value"
    assert secret not in str(refusal.value)


def test_traces_go_to_the_path_of_the_standard_where_none_is_named() -> None:
    address = read_environment({"ROSH_TRACES": "http://collector:4318"}).ROSH_TRACES
    assert address == "http://collector:4318/v1/traces"
    own = "http://collector:4318/own"
    assert own == read_environment({"ROSH_TRACES": own}).ROSH_TRACES


def test_several_wrong_settings_are_named_together() -> None:
    with pytest.raises(SetupProblem, match=r"ROSH_NIGHT_DUE .*ROSH_METRICS"):
        read_environment({"ROSH_METRICS": "yes", "ROSH_NIGHT_DUE": "late"})


def test_addresses_that_kubernetes_adds_are_no_settings() -> None:
    read_environment(
        {"ROSH_TRIAGE_SERVICE_HOST": "10.0.0.1", "ROSH_TRIAGE_PORT": "tcp://10.0.0.1:80"}
    )


def test_an_empty_variable_is_as_none() -> None:
    assert read_environment({"ROSH_METRICS": "", "ROSH_NIGHT_DUE": ""}) == read_environment({})


def test_secrets_are_in_no_representation() -> None:
    environment = read_environment({"ROSH_DRAW_SECRET": "s3cret-value", "DATABASE_URL": "u:p4ss@h"})
    assert environment.ROSH_DRAW_SECRET.get_secret_value() == "s3cret-value"
    assert "s3cret-value" not in repr(environment)
    assert "p4ss" not in repr(environment)


def test_every_setting_is_described_on_its_page() -> None:
    page = settings_page()
    for name, field in Environment.model_fields.items():
        assert f"- `{name}`" in page
        assert field.description


def test_the_environment_of_the_process_is_read(tmp_path: Path) -> None:
    """As a command does: from the process, where nothing else is handed over."""
    variables = {"PATH": os.environ["PATH"], "ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "serving", "score", "--as-of", "2026-11-29"]
    for name, value, message in (
        ("ROSH_METRICS", "yes", "ROSH_METRICS must be on or off."),
        ("ROSH_WORKER", "2", "There is no setting ROSH_WORKER. Did you mean 'ROSH_WORKERS'?"),
    ):
        done = subprocess.run(
            command, env=variables | {name: value}, capture_output=True, text=True, check=False
        )
        assert done.returncode == SetupProblem.exit_code
        assert message in done.stderr
