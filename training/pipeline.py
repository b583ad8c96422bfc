"""The steps of training in order: labels, folds, baselines, the final figure, a bundle, a card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from features.frame import build
from features.store import staging
from features.store.store import Store
from models import bundle, card, metrics, profile, registry
from training import baselines, evaluate, evidence, labels, nights, pictures, splits, stability
from training.config import Config
from training.evaluate import Line
from training.fit import fit
from training.labels import Labelled
from training.splits import Fold

FIGURES = "figures.json"
EVIDENCE = "evidence.json"
IN_A_WORD = ("until", "made_up", "store", "code", "config", "rows", "effective_rows", "folds")
"""What of a bundle's `about` stands among the parameters of its MLflow run."""


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
    staging.check_writable(out)
    registry.prepare(tracking)
    step("labels and indicators as each reader saw them")
    read = labels.everything(store, until, config)
    labelled = read.teaching()
    every = {**baselines.BASELINES, **baselines.SLOW_BASELINES}
    folds = list(splits.folds(labelled, until, config.splits))
    development = evaluate.judge("development", folds, config, step)
    newest = list(splits.final_folds(labelled, until, config.splits))
    final = evaluate.judge("final", newest, config, step, every)
    step("who is shown, and what each review rate finds")
    found = evidence.gather(store, read, final, config)
    lines = [*development.lines, *final.lines]
    step("fitting the proposal on every reading")
    made = fit(labelled, config, _about(store, until, labelled, [*folds, *newest], config))
    step("the caseload of today, against which drift is watched")
    usual = profile.make(store, made, until).as_json()
    made = replace(made, about={**made.about, "profile": usual})
    pooled = final.pooled
    if pooled is not None:
        steady = stability.measure(made, labelled, pooled.frame, config, step)
        made = replace(made, about={**made.about, "settled": steady.families})
        step("the lists of other nights; pictures")
        kept = nights.measure(store, made, until, config.review.share)
        found |= {
            "stability": [asdict(one) for one in steady.lines],
            "nights": [asdict(one) for one in kept],
        }
    # What the board reads before it signs is bound to what it signs, by this digest.
    made = replace(made, about={**made.about, "evidence": _digest(found)})
    if pooled is not None:
        folder = out / made.id[:12]
        folder.mkdir(parents=True, exist_ok=True)
        pictures.draw(pooled, final.probability, folder)
        pictures.explained(made, pooled.frame, folder)
    return _keep(made, lines, found, config, out, tracking, marker, step)


def _about(
    store: Store, until: date, labelled: Labelled, folds: list[Fold], config: Config
) -> dict[str, Any]:
    return {
        "until": until.isoformat(),
        "made_up": store.made_up,
        "store": store.fingerprint,
        "config": config.digest,
        "code": code_version(),
        "folds": [
            f"{one.name}: taught before {one.train_before}, judged from {one.test_from}"
            for one in folds
        ],
        "rows": labelled.frame.height,
        "effective_rows": labelled.effective_rows,
    }


def _keep(
    made: bundle.Bundle,
    lines: list[Line],
    found: dict[str, Any],
    config: Config,
    out: Path,
    tracking: Path,
    marker: Path,
    step: Callable[[str], None],
) -> Proposal:
    step("saving, registering")
    folder = out / made.id[:12]
    made.save(folder)
    table = metrics.told([_row(line) for line in lines])
    (folder / FIGURES).write_text(json.dumps(table, indent=1), encoding="utf-8")
    (folder / EVIDENCE).write_text(_text(found), encoding="utf-8")
    tables = {
        heading: evidence.readable(found[name]) for name, heading in evidence.ON_THE_CARD.items()
    }
    text = card.as_markdown(made.about, [_readable(row) for row in table], made.id, tables)
    (folder / "card.md").write_text(text, encoding="utf-8")
    figures = {name: value for line in lines for name, value in line.flat().items()}
    said = _parameters(config) | {f"about.{name}": made.about[name] for name in IN_A_WORD}
    note = card.NOTE + (card.MADE_UP if made.about["made_up"] else "")
    version = registry.track(tracking, folder, made.id, said, figures, {"card.md": text}, note)
    said = {"bundle": made.id, "folder": folder.name, "version": version}
    marker.write_text(json.dumps(said), encoding="utf-8")
    return Proposal(made.id, folder, version, True, table)


def _text(found: dict[str, Any]) -> str:
    return json.dumps(metrics.told(found), indent=1)


def _digest(found: dict[str, Any]) -> str:
    return hashlib.sha256(_text(found).encode()).hexdigest()


def _identity(store: Store, until: date, config: Config) -> str:
    parts = [
        store.fingerprint,
        until.isoformat(),
        config.digest,
        build.catalogue_hash(),
        code_version(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def code_version() -> str:
    """A digest of the code that makes indicators, models and labels: the same, the same result."""
    digest = hashlib.sha256()
    top = Path(__file__).parents[1]
    for package in ("features", "models", "training"):
        for path in sorted((top / package).rglob("*.py")):
            digest.update(f"{path.relative_to(top)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


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
    names = (
        "share_found",
        "precision",
        "average_precision",
        "calibration",
        "slope",
        "flagged_calibration",
    )
    said = {key: str(row[key]) for key in ("period", "model", "recorded", "rows", "higher")}
    for name in names:
        value, low, high = row.get(name) or (None, None, None)
        said[name] = "" if value is None else f"{value:.2f} ({low:.2f} to {high:.2f})"
    return said
