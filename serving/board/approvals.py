"""Keeps approvals: two board members bind a bundle and rates for a time; nothing else may score."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import NotApproved, UserError
from features.frame import build
from features.store import digests, working_copy
from models import bundle
from models.bundle import Bundle
from models.combinations import as_json, read_combinations
from serving.board import note_kinds
from serving.cases.acute_list import LISTED
from serving.db.session import AuditEvent, Transaction
from serving.db.tables import approvals, signatures, users
from serving.db.unit_tables import withdrawals
from serving.rule_numbers import APPROVAL_DAYS

SIGNATURES = 2
VALID_FOR = timedelta(days=APPROVAL_DAYS)
WARNED = (7, 14, 30)


@dataclass(frozen=True)
class SignedStatement:
    """What a member wrote when signing or withdrawing: who, when, reasons, conditions."""

    name: str
    at: datetime
    reasons: str
    conditions: str = ""
    username: str = ""


@dataclass(frozen=True)
class Approval:
    """An approval: the bundle and rates that it binds, who signed, and when it expires."""

    id: int
    bundle_id: str
    bundle_folder: str
    catalogue: str
    acute: dict[str, dict[str, list[str]]]
    """The list of acute entries that was signed."""
    tracked: str
    """Its run in MLflow: the experiment's number, /runs/, the run's; empty where not known."""
    weekly_reviews: dict[str, int]
    random_share: float
    demo: bool
    rise: float
    """The rise in probability that brings a concluded case back before its time."""
    at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None
    signed_by: tuple[str, ...]
    combinations: list[dict[str, Any]] | None = None
    """The table of combinations that was signed (models.combinations); None before they were."""
    card: str = ""
    """The SHA-256 of its model card, as it was proposed; empty where there was none."""
    statements: tuple[SignedStatement, ...] = ()
    """What each signer wrote, the first one first."""
    taken_back: SignedStatement | None = None
    """Who withdrew it, and why."""

    @property
    def digest_signed(self) -> str:
        """A digest of everything that a signature covers, stored in the audit chain.

        What an earlier release did not have is not in the digests that it stored.
        """
        until = self.expires_at.astimezone(UTC).isoformat()
        bound: list[Any] = [
            self.bundle_id,
            self.catalogue,
            self.acute,
            *([] if self.combinations is None else [self.combinations]),
            self.weekly_reviews,
            self.random_share,
        ]
        bound += [self.rise, self.demo, self.tracked, self.card, until]
        return _sha256_of(json.dumps(bound, sort_keys=True))

    def why_not(self, now: datetime) -> str | None:
        """The reason why the approval is not valid at the given time, or None if it is."""
        if len(self.signed_by) < SIGNATURES:
            return f"it has {len(self.signed_by)} of {SIGNATURES} signatures"
        if self.withdrawn_at is not None and self.withdrawn_at <= now:
            return f"it was withdrawn on {self.withdrawn_at:%-d %B %Y}"
        if self.expires_at <= now:
            return f"it expired on {self.expires_at:%-d %B %Y}"
        return None

    def why_not_now(self, now: datetime) -> str | None:
        """The reason why the approval lets nothing score now, the code's own version included."""
        return self.changed_list or self.why_not(now)

    @property
    def changed_list(self) -> str | None:
        """The list in the present code that is not the one that was signed, or None."""
        if self.acute != LISTED:
            return "the list of acute entries is not the one that was signed"
        if self.combinations != as_json(read_combinations()):
            return "the table of combinations is not the one that was signed"
        return None

    def expiry_warning(self, now: datetime) -> str | None:
        """A warning that the approval expires within 30, 14 or 7 days, or None."""
        days_left = (self.expires_at - now).days
        for days in WARNED:
            if 0 <= days_left < days:
                return f"expires in less than {days} days, on {self.expires_at:%-d %B %Y}"
        return None


def is_open_to_sign(one: Approval, now: datetime) -> bool:
    """Whether a proposal can still be signed, and could be valid with the present code."""
    undecided = len(one.signed_by) < SIGNATURES and one.withdrawn_at is None
    return undecided and one.expires_at > now and one.changed_list is None


def list_approvals(connection: Connection) -> list[Approval]:
    """Every approval, newest first, with what its signers wrote."""
    statements: dict[int, list[SignedStatement]] = {}
    signed = select(signatures, users.c.name).join(users, users.c.username == signatures.c.username)
    for row in connection.execute(signed.order_by(signatures.c.at, users.c.name)).mappings():
        one = SignedStatement(
            row["name"], row["at"], row["reasons"], row["conditions"], row["username"]
        )
        statements.setdefault(row["approval_id"], []).append(one)
    withdrawal_rows = select(withdrawals, users.c.name).join(
        users, users.c.username == withdrawals.c.username
    )
    withdrawn = {
        row["approval_id"]: SignedStatement(row["name"], row["at"], row["reasons"])
        for row in connection.execute(withdrawal_rows).mappings()
    }
    rows = connection.execute(select(approvals).order_by(approvals.c.id.desc())).mappings()
    return [
        _approval_of(row, statements.get(row["id"], []), withdrawn.get(row["id"])) for row in rows
    ]


def random_only(approval: Approval, model: Bundle) -> frozenset[str]:
    """The recorded levels at which the model flags nobody, because it does not pass the gate.

    In a demo it flags all the same: a model of few made-up people passes nowhere, and there would
    be nothing to see.
    """
    return frozenset() if approval.demo else model.random_only


def hold_still(connection: Connection) -> None:
    """Lock approvals and stops against changes until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('triage.stops'))"))


def in_force(connection: Connection, *, demo: bool, now: datetime | None = None) -> Approval:
    """The newest valid approval; raises NotApproved with the reason where there is none.

    An approval of a demo never holds outside one, nor the other way round.
    """
    candidates = [item for item in list_approvals(connection) if item.demo == demo]
    at = now or clock.now()
    for item in candidates:
        if item.why_not_now(at) is None:
            return item
    if not candidates:
        raise NotApproved("No model has been approved, so nothing can be flagged.")
    # The reason is that of the approval signed last; an unsigned proposal explains nothing.
    last = max(candidates, key=lambda one: len(one.signed_by))
    raise NotApproved(
        f"Nothing can be flagged: the approval of {last.at:%-d %B %Y} does not hold, "
        f"because {last.why_not_now(at)}."
    )


def load_bundle(approval: Approval, folder: Path) -> Bundle:
    """Load the approved bundle; NotApproved where the folder does not match the approved digest."""
    model = bundle.load_bundle(working_copy.fetch_folder(folder / approval.bundle_folder))
    if model.id != approval.bundle_id:
        raise NotApproved(
            f"The bundle in {approval.bundle_folder} is not the one approved on "
            f"{approval.at:%-d %B %Y}: its files have changed. Nothing was scored."
        )
    if approval.catalogue != build.catalogue_hash():
        raise NotApproved("The catalogue of indicators is not the one approved. Nothing scored.")
    return model


def propose_approval(
    opened: Transaction,
    model: Bundle,
    folder: str,
    weekly_reviews: Mapping[str, int],
    share: float,
    *,
    demo: bool,
    tracked: str = "",
    card: Path | None = None,
) -> int:
    """Record a proposal in the name of a board member; returns its number.

    Raises UserError for a model that counts a kind of note which may not count.
    """
    note_kinds.check_note_kinds(opened.connection, model)
    values: dict[str, Any] = {
        "bundle_id": model.id,
        "bundle_folder": folder,
        "catalogue": model.catalogue,
        "acute": LISTED,
        "combinations": as_json(read_combinations()),
        "tracked": tracked,
        "card": digests.digest_of(card) if card and card.exists() else "",
        "rates": dict(weekly_reviews),
        "random_share": share,
        "demo": demo,
        "at": func.triage.now(),
        "expires_at": func.triage.now() + VALID_FOR,
    }
    try:
        number = opened.connection.execute(
            insert(approvals).values(**values).returning(approvals.c.id)
        ).scalar_one()
    except DBAPIError as error:
        raise UserError(
            "It could not be proposed: only a member of the board proposes, with a random share "
            "between 0 and 1."
        ) from error
    binds = read_approval(opened.connection, int(number)).digest_signed
    details = {"bundle": model.id, "binds": binds}
    opened.audit(AuditEvent("PROPOSED_MODEL", "APPROVAL", str(number), details))
    return int(number)


def sign_approval(
    opened: Transaction, approval_id: int, reasons: str, conditions: str = ""
) -> None:
    """Sign a proposal in the user's own name; each board member can sign once."""
    one = read_approval(opened.connection, approval_id)
    if not is_open_to_sign(one, clock.now()):
        raise UserError(f"Proposal {approval_id} does not wait to be signed.")
    values = {
        "approval_id": approval_id,
        "username": opened.username,
        "reasons": reasons,
        "conditions": conditions.strip(),
        "at": func.triage.now(),
    }
    try:
        opened.connection.execute(insert(signatures).values(**values))
    except DBAPIError as error:
        raise UserError(
            "It could not be signed: a board member signs once, in the own name, with at least 20 "
            f"characters of reasons ({type(error.orig).__name__})."
        ) from error
    details = {"binds": one.digest_signed, "words": _sha256_of(f"{reasons}\n{conditions.strip()}")}
    opened.audit(AuditEvent("SIGNED_APPROVAL", "APPROVAL", str(approval_id), details))


def withdraw_approval(opened: Transaction, approval_id: int, reasons: str) -> None:
    """Withdraw an approval with immediate effect; one board member is enough."""
    hold_still(opened.connection)
    values = {"approval_id": approval_id, "username": opened.username, "reasons": reasons.strip()}
    try:
        opened.connection.execute(insert(withdrawals).values(**values))
    except DBAPIError as error:
        raise UserError(
            "It was not withdrawn: a member of the board withdraws once, with at least 20 "
            "characters of reasons."
        ) from error
    details = {"words": _sha256_of(reasons.strip())}
    opened.audit(AuditEvent("WITHDREW_APPROVAL", "APPROVAL", str(approval_id), details))


def live_at(connection: Connection, at: datetime, *, demo: bool) -> Approval | None:
    """The newest approval that was valid at a moment, or None.

    An approval is valid from its second signature; an unsigned proposal never is.
    """
    valid_approvals = (
        item
        for item in list_approvals(connection)
        if item.demo == demo
        and len(item.statements) >= SIGNATURES
        and item.statements[SIGNATURES - 1].at <= at
    )
    return next((item for item in valid_approvals if item.why_not(at) is None), None)


def first_altered(connection: Connection) -> int | None:
    """The number of the first approval that differs from its proposal in the audit chain."""
    rows = connection.execute(text("SELECT id, binds FROM triage.proposals_as_audited()")).all()
    digests = {one.id: one.digest_signed for one in list_approvals(connection)}
    return next((row.id for row in rows if digests.get(row.id) != row.binds), None)


def _sha256_of(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def read_approval(connection: Connection, number: int) -> Approval:
    """The proposal or approval with a number, in force or not; UserError where there is none."""
    approval = next((one for one in list_approvals(connection) if one.id == number), None)
    if approval is None:
        raise UserError(f"There is no proposal {number}.")
    return approval


def _approval_of(
    row: RowMapping, statements: list[SignedStatement], taken_back: SignedStatement | None
) -> Approval:
    return Approval(
        id=row["id"],
        bundle_id=row["bundle_id"],
        bundle_folder=row["bundle_folder"],
        catalogue=row["catalogue"],
        acute=dict(row["acute"]),
        combinations=row["combinations"],
        tracked=row["tracked"],
        weekly_reviews=dict(row["rates"]),
        random_share=row["random_share"],
        demo=row["demo"],
        rise=row["rise"],
        at=row["at"],
        expires_at=row["expires_at"],
        withdrawn_at=taken_back.at if taken_back else row["withdrawn_at"],
        signed_by=tuple(sorted(one.name for one in statements)),
        card=row["card"],
        statements=tuple(statements),
        taken_back=taken_back,
    )
