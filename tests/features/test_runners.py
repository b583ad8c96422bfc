"""Who works the parts of a run: own processes, or the cluster that a setting names."""

from __future__ import annotations

import sys

import pytest

from features.errors import SetupProblem
from features.local_runners import ProcessPoolRunner
from features.runners import SPARK, chosen_runner


def test_own_processes_where_no_cluster_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SPARK, raising=False)
    with chosen_runner() as runner:
        assert isinstance(runner, ProcessPoolRunner)


@pytest.mark.parametrize("missing", ["pandas", "pyarrow", "pyspark.sql"])
def test_without_spark_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv(SPARK, "local[2]")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SetupProblem, match=r"pip install rosh-triage\[spark\]"), chosen_runner():
        pass
