"""What reading notes adds, by the hidden truth of made-up people of whom half stands only in notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features import synthetic
from features.errors import MissingInput, UserError
from features.intake.load import load_extract
from features.store.store import Store
from tests.conftest import AS_OF
from tests.service import quick_config
from training import config, note_effect, truth
from training.__main__ import main
from training.truth import TruthLine


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of people of whom half of what happens stands only in notes, and their truth."""
    folder = tmp_path_factory.mktemp("half")
    parameters = synthetic.Parameters(80, 2, AS_OF, only_in_notes=0.5)
    synthetic.synthesise_extract(parameters, folder / "extract", folder / "truth")
    load_extract(folder / "extract", folder / "store")
    return folder


def test_every_happening_that_stands_only_in_notes_is_counted_once(half: Path) -> None:
    readings = note_effect.compare_reading(Store.open(half / "store"), half / "truth")
    in_notes = pl.read_parquet(half / "truth/in-notes/*.parquet")
    assert sum(one.only_in_notes for one in readings) == in_notes["only_in_notes"].sum()
    for one in readings:
        assert 0 <= one.read <= one.only_in_notes
        assert 0 <= one.right <= one.facts
    assert sum(one.read for one in readings) > 0
    # A fact that the truth does not have lowers the precision.
    assert sum(one.right for one in readings) < sum(one.facts for one in readings)


def line(store: Store, *_: Any) -> tuple[list[TruthLine], list[Any], float]:
    right = 0.2 if store.note_kinds else 0.1
    lines = [TruthLine(name, "low", 100, 10, right, 0.5, right) for name in note_effect.NAMES]
    return lines, [], 1.0


def test_more_indicators_fire_where_notes_count(
    half: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(truth, "compare_with_truth", line)
    where = ["--store", str(half / "store"), "--truth", str(half / "truth")]
    assert (
        main(["note-effect", *where, "--as-of", f"{AS_OF}", "--kinds", "threat", "violence"]) == 0
    )
    without, with_notes = note_effect.compare_effect(
        Store.open(half / "store"),
        half / "truth",
        AS_OF,
        quick_config(),
        ["threat", "violence"],
        lambda _: None,
    )
    assert with_notes.fired > without.fired > 0
    assert with_notes.right[truth.MODEL] == pytest.approx(0.2)
    assert without.average_precision[truth.MODEL] == pytest.approx(0.1)
    printed = capsys.readouterr().out
    assert f"{without.fired:.2f}" in printed
    assert f"{with_notes.fired:.2f}" in printed
    assert "proves plumbing, not accuracy" in printed


def test_what_cannot_be_compared_stops_with_a_sentence(half: Path, tmp_path: Path) -> None:
    store = Store.open(half / "store")
    with pytest.raises(UserError, match="Did you mean 'weapon'"):
        note_effect.compare_effect(
            store, half / "truth", AS_OF, config.read_config(), ["wepon"], lambda _: None
        )
    with pytest.raises(MissingInput, match="no hidden truth"):
        note_effect.compare_reading(store, tmp_path)
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(UserError, match="says nothing of notes"):
        note_effect.compare_reading(store, tmp_path)
