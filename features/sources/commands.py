"""Runs the commands about sources: import the tables of the systems, print the lineage."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from features.frame.catalogue_pages import read_examples
from features.progress import show_steps
from features.sources import lineage_page
from features.sources.import_report import ImportReport
from features.sources.import_systems import import_systems
from features.sources.lineage import indicators_lost, trace_indicators

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)
SHOWN_CODES = 12


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
    with show_steps("importing") as step:
        report = import_systems(folders, args.out, args.extracted_at, step)
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
    lines += [
        f"  {record}: rows that stand there more than once, and count once: {count:,}"
        for record, count in report.told_twice.items()
        if count
    ]
    for system in report.absent_tables:
        lines += _missing_lines(report, system)
    for column, counts in report.unknown_codes.items():
        named = ", ".join(f"{code} ({_cases(count)})" for code, count in counts[:SHOWN_CODES])
        more = f" and {len(counts) - SHOWN_CODES} more" if len(counts) > SHOWN_CODES else ""
        lines.append(f"  {column}: codes not known: {named}{more}")
    return lines


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
    """Print from which columns of which system each indicator comes, as CSV, JSON or Markdown."""
    lineages = trace_indicators(read_examples(args.examples))
    sys.stdout.write(lineage_page.FORMATS[args.format](lineages))
