"""Writes log lines as JSON: what the service did, when and how long it took; never about whom.

A line holds only FIELDS; anything else is a fault of the code and is refused. No field has room for
a word of a record: a route is its pattern, an error its class and its stack
frames, without its message.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

FIELDS = frozenset(
    {
        "as_of",
        "cases",
        "stack_frames",
        "event",
        "exit_code",
        "is_new",
        "kind",
        "level",
        "method",
        "request_id",
        "route",
        "run_id",
        "seconds",
        "status",
        "step",
        "timestamp",
        "trace_id",
        "words",
    }
)
"""What a log line may hold; `words` is what a library logs where there is no error."""
MAX_FRAMES = 12
"""The most stack frames logged of an error, the innermost last."""
Logger = structlog.typing.FilteringBoundLogger


def make_logger(stream: TextIO | None = None) -> Logger:
    """A logger that writes lines of JSON to a stream, by default stderr."""
    logger: Logger = structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _refuse_other_fields,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return logger


def chosen_logger(*, enabled: bool) -> Logger:
    """The logger of a command or of the pages: lines of JSON on stderr, or nothing."""
    return make_logger() if enabled else _silent_logger()


def _silent_logger() -> Logger:
    logger: Logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[_drop_line],
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
    )
    return logger


def _drop_line(_: WrappedLogger, __: str, ___: EventDict) -> EventDict:
    raise structlog.DropEvent


def stack_frames_of(error: BaseException) -> list[str]:
    """The stack frames of an error: file, line, function; never its message."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames]


def _refuse_other_fields(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Raise ValueError for a field that is not in FIELDS: it may be about a person."""
    others = event.keys() - FIELDS
    if others:
        raise ValueError(f"A log line may not hold {', '.join(sorted(others))}.")
    return event


class ServerLogHandler(logging.Handler):
    """Forwards log records of the web server and of libraries as JSON, without error messages."""

    def __init__(self, log: Logger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record of the server."""
        details: dict[str, Any] = {"kind": record.name}
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            details["words"] = record.getMessage()
        else:
            details |= {"kind": type(error).__name__, "stack_frames": stack_frames_of(error)}
        self._log.log(record.levelno, "server", **details)
