"""Runs training in order: labels, folds, baselines, final figures, bundle, model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from features.frame import build
from features.package_digest import digest_packages
from features.store import staging
from features.store.store import Store
from models import bundle, card, metrics, profile, registry
from models.prior import read_prior
from training import (
    baselines,
    directions,
    evaluate,
    evidence,
    gate,
    labels,
    note_ablation,
    pictures,
    splits,
    stability,
    worked_case,
)
from training.config import Config
from training.evaluate import Line
from training.fit import fit_bundle
from training.labels import Labelled
from training.splits import Fold
from training.weight_lines import compare_weights

FIGURES = "figures.json"
EVIDENCE = "evidence.json"
INSTEAD = {
    gate.Outcome.TOO_FEW: "ranked by the prior alone",
    gate.Outcome.FAILS: "read at random only",
}
"""Who is shown at a recorded level where the model does not pass."""
NO_READINGS = pl.DataFrame(schema={"crn": pl.String(), "weight": pl.Float64()})
IN_A_WORD = ("until", "made_up", "store", "code", "config", "rows", "effective_rows", "folds")
"""The parts of a bundle's `about` that are logged as parameters of its MLflow run."""


@dataclass(frozen=True)
class Proposal:
    """The result of training for the board: the bundle, its folder, its registered version."""

    bundle_id: str
    folder: Path
    version: int
    fresh: bool
    table: list[dict[str, Any]]


def train_bundle(
    store: Store,
    until: date,
    config: Config,
    out: Path,
    tracking: Path,
    step: Callable[[str], None] = lambda _: None,
) -> Proposal:
    """Train, evaluate, save and register; with equal inputs the existing bundle is returned."""
    marker = out / f"trained-{_run_identity(store, until, config)[:16]}.json"
    if marker.exists():
        return _standing_proposal(marker, out)
    staging.check_writable(out)
    registry.prepare_tracking(tracking)
    store = store.counting_notes(config.notes.kinds)
    step("labels and indicators as each reader saw them")
    all_labelled = labels.read_all_readings(store, until, config)
    labelled = all_labelled.teaching()
    every = {**baselines.BASELINES, **baselines.SLOW_BASELINES}
    folds = list(splits.development_folds(labelled, until, config.splits))
    development = evaluate.judge_folds("development", folds, config, step)
    newest = list(splits.final_folds(labelled, until, config.splits))
    final = evaluate.judge_folds("final", newest, config, step, every)
    step("who is shown, and what each review rate finds")
    content_of_evidence = evidence.gather_evidence(store, all_labelled, final, config)
    content_of_evidence |= note_ablation.compare_without_notes(store, until, config, final, step)
    lines = [*development.lines, *final.lines]
    step("fitting the proposal on every reading")
    model = fit_bundle(
        labelled,
        config,
        _describe_training(store, until, labelled, [*folds, *newest], config),
        by_prior=gate.levels_with_too_few(final.lines),
    )
    step("what each level shows, and the caseload of today, against which drift is watched")
    pooled = final.pooled
    lowering = directions.find_lowering(model, pooled.frame) if pooled else {}
    verdicts = gate.judge_levels(final.lines, lowering)
    content_of_evidence["gate"] = [asdict(one) for one in verdicts]
    content_of_evidence["weights"] = [asdict(one) for one in compare_weights(model)]
    usual = profile.make_profile(store, model, until).as_json()
    model = replace(model, about={**model.about, "profile": usual})
    if pooled is not None:
        steady = stability.measure_stability(model, labelled, pooled.frame, config, step)
        model = replace(model, about={**model.about, "settled": steady.families})
        step("the reasons by SHAP; the lists of other nights; pictures")
        content_of_evidence |= evidence.examine_reasons(store, model, until, pooled, steady, config)
    failing = sorted(one.recorded for one in verdicts if one.outcome is gate.Outcome.FAILS)
    model = replace(model, about={**model.about, "random_only": failing})
    # What the board reads before it signs is bound to what it signs, by this digest.
    model = replace(model, about={**model.about, "evidence": _digest_of(content_of_evidence)})
    if pooled is not None:
        folder = out / model.id[:12]
        folder.mkdir(parents=True, exist_ok=True)
        pictures.draw_figures(pooled, final.probability, folder)
        pictures.draw_explanations(model, pooled.frame, folder)
    return _save_proposal(
        model=model,
        lines=lines,
        content=content_of_evidence,
        config=config,
        out=out,
        tracking=tracking,
        marker=marker,
        step=step,
    )


def propose_prior(
    store: Store,
    as_of: date,
    config: Config,
    out: Path,
    tracking: Path,
    step: Callable[[str], None] = lambda _: None,
) -> Proposal:
    """Save and register the bundle that ranks by the prior alone; it needs no reading.

    Its evidence is empty: nothing was measured. The caseload of `as_of` is what drift is watched
    against.
    """
    staging.check_writable(out)
    registry.prepare_tracking(tracking)
    content: dict[str, Any] = {name: [] for name in evidence.ON_THE_CARD}
    about = {
        **_describe_training(store, as_of, Labelled(NO_READINGS), [], config),
        "note_kinds": [],
        "evidence": _digest_of(content),
    }
    model = bundle.bundle_of_prior(read_prior(), about)
    step("the caseload of today, against which drift is watched")
    usual = profile.make_profile(store, model, as_of).as_json()
    model = replace(model, about={**model.about, "profile": usual})
    marker = out / f"prior-{model.id[:16]}.json"
    if marker.exists():
        return _standing_proposal(marker, out)
    return _save_proposal(
        model=model,
        lines=[],
        content=content,
        config=config,
        out=out,
        tracking=tracking,
        marker=marker,
        step=step,
    )


def _standing_proposal(marker: Path, out: Path) -> Proposal:
    content = json.loads(marker.read_text(encoding="utf-8"))
    folder = out / content["folder"]
    table = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    return Proposal(content["bundle"], folder, content["version"], False, table)


def levels_not_passed(folder: Path) -> list[str]:
    """The recorded levels of a trained bundle that do not pass, what ranks there, and why."""
    content = json.loads((folder / EVIDENCE).read_text(encoding="utf-8"))
    return [
        f"recorded {one['recorded'].lower()}, {INSTEAD[one['outcome']]}: "
        f"{'; '.join(one['why_not'])}"
        for one in content.get("gate", [])
        if one["outcome"] != gate.Outcome.PASSES
    ]


def _describe_training(
    store: Store, until: date, labelled: Labelled, folds: list[Fold], config: Config
) -> dict[str, Any]:
    return {
        "until": until.isoformat(),
        "made_up": store.made_up,
        "store": store.fingerprint,
        "config": config.digest,
        "code": code_version(),
        "note_kinds": sorted(config.notes.kinds),
        "folds": [
            f"{one.name}: taught before {one.train_before}, judged from {one.test_from}"
            for one in folds
        ],
        "rows": labelled.frame.height,
        "effective_rows": labelled.effective_rows,
    }


def _save_proposal(
    model: bundle.Bundle,
    lines: list[Line],
    content: dict[str, Any],
    config: Config,
    out: Path,
    tracking: Path,
    marker: Path,
    step: Callable[[str], None],
) -> Proposal:
    step("saving, registering")
    folder = out / model.id[:12]
    model.save(folder)
    pictures.save_picture(worked_case.draw_worked_case(model), folder / worked_case.FILE)
    table = metrics.without_nan([_line_row(line) for line in lines])
    (folder / FIGURES).write_text(json.dumps(table, indent=1), encoding="utf-8")
    (folder / EVIDENCE).write_text(_json_text(content), encoding="utf-8")
    tables = {
        heading: evidence.rows_in_words(content[name])
        for name, heading in evidence.ON_THE_CARD.items()
        if name not in note_ablation.PARTS or model.note_kinds
    }
    digests = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in card.PICTURES
        if (folder / name).exists()
    }
    rows = [_readable_row(row) for row in table]
    text = card.as_markdown(model.about, rows, model.id, tables, digests)
    (folder / "card.md").write_text(text, encoding="utf-8")
    figures = {name: value for line in lines for name, value in line.flat_figures().items()}
    parameters = _flat_parameters(config) | {
        f"about.{name}": model.about[name] for name in IN_A_WORD
    }
    note = card.NOTE + (card.MADE_UP if model.about["made_up"] else "")
    version = registry.track_run(
        tracking=tracking,
        bundle_folder=folder,
        bundle_id=model.id,
        parameters=parameters,
        figures=figures,
        extra={"card.md": text},
        note=note,
    )
    parameters = {"bundle": model.id, "folder": folder.name, "version": version}
    marker.write_text(json.dumps(parameters), encoding="utf-8")
    return Proposal(model.id, folder, version, True, table)


def _json_text(content: dict[str, Any]) -> str:
    return json.dumps(metrics.without_nan(content), indent=1)


def _digest_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(_json_text(content).encode()).hexdigest()


def _run_identity(store: Store, until: date, config: Config) -> str:
    parts = [
        store.fingerprint,
        until.isoformat(),
        config.digest,
        build.catalogue_hash(),
        json.dumps(read_prior().as_json(), sort_keys=True),
        code_version(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def code_version() -> str:
    """A digest of the code that makes indicators, models and labels."""
    return digest_packages("features", "models", "training")


def _flat_parameters(config: Config) -> dict[str, Any]:
    return {
        f"{part}.{name}": value
        for part, values in asdict(config).items()
        for name, value in values.items()
    }


def _line_row(line: Line) -> dict[str, Any]:
    values: dict[str, Any] = {
        "period": line.period,
        "model": line.model,
        "recorded": line.stratum,
        "rows": line.rows,
        "higher": line.higher,
    }
    for name, figure in line.figures.items():
        values[name] = [figure.value, figure.low, figure.high]
    return values


def _readable_row(row: dict[str, Any]) -> dict[str, str]:
    names = (
        "share_found",
        "precision",
        "average_precision",
        "calibration",
        "slope",
        "flagged_calibration",
    )
    texts = {key: str(row[key]) for key in ("period", "model", "recorded", "rows", "higher")}
    for name in names:
        value, low, high = row.get(name) or (None, None, None)
        texts[name] = "" if value is None else f"{value:.2f} ({low:.2f} to {high:.2f})"
    return texts
