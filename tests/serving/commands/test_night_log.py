"""The steps of a night as log lines and spans; a night that fails is logged by its kind."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from features.errors import RunStopped
from serving import settings as settings_module
from serving import traces
from serving.commands.night_log import logged_steps
from serving.settings import Settings

AS_OF = date(2026, 11, 29)
STEPS = (
    "contacts, part 1 of 2",
    "contacts, part 2 of 2",
    "scoring bucket 8 of 8",
    "choosing cases",
)


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Takes the spans that would be sent."""
    spans = InMemorySpanExporter()

    def start(_address: str, _version: str) -> TracerProvider:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(spans))
        return provider

    monkeypatch.setattr(traces, "start_tracing", start)
    return spans


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environ = {
        "ROSH_MODE": "demo",
        "ROSH_DATA": str(tmp_path),
        "ROSH_LOGS": "on",
        "ROSH_TRACES": "http://collector:4318/v1/traces",
    }
    return settings_module.read_settings(environ)


def lines(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines()]


def test_each_step_is_a_line_and_each_kind_of_step_a_span(
    settings: Settings, exporter: InMemorySpanExporter, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    with logged_steps(settings, AS_OF, shown.append) as (step, log):
        for text in STEPS:
            step(text)
        log.info("night_finished", run_id="r", is_new=True, cases=3, seconds=1.0)
    assert not shown, "a step is a line once"
    written = lines(capsys.readouterr().err)
    assert [line.get("step") for line in written] == [*STEPS, None]
    assert {line["as_of"] for line in written} == {"2026-11-29"}
    assert written[-1]["event"] == "night_finished"
    names = [span.name for span in exporter.get_finished_spans()]
    assert names == ["contacts, part", "scoring bucket", "choosing cases", "night"]


def test_a_night_that_fails_is_logged_by_its_kind_and_not_its_words(
    settings: Settings, exporter: InMemorySpanExporter, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        pytest.raises(RunStopped, match="X123456"),
        logged_steps(settings, AS_OF, lambda _: None) as (step, _),
    ):
        step("choosing cases")
        raise RunStopped("X123456 Jane Roe")
    written = capsys.readouterr().err
    failed = lines(written)[-1]
    assert (failed["event"], failed["kind"], failed["exit_code"]) == (
        "night_failed",
        "RunStopped",
        16,
    )
    assert "Jane" not in written
    for span in exporter.get_finished_spans():
        assert "Jane" not in str([event.attributes for event in span.events])
        assert "Jane" not in str(span.status.description)


def test_without_logs_a_night_only_shows_its_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)})
    shown: list[str] = []
    with logged_steps(quiet, AS_OF, shown.append) as (step, log):
        step("choosing cases")
        log.info("night_finished")
    assert not capsys.readouterr().err
    assert shown == ["choosing cases"]


@pytest.mark.parametrize("error", [ValueError("X123456 Jane Roe"), SystemExit(143)])
def test_a_night_that_nobody_foresaw_failing_is_logged_by_lines_of_code(
    settings: Settings,
    exporter: InMemorySpanExporter,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
) -> None:
    with (
        pytest.raises(type(error)),
        logged_steps(settings, AS_OF, lambda _: None) as (step, _),
    ):
        step("choosing cases")
        raise error
    written = capsys.readouterr().err
    failed = lines(written)[-1]
    assert (failed["event"], failed["kind"]) == ("night_failed", type(error).__name__)
    assert failed["stack_frames"][-1].startswith("test_night_log.py:")
    assert "Jane" not in written
