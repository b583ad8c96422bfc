"""Commands for the service: python -m serving COMMAND --help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, create_engine, insert, select
from sqlalchemy.exc import DBAPIError

from features import build
from features.errors import EXIT_CODE_HELP, MissingInput, UserError, shown_to_people
from features.progress import steps
from features.store import Store
from models import bundle
from serving import approvals, audit, demo, scoring, settings
from serving.db.migrate import migrate as bring_up_to_date
from serving.db.server import NIGHT, OWNER, WEB, admin_url, engine_for
from serving.db.session import unit
from serving.db.tables import findings, items, users
from serving.review import states
from serving.settings import Settings

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit code."""
    args = _parser().parse_args(arguments)
    return shown_to_people(lambda: args.run(args))


def migrate(_: argparse.Namespace) -> None:
    """Make the roles and bring the tables up to date."""
    chosen = settings.read()
    bring_up_to_date(chosen)
    if chosen.demo:
        demo.add_users(chosen)
    console.print("The database is up to date.")


def add_user(args: argparse.Namespace) -> None:
    """Enter a user with a role and, for an SPO, a unit."""
    if (args.role == "board") != (args.pdu is None):
        raise UserError("Everyone but a member of the board has a unit (--pdu).")
    if (args.role == "practitioner") != (args.staff_code is not None):
        raise UserError("A practitioner, and no one else, has a staff code (--staff-code).")
    row = {
        "username": args.username, "name": args.name, "role": args.role, "pdu_code": args.pdu,
        "staff_code": args.staff_code, "made_up": False,
    }  # fmt: skip
    engine = create_engine(admin_url(settings.read()))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL ROLE {OWNER}")
            connection.execute(insert(users).values(row))
    except DBAPIError as error:
        raise UserError(
            f"{args.username} could not be entered: there is such a user already, or the database "
            "is not migrated."
        ) from error
    finally:
        engine.dispose()
    console.print(f"{args.username} may sign in as {args.role}.")


def approve(args: argparse.Namespace) -> None:
    """Propose or sign an approval, or give the demo's own."""
    chosen = settings.read()
    with _connected(chosen, WEB) as engine:
        _approve(args, chosen, engine)


def _approve(args: argparse.Namespace, chosen: Settings, engine: Engine) -> None:
    if args.demo:
        folder = _newest_bundle(chosen)
        store = Store.open(chosen.store)
        as_of = args.as_of or store.loads[-1].extracted_at.date()
        cases = build.cases_under_supervision(store, as_of).height
        number = demo.approve(chosen, engine, bundle.load(folder), folder.name, cases)
        console.print(f"Approval {number}, for this demo alone: bundle {folder.name}.")
        return
    if not args.user or not args.reasons:
        raise UserError("Name who approves (--as) and why (--reasons, at least 20 characters).")
    with unit(engine, args.user) as opened:
        number = args.approval
        if number is None:
            folder = args.bundle or _newest_bundle(chosen)
            rates = _rates(args.rates)
            number = approvals.propose(
                opened, bundle.load(folder), folder.name, rates, args.random_share, demo=chosen.demo
            )
        approvals.sign(opened, number, args.reasons)
    with engine.connect() as connection:
        made = next(item for item in approvals.every(connection) if item.id == number)
    console.print(
        f"Approval {number} has {len(made.signed_by)} of {approvals.SIGNATURES} signatures; it "
        f"expires on {made.expires_at:%d %B %Y}."
    )


def score(args: argparse.Namespace) -> None:
    """Score the caseload as of a date and fill the queue."""
    chosen = settings.read()
    with steps("the night") as step, _connected(chosen, NIGHT) as engine:
        night = scoring.score(chosen, engine, args.as_of, step)
    console.print(_summary(night))
    console.print(_top(chosen))
    if not night.fresh:
        console.print(f"Run {night.run_id} stands already: nothing was changed.")
    if chosen.demo:
        practitioners = demo.add_practitioners(chosen)
        names = ", ".join([*(username for username, *_ in demo.USERS), *practitioners])
        console.print("Made-up people: this shows that the parts work together, not accuracy.")
        console.print(f"Now [bold]make serve[/bold], and sign in as one of: {names}")


def verify_audit(_: argparse.Namespace) -> None:
    """Say whether every audit row stands as it was written; name the first that does not."""
    chosen = settings.read()
    with _connected(chosen, NIGHT) as engine, engine.connect() as connection:
        console.print(audit.verify(connection, chosen.data))


def serve(args: argparse.Namespace) -> None:
    """Serve the pages."""
    from serving.web.app import run

    run(settings.read(), args.host, args.port)


def make_assets(args: argparse.Namespace) -> None:
    """Make the served front-end files from node_modules."""
    from serving.web import assets

    made = assets.prepare(args.modules)
    console.print(f"Front-end files: {', '.join(made)}")


def write_docs(args: argparse.Namespace) -> None:
    """Write the generated pages of documentation."""
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "review-states.md").write_text(states.as_markdown(), encoding="utf-8")
    console.print(f"Written: {args.out}/review-states.md")


@contextmanager
def _connected(chosen: Settings, role: str) -> Iterator[Engine]:
    """An engine for a role, closed at the end of the command."""
    engine = engine_for(chosen, role)
    try:
        yield engine
    finally:
        engine.dispose()


def _newest_bundle(chosen: Settings) -> Path:
    found = sorted(chosen.bundles.glob("*/bundle.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise MissingInput(
            f"There is no bundle in {chosen.bundles}. Train one: python -m training train"
        )
    return found[-1].parent


def _rates(text: str) -> dict[str, int]:
    found = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if name not in demo.PER_THOUSAND or not number.isdigit():
            raise UserError(
                f"--rates has {part!r}; write a weekly number for each recorded level, as "
                "low=120,medium=150,high=90,unknown=60."
            )
        found[name] = int(number)
    return found


def _summary(night: scoring.Night) -> Table:
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
        "drawn at random": counts["random"],
        "concluded lately, left alone": counts.get("cooling_down", 0),
        "concluded lately, brought back by new evidence": counts.get("brought_back", 0),
    }
    for name, value in rows.items():
        table.add_row(name, f"{value:,}")
    return table


def _top(chosen: Settings) -> Table:
    """The five flagged cases whose level looks most clearly too low, with two reasons each."""
    table = Table(title="The five weightiest, with their first two reasons", show_lines=True)
    for name in ("case", "group", "recorded", "reasons"):
        table.add_column(name, overflow="fold")
    rows = (
        select(items.c.crn, findings)
        .join(findings, findings.c.item_id == items.c.id)
        .where(findings.c.drawn_as == "flagged")
        .order_by(findings.c.probability.desc(), items.c.crn)
        .limit(5)
    )
    with _connected(chosen, NIGHT) as engine, engine.connect() as connection:
        for row in connection.execute(rows).mappings():
            said = [f["sentence"] for reason in row["reasons"] for f in reason["findings"]]
            table.add_row(
                row["crn"],
                row["risk_group"].replace("_", " "),
                row["stratum"].lower(),
                "\n".join(said[:2]),
            )
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving",
        description="An approved bundle and live cases become a queue to read. It never decides.",
        epilog=EXIT_CODE_HELP
        + ". Environment: ROSH_MODE (demo or live), ROSH_DATA, DATABASE_URL, ROSH_WEB_PASSWORD, "
        "ROSH_NIGHT_PASSWORD, ROSH_ADMIN_PASSWORD, ROSH_SESSION_SECRET, ROSH_DRAW_SECRET.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("migrate", help="make the roles, bring the tables up to date")
    one.set_defaults(run=migrate)

    two = commands.add_parser("add-user", help="enter a user")
    two.add_argument("username")
    two.add_argument("--name", required=True)
    two.add_argument("--role", choices=["spo", "head", "practitioner", "board"], required=True)
    two.add_argument("--pdu", help="unit code, for all but the board")
    two.add_argument("--staff-code", help="staff code in NDelius, for a practitioner")
    two.set_defaults(run=add_user)

    three = commands.add_parser("approve", help="propose or sign what may score (two people)")
    three.add_argument("--as", dest="user", help="the board member who signs")
    three.add_argument("--reasons", help="that person's own reasons")
    three.add_argument("--approval", type=int, help="sign this proposal; else make a new one")
    three.add_argument("--bundle", type=Path, help="folder of the bundle (default: the newest)")
    three.add_argument("--rates", default="low=320,medium=400,high=240,unknown=160",
                       help="reviews a week by recorded level (%(default)s)")  # fmt: skip
    three.add_argument("--random-share", type=float, default=demo.RANDOM_SHARE,
                       help="share of new reviews drawn at random (%(default)s)")  # fmt: skip
    three.add_argument("--demo", action="store_true", help="the demo's own, refused outside it")
    three.add_argument(
        "--as-of",
        type=date.fromisoformat,
        help="day whose caseload sets the demo's rates (default: the newest)",
    )
    three.set_defaults(run=approve)

    four = commands.add_parser("score", help="run the night: score every case, fill the queue")
    four.add_argument("--as-of", type=date.fromisoformat, required=True)
    four.set_defaults(run=score)

    five = commands.add_parser("serve", help="serve the pages")
    five.add_argument("--host", default="127.0.0.1")
    five.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    five.set_defaults(run=serve)

    eight = commands.add_parser("audit", help="check that the audit stands as it was written")
    eight.add_argument("what", choices=["verify"])
    eight.set_defaults(run=verify_audit)

    seven = commands.add_parser("assets", help="make the front-end files from node_modules")
    seven.add_argument("--modules", type=Path, default=Path("node_modules"))
    seven.set_defaults(run=make_assets)

    six = commands.add_parser("docs", help="write docs/review-states.md")
    six.add_argument("--out", type=Path, default=Path("docs"))
    six.set_defaults(run=write_docs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
