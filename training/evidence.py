"""Collects the evidence for the board beside the metrics: labels, fairness, proxies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from features.store.store import Store
from models.bundle import Bundle
from training import (
    audit,
    calibration,
    echo,
    fit,
    labels,
    lead,
    nights,
    note_ablation,
    rates,
    shap_audit,
)
from training.config import Config
from training.evaluate import Judged
from training.labels import Labelled
from training.stability import Steadiness

ON_THE_CARD = {
    "weights": "The weight of each indicator in published findings, and after learning",
    "gate": "Whether each recorded level passes what is asked of a model",
    "labels": "What the readings say, by who gave them and what they knew",
    "rates": "What each review rate finds",
    "calibration": "Whether a probability means what it says",
    "lead": "How long before a reader put a level higher the case was shown",
    "fairness": "Who is shown, and who is missed",
    "narrowing": "What the same review rate for every group of people would do",
    "proxies": "How well the indicators tell who someone is",
    note_ablation.GAIN: "What counting entries of notes changes for the model",
    note_ablation.PEOPLE: "Who is shown with entries of notes and without",
    "echo": "Whether stage 1 tells the recorded level of people whom readers put at the same one",
    "shap": "Whether SHAP names the same first reason",
    "stability": "Whether the first reason stays when other people are read",
    "ranks": "Whether who ranks first stays when other people are read",
    "nights": "Whether the list of a night is that of the nights before",
}
"""The parts of the evidence shown on the model card, with their headings."""


def gather_evidence(
    store: Store, labelled: Labelled, final: Judged, config: Config
) -> dict[str, Any]:
    """Every part of the evidence as rows; empty where the newest period has no readings."""
    content: dict[str, Any] = {name: [] for name in ON_THE_CARD}
    content["labels"] = labels.compare_sources(labelled)
    if final.pooled is None:
        return content
    judged, probability, share = final.pooled, final.probability, config.review.share
    characteristics = audit.read_characteristics(store, judged.frame)
    parts: dict[str, Iterable[Any]] = {
        "rates": rates.rate_curve(judged, probability),
        "calibration": calibration.calibration_lines(judged, probability, share),
        "lead": lead.measure_lead(store, final, share),
        "fairness": audit.audit_rows(judged, probability, characteristics, share),
        "narrowing": audit.compare_narrowed(judged, probability, characteristics, share),
        "proxies": audit.measure_proxies(judged, characteristics),
    }
    return content | {name: [asdict(one) for one in lines] for name, lines in parts.items()}


def examine_reasons(
    store: Store,
    model: Bundle,
    until: date,
    judged: Labelled,
    steady: Steadiness,
    config: Config,
) -> dict[str, Any]:
    """What is measured of the proposal as rows: its echo, reasons by SHAP and retrained, lists."""
    share = config.review.share
    parts: dict[str, Iterable[Any]] = {
        "echo": echo.measure_echo(judged, fit.fit_stage_1(judged, config, model.ordinal.prior)[1]),
        "shap": shap_audit.audit_reasons(model, judged.frame, share),
        "stability": steady.lines,
        "ranks": steady.ranks,
        "nights": nights.measure_stay(store, model, until, share),
    }
    return {name: [asdict(one) for one in lines] for name, lines in parts.items()}


def rows_in_words(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Rows of text for a page: figures with intervals; withheld figures say so."""
    readable_rows = []
    for row in rows:
        flat = {**row, **row.get("figures", {})}
        flat.pop("figures", None)
        readable_rows.append(
            {name.replace("_", " "): _format_value(value) for name, value in flat.items()}
        )
    return readable_rows


def _format_value(value: Any) -> str:
    if value is None:
        return "too few to tell"
    if isinstance(value, dict):
        if value["value"] != value["value"]:
            return "cannot be told"
        return f"{value['value']:.2f} ({value['low']:.2f} to {value['high']:.2f})"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, (tuple, list)):
        return ", ".join(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
