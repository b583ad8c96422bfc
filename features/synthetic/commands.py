"""Defines and runs the commands that make up a caseload and describe it."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from features import clock, synthetic
from features.progress import show_steps
from features.synthetic import readings
from features.synthetic.source_systems import write_source_systems

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)


def synthesise_caseload(args: argparse.Namespace) -> None:
    """Write a made-up caseload as an extract, and its hidden truth in a folder beside it."""
    chosen = synthetic.Parameters(
        cases=args.cases,
        seed=args.seed,
        as_of=args.as_of,
        underestimated=args.underestimated,
        audited=args.audited,
        scenario=args.scenario,
        only_in_notes=args.only_in_notes,
    )
    truth = args.truth or args.out.with_name(args.out.name + "-truth")
    with show_steps("making up a caseload") as step:
        caseload = synthetic.synthesise_extract(chosen, args.out, truth, step)
    table = Table(title=f"{chosen.cases:,} made-up people, seed {chosen.seed}", min_width=40)
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("digest of the rows")
    for name in sorted(caseload.rows):
        table.add_row(name, f"{caseload.rows[name]:,}", caseload.digests[name])
    table.add_row("all", f"{sum(caseload.rows.values()):,}", "", style="bold")
    console.print(table)
    size = sum(path.stat().st_size for path in args.out.rglob("*.parquet"))
    outcome = "Written to" if caseload.fresh else "Already there, nothing was changed:"
    console.print(f"{outcome} {args.out} ({size / 1e6:,.0f} MB); the hidden truth in {truth}.")
    if args.as_source_systems:
        with show_steps("writing the tables of the systems") as step:
            counts = write_source_systems(args.out, args.as_source_systems, step)
        for system, tables in counts.items():
            rows = ", ".join(f"{name} {count:,}" for name, count in sorted(tables.items()))
            console.print(f"  {system}: {rows}", highlight=False)


def describe_caseload(args: argparse.Namespace) -> None:
    """Compare a made-up caseload with its targets and draw three of its people month by month."""
    truth = args.truth or args.extract.with_name(args.extract.name + "-truth")
    missed = synthetic.describe_caseload(args.extract, truth, args.out)
    console.print(f"Written: {args.out}/caseload.md, {args.out}/images/stories.svg")
    for name in missed:
        console.print(f"  off its target: {name}", highlight=False)


def write_readings(args: argparse.Namespace) -> None:
    """Write what made-up readers would say of recorded levels, week by week, with their error."""
    days = [args.as_of - timedelta(weeks=week) for week in range(args.weeks, -1, -1)]
    levels = readings.read_levels_on(args.truth, days)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    levels.write_parquet(args.out)
    console.print(f"{levels.height:,} readings of {len(days)} days by made-up readers: {args.out}")


def add_parsers(commands: Any) -> None:
    """Add `synthesise`, `caseload` and `readings` to the commands."""
    defaults = synthetic.Parameters()

    synthesise_parser = commands.add_parser(
        "synthesise", help="make up a caseload (no real person)"
    )
    synthesise_parser.add_argument(
        "--cases", type=int, default=defaults.cases, help="how many people (%(default)s)"
    )
    synthesise_parser.add_argument(
        "--seed", type=int, default=defaults.seed, help="same seed, same people"
    )
    synthesise_parser.add_argument(
        "--as-of",
        type=clock.as_of_date,
        default=defaults.as_of,
        help="last day of the record (yesterday)",
    )
    synthesise_parser.add_argument(
        "--out", type=Path, default=Path("var/extract"), help="extract folder"
    )
    synthesise_parser.add_argument(
        "--truth", type=Path, help="hidden true levels (default: OUT-truth)"
    )
    synthesise_parser.add_argument(
        "--underestimated",
        type=float,
        default=defaults.underestimated,
        help="share of people too low in some group, 0.03 to 0.2 (%(default)s)",
    )
    synthesise_parser.add_argument(
        "--only-in-notes",
        type=float,
        default=defaults.only_in_notes,
        help="share of what happens that a note tells and nobody codes, 0 to 0.9 (%(default)s)",
    )
    synthesise_parser.add_argument(
        "--audited",
        type=float,
        default=defaults.audited,
        help="share read again in each quarterly audit (%(default)s)",
    )
    synthesise_parser.add_argument(
        "--scenario",
        default=defaults.scenario,
        help=f"a planted fault: {', '.join(synthetic.SCENARIOS)} (%(default)s)",
    )
    synthesise_parser.add_argument(
        "--as-source-systems",
        type=Path,
        metavar="FOLDER",
        help="write the tables of NDelius, OASys and NOMIS too, as far as they can hold it",
    )
    synthesise_parser.set_defaults(run=synthesise_caseload)

    caseload_parser = commands.add_parser(
        "caseload", help="compare a made-up caseload with its targets"
    )
    caseload_parser.add_argument("extract", type=Path, help="folder of a made-up extract")
    caseload_parser.add_argument(
        "--truth", type=Path, help="its hidden truth (default: EXTRACT-truth)"
    )
    caseload_parser.add_argument(
        "--out", type=Path, default=Path("docs"), help="where caseload.md goes"
    )
    caseload_parser.set_defaults(run=describe_caseload)

    readings_parser = commands.add_parser(
        "readings", help="what made-up readers would say of a made-up caseload"
    )
    readings_parser.add_argument("--truth", type=Path, required=True, help="its hidden truth")
    readings_parser.add_argument("--as-of", type=clock.as_of_date, required=True)
    readings_parser.add_argument("--weeks", type=int, default=8, help="weeks back (%(default)s)")
    readings_parser.add_argument("--out", type=Path, required=True, help="a Parquet file")
    readings_parser.set_defaults(run=write_readings)
