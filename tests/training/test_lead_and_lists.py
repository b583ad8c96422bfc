"""Lead time, the lists of other nights, and what equal review rates do: each against a hand count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.store.store import Store
from models.strata import STRATA, stratum_of
from tests.conftest import AS_OF
from tests.service import Service, quick_config
from training import audit, evaluate, labels, lead, nights, splits
from training.evaluate import Judged
from training.labels import Labelled

SHARE = 0.2


@pytest.fixture(scope="module")
def final(made_up: Path) -> Judged:
    """The newest period, judged by a quick model."""
    settings = quick_config()
    quick = replace(settings, booster=replace(settings.booster, rounds=10))
    read = labels.read_labels(Store.open(made_up / "store"), AS_OF, quick)
    folds = splits.final_folds(read, AS_OF, quick.splits)
    return evaluate.judge_folds("final", folds, quick, lambda _: None, {})


def test_on_the_day_of_the_reading_the_lead_is_what_the_list_found(
    made_up: Path, final: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead, "FEWEST", 1)
    leads = lead.measure_lead(Store.open(made_up / "store"), final, SHARE)
    assert final.pooled is not None
    strata = stratum_of(final.pooled.frame).to_numpy()
    higher = labels.read_higher(final.pooled) > 0
    cuts = lead._probability_cuts(final, SHARE)
    today = {one.recorded: one for one in leads if one.days_before == 0}
    lead_count = 0
    for name in cuts:
        at = (strata == name) & higher
        shown = final.probability[at] >= cuts[name]
        figure = today[name].shown
        assert today[name].rows == at.sum()
        if figure is not None:
            lead_count += 1
            expected = np.average(shown, weights=final.pooled.weights[at])
            assert figure.value == pytest.approx(expected)
    assert lead_count >= 2
    assert {one.days_before for one in leads} == set(lead.DAYS_BEFORE)


def test_few_readings_tell_no_lead(made_up: Path, final: Judged) -> None:
    leads = lead.measure_lead(Store.open(made_up / "store"), final, SHARE)
    assert {one.shown for one in leads if one.rows < lead.FEWEST} <= {None}
    assert (
        lead.measure_lead(Store.open(made_up / "store"), Judged([], None, np.zeros(0)), 0.1) == []
    )


def test_a_night_beside_itself_is_the_same_list(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nights, "NIGHTS", (0, 400))
    stays = nights.measure_stay(service.store, service.model, AS_OF, SHARE)
    same = [one for one in stays if one.nights_before == 0]
    assert {(one.share_kept, one.overlap) for one in same} == {(1.0, 1.0)}
    assert {one.recorded for one in same} <= set(STRATA)
    other = [one.share_kept for one in stays if one.nights_before == 400]
    assert max(other) < 1.0, "what is on record has changed in a year"


def test_equal_rates_show_every_group_alike() -> None:
    rng = np.random.default_rng(3)
    count = 3000
    words = np.where(np.arange(count) % 3 == 0, "few", "many").astype(object)
    # The group "few" is never among the likeliest.
    probability = rng.random(count) * np.where(words == "few", 0.5, 1.0)
    frame = pl.DataFrame(
        {
            "crn": [f"A{i:06d}" for i in range(count)],
            "level": ["LOW"] * count,
            "reviewed": (rng.random(count) < probability).astype(int),
            "weight": [1.0] * count,
        }
    )
    before, after = audit.compare_narrowed(Labelled(frame), probability, {"kind": words}, 0.1)
    assert (before.least_shown, before.way) == ("few: 0.0%", "as it is")
    assert (after.least_shown, after.most_shown) == ("few: 10.0%", "many: 10.0%")
    assert after.right.value < before.right.value, "and that costs some that were right"
    alone = audit.compare_narrowed(
        Labelled(frame[:50]), probability[:50], {"kind": words[:50]}, 0.1
    )
    assert {one.most_shown for one in alone} == {audit.TOO_FEW}
