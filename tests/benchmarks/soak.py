"""make soak: NIGHTS nights in a row (60) with people at work between them, and what grows.

A made-up caseload of CASES people. Each night has a load of changed and late-corrected contacts and
is a process of its own, as a schedule starts it; on the next morning made-up readers read, conclude
and answer. The database is brought up to date again after a third and two thirds of the nights, as
an upgrade does. At the end the audit is verified and three nights are computed again. Prints a line
a night and writes the curves (SOAK_PICTURE). With OBJECTS=1 the files are in S3, by a server on this
machine. It proves nothing about real people.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psutil
from sqlalchemy import select, text

from features import clock, synthetic
from features.intake.load import load_extract
from serving.commands import demo, demo_past, demo_readers
from serving.commands.service import check_audit
from serving.db.migrate import migrate_database
from serving.db.past import clock_at
from serving.db.server import NIGHT, WEB, as_owner, engine_for
from serving.db.tables import runs
from serving.night import nightly, replay_run
from tests.benchmarks import importing, night
from tests.benchmarks.night import peak_memory, postgres_of, settings_of
from tests.object_server import BUCKET, object_server

CASES = int(os.environ.get("CASES", "20000"))
NIGHTS = int(os.environ.get("NIGHTS", "60"))
START: date = clock.today() - timedelta(days=NIGHTS + 2)
"""The day before the first night; every night is in the past of the real clock."""
TAUGHT_ON = 3000
FIGURES = ("seconds", "mib", "store_mib", "files", "database_mib", "entries", "audit")
SIZES = """
SELECT pg_database_size(current_database()) / 1048576.0,
  (SELECT count(*) FROM triage.entries), (SELECT count(*) FROM triage.audit)
"""


def prepare(folder: Path) -> None:
    """A caseload as of START, a model of a smaller one, and an approval."""
    for name, cases, seed in (("model", TAUGHT_ON, 1), (".", CASES, 7)):
        own = folder / name
        chosen = synthetic.Parameters(cases=cases, seed=seed, as_of=START)
        synthetic.synthesise_extract(chosen, own / "extract", own / "truth")
        load_extract(own / "extract", own / "store")
    model = folder / "model"
    command = ["train", "--store", model / "store", "--until", START, "--out", folder / "bundles"]
    night._run(["-m", "training", *map(str, [*command, "--tracking", model / "tracking"])])
    command = ["readings", "--truth", folder / "truth", "--as-of", START, "--weeks", 1]
    night._run(["-m", "features", *map(str, [*command, "--out", folder / "readings.parquet"])])
    settings = settings_of(folder)
    migrate_database(settings)
    demo.add_users(settings)
    path = max((folder / "bundles").glob("*/bundle.json")).parent
    web = engine_for(settings, WEB)
    with clock_at(settings, clock.end_of(START)):
        model_of_soak = night.bundle.load_bundle(path)
        demo.approve_demo(
            settings, web, model_of_soak, path.name, round(CASES * night.REVIEWS_SCALE)
        )
    web.dispose()


def write_day(folder: Path, number: int) -> Path:
    """The extract of a day: some contacts with another outcome, and one new one each.

    Every other table is there without a row: it is covered, and nothing of it changed.
    """
    source, target = folder / "extract", folder / "changed"
    shutil.rmtree(target, ignore_errors=True)
    about = json.loads((source / "extract.json").read_text(encoding="utf-8"))
    at = datetime.fromisoformat(about["extracted_at"]) + timedelta(days=number)
    about["extracted_at"] = at.isoformat()
    for name in ("buckets", "complete", "whole"):
        about.pop(name, None)
    (target / "contacts").mkdir(parents=True)
    for table in (path for path in source.iterdir() if path.is_dir() and path.name != "contacts"):
        (target / table.name).mkdir()
        first = min(table.glob("*.parquet"))
        pl.read_parquet(first).clear().write_parquet(target / table.name / first.name)
    (target / "extract.json").write_text(json.dumps(about), encoding="utf-8")
    for path in sorted((source / "contacts").glob("*.parquet")):
        changed = importing._changed_contacts(pl.read_parquet(path), number, at)
        changed.write_parquet(target / "contacts" / path.name)
    return target


def run_day(folder: Path, number: int) -> dict[str, float]:
    """One night and the morning after it, in this process; what it took and what there is then."""
    settings, day = settings_of(folder), START + timedelta(days=number)
    extract = write_day(folder, number)
    engine, web = engine_for(settings, NIGHT), engine_for(settings, WEB)
    with engine.connect():
        postgres = postgres_of(settings)
    with clock_at(settings, clock.end_of(day) + timedelta(hours=3)):
        began = time.perf_counter()
        with peak_memory(psutil.Process(), postgres) as peak:
            finished = nightly.run_nightly(settings, engine, day, extract)
        seconds = time.perf_counter() - began
    if not finished.run.is_new:
        raise SystemExit(f"Night {number} stands already.")
    levels = demo_readers.read_levels(folder / "readings.parquet")
    demo_past._work(settings, web, levels, day, START + timedelta(days=NIGHTS))
    with as_owner(settings) as connection:
        database, entries, audit = connection.execute(text(SIZES)).one()
    stored = [path for path in (folder / "store").rglob("*") if path.is_file()]
    engine.dispose()
    web.dispose()
    size = sum(path.stat().st_size for path in stored) / 2**20
    values = (seconds, peak[0], size, len(stored), float(database), entries, audit)
    return dict(zip(FIGURES, values, strict=True))


def check_end(folder: Path) -> list[str]:
    """What the audit and three nights computed again say at the end."""
    settings = settings_of(folder)
    engine = engine_for(settings, NIGHT)
    with engine.connect() as connection:
        every = connection.execute(select(runs.c.id).order_by(runs.c.as_of)).scalars().all()
    sentences = [check_audit(settings, None)]
    for run_id in (every[0], every[len(every) // 2], every[-1]):
        one = replay_run.replay_run(settings, engine, run_id, lambda _: None)
        sentences.append(f"{run_id}: {one.rows:,} rows computed again, {one.different} different")
    engine.dispose()
    return sentences


def draw(rows: list[dict[str, float]], out: Path) -> None:
    """The curves of a soak as a picture."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    titles = {
        "seconds": "Seconds a night",
        "mib": "Memory at its peak (MiB, with PostgreSQL)",
        "store_mib": "Store (MiB)",
        "files": "Files of the store",
        "database_mib": "Database (MiB)",
        "audit": "Rows of the audit",
    }
    figure, places = plt.subplots(2, 3, figsize=(11, 5.5), layout="constrained")
    for (name, title), place in zip(titles.items(), places.flat, strict=True):
        place.plot(range(1, len(rows) + 1), [row[name] for row in rows], color="#1d70b8")
        place.set_title(title, fontsize=10)
        place.set_ylim(bottom=0)
        place.set_xlabel("night")
    figure.savefig(out, metadata={"Date": None})
    plt.close(figure)


def measured(what: str, folder: Path, number: int = 0) -> Any:
    """Run one step in a process of its own."""
    printed = night._run(["-m", "tests.benchmarks.soak", what, str(folder), str(number)])
    return json.loads(printed.splitlines()[-1])


STEPS: dict[str, Callable[[Path, int], Any]] = {
    "prepare": lambda folder, _: prepare(folder),
    "day": run_day,
    "migrate": lambda folder, _: migrate_database(settings_of(folder)),
    "end": lambda folder, _: check_end(folder),
}


def main() -> None:
    """Print the table, or run one step."""
    if len(sys.argv) == 4:
        done = STEPS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
        sys.stdout.write(json.dumps(done, default=str) + "\n")
        return
    say = sys.stdout.write
    with ExitStack() as stack:
        if os.environ.get("OBJECTS"):
            stack.enter_context(object_server())
            os.environ["ROSH_OBJECTS"] = f"s3://{BUCKET}/soak"
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="rosh-soak-"))
        folder = Path(temporary)
        folder.chmod(0o755)
        measured("prepare", folder)
        say(f"{'night':>6}" + "".join(f"{name:>14}" for name in FIGURES) + "\n")
        rows = []
        for number in range(1, NIGHTS + 1):
            rows.append(measured("day", folder, number))
            say(f"{number:>6}" + "".join(f"{rows[-1][name]:>14,.1f}" for name in FIGURES) + "\n")
            sys.stdout.flush()
            if number in (NIGHTS // 3, 2 * NIGHTS // 3):
                measured("migrate", folder)
        for line in measured("end", folder):
            say(line + "\n")
        picture = os.environ.get("SOAK_PICTURE")
        if picture:
            draw(rows, Path(picture))


if __name__ == "__main__":
    main()
