"""What goes to the board beside the figures: labels, review rates, fairness, proxies; as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from features.store import Store
from training import audit, labels, rates
from training.config import Config
from training.evaluate import Judged
from training.labels import Labelled

ON_THE_CARD = {
    "labels": "What the readings say, by who gave them and what they knew",
    "rates": "What each review rate finds",
    "fairness": "Who is shown, and who is missed",
    "proxies": "How well the indicators tell who someone is",
    "stability": "Whether the first reason stays when other people are read",
}
"""The parts that stand on the model card, with their headings."""


def gather(store: Store, read: Labelled, final: Judged, config: Config) -> dict[str, Any]:
    """Every part, as rows of plain values; empty where the newest period has no readings."""
    found: dict[str, Any] = {"labels": labels.compared(read), "rates": [], "fairness": [],
                             "proxies": [], "stability": []}  # fmt: skip
    if final.pooled is None:
        return found
    said = audit.characteristics(store, final.pooled.frame)
    lines = audit.audit(final.pooled, final.probability, said, config.review.share)
    found["rates"] = [asdict(one) for one in rates.curve(final.pooled, final.probability)]
    found["fairness"] = [asdict(one) for one in lines]
    found["proxies"] = [asdict(one) for one in audit.proxies(final.pooled, said)]
    return found


def readable(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Rows of words for a page: figures with their intervals, what is withheld said so."""
    found = []
    for row in rows:
        flat = {**row, **row.get("figures", {})}
        flat.pop("figures", None)
        found.append({name.replace("_", " "): _word(value) for name, value in flat.items()})
    return found


def _word(value: Any) -> str:
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
