"""Writes chosen cases to the queue, each with its history and its sealed findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import polars as pl
from sqlalchemy import Connection, insert, select

from features import clock
from features.errors import RunStopped
from features.frame import build, evidence, notes, timeline
from features.frame.linked_cases import linked_cases
from features.history import asof
from features.indicators import CATALOGUE
from features.store.store import Store
from models import explain
from models.answers import effects_of_answers, read_answers
from models.bundle import Bundle
from models.explain import Reason
from models.other_groups import findings_of_other_groups, rank_indicators
from serving.cases import summary
from serving.db.arrays import insert_rows
from serving.db.session import Transaction
from serving.db.tables import entries, findings, items, newer_scores
from serving.night.findings_json import (
    because_json,
    effect_json,
    finding_json,
    reason_json,
)
from serving.night.sampling import Chosen, Key

DAYS_TO_READ = 7
ENTRY_FIELDS = tuple(one.name for one in fields(timeline.TimelineEntry) if one.name != "table")
AT_A_TIME = 50
"""How many cases are written together; their entries are some thousands of rows."""


def enqueue_cases(
    opened: Transaction,
    store: Store,
    model: Bundle,
    chosen: list[Chosen],
    as_of: date,
    run_id: str,
    key: Key,
) -> None:
    """Write each chosen case to the queue, with its history and its sealed findings."""
    if not chosen:
        return
    histories = asof.read_histories(store, asof.make_spine((item.crn for item in chosen), as_of))
    frame = build.build_frame(histories)
    rows = {(row["crn"], row["group"]): row for row in frame.iter_rows(named=True)}
    _check_scores(model.score_frame(frame), chosen)
    every_finding = evidence.collect_findings(histories, CATALOGUE.values())
    reasons = explain.explain_rows(model, frame, histories, every_finding)
    # Only where readings taught the model that flagged: elsewhere it is not shown how sure it is.
    flagged = [item for item in chosen if item.drawn_as == "flagged"]
    by_prior = {item.crn for item in flagged if item.stratum in model.by_prior}
    with_effects = {(item.crn, item.group) for item in flagged if item.crn not in by_prior}
    effects = effects_of_answers(model, frame, read_answers()) if with_effects else {}
    ranks = rank_indicators(model.level.prior, frame)
    links = linked_cases(histories)
    entries_of = timeline.timeline_entries(histories)
    notes_of = notes.notes_of_cases(histories)
    people = summary.summarise_people(store, histories, as_of)
    holders = timeline.current_practitioners(histories)
    hands = timeline.staff_involved(histories)
    # In a keyed random order: item numbers must not reveal how a case was chosen.
    ordered = sorted(chosen, key=lambda one: key.keyed_digest("order", one.crn))
    for at in range(0, len(ordered), AT_A_TIME):
        some = ordered[at : at + AT_A_TIME]
        heads = [
            _item_row(item, as_of, run_id, key)
            | {
                "person": people[item.crn],
                "practitioner_code": holders.get(item.crn),
                "hands": hands.get(item.crn, []),
            }
            for item in some
        ]
        numbers = _insert_items(opened.connection, heads)
        entry_rows = (
            _entry_row(number, place, one)
            for number, item in zip(numbers, some, strict=True)
            for place, one in enumerate(entries_of[item.crn])
        )
        insert_rows(opened.connection, entries, entry_rows)
        sealed = [
            _findings_row(
                number,
                item,
                reasons.get((item.crn, item.group), []),
                [
                    finding_json(finding, links)
                    for finding in explain.also_on_record(
                        rows[item.crn, item.group],
                        reasons.get((item.crn, item.group), []),
                        every_finding,
                    )
                ],
                key,
            )
            | {
                "notes": notes_of[item.crn],
                "because": because_json(
                    item,
                    rows[item.crn, item.group],
                    every_finding,
                    by_prior=item.crn in by_prior,
                ),
                "other_groups": [
                    {"group": group, "findings": [finding_json(one, links) for one in listed]}
                    for group, listed in findings_of_other_groups(
                        item.crn, item.group, rows, ranks, every_finding
                    )
                ],
                "effects": [
                    effect_json(one)
                    for one in effects.get((item.crn, item.group), [])
                    if (item.crn, item.group) in with_effects
                ],
            }
            for number, item in zip(numbers, some, strict=True)
        ]
        opened.connection.execute(insert(findings), sealed)


def _check_scores(again: pl.DataFrame, chosen: Sequence[Chosen]) -> None:
    """Raise RunStopped unless each case scores the same again from the frame used for reasons."""
    keys = again.select("crn", "group").iter_rows()
    probabilities = dict(zip(keys, again["probability"], strict=True))
    for one in chosen:
        now = probabilities.get((one.crn, one.group))
        same = now is None if one.probability is None else _is_close(now, one.probability)
        if not same:
            raise RunStopped(
                "The score of a chosen case, worked out again for its reasons, is not the one that "
                "it was chosen by. Nothing of this run was kept. Report it to whoever keeps this "
                "service: the same history gave two frames."
            )


def _is_close(now: float | None, then: float) -> bool:
    return now is not None and abs(now - then) <= explain.TOLERANCE


def _insert_items(connection: Connection, rows: list[dict[str, Any]]) -> list[int]:
    """The numbers of new items, in the order of their rows."""
    numbered = insert(items).returning(items.c.id, sort_by_parameter_order=True)
    return list(connection.execute(numbered, rows).scalars())


def _item_row(item: Chosen, as_of: date, run_id: str, key: Key) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "crn": item.crn,
        "pdu_code": item.pdu_code,
        "as_of": as_of,
        "due_on": clock.today() + timedelta(days=DAYS_TO_READ),
        "shuffle": key.keyed_digest("order", item.crn),
        "limited": False,
        "state": "open",
    }


def _findings_row(
    item_id: int,
    item: Chosen,
    own: list[Reason],
    shown_only: list[dict[str, Any]],
    key: Key,
) -> dict[str, Any]:
    return {
        "item_id": item_id,
        "drawn_as": item.drawn_as,
        "risk_group": item.group,
        "stratum": item.stratum,
        "probability": item.probability,
        "inclusion_probability": item.inclusion_probability,
        "reasons": [reason_json(reason) for reason in own],
        "shown_only": shown_only,
        "draw": key.uniform_draw("second", item.crn),
    }


def score_again(connection: Connection, scored: pl.DataFrame, run_id: str) -> None:
    """Store a newer score, sealed, for each case still waiting; its place in the queue stays."""
    waiting = (
        select(items.c.id, items.c.crn, findings.c.risk_group)
        .join(findings, findings.c.item_id == items.c.id)
        .where(items.c.state == "open", items.c.run_id != run_id, ~items.c.limited)
    )
    waiting_items = connection.execute(waiting).all()
    ours = scored.filter(pl.col("crn").is_in([row.crn for row in waiting_items]))
    now = {(row["crn"], row["group"]): row for row in ours.iter_rows(named=True)}
    rows = [
        {
            "item_id": row.id,
            "run_id": run_id,
            "risk_group": row.risk_group,
            "stratum": now[row.crn, row.risk_group]["stratum"],
            "probability": now[row.crn, row.risk_group]["probability"],
        }
        for row in waiting_items
        if (row.crn, row.risk_group) in now
    ]
    if rows:
        connection.execute(insert(newer_scores), rows)


def _entry_row(item_id: int, place: int, entry: timeline.TimelineEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in ENTRY_FIELDS}
    return {"item_id": item_id, "position": place, "source_table": entry.table, **values}
