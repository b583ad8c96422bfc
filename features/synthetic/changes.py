"""The made-up circumstances, decisions, actions, orders, enquiries and limits of a bucket."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from features.synthetic import figures
from features.synthetic.draw import (
    MONTHS,
    Desk,
    Events,
    Flags,
    Ints,
    blank_where,
    draw_delays,
    draw_events,
    draw_labels,
    month_of,
    pick_labels,
)
from features.synthetic.lives import LICENCE, Lives
from features.synthetic.practice import Practice
from features.synthetic.registers import restrained_people

STATES = {
    # what goes on: kind on record, states when it begins, the state when it ends
    "unsettled": ("address", {"temporary": 0.4, "at_risk": 0.3, "no_fixed_abode": 0.3}, "settled"),
    "partner": ("relationship", {"new": 1.0}, "ended"),
    "conflict": ("relationship_conflict", {"current": 1.0}, None),
    "child": ("child_contact", {"current": 1.0}, None),
}
SERIOUS_ENOUGH = 0.6
TASKS = {"oversight_task": 0.77, "mappa_action": 0.20, "mappa_exit": 0.03}


def circumstances_table(desk: Desk, lives: Lives, units: pl.Series) -> pl.DataFrame:
    """Make the circumstances table of a bucket of made-up cases: addresses, partners, children.

    `units` is the delivery unit of each case; now and then an address lies in another.
    """
    rng = desk.draw.stream("circumstance rows")
    parts = []
    for name, (kind, begins, ends) in STATES.items():
        states = (
            lives.going_on[name]
            & (lives.discloses[name] & (rng.random(len(lives)) < 0.95))[:, None]
        )
        at, until = _state_spells(rng, states)
        ended_on = blank_where(desk.draw.day(until), until < 0)
        columns: dict[str, Any] = {"kind": pl.lit(kind), "ended_on": ended_on}
        state = draw_labels(rng, begins, len(at))
        parts.append(_circumstance_rows(desk, rng, f"B{name[:2].upper()}", at, state, **columns))
        if ends:
            over = until >= 0
            after = Events(at.who[over], until[over])
            settled = pick_labels([ends], np.zeros(len(after), dtype=np.int64))
            parts.append(
                _circumstance_rows(
                    desk,
                    rng,
                    f"E{name[:2].upper()}",
                    after,
                    settled,
                    kind=pl.lit(kind),
                    pdu_code=_draw_unit(rng, name, after, units),
                )
            )
    pregnancies = draw_events(rng, 0.003 * lives.going_on["partner"])
    new = pick_labels(["new"], np.zeros(len(pregnancies), dtype=np.int64))
    parts.append(_circumstance_rows(desk, rng, "PRG", pregnancies, new, kind=pl.lit("pregnancy")))
    return pl.concat(parts)


def _draw_unit(rng: np.random.Generator, name: str, at: Events, units: pl.Series) -> pl.Series:
    """The delivery unit in which an address lies, nearly always that of the case."""
    own = units.gather(at.who)
    away = units.gather(rng.integers(0, len(units), len(at)))
    moved = own.zip_with(pl.Series(rng.random(len(at)) > 0.06), away)
    return blank_where(moved, np.full(len(at), name != "unsettled"))


def _circumstance_rows(
    desk: Desk, rng: np.random.Generator, prefix: str, at: Events, state: pl.Series, **more: Any
) -> pl.DataFrame:
    delay = draw_delays(rng, len(at), 0.2)
    checked = rng.random(len(at)) < 0.45
    return desk.table_rows(
        "circumstances", prefix, at, delay, state=state, verified=checked, **more
    )


def _state_spells(rng: np.random.Generator, states: Flags) -> tuple[Events, Ints]:
    """The months in which each spell of a state began and ended (-1: it continues)."""
    padded = np.pad(states, ((0, 0), (1, 1)))
    who, begin = np.nonzero(padded[:, 1:-1] & ~padded[:, :-2])
    _, end = np.nonzero(padded[:, 1:-1] & ~padded[:, 2:])
    day = rng.integers(0, 30, len(who))
    back = (MONTHS - 1 - begin) * 30 + day
    until = np.where(end == MONTHS - 1, -1, (MONTHS - 1 - end) * 30 + rng.integers(0, 30, len(who)))
    # A spell lasts a day at least.
    return Events(who, back), np.where(until < 0, -1, np.minimum(until, back - 1))


def decisions_table(desk: Desk, lives: Lives, practice: Practice) -> pl.DataFrame:
    """Make the table of enforcement and recall decisions of a bucket of made-up cases."""
    rng = desk.draw.stream("decisions")
    months = lives.sentences.community
    failing = 1 + 0.8 * lives.going_on["substance"] + 0.8 * lives.going_on["unsettled"]
    licence = (lives.sentences.kind == LICENCE)[:, None]
    at = draw_events(rng, np.where(licence, 0.130, 0.010) * failing * months)
    decided = draw_labels(
        rng,
        {"warning": 0.2, "compliance_letter": 0.3, "decision_not_to_recall": 0.13, "recall": 0.37},
        len(at),
    )
    recalls = decided.is_in(["recall", "decision_not_to_recall"])
    held_back = (lives.sentences.kind[at.who] != LICENCE) & recalls.to_numpy()
    decided = decided.set(pl.Series(held_back), "warning")
    strained = practice.holding.strain[at.who, at.month] > SERIOUS_ENOUGH
    missing = rng.random(len(at)) > 0.87 - 0.15 * strained
    softer = decided.is_in(["compliance_letter", "recall"]) & pl.Series(rng.random(len(at)) < 0.05)
    issued = decided.set(softer, "warning")
    on = Events(at.who, at.back)
    return desk.table_rows(
        "decisions",
        "DEC",
        on,
        draw_delays(rng, len(at), figures.LATE.value),
        kind=pl.when(recalls & ~pl.Series(held_back))
        .then(pl.lit("recall"))
        .otherwise(pl.lit("enforcement")),
        decided=decided,
        issued=blank_where(issued, missing),
        issued_on=blank_where(desk.draw.day(np.maximum(at.back - 3, 0)), missing),
        decided_by_grade=pl.lit("SPO"),
        endorsed_by_grade=blank_where(
            pick_labels(["PDU_HEAD"], np.zeros(len(at), dtype=np.int64)), rng.random(len(at)) < 0.6
        ),
    )


def actions_table(desk: Desk, lives: Lives, practice: Practice) -> pl.DataFrame:
    """Make the table of tasks from oversight and MAPPA of a bucket of made-up cases."""
    rng = desk.draw.stream("actions")
    rate = 0.012 * np.exp(0.5 * practice.overall.clip(0)) * lives.sentences.community
    at = draw_events(rng, rate)
    due = at.back - rng.integers(7, 29, len(at))
    completed = due - rng.integers(-5, 20, len(at))
    undone = (completed < 0) | (rng.random(len(at)) < np.where(due < 60, 0.25, 0.05))
    return desk.table_rows(
        "actions",
        "ACT",
        at,
        kind=draw_labels(rng, TASKS, len(at)),
        due_on=desk.draw.day(due),
        done_on=blank_where(desk.draw.day(completed), undone),
    )


def orders_table(desk: Desk, lives: Lives) -> pl.DataFrame:
    """Make the table of civil orders, conditions and curfews of a bucket of made-up cases."""
    rng = desk.draw.stream("orders")
    n = len(lives)
    start = lives.sentences.start
    abusive = restrained_people(desk, lives)
    who = np.nonzero(rng.random(n) < 0.5)[0]
    tagged = np.nonzero(rng.random(n) < 0.12)[0]
    relaxed = start[who] - rng.integers(20, 400, len(who))
    stays = (relaxed < 0) | (rng.random(len(who)) > 0.15)
    themes = draw_labels(rng, {"substance": 1, "programme": 1, "residence": 1}, len(who))
    return pl.concat(
        [
            desk.table_rows(
                "orders",
                "ORD",
                Events(abusive, start[abusive]),
                kind=pl.lit("restraining_order"),
                theme=pl.lit("non_contact"),
            ),
            desk.table_rows(
                "orders",
                "ORC",
                Events(who, start[who]),
                kind=pl.lit("requirement"),
                theme=themes,
                relaxed_on=blank_where(desk.draw.day(relaxed), stays),
            ),
            desk.table_rows(
                "orders",
                "ORT",
                Events(tagged, start[tagged]),
                kind=pl.lit("curfew"),
                monitored=rng.random(len(tagged)) < 0.9,
            ),
        ]
    )


def enquiries_table(desk: Desk, lives: Lives, practice: Practice) -> pl.DataFrame:
    """Make the table of police and children's services enquiries of a bucket of made-up cases."""
    rng = desk.draw.stream("enquiries")
    parts = []
    for prefix, kind, trait, share in (
        ("EDA", "domestic_abuse", "abuse", figures.DOMESTIC_ABUSE_ENQUIRIES.value),
        ("ESG", "child_safeguarding", "family", figures.SAFEGUARDING_ENQUIRIES.value),
    ):
        needed = rng.random(len(lives)) < 0.45 + 0.2 * (lives.people.traits[trait] > SERIOUS_ENOUGH)
        since = lives.sentences.start - rng.integers(0, 60, len(lives))
        # What is still to come is not on record yet: moved to the last day, it would bunch there.
        who = np.nonzero(needed & (since > 0))[0]
        size, back = len(who), since[who]
        strained = practice.holding.strain[who, month_of(back)] > SERIOUS_ENOUGH
        is_requested = rng.random(size) < share + 0.03 - 0.12 * strained
        asked_back = back - rng.integers(0, 30, size)
        is_requested &= asked_back >= 0
        answer_back = asked_back - rng.integers(3, 60, size)
        answered = is_requested & (rng.random(size) < 0.75) & (answer_back >= 0)
        worrying = rng.random(size) < 0.15 + 0.25 * (lives.people.traits[trait][who] > 0.7)
        result = pick_labels(["no_concerns", "concerns"], worrying.astype(np.int64))
        rows = desk.table_rows(
            "enquiries",
            prefix,
            Events(who, back),
            kind=pl.lit(kind),
            requested_on=blank_where(desk.draw.day(asked_back), ~is_requested),
            returned_on=blank_where(desk.draw.day(answer_back), ~answered),
            result=blank_where(result, ~answered),
            disclosable=pl.lit(value=False),
        )
        parts.append(rows)
    return pl.concat(parts)


def limits_table(desk: Desk, lives: Lives, units: pl.Series) -> pl.DataFrame:
    """Make the table of exclusions and restrictions of a bucket of made-up cases."""
    rng = desk.draw.stream("limits")
    who = np.nonzero(rng.random(len(lives)) < figures.LIMITED.value)[0]
    kinds = draw_labels(rng, {"exclusion": 0.5, "restriction": 0.5}, len(who))
    # The first reader of a unit is let in, the second is not; one in ten does not say.
    reader = kinds.replace_strict({"restriction": "-SPO-1", "exclusion": "-SPO-2"})
    named = blank_where(units.gather(who).str.slice(3) + reader, rng.random(len(who)) < 0.1)
    at = Events(who, lives.sentences.start[who] // 2)
    return desk.table_rows("limits", "LIM", at, kind=kinds, username=named)
