"""Two commands at once, and a machine whose clock is wrong: all of one stands, or a sentence does."""

from __future__ import annotations

import os
import subprocess

from features.errors import UserError
from features.store.store import Store
from tests import another_day
from tests.conftest import AS_OF
from tests.faults import machine as machines
from tests.faults.machine import NIGHT, ROOT, Machine
from tests.faults.test_kills import check_whole


def new_load(machine: Machine) -> None:
    """Load an extract, so that a night about the same day has something new."""
    store = machine.data / "store"
    folder = machines.later_extract(machine, len(Store.open(store).loads))
    machine.succeed("features", "check", str(folder), "--store", str(store))


def test_of_two_nights_at_once_one_runs_and_the_other_says_so(machine: Machine) -> None:
    new_load(machine)
    before = machine.queue()
    nights = [machine.start(*NIGHT, str(AS_OF)) for _ in range(2)]
    messages = [night.communicate(timeout=180)[1] for night in nights]
    codes = [night.returncode for night in nights]
    assert 0 in codes, messages
    assert set(codes) <= {0, UserError.exit_code}
    for code, message in zip(codes, messages, strict=True):
        assert not code or "A night is running" in message
        assert "Traceback" not in message
    check_whole(machine, before)
    runs = [row for row in machine.queue() if len(row) == 2]
    assert len(runs) == len([row for row in before if len(row) == 2]) + 1


def test_a_night_and_a_load_at_once_are_both_whole(machine: Machine) -> None:
    new_load(machine)
    before, store = machine.queue(), machine.data / "store"
    loads = len(Store.open(store).loads)
    folder = machines.later_extract(machine, loads)
    night = machine.start(*NIGHT, str(AS_OF))
    machines.wait_for_workers(night)
    machine.succeed("features", "check", str(folder), "--store", str(store))
    _, message = night.communicate(timeout=180)
    assert night.returncode == 0, message
    assert len(Store.open(store).loads) == loads + 1
    check_whole(machine, before)
    machine.succeed("serving", "replay", "newest")


def test_a_machine_whose_clock_was_set_back_writes_nothing(machine: Machine) -> None:
    """Its "yesterday" is before the newest night: the queue of today would be that of then."""
    before = machine.queue()
    days = int(os.environ.get(another_day.VARIABLE, "0")) - 1
    behind = {**machine.environment(), another_day.VARIABLE: str(days)}
    command = [another_day.command_on_the_day("serving")[0], "-m", "tests.another_day", "serving"]
    done = subprocess.run(
        [*command, "score", "--as-of", "yesterday"],
        cwd=ROOT,
        env=behind,
        text=True,
        capture_output=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == UserError.exit_code, done.stderr
    assert "The newest night was as of" in done.stderr
    assert "Nothing was changed" in done.stderr
    assert machine.queue() == before
