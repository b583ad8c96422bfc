"""How a caseload is made: the same rows for the same seed, whole or not at all, sealed truth."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from features import __main__ as commands
from features import synthetic
from features.errors import MissingInput, UnreadableInput, UserError
from features.intake import extract
from features.intake.load import load_extract
from features.store import staging
from features.synthetic import bucket
from features.synthetic.caseload import CASES_A_BUCKET
from training import __main__ as training_commands
from training import sealed

FEW = synthetic.Parameters(cases=60, seed=3)


def make_caseload(
    folder: Path, chosen: synthetic.Parameters, **more: int
) -> synthetic.CaseloadSummary:
    return synthetic.synthesise_extract(chosen, folder / "x", folder / "x-truth", **more)


def test_the_same_seed_makes_the_same_rows(tmp_path: Path) -> None:
    one, two = make_caseload(tmp_path / "a", FEW), make_caseload(tmp_path / "b", FEW)
    other = make_caseload(tmp_path / "c", synthetic.Parameters(cases=60, seed=4))
    assert one.digests == two.digests
    assert one.rows == two.rows
    assert all(one.digests[name] != other.digests[name] for name in ("contacts", "people"))


def test_a_digest_is_of_the_rows_and_not_of_their_order() -> None:
    rows = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})
    assert bucket.rows_digest(rows) == bucket.rows_digest(rows.reverse())
    assert bucket.rows_digest(rows) != bucket.rows_digest(rows.with_columns(b=pl.lit("x")))


def test_one_worker_or_two_make_the_same_rows(tmp_path: Path) -> None:
    chosen = synthetic.Parameters(cases=CASES_A_BUCKET + 60, seed=3)
    alone = make_caseload(tmp_path / "a", chosen, workers=1)
    together = make_caseload(tmp_path / "b", chosen, workers=2)
    assert alone.digests == together.digests
    assert alone.rows["people"] == CASES_A_BUCKET + 60


def test_killed_half_way_leaves_nothing_that_looks_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = bucket._write_truth
    monkeypatch.setattr(bucket, "_write_truth", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        make_caseload(tmp_path, FEW)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "x-truth").exists()
    left = tmp_path / "x.partial"
    assert (left / "contacts" / "00.parquet").exists(), "the kill came after tables were written"
    with pytest.raises(MissingInput, match="does not say when it was taken"):
        extract.describe_extract(left)
    monkeypatch.setattr(bucket, "_write_truth", seal)
    assert make_caseload(tmp_path, FEW).fresh
    assert not left.exists()
    assert extract.describe_extract(tmp_path / "x").made_up


def test_what_stands_is_kept_and_what_is_not_ours_is_not_touched(tmp_path: Path) -> None:
    first = make_caseload(tmp_path, FEW)
    again = make_caseload(tmp_path, FEW)
    assert first.fresh
    assert not again.fresh
    assert again.digests == first.digests
    with pytest.raises(UserError, match="holds another extract"):
        make_caseload(tmp_path, synthetic.Parameters(cases=60, seed=4))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        synthetic.synthesise_extract(FEW, tmp_path / "mine", tmp_path / "truth")
    assert (tmp_path / "mine" / "notes.txt").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "extract.json").write_text("{}")
    with pytest.raises(UserError, match="holds another extract"):
        synthetic.synthesise_extract(FEW, tmp_path / "other", tmp_path / "truth")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"cases": 7}, "--cases must lie between 50 and 300,000"),
        ({"underestimated": 0.5}, "--underestimated must lie between"),
        ({"audited": 0.0}, "--audited must lie between"),
        ({"scenario": "nothing"}, "There is no scenario 'nothing'"),
    ],
)
def test_parameters_out_of_range_stop_with_a_sentence(
    tmp_path: Path, changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        make_caseload(tmp_path, synthetic.Parameters(**changed))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_the_truth_cannot_be_taken_for_a_table(tmp_path: Path) -> None:
    """The truth lies beside the extract; put into it, the extract is refused."""
    make_caseload(tmp_path, FEW)
    (tmp_path / "x-truth" / "true-levels").rename(tmp_path / "x" / "true-levels")
    with pytest.raises(UnreadableInput, match="belongs to no table of ours"):
        extract.describe_extract(tmp_path / "x")


def test_the_sealed_reader_gives_the_level_of_the_day(tmp_path: Path) -> None:
    make_caseload(tmp_path, FEW)
    truth, as_of = tmp_path / "x-truth", FEW.as_of
    stored = pl.read_parquet(truth / "true-levels" / "*.parquet")
    now = sealed.true_levels(truth, as_of)
    assert now["true"].to_list() == [row[-1] for row in stored["level"].to_list()]
    before = sealed.true_levels(truth, as_of - timedelta(days=30))
    assert before["true"].to_list() == [row[-2] for row in stored["level"].to_list()]
    oldest = sealed.true_levels(truth, as_of - timedelta(days=30 * 36 - 1))
    assert oldest["true"].to_list() == [row[0] for row in stored["level"].to_list()]
    for outside in (as_of + timedelta(days=1), as_of - timedelta(days=30 * 36)):
        with pytest.raises(UserError, match="lies outside"):
            sealed.true_levels(truth, outside)
    with pytest.raises(MissingInput, match="no hidden truth"):
        sealed.true_levels(tmp_path, as_of)
    low = sealed.too_low(truth, now.select("crn", "group", recorded=pl.lit(1)), as_of)
    assert low["low"].sum() == (now["true"] > 1).sum()


def test_commands_make_describe_and_judge_a_caseload(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x"
    made_with = ["synthesise", "--cases", "300", "--seed", "3", "--out", str(out)]
    assert commands.main(made_with) == 0
    output = capsys.readouterr().out
    digest = json.loads((out / "extract.json").read_text())["digests"]["contacts"]
    assert digest in output
    assert (tmp_path / "x-truth" / "truth.json").exists(), "beside the extract, unless told"
    assert commands.main(made_with) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert commands.main(["caseload", str(out), "--out", str(tmp_path / "docs")]) == 0
    assert "# The made-up caseload" in (tmp_path / "docs" / "caseload.md").read_text()
    assert (tmp_path / "docs" / "images" / "stories.svg").read_text().startswith("<svg")
    assert commands.main(["caseload", str(tmp_path / "none")]) == 11
    assert commands.main(["check", str(out), "--store", str(tmp_path / "store")]) == 0
    capsys.readouterr()
    judged = [
        "trivial",
        "--store",
        str(tmp_path / "store"),
        "--truth",
        str(tmp_path / "x-truth"),
        "--as-of",
        "2026-11-20",
    ]
    assert training_commands.main(judged) == 0
    output = capsys.readouterr().out
    for name in ("count of entries", "recorded level alone", "who the practitioner is", "chance"):
        assert name in output
    assert training_commands.main([*judged[:-1], date(2020, 1, 1).isoformat()]) != 0


def test_a_folder_that_holds_no_truth_is_never_emptied(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="holds no truth"):
        synthetic.synthesise_extract(FEW, tmp_path / "x", precious)
    assert (precious / "thesis.txt").exists()
    for out, truth in (("x", "x/truth"), ("y/x", "y"), ("x", "x")):
        with pytest.raises(UserError, match="neither"):
            synthetic.synthesise_extract(FEW, tmp_path / out, tmp_path / truth)
    make_caseload(tmp_path, FEW)
    with pytest.raises(UserError, match="stands without its truth"):
        synthetic.synthesise_extract(FEW, tmp_path / "x", tmp_path / "elsewhere")


def test_two_loads_at_once_do_not_touch_each_other(tmp_path: Path) -> None:
    make_caseload(tmp_path, FEW)
    with staging.Staged(tmp_path / "store", 8) as under_way:
        under_way.add("people", pl.read_parquet(tmp_path / "x" / "people" / "00.parquet"))
        with pytest.raises(UserError, match="Another load into .* is under way"):
            load_extract(tmp_path / "x", tmp_path / "store")
        assert list((tmp_path / "store" / "loads").rglob("*.parquet"))
    assert not (tmp_path / "store").exists(), "not committed, so nothing is left"
    (tmp_path / "empty").mkdir()
    with staging.Staged(tmp_path / "empty", 8):
        pass
    assert (tmp_path / "empty").exists(), "a folder that was there before stays"
