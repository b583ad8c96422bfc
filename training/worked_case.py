"""Draws one made-up case for the board: how its score comes about, indicator by indicator.

The life is written here, so that the same one is shown of every model, and nobody real is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Picture

from features.contracts import records
from features.frame import build
from features.history.asof import Histories, make_spine
from features.indicators import CATALOGUE
from features.indicators.titles import title_of
from models.bundle import Bundle
from models.weights import sigmoid

FILE = "worked-case.png"
CRN = "E000001"
AS_OF = date(2026, 6, 30)
GROUP, RECORDED = "known_adult", "LOW"
SHOWN = 12
"""The indicators that have a bar of their own; the others share one."""
LIFE: tuple[tuple[str, date, Mapping[str, Any]], ...] = (
    ("supervisions", date(2025, 11, 3), {"kind": "licence"}),
    (
        "assessments",
        date(2025, 11, 20),
        {
            "status": "COMPLETE",
            "completed_on": date(2025, 11, 20),
            **{f"{group}_community": "LOW" for group in ("children", "public", "staff", GROUP)},
        },
    ),
    ("circumstances", date(2026, 4, 2), {"kind": "relationship", "state": "new"}),
    ("contacts", date(2026, 4, 21), {"type_code": "COAP", "outcome_code": "UAAB"}),
    ("contacts", date(2026, 5, 12), {"type_code": "COAP", "outcome_code": "UAAB"}),
    (
        "incidents",
        date(2026, 5, 30),
        {"kind": "domestic_abuse", "target": "partner", "severity": 3},
    ),
    ("incidents", date(2026, 6, 9), {"kind": "threat", "target": "partner", "severity": 4}),
    ("contacts", date(2026, 6, 16), {"type_code": "COAP", "outcome_code": "UAAB"}),
    ("incidents", date(2026, 6, 20), {"kind": "substance_use", "target": "none", "severity": 2}),
)
"""Table, day and values of each entry: abuse and threats after a new relationship, recorded low."""
COLOURS = {"behaviour": "#1d70b8", "process": "#505a5f"}


def frame_of_life() -> pl.DataFrame:
    """The indicators of the made-up case for the group that it is about: one row."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for number, (table, day, values) in enumerate(LIFE):
        common = {
            "record_id": f"{CRN}-{number}",
            "version": 1,
            "crn": CRN,
            "occurred_on": day,
            "recorded_at": datetime.combine(day, time(12)),
        }
        schema = records.find_table(table).schema
        rows.setdefault(table, []).append(dict.fromkeys(schema) | common | dict(values))
    tables = {
        name: pl.DataFrame(entries, schema=records.find_table(name).schema)
        for name, entries in rows.items()
    }
    feeds = {name: [(date.min, AS_OF)] for name in records.TABLES}
    frame = build.build_frame(Histories(make_spine([CRN], AS_OF), tables, feeds))
    return frame.filter(pl.col("group") == GROUP)


def draw_worked_case(model: Bundle) -> Picture:
    """The made-up case's contributions as bars, the largest first; those of the rest together."""
    parts, names = model.contributions(frame_of_life(), RECORDED)
    weights = dict(zip(names, parts[0], strict=True))
    base = weights.pop("base")
    total = base + sum(weights.values())
    ordered = sorted(weights, key=lambda name: -abs(weights[name]))
    shown, rest = ordered[:SHOWN], ordered[SHOWN:]
    labels = [title_of(name) for name in shown] + [f"All {len(rest)} other indicators together"]
    values = [weights[name] for name in shown] + [sum(weights[name] for name in rest)]
    colours = [COLOURS[CATALOGUE[name].kind] for name in shown] + ["#b1b4b6"]
    picture = Picture(figsize=(11, 7), layout="constrained")
    axes = picture.subplots()
    places = np.arange(len(values))[::-1]
    axes.barh(places, values, color=colours)
    axes.set_yticks(places, labels)
    axes.margins(x=0.1)
    axes.axvline(0, color="#0b0c0c", linewidth=1)
    axes.set_xlabel("lowers the likelihood          raises the likelihood (log-odds)")
    for place, value in zip(places, values, strict=True):
        axes.annotate(f"{value:+.2f}", (value, place), va="center", ha="left", size=8)
    picture.suptitle(_title(base, total, by_prior=RECORDED in model.by_prior))
    return picture


def _title(base: float, total: float, *, by_prior: bool) -> str:
    """What the picture shows; without numbers where the prior ranks, as it has no likelihood."""
    before, after = (100 * float(sigmoid(np.array(one))) for one in (base, total))
    words = "what puts the person before others with the same recorded level"
    if not by_prior:
        words = f"the likelihood starts at {before:.0f} of 100, and ends at {after:.0f} of 100"
    return (
        f"A made-up person, recorded low for known adults: {words}.\n"
        "Blue: behaviour. Grey: what the service did or did not do."
    )
