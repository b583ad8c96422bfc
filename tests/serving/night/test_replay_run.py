"""A night can be computed again, bit for bit, whatever was loaded or deleted since."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from features.errors import MissingInput, RunStopped, UnreadableInput, UserError
from features.intake.load import load_extract
from features.store.forget import forget_case
from features.store.store import Store
from serving import __main__ as commands
from serving.night.replay_run import compare_scores, replay_run
from serving.settings import Settings
from tests import factories
from tests.conftest import AS_OF
from tests.service import Service


def copied(service: Service, folder: Path) -> Settings:
    """The same service over a copy of its data folder, which may be changed."""
    for name in ("store", "bundles", "scores"):
        shutil.copytree(service.settings.data / name, folder / name)
    return replace(service.settings, data=folder)


def run_of_the_service(service: Service) -> str:
    """The service's own run, the first of its database."""
    with service.admin.connect() as connection:
        rows = text("SELECT id FROM triage.runs WHERE as_of = :day ORDER BY at LIMIT 1")
        return str(connection.execute(rows, {"day": AS_OF}).scalar_one())


def test_a_run_computed_again_is_the_same_and_leaves_an_audit_row(service: Service) -> None:
    run_id = run_of_the_service(service)
    comparison = replay_run(service.settings, service.night, run_id)
    assert comparison.is_same
    assert comparison.rows > 1000
    assert (comparison.different, comparison.missing) == (0, 0)
    with service.admin.connect() as connection:
        last = text("SELECT what, subject_id FROM triage.audit ORDER BY seq DESC LIMIT 1")
        assert tuple(connection.execute(last).one()) == ("REPLAYED_RUN", run_id)


def test_late_corrections_change_nothing_and_a_deletion_is_said(
    service: Service, tmp_path: Path
) -> None:
    settings, run_id = copied(service, tmp_path), run_of_the_service(service)
    stored_rows = pl.read_parquet(next(settings.scores.glob(f"{AS_OF}-*.parquet")))
    person = str(stored_rows.filter("scorable").sort("probability")["crn"][-1])
    late = factories.row("incidents", AS_OF.isoformat(), record_id="late", target="public")
    corrections = {"incidents": [late | {"crn": person}]}
    extracted_at = f"{AS_OF}T23:30:00"
    folder = factories.extract(tmp_path / "late", corrections, extracted_at, made_up=True)
    load_extract(folder, settings.store)
    assert len(Store.open(settings.store).loads) == 2
    assert replay_run(settings, service.night, run_id).is_same
    rows_of_person = stored_rows.filter(pl.col("crn") == person).height
    forget_case(settings.store, person)
    comparison = replay_run(settings, service.night, run_id)
    assert (comparison.different, comparison.missing) == (0, rows_of_person)
    assert comparison.is_same, "deleted on request, which the store remembers without a name"


def test_a_file_that_is_gone_or_another_is_said(service: Service, tmp_path: Path) -> None:
    settings, run_id = copied(service, tmp_path), run_of_the_service(service)
    path = settings.scores / f"{run_id}.parquet"
    rows = pl.read_parquet(path)
    rows.with_columns(pl.col("probability") + 1e-12).write_parquet(path)
    with pytest.raises(UnreadableInput, match="is not the file that run"):
        replay_run(settings, service.night, run_id)
    path.unlink()
    with pytest.raises(MissingInput, match="Restore them from a backup"):
        replay_run(settings, service.night, run_id)
    with pytest.raises(UserError, match=f"Did you mean .*{run_id[:12]}"):
        replay_run(settings, service.night, run_id[:-1] + "9")


@pytest.mark.parametrize(
    ("change", "different", "missing"),
    [
        (pl.col("probability"), 0, 0),
        (pl.when(pl.col("crn") == "A1").then(0.25 + 2**-54).otherwise(pl.col("probability")), 1, 0),
        (pl.when(pl.col("crn") == "A2").then(0.5).otherwise(pl.col("probability")), 1, 0),
    ],
)
def test_one_bit_more_in_one_row_is_a_difference(
    change: pl.Expr, different: int, missing: int
) -> None:
    """A score that there was not before is a difference too: A2 had none."""
    stored_rows = _scores({"A1": 0.25, "A2": None, "A3": 0.75})
    computed = stored_rows.with_columns(probability=change)
    comparison = compare_scores("run", stored_rows, computed, deletions=0)
    assert (comparison.different, comparison.missing) == (different, missing)
    assert comparison.is_same is (different == 0)


@pytest.mark.parametrize(("deletions", "is_same"), [(0, False), (1, True)])
def test_people_who_are_gone_are_explained_by_deletions_alone(
    deletions: int, is_same: bool
) -> None:
    stored_rows = _scores({"A1": 0.25, "A2": 0.5})
    comparison = compare_scores("run", stored_rows, stored_rows.head(1), deletions)
    assert (comparison.different, comparison.missing) == (0, 1)
    assert comparison.is_same is is_same
    two_gone = compare_scores(
        "run", _scores({"A1": 0.25, "A2": 0.5, "A3": 0.1}), stored_rows.head(1), 1
    )
    assert not two_gone.is_same, "two people are gone, and one was deleted"
    extra = compare_scores("run", stored_rows.head(1), stored_rows, deletions)
    assert extra.different == 1, "somebody whom the run had not scored"


def test_the_command_says_what_it_compared(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    assert commands.main(["replay", run_of_the_service(service)]) == 0
    assert "are the same bit for bit" in capsys.readouterr().out
    monkeypatch.setattr("serving.night.replay_run.compare_scores", _one_differs)
    assert commands.main(["replay", run_of_the_service(service)]) == RunStopped.exit_code
    assert "1 of 2 rows are not the same" in capsys.readouterr().err


def _one_differs(run_id: str, *_: object) -> object:
    stored_rows = _scores({"A1": 0.25, "A2": 0.5})
    computed = stored_rows.with_columns(pl.col("probability").replace(0.25, 0.3))
    return compare_scores(run_id, stored_rows, computed, deletions=0)


def _scores(probabilities: dict[str, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "crn": list(probabilities),
            "as_of": [AS_OF] * len(probabilities),
            "group": ["public"] * len(probabilities),
            "probability": list(probabilities.values()),
        }
    )
