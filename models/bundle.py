"""Holds a model: prior, boosters, calibration, columns, a profile of the training caseload.

Saved as LightGBM's text and as JSON, never as a pickle: a bundle can be read by a person and by
another language, and its identity is the digest of those files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.errors import MissingInput, UnreadableInput, UserError
from features.frame import build
from models.boosters import read_booster
from models.inputs import Matrix, community_rows
from models.level import LevelModel, Stratum, stratum_on_prior
from models.ordinal import OrdinalModel
from models.prior import Prior, prior_of
from models.scored_rows import lay_out_scores
from models.strata import STRATA, THRESHOLDS, stratum_of, thresholds_of

STAGE_1, STAGE_2 = "stage1-{:02}.txt", "bundle.json"
FORMAT = 2


@dataclass(frozen=True)
class Bundle:
    """A trained model; `about` has its training data, settings and figures."""

    ordinal: OrdinalModel
    level: LevelModel
    catalogue: str
    about: dict[str, Any]

    @property
    def id(self) -> str:
        """The SHA-256 of the bundle's files; equal ids give equal scores."""
        digest = hashlib.sha256()
        for text in self.as_texts().values():
            digest.update(text.encode())
        return digest.hexdigest()

    @property
    def note_kinds(self) -> frozenset[str]:
        """The kinds of entries of notes that counted when it was trained."""
        return frozenset(self.about.get("note_kinds", ()))

    @property
    def random_only(self) -> frozenset[str]:
        """The recorded levels that do not pass the gate: read at random, and never flagged."""
        return frozenset(self.about.get("random_only", ()))

    @property
    def by_prior(self) -> frozenset[str]:
        """The recorded levels that the prior alone ranks: too few readings were held out, or none
        is known. How often its first are put higher was not measured.
        """
        unread = (name for name, stratum in self.level.strata.items() if not stratum.rows)
        return frozenset([*self.about.get("by_prior", ()), *unread])

    @property
    def prior_alone(self) -> bool:
        """Whether no reading taught it anything: it ranks by published findings alone."""
        return not any(stratum.rows for stratum in self.level.strata.values())

    @property
    def scored(self) -> tuple[str, ...]:
        """The indicators that affect the score; all others are only shown to the reader."""
        return self.level.columns

    def as_texts(self) -> dict[str, str]:
        """The contents of the bundle's files, by file name."""
        content = {
            "format": FORMAT,
            "catalogue": self.catalogue,
            "prior": self.ordinal.prior.as_json(),
            "stage_1": {
                "columns": list(self.ordinal.columns),
                "departures": dict(self.ordinal.departures),
                "usual": dict(self.ordinal.usual),
                "intercepts": list(self.ordinal.intercepts),
                "boosters": len(self.ordinal.boosters),
            },
            "stage_2": {"columns": list(self.level.columns), "usual": dict(self.level.usual)},
            "strata": {name: item.as_json() for name, item in self.level.strata.items()},
            "about": self.about,
        }
        boosters = {
            STAGE_1.format(number): booster.model_to_string()
            for number, booster in enumerate(self.ordinal.boosters, 1)
        }
        return {**boosters, STAGE_2: json.dumps(content, indent=1, sort_keys=True)}

    def save(self, folder: Path) -> None:
        """Write the bundle's files into a folder, which is made if needed."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.as_texts().items():
            (folder / name).write_text(text, encoding="utf-8")

    def score_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score the rows of an indicator frame, except those of prisoners (`lay_out_scores`)."""
        rows = community_rows(frame)
        return lay_out_scores(rows, self.level.log_odds(rows, self._margins(rows)))

    def _margins(self, rows: pl.DataFrame) -> Matrix:
        """The margin of stage 1 at each row's threshold; nought where it does not count."""
        counts = stratum_of(rows).is_in(self.level.with_slope)
        margins = np.zeros(rows.height)
        if counts.any():
            counted_rows = rows.filter(counts)
            margins[counts.to_numpy()] = self.ordinal.margins_at(
                counted_rows, thresholds_of(counted_rows)
            )
        return margins

    def contributions(self, frame: pl.DataFrame, stratum: str) -> tuple[Matrix, list[str]]:
        """What each indicator adds to the calibrated log-odds, for rows of one recorded level.

        Shape (rows, indicators + 1), the last one the base. Each is against the usual
        (`OrdinalModel.contributions`, `LevelModel.contributions`); behaviour is in both stages.
        """
        own = self.level.strata[stratum]
        parts = self.level.contributions(frame, stratum)
        parts[:, -1] += self.level.bases(frame, stratum)
        # Where stage 1 does not count, its boosters need not be asked.
        if own.slope:
            first = own.slope * self.ordinal.contributions(frame, thresholds_of(frame))
            parts[:, self._places] += first[:, :-1]
            parts[:, -1] += first[:, -1]
        return parts, [*self.level.columns, "base"]

    def prior_contributions(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        """The part of each contribution that is the prior's weight: (rows, indicators)."""
        parts = self.level.prior_contributions(frame, stratum)
        slope = self.level.strata[stratum].slope
        parts[:, self._places] += slope * self.ordinal.prior_contributions(frame)
        return parts

    @property
    def _places(self) -> list[int]:
        """Where the indicators of stage 1 stand among those of stage 2."""
        places = {name: place for place, name in enumerate(self.level.columns)}
        return [places[name] for name in self.ordinal.columns]


def bundle_of_prior(prior: Prior, about: dict[str, Any]) -> Bundle:
    """The bundle that ranks by the prior alone, before any reading is known."""
    behaviour = tuple(build.indicator_columns("stage_1"))
    every = (*behaviour, *build.indicator_columns("stage_2"))
    nothing = dict.fromkeys(behaviour, 0.0)
    first = OrdinalModel((), behaviour, prior, nothing, nothing, (0.0,) * len(THRESHOLDS))
    strata = {name: stratum_on_prior(every, prior) for name in STRATA}
    second = LevelModel(strata, every, prior, dict.fromkeys(every, 0.0))
    return Bundle(first, second, build.catalogue_hash(), about)


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle; refuses one trained on another catalogue of indicators."""
    if not (folder / STAGE_2).exists():
        raise MissingInput(
            f"There is no model bundle in {folder}. Train one with: python -m training train"
        )
    try:
        content = json.loads((folder / STAGE_2).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise UserError(
                f"The bundle in {folder} has the format of another version of this service. Train "
                "a new one and have it approved."
            )
        bundle = _bundle_of(content, folder)
    except FileNotFoundError as error:
        raise MissingInput(f"The bundle in {folder} lacks a file; fetch it again.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableInput(f"The bundle in {folder} is damaged; fetch it again.") from error
    if bundle.catalogue != build.catalogue_hash():
        raise UserError(
            f"The bundle in {folder} was made for another catalogue of indicators. Train a new one "
            "and have it approved."
        )
    return bundle


def _bundle_of(content: dict[str, Any], folder: Path) -> Bundle:
    prior, first, second = prior_of(content["prior"]), content["stage_1"], content["stage_2"]
    texts = [
        (folder / STAGE_1.format(number)).read_text(encoding="utf-8")
        for number in range(1, first["boosters"] + 1)
    ]
    ordinal = OrdinalModel(
        tuple(read_booster(text) for text in texts),
        tuple(first["columns"]),
        prior,
        first["departures"],
        first["usual"],
        tuple(first["intercepts"]),
    )
    strata = {name: Stratum(**item) for name, item in content["strata"].items()}
    level = LevelModel(strata, tuple(second["columns"]), prior, second["usual"])
    return Bundle(ordinal, level, content["catalogue"], dict(content["about"]))
