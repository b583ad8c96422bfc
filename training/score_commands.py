"""Runs `python -m training score`: a caseload scored offline into a file."""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from features import clock
from features.errors import UserError
from features.progress import show_steps
from features.store.store import Store
from features.store.working_copy import parse_store
from models.bundle import load_bundle
from models.lanes import LANE_NAMES
from models.prior import read_prior
from models.scored_rows import Scorer
from training import config
from training.score import Shares, check_out, score_store, write_scores

console = Console()
LANE_SHARE = 0.01
"""The share of all people that each lane beside the model shows, unless said otherwise."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    share = config.read_config().review.share
    parser = commands.add_parser("score", help="score a caseload offline, into a file")
    parser.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    parser.add_argument("--as-of", type=clock.as_of_date, required=True, help="day to score")
    by = parser.add_mutually_exclusive_group(required=True)
    by.add_argument("--bundle", type=Path, help="folder of the bundle")
    by.add_argument(
        "--prior", action="store_true", help="by published findings alone (models/prior.toml)"
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write: .csv or .parquet")
    parser.add_argument(
        "--share", type=float, default=share, help="share of each level that is shown (%(default)s)"
    )
    parser.add_argument(
        "--lane-share",
        type=float,
        default=LANE_SHARE,
        help="share of all people that each lane beside the model shows (%(default)s)",
    )
    parser.set_defaults(run=score_offline)


def score_offline(args: argparse.Namespace) -> None:
    """Score everybody under supervision on a day, write a file, and print counts by level."""
    check_out(args.out)
    if not 0 < args.share <= 1:
        raise UserError("--share must be more than 0 and at most 1.")
    if not 0 <= args.lane_share <= 1:
        raise UserError("--lane-share must be between 0 and 1.")
    store = Store.open(args.store)
    model: Scorer = read_prior() if args.prior else load_bundle(args.bundle)
    with show_steps("scoring offline") as step:
        shares = Shares(args.share, args.lane_share)
        scores = score_store(store, model, args.as_of, shares, step)
        write_scores(scores, args.out)
    table = Table(title=f"{scores['crn'].n_unique():,} people, as of {args.as_of}")
    table.add_column("recorded level")
    for name in ("rows", "not scored", "shown by the model", "least probability shown"):
        table.add_column(name, justify="right")
    for stratum in scores["stratum"].unique(maintain_order=True):
        rows = scores.filter(pl.col("stratum") == stratum)
        shown = rows.filter(pl.col("shown_by") == "model")["probability"]
        least = f"{shown[-1]:.3f}" if shown.len() else "-"
        unscored = rows.height - int(rows["scorable"].sum())
        table.add_row(stratum, f"{rows.height:,}", f"{unscored:,}", f"{shown.len():,}", least)
    console.print(table)
    for lane, words in LANE_NAMES.items():
        count = scores.filter(pl.col("shown_by") == lane).height
        console.print(f"Shown as {words}: {count:,} more.")
    if store.made_up:
        console.print("Made-up people: this proves plumbing, not accuracy.", style="bold")
    if args.prior:
        console.print("By published findings alone: ranks, and no measured probability.")
    console.print(f"Written to {args.out}. Nobody is shown anything, and nothing was stored.")
