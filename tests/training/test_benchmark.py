"""The learner on any described table: read strictly, judged by models that had not seen the row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from features.errors import MissingInput, UnreadableInput, UserError
from models import metrics
from models.boosters import Settings
from tests.conftest import SHARED
from training import __main__ as commands
from training import benchmark, fairness, learner, one_fold, tabular

ROWS = 1500
DESCRIPTION = """
title = "A made-up table"
caution = "Made-up people: plumbing, not accuracy."
train = "train.csv"
test = "test.csv"
id = "id"
outcome = "outcome"
recorded = "level"
levels = ["low", "high"]
audit = ["sex", "village"]
never = ["origin"]
parity = "sex"
folds = 3
review_rate = 0.1
[booster]
rounds = 30
leaves = 4
depth = 2
smallest_leaf = 20
[[input]]
name = "before"
direction = "+"
[[input]]
name = "school"
kind = "ordered"
order = ["none", "some", "all"]
[[input]]
name = "offence"
kind = "category"
[[input]]
name = "gang"
empty_is = 0.0
[[variant]]
name = "without offence"
without = ["offence"]
"""


def table(seed: int, rows: int) -> pl.DataFrame:
    """A table in which what happened before says something, and the recorded level less."""
    rng = np.random.default_rng(seed)
    before = rng.integers(0, 11, rows)
    offence = rng.choice(["a", "b", ""], rows)
    level = rng.choice(["low", "high", ""], rows, p=[0.6, 0.3, 0.1])
    score = 0.35 * before - 2.2 + 0.5 * (offence == "a") + 0.3 * (level == "high")
    return pl.DataFrame(
        {
            "id": [f"P{n}" for n in range(rows)],
            "before": ["10 or more" if b == 10 else str(b) for b in before],
            "school": rng.choice(["none", "some", "all", ""], rows),
            "offence": offence,
            "gang": rng.choice(["0.0", "1.0", ""], rows),
            "level": level,
            "sex": rng.choice(["F", "M"], rows, p=[0.1, 0.9]),
            "village": ["small" if n < 4 else "large" for n in range(rows)],
            "origin": rng.choice(["x", "y"], rows),
            "day": [str(20_000 + n) for n in rng.permutation(rows)],
            "outcome": (rng.random(rows) < 1 / (1 + np.exp(-score))).astype(int).astype(str),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table with its description."""
    folder = tmp_path_factory.mktemp("table")
    table(1, ROWS).write_csv(folder / "train.csv")
    table(2, 300).drop("outcome").write_csv(folder / "test.csv")
    (folder / "table.toml").write_text(DESCRIPTION, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> tabular.Rows:
    """The training rows as read."""
    return tabular.read_rows(
        folder / "train.csv", tabular.read_description(folder / "table.toml"), with_outcome=True
    )


@pytest.fixture(scope="module")
def out(folder: Path) -> Iterator[Path]:
    """What the command writes; with few resamples, so that it is soon done."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "RESAMPLES", 20)
        yield _written(folder)


def _written(folder: Path) -> Path:
    command = ["benchmark", "--config", str(folder / "table.toml"), "--out", str(folder / "out")]
    assert commands.main(command) == 0
    return folder / "out"


def test_a_table_is_read_by_its_description(folder: Path, rows: tabular.Rows) -> None:
    assert rows.names == ("before", "school", "offence is a", "offence is b", "gang")
    assert rows.directions == (1, 0, 0, 0, 0)
    text = pl.read_csv(folder / "train.csv", infer_schema=False)
    assert rows.values[:, 0].max() == 10, "10 or more"
    assert np.isnan(rows.values[:, 1]).sum() == (text["school"] == "").sum()
    assert not np.isnan(rows.values[:, 4]).any(), "an empty cell that counts as nought"
    assert set(rows.recorded) == {"low", "high", tabular.UNKNOWN}
    assert "origin" not in rows.audit
    assert rows.higher().sum() == (text["outcome"] == "1").sum()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('direction = "+"', 'direction = "up"', "direction 'up'"),
        ('kind = "ordered"', 'kind = "orderly"', "kind 'orderly'"),
        ('never = ["origin"]', 'never = ["before"]', "before may not be an input"),
        ('outcome = "outcome"', 'outcome = "gang"', "gang may not be an input"),
        ("folds = 3", "fold = 3", "unknown setting 'fold'.*Did you mean 'folds'"),
        ('without = ["offence"]', 'without = ["ofence"]', "Did you mean 'offence'"),
        ('id = "id"\n', "", "a setting is missing"),
        ('title = "A', "title = A", "is not TOML"),
    ],
)
def test_a_description_is_checked(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in DESCRIPTION
    (tmp_path / "x.toml").write_text(DESCRIPTION.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=sentence):
        tabular.read_description(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (pl.lit("1").alias("outcome"), "outcome is 1 in every row"),
        (pl.lit("perhaps").alias("outcome"), "1,500 rows say otherwise .*'perhaps'"),
        (pl.lit("lots").alias("before"), r"row 1: before is 'lots', which is no number"),
        (pl.lit("half").alias("school"), r"row 1: school is 'half', which is no ordered"),
    ],
)
def test_a_table_that_cannot_be_used_is_said(
    folder: Path, tmp_path: Path, change: pl.Expr, sentence: str
) -> None:
    about = tabular.read_description(folder / "table.toml")
    table(1, ROWS).with_columns(change).write_csv(tmp_path / "train.csv")
    with pytest.raises(UserError, match=sentence):
        tabular.read_rows(tmp_path / "train.csv", about, with_outcome=True)


def test_files_and_columns_that_are_not_there(folder: Path, tmp_path: Path) -> None:
    about = tabular.read_description(folder / "table.toml")
    with pytest.raises(MissingInput, match="Pass --data"):
        tabular.read_rows(tmp_path / "train.csv", about, with_outcome=True)
    with pytest.raises(MissingInput, match="no description"):
        tabular.read_description(tmp_path / "none.toml")
    table(1, 50).rename({"before": "befor"}).write_csv(tmp_path / "train.csv")
    with pytest.raises(UnreadableInput, match="no column 'before'.*Did you mean 'befor'"):
        tabular.read_rows(tmp_path / "train.csv", about, with_outcome=True)
    (tmp_path / "train.csv").write_text("")
    with pytest.raises(UnreadableInput, match="cannot be read as CSV"):
        tabular.read_rows(tmp_path / "train.csv", about, with_outcome=True)


def test_no_model_sees_the_outcome_of_a_row_that_it_judges(
    folder: Path, rows: tabular.Rows
) -> None:
    about = tabular.read_description(folder / "table.toml")
    test = np.arange(0, ROWS, 3)
    train = np.setdiff1d(np.arange(ROWS), test)
    assert rows.outcome is not None
    flipped = rows.outcome.copy()
    flipped[test] = 1 - flipped[test]
    one = one_fold.score_fold(about, rows, train, test)
    other = one_fold.score_fold(about, replace(rows, outcome=flipped), train, test)
    assert set(one) >= {one_fold.MODEL, one_fold.LEVEL_ALONE, "EBM (interpret)"}
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


DERIVED = """
[[derived]]
name = "before and school"
sum = ["before", "school"]
[[derived]]
name = "before for each gang"
sum = ["before"]
per = ["gang"]
since = 1.0
least = 0.5
"""


def described(folder: Path, text: str) -> tabular.Description:
    path = folder / "other.toml"
    path.write_text(text, encoding="utf-8")
    return tabular.read_description(path)


def test_an_input_is_worked_out_from_others(folder: Path) -> None:
    about = described(folder, DESCRIPTION.replace("[[variant]]", DERIVED + "[[variant]]"))
    rows = tabular.read_rows(folder / "train.csv", about, with_outcome=True)
    before, school, gang = (
        rows.values[:, rows.names.index(n)] for n in ("before", "school", "gang")
    )
    assert rows.names[-2:] == ("before and school", "before for each gang")
    np.testing.assert_array_equal(rows.values[:, -2], before + np.nan_to_num(school))
    np.testing.assert_array_equal(rows.values[:, -1], before / np.maximum(gang - 1.0, 0.5))
    left = one_fold._columns_without(rows, ("gang",), about)
    assert [rows.names[place] for place in left][-1] == "before and school"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'sum = ["before"]',
            'sum = ["befor"]',
            "no input 'befor' to work out before for each gang",
        ),
        ('sum = ["before"]', 'sum = ["offence"]', "no input 'offence' to work out"),
        ("least = 0.5", "least = 0.0", "a least divisor above nought"),
        ("least = 0.5", 'direction = "up"', "needs a direction"),
        ("least = 0.5", "lest = 0.5", "unknown setting 'lest'. Did you mean 'least'"),
    ],
)
def test_a_faulty_derived_input_is_refused(folder: Path, old: str, new: str, words: str) -> None:
    text = DESCRIPTION.replace("[[variant]]", DERIVED.replace(old, new) + "[[variant]]")
    with pytest.raises(UserError) as refusal:
        described(folder, text)
    assert words in str(refusal.value)


def test_with_a_glass_box_stage_1_is_the_mean_of_both(
    rows: tabular.Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []

    def quarter(values: np.ndarray, *_: object, **more: object) -> object:
        fits.append(len(values))
        assert more == {"interactions": learner.INTERACTIONS, "bags": learner.BAGS}
        return lambda others: np.full(len(others), 0.25)

    monkeypatch.setattr(learner, "fit_glass_box", quarter)

    def fit(*, glass_box: bool) -> learner.Learner:
        return learner.fit_learner(
            rows.values,
            rows.higher().astype(float),
            rows.recorded,
            list(rows.ids),
            rows.directions,
            Settings(rounds=20, leaves=4, depth=2, smallest_leaf=20),
            glass_box=glass_box,
        )

    alone = fit(glass_box=False).first
    assert fits == []
    both = fit(glass_box=True).first
    assert len(fits) == learner.PARTS + 1
    mean = (alone.margin(rows.values) + np.log(0.25 / 0.75)) / 2
    np.testing.assert_allclose(both.margin(rows.values), mean, atol=1e-9)


def test_stage_1_is_blind_to_the_recorded_level(folder: Path, rows: tabular.Rows) -> None:
    about = tabular.read_description(folder / "table.toml")
    rng = np.random.default_rng(0)
    columns_made = [
        learner.fit_learner(
            rows.values,
            rows.higher().astype(float),
            recorded,
            list(rows.ids),
            rows.directions,
            about.booster,
        )
        for recorded in (rows.recorded, rng.permutation(rows.recorded))
    ]
    texts = [one.first.booster.model_to_string() for one in columns_made]
    assert texts[0] == texts[1]
    low = columns_made[0].probability(rows.values[:50], np.full(50, "low", dtype=object))
    new = columns_made[0].probability(rows.values[:50], np.full(50, "never seen", dtype=object))
    assert not np.allclose(low, new), "a level never seen is calibrated with all levels together"


def test_later_rows_are_judged_by_earlier_ones_alone(folder: Path, rows: tabular.Rows) -> None:
    about = replace(tabular.read_description(folder / "table.toml"), time="day")
    dated = tabular.read_rows(folder / "train.csv", about, with_outcome=True)
    assert dated.time is not None
    day = dated.time.cast(pl.Int64).to_numpy()
    folds = list(benchmark._make_folds(about, dated))
    assert len(folds) == 3
    for train, test in folds:
        assert day[train].max() < day[test].min()
    short = table(1, 200).with_columns(day=pl.int_range(1, 201).cast(pl.String))
    short.write_csv(folder / "short.csv")
    numbered = tabular.read_rows(folder / "short.csv", about, with_outcome=True)
    assert numbered.time is not None
    assert numbered.time.arg_sort().to_list() == list(range(200)), "9 comes before 10"
    short.with_columns(day=pl.lit(None, dtype=pl.String)).write_csv(folder / "short.csv")
    with pytest.raises(UnreadableInput, match="day is empty in 200 rows"):
        tabular.read_rows(folder / "short.csv", about, with_outcome=True)
    same = replace(dated, outcome=np.repeat([0.0, 1.0], ROWS // 2)[np.argsort(np.argsort(day))])
    with pytest.raises(UserError, match="has one outcome only"):
        list(benchmark._make_folds(about, same))


def test_the_command_writes_what_it_found(out: Path, folder: Path) -> None:
    content = json.loads((out / "benchmark.json").read_text())
    auc = {name: figures["auc"]["value"] for name, figures in content["overall"].items()}
    assert auc[one_fold.MODEL] > auc[one_fold.LEVEL_ALONE] + 0.1
    assert content["judged"] == ROWS
    judged = pl.read_csv(out / "cross-validated.csv")
    assert judged.height == ROWS
    higher = table(1, ROWS)["outcome"].cast(pl.Int64)
    assert auc[one_fold.MODEL] == pytest.approx(roc_auc_score(higher, judged["probability"]))
    predicted = pl.read_csv(out / "predictions.csv")
    assert predicted["id"].to_list() == [f"P{n}" for n in range(300)]
    assert predicted["probability"].is_between(0, 1).all()
    page = (out / "benchmark.md").read_text()
    assert "Made-up people" in page
    for part in (
        "two-stage model, without offence",
        "EBM (interpret)",
        "best single input",
        "each sex the same review rate",
        "each sex calibrated on its own",
        "| village | small | fewer than 10 | too few to tell",
    ):
        assert part in page, part
    rates = [line for way in content["parity"] for line in way["lines"] if "same" in way["way"]]
    assert all(line["figures"]["shown"]["value"] == pytest.approx(0.1, abs=0.01) for line in rates)


@pytest.mark.verify
def test_the_same_table_gives_the_same_files(out: Path, folder: Path) -> None:
    again = ["benchmark", "--config", str(folder / "table.toml"), "--out", str(folder / "again")]
    assert commands.main(again) == 0
    for name in ("benchmark.json", "predictions.csv", "cross-validated.csv"):
        assert (out / name).read_bytes() == (folder / "again" / name).read_bytes(), name


def test_the_description_of_the_nij_table() -> None:
    about = tabular.read_description(commands.NIJ)
    assert "Race" in about.never
    data = SHARED / "data" / "nij"
    if not data.exists():
        pytest.skip("the shared NIJ data are not beside the project")
    read = [
        tabular.read_rows(data / f"{name}.csv", about, with_outcome=name == "train")
        for name in ("train", "test")
    ]
    assert [len(one) for one in read] == [18_028, 7_807]
    assert read[0].names == read[1].names
    assert not [name for name in read[0].names if "Race" in name]
    gang = read[0].names.index("Gang_Affiliated")
    assert not np.isnan(read[0].values[:, gang]).any(), "empty says who is a woman"


def test_measures_against_what_is_known() -> None:
    rng = np.random.default_rng(3)
    probability = rng.random(4000)
    higher = rng.random(4000) < probability
    ones = np.ones(4000)
    assert metrics.auc(probability, higher, ones) == pytest.approx(
        roc_auc_score(higher, probability)
    )
    assert metrics.slope(probability, higher, ones) == pytest.approx(1, abs=0.1)
    sure = 1 / (1 + np.exp(-2 * np.log(probability / (1 - probability))))
    assert metrics.slope(sure, higher, ones) == pytest.approx(0.5, abs=0.06)
    assert metrics.expected_calibration_error(probability, higher, ones) < 0.03
    assert metrics.expected_calibration_error(probability * 0.5, higher, ones) > 0.2
    assert metrics.flagged_calibration(probability, higher, ones, 0.1) == pytest.approx(1, abs=0.1)
    assert np.bincount(metrics.equal_weight_bins(probability, ones)).tolist() == [400] * 10
    doubled = metrics.equal_weight_bins(np.array([0.1, 0.2, 0.3]), np.array([2.0, 1.0, 1.0]), 2)
    assert doubled.tolist() == [0, 1, 1]
    rounded = np.round(probability, 1)
    for weight in (ones, rng.integers(0, 4, 4000).astype(float)):
        assert metrics.average_precision(rounded, higher, weight) == pytest.approx(
            average_precision_score(higher, rounded, sample_weight=weight)
        )
    nothing = metrics.auc(probability, np.zeros(4000, dtype=bool), ones)
    assert np.isnan(nothing)
    assert np.isnan(metrics.slope(np.full(10, 0.3), higher[:10], ones[:10]))
    assert np.isnan(metrics.average_precision(probability, higher & False, ones))


def test_the_audit_counts_rightly_and_withholds_small_numbers() -> None:
    groups = np.array(["a"] * 40 + ["b"] * 40 + ["c"] * 5, dtype=object)
    higher = np.array(([True] * 10 + [False] * 30) * 2 + [True] * 5)
    shown = np.array([1.0] * 20 + [0.0] * 65)
    people = np.array([f"P{n}" for n in range(85)], dtype=object)
    probability = np.full(85, 0.25)
    figure_by_group = {
        line.group: line
        for line in fairness.audit_groups(
            probability, shown, higher, np.ones(85), people, {"kind": groups}
        )
    }
    a, b, c = figure_by_group["a"].figures, figure_by_group["b"].figures, figure_by_group["c"]
    assert a["shown"] is not None
    assert a["precision"] is not None
    assert a["missed"] is not None
    assert b["missed"] is not None
    assert a["calibration"] is not None
    assert (a["shown"].value, a["precision"].value, a["missed"].value) == (0.5, 0.5, 0.0)
    assert b["precision"] is None, "nobody was shown"
    assert b["missed"].value == 1.0
    assert a["calibration"].value == pytest.approx(1.0)
    assert a["precision"].low < 0.5 < a["precision"].high
    assert c.rows is None
    assert set(c.figures.values()) == {None}


def test_levels_are_calibrated_on_margins_of_rows_the_booster_had_not_seen(
    folder: Path, rows: tabular.Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[int] = []
    honest = learner.train_booster

    def watched(values: np.ndarray, *rest: object, **more: object) -> object:
        learned.append(len(values))
        return honest(values, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(learner, "train_booster", watched)
    about = tabular.read_description(folder / "table.toml")
    learner.fit_learner(
        rows.values,
        rows.higher().astype(float),
        rows.recorded,
        list(rows.ids),
        rows.directions,
        about.booster,
    )
    assert len(learned) == learner.PARTS + 1
    assert sum(ROWS - count for count in learned) == ROWS, "each row held out once, then all"
    assert max(learned) == ROWS
