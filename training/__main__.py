"""Commands for training: python -m training COMMAND --help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from features.errors import EXIT_CODE_HELP, shown_to_people
from features.progress import steps
from features.store import Store
from training import config, pipeline

console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit code."""
    args = _parser().parse_args(arguments)
    return shown_to_people(lambda: args.run(args))


def train(args: argparse.Namespace) -> None:
    """Train, judge, save and register a bundle, or find that it stands already."""
    store = Store.open(args.store)
    with steps("training") as step:
        made = pipeline.train(
            store, args.until, config.read(args.config), args.out, args.tracking, step
        )
    console.print(_table(made.table))
    if store.made_up:
        console.print("Made-up people: these figures prove plumbing, not accuracy.", style="bold")
    said = "Proposed" if made.fresh else "Already trained:"
    console.print(f"{said} bundle {made.bundle_id[:12]}, version {made.version}, in {made.folder}.")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Newest period, one row in twenty read (95 % intervals)")
    for name in ("model", "recorded", "rows", "higher", "share found", "right of ten shown"):
        table.add_column(name, justify="left" if name in ("model", "recorded") else "right")
    for row in rows:
        if row["period"] != "final":
            continue
        found, right = row["share_found"], [10 * value for value in row["precision"]]
        table.add_row(
            row["model"],
            row["recorded"].replace("_", " ").lower(),
            f"{row['rows']:,}",
            f"{row['higher']:,}",
            f"{found[0]:.0%} ({found[1]:.0%} to {found[2]:.0%})",
            f"{right[0]:.1f} ({right[1]:.1f} to {right[2]:.1f})",
        )
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Labelled history becomes a proposed model bundle.",
        epilog=EXIT_CODE_HELP,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("train", help="train, judge, save and register a bundle")
    one.add_argument("--store", type=Path, default=Path("var/store"), help="store of histories")
    one.add_argument("--until", type=date.fromisoformat, required=True,
                     help="use readings recorded by this day")  # fmt: skip
    one.add_argument("--config", type=Path, default=config.DEFAULT, help="settings (TOML)")
    one.add_argument("--out", type=Path, default=Path("var/bundles"), help="folder of bundles")
    one.add_argument("--tracking", type=Path, default=Path("var/tracking"), help="MLflow's store")
    one.set_defaults(run=train)
    return parser


if __name__ == "__main__":
    sys.exit(main())
