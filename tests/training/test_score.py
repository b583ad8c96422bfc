"""A caseload scored offline is scored as a night scores it, with ranks, indicators and reasons."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from features.frame import build
from features.history import asof
from features.indicators import CATALOGUE
from models import explain
from models.combinations import read_combinations
from models.strata import STRATA
from tests.conftest import AS_OF
from tests.service import Service
from training import score
from training.__main__ import main

SHARES = score.Shares(0.05, 0.02)


@pytest.fixture(scope="module")
def scores(service: Service) -> pl.DataFrame:
    return score.score_store(service.store, service.model, AS_OF, SHARES, lambda _: None)


def test_the_scores_are_those_of_the_night(service: Service, scores: pl.DataFrame) -> None:
    night = pl.read_parquet(sorted(service.settings.scores.glob(f"{AS_OF}-*.parquet"))[0])
    limited = night.filter(pl.col("what_happened") == "limited")["crn"]
    assert set(scores["crn"]) == set(night["crn"]) - set(limited)
    columns = ["crn", "group", "stratum", "level", "level_state", "scorable", "probability", "rank"]
    both = night.select(columns).join(scores.select(columns), on=columns[:2], suffix="_offline")
    assert both.height == scores.height
    for name in columns[2:]:
        assert both[name].equals(both[f"{name}_offline"], null_equal=True), name


def test_the_highest_share_of_each_level_is_shown_with_reasons(
    service: Service, scores: pl.DataFrame
) -> None:
    for stratum in STRATA:
        rows = scores.filter(pl.col("stratum") == stratum, pl.col("scorable"))
        shown = rows.filter(pl.col("shown_by") == "model")
        assert shown.height == -(-rows.height * 5 // 100)
        assert shown["rank"].to_list() == list(range(1, shown.height + 1))
        assert rows["percentile"].max() == 1.0
        assert rows["percentile"].min() == pytest.approx(1 / rows.height)
    assert (
        scores.filter(~pl.col("shown"))["reasons"].null_count()
        == scores.filter(~pl.col("shown")).height
    )
    assert scores.filter("shown")["reasons"].null_count() == 0
    one = scores.filter(pl.col("shown_by") == "model").row(0, named=True)
    histories = asof.read_histories(service.store, asof.make_spine([one["crn"]], AS_OF))
    reasons = explain.explain_rows(service.model, build.build_frame(histories), histories)
    for reason in reasons[one["crn"], one["group"]]:
        assert reason.title in one["reasons"]
        for finding in reason.findings:
            assert finding.sentence in one["reasons"]


def test_each_lane_shows_its_first_people_that_none_before_it_shows(
    service: Service, scores: pl.DataFrame
) -> None:
    most = math.ceil(SHARES.lane * scores["crn"].n_unique())
    by_model = set(scores.filter(pl.col("shown_by") == "model")["crn"])
    unusual = scores.filter(pl.col("shown_by") == "unusual")
    assert unusual["crn"].n_unique() == unusual.height == most
    assert not set(unusual["crn"]) & by_model
    left = scores.filter(
        ~pl.col("crn").is_in(sorted(by_model | set(unusual["crn"]))), pl.col("bits").is_not_null()
    )
    assert unusual["bits"].min() >= left["bits"].max()  # type: ignore[operator]
    assert unusual["new"].str.len_chars().min() > 0  # type: ignore[operator]
    combined = scores.filter(pl.col("shown_by") == "combination")
    assert 0 < combined.height <= most
    assert not set(combined["crn"]) & (by_model | set(unusual["crn"]))
    ids = {one.id for one in read_combinations()}
    assert set(combined["combinations"].str.split(";").explode()) <= ids
    facts_of = text(
        "SELECT i.crn, jsonb_path_query_array(f.because, '$.parts[*].findings[*].indicator') AS facts"
        " FROM triage.findings f JOIN triage.items i ON i.id = f.item_id"
        " WHERE f.drawn_as = 'unusual'"
    )
    with service.night.connect() as connection:
        queued = {row.crn: row.facts for row in connection.execute(facts_of)}
    rows = scores.filter(pl.col("crn").is_in(sorted(queued)))
    for crn, facts in queued.items():
        own = rows.filter(pl.col("crn") == crn)["new"].drop_nulls()
        assert any(set(facts) <= set(new.split(";")) for new in own), "as the night drew it"


def test_fired_names_the_indicators_that_fire(service: Service, scores: pl.DataFrame) -> None:
    spine = asof.make_spine(scores["crn"].unique(), AS_OF)
    frame = pl.concat(part for _, part in build.build_frames(service.store, spine))
    rows = {(row["crn"], row["group"]): row for row in frame.iter_rows(named=True)}
    for one in scores.head(40).iter_rows(named=True):
        row = rows[one["crn"], one["group"]]
        fired = [
            name
            for name, item in CATALOGUE.items()
            if row[name] is not None
            and (row[name] < item.fires_from if item.fires_below else row[name] >= item.fires_from)
        ]
        assert one["fired"] == ";".join(fired)


def test_the_kinds_count_that_the_bundle_was_trained_with(
    service: Service, scores: pl.DataFrame
) -> None:
    about = {**service.model.about, "note_kinds": ["violence", "weapon"]}
    model = replace(service.model, about=about)
    with_notes = score.score_store(service.store, model, AS_OF, SHARES, lambda _: None)
    assert not with_notes["probability"].equals(scores["probability"])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_command_writes_a_file(
    service: Service,
    scores: pl.DataFrame,
    tmp_path: Path,
    suffix: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / f"scores{suffix}"
    where = ["--store", str(service.settings.store), "--bundle", str(service.bundle_folder)]
    assert main(["score", *where, "--as-of", f"{AS_OF}", "--out", str(out)]) == 0
    written = pl.read_csv(out) if suffix == ".csv" else pl.read_parquet(out)
    assert written["crn"].to_list() == scores["crn"].to_list()
    assert list(tmp_path.iterdir()) == [out]
    assert "Nobody is shown anything" in " ".join(capsys.readouterr().out.split())


def test_a_caseload_is_ranked_without_a_label(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On day one there is no bundle: published findings rank alone."""
    out = tmp_path / "scores.parquet"
    where = ["--store", str(service.settings.store), "--as-of", f"{AS_OF}", "--out", str(out)]
    assert main(["score", *where, "--prior"]) == 0
    assert "By published findings alone" in capsys.readouterr().out
    scores = pl.read_parquet(out)
    assert scores.filter("shown")["reasons"].str.len_chars().min() > 0
    assert scores.filter("scorable")["probability"].n_unique() > 100


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"--out": "scores.xlsx"}, "neither .csv nor .parquet"),
        ({"--out": "nowhere/scores.csv"}, "no folder"),
        ({"--share": "0"}, "--share must be more than 0"),
        ({"--lane-share": "-1"}, "--lane-share must be between 0 and 1"),
        ({"--bundle": "nowhere"}, "no model bundle"),
        ({"--as-of": "2001-01-01"}, "Nobody whose access is open"),
    ],
)
def test_what_cannot_be_scored_stops_with_a_sentence(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    options = {
        "--store": str(service.settings.store),
        "--bundle": str(service.bundle_folder),
        "--as-of": f"{AS_OF}",
        "--out": "scores.csv",
        **changed,
    }
    arguments = [part for pair in options.items() for part in pair]
    assert main(["score", *arguments]) != 0
    assert words in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []
