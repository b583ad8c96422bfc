"""Which runner is chosen, and what its workers do when one of them fails."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path

import pytest

from features import processes
from features.errors import SetupProblem, UserError
from features.local_runners import ProcessPoolRunner, process_pool_runner
from features.runners import SPARK, chosen_runner


def test_own_processes_where_no_cluster_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SPARK, raising=False)
    with chosen_runner() as runner:
        assert isinstance(runner, ProcessPoolRunner)


@pytest.mark.parametrize("missing", ["pandas", "pyarrow", "pyspark.sql"])
def test_without_spark_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv(SPARK, "local[2]")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SetupProblem, match=r"pip install rosh-triage\[spark\]"), chosen_runner():
        pass


@dataclass(frozen=True)
class Task:
    """A task that fails at once, or takes a while and leaves marks when it begins and ends."""

    name: str
    marks: Path

    def on_this_machine(self) -> Task:
        """The same."""
        return self


@dataclass(frozen=True)
class TaskWork:
    """Does a task; the first one fails when the second has begun."""

    def __call__(self, task: Task) -> None:
        if task.name == "fails":
            while not (task.marks / "0.begun").exists():
                time.sleep(0.01)
            raise UserError("The first task failed.")
        (task.marks / f"{task.name}.begun").touch()
        time.sleep(1)
        (task.marks / f"{task.name}.ended").touch()


def test_after_a_failure_nothing_is_running_any_more(tmp_path: Path) -> None:
    """Whoever removes what was written must not race with a worker that writes."""
    tasks = [Task(name, tmp_path) for name in ("fails", "0", "1", "2")]
    with process_pool_runner(2) as runner:
        with pytest.raises(UserError, match="The first task failed"):
            list(runner.run(TaskWork(), tasks))
        begun = {path.stem for path in tmp_path.glob("*.begun")}
        ended = {path.stem for path in tmp_path.glob("*.ended")}
    assert "0" in begun
    assert begun == ended
    assert "2" not in begun


def test_what_nobody_takes_is_not_begun_any_more(tmp_path: Path) -> None:
    """Where the caller fails before the first result, its run is over when the workers are idle."""
    tasks = [Task(name, tmp_path) for name in ("0", "1", "2")]
    with pytest.raises(ArithmeticError), process_pool_runner(2) as runner:
        runner.run(TaskWork(), tasks)
        wait_for_files(tmp_path, "*.begun", 2)
        raise ArithmeticError
    assert {path.stem for path in tmp_path.glob("*.begun")} == {"0", "1"}
    assert {path.stem for path in tmp_path.glob("*.ended")} == {"0", "1"}


def test_where_an_item_cannot_be_handed_on_nothing_runs_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = processes.Workers.submit

    def full(own: processes.Workers, work: TaskWork, task: Task) -> processes.Work[None]:
        if task.name == "2":
            wait_for_files(tmp_path, "*.begun", 2)
            raise OSError(ENOSPC, "No space left on device")
        return submit(own, work, task)

    monkeypatch.setattr(processes.Workers, "submit", full)
    with process_pool_runner(2) as runner:
        with pytest.raises(OSError, match="No space left"):
            runner.run(TaskWork(), [Task(name, tmp_path) for name in ("0", "1", "2")])
        assert len(list(tmp_path.glob("*.ended"))) == 2


def wait_for_files(folder: Path, pattern: str, count: int) -> None:
    """Wait until so many files are there, for a minute at most."""
    deadline = time.monotonic() + 60
    while len(list(folder.glob(pattern))) < count:
        assert time.monotonic() < deadline, f"{pattern} of {folder}"
        time.sleep(0.05)


def test_workers_go_on_while_the_caller_does_something_else(tmp_path: Path) -> None:
    """They begin when the run does, and the next item waits for no one to take the first result."""
    tasks = [Task(name, tmp_path) for name in ("0", "1", "2", "3")]
    with process_pool_runner(2) as runner:
        results = runner.run(TaskWork(), tasks)
        wait_for_files(tmp_path, "*.ended", 3)
        assert not (tmp_path / "3.begun").exists(), "no more than one waits for a free worker"
        assert [task.name for task, _ in results] == ["0", "1", "2", "3"]
    assert len(list(tmp_path.glob("*.ended"))) == 4
