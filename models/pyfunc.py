"""Wraps a bundle as a generic MLflow model (pyfunc) that loads from text, never from a pickle.

`mlflow.pyfunc.load_model` calls `_load_pyfunc` with the folder of the bundle. A frame with other
columns than the signature says is refused by MLflow before it reaches us.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from models import bundle
from models.bundle import Bundle

ABOUT = {
    "crn": "string",
    "as_of": "datetime",
    "group": "string",
    "level": "string",
    "level_state": "string",
    "on_record": "long",
}
"""The columns of a frame that are no indicators; a level may be missing."""
CASE_COLUMNS = {
    "crn": "string",
    "group": "string",
    "stratum": "string",
    "scorable": "boolean",
    "log_odds": "double",
    "probability": "double",
}
"""The columns that come out: without a score where a row cannot be scored."""


class Scorer:
    """Scores pandas frames with a bundle, as MLflow calls it."""

    def __init__(self, model: Bundle) -> None:
        self.model = model

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Score a frame with one row a case and risk group, and the columns of the signature."""
        del params
        rows = pl.from_pandas(frame).with_columns(pl.col("as_of").cast(pl.Date()))
        return self.model.score_frame(rows).select(list(CASE_COLUMNS)).to_pandas()


def _load_pyfunc(path: str) -> Scorer:
    """Called by MLflow with the folder that holds the bundle's files."""
    return Scorer(bundle.load_bundle(Path(path)))


def model_signature(model: Bundle) -> Any:
    """The MLflow signature: names and types of the input and output columns."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    inputs: list[ColSpec | TensorSpec] = []
    inputs += [ColSpec(kind, name, required=name != "level") for name, kind in ABOUT.items()]
    inputs += [ColSpec("double", name) for name in model.scored]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(kind, name) for name, kind in CASE_COLUMNS.items()
    ]
    return ModelSignature(Schema(inputs), Schema(outputs))
