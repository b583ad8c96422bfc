"""The model against the hidden truth: other people, later, beside what the truth would teach."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from features.errors import MissingInput, UserError
from features.store.store import Store
from tests.conftest import AS_OF
from tests.service import quick_config
from training import __main__ as commands
from training import baselines, sealed, truth
from training.splits import person_hash

QUICK = quick_config()


def test_the_truth_judges_people_who_taught_nothing(
    made_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(made_up / "store")
    monkeypatch.setattr(truth, "TIMES", 2)
    learned: list[pl.DataFrame] = []
    honest = truth.fit_bundle

    def watched(labelled: object, settings: object) -> object:
        learned.append(labelled.frame)  # type: ignore[attr-defined]
        return honest(labelled, settings)  # type: ignore[arg-type]

    monkeypatch.setattr(truth, "fit_bundle", watched)
    lines, echo, reached = truth.compare_with_truth(
        store, made_up / "truth", AS_OF, QUICK, lambda _: None
    )
    assert {line.model for line in lines} == {
        truth.MODEL,
        truth.TAUGHT_BY_TRUTH,
        *baselines.BASELINES,
    }
    held = person_hash(QUICK.splits.hashes) == truth.HELD
    for frame in learned:
        assert frame.filter(held).is_empty()
        assert frame["as_of"].max() <= AS_OF - timedelta(days=QUICK.splits.gap_days)
    assert learned[1].height > learned[0].height
    assert 0 < reached < 2
    assert all(0 <= line.right <= 1 and line.too_low <= line.rows for line in lines)
    own = [line for line in lines if line.model == truth.MODEL]
    assert 0 <= truth.overall_share(lines, truth.MODEL, 0.05) <= 1
    assert len(own) >= 3
    assert all(0 < one.auc < 1 for one in echo)


def test_days_outside_the_truth_are_said(made_up: Path, tmp_path: Path) -> None:
    first = sealed.first_day(made_up / "truth")
    assert sealed.true_levels(made_up / "truth", first).height > 0
    with pytest.raises(UserError, match="lies outside"):
        sealed.true_levels(made_up / "truth", first - timedelta(days=1))
    with pytest.raises(MissingInput, match="no hidden truth"):
        sealed.first_day(tmp_path)


def test_the_command_says_that_it_proves_plumbing(
    made_up: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "TIMES", 1)
    command = [
        "truth",
        "--store",
        str(made_up / "store"),
        "--truth",
        str(made_up / "truth"),
        "--as-of",
        AS_OF.isoformat(),
    ]
    assert commands.main(command) == 0
    output = capsys.readouterr().out
    assert "right of ten shown" in output
    assert "of that of the model taught by the truth" in output
    assert "plumbing, not accuracy" in output
