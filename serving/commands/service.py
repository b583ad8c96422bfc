"""Runs the commands of the service; `__main__` defines their arguments."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, func, select

from features.errors import MissingInput, RunStopped, UserError
from features.markdown import layout_page
from features.progress import show_steps
from features.store import working_copy
from features.store.store import Store
from models.lanes import LANE_NAMES
from serving import settings
from serving.board import approvals
from serving.cases import account as accounts
from serving.cases import legal_holds, subject_access
from serving.commands import demo
from serving.db import audit_chain
from serving.db.server import NIGHT, WEB, engine_for
from serving.db.session import AuditEvent, Transaction, transaction
from serving.db.tables import findings, items, users
from serving.environment import settings_page
from serving.night import replay
from serving.night import run as night_run
from serving.reports import public_record
from serving.review import states
from serving.rule_numbers import LEAST_REASONS
from serving.settings import Settings

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)


def write_account(args: argparse.Namespace) -> None:
    """Write the account of one case by the end of a day, as JSON."""
    chosen = settings.read_settings()
    with connect_as(chosen, WEB) as engine, transaction(engine, args.user) as opened:
        _check_role(opened, "inspector")
        store = Store.open(chosen.store)
        account = accounts.account_of_case(opened, store, chosen.scores, args.crn, args.on)
    print(json.dumps(accounts.as_json(account), default=str, indent=1))  # noqa: T201 - it is the answer


def write_subject_access(args: argparse.Namespace) -> None:
    """Write what a person may be told of the record that is held of them, as JSON."""
    chosen = settings.read_settings()
    if not args.reference.strip():
        raise UserError("Name the request that asks for this (--reference).")
    with connect_as(chosen, WEB) as engine, transaction(engine, args.user) as opened:
        _check_role(opened, "inspector")
        store = Store.open(chosen.store)
        account = accounts.account_of_case(opened, store, chosen.scores, args.crn, args.until)
        content = subject_access.disclose_account(account, args.since)
        details = {"reference": args.reference.strip()}
        opened.audit(AuditEvent("SUBJECT_ACCESS", "CRN", args.crn, details))
    print(json.dumps(content, indent=1))  # noqa: T201 - it is the answer


def hold_case(args: argparse.Namespace) -> None:
    """Place or lift a legal hold on a case."""
    chosen = settings.read_settings()
    if len(args.reasons.strip()) < LEAST_REASONS:
        raise UserError("Say why (--reasons), in at least 20 characters.")
    with connect_as(chosen, WEB) as engine, transaction(engine, args.user) as opened:
        _check_role(opened, "inspector")
        store = Store.open(chosen.store)
        legal_holds.record_hold(opened, store, args.crn, args.reasons, placed=not args.lift)
    if args.lift:
        _write_holds(chosen)
    console.print("The hold is lifted." if args.lift else "The case is kept from deletion.")


def write_holds(_: argparse.Namespace) -> None:
    """Write the list of held cases beside the store, from the database."""
    console.print(f"{_write_holds(settings.read_settings())} cases are held.")


def _write_holds(chosen: Settings) -> int:
    with connect_as(chosen, NIGHT) as engine, transaction(engine, None) as opened:
        case_count = legal_holds.write_hold_list(opened.connection, chosen.store)
        opened.audit(AuditEvent("WROTE_HOLDS", "NOT_APPLICABLE", "-", {"held": case_count}))
    return case_count


def _check_role(opened: Transaction, role: str) -> None:
    role_query = select(users.c.role).where(
        users.c.username == opened.username, users.c.ended_at.is_(None)
    )
    if opened.connection.execute(role_query).scalar() != role:
        raise UserError(f"{opened.username} is not entered as {role}; see add-user.")


def score_night(args: argparse.Namespace) -> None:
    """Score the caseload and fill the queue; --replay scores a past day into a file."""
    chosen = settings.read_settings()
    if args.replay:
        with show_steps("the replay") as step, connect_as(chosen, NIGHT) as engine:
            replayed_night = replay.replay_night(chosen, engine, args.as_of, step)
        console.print(
            f"{replayed_night.cases:,} cases as of {args.as_of}, as they were known then: "
            f"{replayed_night.path} (SHA-256 {replayed_night.digest}). The queue, the caseload and "
            "the facts were not touched."
        )
        return
    with show_steps("the night") as step, connect_as(chosen, NIGHT) as engine:
        night = night_run.run_night(chosen, engine, args.as_of, step)
    console.print(_summary_table(night))
    console.print(_top_flagged(chosen))
    if not night.is_new:
        console.print(f"Run {night.run_id} stands already: nothing was changed.")
    if chosen.demo:
        practitioners = demo.add_practitioners(chosen)
        names = ", ".join([*(username for username, *_ in demo.USERS), *practitioners])
        console.print("Made-up people: this shows that the parts work together, not accuracy.")
        console.print(f"Now [bold]make serve[/bold], and sign in as one of: {names}")


def verify_audit(args: argparse.Namespace) -> None:
    """Verify the audit chain, and name the first row that was changed."""
    if args.anchors is not None and not args.anchors.exists():
        raise MissingInput(f"There is no file of heads at {args.anchors}.")
    console.print(check_audit(settings.read_settings(), args.anchors))


def check_audit(chosen: Settings, anchors: Path | None = None) -> str:
    """Verify the chain, its signed heads and each approval; what was checked, in a sentence."""
    with connect_as(chosen, NIGHT) as engine, engine.connect() as connection:
        summary = audit_chain.verify_chain(connection, anchors or chosen.anchors, chosen.anchor_key)
        changed = approvals.first_altered(connection)
    if changed is not None:
        raise RunStopped(
            f"Approval {changed} is not what was proposed, as its audit row says. Keep the "
            "database as it is, and tell whoever answers for it."
        )
    return summary


def anchor_audit(_: argparse.Namespace) -> None:
    """Sign the head of the audit chain and print it, to be stored elsewhere too."""
    chosen = settings.read_settings()
    with connect_as(chosen, NIGHT) as engine, engine.connect() as connection:
        head = audit_chain.write_anchor(connection, chosen.anchors, chosen.anchor_key)
    if head is None:
        raise MissingInput("Nothing was done yet, so there is no audit row to sign.")
    print(json.dumps(head))  # noqa: T201 - it is the answer


def serve_pages(args: argparse.Namespace) -> None:
    """Serve the pages and the API over HTTP until stopped."""
    from serving.web.app import run_server

    chosen = settings.read_settings(needed=settings.WEB_SECRETS)
    run_server(chosen, args.host, args.port)


def make_assets(args: argparse.Namespace) -> None:
    """Copy style sheets and scripts from node_modules to where the pages load them."""
    from serving.web import assets

    names = assets.prepare_assets(args.modules)
    console.print(f"Front-end files: {', '.join(names)}")


def write_docs(args: argparse.Namespace) -> None:
    """Write the generated pages of documentation."""
    from serving.reports import page_strings
    from serving.web import access

    pages = {
        "review-states.md": states.as_markdown(),
        "access.md": access.as_markdown(),
        "public-record.md": public_record.as_markdown(),
        "page-strings.md": page_strings.as_markdown(),
        "settings.md": settings_page(),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (args.out / name).write_text(layout_page(text), encoding="utf-8")
    console.print(f"Written: {args.out}/{', '.join(pages)}")


@contextmanager
def connect_as(chosen: Settings, role: str) -> Iterator[Engine]:
    """An engine for a role, closed at the end of the command."""
    engine = engine_for(chosen, role)
    try:
        yield engine
    finally:
        engine.dispose()


def newest_bundle(chosen: Settings) -> Path:
    """The folder of the bundle trained last; MissingInput where there is none."""
    working_copy.fetch_folder(chosen.bundles)
    bundles = sorted(chosen.bundles.glob("*/bundle.json"), key=lambda path: path.stat().st_mtime)
    if not bundles:
        raise MissingInput(
            f"There is no bundle in {chosen.bundles}. Train one: python -m training train"
        )
    return bundles[-1].parent


def _summary_table(night: night_run.FinishedRun) -> Table:
    counts = night.counts
    table = Table(title=f"Run {night.run_id}", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    rows = {
        "rows read": counts["rows_read"],
        "rows refused": counts["rows_refused"],
        "cases under supervision": counts["cases"],
        "cases scored": counts["cases_scored"],
        "left out: access is limited": counts["cases_limited"],
        "left out: nothing on record": counts["nothing_on_record"],
        **{
            f"flagged, recorded {level.replace('_', ' ').lower()}": n
            for level, n in sorted(counts["flagged"].items())
        },
        **{f"drawn as {LANE_NAMES[lane]}": n for lane, n in counts["lanes"].items()},
        "drawn at random": counts["random"],
        "concluded lately, left alone": counts.get("cooling_down", 0),
        "concluded lately, brought back by new evidence": counts.get("brought_back", 0),
    }
    for name, value in rows.items():
        table.add_row(name, f"{value:,}")
    return table


def _top_flagged(chosen: Settings) -> Table:
    """The five flagged cases of the newest night that rank first, with two reasons each."""
    table = Table(title="The five weightiest, with their first two reasons", show_lines=True)
    for name in ("case", "group", "recorded", "reasons"):
        table.add_column(name, overflow="fold")
    newest = select(func.max(items.c.as_of)).scalar_subquery()
    rows = (
        select(items.c.crn, findings)
        .join(findings, findings.c.item_id == items.c.id)
        .where(findings.c.drawn_as == "flagged", items.c.as_of == newest)
        .order_by(findings.c.probability.desc(), items.c.crn)
        .limit(5)
    )
    with connect_as(chosen, NIGHT) as engine, engine.connect() as connection:
        for row in connection.execute(rows).mappings():
            sentences = [f["sentence"] for reason in row["reasons"] for f in reason["findings"]]
            table.add_row(
                row["crn"],
                row["risk_group"].replace("_", " "),
                row["stratum"].lower(),
                "\n".join(sentences[:2]),
            )
    return table
