"""A Spark cluster gives what one machine gives, row for row, also where an executor dies."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from features import parts
from features.errors import RunStopped
from features.frame import build
from features.history import asof
from features.intake.load import load_extract
from features.parts import Part, Runner, SerialRunner, split_spine
from features.runners import SPARK, chosen_runner
from features.store.store import Store
from models.prior import read_prior
from tests.conftest import AS_OF
from training.score import Shares, score_store

needs_spark = pytest.mark.skipif(
    shutil.which("java") is None, reason="Spark needs Java, which is not installed"
)
pytest.importorskip("pyspark", reason="Spark is not installed (requirements/spark.txt)")


@dataclass(frozen=True)
class DyingWork:
    """Work on a part that ends its process the first time that it is tried."""

    marks: Path

    def __call__(self, part: Part) -> list[str]:
        mark = self.marks / str(part.last_bucket)
        if not mark.exists():
            mark.touch()
            os._exit(1)
        return part.spine["crn"].to_list()


@dataclass(frozen=True)
class RefusedWork:
    """Work that stops with a sentence, or with a fault that nobody foresaw."""

    is_foreseen: bool

    def __call__(self, part: Part) -> None:
        if self.is_foreseen:
            raise RunStopped("The same history gave two frames.")
        raise ValueError(part.last_bucket)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Runner]:
    """Two executors of Spark on this machine, which try a part four times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SPARK, "local[2,4]")
        patch.setenv("PYTHONPATH", str(Path(parts.__file__).parents[1]))
        with chosen_runner() as runner:
            yield runner


@pytest.fixture(scope="module")
def store(made_up: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The made-up caseload in eight buckets."""
    folder = tmp_path_factory.mktemp("spark")
    extract = shutil.copytree(made_up / "extract", folder / "extract")
    about = json.loads((extract / "extract.json").read_text(encoding="utf-8"))
    about.pop("buckets", None)
    (extract / "extract.json").write_text(json.dumps(about), encoding="utf-8")
    load_extract(extract, folder / "store", buckets=8)
    return Store.open(folder / "store")


@pytest.fixture(scope="module")
def case_parts(store: Store) -> list[Part]:
    on = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    return split_spine(store, on, at_once=1)


@needs_spark
def test_executors_build_the_frame_that_one_process_builds(
    cluster: Runner, case_parts: list[Part]
) -> None:
    assert len(case_parts) == 8
    work = build.FrameOfPart()
    own = [frame for _, frame in SerialRunner().run(work, case_parts)]
    of_cluster = list(cluster.run(work, case_parts))
    assert [part.buckets for part, _ in of_cluster] == [part.buckets for part in case_parts]
    for one, (_, other) in zip(own, of_cluster, strict=True):
        assert one.equals(other)


@needs_spark
def test_scores_lanes_and_reasons_of_a_cluster_are_those_of_one_machine(
    cluster: Runner, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = Shares(0.05, 0.02)
    monkeypatch.setattr(parts, "CASES_AT_ONCE", 1)

    def score() -> pl.DataFrame:
        return score_store(store, read_prior(), AS_OF, shares, lambda _: None)

    monkeypatch.delenv(SPARK)
    own = score()
    monkeypatch.setattr("training.score.chosen_runner", lambda: AlreadyRunning(cluster))
    assert score().equals(own)
    assert own["shown"].any()


@needs_spark
def test_an_executor_that_dies_is_replaced_and_no_row_comes_twice(
    cluster: Runner, case_parts: list[Part], tmp_path: Path
) -> None:
    some = case_parts[:3]
    crns = [crn for _, own in cluster.run(DyingWork(tmp_path), some) for crn in own]
    assert len(list(tmp_path.iterdir())) == len(some), "each part was tried and died"
    assert crns == [crn for part in some for crn in part.spine["crn"]]


@needs_spark
def test_what_the_work_says_reaches_the_one_who_asked(
    cluster: Runner, case_parts: list[Part]
) -> None:
    with pytest.raises(RunStopped, match="gave two frames"):
        list(cluster.run(RefusedWork(is_foreseen=True), case_parts[:2]))
    with pytest.raises(RunStopped, match="Spark gave up on a part"):
        list(cluster.run(RefusedWork(is_foreseen=False), case_parts[:1]))


class AlreadyRunning:
    """A cluster that runs, as a context."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def __enter__(self) -> Runner:
        return self._runner

    def __exit__(self, *_: object) -> None:
        return None
