"""Runs `python -m training learning-curve`: how often a model is right by how much taught it."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import polars as pl
from matplotlib.figure import Figure as Picture
from rich.console import Console
from rich.table import Table

from features import clock
from features.progress import show_steps
from features.store import staging
from features.store.store import Store
from features.store.working_copy import parse_store
from training import config
from training.learning_curve import SHARES, CurveLine, as_rows, measure_curve
from training.truth import MODEL

DRAWN_AT = 0.05
UNTAUGHT_COLOUR = "#505a5f"
console = Console()


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "learning-curve",
        help="how often the model is right by how many labelled rows (made-up people)",
    )
    parser.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    parser.add_argument("--truth", type=Path, required=True, help="folder of the hidden truth")
    parser.add_argument("--as-of", type=clock.as_of_date, required=True, help="day to judge")
    parser.add_argument(
        "--rows",
        type=_sizes,
        default=(2000, 10_000),
        help="numbers of rows, as 2000,10000",
    )
    parser.add_argument("--config", type=Path, default=config.DEFAULT, help="settings (TOML)")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for learning-curve.csv and .png"
    )
    parser.set_defaults(run=draw_curve)


def draw_curve(args: argparse.Namespace) -> None:
    """Measure, write the table and the picture, and print the table."""
    args.out.mkdir(parents=True, exist_ok=True)
    staging.check_writable(args.out)
    settings = config.read_config(args.config)
    store = Store.open(args.store).counting_notes(settings.notes.kinds)
    with show_steps("learning curve") as step:
        base, lines = measure_curve(store, args.truth, args.as_of, settings, args.rows, step)
        pl.DataFrame(list(as_rows(lines))).write_csv(args.out / "learning-curve.csv")
        picture = _draw(lines, base)
        picture.savefig(
            args.out / "learning-curve.png", dpi=120, metadata={"Software": "rosh-triage"}
        )
    table = Table(title=f"Right of ten people shown, of each level; {10 * base:.2f} by chance")
    table.add_column("model")
    for name in ("labelled rows", *(f"first {share:.0%}" for share in SHARES)):
        table.add_column(name, justify="right")
    for line in lines:
        figures = [
            f"{10 * one.value:.1f} ({10 * one.low:.1f} to {10 * one.high:.1f})"
            for one in line.right.values()
        ]
        table.add_row(line.model, f"{line.readings:,}" if line.readings else "none", *figures)
    console.print(table)
    console.print("Made-up people: this proves plumbing, not accuracy.", style="bold")
    console.print(f"Written to {args.out}: learning-curve.csv, learning-curve.png.")


def _sizes(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"write whole numbers, as 2000,10000, not {text!r}")
    return tuple(sorted({int(part) for part in parts}))


def _draw(lines: list[CurveLine], base: float) -> Picture:
    mpl.use("Agg")
    picture = Picture(figsize=(8, 5), layout="constrained")
    axes = picture.subplots()
    sizes = sorted({line.readings for line in lines if line.readings})
    for name in dict.fromkeys(line.model for line in lines):
        own = [line for line in lines if line.model == name]
        values = [10 * line.right[DRAWN_AT].value for line in own]
        if own[0].readings and len(own) > 1:
            axes.plot([line.readings for line in own], values, "o-", label=name)
        else:
            # Named on the line itself: a legend of four dashed lines tells none from another.
            axes.axhline(values[0], linestyle="--", color=UNTAUGHT_COLOUR)
            axes.text(sizes[0], values[0], f" {name}", va="bottom", color=UNTAUGHT_COLOUR)
        if name == MODEL:
            low = [10 * line.right[DRAWN_AT].low for line in own]
            high = [10 * line.right[DRAWN_AT].high for line in own]
            axes.fill_between([line.readings for line in own], low, high, alpha=0.15)
    axes.axhline(10 * base, linestyle=":", color=UNTAUGHT_COLOUR)
    axes.text(sizes[0], 10 * base, " chance", va="bottom", color=UNTAUGHT_COLOUR)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("labelled rows that taught it")
    axes.set_ylabel("right of ten people shown")
    axes.set_title(f"The first {DRAWN_AT:.0%} of each recorded level, made-up people")
    axes.legend(frameon=False, loc="lower right")
    return picture
