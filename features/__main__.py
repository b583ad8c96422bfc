"""Commands for case histories: python -m features COMMAND --help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from features import clock
from features.contracts import records, records_page
from features.errors import EXIT_CODE_HELP, UserError, shown_to_people
from features.frame import build, catalogue_pages
from features.intake import bucket_commands, load, reread_commands
from features.intake.load import load_extract
from features.intake.reports import Report
from features.markdown import layout_page
from features.notes import commands as note_commands
from features.progress import show_steps
from features.sources import commands as source_commands
from features.sources import lineage_page
from features.sources.lineage import trace_indicators
from features.store import commands as store_commands
from features.store import forget, store
from features.store.objects import parse_place
from features.store.working_copy import parse_store
from features.synthetic import commands as synthetic_commands

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit code."""
    args = _make_parser().parse_args(arguments)
    return shown_to_people(lambda: args.run(args))


def check_extract(args: argparse.Namespace) -> None:
    """Load an extract into the store and print the rows read, refused, new and changed."""
    with show_steps(f"reading {args.extract}") as step:
        report = load_extract(
            args.extract,
            args.store,
            extracted_at=args.extracted_at,
            max_refused=args.max_refused,
            max_vanished=args.max_vanished,
            step=step,
        )
    console.print(_counts_table(report))
    _say_unknown(report)
    for name in report.passed_over:
        console.print(f"  passed over: {name} (left by a Macintosh; it holds no rows)")
    console.print(
        "Nothing new: this extract is in the store already."
        if report.load is None
        else f"Kept as load {report.load} of {args.store}."
    )
    if report.other_buckets:
        of_extract, of_store = report.other_buckets
        console.print(
            f"The extract is in {of_extract} buckets of cases and the store in {of_store}, so its "
            "buckets were not used: python -m features bucket EXTRACT --store STORE makes as many."
        )
    if report.unmerged:
        console.print(
            f"The files of earlier loads could not be merged ({report.unmerged}); the next load "
            "tries again. Nothing is lost."
        )


def build_frame(args: argparse.Namespace) -> None:
    """Build the indicator frame of a date and write it as Parquet."""
    opened = store.Store.open(args.store)
    on = build.cases_under_supervision(opened, args.as_of)
    case_dates = on.filter(~pl.col("limited")).select("crn", "as_of")
    if case_dates.is_empty():
        raise UserError(f"No case in {args.store} is under supervision on {args.as_of}.")
    with show_steps("indicators") as step:
        parts = []
        for bucket, frame in build.build_frames(opened, case_dates):
            step(f"bucket {bucket + 1} of {opened.buckets}")
            parts.append(frame)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    pl.concat(parts).write_parquet(args.out)
    console.print(
        f"{case_dates.height:,} cases, {len(build.indicator_columns())} indicators as of "
        f"{args.as_of} in {args.out}; catalogue {build.catalogue_hash()[:12]}."
    )


def write_docs(args: argparse.Namespace) -> None:
    """Write the generated pages of documentation."""
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "records.md").write_text(layout_page(records_page.as_markdown()), encoding="utf-8")
    folder = args.out / "indicators"
    folder.mkdir(exist_ok=True)
    examples = catalogue_pages.read_examples(args.examples)
    sources = lineage_page.as_markdown(trace_indicators(examples))
    (args.out / "sources.md").write_text(layout_page(sources), encoding="utf-8")
    for name, text in catalogue_pages.render_pages(examples).items():
        (folder / name).write_text(layout_page(text), encoding="utf-8")
    console.print(f"Written: {args.out}/records.md, sources.md and {folder}/")


def forget_person(args: argparse.Namespace) -> None:
    """Delete a person's records from the store and list what must be deleted elsewhere by hand."""
    for table, rows in forget.forget_case(args.store, args.crn).items():
        console.print(f"  {table}: {rows:,} rows removed", highlight=False)
    console.print(
        f"The store in {args.store} holds nothing of that case any more. Backups, extracts, "
        "nightly scores and the queue's database keep their own copies: see docs/running.md."
    )


def print_dictionary(args: argparse.Namespace) -> None:
    """Print the dictionary of indicators as CSV or JSON."""
    print(catalogue_pages.as_csv() if args.format == "csv" else catalogue_pages.as_json())


def _counts_table(report: Report) -> Table:
    table = Table(title=f"Extract taken at {report.extracted_at:%Y-%m-%d %H:%M} UTC")
    table.add_column("table")
    for name in ("read", "refused", "new", "changed", "withdrawn"):
        table.add_column(name, justify="right")
    for item in report.tables:
        if not item.supplied:
            table.add_row(item.name, "not supplied", "", "", "", "", style="dim")
            continue
        numbers = (item.read, item.refused_rows, item.new, item.changed, item.withdrawn)
        table.add_row(item.name, *[f"{n:,}" for n in numbers])
    return table


def _say_unknown(report: Report) -> None:
    for item in report.tables:
        for reason, n in item.refused.items():
            console.print(f"  {item.name}: {n:,} refused: {reason}", highlight=False)
        for column, counts in item.unknown_codes.items():
            code_list = records.find_table(item.name).column(column).codes or {}
            named = ", ".join(
                _describe_unknown_code(code, n, code_list) for code, n in list(counts.items())[:12]
            )
            console.print(f"  {item.name}.{column}: codes not known: {named}", highlight=False)
        if item.supplied and item.ignored_columns:
            names = ", ".join(item.ignored_columns)
            console.print(f"  {item.name}: columns not read: {names}", highlight=False)


def _describe_unknown_code(code: str, count: int, code_list: Mapping[str, str]) -> str:
    """An unknown code, its count, and the known code that differs only in case, if any."""
    close = next((name for name in code_list if name.casefold() == code.strip().casefold()), None)
    return f"{code} ({count:,}; did you mean {close}?)" if close else f"{code} ({count:,})"


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m features",
        description="Case histories: make some up, load an extract, build the indicators.",
        epilog=EXIT_CODE_HELP,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    synthetic_commands.add_parsers(commands)

    check_parser = commands.add_parser("check", help="check an extract and load it into the store")
    check_parser.add_argument(
        "extract", type=parse_place, help="folder of Parquet or CSV files, or s3://"
    )
    check_parser.add_argument(
        "--store", type=parse_store, default=Path("var/store"), help="the store (%(default)s)"
    )
    check_parser.add_argument(
        "--extracted-at", type=datetime.fromisoformat, help="when it was taken (UTC)"
    )
    check_parser.add_argument(
        "--max-refused",
        type=float,
        default=load.MAX_REFUSED,
        help="share of a table that may be refused (%(default)s)",
    )
    check_parser.add_argument(
        "--max-vanished",
        type=float,
        default=load.MAX_VANISHED,
        help="share of a complete feed that may be gone (%(default)s)",
    )
    check_parser.set_defaults(run=check_extract)
    bucket_commands.add_parser(commands)

    source_commands.add_parsers(commands)
    note_commands.add_parsers(commands)

    build_parser = commands.add_parser("build", help="build the indicator frame as of a date")
    build_parser.add_argument("--store", type=parse_store, default=Path("var/store"))
    build_parser.add_argument("--as-of", type=clock.as_of_date, required=True)
    build_parser.add_argument("--out", type=Path, default=Path("var/frame.parquet"))
    build_parser.set_defaults(run=build_frame)

    docs_parser = commands.add_parser("docs", help="write docs/records.md and docs/indicators/")
    docs_parser.add_argument("--out", type=Path, default=Path("docs"))
    docs_parser.add_argument(
        "--examples",
        type=Path,
        default=Path("tests/spec/tables"),
        help="folder of the spec tables (%(default)s)",
    )
    docs_parser.set_defaults(run=write_docs)

    forget_parser = commands.add_parser("forget", help="delete a person's records from the store")
    forget_parser.add_argument("crn", help="the case reference number")
    forget_parser.add_argument("--store", type=parse_store, default=Path("var/store"))
    forget_parser.set_defaults(run=forget_person)

    undo_parser = commands.add_parser("undo", help="take the newest load of the store back")
    undo_parser.add_argument("--store", type=parse_store, default=Path("var/store"))
    undo_parser.add_argument("--reasons", required=True, help="why, in at least 20 characters")
    undo_parser.set_defaults(run=store_commands.undo_load)

    reread_parser = commands.add_parser(
        "reread", help="read the notes of a store again, after the reader of notes has changed"
    )
    reread_parser.add_argument("--store", type=parse_store, default=Path("var/store"))
    reread_parser.set_defaults(run=reread_commands.reread_store)

    verify_parser = commands.add_parser(
        "verify", help="hash every file of the store against its manifest"
    )
    verify_parser.add_argument("--store", type=parse_store, default=Path("var/store"))
    verify_parser.set_defaults(run=store_commands.verify_store)

    dictionary_parser = commands.add_parser("dictionary", help="print the dictionary of indicators")
    dictionary_parser.add_argument("--format", choices=["csv", "json"], default="csv")
    dictionary_parser.set_defaults(run=print_dictionary)
    return parser


if __name__ == "__main__":
    sys.exit(main())
