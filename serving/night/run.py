"""Runs a night: scores every case with the approved bundle and fills the queue, in one commit.

Scores are written as `<run>.tmp`, forced to disk and renamed; the commit stores path and digest.
Only committed runs exist: a second start changes nothing, and the next run sweeps (promise 10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import NotApproved, RunStopped, UserError
from features.frame import build
from features.history import asof
from features.local_runners import Runner
from features.runners import chosen_runner
from features.store import working_copy
from features.store.store import Store
from serving.board import approvals, note_kinds, stop
from serving.board.approvals import Approval
from serving.cases import acute_entries, caseload, legal_holds, limited_access
from serving.db import audit_chain, working_days
from serving.db.night_lock import lock_night
from serving.db.session import AuditEvent, Transaction, transaction
from serving.db.tables import runs
from serving.night import (
    choose,
    dates,
    eligibility,
    reassessments,
    retention,
    score_caseload,
    shadow,
    write_run,
)
from serving.night.inputs import Night
from serving.night.score_caseload import ProposedModel, ScoredCaseload
from serving.settings import Settings


@dataclass(frozen=True)
class FinishedRun:
    """A finished run: its identity, whether it is new, and its counts."""

    run_id: str
    is_new: bool
    counts: dict[str, Any]


def run_night(
    settings: Settings, engine: Engine, as_of: date, step: Callable[[str], None] = lambda _: None
) -> FinishedRun:
    """Score every case under supervision as of a date and fill the queue, in one commit.

    Acute entries are delivered in a commit of their own before it: they need no approval. Raises
    UserError for a day that no night may be about, before anything is written; NotApproved where
    none holds: then acute entries, and who holds which case, are all that is written.
    """
    store = Store.open(settings.store)
    _check_modes(settings, store)
    try:
        # Around the lock too: giving it back is refused as well where the database has gone.
        with lock_night(engine):
            return _run_locked(settings, engine, store, as_of, step)
    except DBAPIError as error:
        raise RunStopped(
            f"The database refused the run ({type(error.orig).__name__}). Nothing of it was "
            "kept; the last good queue stands."
        ) from error


def _run_locked(
    settings: Settings, engine: Engine, store: Store, as_of: date, step: Callable[[str], None]
) -> FinishedRun:
    with engine.connect() as connection:
        dates.check_night(connection, store, as_of)
    step("finding who is under supervision")
    cases = build.cases_under_supervision(store, as_of)
    if cases.is_empty():
        raise UserError(f"No case in {settings.store} is under supervision on {as_of}.")
    with chosen_runner() as runner:
        return _run_with(runner, settings, engine, store, cases, as_of, step)


def _run_with(
    runner: Runner,
    settings: Settings,
    engine: Engine,
    store: Store,
    cases: pl.DataFrame,
    as_of: date,
    step: Callable[[str], None],
) -> FinishedRun:
    step("delivering urgent entries")
    _close_limited(engine, store, as_of)
    cases = _deliver_acute(engine, store, cases, as_of)
    approval = _approval_in_force(settings, engine, store, cases, as_of)
    step("loading the model")
    with transaction(engine, None) as opened:
        model = approvals.load_bundle(approval, settings.bundles)
        counted_kinds = note_kinds.kinds_in_effect(opened.connection, model)
        night = Night(
            settings=settings,
            engine=engine,
            store=store.counting_notes(counted_kinds),
            as_of=as_of,
            cases=cases,
            approval=approval,
            model=model,
            challengers=shadow.open_challengers(
                opened.connection, approval, settings.bundles, demo=settings.demo
            ),
            runner=runner,
            step=step,
        )
        earlier_counts = select(runs.c.counts).where(runs.c.id == night.run_id)
        counts = opened.connection.execute(earlier_counts).scalar()
        again = {"again": counts is not None}
        opened.audit(AuditEvent("STARTED_RUN", "RUN", night.run_id, again))
        committed = set(opened.connection.execute(select(runs.c.scores_file)).scalars())
    _sweep_scores(settings, committed)
    if counts is not None:
        return FinishedRun(night.run_id, False, dict(counts))
    return _score_and_write(night)


def _approval_in_force(
    settings: Settings,
    engine: Engine,
    store: Store,
    cases: pl.DataFrame,
    as_of: date,
) -> Approval:
    """The approval in force; where there is none, caseload facts are updated before NotApproved."""
    try:
        with engine.connect() as connection:
            return approvals.in_force(connection, demo=settings.demo)
    except NotApproved:
        placed = caseload.place_cases(store, cases)
        with transaction(engine, None) as opened:
            details = _follow_cases(opened.connection, store, as_of)
            caseload.write_caseload(opened.connection, cases, placed, as_of)
            opened.audit(AuditEvent("PLACED_CASELOAD", "NOT_APPLICABLE", "-", details))
        raise


def _score_and_write(night: Night) -> FinishedRun:
    """The steps of a night: indicators and scores, eligible cases, chosen cases, writing."""
    scored = score_caseload.score_caseload(
        store=night.store,
        cases=night.cases,
        model=night.model,
        as_of=night.as_of,
        step=night.step,
        runner=night.runner,
        proposed=_other_models(night),
    )
    night.step("choosing cases")
    with transaction(night.engine, None) as opened:
        # A limit reported while the night scored holds for it too; from here none is reported
        # until it has committed.
        limited_access.lock_limits(opened.connection)
        limited = limited_access.limited_cases(opened.connection)
        scored = score_caseload.without_limited(scored, limited)
        stopped = stop.in_force(opened.connection) is not None
        counts = _choose_and_write(opened, night, scored, stopped=stopped)
        shadow.write_comparisons(
            opened.connection,
            scored,
            night.approval,
            night.model,
            night.challengers,
            night.draw_key,
        )
        stop.as_the_board_says(opened.connection, night.approval, stopped=stopped)
        queued = sum(counts["flagged"].values()) + sum(counts["lanes"].values()) + counts["random"]
        opened.audit(AuditEvent("COMMITTED_RUN", "RUN", night.run_id, {"queued": queued}))
    with night.engine.connect() as connection:
        settings = night.settings
        audit_chain.write_anchor(connection, settings.anchors, settings.anchor_key)
    return FinishedRun(night.run_id, True, counts)


def _choose_and_write(
    opened: Transaction, night: Night, scored: ScoredCaseload, *, stopped: bool
) -> dict[str, Any]:
    connection = opened.connection
    moves = _follow_cases(connection, night.store, night.as_of)
    away = eligibility.find_away(
        connection, night.store, night.as_of, scored.scores, night.approval.rise
    )
    chosen = choose.choose_cases(
        connection=connection,
        approval=night.approval,
        scored=scored.scores,
        units=scored.units,
        key=night.draw_key,
        as_of=night.as_of,
        away=away.all_crns,
        stopped=stopped,
        random_only=approvals.random_only(night.approval, night.model),
        lanes=scored.lanes,
    )
    more_counts = {"stopped": stopped, **moves}
    return write_run.write_run(opened, night, scored, away, chosen, more_counts)


def _other_models(night: Night) -> dict[int, ProposedModel]:
    """The models of open proposals by number, without those that share the approved model."""
    return {
        one.approval.id: ProposedModel(one.model, one.note_kinds)
        for one in night.challengers
        if one.model is not None and one.model.id != night.model.id
    }


def _close_limited(engine: Engine, store: Store, as_of: date) -> None:
    """Close cases that have become limited, and delete expired drafts and sessions."""
    with transaction(engine, None) as opened:
        closing = limited_access.close_cases(opened.connection, store, as_of)
        expired = retention.delete_expired(opened.connection)
        cases_held = legal_holds.write_hold_list(opened.connection, store.path)
        working_days.write_bank_holidays(opened.connection, clock.today())
        details = {
            "shrunk": closing.shrunk,
            "opened": closing.opened,
            **expired,
            "held": cases_held,
        }
        opened.audit(AuditEvent("CLOSED_DOORS", "NOT_APPLICABLE", "-", details))


def _deliver_acute(engine: Engine, store: Store, on: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Deliver acute entries in their own commit, with or without an approval; returns the spine.

    The spine, limited as it is by now.
    """
    with transaction(engine, None) as opened:
        limited_access.lock_limits(opened.connection)
        on = limited_access.mark_limited(on, limited_access.limited_cases(opened.connection))
        limited = set(on.filter("limited")["crn"])
        delivery = acute_entries.deliver_entries(
            opened.connection, store, on.select(asof.KEY), limited, as_of
        )
        details = {"new": delivery.new, "without_a_unit": delivery.nowhere}
        opened.audit(AuditEvent("DELIVERED_ACUTE", "NOT_APPLICABLE", "-", details))
    return on


def _follow_cases(connection: Connection, store: Store, as_of: date) -> dict[str, int]:
    """Update what needs no model: requests that are answered, and cases that have moved."""
    closed = reassessments.close_requests(connection, store, as_of)
    return {"reassessed": closed, "moved": reassessments.move_cases(connection, store, as_of)}


def _check_modes(settings: Settings, store: Store) -> None:
    if store.made_up and not settings.demo:
        raise UserError("The store holds made-up people; it is scored only with ROSH_MODE=demo.")
    if settings.demo and not store.made_up:
        raise UserError("The store holds real people; a demo never scores them.")


def _sweep_scores(settings: Settings, committed: set[str]) -> None:
    settings.scores.mkdir(parents=True, exist_ok=True)
    ours = (".tmp", ".parquet") if committed else (".tmp",)
    for path in working_copy.list_paths(settings.scores):
        if path.suffix in ours and path.name not in committed:
            working_copy.remove_file(path)
