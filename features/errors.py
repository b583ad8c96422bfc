"""Defines the errors that users can cause and put right, with the exit code of each."""

from __future__ import annotations

import difflib
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from errno import ENOSPC
from pathlib import Path

PACKAGES = ("features", "models", "training", "serving")


class UserError(Exception):
    """Something a person can put right; shown as one sentence, never as a traceback."""

    exit_code = 10


class MissingInput(UserError):
    """A file, folder or setting that a command needs is not there."""

    exit_code = 11


class UnreadableInput(UserError):
    """A file is there and cannot be read as what it should be."""

    exit_code = 12


class TooManyRefused(UserError):
    """More rows of a table were refused than may be; nothing was changed."""

    exit_code = 13


class NotApproved(UserError):
    """The action needs a valid approval, and there is none."""

    exit_code = 14


class SetupProblem(UserError):
    """The machine, the database or a setting prevents what was asked for."""

    exit_code = 15


class RunStopped(UserError):
    """A check during a run failed; the run was rolled back."""

    exit_code = 16


EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "something went wrong that nobody foresaw; a file holds the details",
    2: "the command line could not be understood",
    **{
        kind.exit_code: (kind.__doc__ or "")
        for kind in (
            UserError,
            MissingInput,
            UnreadableInput,
            TooManyRefused,
            NotApproved,
            SetupProblem,
            RunStopped,
        )
    },
}

EXIT_CODE_HELP = "exit codes: " + "; ".join(
    f"{code} {text.rstrip('.').splitlines()[0]}" for code, text in EXIT_CODES.items()
)


def did_you_mean(wrong: str, names: Iterable[str]) -> str:
    """A hint with the closest known name, or an empty text where no name is close."""
    close = difflib.get_close_matches(wrong, list(names), n=1, cutoff=0.7)
    return f" Did you mean {close[0]!r}?" if close else ""


TERMINATED = 143
UNFORESEEN = 1
"""The exit code of what nobody foresaw."""


def shown_to_people(command: Callable[[], None]) -> int:
    """Run a command; print a UserError as one sentence on stderr and return its exit code.

    A command that is told to end (SIGTERM) cleans up behind it, as one that is interrupted does.
    What nobody foresaw becomes a sentence, exit code 1 and a report file, never a traceback.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        command()
    except UserError as error:
        sys.stderr.write(f"\n{error}\n")
        return error.exit_code
    except BrokenPipeError:
        # Who read the output (head, less) has seen enough; the interpreter must not say so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - the one boundary: panics too
        sys.stderr.write(f"\n{_describe_unforeseen(error)}\n")
        return UNFORESEEN
    return 0


def _describe_unforeseen(error: BaseException) -> str:
    """The message for an unexpected error; its details go to a file that only the user can read."""
    if any(_is_full_disk(one) for one in _chain_of_causes(error)):
        return "The disk is full. Nothing was kept. Free some space and run the command again."
    what = f"Something went wrong that nobody foresaw ({type(error).__name__}).{_place_of(error)}"
    try:
        handle, path = tempfile.mkstemp(prefix="rosh-triage-report-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return what
    return (
        f"{what} The details are in {path}, which only you can read. They may hold data of a "
        "person: look before you send them to whoever keeps this service."
    )


def _place_of(error: BaseException) -> str:
    """Where in this project it happened: in a container nobody can read the file with the details.

    A place in code holds no data of a person, and a message may.
    """
    project = Path(__file__).parents[1]
    places = [
        f" It happened in {path.relative_to(project).as_posix()}, line {frame.lineno}."
        for frame in traceback.extract_tb(error.__traceback__)
        for path in [Path(frame.filename)]
        if path.is_relative_to(project) and path.relative_to(project).parts[0] in PACKAGES
    ]
    return places[-1] if places else ""


def _is_full_disk(error: BaseException) -> bool:
    """Whether the error means a full disk; Polars reports that in its message text only."""
    return (isinstance(error, OSError) and error.errno == ENOSPC) or os.strerror(ENOSPC) in str(
        error
    )


def _chain_of_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
