"""Reads concluded cases as their readers left them, for the figures about readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, RowMapping, select

from features import clock
from serving.db.tables import conclusions, findings, items, own_views, second_reads

WITHIN = timedelta(days=182)
"""What was concluded in this time counts: two approvals long."""


@dataclass(frozen=True)
class Reading:
    """One concluded case: how it was drawn, and whether each reader called a level too low."""

    drawn_as: str
    stratum: str
    """The recorded level of the group that it was drawn for."""
    weight: float
    first: bool
    second: bool | None
    second_probability: float
    asks_reassessment: bool
    keeps_level: bool
    changed: bool
    """After the findings the conclusion was not that of the own view, either way."""
    crn: str
    pdu_code: str
    reader: str
    """Who concluded it: only counted, never shown."""
    probability: float | None
    same_group: bool
    """The first reader called the level of the flagged group itself too low."""
    read_for: timedelta | None
    """The time from opening the case to the recorded view; None where not stored."""
    took: timedelta
    """From the recorded view to the conclusion."""
    reasons: str


def read_readings(connection: Connection, today: date) -> list[Reading]:
    """Every case concluded in the half year up to a day.

    Not since ever: what readers do now would be lost among what they did for years.
    """
    since = clock.start_of(today - WITHIN)
    rows = (
        connection.execute(
            select(
                items.c.id,
                items.c.crn,
                items.c.pdu_code,
                findings.c.drawn_as,
                findings.c.inclusion_probability,
                findings.c.risk_group,
                findings.c.stratum,
                findings.c.probability.label("said"),
                conclusions.c.reasons,
                conclusions.c.username,
                conclusions.c.outcome,
                conclusions.c.groups,
                conclusions.c.at,
                second_reads.c.probability,
            )
            .join(findings, findings.c.item_id == items.c.id)
            .join(conclusions, conclusions.c.item_id == items.c.id)
            .join(second_reads, second_reads.c.item_id == items.c.id, isouter=True)
            .where(conclusions.c.at >= since)
        )
        .mappings()
        .all()
    )
    views: dict[int, dict[str, RowMapping]] = {}
    view_rows = (
        select(own_views)
        .join(conclusions, conclusions.c.item_id == own_views.c.item_id)
        .where(conclusions.c.at >= since)
        .order_by(own_views.c.at)
    )
    for view in connection.execute(view_rows).mappings():
        views.setdefault(view["item_id"], {})[view["username"]] = view
    return [_reading_of(row, views[row["id"]]) for row in rows if row["id"] in views]


def _reading_of(row: RowMapping, views: dict[str, RowMapping]) -> Reading:
    # A view given up before the conclusion is no second reading: nobody drew it.
    others = [
        calls_too_low(v["verdicts"])
        for who, v in views.items()
        if who != row["username"] and v["at"] > row["at"]
    ]
    own = views[row["username"]]
    asks_reassessment, keeps_level = (
        "too_low" in row["groups"].values(),
        row["outcome"] == "keep_level",
    )
    return Reading(
        drawn_as=row["drawn_as"],
        stratum=row["stratum"],
        weight=1.0 / row["inclusion_probability"],
        first=calls_too_low(own["verdicts"]),
        second=others[0] if others else None,
        second_probability=row["probability"] or 1.0,
        asks_reassessment=asks_reassessment,
        keeps_level=keeps_level,
        changed=(asks_reassessment and not calls_too_low(own["verdicts"]))
        or (keeps_level and calls_too_low(own["verdicts"])),
        crn=row["crn"],
        pdu_code=row["pdu_code"],
        reader=row["username"],
        probability=row["said"],
        same_group=own["verdicts"].get(row["risk_group"]) == "too_low",
        read_for=own["at"] - own["opened_at"] if own["opened_at"] else None,
        took=row["at"] - own["at"],
        reasons=row["reasons"],
    )


def calls_too_low(verdicts: Mapping[str, str]) -> bool:
    """Whether a view calls the level of any group too low."""
    return "too_low" in verdicts.values()


def split_by_chance(concluded: list[Reading]) -> tuple[list[Reading], list[Reading]]:
    """The cases drawn at random, and those drawn for what is on record: by the model or a lane."""
    random = [one for one in concluded if one.drawn_as == "random"]
    return random, [one for one in concluded if one.drawn_as != "random"]
