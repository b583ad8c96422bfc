"""How far stage 1 repeats the level already recorded: measured on labels, and on paired caseloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.frame import build
from features.history import asof
from features.intake.load import load_extract
from features.store.store import Store
from features.synthetic import practice
from features.synthetic.caseload import Parameters, synthesise_extract
from models.inputs import community_rows
from tests.conftest import AS_OF
from tests.service import Service
from training import config, fit, labels
from training.echo import FEWEST, measure_echo
from training.labels import Labelled


def labelled(follows_record: float, people: int = 600) -> Labelled:
    """Rows that readers put at medium, a third recorded low; margins follow the record so far."""
    rng = np.random.default_rng(4)
    level = rng.choice(["LOW", "MEDIUM", "HIGH"], people)
    margin = rng.normal(size=people) + follows_record * (level != "LOW")
    columns: dict[str, Any] = dict.fromkeys(build.indicator_columns("stage_1"), 0.0)
    frame = pl.DataFrame(
        {
            "crn": [f"A{n:06d}" for n in range(people)],
            "group": "public",
            "level": level,
            "reviewed": 1,
            "weight": 1.0,
            "margin": margin,
        }
    )
    noisy = {"threats_count": (level == "HIGH") * 2.0 + (level == "MEDIUM")}
    return Labelled(
        frame.with_columns(**{name: pl.lit(value) for name, value in columns.items()}).with_columns(
            **{name: pl.Series(values) for name, values in noisy.items()}
        )
    )


@pytest.mark.parametrize(("follows", "echo"), [(0.0, 0.5), (1.0, 0.76), (-1.0, 0.24)])
def test_the_echo_is_how_often_a_row_recorded_higher_has_the_larger_margin(
    follows: float, echo: float
) -> None:
    rows = labelled(follows)
    (line,) = measure_echo(rows, np.column_stack([rows.frame["margin"]] * 3))
    assert line.readers_say == "medium"
    assert line.echo.value == pytest.approx(echo, abs=0.05)
    assert line.echo.low < line.echo.value < line.echo.high
    assert line.loudest[0] == "threats count 1.00"


def test_an_echo_of_few_rows_is_not_measured() -> None:
    few = labelled(0.0).where(pl.int_range(pl.len()) < FEWEST)
    assert measure_echo(few, np.zeros((few.frame.height, 3))) == []


def test_what_is_not_known_is_no_nought() -> None:
    """An attendance rate of nobody recorded high is known: nought would tell them apart."""
    rows = labelled(0.0)
    rate = pl.when(pl.col("level") != "HIGH").then(pl.lit(0.5))
    blank = Labelled(rows.frame.with_columns(attendance_rate_90d=rate))
    (line,) = measure_echo(blank, np.zeros((blank.frame.height, 3)))
    assert not any("attendance" in words for words in line.loudest)


def test_the_echo_of_the_service_is_that_of_rows_left_out(service: Service) -> None:
    chosen = config.read_config()
    spoken = labels.read_labels(service.store, AS_OF, chosen)
    lines = measure_echo(spoken, fit.fit_stage_1(spoken, chosen, service.model.ordinal.prior)[1])
    assert lines
    for line in lines:
        assert 0.3 < line.echo.value < 0.9
        assert line.recorded_higher <= line.rows


def test_the_same_lives_recorded_one_level_higher_have_nearly_the_same_margins(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two made-up caseloads of the same lives; practitioners record one level more in one."""
    plain = _margins(service, tmp_path / "plain")
    honest = practice._perceived_levels

    def one_higher(*arguments: Any) -> np.ndarray:
        return np.minimum(honest(*arguments) + 1, 3)

    monkeypatch.setattr(practice, "_perceived_levels", one_higher)
    higher = _margins(service, tmp_path / "higher")
    pairs = plain.join(higher, on=["crn", "group"], suffix="_higher")
    assert pairs.height > 1_000
    assert (pairs["level"] != pairs["level_higher"]).mean() > 0.5, "the record differs"
    away = (pairs["margin_higher"] - pairs["margin"]).mean()
    assert abs(away) < 0.1 * pairs["margin"].std()


def _margins(service: Service, folder: Path) -> pl.DataFrame:
    """The margin at medium of each row of a caseload that is made, loaded and framed."""
    parameters = Parameters(cases=500, seed=3, as_of=AS_OF)
    synthesise_extract(parameters, folder / "extract", folder / "truth", workers=1)
    load_extract(folder / "extract", folder / "store")
    store = Store.open(folder / "store")
    spine = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    frame = build.build_frame(asof.read_histories(store, spine))
    rows = community_rows(frame)
    at_medium = service.model.ordinal.margins_at(rows, np.full(rows.height, 1))
    return rows.select("crn", "group", "level").with_columns(margin=pl.Series(at_medium))
