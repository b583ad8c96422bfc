"""Logs and traces the steps of a night: one line per step, one span per kind of step."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from opentelemetry import trace
from structlog.contextvars import bound_contextvars

from features.errors import UserError
from serving import logs, traces
from serving.logs import Logger
from serving.settings import Settings
from serving.web.health import VERSION

_COUNT = re.compile(r"[ ,]*\d[\d,]* (of|to) \d.*")


class StepSpans:
    """Ends the span of one kind of step when another begins; parts of one step share a span."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        self._name = ""
        self._span: trace.Span | None = None

    def begin_step(self, text: str) -> None:
        """Begin the span of a step, unless it is another part of the same."""
        name = _COUNT.sub("", text)
        if name != self._name:
            self.end()
            self._name, self._span = name, self._tracer.start_span(name)

    def end(self) -> None:
        """End the span of the last step."""
        if self._span is not None:
            self._span.end()
            self._span = None


@contextmanager
def logged_steps(
    settings: Settings, as_of: date, show: Callable[[str], None]
) -> Iterator[tuple[Callable[[str], None], Logger]]:
    """A function that logs, traces and shows each step of a night, and the log, for the block.

    A night that ends with an error is logged by the kind of the error and its exit code.
    """
    log = logs.chosen_logger(enabled=settings.logs)
    tracing = traces.chosen_tracing(settings.traces, VERSION)
    tracer = tracing.get_tracer(traces.NAME)
    began = time.monotonic()
    spans = StepSpans(tracer)

    def begin_step(text: str) -> None:
        spans.begin_step(text)
        log.info("step", step=text)
        if not settings.logs:
            show(text)

    try:
        with bound_contextvars(as_of=as_of.isoformat()), traces.quiet_span(tracer, "night"):
            try:
                yield begin_step, log
            finally:
                spans.end()
                error = sys.exc_info()[1]
                if error is not None:
                    _log_failure(log, error, time.monotonic() - began)
    finally:
        traces.end_tracing(tracing)


def _log_failure(log: Logger, error: BaseException, seconds: float) -> None:
    """Log a failed night: the exit code of a UserError, the stack frames of any other error."""
    details: dict[str, Any] = {"kind": type(error).__name__, "seconds": round(seconds, 1)}
    if isinstance(error, UserError):
        details["exit_code"] = error.exit_code
    else:
        details["stack_frames"] = logs.stack_frames_of(error)
    log.error("night_failed", **details)
