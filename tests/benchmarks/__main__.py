"""make bench: what each step costs beside a named alternative, memory beside time, and growth.

Each figure is a process of its own, so that its peak memory is its own (of workers, the
largest times their number).
`make bench CASES=240000` is national size; the default is small enough to wait for.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl

from features import synthetic
from features.contracts import codes, records
from features.frame import build
from features.history import asof
from features.intake.load import load_extract
from features.processes import count_workers
from features.store import volumes
from features.store.store import Store
from models import profile
from serving.night import score_caseload
from serving.watch import arrivals, population, readers
from serving.watch.readings import Reading

CASES = int(os.environ.get("CASES", "12000"))
SHARES = (0.1, 0.5, 1.0)
SAMPLE = 60
EACH: list[float] = []
"""Seconds of each of the single cases."""
GROUPS = len(codes.RISK_GROUPS)
AS_OF: date = synthetic.Parameters().as_of
WINDOWS = (30, 90, 180, 365)
TYPES = (
    "COAP",
    "CHVS",
    "COPT",
    "COVC",
    "CODC",
    "CMOB",
    "CTOB",
    "CARR",
    "C145",
    "C3PR",
    "C204",
    "DRGTST",
    "AWLI",
    "LCL",
    "C002",
    "MO1",
    "TRTM",
    "EM01",
    "APBR",
    "CTXT",
    "C113",
)


def synthesise(folder: Path, cases: int) -> int:
    """A made-up caseload."""
    chosen = synthetic.Parameters(cases=cases, seed=7)
    summary = synthetic.synthesise_extract(chosen, folder / "extract", folder / "truth")
    return summary.rows["people"]


def check(folder: Path, _: int) -> int:
    """The extract into a store."""
    load_extract(folder / "extract", folder / "store")
    return spine(Store.open(folder / "store")).height


def spine(store: Store, count: int | None = None) -> pl.DataFrame:
    """The cases of a night, or the first of them."""
    on = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    return on if count is None else on.head(count)


def engine(folder: Path, _: int) -> int:
    """Every indicator of every case, some buckets at a time."""
    store = Store.open(folder / "store")
    return sum(frame.height for _, frame in build.build_frames(store, spine(store))) // GROUPS


def watch(folder: Path, _: int) -> int:
    """What the watch adds to a night: counted into bins beside the engine, the feed's week, and
    what half a year of readings says of readers.
    """
    store = Store.open(folder / "store")
    on = spine(store)
    regions = profile.regions_of(store, on)
    edges: dict[str, list[float]] = {}
    tally = profile.Tally(edges, regions)
    nobody = pl.DataFrame(
        schema={
            "crn": pl.String,
            "group": pl.String,
            "stratum": pl.String,
            "scorable": pl.Boolean,
            "probability": pl.Float64,
        }
    )
    for _, frame in build.build_frames(store, on):
        if not edges:
            edges |= {name: profile.decile_edges(frame[name]) for name in build.indicator_columns()}
        tally.add(frame, nobody)
    everyone = volumes.case_regions(store, ())
    days = volumes.by_day(store, everyone, AS_OF, score_caseload.DAYS)
    week = volumes.total_records(days, volumes.counted_tables(store), AS_OF, 7)
    usual = profile.Profile(
        AS_OF, edges, tally.counts, volumes.count_records(store, everyone, AS_OF, 84)
    )
    population.population_figures(usual, tally.counts)
    arrivals.arrival_figures(store, usual, week, AS_OF)
    arrivals.last_day(store, days, AS_OF)
    read = half_a_year(on.height)
    readers.how_they_err(read)
    readers._same_words(read)
    return on.height


def half_a_year(cases: int) -> list[Reading]:
    """As many readings as readers of so many cases conclude in half a year, one in twelve twice."""
    drawn, syllables = (
        random.Random(7),
        ["ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "zu"],
    )
    words = ["".join(part) for part in itertools.product(syllables, repeat=3)]
    often = [1 / (place + 1) for place in range(len(words))]
    return [
        Reading(
            drawn_as="random" if number % 5 == 0 else "flagged",
            stratum="LOW",
            weight=1.0,
            first=drawn.random() < 0.4,
            second=drawn.random() < 0.4 if number % 12 == 0 else None,
            second_probability=0.05,
            asks_reassessment=False,
            keeps_level=True,
            changed=False,
            crn=f"A{number:06d}",
            pdu_code=f"N54{number % 100:03d}",
            reader=f"R{number % 500}",
            probability=0.4,
            same_group=False,
            read_for=None,
            took=timedelta(minutes=5),
            reasons=" ".join(drawn.choices(words, often, k=25)),
        )
        for number in range(29_000 * cases // 240_000)
    ]


def two_dates(folder: Path, _: int) -> int:
    """A training spine: every case as of two dates."""
    store = Store.open(folder / "store")
    on = spine(store)
    before = on.with_columns(pl.col("as_of") - timedelta(days=200))
    both = pl.concat([on, before])
    return sum(frame.height for _, frame in build.build_frames(store, both)) // GROUPS


def _contacts(folder: Path) -> str:
    return str(folder / "store" / "loads" / "0001" / "contacts" / "*.parquet")


def windows(folder: Path, _: int) -> int:
    """84 plain window counts over the contacts table alone, in Polars: the named alternative."""
    days = (pl.lit(AS_OF) - pl.col("occurred_on")).dt.total_days()
    rows = pl.scan_parquet(_contacts(folder)).filter(pl.col("occurred_on") <= pl.lit(AS_OF))
    counts = [
        ((pl.col("type_code") == code) & (pl.col("days") < window)).sum().alias(f"{code}_{window}")
        for code in TYPES
        for window in WINDOWS
    ]
    windows_of_cases = (
        rows.with_columns(days=days).group_by("crn").agg(counts).collect(engine="streaming")
    )
    return windows_of_cases.height


def windows_in_duckdb(folder: Path, _: int) -> int:
    """The same 84 window counts, in DuckDB."""
    counts = ", ".join(
        f"count(*) FILTER (WHERE type_code = '{code}' AND days < {window})"
        for code in TYPES
        for window in WINDOWS
    )
    query = (
        f"SELECT crn, {counts} FROM (SELECT crn, type_code, DATE '{AS_OF}' - occurred_on AS days"
        f" FROM read_parquet('{_contacts(folder)}') WHERE occurred_on <= DATE '{AS_OF}') GROUP BY crn"
    )
    return len(duckdb.sql(query).fetchall())


def ten_in_pandas(folder: Path, _: int) -> int:
    """Ten window counts over the contacts table, in pandas."""
    columns = ["crn", "type_code", "occurred_on"]
    rows = pd.read_parquet(str(Path(_contacts(folder)).parent), columns=columns)
    days = (pd.Timestamp(AS_OF) - pd.to_datetime(rows["occurred_on"])).dt.days
    values = {}
    for code in TYPES[:10]:
        inside = rows[(rows["type_code"] == code) & days.between(0, 364)]
        values[code] = inside.groupby("crn").size()
    return len(pd.DataFrame(values, index=rows["crn"].unique()))


def one_case(folder: Path, _: int) -> int:
    """Every indicator of single cases, one at a time, from rows in memory: 60 cases."""
    store = Store.open(folder / "store")
    on = spine(store, SAMPLE)
    versions = asof.read_histories(store, on).versions
    own = {name: rows.partition_by("crn", as_dict=True) for name, rows in versions.items()}
    for crn in on["crn"]:
        mine = {name: parts[(crn,)] for name, parts in own.items() if (crn,) in parts}
        feeds = {name: store.covered_periods(name) for name in versions}
        started = time.perf_counter()
        build.build_frame(asof.Histories(asof.make_spine([crn], AS_OF), mine, feeds))
        EACH.append(time.perf_counter() - started)
    return SAMPLE


def reference(folder: Path, _: int) -> int:
    """Every indicator of a sample of cases, in plain Python."""
    from tests.properties.reference import REFERENCE, History

    store = Store.open(folder / "store")
    on = spine(store, SAMPLE)
    crns = set(on["crn"])
    versions = {
        name: list(
            store.read_versions(name, keep=pl.col("crn").is_in(sorted(crns))).iter_rows(named=True)
        )
        for name in records.TABLES
    }
    for crn in on["crn"]:
        own = {name: [r for r in rows if r["crn"] == crn] for name, rows in versions.items()}
        history = History(own, crn, AS_OF)
        for group in codes.RISK_GROUPS:
            for value in REFERENCE.values():
                value(history, group)
    return len(crns)


STEPS: dict[str, Callable[[Path, int], int]] = {
    step.__name__: step
    for step in (
        synthesise,
        check,
        engine,
        watch,
        two_dates,
        windows,
        ten_in_pandas,
        one_case,
        reference,
    )
}


def measured(what: str, folder: Path, cases: int) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", what, str(folder), str(cases)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{what} failed:\n{done.stderr}")
    content: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return content


def main() -> None:
    """Print the table, or one measurement."""
    if len(sys.argv) == 4:
        started = time.perf_counter()
        cases = STEPS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
        seconds = time.perf_counter() - started
        own, each = (
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        measurement = {
            "cases": cases,
            "seconds": seconds,
            "mib": (own + count_workers() * each) / 1024,
        }
        if EACH:
            measurement["p95_ms"] = 1000 * sorted(EACH)[int(0.95 * len(EACH))]
        sys.stdout.write(json.dumps(measurement) + "\n")
        return
    say = sys.stdout.write
    say(f"{'cases':>8}  {'step':<14}{'s':>8}{'MiB':>7}{'ms a case':>11}\n")
    for share in SHARES:
        cases = int(CASES * share)
        with tempfile.TemporaryDirectory() as folder:
            figures: dict[str, dict[str, Any]] = {}
            for name in STEPS:
                figures[name] = measured(name, Path(folder), cases)
                one = figures[name]
                say(
                    f"{cases:>8}  {name:<14}{one['seconds']:>8.1f}{one['mib']:>7.0f}"
                    f"{1000 * one['seconds'] / one['cases']:>11.3f}\n"
                )
                sys.stdout.flush()
        seconds = {name: one["seconds"] for name, one in figures.items()}
        each = {name: one["seconds"] / one["cases"] for name, one in figures.items()}
        say(
            f"{cases:>8}  watch / engine {seconds['watch'] / seconds['engine']:.2f}, "
            f"engine / windows {seconds['engine'] / seconds['windows']:.1f}, "
            f"two dates / one {seconds['two_dates'] / seconds['engine']:.1f}, "
            f"reference / engine a case {each['reference'] / each['engine']:.0f}, "
            f"one case alone p95 {figures['one_case']['p95_ms']:.0f} ms\n"
        )


if __name__ == "__main__":
    main()
