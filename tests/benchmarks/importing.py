"""make bench-import: what a night's load costs beside one plain reading of the same tables.

The import of the tables of NDelius, OASys and NOMIS; the first load; the next night with 3 % of the cases changed, sent as full tables and as changed
rows; and what reading every indicator costs after the first load and after the sixtieth. Each
figure is a process of its own. Made-up people: it proves nothing but the cost.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from features import synthetic
from features.contracts import records
from features.frame import build
from features.history import asof
from features.intake.load import load_extract
from features.sources.import_systems import import_systems
from features.store.store import Store
from features.synthetic.source_systems import write_source_systems

CASES = int(os.environ.get("CASES", "12000"))
NIGHTS = int(os.environ.get("NIGHTS", "60"))
SHARES = (0.1, 0.5, 1.0)
CHANGED = 0.03
AS_OF: date = synthetic.Parameters().as_of


def write_extracts(folder: Path) -> int:
    """The caseload, and the two extracts of its next night (not printed)."""
    cases = int((folder / "cases").read_text(encoding="utf-8"))
    chosen = synthetic.Parameters(cases=cases, seed=7)
    synthetic.synthesise_extract(chosen, folder / "extract", folder / "truth")
    _write_night(folder, 1, full=True)
    _write_night(folder, 2, full=False)
    write_source_systems(folder / "extract", folder / "systems")
    return cases


def read_plainly(folder: Path) -> int:
    """Every column of every table, read once by Polars: the named alternative."""
    tables = [folder / "extract" / name for name in records.TABLES]
    return sum(_rows_of(table) for table in tables if table.is_dir())


def import_tables(folder: Path) -> int:
    """The tables of NDelius, OASys and NOMIS become an extract."""
    systems = {name: folder / "systems" / name for name in ("ndelius", "oasys", "nomis")}
    at = datetime.fromisoformat(
        json.loads((folder / "extract" / "extract.json").read_text(encoding="utf-8"))[
            "extracted_at"
        ]
    )
    report = import_systems(systems, folder / "imported", at)
    return sum(table.rows for table in report.tables)


def load_first(folder: Path) -> int:
    """The first load."""
    load_extract(folder / "extract", folder / "store")
    return Store.open(folder / "store").loads[-1].number


def load_full_tables(folder: Path) -> int:
    """The next night, every table in full."""
    return _load(folder, folder / "full")


def load_changed_rows(folder: Path) -> int:
    """The next night, changed rows only."""
    return _load(folder, folder / "changed")


def load_nights(folder: Path) -> int:
    """Many more nights of changed rows, with the merging of earlier ones."""
    for night in range(3, NIGHTS + 1):
        _write_night(folder, night, full=False)
        _load(folder, folder / "changed")
    return NIGHTS


def read_all(folder: Path) -> int:
    """Every indicator of every case."""
    store = Store.open(folder / "store")
    cases = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    return sum(frame.height for _, frame in build.build_frames(store, cases))


STEPS: dict[str, Callable[[Path], int]] = {
    step.__name__: step
    for step in (
        write_extracts,
        read_plainly,
        import_tables,
        load_first,
        read_all,
        load_full_tables,
        load_changed_rows,
        load_nights,
    )
}


def _load(folder: Path, extract: Path) -> int:
    report = load_extract(extract, folder / "store")
    if not sum(table.changed + table.new for table in report.tables):
        raise SystemExit(f"{extract}: nothing was changed, so nothing was measured.")
    return sum(table.changed + table.new for table in report.tables)


def _rows_of(table: Path) -> int:
    return sum(pl.read_parquet(path).height for path in sorted(table.glob("*.parquet")))


def _write_night(folder: Path, night: int, *, full: bool) -> None:
    """Write the extract of a night: in some cases one contact has another outcome, and one is new."""
    source, target = folder / "extract", folder / ("full" if full else "changed")
    shutil.rmtree(target, ignore_errors=True)
    about = json.loads((source / "extract.json").read_text(encoding="utf-8"))
    at = datetime.fromisoformat(about["extracted_at"]) + timedelta(minutes=night)
    about["extracted_at"] = at.isoformat()
    if not full:
        del about["buckets"]
    (target / "contacts").mkdir(parents=True)
    (target / "extract.json").write_text(json.dumps(about), encoding="utf-8")
    if full:
        for table in records.TABLES:
            if table != "contacts" and (source / table).is_dir():
                shutil.copytree(source / table, target / table)
    for path in sorted((source / "contacts").glob("*.parquet")):
        rows = pl.read_parquet(path)
        told_anew = _changed_contacts(rows, night, at)
        (pl.concat([rows, told_anew]) if full else told_anew).write_parquet(
            target / "contacts" / path.name
        )


def _changed_contacts(rows: pl.DataFrame, night: int, at: datetime) -> pl.DataFrame:
    of_night = pl.col("crn").hash(night) % 1000 < int(CHANGED * 1000)
    last = rows.filter(of_night).unique("crn", keep="last")
    corrected = last.with_columns(outcome_code=pl.lit("ATTC"), version=pl.col("version") + night)
    new = last.with_columns(
        pl.concat_str(pl.lit(f"N{night}-"), "record_id").alias("record_id"),
        pl.lit(1, pl.Int64).alias("version"),
        pl.lit(at - timedelta(hours=3), pl.Datetime("us")).alias("recorded_at"),
        pl.lit((at - timedelta(hours=3)).date()).alias("occurred_on"),
    )
    return pl.concat([corrected, new])


def measure_step(name: str, folder: Path) -> tuple[float, float]:
    """Run one step in a process of its own; returns its seconds and its MiB."""
    command = [sys.executable, "-m", "tests.benchmarks.importing", name, str(folder)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise SystemExit(f"{name} failed:\n{finished.stderr}")
    seconds, mib = finished.stdout.split()[-2:]
    return float(seconds), float(mib)


def run_step(name: str, folder: Path) -> None:
    """Run one step in this process and print its seconds and its MiB."""
    started = time.perf_counter()
    STEPS[name](folder)
    seconds = time.perf_counter() - started
    own, child = (
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    sys.stdout.write(f"{seconds:.2f} {(own + 2 * child) / 1024:.0f}\n")


def measure_caseload(cases: int, folder: Path) -> None:
    """Print what each step costs for so many cases, and its ratio to the plain reading."""
    (folder / "cases").write_text(str(cases), encoding="utf-8")
    measure_step("write_extracts", folder)
    plain = 0.0
    reading: list[float] = []
    for name in (*list(STEPS)[1:], "read_all"):
        seconds, mib = measure_step(name, folder)
        plain = plain or seconds
        if name == "read_all":
            reading.append(seconds)
        nights = NIGHTS - 2 if name == "load_nights" else 1
        line = f"{cases:>8}  {name:<18}{seconds / nights:>9.2f}{mib:>7.0f}"
        sys.stdout.write(f"{line}{seconds / nights / plain:>9.1f}\n")
        sys.stdout.flush()
    sys.stdout.write(
        f"{cases:>8}  read after {NIGHTS} nights / after one {reading[1] / reading[0]:.2f}\n"
    )


def main() -> None:
    """Print the table, or run one step."""
    if len(sys.argv) == 3:
        run_step(sys.argv[1], Path(sys.argv[2]))
        return
    sys.stdout.write(f"{'cases':>8}  {'step':<18}{'s each':>9}{'MiB':>7}{'/ plain':>9}\n")
    for share in SHARES:
        with tempfile.TemporaryDirectory() as folder:
            measure_caseload(int(CASES * share), Path(folder))


if __name__ == "__main__":
    main()
