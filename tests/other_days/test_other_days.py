"""Nothing but the clock reads the time, and what counts days does so on other days too."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from features import clock
from tests import another_day
from tests.other_days.days import days_ahead, next_leap_day, next_summer_time
from tests.service import PRIOR_ALONE

ROOT = Path(__file__).parents[2]
READS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
}
BY_THE_MACHINE = {Path("features/clock.py"), Path("tests/tokens.py")}
"""The clock itself; and signed tokens, whose library goes by the machine's time."""
CHOSEN = ("cases/test_account.py", "review/test_second_readers.py", "review/test_follow_up.py")
"""The tests that failed on 28 November 2026 and those that count working days."""


def _reads(path: Path) -> list[int]:
    """The lines of a module that read the time of the machine."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [
        one.lineno
        for one in calls
        if isinstance(one, ast.Attribute)
        and isinstance(one.value, ast.Name)
        and (one.value.id, one.attr) in READS
    ]


def test_the_time_of_the_machine_is_read_in_one_place() -> None:
    paths = [
        path.relative_to(ROOT)
        for top in ("features", "models", "training", "serving", "tests")
        for path in (ROOT / top).rglob("*.py")
    ]
    assert {path for path in paths if _reads(ROOT / path)} == BY_THE_MACHINE


def test_rules_of_the_database_read_the_calendar_in_one_place() -> None:
    paths = sorted((ROOT / "serving/db/rules").glob("*.sql"))
    assert paths
    for path in paths:
        assert "current_date" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize(
    ("moment", "today"),
    [
        (datetime(2027, 3, 28, 0, 59, tzinfo=UTC), date(2027, 3, 28)),
        (datetime(2027, 6, 30, 22, 59, tzinfo=UTC), date(2027, 6, 30)),
        (datetime(2027, 6, 30, 23, 0, tzinfo=UTC), date(2027, 7, 1)),
        (datetime(2027, 1, 1, 0, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2028, 2, 29, 12, 0, tzinfo=UTC), date(2028, 2, 29)),
    ],
)
def test_a_day_is_one_of_the_wall_calendar_here(moment: datetime, today: date) -> None:
    with clock.set_to(moment):
        assert clock.today() == today
        assert clock.as_of_date("yesterday") == clock.last_full_day() < today
        assert clock.day_of(clock.end_of(today)) > today
        assert clock.now_as_recorded() == moment.replace(tzinfo=None)


def test_a_moment_without_a_zone_sets_no_clock() -> None:
    with pytest.raises(ValueError, match="time zone"), clock.set_to(datetime(2027, 1, 1)):
        pass


def test_the_other_days_follow_from_today() -> None:
    assert next_leap_day(date(2028, 2, 28)) == date(2028, 2, 29)
    assert next_leap_day(date(2028, 2, 29)) == date(2032, 2, 29)
    assert next_summer_time(date(2026, 11, 28)) == date(2027, 3, 28)
    assert list(days_ahead(date(2026, 11, 28)).values()) == [7, 3, 458, 120, 730]
    assert days_ahead(date(2026, 12, 1))["the first day of a month"] == 31
    assert days_ahead(date(2027, 1, 31))["the first day of a month"] == 1


@pytest.mark.parametrize(
    ("now", "ahead"),
    [
        (datetime(2026, 11, 30, 22, 44, tzinfo=UTC), datetime(2026, 11, 30, 22, 44, tzinfo=UTC)),
        (datetime(2026, 11, 30, 22, 45, tzinfo=UTC), datetime(2026, 12, 1, 1, 5, tzinfo=UTC)),
        (datetime(2026, 11, 30, 0, 0, tzinfo=UTC), datetime(2026, 11, 30, 0, 0, tzinfo=UTC)),
        # In summer a day here ends at eleven in UTC; at five past one it is past midnight in both.
        (datetime(2026, 6, 30, 21, 44, tzinfo=UTC), datetime(2026, 6, 30, 21, 44, tzinfo=UTC)),
        (datetime(2026, 6, 30, 21, 45, tzinfo=UTC), datetime(2026, 7, 1, 0, 5, tzinfo=UTC)),
        (datetime(2026, 6, 30, 23, 30, tzinfo=UTC), datetime(2026, 6, 30, 23, 30, tzinfo=UTC)),
    ],
)
def test_a_run_that_would_cross_midnight_is_one_of_the_next_day(
    now: datetime, ahead: datetime
) -> None:
    assert now + another_day.to_next_day(now) == ahead
    assert clock.day_of(ahead + another_day.LONGEST_RUN) == clock.day_of(ahead)


@pytest.mark.skipif(another_day.VARIABLE in os.environ, reason="this is another day already")
def test_what_counts_days_holds_on_a_leap_day() -> None:
    """`make verify` runs the whole suite on each of the days."""
    if another_day.library() is None:
        if os.environ.get("CI"):
            raise AssertionError("CI installs libfaketime")
        pytest.skip("NO LIBFAKETIME: nothing was run on another day. Install libfaketime.")
    ahead = days_ahead(clock.today())["a leap day"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *(f"tests/serving/{name}" for name in CHOSEN),
        ],
        cwd=ROOT,
        env={**os.environ, another_day.VARIABLE: str(ahead), PRIOR_ALONE: "yes"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
