"""Runs `python -m training silent-begin`, `silent-draw` and `silent-report`: a silent trial."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from rich.console import Console

from features import clock
from features.markdown import layout_page
from features.progress import show_steps
from features.store.store import Store
from features.store.working_copy import parse_store
from models.bundle import load_bundle
from models.prior import read_prior
from models.scored_rows import Scorer
from training import config, silent_draw, silent_report

console = Console()


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands to the command line."""
    begin = commands.add_parser("silent-begin", help="agree the protocol of a silent trial")
    begin.add_argument("--trial", type=Path, required=True, help="new folder of the trial")
    _add_model(begin)
    begin.add_argument("--by-model", type=int, default=60, help="people a draw (%(default)s)")
    begin.add_argument(
        "--by-lane", type=int, default=20, help="people a draw of each lane (%(default)s)"
    )
    begin.add_argument("--at-random", type=int, default=60, help="people a draw (%(default)s)")
    begin.add_argument("--weeks", type=int, default=8, help="draws agreed (%(default)s)")
    begin.set_defaults(run=begin_trial)
    draw = commands.add_parser("silent-draw", help="draw whom to read blind in a silent trial")
    draw.add_argument("--trial", type=Path, required=True, help="folder of the trial")
    _add_model(draw)
    draw.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    draw.add_argument("--as-of", type=clock.as_of_date, required=True, help="day to score")
    draw.set_defaults(run=draw_list)
    report = commands.add_parser("silent-report", help="report a silent trial to the board")
    report.add_argument("--trial", type=Path, required=True, help="folder of the trial")
    report.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    report.add_argument(
        "--until", type=clock.as_of_date, required=True, help="readings recorded by this day"
    )
    report.add_argument("--out", type=Path, required=True, help="file to write (Markdown)")
    report.add_argument("--config", type=Path, default=config.DEFAULT, help="settings (TOML)")
    report.set_defaults(run=report_trial)


def _add_model(parser: argparse.ArgumentParser) -> None:
    by = parser.add_mutually_exclusive_group(required=True)
    by.add_argument("--bundle", type=Path, help="folder of the bundle")
    by.add_argument(
        "--prior", action="store_true", help="by published findings alone (models/prior.toml)"
    )


def _model_of(args: argparse.Namespace) -> Scorer:
    return read_prior() if args.prior else load_bundle(args.bundle)


def begin_trial(args: argparse.Namespace) -> None:
    """Write the protocol, with a secret for the draws."""
    protocol = silent_draw.Protocol(
        model=silent_draw.identity_of(_model_of(args)),
        by_model=args.by_model,
        by_lane=args.by_lane,
        at_random=args.at_random,
        weeks=args.weeks,
        secret=secrets.token_hex(32),
    )
    silent_draw.begin_trial(args.trial, protocol)
    console.print(
        f"The protocol stands in {args.trial / silent_draw.TRIAL}. It holds the secret of the "
        "draws: readers must not have it."
    )


def draw_list(args: argparse.Namespace) -> None:
    """Draw the people of one day, and say how many, not who and why."""
    store = Store.open(args.store)
    with show_steps("silent trial") as step:
        rows = silent_draw.draw_list(args.trial, store, _model_of(args), args.as_of, step)
    folder = args.trial / args.as_of.isoformat()
    console.print(
        f"{rows.height} people to read as of {args.as_of}: {folder / silent_draw.LIST}. Why each "
        f"was drawn is sealed in {silent_draw.SEALED} beside it: readers must not have it."
    )


def report_trial(args: argparse.Namespace) -> None:
    """Write the report, and print whether each criterion is met."""
    store = Store.open(args.store)
    settings = config.read_config(args.config)
    with show_steps("silent trial") as step:
        step("reading the readings")
        trial = silent_report.read_trial(args.trial, store, args.until, settings)
        page = layout_page(silent_report.write_report(trial, made_up=store.made_up))
        args.out.write_text(page, encoding="utf-8")
    for one in silent_report.criteria_of(trial):
        console.print(f"[bold]{one.words()}[/bold]: {one.question}: {one.result}.")
    console.print(f"Written to {args.out}.")
