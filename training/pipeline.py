"""The steps of training in order: labels, folds, baselines, the final figure, a bundle, a card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from features import build
from features.store import Store
from models import bundle, card, registry
from training import evaluate, labels, splits
from training.config import Config
from training.evaluate import Line
from training.fit import fit

FIGURES = "figures.json"


@dataclass(frozen=True)
class Proposal:
    """What training hands to the board: the bundle, its folder and its registered version."""

    bundle_id: str
    folder: Path
    version: int
    fresh: bool
    table: list[dict[str, Any]]


def train(
    store: Store,
    until: date,
    config: Config,
    out: Path,
    tracking: Path,
    step: Callable[[str], None] = lambda _: None,
) -> Proposal:
    """Train, judge, save and register; the same inputs find the same bundle and do nothing."""
    marker = out / f"trained-{_identity(store, until, config)[:16]}.json"
    if marker.exists():
        said = json.loads(marker.read_text(encoding="utf-8"))
        folder = out / said["folder"]
        table = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
        return Proposal(said["bundle"], folder, said["version"], False, table)
    step("labels and indicators as each reader saw them")
    labelled = labels.read(store, until, config)
    lines = [
        *evaluate.judge("development", splits.folds(labelled, until, config.splits), config, step),
        *evaluate.judge("final", splits.final_folds(labelled, until, config.splits), config, step),
    ]
    step("fitting the proposal on every reading")
    about = {
        "until": until.isoformat(),
        "made_up": store.made_up,
        "store": store.fingerprint,
        "config": config.digest,
        "rows": labelled.frame.height,
        "effective_rows": labelled.effective_rows,
        "reference": bundle.reference_profile(labelled.frame),
    }
    return _keep(fit(labelled, config, about), lines, config, out, tracking, marker, step)


def _keep(
    made: bundle.Bundle,
    lines: list[Line],
    config: Config,
    out: Path,
    tracking: Path,
    marker: Path,
    step: Callable[[str], None],
) -> Proposal:
    step("saving, registering")
    folder = out / made.id[:12]
    made.save(folder)
    table = [_row(line) for line in lines]
    (folder / FIGURES).write_text(json.dumps(table, indent=1), encoding="utf-8")
    text = card.as_markdown(made.about, [_readable(row) for row in table], made.id)
    (folder / "card.md").write_text(text, encoding="utf-8")
    figures = {name: value for line in lines for name, value in line.flat().items()}
    version = registry.track(
        tracking, folder, made.id, _parameters(config), figures, {"card.md": text}
    )
    said = {"bundle": made.id, "folder": folder.name, "version": version}
    marker.write_text(json.dumps(said), encoding="utf-8")
    return Proposal(made.id, folder, version, True, table)


def _identity(store: Store, until: date, config: Config) -> str:
    parts = [store.fingerprint, until.isoformat(), config.digest, build.catalogue_hash()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _parameters(config: Config) -> dict[str, Any]:
    return {
        f"{part}.{name}": value
        for part, values in asdict(config).items()
        for name, value in values.items()
    }


def _row(line: Line) -> dict[str, Any]:
    said: dict[str, Any] = {
        "period": line.period,
        "model": line.model,
        "recorded": line.stratum,
        "rows": line.rows,
        "higher": line.higher,
    }
    for name, figure in line.figures.items():
        said[name] = [figure.value, figure.low, figure.high]
    return said


def _readable(row: dict[str, Any]) -> dict[str, str]:
    names = ("share_found", "precision", "calibration", "brier")
    said = {key: str(row[key]) for key in ("period", "model", "recorded", "rows", "higher")}
    for name in names:
        value = row.get(name)
        said[name] = "" if value is None else f"{value[0]:.2f} ({value[1]:.2f} to {value[2]:.2f})"
    return said
