"""Commands for training: python -m training COMMAND --help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from features import clock
from features.errors import EXIT_CODE_HELP, shown_to_people
from features.progress import show_steps
from features.store.store import Store
from features.store.working_copy import parse_store
from training import (
    benchmark,
    benchmark_report,
    compare,
    config,
    curve_commands,
    labels,
    pipeline,
    score_commands,
    silent_commands,
    tabular,
    trivial,
    truth,
)
from training.notes import commands as note_commands

NIJ = Path(__file__).with_name("nij.toml")
console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit code."""
    args = _make_parser().parse_args(arguments)
    return shown_to_people(lambda: args.run(args))


def train_model(args: argparse.Namespace) -> None:
    """Train, evaluate, save and register a bundle, unless the same one exists already."""
    store = Store.open(args.store)
    with show_steps("training") as step:
        proposal = pipeline.train_bundle(
            store, args.until, config.read_config(args.config), args.out, args.tracking, step
        )
    console.print(_figures_table(proposal.table))
    if store.made_up:
        console.print("Made-up people: these figures prove plumbing, not accuracy.", style="bold")
    for line in pipeline.levels_not_passed(proposal.folder):
        console.print(f"  does not pass: {line}", highlight=False)
    outcome = "Proposed" if proposal.fresh else "Already trained:"
    console.print(
        f"{outcome} bundle {proposal.bundle_id[:12]}, version {proposal.version}, "
        f"in {proposal.folder}."
    )


def propose_prior(args: argparse.Namespace) -> None:
    """Register the bundle that ranks by the prior alone, for the first day."""
    store = Store.open(args.store)
    with show_steps("proposing the prior") as step:
        proposal = pipeline.propose_prior(
            store, args.as_of, config.read_config(), args.out, args.tracking, step
        )
    console.print(
        f"Bundle {proposal.bundle_id[:12]}, version {proposal.version}, in {proposal.folder}: it "
        "ranks by published findings alone, and nothing of it was measured."
    )


def trivial_predictors(args: argparse.Namespace) -> None:
    """Compare trivial predictors with the hidden truth of a made-up caseload."""
    store = Store.open(args.store)
    with show_steps("trivial predictors"):
        people, share, lines = trivial.compare_predictors(store, args.truth, args.as_of)
    table = Table(title=f"{people:,} people in the community, {share:.1%} truly too low")
    table.add_column("predictor")
    for name in ("AUC", "right of ten shown", "share found"):
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(
            line.name, f"{line.auc:.3f}", f"{10 * line.right:.1f}", f"{line.share_found:.1%}"
        )
    table.add_row("chance", "0.500", f"{10 * share:.1f}", "5.0%", style="dim")
    console.print(table)
    console.print("One person in twenty shown. Made-up people: this proves plumbing, not accuracy.")


def weigh_choices(args: argparse.Namespace) -> None:
    """Compare every choice of the fixed grid on the development folds."""
    settings = config.read_config(args.config)
    store = Store.open(args.store).counting_notes(settings.notes.kinds)
    with show_steps("comparing") as step:
        step("labels and indicators as each reader saw them")
        labelled = labels.read_labels(store, args.until, settings)
        choices = compare.weigh_choices(labelled, args.until, settings, step=step)
    table = Table(title=f"{choices[0].folds} folds, {labelled.frame.height:,} labelled rows")
    for name in ("choice", "average precision", "mean regret", "worst regret", "log loss"):
        table.add_column(name, justify="left" if name == "choice" else "right")
    for one in choices:
        table.add_row(
            one.name,
            f"{one.average_precision:.4f}",
            f"{one.mean_regret:.4f}",
            f"{one.worst_regret:.4f}",
            f"{one.log_loss:.5f}",
        )
    console.print(table)
    if store.made_up:
        console.print("Made-up people: these figures prove plumbing, not accuracy.", style="bold")


def against_truth(args: argparse.Namespace) -> None:
    """Compare a model trained on readings with the hidden truth of a made-up caseload."""
    settings = config.read_config(args.config)
    store = Store.open(args.store).counting_notes(settings.notes.kinds)
    with show_steps("against the truth") as step:
        lines, echo, reached = truth.compare_with_truth(
            store, args.truth, args.as_of, settings, step
        )
    share = settings.review.share
    table = Table(title=f"The highest {share:.0%} of each level, people who taught nothing")
    for name in (
        "model",
        "recorded",
        "rows",
        "too low",
        "right of ten",
        "share found",
        "avg precision",
    ):
        table.add_column(name, justify="left" if name in ("model", "recorded") else "right")
    for one in lines:
        table.add_row(
            one.model,
            one.recorded.lower(),
            f"{one.rows:,}",
            f"{one.too_low:,}",
            f"{10 * one.right:.1f}",
            f"{one.share_found:.0%}",
            f"{one.average_precision:.3f}",
        )
    console.print(table)
    for name in dict.fromkeys(one.model for one in lines):
        console.print(
            f"  {name}: {10 * truth.overall_share(lines, name, share):.2f} right of ten shown"
        )
    console.print(f"Average precision: {reached:.0%} of that of the model taught by the truth.")
    for level in echo:
        level_words = ("low", "medium", "high", "very high")[level.true]
        console.print(
            f"  of {level.rows:,} truly {level_words}: the blind margin tells who is recorded "
            f"above low with AUC {level.auc:.3f}"
        )
    console.print("Made-up people: this proves plumbing, not accuracy.", style="bold")


def run_benchmark(args: argparse.Namespace) -> None:
    """Run the learner and its competitors on a described table."""
    about = tabular.read_description(args.config)
    with show_steps("benchmark") as step:
        result = benchmark.run_benchmark(about, args.data or args.config.parent, step)
        written = benchmark_report.write_report(result, args.out)
    table = Table(title=f"{about.title}: {about.folds} folds, {len(result.rows):,} rows")
    for name in ("model", "AUC", "mean of folds", "Brier", "calibration error"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for name, figures in result.overall.items():
        table.add_row(
            name,
            f"{figures['auc'].value:.4f}",
            f"{result.fold_auc[name]:.4f}",
            f"{figures['brier'].value:.4f}",
            f"{figures['expected_calibration_error'].value:.4f}",
        )
    console.print(table)
    console.print(f"{about.caution}\nWritten to {args.out}: {', '.join(written)}.")


def _figures_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Newest period, one row in twenty read (95 % intervals)")
    for name in ("model", "recorded", "rows", "higher", "share found", "right of ten shown"):
        table.add_column(name, justify="left" if name in ("model", "recorded") else "right")
    for row in rows:
        if row["period"] != "final":
            continue
        recall, right = row["share_found"], _times_ten(row["precision"])
        table.add_row(
            row["model"],
            row["recorded"].replace("_", " ").lower(),
            f"{row['rows']:,}",
            f"{row['higher']:,}",
            _or_none("{:.0%} ({:.0%} to {:.0%})", recall),
            _or_none("{:.1f} ({:.1f} to {:.1f})", right),
        )
    return table


def _times_ten(figure: list[float | None]) -> list[float | None]:
    return [None if value is None else 10 * value for value in figure]


def _or_none(form: str, figure: list[float | None]) -> str:
    return "none to find" if figure[0] is None else form.format(*figure)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Labelled history becomes a proposed model bundle.",
        epilog=EXIT_CODE_HELP,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    train_parser = commands.add_parser("train", help="train, judge, save and register a bundle")
    train_parser.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    train_parser.add_argument(
        "--until", type=clock.as_of_date, required=True, help="use readings recorded by this day"
    )
    train_parser.add_argument("--config", type=Path, default=config.DEFAULT, help="settings (TOML)")
    train_parser.add_argument(
        "--out", type=Path, default=Path("var/bundles"), help="folder of bundles"
    )
    train_parser.add_argument(
        "--tracking", type=Path, default=Path("var/tracking"), help="MLflow's store"
    )
    train_parser.set_defaults(run=train_model)

    _add_prior_parser(commands)
    note_commands.add_parser(commands)
    score_commands.add_parser(commands)
    curve_commands.add_parser(commands)
    silent_commands.add_parsers(commands)
    trivial_parser = commands.add_parser(
        "trivial", help="how far trivial predictors get on made-up people"
    )
    trivial_parser.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    trivial_parser.add_argument(
        "--truth", type=Path, required=True, help="folder of the hidden truth"
    )
    trivial_parser.add_argument(
        "--as-of", type=clock.as_of_date, required=True, help="day to judge"
    )
    trivial_parser.set_defaults(run=trivial_predictors)

    compare_parser = commands.add_parser(
        "compare", help="weigh ways of building the model, by regret"
    )
    compare_parser.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    compare_parser.add_argument(
        "--until", type=clock.as_of_date, required=True, help="use readings recorded by this day"
    )
    compare_parser.add_argument(
        "--config", type=Path, default=config.DEFAULT, help="settings (TOML)"
    )
    compare_parser.set_defaults(run=weigh_choices)
    truth_parser = commands.add_parser(
        "truth", help="the model against the hidden truth of made-up people"
    )
    truth_parser.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    truth_parser.add_argument(
        "--truth", type=Path, required=True, help="folder of the hidden truth"
    )
    truth_parser.add_argument("--as-of", type=clock.as_of_date, required=True, help="day to judge")
    truth_parser.add_argument("--config", type=Path, default=config.DEFAULT, help="settings (TOML)")
    truth_parser.set_defaults(run=against_truth)
    _add_benchmark_parser(commands)
    return parser


def _add_prior_parser(commands: Any) -> None:
    prior_parser = commands.add_parser(
        "propose-prior", help="register a bundle of published findings alone, without a reading"
    )
    prior_parser.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="store, or s3://"
    )
    prior_parser.add_argument(
        "--as-of", type=clock.as_of_date, required=True, help="day whose caseload is the usual"
    )
    prior_parser.add_argument(
        "--out", type=Path, default=Path("var/bundles"), help="folder of bundles"
    )
    prior_parser.add_argument(
        "--tracking", type=Path, default=Path("var/tracking"), help="MLflow's store"
    )
    prior_parser.set_defaults(run=propose_prior)


def _add_benchmark_parser(commands: Any) -> None:
    benchmark_nij_parser = commands.add_parser(
        "benchmark-nij", help="the same learner on real data (NIJ)"
    )
    benchmark_nij_parser.add_argument(
        "--data", type=Path, required=True, help="folder of train.csv and test.csv"
    )
    benchmark_nij_parser.add_argument(
        "--out", type=Path, required=True, help="folder for tables and predictions"
    )
    benchmark_nij_parser.set_defaults(run=run_benchmark, config=NIJ)

    benchmark_parser = commands.add_parser(
        "benchmark", help="the same learner on any described table"
    )
    benchmark_parser.add_argument(
        "--config", type=Path, required=True, help="its description (TOML)"
    )
    benchmark_parser.add_argument(
        "--data", type=Path, help="folder of its files (default: the description's)"
    )
    benchmark_parser.add_argument(
        "--out", type=Path, required=True, help="folder for tables and predictions"
    )
    benchmark_parser.set_defaults(run=run_benchmark)


if __name__ == "__main__":
    sys.exit(main())
