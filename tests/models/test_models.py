"""The parts of a model: strata, calibration, figures, the bundle's files, the registry."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.errors import MissingInput, UnreadableInput, UserError
from features.frame import build
from features.indicators import CATALOGUE
from models import bundle, card, metrics, registry
from models.boosters import booster_margin
from models.inputs import Matrix, community_rows, input_matrix
from models.ordinal import OrdinalModel
from models.scored_rows import lay_out_scores
from models.strata import STRATA, thresholds_of
from tests.factories import AS_OF, assessment, known_histories, row
from tests.service import Service

RNG = np.random.default_rng(3)


def test_bundle_is_read_back_exactly(service: Service, tmp_path: Path) -> None:
    service.model.save(tmp_path / "b")
    again = bundle.load_bundle(tmp_path / "b")
    assert again.id == service.model.id
    frame = build.build_frame(
        known_histories({"incidents": [row("incidents", "2026-06-01", target="public")]})
    )
    assert again.score_frame(frame).equals(service.model.score_frame(frame))
    assert {path.suffix for path in (tmp_path / "b").iterdir()} == {".txt", ".json"}
    (tmp_path / "b" / "stage1-01.txt").unlink()
    with pytest.raises(MissingInput, match="lacks a file"):
        bundle.load_bundle(tmp_path / "b")


def test_bundles_that_cannot_be_used_say_so(service: Service, tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no model bundle"):
        bundle.load_bundle(tmp_path)
    service.model.save(tmp_path)
    content = json.loads((tmp_path / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps(content | {"catalogue": "other"}))
    with pytest.raises(UserError, match="another catalogue"):
        bundle.load_bundle(tmp_path)
    (tmp_path / "bundle.json").write_text(json.dumps(content | {"format": 1}))
    with pytest.raises(UserError, match="another version"):
        bundle.load_bundle(tmp_path)
    (tmp_path / "bundle.json").write_text("{}")
    with pytest.raises(UnreadableInput, match="damaged"):
        bundle.load_bundle(tmp_path)
    with pytest.raises(UserError, match="lacks indicators"):
        input_matrix(pl.DataFrame({"group": ["public"]}), ["dntr_count"])


def test_scores_by_stratum(service: Service) -> None:
    busy = {"incidents": [row("incidents", "2026-06-01", target="public")]}
    for given_level in ("LOW", "MEDIUM", "HIGH"):
        frame = build.build_frame(
            known_histories({**busy, "assessments": [assessment(AS_OF, given_level)]})
        )
        assert set(service.model.score_frame(frame)["stratum"]) == {given_level}
    high = build.build_frame(
        known_histories({**busy, "assessments": [assessment(AS_OF, "VERY_HIGH")]})
    )
    scored = service.model.score_frame(high)
    assert set(scored["why_not"]) == {"already very high"}
    assert scored["probability"].null_count() == 4
    assert set(service.model.level.strata) == set(STRATA)


@pytest.mark.parametrize(
    ("slopes", "rows_at"),
    [
        ({"LOW": 0.0, "MEDIUM": 0.0}, []),
        ({"LOW": 0.0, "MEDIUM": 0.7}, ["MEDIUM"]),
        ({"LOW": 0.7, "MEDIUM": 0.0}, ["LOW"]),
        ({"LOW": 0.7, "MEDIUM": 0.7}, ["LOW", "MEDIUM"]),
    ],
)
def test_boosters_are_asked_only_where_they_count(
    service: Service,
    slopes: dict[str, float],
    rows_at: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And every score is the one that asking them for every row gives."""
    level = service.model.level
    strata = {n: replace(one, slope=slopes.get(n, 0.0)) for n, one in level.strata.items()}
    model = replace(service.model, level=replace(level, strata=strata))
    busy = {"incidents": [row("incidents", "2026-06-01", target="public")]}
    frame = pl.concat(
        build.build_frame(known_histories({**busy, "assessments": [assessment(AS_OF, recorded)]}))
        for recorded in ("LOW", "MEDIUM", "HIGH", "VERY_HIGH")
    )
    rows = community_rows(frame)
    margins = model.ordinal.margins_at(rows, thresholds_of(rows))
    levels_asked: list[str] = []
    margins_at = OrdinalModel.margins_at

    def observed(own: OrdinalModel, part: pl.DataFrame, at: NDArray[np.int64]) -> Matrix:
        levels_asked.extend(part["level"].unique(maintain_order=True))
        return margins_at(own, part, at)

    monkeypatch.setattr(OrdinalModel, "margins_at", observed)
    scores = model.score_frame(frame)
    assert levels_asked == rows_at
    expected = lay_out_scores(rows, model.level.log_odds(rows, margins))
    assert scores.equals(expected)
    inputs = input_matrix(rows, model.ordinal.columns)
    trees = booster_margin(model.ordinal.boosters[0], inputs, thresholds_of(rows))
    assert len(set(trees)) > 1, "a booster that says the same of every row proves nothing"


def test_an_indicator_that_does_not_concern_a_group_tells_nothing_of_the_group() -> None:
    """As a blank it would speak for the group under its own name; a missing feed stays a blank."""
    name = "child_sexual_risk_intelligence"
    assert CATALOGUE[name].groups == ("children",)
    supplied = build.build_frame(
        known_histories({"incidents": [row("incidents", "2026-06-01", target="public")]})
    )
    frame = community_rows(supplied)
    assert frame.filter(pl.col("group") != "children")[name].null_count() == 3
    values = dict(zip(frame["group"], input_matrix(frame, [name])[:, 0], strict=True))
    assert values == dict.fromkeys(frame["group"], 0.0)
    without = community_rows(build.build_frame(known_histories({}, feeds=["assessments"])))
    values = dict(zip(without["group"], input_matrix(without, [name])[:, 0], strict=True))
    assert np.isnan(values["children"])
    assert values["public"] == 0.0


def test_share_found_and_precision_by_hand() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.1])
    truth = np.array([True, False, True, True])
    ones = np.ones(4)
    assert metrics.share_found(score, truth, ones, 0.5) == pytest.approx(1 / 3)
    assert metrics.precision(score, truth, ones, 0.5) == pytest.approx(0.5)
    assert metrics.precision(score, truth, np.array([1, 1, 0.0, 0]), 0.5) == pytest.approx(1.0)
    assert np.isnan(metrics.share_found(score, np.zeros(4, dtype=bool), ones))
    assert metrics.calibration(np.full(4, 0.5), truth, ones) == pytest.approx(1.5)
    assert metrics.brier(np.array([1.0, 0, 1, 1]), truth, ones) == 0


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=3, max_size=40),
    st.randoms(use_true_random=False),
)
def test_ties_do_not_depend_on_the_order_of_rows(
    rows: list[tuple[float, bool]], random: object
) -> None:
    score = np.array([r[0] for r in rows])
    truth = np.array([r[1] for r in rows])
    order = np.array(sorted(range(len(rows)), key=lambda _: random.random()))  # type: ignore[attr-defined]
    ones = np.ones(len(rows))
    one = metrics.precision(score, truth, ones, 0.3)
    assert metrics.precision(score[order], truth[order], ones, 0.3) == pytest.approx(one)


def test_intervals_hold_the_value_and_are_repeatable() -> None:
    score, people = RNG.random(400), np.array([f"A{i // 4}" for i in range(400)])
    truth = RNG.random(400) < score
    one = metrics.with_interval("precision", score, truth, np.ones(400), people, seed=1)
    assert one.low <= one.value <= one.high
    assert one == metrics.with_interval("precision", score, truth, np.ones(400), people, seed=1)


def test_a_registered_bundle_keeps_its_version(service: Service, tmp_path: Path) -> None:
    folder, figures = service.bundle_folder, {"m": 0.5, "n": float("nan")}
    first = registry.track_run(tmp_path / "t", folder, "abc", {"a": 1}, figures, {"c.md": "x"})
    again = registry.track_run(tmp_path / "t", folder, "abc", {}, {}, {})
    other = registry.track_run(tmp_path / "t", folder, "def", {}, {}, {})
    assert (first, again, other) == (1, 1, 2)
    where = registry.run_address(folder)
    assert re.fullmatch(r"[0-9]+/runs/[0-9a-f]{32}", where)
    assert registry.run_address(tmp_path) == "", "a bundle from elsewhere has no run here"


def test_card_says_made_up_and_what_is_not_used() -> None:
    about = {"made_up": True, "until": "2026-11-20", "rows": 10, "effective_rows": 9.0}
    text = card.as_markdown(about, [{"model": "m", "rows": "10"}], "b" * 64)
    assert "never be quoted" in text
    assert "pregnancy is a protected characteristic" in text
    assert "It decides nothing" in text
    real = card.as_markdown(about | {"made_up": False}, [], "b" * 64)
    assert "made-up people" not in real
    assert "Pictures" not in real


def test_card_names_its_pictures_with_their_digests() -> None:
    about = {"made_up": True, "until": "2026-11-20", "rows": 10, "effective_rows": 9.0}
    text = card.as_markdown(about, [], "b" * 64, pictures={"beeswarm.png": "c" * 64})
    words = card.PICTURES["beeswarm.png"]
    assert f'![{words}](beeswarm.png "sha256:{"c" * 64}")' in text
    assert "dependence.png" not in text, "none was drawn"


CLEAN = """
import sys
import mlflow.pyfunc
import pandas as pd

model = mlflow.pyfunc.load_model(sys.argv[1])
import models
assert "code" in models.__file__, "the code that came with it, and no other"
frame = pd.read_parquet(sys.argv[2])
model.predict(frame).to_parquet(sys.argv[3])
try:
    model.predict(frame.drop(columns=["violence_incident_count"]))
except mlflow.exceptions.MlflowException as error:
    assert "violence_incident_count" in str(error)
else:
    raise SystemExit("a frame without an indicator was taken")
"""


def test_the_registered_version_scores_in_a_clean_process(service: Service, tmp_path: Path) -> None:
    """Loaded by MLflow in an empty folder from text files, held to its signature, the same scores."""
    _loads_in(sys.executable, service, tmp_path)


@pytest.mark.verify
def test_the_registered_version_scores_with_nothing_but_its_requirements(
    service: Service, tmp_path: Path
) -> None:
    """In a fresh environment with the packages that it names, as another service would load it."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    own = str(tmp_path / "venv" / "bin" / "python")
    subprocess.run([own, "-m", "pip", "install", "-q", *registry.locked_requirements()], check=True)
    _loads_in(own, service, tmp_path)


def test_what_a_model_needs_is_locked() -> None:
    locked = (Path(__file__).parents[2] / "requirements" / "base.txt").read_text(encoding="utf-8")
    for needed in registry.locked_requirements():
        assert f"\n{needed} " in locked, needed


def _loads_in(python: str, service: Service, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    tracking = service.settings.data / "tracking"
    client = MlflowClient(f"sqlite:///{tracking.resolve()}/mlflow.db")
    version = client.search_model_versions(f"tags.bundle='{service.model.id}'")[0]
    assert not list(Path(version.source.removeprefix("file://")).rglob("*.pkl"))
    frame = build.build_frame(
        known_histories(
            {
                "assessments": [assessment(AS_OF, "LOW")],
                "incidents": [row("incidents", "2026-06-01", target="public")],
            }
        )
    )
    frame = frame.filter(pl.col("group") != "prisoners")
    empty = tmp_path / "empty"
    empty.mkdir()
    frame.to_pandas().to_parquet(tmp_path / "in.parquet")
    subprocess.run(
        [
            python,
            "-W",
            "ignore",
            "-c",
            CLEAN,
            version.source,
            str(tmp_path / "in.parquet"),
            str(tmp_path / "out.parquet"),
        ],
        check=True,
        cwd=empty,
    )
    stored_rows = pl.read_parquet(tmp_path / "out.parquet")
    own = service.model.score_frame(frame)
    assert stored_rows["group"].to_list() == own["group"].to_list()
    np.testing.assert_array_equal(stored_rows["probability"], own["probability"])
