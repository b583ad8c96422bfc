"""Runs the commands about sources: import the tables of the systems, print the lineage."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from features.frame.catalogue_pages import read_examples
from features.progress import show_steps
from features.sources import feed_counts, hmpps_api, lineage_page
from features.sources.import_report import ImportReport
from features.sources.import_systems import MAPPINGS, import_systems
from features.sources.lineage import indicators_lost, trace_indicators
from features.store.objects import parse_place
from features.store.store import Store
from features.store.working_copy import parse_store

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)
SHOWN_CODES = 12


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands about sources to the command line."""
    import_hmpps_parser = commands.add_parser(
        "import-hmpps", help="turn HMPPS API responses into an extract"
    )
    import_hmpps_parser.add_argument("folder", type=Path, help="folder of JSON responses")
    import_hmpps_parser.add_argument(
        "--out", type=Path, required=True, help="extract folder to write"
    )
    import_hmpps_parser.set_defaults(run=import_responses)

    import_parser = commands.add_parser(
        "import", help="turn tables of NDelius, OASys and NOMIS into an extract"
    )
    for system in ("ndelius", "oasys", "nomis"):
        import_parser.add_argument(
            f"--{system}", type=parse_place, help="its tables, CSV or Parquet: a folder or s3://"
        )
    import_parser.add_argument("--out", type=Path, required=True, help="extract folder to write")
    import_parser.add_argument(
        "--extracted-at", type=datetime.fromisoformat, help="when the tables were taken (UTC; now)"
    )
    import_parser.add_argument(
        "--api", type=Path, help="a folder of HMPPS API responses, beside the tables or alone"
    )
    import_parser.add_argument(
        "--changed-rows",
        action="store_true",
        help="the tables have only rows that changed, beside whole lists of people, limits and codes",
    )
    import_parser.set_defaults(run=import_tables)

    lineage_parser = commands.add_parser(
        "lineage", help="print from which columns of the systems each indicator comes"
    )
    lineage_parser.add_argument("--format", choices=list(lineage_page.FORMATS), default="md")
    lineage_parser.add_argument(
        "--examples",
        type=Path,
        default=Path("tests/spec/tables"),
        help="folder of the spec tables (%(default)s)",
    )
    lineage_parser.add_argument(
        "--store", type=parse_store, help="count instead the cases of a store that have each record"
    )
    lineage_parser.add_argument(
        "--with-notes", action="store_true", help="as if every entry that is read in notes counted"
    )
    lineage_parser.set_defaults(run=print_lineage)


def import_responses(args: argparse.Namespace) -> None:
    """Turn HMPPS API responses into an extract."""
    _print_responses(hmpps_api.convert_responses(args.folder, args.out))
    console.print(f"Extract written to {args.out}. Next: python -m features check {args.out}")


def _print_responses(report: hmpps_api.Report) -> None:
    table = Table(title="What came from which file")
    for name in ("file", "shape", "table", "rows"):
        table.add_column(name, justify="right" if name == "rows" else "left", overflow="fold")
    for item in report.lines:
        table.add_row(item.file, item.shape, item.table, str(item.rows))
    console.print(table)
    for line in response_lines(report):
        console.print(line, highlight=False)


def response_lines(report: hmpps_api.Report) -> list[str]:
    """What else API responses have to say: what was not read and why, merges."""
    lines = [f"  not read: {file}: {why}" for file, why in report.unread.items()]
    lines += [f"  {crn} was merged into {target}" for crn, target in report.merged.items()]
    if report.merge_cycles:
        lines.append(f"  merged in a circle, so nothing moved: {', '.join(report.merge_cycles)}")
    return lines


def import_tables(args: argparse.Namespace) -> None:
    """Turn the tables of NDelius, OASys and NOMIS into an extract, and print what became of them."""
    folders = {
        system: folder
        for system, folder in (
            ("ndelius", args.ndelius),
            ("oasys", args.oasys),
            ("nomis", args.nomis),
        )
        if folder is not None
    }
    if args.api and not folders:
        report_of_responses = hmpps_api.convert_responses(
            args.api, args.out, extracted_at=args.extracted_at
        )
        _print_responses(report_of_responses)
        console.print(f"Extract written to {args.out}. Next: python -m features check {args.out}")
        return
    with show_steps("importing") as step:
        report = import_systems(
            folders,
            args.out,
            args.extracted_at,
            step,
            changed_rows=args.changed_rows,
            responses=args.api,
        )
    if report.responses:
        _print_responses(report.responses)
    console.print(_rows_table(report))
    for line in report_lines(report):
        console.print(line, highlight=False)
    console.print(f"Extract written to {args.out}. Next: python -m features check {args.out}")


def _rows_table(report: ImportReport) -> Table:
    table = Table(title="What became of the rows")
    for name in ("table", "record", "rows", "records", "nothing", "why nothing"):
        table.add_column(
            name, justify="right" if name in ("rows", "records", "nothing") else "left"
        )
    for item in report.tables:
        why = "; ".join(f"{n:,} {reason}" for reason, n in sorted(item.nothing.items()))
        nothing = f"{sum(item.nothing.values()):,}"
        name = f"{item.system} {item.table}"
        table.add_row(name, item.record, f"{item.rows:,}", f"{item.mapped:,}", nothing, why)
    return table


def report_lines(report: ImportReport) -> list[str]:
    """What else an import has to say: limits, supervision, what is missing, codes not known."""
    lines = [
        f"{report.people:,} people, {report.limited:,} of them limited; "
        f"{report.without_supervision:,} without any supervision, which are not scored."
    ]
    if report.merged:
        lines.append(f"  merged into another case, under which their rows count: {report.merged:,}")
    if report.merge_cycles:
        lines.append(
            "  merged into one another in a circle, so each keeps its own rows; ask who keeps NDelius: "
            + ", ".join(report.merge_cycles)
        )
    lines += [
        f"  {system} {column}: a text that is no date, taken as not known: {_rows(count)}"
        for (system, column), count in _unreadable_dates(report).items()
    ]
    lines += [
        f"  {record}: rows that stand there more than once, and count once: {count:,}"
        for record, count in report.told_twice.items()
        if count
    ]
    for system, mappings in MAPPINGS.items():
        if system in report.absent_tables:
            lines += _missing_lines(report, system)
        else:
            parts = ", ".join(sorted({mapping.record for mapping in mappings} - {"limits"}))
            lines.append(
                f"  {system}: not supplied. What it alone says is missing and would read as nothing: "
                f"{parts}"
            )
    for column, counts in report.unknown_codes.items():
        named = ", ".join(f"{code} ({_cases(count)})" for code, count in counts[:SHOWN_CODES])
        more = f" and {len(counts) - SHOWN_CODES} more" if len(counts) > SHOWN_CODES else ""
        lines.append(f"  {column}: codes not known: {named}{more}")
    return lines


def _unreadable_dates(report: ImportReport) -> dict[tuple[str, str], int]:
    """How many rows of each column have a text that is no date; a table may be read several times."""
    return {
        (table.system, f"{table.table}.{column}"): count
        for table in report.tables
        for column, count in table.unreadable.items()
    }


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count:,} cases"


def _missing_lines(report: ImportReport, system: str) -> list[str]:
    lines = [f"  {system}: no table {table}" for table in report.absent_tables[system]]
    for column in report.missing_columns[system]:
        lost = indicators_lost(system, column)
        readers = f"read by {', '.join(lost)}" if lost else "no indicator reads it"
        lines.append(f"  {system}: no column {column}; {readers}")
    unused = report.unused_files[system]
    if unused:
        lines.append(f"  {system}: not used: {', '.join(unused)}")
    return lines


def print_lineage(args: argparse.Namespace) -> None:
    """Print from which columns of which system each indicator comes, as CSV, JSON or Markdown.

    With a store: how many of its cases have each record, by system.
    """
    if args.store:
        feeds = feed_counts.count_feeds(Store.open(args.store))
        sys.stdout.write(feed_counts.FORMATS[args.format](feeds))
        return
    lineages = trace_indicators(read_examples(args.examples), with_notes=args.with_notes)
    sys.stdout.write(lineage_page.FORMATS[args.format](lineages))
