"""make bench-night: what a whole night costs, step by step, beside simpler jobs over the same rows.

A night as the schedule starts it: the day's changed rows are loaded, then every case is scored, the
queue filled and the watch counted. The whole process tree is counted, with PostgreSQL. Beside it,
in the same run: one scan of the columns that are read, 84 window counts in Polars and
the same in DuckDB, ten in pandas.
The model is trained on 3,000 made-up people, so it proves nothing but the cost. FOLDER keeps the
caseload for the next run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psutil

from features import synthetic
from features.contracts import records
from features.intake.load import load_extract
from models import bundle
from serving import settings as settings_module
from serving.commands import demo
from serving.db.migrate import migrate_database
from serving.db.server import NIGHT, WEB, engine_for
from serving.night import nightly
from serving.settings import Settings
from tests.benchmarks import importing

CASES = int(os.environ.get("CASES", "12000"))
TAUGHT_ON = 3000
SHARES = (0.1, 0.5, 1.0)
REVIEWS_SCALE = 0.34
"""Scales the weekly reviews of a demo: 1,360 for 240,000 cases; the random share makes it 1,700."""
NIGHTS = ("first night", "next night")
ALTERNATIVES = ("scan", "windows", "windows_in_duckdb", "ten_in_pandas")


@dataclass
class Meter:
    """Times each step of a night: seconds by the clock and of processor, of the whole tree."""

    postgres: psutil.Process
    steps: dict[str, list[float]] = field(default_factory=dict)
    _now: tuple[str, float, float] | None = None

    def begin_step(self, name: str) -> None:
        """End the step before and begin another; parts of one step are added up."""
        wall, processor = time.perf_counter(), self._processor_seconds()
        if self._now is not None:
            before, began, used = self._now
            total = self.steps.setdefault(before, [0.0, 0.0])
            total[0] += wall - began
            total[1] += processor - used
        self._now = (re.sub(r"[\d,]+ (of|to) [\d,]+.*", "", name).strip(" ,"), wall, processor)

    def _processor_seconds(self) -> float:
        return _tree_seconds(psutil.Process()) + _tree_seconds(self.postgres)


def _tree_seconds(process: psutil.Process) -> float:
    """Processor seconds of a process, of its live descendants and of those that have ended."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += sum(one.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def postgres_of(settings: Settings) -> psutil.Process:
    """The server of a data folder."""
    lines = (settings.data / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split("\n")
    return psutil.Process(int(lines[0]))


@contextmanager
def peak_memory(*roots: psutil.Process) -> Iterator[list[float]]:
    """Measure the largest proportional set size of process trees, in MiB, twice a second."""
    peak, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            peak[0] = max(peak[0], sum(_tree_mib(root) for root in roots))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _tree_mib(root: psutil.Process) -> float:
    total = 0.0
    try:
        for one in [root, *root.children(recursive=True)]:
            total += one.memory_full_info().pss / 2**20
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return total
    return total


def prepare_model(folder: Path) -> None:
    """A bundle trained on a small caseload, for caseloads of every size."""
    chosen = synthetic.Parameters(cases=TAUGHT_ON, seed=1)
    synthetic.synthesise_extract(chosen, folder / "extract", folder / "truth")
    load_extract(folder / "extract", folder / "store")
    command = ["train", "--store", folder / "store", "--until", str(chosen.as_of)]
    command += ["--out", folder / "bundles", "--tracking", folder / "tracking"]
    _run(["-m", "training", *map(str, command)])


def prepare_caseload(folder: Path, cases: int, model: Path) -> None:
    """A caseload in a store, a database, and an approval of the model."""
    if not (folder / "store" / "manifest.json").exists():
        (folder / "cases").write_text(str(cases), encoding="utf-8")
        chosen = synthetic.Parameters(cases=cases, seed=7)
        synthetic.synthesise_extract(chosen, folder / "extract", folder / "truth")
        load_extract(folder / "extract", folder / "store")
    path = newest_bundle(model)
    shutil.copytree(path, folder / "bundles" / path.name, dirs_exist_ok=True)
    settings = settings_of(folder)
    migrate_database(settings)
    demo.add_users(settings)
    web = engine_for(settings, WEB)
    demo.approve_demo(
        settings, web, bundle.load_bundle(path), path.name, round(cases * REVIEWS_SCALE)
    )
    web.dispose()
    importing._write_night(folder, 2, full=False)


def newest_bundle(model: Path) -> Path:
    """The folder of the bundle that was trained."""
    return max((model / "bundles").glob("*/bundle.json")).parent


def settings_of(folder: Path) -> Settings:
    """The settings of a demo in a folder of its own, whose files may be in S3 (ROSH_OBJECTS)."""
    named = {"ROSH_MODE": "demo", "ROSH_DATA": str(folder)}
    if address := os.environ.get("ROSH_OBJECTS"):
        named["ROSH_OBJECTS"] = address
    return settings_module.read_settings(named)


def run_night(folder: Path, name: str) -> dict[str, Any]:
    """One night in this process; its steps, its seconds and its MiB."""
    settings = settings_of(folder)
    engine = engine_for(settings, NIGHT)
    with engine.connect():
        postgres = postgres_of(settings)
    first, last_day = name == NIGHTS[0], last_day_of(folder)
    meter = Meter(postgres)
    meter.begin_step("start")
    with peak_memory(psutil.Process(), postgres) as peak:
        night = nightly.run_nightly(
            settings,
            engine,
            last_day - timedelta(days=1) if first else last_day,
            None if first else folder / "changed",
            meter.begin_step,
        )
        meter.begin_step("end")
    engine.dispose()
    if not night.run.is_new:
        raise SystemExit(f"The {name} stands already, so nothing was measured.")
    return {"steps": meter.steps, "mib": peak[0], "counts": night.run.counts["cases"]}


def last_day_of(folder: Path) -> date:
    """The day that a caseload's extract tells of, which may have been made on an earlier day."""
    described = json.loads((folder / "extract" / "extract.json").read_text(encoding="utf-8"))
    return date.fromisoformat(described["parameters"]["as_of"])


def scan(folder: Path) -> int:
    """One reading of the columns that indicators need, of every table: the floor."""
    rows = 0
    for name in records.TABLES:
        files = sorted((folder / "store" / "loads" / "0001" / name).glob("*.parquet"))
        if files:
            unread = {"note", "load", "supplied_version"}
            table = pl.scan_parquet(files)
            columns = [c for c in table.collect_schema().names() if c not in unread]
            for path in files:
                rows += pl.scan_parquet(path).select(columns).collect().height
    return rows


def measure_alternative(name: str, folder: Path) -> dict[str, Any]:
    """One alternative in this process; its seconds and its MiB."""
    from tests.benchmarks import __main__ as plain

    work: dict[str, Callable[[Path], int]] = {
        "scan": scan,
        "windows": lambda path: plain.windows(path, 0),
        "windows_in_duckdb": lambda path: plain.windows_in_duckdb(path, 0),
        "ten_in_pandas": lambda path: plain.ten_in_pandas(path, 0),
    }
    own = psutil.Process()
    before, began = _tree_seconds(own), time.perf_counter()
    with peak_memory(own) as peak:
        work[name](folder)
        took = time.perf_counter() - began
    return {"steps": {name: [took, _tree_seconds(own) - before]}, "mib": peak[0]}


def _run(arguments: list[str]) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments[:4])} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def measured(what: str, folder: Path) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    printed = _run(["-m", "tests.benchmarks.night", what, str(folder)])
    content: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return content


def print_caseload(cases: int, folder: Path) -> None:
    """Print what each step of two nights costs for so many cases, and what the alternatives do."""
    say = sys.stdout.write
    totals: dict[str, tuple[float, float]] = {}
    for name in (*NIGHTS, *ALTERNATIVES):
        one = measured(name, folder)
        for step, (wall, processor) in one["steps"].items():
            if name in NIGHTS and max(wall, processor) >= 0.1:
                say(f"{cases:>8}    {step:<44}{wall:>8.1f}{processor:>8.1f}\n")
        wall, processor = (sum(each[at] for each in one["steps"].values()) for at in (0, 1))
        totals[name] = wall, processor
        say(f"{cases:>8}  {name:<46}{wall:>8.1f}{processor:>8.1f}{one['mib']:>8.0f}\n")
        sys.stdout.flush()
    floor = totals["windows"]
    for name in NIGHTS:
        wall, processor = totals[name]
        say(
            f"{cases:>8}  {name} / 84 window counts: by the clock {wall / floor[0]:.1f}, "
            f"processor {processor / floor[1]:.1f}\n"
        )


def main() -> None:
    """Print the table, or one measurement."""
    if len(sys.argv) == 3:
        what, folder = sys.argv[1], Path(sys.argv[2])
        done = run_night(folder, what) if what in NIGHTS else measure_alternative(what, folder)
        sys.stdout.write(json.dumps(done) + "\n")
        return
    folder_named = os.environ.get("FOLDER")
    with tempfile.TemporaryDirectory(prefix="rosh-night-") as temporary:
        root = Path(folder_named or temporary)
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o755)
        model = root / "model"
        if not (model / "bundles").exists():
            model.mkdir(exist_ok=True)
            prepare_model(model)
        sys.stdout.write(f"{'cases':>8}  {'step':<46}{'wall s':>8}{'cpu s':>8}{'MiB':>8}\n")
        for share in SHARES:
            cases = int(CASES * share)
            folder = root / str(cases)
            folder.mkdir(exist_ok=True)
            prepare_caseload(folder, cases, model)
            print_caseload(cases, folder)


if __name__ == "__main__":
    main()
