"""A full disk, a folder that nothing can be written into, a user who is not root: said, or it works.

The disk is a real one of a few pages, mounted for one command; the user is a real one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.errors import UNFORESEEN, SetupProblem
from features.store.store import Store
from tests.another_day import command_on_the_day
from tests.conftest import AS_OF
from tests.faults import machine as machines
from tests.faults.machine import NIGHT, ROOT, Machine
from tests.service import quick_config
from training import pipeline

SMALL_DISK = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o size="$0" tmpfs "$1" && shift && exec "$@"',
)
SOMEBODY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def can(*command: str) -> bool:
    """Whether the machine lets the tests do that."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder to mount a disk of a few pages on."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not can(*SMALL_DISK, "64k", str(folder)):
        pytest.skip("this machine lets the tests mount no disk")
    return folder


def test_a_load_onto_a_full_disk(disk: Path, made_up: Path) -> None:
    before = [*SMALL_DISK, "256k", str(disk)]
    extract, store = str(made_up / "extract"), str(disk / "store")
    command = command_on_the_day("features", "check", extract, "--store", store)
    look = f'"$@"; code=$?; find {disk} -name "*.parquet" -o -name manifest.json; exit $code'
    done = subprocess.run(
        [*before, "sh", "-c", look, "sh", *command],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == UNFORESEEN, done.stderr
    assert "The disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert "parquet" not in done.stdout, "nothing half-written stays"
    assert "manifest" not in done.stdout


@pytest.mark.parametrize("where", ["scores", pytest.param("frames", marks=pytest.mark.verify)])
@pytest.mark.usefixtures("disk")
def test_a_night_onto_a_full_disk(machine: Machine, where: str) -> None:
    store = machine.data / "store"
    folder = machines.later_extract(machine, len(Store.open(store).loads))
    machine.succeed("features", "check", str(folder), "--store", str(store))
    before = machine.queue()
    full = str(machine.settings.scores if where == "scores" else machine.temporary)
    done = machine.run(*NIGHT, str(AS_OF), before=[*SMALL_DISK, "16k", full])
    assert done.returncode == UNFORESEEN, done.stderr
    assert "The disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert machine.queue() == before
    machine.succeed("serving", "audit", "verify")
    machine.succeed(*NIGHT, str(AS_OF))
    assert set(before) < set(machine.queue())


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder that somebody who is not root cannot write into."""
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def as_somebody() -> tuple[str, ...]:
    """What a command is started with so that it does not run as root."""
    if os.geteuid() != 0:
        return ()
    if not can(*SOMEBODY):
        pytest.skip("this machine lets the tests be nobody else")
    return SOMEBODY


def test_training_where_mlflow_cannot_write_stops_before_it_begins(
    made_up: Path, locked: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            *as_somebody(),
            sys.executable,
            "-m",
            "training",
            "train",
            "--store",
            made_up / "store",
            "--until",
            str(AS_OF),
            "--out",
            tmp_path / "bundles",
            "--tracking",
            locked,
        ],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == SetupProblem.exit_code, done.stderr
    assert "Nothing can be written into" in done.stderr
    assert "labels" not in done.stderr, "nothing was begun"


def test_training_where_mlflows_database_is_none_stops_before_it_begins(
    made_up: Path, tmp_path: Path
) -> None:
    (tmp_path / "tracking").mkdir()
    (tmp_path / "tracking" / "mlflow.db").write_bytes(b"this is no database, and long enough" * 99)
    with pytest.raises(SetupProblem, match="MLflow cannot record a run"):
        pipeline.train_bundle(
            Store.open(made_up / "store"),
            AS_OF,
            quick_config(),
            tmp_path / "bundles",
            tmp_path / "tracking",
        )


def test_a_night_is_run_by_somebody_who_is_not_root(machine: Machine, tmp_path: Path) -> None:
    """From nothing: migrating, approving and scoring start a database of their own."""
    somebody = as_somebody()
    own = Machine(tmp_path / "data")
    for part in ("store", "bundles"):
        shutil.copytree(machine.data / part, own.data / part)
    for command in (
        ["serving", "migrate"],
        ["serving", "approve", "--demo"],
        [*NIGHT, str(AS_OF)],
        ["serving", "audit", "verify"],
    ):
        done = own.run(*command, before=somebody)
        assert done.returncode == 0, done.stderr
