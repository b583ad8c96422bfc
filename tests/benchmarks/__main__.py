"""make bench: the engine beside the plain Python reference, memory beside time, and growth.

Each figure is a process of its own, so that its peak memory is its own. The reference reads a
sample of cases; the ratio compares seconds a case, in the same run on the same machine.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from features import asof, build, codes, intake, records, synthetic
from features.store import Store

SIZES = (300, 1500, 3000)
SAMPLE = 100
PARAMETERS = synthetic.Parameters()


def prepare(cases: int, folder: Path) -> None:
    """A made-up caseload in a store."""
    chosen = synthetic.Parameters(cases=cases)
    synthetic.synthesise(chosen, folder / "extract", folder / "truth")
    intake.load(folder / "extract", folder / "store")


def spine(store: Store, count: int | None = None) -> Any:
    """The cases of a night, or the first of them."""
    on = build.cases_under_supervision(store, PARAMETERS.as_of).select(asof.KEY)
    return on if count is None else on.head(count)


def engine(folder: Path) -> int:
    """Every indicator of every case, bucket by bucket."""
    store = Store.open(folder / "store")
    return sum(frame.height for _, frame in build.frames(store, spine(store))) // 4


def reference(folder: Path) -> int:
    """Every indicator of a sample of cases, in plain Python."""
    from tests.properties.reference import REFERENCE, History

    store = Store.open(folder / "store")
    on = spine(store, SAMPLE)
    crns = set(on["crn"])
    versions = {
        name: [row for row in store.read(name).iter_rows(named=True) if row["crn"] in crns]
        for name in records.TABLES
    }
    for crn in on["crn"]:
        own = {name: [r for r in rows if r["crn"] == crn] for name, rows in versions.items()}
        history = History(own, crn, PARAMETERS.as_of)
        for group in codes.COMMUNITY_GROUPS:
            for value in REFERENCE.values():
                value(history, group)
    return len(crns)


def measured(what: str, folder: Path) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", what, str(folder)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table, or one measurement."""
    if len(sys.argv) == 3:
        started = time.perf_counter()
        cases = {"engine": engine, "reference": reference}[sys.argv[1]](Path(sys.argv[2]))
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(json.dumps({"cases": cases, "seconds": seconds, "mib": peak}) + "\n")
        return
    sys.stdout.write("cases  engine s  MiB   reference ms a case  engine ms a case  ratio\n")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            prepare(size, Path(folder))
            fast, slow = measured("engine", Path(folder)), measured("reference", Path(folder))
        each = [1000 * part["seconds"] / part["cases"] for part in (slow, fast)]
        sys.stdout.write(
            f"{size:>5}  {fast['seconds']:8.2f}  {fast['mib']:4.0f}  {each[0]:19.2f}"
            f"  {each[1]:16.2f}  {each[0] / each[1]:5.1f}\n"
        )


if __name__ == "__main__":
    main()
