"""Runs the command `bucket`: write a copy of an extract in buckets of cases."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import Any

from rich.console import Console

from features.errors import UserError
from features.intake.bucketing import bucket_extract
from features.progress import show_steps
from features.runners import chosen_runner
from features.store.objects import parse_place
from features.store.store import Store
from features.store.working_copy import parse_store

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)


def add_parser(commands: Any) -> None:
    """Add the command to the command line of features."""
    parser = commands.add_parser("bucket", help="write a copy of an extract in buckets of cases")
    parser.add_argument(
        "extract", type=parse_place, help="folder of Parquet or CSV files, or s3://"
    )
    parser.add_argument("--out", type=parse_place, required=True, help="an empty folder, or s3://")
    number = parser.add_mutually_exclusive_group()
    number.add_argument("--buckets", type=int, help="how many buckets, from 1 to 100")
    number.add_argument("--store", type=parse_store, help="the store, to have as many as it has")
    parser.add_argument(
        "--extracted-at", type=datetime.fromisoformat, help="when it was taken (UTC)"
    )
    parser.set_defaults(run=bucket)


def bucket(args: argparse.Namespace) -> None:
    """Write a copy of an extract in buckets of cases, and print the rows of each table."""
    if args.buckets is not None and not 1 <= args.buckets <= 100:
        raise UserError(f"--buckets is {args.buckets}; it must be from 1 to 100.")
    buckets = Store.open(args.store).buckets if args.store else args.buckets
    with show_steps(f"reading {args.extract}") as step, chosen_runner() as runner:
        bucketed = bucket_extract(
            args.extract,
            args.out,
            runner,
            buckets=buckets,
            extracted_at=args.extracted_at,
            step=step,
        )
    for name, rows in bucketed.rows.items():
        console.print(f"  {name}: {rows:,} rows", highlight=False)
    console.print(
        f"{args.out} is the same extract in {bucketed.buckets} buckets of cases. Load it with: "
        f"python -m features check {args.out} --store {args.store or 'STORE'}",
        highlight=False,
    )
