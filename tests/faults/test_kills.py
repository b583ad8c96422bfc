"""Real processes, really killed: of a load or a night all stands or nothing, and nobody is left."""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from features.errors import RunStopped, SetupProblem
from features.processes import PREFIX
from features.store.digests import flush_and_digest
from features.store.store import Store
from serving.db import server
from serving.db.server import WEB, engine_for
from serving.web import app as web_app
from tests.conftest import AS_OF
from tests.faults import machine as machines
from tests.faults.machine import NIGHT, Machine
from tests.pages import Browser

VICTIMS = ("the load", "the night", "a worker", "the night with its workers")
FEW, MANY = range(4), range(4, 44)
LOAD_LASTS, NIGHT_LASTS = 6.0, 7.0
"""Seconds within which a kill is drawn: longer than each takes, so that some come too late."""


def left_behind(machine: Machine) -> set[str]:
    """Folders that hold case histories which workers handed on.

    A night killed before a worker had begun leaves an empty folder: the next night removes it.
    """
    return {path.name for path in machine.temporary.glob(f"{PREFIX}*") if any(path.iterdir())}


def check_whole(machine: Machine, before: list[tuple[object, ...]]) -> None:
    """What stood before stands, and whatever is new is whole, as are the store and the chain."""
    machine.succeed("features", "verify", "--store", str(machine.data / "store"))
    machine.succeed("serving", "audit", "verify")
    after = machine.queue()
    assert set(before) <= set(after)
    with machine.admin() as connection:
        runs = connection.execute(
            text("SELECT id, scores_file, scores_sha256, counts FROM triage.runs")
        )
        for run, file, digest, counts in runs:
            assert flush_and_digest(machine.settings.scores / file) == digest
            queued = text("SELECT count(*) FROM triage.items WHERE run_id = :run")
            items = connection.execute(queued, {"run": run}).scalar_one()
            drawn = sum(counts["flagged"].values()) + sum(counts["lanes"].values())
            assert items == drawn + counts["random"]
        ours = text(
            "SELECT count(*) FROM triage.findings f RIGHT JOIN triage.items i"
            " ON i.id = f.item_id WHERE f.item_id IS NULL"
        )
        assert connection.execute(ours).scalar_one() == 0


def kill_the_load(machine: Machine, draw: random.Random) -> None:
    """A load that is killed leaves the store as it was, or has loaded all."""
    store = machine.data / "store"
    loads = len(Store.open(store).loads)
    folder = machines.later_extract(machine, loads)
    process = machine.start("features", "check", str(folder), "--store", str(store))
    time.sleep(draw.uniform(0, LOAD_LASTS))
    process.kill()
    process.communicate()
    assert len(Store.open(store).loads) in {loads, loads + 1}


def kill_in_the_night(machine: Machine, draw: random.Random, victim: str) -> None:
    """A night of which a part is killed: its workers end too, and case histories do not stay."""
    folder = machines.later_extract(machine, len(Store.open(machine.data / "store").loads))
    machine.succeed("features", "check", str(folder), "--store", str(machine.data / "store"))
    # What a kill of everybody left stays until a night that begins a minute later.
    before = left_behind(machine)
    process = machine.start(*NIGHT, str(AS_OF))
    if victim == "a worker":
        kill_a_worker(process, draw)
        assert left_behind(machine) <= before
        return
    time.sleep(draw.uniform(1, NIGHT_LASTS))
    below = machines.workers(process)
    if victim == "the night with its workers":
        for worker in below:
            worker.kill()
    process.kill()
    process.communicate()
    assert machines.all_gone(below)
    assert victim == "the night with its workers" or left_behind(machine) <= before


def kill_a_worker(process: subprocess.Popen[str], draw: random.Random) -> None:
    """A night that loses a worker stops with a sentence, or had no more need of it."""
    below = machines.wait_for_workers(process)
    time.sleep(draw.uniform(0, 1))
    for worker in below[:1]:
        if machines.runs(worker):
            worker.kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode in {0, RunStopped.exit_code}, err
    assert "Traceback" not in err
    if process.returncode:
        assert "A worker of the run was killed" in err


def run_kill(machine: Machine, seed: int) -> None:
    """One kill drawn by its number, then what must hold after it, and after the next start."""
    draw, victim = random.Random(seed), VICTIMS[seed % len(VICTIMS)]
    before = machine.queue()
    if victim == "the load":
        kill_the_load(machine, draw)
    else:
        kill_in_the_night(machine, draw, victim)
    check_whole(machine, before)


@pytest.mark.parametrize("seed", FEW)
def test_after_a_kill_all_stands_or_nothing(machine: Machine, seed: int) -> None:
    run_kill(machine, seed)


@pytest.mark.verify
@pytest.mark.parametrize("seed", MANY)
def test_after_many_kills_all_stands_or_nothing(machine: Machine, seed: int) -> None:
    run_kill(machine, seed)


def test_the_next_start_after_kills_is_a_whole_night(machine: Machine) -> None:
    before = machine.queue()
    machine.succeed(*NIGHT, str(AS_OF))
    check_whole(machine, before)
    load = Store.open(machine.data / "store").loads[-1].number
    with machine.admin() as connection:
        loads = connection.execute(text("SELECT store_load FROM triage.runs")).scalars()
        assert load in set(loads)
    assert not [path for path in machine.settings.scores.iterdir() if path.suffix == ".tmp"]


def test_the_mark_of_a_killed_server_is_removed_and_that_of_a_living_one_stays(
    tmp_path: Path,
) -> None:
    marks = [tmp_path / "postmaster.pid", tmp_path / ".s.PGSQL.5432.lock"]
    server.forget_ended_server(tmp_path)
    with subprocess.Popen(["sleep", "60"]) as process:
        for mark in marks:
            mark.write_text(f"{process.pid}\n/data\n", encoding="utf-8")
        server.forget_ended_server(tmp_path)
        assert all(mark.exists() for mark in marks)
        process.kill()
        # Nobody has asked how it ended: its number is still taken.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        server.forget_ended_server(tmp_path)
        assert not any(mark.exists() for mark in marks)


def test_the_database_is_killed_in_the_middle_of_a_night(machine: Machine) -> None:
    before = machine.queue()
    folder = machines.later_extract(machine, len(Store.open(machine.data / "store").loads))
    machine.succeed("features", "check", str(folder), "--store", str(machine.data / "store"))
    process = machine.start(*NIGHT, str(AS_OF))
    machines.wait_for_workers(process)
    machine.stop_database()
    _, err = process.communicate(timeout=120)
    assert process.returncode in {RunStopped.exit_code, SetupProblem.exit_code}, err
    assert "The database" in err
    assert "not kept" in err or "Nothing of it was kept" in err
    assert "Traceback" not in err
    machine.succeed(*NIGHT, str(AS_OF))
    check_whole(machine, before)


def test_the_database_is_killed_between_and_in_pages(machine: Machine) -> None:
    machine.succeed("serving", "audit", "verify")
    web = engine_for(machine.settings, WEB)
    with TestClient(web_app.create_app(machine.settings, web)) as client:
        spo = Browser(client).sign_in("ALD-SPO-1")
        spo.get("/queue")
        machine.stop_database()
        for _ in range(2):
            page = spo.get("/queue", status=503)
            assert "Sorry, there is a problem" in page
            assert "Traceback" not in page
        # Whoever starts the database again need not start the pages again.
        machine.succeed("serving", "audit", "verify")
        spo.get("/queue")
    web.dispose()
    assert machine.database() is not None
