"""SHAP's own values, beside the reasons that are served."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.bundle import Bundle
from models.inputs import community_rows
from models.strata import stratum_of
from tests.conftest import AS_OF
from tests.service import Service
from training import config, labels, shap_audit

LEVEL = "LOW"


@pytest.fixture(scope="module")
def frame(service: Service) -> pl.DataFrame:
    return labels.read_labels(service.store, AS_OF, config.read_config()).frame


@pytest.fixture(scope="module")
def model(service: Service) -> Bundle:
    """The proposal, with boosters that count at every recorded level."""
    strata = {name: replace(one, slope=0.8) for name, one in service.model.level.strata.items()}
    return replace(service.model, level=replace(service.model.level, strata=strata))


def test_what_is_served_is_what_shap_gives_by_path(model: Bundle, frame: pl.DataFrame) -> None:
    lines = {one.recorded: one for one in shap_audit.audit_reasons(model, frame, 0.2)}
    assert len(lines) >= 3
    for one in lines.values():
        assert one.difference < 1e-6
        assert one.first_by_path == 1.0
        assert 0.5 < one.first_by_intervention <= 1.0
        assert 0.5 < one.order_by_intervention <= one.order_by_path <= 1.0


def test_values_by_intervention_add_up_to_the_score_less_the_mean_of_those_against(
    model: Bundle, frame: pl.DataFrame
) -> None:
    rows = community_rows(frame)
    level = rows.filter(stratum_of(rows) == LEVEL, pl.col("group") == "public")
    some, against = level[:20], level[20:80]
    by_way = dict(shap_audit._shap_values(model, some, against, LEVEL))
    score = [model.score_frame(one)["log_odds"].to_numpy() for one in (some, against)]
    total = by_way["intervention"][:, :-1].sum(axis=1)
    np.testing.assert_allclose(total, score[0] - score[1].mean(), atol=1e-6)


def test_reasons_that_are_not_shaps_are_seen(model: Bundle, frame: pl.DataFrame) -> None:
    class Wrong(Bundle):
        """A bundle that serves the contributions of its first two indicators the other way round."""

        def contributions(self, rows: pl.DataFrame, stratum: str) -> tuple[np.ndarray, list[str]]:
            parts, names = super().contributions(rows, stratum)
            turned = parts.copy()
            if self.ordinal.boosters:
                turned[:, :-1] = parts[:, :-1][:, ::-1]
            return turned, names

    wrong = Wrong(model.ordinal, model.level, model.catalogue, model.about)
    for one in shap_audit.audit_reasons(wrong, frame, 0.2):
        assert one.difference > 0.01
        assert one.first_by_path < 0.9
