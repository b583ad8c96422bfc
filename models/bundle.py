"""Holds a trained model: booster, calibration, columns, and a profile of the training caseload.

Saved as LightGBM's text and as JSON, never as a pickle: a bundle can be read by a person and by
another language, and its identity is the digest of those two files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from features.errors import MissingInput, UnreadableInput, UserError
from features.frame import build
from models.level import THRESHOLD_OF, LevelModel, Stratum
from models.ordinal import Matrix, OrdinalModel, community_rows
from models.scored_rows import lay_out_scores

STAGE_1, STAGE_2 = "stage1.txt", "bundle.json"
FORMAT = 1


@dataclass(frozen=True)
class Bundle:
    """A trained model; `about` has its training data, settings and figures."""

    ordinal: OrdinalModel
    level: LevelModel
    catalogue: str
    about: dict[str, Any]

    @property
    def id(self) -> str:
        """The SHA-256 of the bundle's two files; equal ids give equal scores."""
        digest = hashlib.sha256()
        for text in self.as_texts().values():
            digest.update(text.encode())
        return digest.hexdigest()

    @property
    def note_kinds(self) -> frozenset[str]:
        """The kinds of entries of notes that counted when it was trained."""
        return frozenset(self.about.get("note_kinds", ()))

    @property
    def scored(self) -> tuple[str, ...]:
        """The indicators that affect the score; all others are only shown to the reader."""
        return (*self.ordinal.columns, *self.level.columns)

    def as_texts(self) -> dict[str, str]:
        """The contents of the bundle's two files, by file name."""
        content = {
            "format": FORMAT,
            "catalogue": self.catalogue,
            "stage_1_columns": list(self.ordinal.columns),
            "scales": dict(self.level.scales),
            "caps": dict(self.level.caps),
            "strata": {name: item.as_json() for name, item in self.level.strata.items()},
            "about": self.about,
        }
        return {
            STAGE_1: self.ordinal.booster.model_to_string(),
            STAGE_2: json.dumps(content, indent=1, sort_keys=True),
        }

    def save(self, folder: Path) -> None:
        """Write the bundle's files into a folder, which is made if needed."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.as_texts().items():
            (folder / name).write_text(text, encoding="utf-8")

    def score_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score the rows of an indicator frame, except those of prisoners (`lay_out_scores`)."""
        rows = community_rows(frame)
        return lay_out_scores(rows, self.level.log_odds(rows, self.ordinal.margins(rows)))

    def contributions(self, frame: pl.DataFrame, stratum: str) -> tuple[Matrix, list[str]]:
        """What each indicator adds to the calibrated log-odds, for rows of one recorded level.

        Shape (rows, names): stage 1 indicators, then process indicators, then "base".
        """
        level_model = self.level.strata[stratum]
        at = np.full(frame.height, THRESHOLD_OF[stratum])
        first = level_model.slope * self.ordinal.contributions(frame, at)
        process = self.level.process_terms(frame, stratum)
        base = first[:, -1:] + self.level.bases(frame, stratum)[:, None]
        names = [*self.ordinal.columns, *self.level.columns, "base"]
        return np.hstack([first[:, :-1], process, base]), names


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle; refuses one trained on another catalogue of indicators."""
    if not (folder / STAGE_2).exists() or not (folder / STAGE_1).exists():
        raise MissingInput(
            f"There is no model bundle in {folder}. Train one with: python -m training train"
        )
    try:
        content = json.loads((folder / STAGE_2).read_text(encoding="utf-8"))
        booster = lgb.Booster(model_str=(folder / STAGE_1).read_text(encoding="utf-8"))
        strata = {name: Stratum(**item) for name, item in content["strata"].items()}
        bundle = Bundle(
            OrdinalModel(booster, tuple(content["stage_1_columns"])),
            LevelModel(strata, content["scales"], content["caps"]),
            content["catalogue"],
            dict(content["about"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, lgb.basic.LightGBMError) as error:
        raise UnreadableInput(f"The bundle in {folder} is damaged; fetch it again.") from error
    if bundle.catalogue != build.catalogue_hash():
        raise UserError(
            f"The bundle in {folder} was made for another catalogue of indicators. Train a new one "
            "and have it approved."
        )
    return bundle
