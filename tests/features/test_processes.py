"""What workers share goes with the run, and what killed runs left goes with the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from features import processes
from features.errors import RunStopped, SetupProblem, UserError


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where shared folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def leave_folder(temporary: Path, seconds_ago: float) -> Path:
    """A folder as a run that was killed leaves it, holding case histories."""
    folder = temporary / f"{processes.PREFIX}left"
    folder.mkdir()
    (folder / "3.arrow").write_bytes(b"a history")
    then = folder.stat().st_mtime - seconds_ago
    os.utime(folder, (then, then))
    return folder


def test_the_folder_ends_with_the_run(temporary: Path) -> None:
    with processes.shared_folder() as folder:
        assert folder.is_dir()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next(temporary: Path) -> None:
    old = leave_folder(temporary, processes.JUST_MADE + 1)
    with processes.shared_folder():
        assert not old.exists()


def test_a_folder_that_another_run_may_be_making_stays(temporary: Path) -> None:
    new = leave_folder(temporary, 0)
    with processes.shared_folder():
        assert new.exists()


def test_the_folder_of_a_run_that_lives_stays(temporary: Path) -> None:
    with processes.shared_folder() as first:
        then = first.stat().st_mtime - processes.JUST_MADE - 1
        os.utime(first, (then, then))
        with processes.shared_folder():
            assert first.exists()


def kill_itself(_: bytes) -> None:
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)


def double(value: bytes) -> bytes:
    return 2 * value


def fail(_: bytes) -> None:
    raise UserError("This cannot be done.")


MUCH = b"x" * 1_000_000
"""More than a pipe holds."""


def test_a_killed_worker_stops_the_run_while_much_is_handed_over(temporary: Path) -> None:
    """With work in the pool's own pipes, Python 3.11.2 waited here for ever."""
    with pytest.raises(RunStopped, match="A worker of the run was killed"):
        with processes.process_pool(2) as workers:
            for work in [workers.submit(kill_itself, MUCH) for _ in range(6)]:
                work.result()
    assert list(temporary.iterdir()) == []


def test_results_come_back_in_the_order_of_the_work(temporary: Path) -> None:
    with processes.process_pool(2) as workers:
        waiting = [workers.submit(double, bytes([number]) * 1_000_000) for number in range(5)]
        results = [work.result() for work in waiting]
        assert [(one[0], len(one)) for one in results] == [(n, 2_000_000) for n in range(5)]
        assert list(workers.folder.iterdir()) == [], "no case history stays behind"


def test_what_the_work_raises_is_raised_and_the_pool_goes_on() -> None:
    with processes.process_pool(1) as workers:
        with pytest.raises(UserError, match="cannot be done"):
            workers.submit(fail, b"").result()
        assert workers.submit(double, b"a").result() == b"aa"


def test_a_script_without_a_main_guard_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "night.py"
    script.write_text(
        "from features.errors import shown_to_people\n"
        "from features.processes import process_pool\n"
        "def work():\n"
        "    with process_pool(2) as workers:\n"
        "        print(workers.submit(abs, -3).result())\n"
        "raise SystemExit(shown_to_people(work))\n",
        encoding="utf-8",
    )
    top = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(top)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode != 0
    assert "has no main guard" in ran.stderr
    assert 'if __name__ == "__main__":' in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_program_from_standard_input_is_told_to_be_a_file() -> None:
    program = (
        "from features.errors import shown_to_people\n"
        "from features.processes import process_pool\n"
        "def work():\n"
        "    with process_pool(1) as workers:\n"
        "        print(workers.submit(abs, -3).result())\n"
        "raise SystemExit(shown_to_people(work))\n"
    )
    ran = subprocess.run(
        [sys.executable],
        input=program,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode != 0
    assert "is no file" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(("text", "workers"), [("1", 1), ("16", 16)])
def test_the_number_of_workers_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, text: str, workers: int
) -> None:
    monkeypatch.setenv(processes.WORKERS, text)
    assert processes.count_workers() == workers


def test_without_the_setting_every_core_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(processes.WORKERS, raising=False)
    assert processes.count_workers() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_that_is_none_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(processes.WORKERS, text)
    with pytest.raises(SetupProblem, match="ROSH_WORKERS is"):
        processes.count_workers()
