"""Commands for the service: python -m serving COMMAND --help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from features import clock
from features.errors import EXIT_CODE_HELP, shown_to_people
from features.store.objects import parse_place
from serving.commands import admin, backups, board, demo, demo_past, records, scheduled
from serving.commands import service as do
from serving.db.server import absence_said
from serving.night.purge import MONTHS

ROLES = ("spo", "head", "practitioner", "board", "analyst", "inspector", "batch")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit code."""
    args = build_parser().parse_args(arguments)
    return shown_to_people(lambda: run_command(args))


def run_command(args: argparse.Namespace) -> None:
    """Run the command of the parsed arguments; an unreachable database becomes a UserError."""
    with absence_said():
        args.run(args)


def build_parser() -> argparse.ArgumentParser:
    """Every command with its arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m serving",
        description="An approved bundle and live cases become a queue to read. It never decides.",
        epilog=EXIT_CODE_HELP
        + ". Environment: ROSH_MODE (demo or live), ROSH_DATA, DATABASE_URL, ROSH_WEB_PASSWORD, "
        "ROSH_NIGHT_PASSWORD, ROSH_ADMIN_PASSWORD, ROSH_SESSION_SECRET, ROSH_DRAW_SECRET, "
        "ROSH_ANCHOR_KEY.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    migrate_parser = commands.add_parser(
        "migrate", help="make the roles, bring the tables up to date"
    )
    migrate_parser.set_defaults(run=admin.migrate_database)

    add_user_parser = commands.add_parser("add-user", help="enter a user")
    add_user_parser.add_argument("username")
    add_user_parser.add_argument("--name", required=True)
    add_user_parser.add_argument(
        "--role",
        choices=["spo", "head", "practitioner", "board", "analyst", "inspector", "batch"],
        required=True,
    )
    add_user_parser.add_argument("--pdu", help="unit code, for an SPO, a head or a practitioner")
    add_user_parser.add_argument("--staff-code", help="staff code in NDelius")
    add_user_parser.set_defaults(run=admin.add_user)

    approve_parser = commands.add_parser(
        "approve", help="propose or sign what may score (two people)"
    )
    approve_parser.add_argument("--as", dest="user", help="the board member who signs")
    approve_parser.add_argument("--reasons", help="that person's own reasons")
    approve_parser.add_argument("--conditions", help="on which conditions, if on any")
    approve_parser.add_argument(
        "--approval", type=int, help="sign this proposal; else make a new one"
    )
    approve_parser.add_argument(
        "--bundle", type=Path, help="folder of the bundle (default: the newest)"
    )
    approve_parser.add_argument(
        "--weekly-reviews",
        "--rates",
        default="low=320,medium=400,high=240,unknown=160,unusual=160,combination=80",
        help="reviews a week for every recorded level, and for each lane beside the model: what is "
        "new and unusual, and a signed combination (%(default)s)",
    )
    approve_parser.add_argument(
        "--random-share",
        type=float,
        default=demo.RANDOM_SHARE,
        help="share of new reviews drawn at random (%(default)s)",
    )
    approve_parser.add_argument(
        "--demo", action="store_true", help="the demo's own, refused outside it"
    )
    approve_parser.add_argument(
        "--as-of",
        type=clock.as_of_date,
        help="day whose caseload sets the demo's weekly reviews (default: the newest)",
    )
    approve_parser.set_defaults(run=board.approve_bundle)

    score_parser = commands.add_parser(
        "score", help="run the night: score every case, fill the queue"
    )
    score_parser.add_argument("--as-of", type=clock.as_of_date, required=True)
    score_parser.add_argument(
        "--replay", action="store_true", help="score a past day into a file, and touch nothing else"
    )
    score_parser.set_defaults(run=do.score_night)

    nightly_parser = commands.add_parser(
        "nightly", help="what a schedule starts: load, night, and a message where it fails"
    )
    nightly_parser.add_argument("--as-of", type=clock.as_of_date, default="yesterday")
    nightly_parser.add_argument("--extract", type=parse_place, help="loaded first")
    nightly_parser.set_defaults(run=scheduled.run_nightly)

    publish_parser = commands.add_parser(
        "publish", help="send events by SNS and audit rows by SQS that were not sent yet"
    )
    publish_parser.set_defaults(run=scheduled.publish)

    replay_parser = commands.add_parser(
        "replay", help="compute a run's scores again, and compare them bit for bit"
    )
    replay_parser.add_argument(
        "run_id", metavar="RUN", help="the run, as the board sees it, or `newest`"
    )
    replay_parser.set_defaults(run=records.replay_a_run)

    late_parser = commands.add_parser(
        "check-night", help="what a second schedule starts: a message where no night has run"
    )
    late_parser.set_defaults(run=scheduled.check_night)

    past_parser = commands.add_parser(
        "demo-past", help="the demo's own earlier nights and readings, refused outside it"
    )
    past_parser.add_argument("--as-of", type=clock.as_of_date, required=True, help="the last night")
    past_parser.add_argument("--weeks", type=int, default=8, help="weeks back (%(default)s)")
    past_parser.add_argument("--readings", type=Path, required=True, help="of made-up readers")
    past_parser.set_defaults(run=demo_past.run_past)

    serve_parser = commands.add_parser("serve", help="serve the pages")
    serve_parser.add_argument("--host", default="127.0.0.1")
    serve_parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    serve_parser.set_defaults(run=do.serve_pages)

    add_board_commands(commands)
    add_record_commands(commands)

    assets_parser = commands.add_parser("assets", help="make the front-end files from node_modules")
    assets_parser.add_argument("--modules", type=Path, default=Path("node_modules"))
    assets_parser.set_defaults(run=do.make_assets)

    docs_parser = commands.add_parser("docs", help="write the generated pages of docs/")
    docs_parser.add_argument("--out", type=Path, default=Path("docs"))
    docs_parser.set_defaults(run=do.write_docs)
    return parser


def add_board_commands(commands: Any) -> None:
    """Add the board's commands besides approving: stop, withdraw, live."""
    stop_parser = commands.add_parser("stop", help="stop flagging at once, or agree to restart it")
    stop_parser.add_argument("--as", dest="user", required=True, help="the board member")
    stop_parser.add_argument("--reasons", required=True, help="that person's own reasons")
    stop_parser.add_argument(
        "--resume", action="store_true", help="agree to restart flagging (two members must)"
    )
    stop_parser.set_defaults(run=board.stop_flagging)

    withdraw_parser = commands.add_parser("withdraw", help="withdraw an approval at once")
    withdraw_parser.add_argument("approval", type=int)
    withdraw_parser.add_argument("--as", dest="user", required=True, help="the board member")
    withdraw_parser.add_argument("--reasons", required=True, help="that person's own reasons")
    withdraw_parser.set_defaults(run=board.withdraw_approval)

    watch_parser = commands.add_parser(
        "watch", help="the figures of readers and misses, kept and said"
    )
    watch_parser.set_defaults(run=board.show_figures)

    board_pack_parser = commands.add_parser("board-pack", help="a month's pack: page, PDF and CSV")
    board_pack_parser.add_argument("--month", required=True, help="such as 2026-10, or `current`")
    board_pack_parser.add_argument(
        "--out", type=Path, required=True, help="the folder to write into"
    )
    board_pack_parser.set_defaults(run=board.write_board_pack)

    live_parser = commands.add_parser("live", help="what was approved to score on a day")
    live_parser.add_argument("--on", type=clock.as_of_date, required=True)
    live_parser.set_defaults(run=board.print_live)


def add_record_commands(commands: Any) -> None:
    """Add the commands about the record: end-user, audit, account, hold."""
    end_user_parser = commands.add_parser("end-user", help="end a user's sessions, or the user")
    end_user_parser.add_argument("username")
    end_user_parser.add_argument("--for-good", action="store_true", help="never to sign in again")
    end_user_parser.set_defaults(run=admin.end_user)

    audit_parser = commands.add_parser(
        "audit", help="check that the audit stands as it was written"
    )
    kinds = audit_parser.add_subparsers(required=True, metavar="WHAT")
    chain_parser = kinds.add_parser("verify", help="name the first row that was changed")
    chain_parser.add_argument(
        "--anchors", type=Path, help="a copy of the signed heads kept elsewhere"
    )
    chain_parser.set_defaults(run=do.verify_audit)
    kinds.add_parser("anchor", help="sign the head of the chain now, and print it").set_defaults(
        run=do.anchor_audit
    )
    out = kinds.add_parser("export", help="audit events in the HMPPS shape, a line each")
    out.add_argument("--after", type=int, default=0, help="the number of the last row fetched")
    out.set_defaults(run=admin.export_audit)

    account_parser = commands.add_parser(
        "account", help="what was known, said and done about one case"
    )
    account_parser.add_argument("--as", dest="user", required=True, help="the inspector who asks")
    account_parser.add_argument("--crn", required=True)
    account_parser.add_argument(
        "--on", type=clock.as_of_date, required=True, help="the end of this day"
    )
    account_parser.set_defaults(run=do.write_account)

    subject_parser = commands.add_parser(
        "subject-access", help="what a person may be told of the record that is held of them"
    )
    subject_parser.add_argument("crn")
    subject_parser.add_argument("--as", dest="user", required=True, help="the inspector who asks")
    subject_parser.add_argument("--reference", required=True, help="of the request")
    subject_parser.add_argument(
        "--from", dest="since", type=clock.as_of_date, default="2000-01-01", help="(%(default)s)"
    )
    subject_parser.add_argument(
        "--to", dest="until", type=clock.as_of_date, default="yesterday", help="(%(default)s)"
    )
    subject_parser.set_defaults(run=do.write_subject_access)

    hold_parser = commands.add_parser("hold", help="keep a case from deletion, or lift that")
    hold_parser.add_argument("--as", dest="user", required=True, help="the inspector who asks")
    hold_parser.add_argument("--crn", required=True)
    hold_parser.add_argument("--reasons", required=True)
    hold_parser.add_argument("--lift", action="store_true")
    hold_parser.set_defaults(run=do.hold_case)

    backup_parser = commands.add_parser("backup", help="write a backup of database and data folder")
    backup_parser.add_argument(
        "--out", type=parse_place, required=True, help="a folder outside the data folder, or s3://"
    )
    backup_parser.set_defaults(run=backups.write_backup)

    restore_parser = commands.add_parser(
        "restore", help="restore a backup into an empty database and data folder"
    )
    restore_parser.add_argument(
        "folder", type=parse_place, metavar="BACKUP", help="the backup's folder, or s3://"
    )
    restore_parser.set_defaults(run=backups.restore_backup)

    forget_parser = commands.add_parser(
        "forget", help="delete a person from store, queue and scores, on request"
    )
    forget_parser.add_argument("crn")
    forget_parser.add_argument(
        "--reference", required=True, help="the reference of the request, kept in the audit"
    )
    forget_parser.set_defaults(run=records.forget_person)

    purge_parser = commands.add_parser("purge", help="delete what the retention schedule ends")
    purge_parser.add_argument(
        "--months", type=int, default=MONTHS, help="kept after they ended (%(default)s)"
    )
    purge_parser.set_defaults(run=records.purge)

    holds_parser = commands.add_parser(
        "holds", help="write the list of held cases beside the store anew"
    )
    holds_parser.set_defaults(run=do.write_holds)


if __name__ == "__main__":
    sys.exit(main())
