"""Writes the results of a night: scores file, run, queue, facts and snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl
from sqlalchemy import Connection, func, insert

from features import clock
from features.store import working_copy
from features.store.store import Store
from features.store.whole_files import write_whole
from models.lanes import LANES
from serving import watch
from serving.cases import acute_entries, caseload
from serving.db.session import Transaction
from serving.db.silent_feeds import REGION
from serving.db.tables import runs
from serving.db.waiting_entries import count_waiting
from serving.night import choose, enqueue, outcomes_file
from serving.night.eligibility import Away
from serving.night.inputs import Night
from serving.night.repeat_reads import draw_repeat_reads
from serving.night.sampling import Chosen
from serving.night.score_caseload import ScoredCaseload
from serving.watch import arrivals


def write_run(
    opened: Transaction,
    night: Night,
    scored: ScoredCaseload,
    away: Away,
    chosen: list[Chosen],
    more_counts: dict[str, Any],
) -> dict[str, Any]:
    """Write a run with its queue, facts and snapshot in one transaction; returns its counts."""
    connection = opened.connection
    # Workers prepare the cases while the caseload is written.
    parts = enqueue.begin_preparing(night.store, night.model, chosen, night.as_of, night.runner)
    night.step("writing the caseload and the scores")
    caseload.write_caseload(connection, scored.cases, scored.placed, night.as_of)
    caseload.write_facts(connection, scored.cases, scored.facts, scored.placed, night.as_of)
    outcomes = outcomes_file.outcome_rows(
        scored.scores,
        scored.cases.filter("limited")["crn"],
        scored.units,
        chosen,
        away.open_review,
        away.cooling_down,
    )
    name = f"{night.run_id}.parquet"
    digest = write_whole(outcomes, night.settings.scores / name)
    working_copy.send_files(night.settings.scores / name)
    counts = count_run(night.store, scored.cases, scored.scores, chosen) | {
        "cooling_down": len(away.cooling_down),
        "brought_back": len(away.brought_back),
        "redrawn": choose.count_redraws(connection, night.as_of),
        "feeds": night.store.feed_states(night.as_of),
        "silent": _silent_feeds(scored),
        "urgent": count_waiting(connection, acute_entries.is_acknowledged()).as_counts(),
        "note_kinds": sorted(night.store.note_kinds),
        "note_kinds_off": sorted(night.model.note_kinds - night.store.note_kinds),
        **more_counts,
    }
    row = night.as_row() | {"scores_file": name, "scores_sha256": digest, "counts": counts}
    connection.execute(insert(runs).values(**row, at=func.triage.now()))
    night.step("preparing the chosen cases")
    enqueue.enqueue_cases(
        opened=opened,
        chosen=chosen,
        parts=parts,
        as_of=night.as_of,
        run_id=night.run_id,
        key=night.draw_key,
    )
    enqueue.score_again(connection, scored.scores, night.run_id)
    draw_repeat_reads(connection, night.draw_key, clock.today())
    night.step("counting readings and lists for the watch")
    _write_snapshot(connection, night, scored, outcomes)
    return counts


def _silent_feeds(scored: ScoredCaseload) -> dict[str, Any]:
    """What no longer arrives from one region; nothing where the model has no usual counts."""
    if scored.profile is None:
        return {}
    people = Counter(unit[:REGION] for unit in scored.units.values())
    return arrivals.silent_feeds(scored.profile.supplied, scored.week, scored.days, people)


def _write_snapshot(
    connection: Connection, night: Night, scored: ScoredCaseload, outcomes: pl.DataFrame
) -> None:
    counted = watch.CountedNight(
        store=night.store,
        profile=scored.profile,
        counts=scored.counts,
        week=scored.week,
        days=scored.days,
        people=scored.people,
        marked=scored.watched,
        notes=scored.notes,
        shares=scored.shares,
        rows=outcomes,
        weekly_reviews=night.approval.weekly_reviews,
        scores=night.settings.scores,
        as_of=night.as_of,
    )
    watch.write_snapshot(connection, counted, clock.today())


def count_run(
    store: Store, cases: pl.DataFrame, scores: pl.DataFrame, chosen: Sequence[Chosen]
) -> dict[str, Any]:
    """How many cases a run read, scored and chose, for its row and the board's page."""
    drawn_as = Counter(item.drawn_as for item in chosen)
    by_level = Counter(item.stratum for item in chosen if item.drawn_as == "flagged")
    table_counts = [table for load in store.loads for table in load.tables.values()]
    return {
        "rows_read": sum(t["read"] for t in table_counts),
        "rows_refused": sum(t["refused"] for t in table_counts),
        "cases": cases.height,
        "cases_scored": scores.filter("scorable")["crn"].n_unique(),
        "cases_limited": int(cases["limited"].sum()),
        "nothing_on_record": scores.filter(pl.col("why_not") == "nothing on record")[
            "crn"
        ].n_unique(),
        "flagged": dict(by_level),
        "lanes": {lane: drawn_as[lane] for lane in LANES},
        "random": drawn_as["random"],
        # As likely as any other in the frame: with the run's name and the secret, the draw.
        "random_probability": next(
            (one.inclusion_probability for one in chosen if one.drawn_as == "random"), None
        ),
    }
