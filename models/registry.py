"""Records training runs in MLflow and registers bundles; approvals are kept in our database.

Approvals live in our own ledger.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from features.errors import SetupProblem, UnreadableInput
from features.store import staging
from models import bundle

EXPERIMENT = "rosh-triage"
MODEL = "rosh-triage"
TRACKED = "tracked.json"
PLACE = re.compile(r"[0-9]+/runs/[0-9a-f]{32}")
"""Beside a bundle: where its run is; no part of its identity."""
CODE = tuple(Path(__file__).parents[1] / name for name in ("features", "models"))
"""The packages that a model is loaded with: it goes along with it."""
NEEDED = ("holidays", "lightgbm", "mlflow-skinny", "numpy", "pandas", "polars", "pyarrow", "scipy")
"""The packages from elsewhere that scoring imports; all of them are locked in requirements/."""

# Read by MLflow when it is imported: nothing is sent anywhere.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")


def track_run(
    tracking: Path,
    bundle_folder: Path,
    bundle_id: str,
    parameters: Mapping[str, Any],
    figures: Mapping[str, float],
    extra: Mapping[str, str],
    note: str = "",
) -> int:
    """Record a run with its figures and files, register the bundle, and return its version.

    `note` is shown on the run's page. The run's address is written beside the bundle.
    The store is SQLite in `tracking`; a bundle that is registered already keeps its version.
    """
    from mlflow.tracking import MlflowClient

    tracking.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(f"sqlite:///{tracking.resolve()}/mlflow.db")
    _ensure_model(client)
    versions = client.search_model_versions(f"name='{MODEL}' and tags.bundle='{bundle_id}'")
    if versions:
        _keep_place(client, str(versions[0].run_id), bundle_folder)
        return int(versions[0].version)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    number = (
        experiment.experiment_id
        if experiment
        else client.create_experiment(EXPERIMENT, (tracking / "artifacts").resolve().as_uri())
    )
    run = client.create_run(number, run_name=bundle_id[:12]).info.run_id
    for name, value in parameters.items():
        client.log_param(run, name, value)
    for name, value in figures.items():
        if value == value:
            client.log_metric(run, name, value)
    client.set_tag(run, "mlflow.note.content", note)
    for name, text in extra.items():
        client.log_text(run, text, name)
    client.log_artifacts(run, str(bundle_folder), "bundle")
    _log_model(client, run, bundle_folder)
    client.set_terminated(run)
    source = f"{client.get_run(run).info.artifact_uri}/model"
    version = client.create_model_version(MODEL, source, run, tags={"bundle": bundle_id})
    _keep_place(client, run, bundle_folder)
    return int(version.version)


def run_address(bundle_folder: Path) -> str:
    """The MLflow address of a bundle's run, or an empty text where it is not known."""
    path = bundle_folder / TRACKED
    if not path.exists():
        return ""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        place = f"{content['experiment']}/runs/{content['run']}"
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableInput(f"{path.name} beside the bundle is damaged: remove it.") from error
    return place if PLACE.fullmatch(place) else ""


def _keep_place(client: Any, run: str, bundle_folder: Path) -> None:
    content = {"experiment": client.get_run(run).info.experiment_id, "run": run}
    (bundle_folder / TRACKED).write_text(json.dumps(content), encoding="utf-8")


def _log_model(client: Any, run: str, bundle_folder: Path) -> None:
    """Log the bundle as a generic model with its signature."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # It asks for example rows, and a row is a person; and warns of its own models.
        warnings.filterwarnings("ignore", message=".*input example was not provided")
        warnings.filterwarnings("ignore", message=".*type hint is inferred as AnyType")
        import mlflow.pyfunc

        from models import pyfunc

        model = Path(folder) / "model"
        mlflow.pyfunc.save_model(
            model,
            loader_module="models.pyfunc",
            data_path=str(bundle_folder),
            code_paths=[str(package) for package in CODE],
            signature=pyfunc.model_signature(bundle.load_bundle(bundle_folder)),
            pip_requirements=locked_requirements(),
        )
        client.log_artifacts(run, str(model), "model")


def locked_requirements() -> list[str]:
    """The packages that a model needs to score, at the versions of the lock file."""
    return [f"{name}=={version(name)}" for name in NEEDED]


def prepare_tracking(tracking: Path) -> None:
    """Check that a run can be recorded, before training starts; raises SetupProblem if not."""
    staging.check_writable(tracking)
    try:
        with closing(sqlite3.connect(tracking / "mlflow.db")) as opened:
            opened.execute("BEGIN IMMEDIATE")
            opened.rollback()
    except sqlite3.Error as error:
        raise SetupProblem(
            f"MLflow cannot record a run in {tracking} ({error}). Nothing was trained. Name "
            "another folder with --tracking."
        ) from error


def _ensure_model(client: Any) -> None:
    if not client.search_registered_models(f"name='{MODEL}'"):
        client.create_registered_model(
            MODEL, description="Is a recorded risk of serious harm level too low? Never decides."
        )
