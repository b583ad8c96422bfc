"""The night: every case scored with what was approved, the queue filled, in one commit.

Scores are written as `<run>.tmp`, forced to disk and renamed; the commit stores path and digest.
Only committed runs exist: a second start changes nothing, and the next run sweeps (promise 10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import NotApproved, RunStopped, UserError
from features.frame import build
from features.history import asof
from features.store.staging import write_whole
from features.store.store import Store
from models.bundle import Bundle
from serving import watch
from serving.board import approvals, stop
from serving.board.approvals import Approval
from serving.cases import acute_entries, caseload, legal_holds, limited_access
from serving.cases.caseload import Placed
from serving.db import audit_chain, working_days
from serving.db.session import AuditEvent, Transaction, transaction
from serving.db.tables import items, runs
from serving.night import (
    choose,
    dates,
    enqueue,
    outcomes_file,
    reassessments,
    retention,
    score_caseload,
    shadow,
)
from serving.night.sampling import Chosen, Key
from serving.night.score_caseload import ScoredCaseload
from serving.night.shadow import Challenger
from serving.settings import Settings


@dataclass(frozen=True)
class Night:
    """A finished run: its identity, whether it was new, and its counts."""

    run_id: str
    fresh: bool
    counts: dict[str, Any]


def run_night(
    settings: Settings, engine: Engine, as_of: date, step: Callable[[str], None] = lambda _: None
) -> Night:
    """Score every case under supervision as of a date and fill the queue, in one commit.

    Acute entries are delivered in a commit of their own before it: they need no approval. Raises
    UserError for a day that no night may be about, before anything is written; NotApproved where
    none holds: then acute entries, and who holds which case, are all that is written.
    """
    store = Store.open(settings.store)
    _check_modes(settings, store)
    try:
        # Around the lock too: giving it back is refused as well where the database has gone.
        with _lock_night(engine):
            return _start_night(settings, engine, store, as_of, step)
    except DBAPIError as error:
        raise RunStopped(
            f"The database refused the run ({type(error.orig).__name__}). Nothing of it was "
            "kept; the last good queue stands."
        ) from error


def _start_night(
    settings: Settings, engine: Engine, store: Store, as_of: date, step: Callable[[str], None]
) -> Night:
    with engine.connect() as connection:
        dates.check_night(connection, store, as_of)
    on = build.cases_under_supervision(store, as_of)
    if on.is_empty():
        raise UserError(f"No case in {settings.store} is under supervision on {as_of}.")
    _close_limited(engine, store, as_of)
    where = caseload.place_cases(store, on)
    on = _deliver_acute(engine, store, on, as_of)
    try:
        with engine.connect() as connection:
            approval = approvals.in_force(connection, demo=settings.demo)
    except NotApproved:
        with transaction(engine, None) as opened:
            details = _bring_up_to_date(opened.connection, store, on, where, as_of)
            opened.audit(AuditEvent("PLACED_CASELOAD", "NOT_APPLICABLE", "-", details))
        raise
    with transaction(engine, None) as opened:
        model = approvals.load_bundle(approval, settings.bundles)
        beside = shadow.open_challengers(
            opened.connection, approval, settings.bundles, demo=settings.demo
        )
        load = store.loads[-1].number
        run_id = f"{as_of}-{approval.bundle_id[:8]}-{approval.id}-{load}"
        earlier_counts = select(runs.c.counts).where(runs.c.id == run_id)
        counts = opened.connection.execute(earlier_counts).scalar()
        opened.audit(AuditEvent("STARTED_RUN", "RUN", run_id, {"again": counts is not None}))
        committed = set(opened.connection.execute(select(runs.c.scores_file)).scalars())
    _sweep_scores(settings, committed)
    if counts is not None:
        return Night(run_id, False, dict(counts))
    return _score_and_write(
        settings=settings,
        engine=engine,
        store=store,
        on=on,
        where=where,
        approval=approval,
        model=model,
        beside=beside,
        as_of=as_of,
        run_id=run_id,
        step=step,
    )


@contextmanager
def _lock_night(engine: Engine) -> Iterator[None]:
    """One night at a time: a second one would sweep away what the first has not committed yet."""
    with engine.connect() as connection:
        lock = text("SELECT pg_try_advisory_xact_lock(hashtext('triage.night'))")
        if not connection.execute(lock).scalar():
            raise UserError("Another night is running. Start this one when it has ended.")
        yield


def _close_limited(engine: Engine, store: Store, as_of: date) -> None:
    """First of all, and with or without an approval: cases now limited shrink to their CRN; what
    was kept for a day only (drafts, sessions that are over) goes.
    """
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
    """Before any approval is asked for, and whether or not there is one: acute entries, in a commit
    of their own. The spine, limited as it is by now.
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


def _bring_up_to_date(
    connection: Connection, store: Store, on: pl.DataFrame, where: Placed, as_of: date
) -> dict[str, Any]:
    """What needs no model: what was reassessed as asked, and who holds each case now."""
    closed = reassessments.close_requests(connection, store, as_of)
    moved = reassessments.move_cases(connection, store, as_of)
    caseload.write_caseload(connection, on, where, as_of)
    return {"reassessed": closed, "moved": moved}


def _score_and_write(
    settings: Settings,
    engine: Engine,
    store: Store,
    on: pl.DataFrame,
    where: Placed,
    approval: Approval,
    model: Bundle,
    beside: list[Challenger],
    as_of: date,
    run_id: str,
    step: Callable[[str], None],
) -> Night:
    # A proposal of the same model at other rates has the same scores.
    proposed = {
        one.approval.id: one.model
        for one in beside
        if one.model is not None and one.model.id != model.id
    }
    scored_caseload = score_caseload.score_caseload(
        store=store, on=on, where=where, model=model, as_of=as_of, step=step, proposed=proposed
    )
    step("choosing cases and writing the queue")
    with transaction(engine, None) as opened:
        # What was told of limits while the night looked holds for it too; from here nothing is told
        # until it has committed.
        limited_access.lock_limits(opened.connection)
        scored_caseload = score_caseload.without_limited(
            scored_caseload, limited_access.limited_cases(opened.connection)
        )
        stopped = stop.in_force(opened.connection) is not None
        key = Key(settings.draw_secret, run_id)
        counts = _write_night(
            opened, settings, scored_caseload, approval, model, key, stopped=stopped
        )
        shadow.write_comparisons(opened.connection, scored_caseload, approval, model, beside, key)
        stop.as_the_board_says(opened.connection, approval, stopped=stopped)
        queued = sum(counts["flagged"].values()) + counts["random"]
        opened.audit(AuditEvent("COMMITTED_RUN", "RUN", run_id, {"queued": queued}))
    with engine.connect() as connection:
        audit_chain.write_anchor(connection, settings.anchors, settings.anchor_key)
    return Night(run_id, True, counts)


def _write_night(
    opened: Transaction,
    settings: Settings,
    scored_caseload: ScoredCaseload,
    approval: Approval,
    model: Bundle,
    key: Key,
    *,
    stopped: bool,
) -> dict[str, Any]:
    """Choose, and write the run, the queue, the facts and the snapshot; the run's counts."""
    connection, as_of, scored = opened.connection, scored_caseload.as_of, scored_caseload.scored
    moves = _bring_up_to_date(
        connection, scored_caseload.store, scored_caseload.on, scored_caseload.where, as_of
    )
    rest = choose.cases_cooling_down(
        connection, scored_caseload.store, as_of, scored, approval.rise
    )
    open_ = select(items.c.crn).where(items.c.state == "open")
    waiting = set(connection.execute(open_).scalars())
    away, run_id = rest.away | waiting, key.run
    chosen = choose.choose_cases(
        connection=connection,
        approval=approval,
        scored=scored,
        units=scored_caseload.units,
        key=key,
        as_of=as_of,
        away=away,
        stopped=stopped,
    )
    limited = scored_caseload.on.filter("limited")["crn"]
    rows = outcomes_file.outcome_rows(
        scored, limited, scored_caseload.units, chosen, waiting, rest.away
    )
    file, digest = _write_scores(settings, run_id, rows)
    counts = _count_run(scored_caseload.store, scored_caseload.on, scored, chosen) | {
        "cooling_down": len(rest.away),
        "brought_back": len(rest.broken),
        "redrawn": choose.count_redraws(connection, as_of),
        "feeds": scored_caseload.store.feed_states(as_of),
        "stopped": stopped,
        **moves,
    }
    row = {"id": run_id, "as_of": as_of, "scores_file": file, "scores_sha256": digest}
    used = _run_inputs(scored_caseload.store, approval)
    connection.execute(insert(runs).values(**row, **used, counts=counts, at=func.now()))
    enqueue.enqueue_cases(
        opened=opened,
        store=scored_caseload.store,
        model=model,
        chosen=chosen,
        as_of=as_of,
        run_id=run_id,
        key=key,
    )
    enqueue.score_again(connection, scored, run_id)
    caseload.write_facts(
        connection, scored_caseload.on, scored_caseload.facts, scored_caseload.where, as_of
    )
    night = watch.Night(
        store=scored_caseload.store,
        profile=scored_caseload.profile,
        counts=scored_caseload.counted,
        week=scored_caseload.week,
        days=scored_caseload.days,
        people=scored_caseload.people,
        marked=scored_caseload.marked,
        rows=rows,
        rates=approval.rates,
        scores=settings.scores,
        as_of=as_of,
    )
    watch.write_snapshot(connection, night, clock.today())
    return counts


def _run_inputs(store: Store, approval: Approval) -> dict[str, Any]:
    """What a run rests on: the approval, its bundle, the histories."""
    return {
        "approval_id": approval.id,
        "bundle_id": approval.bundle_id,
        "store_load": store.loads[-1].number,
        "store_fingerprint": store.fingerprint,
        "made_up": store.made_up,
    }


def _check_modes(settings: Settings, store: Store) -> None:
    if store.made_up and not settings.demo:
        raise UserError("The store holds made-up people; it is scored only with ROSH_MODE=demo.")
    if settings.demo and not store.made_up:
        raise UserError("The store holds real people; a demo never scores them.")


def _sweep_scores(settings: Settings, committed: set[str]) -> None:
    settings.scores.mkdir(parents=True, exist_ok=True)
    ours = (".tmp", ".parquet") if committed else (".tmp",)
    for path in settings.scores.iterdir():
        if path.is_file() and path.suffix in ours and path.name not in committed:
            path.unlink()


def _write_scores(settings: Settings, run_id: str, scored: pl.DataFrame) -> tuple[str, str]:
    name = f"{run_id}.parquet"
    return name, write_whole(scored, settings.scores / name)


def _count_run(
    store: Store, on: pl.DataFrame, scored: pl.DataFrame, chosen: Sequence[Chosen]
) -> dict[str, Any]:
    by_level: dict[str, int] = {}
    random = 0
    for item in chosen:
        if item.drawn_as == "random":
            random += 1
        else:
            by_level[item.stratum] = by_level.get(item.stratum, 0) + 1
    table_counts = [table for load in store.loads for table in load.tables.values()]
    return {
        "rows_read": sum(t["read"] for t in table_counts),
        "rows_refused": sum(t["refused"] for t in table_counts),
        "cases": on.height,
        "cases_scored": scored.filter("scorable")["crn"].n_unique(),
        "cases_limited": int(on["limited"].sum()),
        "nothing_on_record": scored.filter(pl.col("why_not") == "nothing on record")[
            "crn"
        ].n_unique(),
        "flagged": by_level,
        "random": random,
        # As likely as any other in the frame: with the run's name and the secret, the draw.
        "random_probability": next(
            (one.inclusion_probability for one in chosen if one.drawn_as == "random"), None
        ),
    }
