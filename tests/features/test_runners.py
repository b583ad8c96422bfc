"""Which runner is chosen, and what its workers do when one of them fails."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

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


def test_workers_go_on_while_the_caller_does_something_else(tmp_path: Path) -> None:
    """They begin when the run does, and the next item waits for no one to take the first result."""
    tasks = [Task(name, tmp_path) for name in ("0", "1", "2", "3")]
    with process_pool_runner(2) as runner:
        results = runner.run(TaskWork(), tasks)
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("*.ended"))) < 3:
            assert time.monotonic() < deadline, "nobody works before the first result is taken"
            time.sleep(0.05)
        assert not (tmp_path / "3.begun").exists(), "no more than one waits for a free worker"
        assert [task.name for task, _ in results] == ["0", "1", "2", "3"]
    assert len(list(tmp_path.glob("*.ended"))) == 4
