"""Fitting both kinds of weights: what readings teach, and what stays where they teach nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from features.indicators import CATALOGUE
from models import calibrate, weights
from models.calibrate import CalibrationRows
from models.inputs import GROUPS
from models.level import LevelModel
from models.prior import Prior, read_prior
from models.strata import STRATA

RIDGES = (1.0, 30.0)
ROWS = 6000
FIRING = "dntr_count"
"""Fires in half of the rows, and says that the level is too low."""
SILENT = "overdue_task_noted_not_done"
"""Never fires: no reading can tell its weight."""
COLUMNS = [FIRING, SILENT]


def labelled(slope: float = 0.8, weight: float = 1.5, rows: int = ROWS) -> CalibrationRows:
    """Rows at recorded low whose truth follows a margin and one process indicator."""
    rng = np.random.default_rng(3)
    margin, fires = rng.normal(size=rows), rng.integers(0, 2, rows).astype(float)
    higher = rng.random(rows) < weights.sigmoid(-2.0 + slope * margin + weight * fires)
    frame = pl.DataFrame(
        {
            "group": rng.choice(GROUPS, rows),
            "level": ["LOW"] * rows,
            FIRING: np.where(fires > 0, full(FIRING), 0.0),
            SILENT: np.zeros(rows),
        }
    )
    return calibrate.calibration_rows(
        frame=frame,
        margins=margin,
        reviewed=higher.astype(np.int64),
        weights=np.ones(rows),
        parts=rng.integers(0, 4, rows),
        columns=COLUMNS,
        prior=read_prior(),
    )


def full(name: str) -> float:
    return next(one.full for one in read_prior().weights if one.indicator == name)


def weight_of(fitted: LevelModel, name: str, prior: Prior) -> float:
    low = fitted.strata["LOW"]
    return low.scale * prior.weights_by_group([name])[0, 0] + low.departures[name]


def test_readings_move_weights_away_from_the_prior() -> None:
    prior = read_prior()
    fitted = calibrate.fit_level_model(labelled(), COLUMNS, prior, RIDGES)
    low = fitted.strata["LOW"]
    assert not low.on_prior
    assert low.slope == pytest.approx(0.8, abs=0.1)
    assert weight_of(fitted, FIRING, prior) == pytest.approx(1.5, abs=0.2)
    assert low.departures[SILENT] == pytest.approx(0.0, abs=0.01), "nothing tells of it"
    assert fitted.usual[FIRING] == pytest.approx(0.5, abs=0.05)


def test_few_readings_leave_weights_with_the_prior() -> None:
    prior = read_prior()
    few = calibrate.fit_level_model(labelled(rows=60), COLUMNS, prior, (30.0,))
    many = calibrate.fit_level_model(labelled(), COLUMNS, prior, (30.0,))
    assert abs(few.strata["LOW"].departures[FIRING]) < 0.2
    assert many.strata["LOW"].departures[FIRING] > 0.3


def test_what_looks_harmless_keeps_a_tenth_of_its_weight() -> None:
    """Readings that say the opposite draw a weight to its floor, never to nought or below."""
    prior = read_prior()
    fitted = calibrate.fit_level_model(labelled(weight=-2.0), COLUMNS, prior, (1.0,))
    low = fitted.strata["LOW"]
    assert not low.on_prior
    assert weight_of(fitted, FIRING, prior) == pytest.approx(
        0.1 * prior.least_weights([FIRING])[0], abs=1e-6
    )


def test_one_weight_falls_without_the_others() -> None:
    """Seven of eight are as the prior has them, the eighth says nothing: that one alone falls."""
    rng = np.random.default_rng(2)
    size = 20_000
    extents = rng.integers(0, 2, (size, 8)).astype(float)
    weighed = 0.6 * extents[:, :7].sum(axis=1)
    rows = replace(
        labelled(rows=size),
        extents=extents,
        prior=0.6 * extents.sum(axis=1),
        margins=np.zeros(size),
        higher=(rng.random(size) < weights.sigmoid(-4.0 + weighed)).astype(float),
    )
    least = np.full(8, 0.6)
    own = calibrate._fit_levels(rows, least, 10.0)["LOW"]
    learned = own[calibrate.SCALE] * least + calibrate._departures(own, least)
    assert own[calibrate.SCALE] > 0.8
    assert learned[7] < 0.2
    assert learned[:7].min() > 0.45


def test_levels_share_what_few_readings_of_one_cannot_tell() -> None:
    """Thirty readings at high move with six thousand at low, less far."""
    rows = labelled()
    strata = rows.strata.copy()
    strata[:30] = "HIGH"
    fitted = calibrate._fit_levels(
        replace(rows, strata=strata), read_prior().least_weights(COLUMNS), 10.0
    )
    at = calibrate.SCALE + 1
    low, high = fitted["LOW"][at], fitted["HIGH"][at]
    assert low > 1.2
    assert high > 0.5 * low


def test_where_readings_rank_no_better_the_prior_stands() -> None:
    """Readings at random teach nothing; the prior's own order is that of the truth."""
    rows = labelled()
    rng = np.random.default_rng(5)
    true = rng.random(len(rows.higher)) < 0.05
    noise = replace(
        rows,
        margins=rng.normal(size=len(rows.higher)),
        extents=np.zeros_like(rows.extents),
        prior=np.where(true, 2.0, 0.0),
        higher=true.astype(float),
    )
    low = calibrate.fit_level_model(noise, COLUMNS, read_prior(), RIDGES).strata["LOW"]
    assert low.on_prior
    assert low.slope == 0
    assert low.scale > 1
    assert set(low.departures.values()) == {0.0}
    assert low.higher == true.sum()


def test_a_level_without_readings_stands_on_the_prior_as_it_is() -> None:
    prior = read_prior()
    fitted = calibrate.fit_level_model(labelled(), COLUMNS, prior, RIDGES)
    assert set(fitted.strata) == set(STRATA)
    high = fitted.strata["HIGH"]
    assert (high.on_prior, high.slope, high.scale, high.rows) == (True, 0.0, 1.0, 0)
    assert set(high.base.values()) == {prior.base}


def test_weights_count_as_rows_would() -> None:
    rows = labelled(rows=800)
    twice = np.arange(800) < 400
    doubled = replace(
        rows, **{name: np.concatenate([v, v[twice]]) for name, v in vars(rows).items()}
    )
    weighted = replace(rows, weights=np.where(twice, 2.0, 1.0))
    floors = read_prior().least_weights(COLUMNS)
    one, other = (calibrate._fit_levels(each, floors, 1e-6)["LOW"] for each in (doubled, weighted))
    np.testing.assert_allclose(one, other, atol=0.02)


def test_contributions_are_against_the_usual_and_add_up() -> None:
    prior = read_prior()
    fitted = calibrate.fit_level_model(labelled(), COLUMNS, prior, RIDGES)
    frame = pl.DataFrame(
        {
            "group": ["public"] * 3,
            "level": ["LOW"] * 3,
            FIRING: [full(FIRING), 0.0, None],
            SILENT: [0.0] * 3,
        },
        schema_overrides=dict.fromkeys(COLUMNS, pl.Float64()),
    )
    parts = fitted.contributions(frame, "LOW")
    terms = fitted.weighed(frame, "LOW")
    np.testing.assert_allclose(parts.sum(axis=1), terms.sum(axis=1))
    fires, silent, unknown = parts[:, 0]
    assert fires > 0 > silent
    assert fires - silent == pytest.approx(terms[0, 0])
    assert unknown == 0, "what is not known is as usual"
    assert (terms >= 0).all()
    of_prior = fitted.prior_contributions(frame, "LOW")
    assert (np.abs(of_prior) <= np.abs(parts[:, :-1]) + 1e-9).all(), "the rest was learned"


def test_intercepts_fall_with_the_threshold_even_without_readings() -> None:
    extents = np.zeros((50, 1))
    fitted = weights.fit_departures(
        extents, np.zeros(50), np.zeros(50, dtype=np.int64), np.ones(50), np.array([-1.0]), 10.0
    )
    assert (np.diff(fitted.intercepts) <= 0).all()
    assert np.isfinite(fitted.intercepts).all()
    assert fitted.departures[0] == pytest.approx(0)


def test_the_indicators_of_these_tests_are_of_process() -> None:
    assert {CATALOGUE[name].kind for name in COLUMNS} == {"process"}
