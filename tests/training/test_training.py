"""Labels, folds, fits and the pipeline's idempotence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.errors import MissingInput, UnreadableInput, UserError
from features.store.store import Store
from models import bundle
from models.prior import read_prior
from tests.conftest import AS_OF
from tests.service import Service, quick_config
from training import baselines, config, evaluate, fit, labels, pipeline, splits
from training.fit import fit_bundle
from training.labels import Labelled


def text_of(old: str, new: str) -> str:
    """The configuration with one line changed."""
    return config.DEFAULT.read_text().replace(old, new)


@pytest.fixture(scope="module")
def labelled(made_up: Path) -> Labelled:
    return labels.read_labels(Store.open(made_up / "store"), AS_OF, config.read_config())


def test_a_label_is_read_as_of_the_snapshot(made_up: Path, labelled: Labelled) -> None:
    reviews = Store.open(made_up / "store").read_versions("reviews")
    snapshots = {(r["crn"], r["snapshot_on"]) for r in reviews.iter_rows(named=True)}
    assert set(labelled.frame.select("crn", "as_of").iter_rows()) <= snapshots
    recorded = reviews.select("crn", "snapshot_on", "recorded_at")
    assert (recorded["recorded_at"].dt.date() > recorded["snapshot_on"]).all()


def test_readings_after_the_cut_off_teach_nothing(made_up: Path) -> None:
    cut_off = AS_OF - timedelta(days=270)
    early = labels.read_labels(Store.open(made_up / "store"), cut_off, config.read_config())
    assert early.frame["as_of"].max() < cut_off


def test_weights_are_inverse_probabilities_with_a_cap(labelled: Labelled) -> None:
    audit = labelled.frame.filter(source="audit")["weight"]
    assert audit.mean() == pytest.approx(1, abs=0.05)
    chosen = labelled.frame.filter(source="countersign")
    assert set(chosen["weight"]) == {1.0}, "without a known probability a reading weighs one"
    assert not chosen["judged"].any()
    assert labelled.frame.filter(source="audit")["judged"].all()
    assert 0 < labelled.effective_rows <= labelled.frame.height


def test_too_few_labels_stop_with_a_sentence(made_up: Path) -> None:
    with pytest.raises(UserError, match="at least 400 are needed"):
        labels.read_labels(
            Store.open(made_up / "store"), AS_OF - timedelta(days=820), config.read_config()
        )


def test_folds_keep_people_and_time_apart(labelled: Labelled) -> None:
    chosen = config.read_config().splits
    every = [
        *splits.development_folds(labelled, AS_OF, chosen),
        *splits.final_folds(labelled, AS_OF, chosen),
    ]
    assert len(every) == chosen.hashes * (len(chosen.folds) + 1)
    for fold in every:
        assert not set(fold.train.frame["crn"]) & set(fold.test.frame["crn"])
        if fold.train.frame.height and fold.test.frame.height:
            gap = fold.test.frame["as_of"].min() - fold.train.frame["recorded_on"].max()
            assert gap > timedelta(days=chosen.gap_days)
    final = AS_OF - timedelta(days=chosen.final_days)
    for fold in splits.development_folds(labelled, AS_OF, chosen):
        if fold.test.frame.height:
            assert fold.test.frame["as_of"].max() < final, "the newest period is untouched"


def test_margins_are_made_by_trainings_that_had_not_seen_the_person(labelled: Labelled) -> None:
    """Each half is followed by the other: who is left out of one has not taught it."""
    settings = config.read_config()
    halves = list(fit.halves_of_people(labelled, settings))
    people = labelled.frame["crn"].to_numpy()
    assert len(halves) == 2 * settings.trainings.pairs >= 10
    for half, other in zip(halves[::2], halves[1::2], strict=True):
        assert not set(people[half]) & set(people[other])
        assert (half ^ other).all()
        assert abs(len(set(people[half])) - len(set(people[other]))) <= 1
    assert len({half.tobytes() for half in halves}) == len(halves)
    others = labelled.frame.with_columns(
        reviewed=pl.when(pl.col("crn") == people[0])
        .then(3 - pl.col("reviewed"))
        .otherwise("reviewed")
    )
    # One ridge: which is chosen rests on everybody's readings, this person's too.
    fixed = replace(settings, weights=replace(settings.weights, ridges=(30.0,)))
    own = people == people[0]
    _, before = fit.fit_stage_1(labelled, fixed, read_prior())
    _, after = fit.fit_stage_1(Labelled(others), fixed, read_prior())
    np.testing.assert_array_equal(before[own], after[own])
    assert not np.array_equal(before[~own], after[~own])


def test_training_repeats_bit_for_bit(labelled: Labelled) -> None:
    assert fit_bundle(labelled, quick_config()).id == fit_bundle(labelled, quick_config()).id


def test_recorded_level_alone_knows_only_the_level(labelled: Labelled) -> None:
    score = baselines.recorded_level_alone(labelled, labelled)
    keys = labelled.frame.select(pl.col("level").fill_null("?"), "group").with_columns(score=score)
    assert keys.group_by("level", "group").agg(pl.col("score").n_unique())["score"].max() == 1


def test_higher_means_above_the_recorded_level() -> None:
    frame = pl.DataFrame(
        {
            "level": ["LOW", "LOW", "HIGH", None, None],
            "reviewed": [0, 1, 2, 1, 2],
            "weight": [1.0] * 5,
            "source": ["audit"] * 5,
        }
    )
    assert labels.read_higher(Labelled(frame)).tolist() == [0, 1, 0, 0, 1]


def test_figures_stand_beside_two_baselines(service: Service, proposal: pipeline.Proposal) -> None:
    models = {row["model"] for row in proposal.table}
    every = {*baselines.BASELINES, *baselines.SLOW_BASELINES}
    assert models == {evaluate.MODEL, *every}
    assert {row["period"] for row in proposal.table} == {"development", "final"}
    for row in proposal.table:
        value, low, high = row["precision"]
        assert value is None or 0 <= value <= 1
        assert low is None or low <= high
    assert "Made-up people" not in service.model.as_texts()["stage1-01.txt"]
    assert "not evidence of real accuracy" in (proposal.folder / "card.md").read_text()


def test_training_again_finds_the_same_bundle(made_up: Path, proposal: pipeline.Proposal) -> None:
    store = Store.open(made_up / "store")
    again = pipeline.train_bundle(
        store, AS_OF, quick_config(), made_up / "bundles", made_up / "tracking"
    )
    assert not again.fresh
    assert (again.bundle_id, again.version) == (proposal.bundle_id, proposal.version)
    assert bundle.load_bundle(again.folder).id == proposal.bundle_id


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[boster]\n", "Did you mean 'booster'"),
        (text_of("rounds = 100", "round = 3"), "Did you mean 'rounds'"),
        ("[labels]\n", "lacks a setting"),
        (text_of("gap_days = 90", "gap_days = 60"), "shorter than the label window"),
        (text_of("ridges = [10.0, 30.0, 100.0]", "ridges = [0.0]"), "each above nought"),
        ("x = ", "is not TOML"),
    ],
)
def test_configuration_is_checked(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UnreadableInput, match=sentence):
        config.read_config(path)
    with pytest.raises(MissingInput):
        config.read_config(tmp_path / "nowhere.toml")


def test_every_setting_is_part_of_the_identity(tmp_path: Path) -> None:
    text = config.DEFAULT.read_text()
    changed = tmp_path / "config.toml"
    changed.write_text(text.replace("rounds = 100", "rounds = 101"))
    assert config.read_config(changed).digest != config.read_config().digest
    changed.write_text(text.replace("[labels]", "[labels]\n# a remark"))
    assert config.read_config(changed).digest == config.read_config().digest
