"""make bench-spark: the same load and scores by processes of this machine and by a Spark cluster.

An extract as a supplier writes it is put into buckets of cases, loaded, and everybody in it is
scored by the prior: once by worker processes, once by `local[2]`, which is Spark on this same
machine with as many executors as it has cores. Each figure is a process of its own, with the Java
machine counted. Files and scores must be the same. On one machine Spark costs more: it is there for
several. Made-up people, so it proves nothing but the cost.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil

from features import synthetic
from features.intake.bucketing import bucket_extract
from features.intake.load import load_extract
from features.runners import SPARK, chosen_runner
from features.store.store import Store
from models.prior import read_prior
from tests.benchmarks import night
from tests.benchmarks.night import peak_memory
from training.score import Shares, score_store

CASES = int(os.environ.get("CASES", "12000"))
SHARES = (0.1, 0.5, 1.0)
BUCKETS = 8
RUNNERS = {"processes": "", "spark": "local[2]"}


def write_extract(folder: Path, runner: str) -> str:
    """The extract, in a file a table (not printed)."""
    del runner
    cases = int((folder / "cases").read_text(encoding="utf-8"))
    chosen = synthetic.Parameters(cases=cases, seed=7)
    synthetic.synthesise_extract(chosen, folder / "extract", folder / "truth")
    about = json.loads((folder / "extract" / "extract.json").read_text(encoding="utf-8"))
    about.pop("buckets", None)
    (folder / "extract" / "extract.json").write_text(json.dumps(about), encoding="utf-8")
    return ""


def put_into_buckets(folder: Path, runner: str) -> str:
    """The extract in buckets of cases; the digest of its files."""
    out = folder / runner / "bucketed"
    with chosen_runner() as own:
        bucket_extract(folder / "extract", out, own, buckets=BUCKETS)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def load(folder: Path, runner: str) -> str:
    """The load of the extract in buckets, notes among it; the digest of its files."""
    load_extract(folder / runner / "bucketed", folder / runner / "store", buckets=BUCKETS)
    return Store.open(folder / runner / "store").fingerprint


def score(folder: Path, runner: str) -> str:
    """Everybody's indicators and scores; the digest of the scores."""
    store = Store.open(folder / runner / "store")
    scores = score_store(
        store, read_prior(), store.extracted_on, Shares(0.05, 0.02), lambda _: None
    )
    return sha256(scores.write_json().encode()).hexdigest()


STEPS: dict[str, Callable[[Path, str], str]] = {
    "write": write_extract,
    "bucket": put_into_buckets,
    "load": load,
    "score": score,
}


def run_step(name: str, folder: Path, runner: str) -> dict[str, Any]:
    """One step in this process: seconds by the clock, MiB, and a digest."""
    os.environ[SPARK] = RUNNERS[runner]
    own = psutil.Process()
    began = time.perf_counter()
    with peak_memory(own) as peak:
        digest = STEPS[name](folder, runner)
        took = time.perf_counter() - began
    return {
        "seconds": took,
        "mib": peak[0],
        "digest": digest,
    }


def measured(name: str, folder: Path, runner: str) -> dict[str, Any]:
    """Run one step in a process of its own."""
    printed = night._run(["-m", "tests.benchmarks.spark", name, str(folder), runner])
    content: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return content


def print_caseload(cases: int, folder: Path) -> None:
    """Print what each step costs with each runner, and how much more with Spark."""
    say = sys.stdout.write
    (folder / "cases").write_text(str(cases), encoding="utf-8")
    measured("write", folder, "processes")
    for name in ("bucket", "load", "score"):
        by_runner = {runner: measured(name, folder, runner) for runner in RUNNERS}
        for runner, one in by_runner.items():
            say(f"{cases:>8}  {name:<8}{runner:<12}{one['seconds']:>8.1f}{one['mib']:>8.0f}\n")
        own, of_spark = by_runner["processes"], by_runner["spark"]
        if own["digest"] != of_spark["digest"]:
            raise SystemExit(f"{name}: Spark gave something else than the processes here.")
        say(
            f"{cases:>8}  {name:<8}spark / processes: by the clock "
            f"{of_spark['seconds'] / own['seconds']:.2f}, the same result\n"
        )
        sys.stdout.flush()


def main() -> None:
    """Print the table, or run one step."""
    if len(sys.argv) == 4:
        step = run_step(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
        sys.stdout.write(json.dumps(step) + "\n")
        return
    sys.stdout.write(f"{'cases':>8}  {'step':<20}{'wall s':>8}{'MiB':>8}\n")
    for share in SHARES:
        with tempfile.TemporaryDirectory(prefix="rosh-spark-") as temporary:
            print_caseload(int(CASES * share), Path(temporary))


if __name__ == "__main__":
    main()
