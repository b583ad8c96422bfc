"""Runs the board's commands: propose, sign, stop, resume, withdraw, live."""

from __future__ import annotations

import argparse

from markupsafe import Markup
from sqlalchemy import Engine, select

from features import clock
from features.errors import MissingInput, UnreadableInput, UserError
from features.frame import build
from features.store import digests, working_copy
from features.store.store import Store
from models import bundle, registry
from serving import settings, watch
from serving.board import approvals, stop
from serving.board.card import render_card
from serving.commands import demo
from serving.commands.service import connect_as, console, newest_bundle
from serving.db.server import NIGHT, WEB
from serving.db.session import AuditEvent, transaction
from serving.db.tables import runs
from serving.reports import board_pack as pack
from serving.settings import Settings


def approve_bundle(args: argparse.Namespace) -> None:
    """Propose or sign an approval; in a demo, approve in the made-up members' names."""
    chosen = settings.read_settings()
    with connect_as(chosen, WEB) as engine:
        _approve_live(args, chosen, engine)


def _approve_live(args: argparse.Namespace, chosen: Settings, engine: Engine) -> None:
    if args.demo:
        folder = newest_bundle(chosen)
        working_copy.send_folder(folder)
        store = Store.open(chosen.store)
        as_of = args.as_of or store.extracted_on
        cases = build.cases_under_supervision(store, as_of).height
        number = demo.approve_demo(chosen, engine, bundle.load_bundle(folder), folder.name, cases)
        console.print(f"Approval {number}, for this demo alone: bundle {folder.name}.")
        return
    if not args.user or not args.reasons:
        raise UserError("Name who approves (--as) and why (--reasons, at least 20 characters).")
    with transaction(engine, args.user) as opened:
        number = args.approval
        if number is None:
            folder = working_copy.fetch_folder(args.bundle or newest_bundle(chosen))
            weekly_reviews = _parse_weekly_reviews(args.weekly_reviews)
            working_copy.send_folder(folder)
            number = approvals.propose_approval(
                opened,
                bundle.load_bundle(folder),
                folder.name,
                weekly_reviews,
                args.random_share,
                demo=chosen.demo,
                tracked=registry.run_address(folder),
                card=folder / "card.md",
            )
        approvals.sign_approval(opened, number, args.reasons, args.conditions or "")
    with engine.connect() as connection:
        approval = next(item for item in approvals.list_approvals(connection) if item.id == number)
    console.print(
        f"Approval {number}, of bundle {approval.bundle_folder}, has {len(approval.signed_by)} of "
        f"{approvals.SIGNATURES} signatures; it expires on {approval.expires_at:%d %B %Y}."
    )


def _parse_weekly_reviews(text: str) -> dict[str, int]:
    weekly_reviews: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if name not in demo.PER_THOUSAND or not number.isdigit() or name in weekly_reviews:
            raise UserError(f"--weekly-reviews has {part!r}. {_WEEKLY_REVIEWS_FORM}")
        weekly_reviews[name] = int(number)
    missing = [name for name in demo.PER_THOUSAND if name not in weekly_reviews]
    if missing:
        # A level that is left out would have no flagged reviews, and nobody would notice.
        raise UserError(f"--weekly-reviews lacks {' and '.join(missing)}. {_WEEKLY_REVIEWS_FORM}")
    if not any(weekly_reviews.values()):
        raise UserError(f"--weekly-reviews has no review at all. {_WEEKLY_REVIEWS_FORM}")
    return weekly_reviews


_WEEKLY_REVIEWS_FORM = (
    "Write a number a week for every recorded level and lane, once each, as "
    "low=320,medium=400,high=240,unknown=160,unusual=160,combination=80; 0 means that none "
    "of it is drawn."
)


def stop_flagging(args: argparse.Namespace) -> None:
    """Stop flagging at once; `--resume` agrees to resume (two members must agree)."""
    chosen = settings.read_settings()
    with connect_as(chosen, WEB) as engine:
        with transaction(engine, args.user) as opened:
            (stop.resume_flagging if args.resume else stop.stop_flagging)(opened, args.reasons)
        with engine.connect() as connection:
            current_stop = stop.in_force(connection)
    console.print(current_stop.stop_notice if current_stop else "Flagging goes on.")


def show_figures(_: argparse.Namespace) -> None:
    """Compute the watched figures about readers and missed cases, store and print them."""
    chosen = settings.read_settings()
    with connect_as(chosen, NIGHT) as engine, transaction(engine, None) as opened:
        figures = watch.keep_again(opened.connection, clock.today())
        opened.audit(
            AuditEvent("WATCHED", "NOT_APPLICABLE", "-", dict(watch.count_states(figures)))
        )
    for one in figures:
        console.print(
            f"[bold]{one.state}[/bold]  {watch.THRESHOLDS[one.name].title.lower()}: {one.sentence}"
        )


def write_board_pack(args: argparse.Namespace) -> None:
    """Write the board's monthly pack: page, PDF and CSV."""
    chosen, month = settings.read_settings(), pack.Month.parse_month(args.month)
    with connect_as(chosen, NIGHT) as engine, transaction(engine, None) as opened:
        contents = pack.gather_pack(opened.connection, month, demo=chosen.demo)
        opened.audit(AuditEvent("MADE_PACK", "NOT_APPLICABLE", "-", {"month": args.month}))
    card = Markup("Nothing was approved at the end of the month, so there is no card.")
    if contents.live is not None:
        folder = working_copy.fetch_folder(chosen.bundles / contents.live.bundle_folder)
        path = folder / "card.md"
        if not path.exists():
            raise MissingInput(f"The model card is missing: {path}. Fetch it beside the bundle.")
        if contents.live.card and digests.digest_of(path) != contents.live.card:
            raise UnreadableInput(f"{path} is not the card that was signed; fetch it again.")
        card = render_card(path.read_text(encoding="utf-8"), path.parent)
    for written_path in pack.write_pack(contents, args.out, card):
        console.print(f"Written: {written_path}")


def withdraw_approval(args: argparse.Namespace) -> None:
    """Withdraw an approval at once."""
    chosen = settings.read_settings()
    with connect_as(chosen, WEB) as engine, transaction(engine, args.user) as opened:
        approvals.withdraw_approval(opened, args.approval, args.reasons)
    console.print(f"Approval {args.approval} is withdrawn.")


def print_live(args: argparse.Namespace) -> None:
    """Print the approval in force at the end of a day, and the one used by that day's run."""
    chosen = settings.read_settings()
    at = clock.end_of(args.on)
    with connect_as(chosen, NIGHT) as engine, engine.connect() as connection:
        approval = approvals.live_at(connection, at, demo=chosen.demo)
        about = select(runs).where(runs.c.as_of == args.on).order_by(runs.c.at)
        nights = connection.execute(about).mappings().all()
    day = f"{args.on.day} {args.on:%B %Y}"
    console.print(f"At the end of {day}:")
    console.print(
        f"Approval {approval.id}: bundle {approval.bundle_id[:12]}, signed by "
        f"{', '.join(approval.signed_by)}."
        if approval
        else "Nothing was approved to score then."
    )
    console.print(f"The record as it was on {day}:")
    for night in nights:
        console.print(
            f"scored by run {night['id']}, made {night['at']:%d.%m.%Y %H:%M} UTC, approval "
            f"{night['approval_id']}, bundle {night['bundle_id'][:12]}."
        )
    if not nights:
        console.print("scored by no night.")
