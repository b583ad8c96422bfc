"""A Spark cluster gives what one machine gives, row for row, also where an executor dies."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features import local_runners, parts, spark
from features.errors import RunStopped, SetupProblem
from features.frame import build
from features.history import asof
from features.intake import load
from features.intake.bucketing import bucket_extract
from features.intake.load import load_extract
from features.intake.load_part import LoadPart, PartResult
from features.intake.parts import TablePart
from features.local_runners import Runner, SerialRunner
from features.parts import Part, split_spine
from features.runners import SPARK, chosen_runner
from features.store.store import Store
from features.store.verification import verify_store
from models.prior import read_prior
from tests.conftest import AS_OF
from tests.features.intake.histories import first_extract
from tests.features.other_machines import AlreadyRunning
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


@needs_spark
def test_a_cluster_buckets_and_loads_an_extract_and_reads_its_notes_as_one_machine_does(
    cluster: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_runners, "SPREAD_FROM_ROWS", 1)
    extract = first_extract(tmp_path / "x")
    for name, runner in (("one", SerialRunner()), ("cluster", cluster)):
        monkeypatch.setattr(load, "chosen_runner", lambda own=runner: AlreadyRunning(own))
        bucket_extract(extract, tmp_path / name / "in", runner, buckets=4)
        load_extract(tmp_path / name / "in", tmp_path / name / "s", max_refused=1, buckets=4)
    one, other = (Store.open(tmp_path / name / "s").loads[0] for name in ("one", "cluster"))
    assert any("note_entries" in name for name in one.files)
    assert other.file_digests == one.file_digests
    assert other.tables == one.tables


@needs_spark
def test_an_executor_that_dies_in_a_load_leaves_no_row_twice(
    cluster: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_runners, "SPREAD_FROM_ROWS", 1)
    bucket_extract(first_extract(tmp_path / "x"), tmp_path / "in", SerialRunner(), buckets=4)
    monkeypatch.setattr(load, "chosen_runner", lambda: AlreadyRunning(SerialRunner()))
    load_extract(tmp_path / "in", tmp_path / "one", max_refused=1, buckets=4)
    (tmp_path / "marks").mkdir()
    dying = AlreadyRunning(DyingRunner(cluster, tmp_path / "marks"))
    monkeypatch.setattr(load, "chosen_runner", lambda: dying)
    load_extract(tmp_path / "in", tmp_path / "two", max_refused=1, buckets=4)
    assert len(list((tmp_path / "marks").iterdir())) == 8, "each part was written and died"
    one, two = (Store.open(tmp_path / name) for name in ("one", "two"))
    assert two.loads[0].file_digests == one.loads[0].file_digests
    assert verify_store(two) == verify_store(one)


@dataclass(frozen=True)
class WorkAndDie:
    """Work that is done, and whose process ends before it can say so the first time."""

    work: LoadPart
    marks: Path

    def __call__(self, part: TablePart) -> PartResult:
        result = self.work(part)
        mark = self.marks / f"{part.table.name}-{part.bucket}"
        if not mark.exists():
            mark.touch()
            os._exit(1)
        return result


@dataclass(frozen=True)
class Number:
    """An item that names nothing."""

    number: int

    def on_this_machine(self) -> Number:
        """The same."""
        return self


class PlaceWork:
    """Work that says in which task of Spark it is done."""

    def __call__(self, _: Number) -> int:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        return context.partitionId()


@needs_spark
def test_each_item_is_a_task_of_its_own(cluster: Runner) -> None:
    """So an executor that is free takes the next one, and one that dies repeats one."""
    tasks = [task for _, task in cluster.run(PlaceWork(), [Number(n) for n in range(24)])]
    assert sorted(tasks) == list(range(24))


def test_an_executor_with_another_release_works_nothing() -> None:
    spark._check_versions(spark._versions())
    with pytest.raises(SetupProblem, match=r"The executor \S+ has polars \S+ instead of 1\.0\.0"):
        spark._check_versions({**spark._versions(), "polars": "1.0.0"})


class DyingRunner:
    """A cluster whose executors die after each part of a load."""

    is_cluster = True

    def __init__(self, cluster: Runner, marks: Path) -> None:
        self._cluster, self._marks = cluster, marks

    def run(self, work: LoadPart, items: Sequence[TablePart]) -> Any:
        """Each part with its result, after its executor died once."""
        return self._cluster.run(WorkAndDie(work, self._marks), items)
