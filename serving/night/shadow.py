"""Scores with open proposals beside the approved model, and compares the lists that result.

Before anybody signs, the board sees how much of a week's list would stay, who would come in and go
by recorded level and by group of people, and how often the first reason would be another.
Counts, kept each night, without any person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, RowMapping, func, insert, select

from features import clock
from features.errors import UserError
from features.frame import build
from features.history import asof
from features.store.protected_characteristics import CHARACTERISTICS
from features.store.store import Store
from models import explain
from models.bundle import Bundle
from serving.board import approvals, note_kinds
from serving.board.approvals import Approval
from serving.db.unit_tables import shadows
from serving.night import sampling
from serving.night.sampling import Chosen, Key
from serving.night.score_caseload import ScoredCaseload
from serving.watch.figures import SMALL

SAMPLE = 200
"""Cases on both lists whose first reasons are compared: explaining is what takes long."""


@dataclass(frozen=True)
class Challenger:
    """An open proposal with its model, or the reason why it cannot score."""

    approval: Approval
    model: Bundle | None
    why: str
    note_kinds: frozenset[str] = frozenset()
    """The kinds of entries of notes that would count in its scores today."""


def open_challengers(
    connection: Connection, live: Approval, bundles: Path, *, demo: bool
) -> list[Challenger]:
    """The proposals that can still be signed: another model, or the same at other rates.

    A faulty bundle of a proposal stops no night; the fault is stored and shown.
    """
    challengers, now = [], clock.now()
    for one in approvals.list_approvals(connection):
        if one.demo != demo or one.id == live.id or not approvals.is_open_to_sign(one, now):
            continue
        try:
            model = approvals.load_bundle(one, bundles)
            kinds = note_kinds.kinds_in_effect(connection, model)
            challengers.append(Challenger(one, model, "", kinds))
        except UserError as error:
            challengers.append(Challenger(one, None, str(error)))
    return challengers


def write_comparisons(
    connection: Connection,
    scored_caseload: ScoredCaseload,
    live: Approval,
    model: Bundle,
    beside: Sequence[Challenger],
    key: Key,
) -> None:
    """Store how each proposal would change the list of a whole week."""
    if not beside:
        return
    ours = _list_of_week(scored_caseload, scored_caseload.scores, live, model, key)
    for one in beside:
        figures: dict[str, Any] = {
            "why": one.why or scored_caseload.failed.get(one.approval.id, "")
        }
        if one.model is not None and not figures["why"]:
            try:
                figures = _compare_challenger(scored_caseload, ours, model, one, one.model, key)
            except UserError as error:
                figures = {"why": str(error)}
        values = {
            "as_of": scored_caseload.as_of,
            "approval_id": one.approval.id,
            "figures": figures,
        }
        connection.execute(insert(shadows).values(**values))


def _compare_challenger(
    scored_caseload: ScoredCaseload,
    ours: list[Chosen],
    model: Bundle,
    one: Challenger,
    their_model: Bundle,
    key: Key,
) -> dict[str, Any]:
    theirs = _list_of_week(
        scored_caseload,
        scored_caseload.proposed_scores.get(one.approval.id, scored_caseload.scores),
        one.approval,
        their_model,
        key,
    )
    figures: dict[str, Any] = compare_lists(ours, theirs, scored_caseload.people)
    return figures | {"reasons": _compare_reasons(scored_caseload, model, one, ours, theirs)}


def newest_comparisons(connection: Connection) -> dict[int, RowMapping]:
    """The newest comparison of each proposal, by its number."""
    last = select(func.max(shadows.c.id)).group_by(shadows.c.approval_id)
    rows = connection.execute(select(shadows).where(shadows.c.id.in_(last))).mappings()
    return {row["approval_id"]: row for row in rows}


def compare_lists(ours: Sequence[Chosen], theirs: Sequence[Chosen], people: pl.DataFrame) -> Any:
    """How many people stay on a list, come in and go, in counts; small counts are withheld."""
    before = {one.crn: one.stratum for one in ours}
    after = {one.crn: one.stratum for one in theirs}
    come, go = set(after) - set(before), set(before) - set(after)
    return {
        "before": len(before),
        "after": len(after),
        "both": len(set(before) & set(after)),
        "levels": _count_by_group(
            {crn: after[crn] for crn in come}, {crn: before[crn] for crn in go}
        ),
        "people": {
            name: _count_by_group(*_values_of(people, name, come, go)) for name in CHARACTERISTICS
        },
    }


def _list_of_week(
    scored_caseload: ScoredCaseload,
    scored: pl.DataFrame,
    approval: Approval,
    model: Bundle,
    key: Key,
) -> list[Chosen]:
    """The people whom the approved weekly reviews would flag, from an empty queue."""
    chosen = sampling.sample_cases(
        scored=scored,
        units=scored_caseload.units,
        weekly_reviews=approval.weekly_reviews,
        random_share=approval.random_share,
        queued_this_week={},
        away=(),
        key=key,
        random_only=approvals.random_only(approval, model),
    )
    return [one for one in chosen if one.drawn_as == "flagged"]


def _values_of(
    people: pl.DataFrame, name: str, come: set[str], go: set[str]
) -> tuple[dict[str, str], dict[str, str]]:
    values = dict(people.select("crn", name).iter_rows())
    return {crn: values[crn] for crn in come}, {crn: values[crn] for crn in go}


def _count_by_group(come: Mapping[str, str], go: Mapping[str, str]) -> dict[str, list[int | None]]:
    """How many come in and go by group; None for counts under SMALL other than 0."""
    names = sorted({*come.values(), *go.values()})
    more, less = (_withhold_small(Counter(one.values()), names) for one in (come, go))
    return {name: [more[name], less[name]] for name in names}


def _withhold_small(counts: Mapping[str, int], names: Sequence[str]) -> dict[str, int | None]:
    """Counts without small ones; a second is withheld where the total would reveal a single one."""
    if 0 < sum(counts.values()) < SMALL:
        return dict.fromkeys(names)  # beside noughts, the one small count would be the printed sum
    small = {name for name in names if 0 < counts.get(name, 0) < SMALL}
    if len(small) == 1:
        others = [name for name in names if counts.get(name, 0) >= SMALL]
        small |= {min(others, key=lambda name: counts[name])} if others else set()
    return {name: None if name in small else counts.get(name, 0) for name in names}


def _compare_reasons(
    scored_caseload: ScoredCaseload,
    model: Bundle,
    other: Challenger,
    ours: Sequence[Chosen],
    theirs: Sequence[Chosen],
) -> dict[str, int]:
    """Of some people on both lists for the same group: how many have another first reason."""
    both = {(one.crn, one.group) for one in ours} & {(one.crn, one.group) for one in theirs}
    keys = sorted(both)[:SAMPLE]
    if not keys:
        return {"compared": 0, "another": 0}
    spine = asof.make_spine({crn for crn, _ in keys}, scored_caseload.as_of)
    store = scored_caseload.store
    first = _reasons_of(model, store, spine)
    second = _reasons_of(other.model or model, store.counting_notes(other.note_kinds), spine)
    another = sum(_first_family(first, key) != _first_family(second, key) for key in keys)
    return {"compared": len(keys), "another": another}


def _reasons_of(
    model: Bundle, store: Store, spine: pl.DataFrame
) -> dict[tuple[str, str], list[explain.Reason]]:
    """The reasons that a model gives, from entries that count in its scores."""
    histories = asof.read_histories(store, spine)
    return explain.explain_rows(model, build.build_frame(histories), histories)


def _first_family(
    reasons: Mapping[tuple[str, str], list[explain.Reason]], key: tuple[str, str]
) -> str:
    own_reasons = reasons.get(key, [])
    return own_reasons[0].family if own_reasons else ""
