"""A whole service in a folder of its own, run by real processes that can be killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psutil
from sqlalchemy import Connection, NullPool, create_engine, text

from features import clock
from features.intake import extract
from features.intake.load import load_extract
from serving import settings as settings_module
from serving.db.server import admin_url
from serving.settings import Settings
from tests import another_day

ROOT = Path(__file__).parents[2]
BUCKETS = 8
NIGHT = ("tests.faults.small_parts", "score", "--as-of")


@dataclass(frozen=True)
class Machine:
    """The folder of a demo's data, and the commands that run over it as separate processes."""

    data: Path

    @property
    def settings(self) -> Settings:
        """The settings that the commands have too."""
        return settings_module.read_settings(self.environment())

    @property
    def temporary(self) -> Path:
        """Where its commands keep temporary files."""
        folder = self.data / "temporary"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def environment(self) -> dict[str, str]:
        """What every command of this service is started with; its temporary files are its own."""
        return {
            **os.environ,
            "TMPDIR": str(self.temporary),
            "ROSH_MODE": "demo",
            "ROSH_DATA": str(self.data),
            "PYTHONWARNINGS": "ignore",
        }

    def start(self, *command: str, before: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start `python -m …` in a session of its own."""
        return subprocess.Popen(
            [*before, *another_day.command_on_the_day(*command)],
            cwd=ROOT,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *command: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run `python -m …` to its end."""
        process = self.start(*command, before=before)
        out, err = process.communicate(timeout=180)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def succeed(self, *command: str) -> str:
        """Run `python -m …`, which must end with 0; what it printed."""
        done = self.run(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def admin(self) -> Iterator[Connection]:
        """A connection of the administrator."""
        engine = create_engine(admin_url(self.settings), poolclass=NullPool)
        with engine.connect() as connection:
            yield connection

    def database(self) -> psutil.Process | None:
        """The server process of the service's own database; None where it does not run."""
        file = self.data / "postgres" / "postmaster.pid"
        try:
            return psutil.Process(int(file.read_text(encoding="utf-8").split()[0]))
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None

    def stop_database(self) -> None:
        """Kill the database as it stands, whatever it is doing."""
        server = self.database()
        if server is not None:
            below = server.children()
            server.kill()
            assert all_gone([server, *below])

    def queue(self) -> list[tuple[object, ...]]:
        """The runs with their files, and the whole queue, as they stand."""
        with self.admin() as connection:
            runs = connection.execute(text("SELECT id, scores_sha256 FROM triage.runs ORDER BY 1"))
            items = connection.execute(
                text("SELECT id, run_id, crn, state, person::text FROM triage.items ORDER BY 1")
            )
            return [tuple(row) for row in runs] + [tuple(row) for row in items]


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The worker processes of a command that is running."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return [one for one in below if "spawn_main" in " ".join(one.cmdline())]
    except psutil.Error:
        return []


def wait_for_workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Wait until a command has worker processes, or has ended."""
    while process.poll() is None and not (worker_pids := workers(process)):
        time.sleep(0.02)
    return [] if process.poll() is not None else worker_pids


def all_gone(processes: Sequence[psutil.Process], patience: float = 10) -> bool:
    """Whether processes end by themselves within so many seconds."""
    until = time.monotonic() + patience
    while any(map(runs, processes)):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def runs(process: psutil.Process) -> bool:
    """Whether a process runs; an ended one that nobody has asked about yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def later_extract(machine: Machine, number: int) -> Path:
    """The machine's extract once more, taken some minutes later: another load, the same people."""
    source, folder = machine.data / "extract", machine.data / f"extract-{number}"
    if not folder.exists():
        shutil.copytree(source, folder)
        about = json.loads((source / extract.ABOUT).read_text(encoding="utf-8"))
        taken = datetime.fromisoformat(about["extracted_at"]) + timedelta(minutes=number)
        about["extracted_at"] = taken.isoformat()
        (folder / extract.ABOUT).write_text(json.dumps(about), encoding="utf-8")
    return folder


def set_up(made_up: Path, bundles: Path, folder: Path) -> Machine:
    """A service of its own after its first night, with the caseload and bundle of the others.

    Its store has several buckets, so that a night has work for workers.
    """
    shutil.copytree(made_up / "extract", folder / "extract")
    about = json.loads((folder / "extract" / extract.ABOUT).read_text(encoding="utf-8"))
    del about["buckets"]
    (folder / "extract" / extract.ABOUT).write_text(json.dumps(about), encoding="utf-8")
    load_extract(folder / "extract", folder / "store", buckets=BUCKETS)
    shutil.copytree(bundles, folder / "bundles")
    machine = Machine(folder)
    day = str(clock.last_full_day())
    machine.succeed("serving", "migrate")
    machine.succeed("serving", "approve", "--demo", "--as-of", day)
    machine.succeed(*NIGHT, day)
    return machine
