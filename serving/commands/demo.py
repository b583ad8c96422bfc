"""Adds the demo's made-up users and approval; refused outside a demo."""

from __future__ import annotations

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from features import clock
from features.errors import SetupProblem
from models import registry
from models.bundle import Bundle
from serving.board import approvals
from serving.db.server import as_owner
from serving.db.session import transaction
from serving.db.tables import items, users
from serving.settings import Settings

USERS: tuple[tuple[str, str, str, str | None], ...] = (
    ("ALD-SPO-1", "Morgan Ellery", "spo", "N54ALD"),
    ("ALD-SPO-2", "Jo Tindall", "spo", "N54ALD"),
    ("BRI-SPO-1", "Sam Okonedo", "spo", "N54BRI"),
    ("BRI-SPO-2", "Ray Castleton", "spo", "N54BRI"),
    ("ALD-HEAD", "Ash Verrall", "head", "N54ALD"),
    ("INSPECTOR-1", "Sol Penhale", "inspector", None),
    ("ANALYST-1", "Kit Marrow", "analyst", None),
    ("BOARD-1", "Dr Hollis Wren", "board", None),
    ("BOARD-2", "Priti Marlowe", "board", None),
)
"""Made-up people who may sign in to a demo: SPOs of two units, members of the board."""

PRACTITIONER = "Robin Hale"
REASONS = "Demonstration on made-up people; this approval is void anywhere else."
PER_THOUSAND = {
    "low": 4.0,
    "medium": 5.0,
    "high": 3.0,
    "unknown": 2.0,
    "unusual": 2.0,
    "combination": 1.0,
}
RANDOM_SHARE = 0.2


def add_users(settings: Settings) -> None:
    """Add the made-up users; raises SetupProblem outside a demo."""
    check_is_demo(settings)
    rows = [
        {"username": u, "name": n, "role": r, "pdu_code": p, "made_up": True}
        for u, n, r, p in USERS
    ]
    with as_owner(settings) as connection:
        connection.execute(insert(users).values(rows).on_conflict_do_nothing())


def add_practitioners(settings: Settings) -> list[str]:
    """Add, for each unit with a made-up SPO, the practitioner with the most queued cases."""
    check_is_demo(settings)
    usernames = []
    with as_owner(settings) as connection:
        for pdu in sorted({pdu for _, _, role, pdu in USERS if role == "spo" and pdu}):
            most = (
                select(items.c.practitioner_code)
                .where(items.c.pdu_code == pdu, items.c.practitioner_code.is_not(None))
                .group_by(items.c.practitioner_code)
                .order_by(func.count().desc(), items.c.practitioner_code)
            )
            code = connection.execute(most).scalars().first()
            if code is not None:
                row = {
                    "username": f"{pdu[3:]}-PP-1",
                    "name": PRACTITIONER,
                    "role": "practitioner",
                    "pdu_code": pdu,
                    "staff_code": code,
                    "made_up": True,
                }
                connection.execute(insert(users).values(row).on_conflict_do_nothing())
                usernames.append(str(row["username"]))
    return usernames


def approve_demo(settings: Settings, engine: Engine, model: Bundle, folder: str, cases: int) -> int:
    """Approve a bundle in the names of the two made-up board members, unless already approved."""
    check_is_demo(settings)
    board = [username for username, _, role, _ in USERS if role == "board"]
    now = clock.now()
    with engine.connect() as connection:
        for item in approvals.list_approvals(connection):
            if item.bundle_id == model.id and item.demo and not item.why_not_now(now):
                return item.id
    weekly_reviews = {
        name: max(1, round(share * cases / 1000)) for name, share in PER_THOUSAND.items()
    }
    with transaction(engine, board[0]) as opened:
        number = approvals.propose_approval(
            opened,
            model,
            folder,
            weekly_reviews,
            RANDOM_SHARE,
            demo=True,
            tracked=registry.run_address(settings.bundles / folder),
            card=settings.bundles / folder / "card.md",
        )
        approvals.sign_approval(opened, number, REASONS)
    with transaction(engine, board[1]) as opened:
        approvals.sign_approval(opened, number, REASONS)
    return number


def check_is_demo(settings: Settings) -> None:
    """Raise SetupProblem outside a demo."""
    if not settings.demo:
        raise SetupProblem("Made-up users and their approval exist only with ROSH_MODE=demo.")
