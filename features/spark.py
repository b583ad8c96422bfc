"""Runs work on a Spark cluster: an item goes to an executor that is free, its result comes back.

The driver takes one result of each item. Work that is done twice, because an executor died, gives
its rows once: it reads only, or writes a file whose name and content are the same each time
(`features.store.load_folder`). What work reads must be at the same path on every executor, or in
S3, and this service must be installed there. Spark comes with `pip install rosh-triage[spark]`, and
needs Java 17.
"""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.metadata import version
from operator import itemgetter
from socket import gethostname
from typing import TYPE_CHECKING

from features.errors import RunStopped, SetupProblem, UserError
from features.local_runners import Item, Result, Runner
from features.package_digest import digest_packages
from features.processes import one_polars_thread

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

RESULT = "number long, result binary"
"""What an executor hands back: the number of the item, and its result as a pickle."""


class SparkRunner:
    """Works items on the executors of a Spark session, one item a task.

    The session is started when it is first needed.
    """

    is_cluster = True

    def __init__(self, master: str, stack: ExitStack) -> None:
        self._master, self._stack = master, stack
        self._session: SparkSession | None = None

    def run(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Result]]:
        """Each item with the result of the work on it, in the order of the items.

        Raises the UserError that the work raised, and RunStopped where Spark gave up on an item.
        """
        if not items:
            return
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        if self._session is None:
            self._session = self._stack.enter_context(_spark_session(self._master))
        try:
            # One job for all items: a job an item would keep at most two executors busy.
            rows = _results_frame(self._session, work, items).collect()
        except (PySparkException, Py4JError) as error:
            raise RunStopped(
                f"Spark gave up on a part of the run ({type(error).__name__}). Nothing was "
                "committed. The cause is in the executors' logs (stderr). Put it right, and start "
                "the run again."
            ) from error
        for row in sorted(rows, key=itemgetter("number")):
            result = pickle.loads(row["result"])  # noqa: S301 - written by this run
            if isinstance(result, UserError):
                raise result
            yield items[row["number"]], result


def _results_frame(
    session: SparkSession, work: Callable[[Item], Result], items: Sequence[Item]
) -> DataFrame:
    """What Spark is to compute: a row an item, with its number and the pickle of its result."""
    import pyarrow as pa

    pickles = pa.array([pickle.dumps(item) for item in items], pa.large_binary())
    # Spark makes a partition of each batch, and a batch of each row (_start_session): a task is an
    # item. Only the work goes to every executor, and Spark broadcasts it where it is large.
    rows = pa.table({"number": range(len(items)), "item": pickles})
    with warnings.catch_warnings():
        # PySpark warns of the version of pandas, which is not used: a number and bytes cross.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        return session.createDataFrame(rows).mapInArrow(_work_on_items(work), RESULT)


def _work_on_items(
    work: Callable[[Item], Result],
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What an executor does with the items that Spark hands it."""
    pickled, versions = pickle.dumps(work), _versions()

    def work_on_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            for row in batch.to_pylist():
                try:
                    # Before anything is unpickled, which other code might not be able to.
                    _check_versions(versions)
                    own: Callable[[Item], Result] = pickle.loads(pickled)  # noqa: S301 - of this run
                    item: Item = pickle.loads(row["item"])  # noqa: S301 - written by this run
                    result = pickle.dumps(own(item.on_this_machine()))
                except UserError as error:
                    # It would fail again: returned as the result, the driver raises it, no retry.
                    result = pickle.dumps(error)
                yield pa.RecordBatch.from_pydict(
                    {"number": [row["number"]], "result": pa.array([result], pa.binary())}
                )

    return work_on_batches


@cache
def _versions() -> Mapping[str, str]:
    """What a result depends on, as it is on this machine: Python, this code, three libraries."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    own_code = digest_packages("features", "models", "serving", "training")
    libraries = {name: version(name) for name in ("polars", "numpy", "lightgbm")}
    return {"Python": python, "rosh-triage code": own_code[:12], **libraries}


def _check_versions(of_driver: Mapping[str, str]) -> None:
    """Raise SetupProblem where this machine would work an item by other code."""
    here = _versions()
    different = [
        f"{name} {here[name]} instead of {of_driver[name]}"
        for name in of_driver
        if here[name] != of_driver[name]
    ]
    if different:
        raise SetupProblem(
            f"The executor {gethostname()} has {', '.join(different)}, and results could differ. "
            "Nothing was committed. Install there what the driver has."
        )


@contextmanager
def spark_cluster(master: str) -> Iterator[Runner]:
    """Executors of Spark for the block, on a master such as `local[2]` or `spark://host:7077`.

    Raises SetupProblem where Spark is not installed.
    """
    _check_installed()
    with ExitStack() as stack:
        yield SparkRunner(master, stack)


@contextmanager
def _spark_session(master: str) -> Iterator[SparkSession]:
    # Spark starts workers with the python3 of the path, and Polars would start a thread a core.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with one_polars_thread():
        session = _start_session(master)
        try:
            yield session
        finally:
            session.stop()


def _check_installed() -> None:
    try:
        import pandas  # noqa: F401 - Spark asks for both where Arrow is used
        import pyarrow  # noqa: F401
        import pyspark.sql  # noqa: F401
    except ImportError as error:
        raise SetupProblem(
            "ROSH_SPARK is set and Spark is not installed. Install it: pip install "
            "rosh-triage[spark]; it needs Java 17."
        ) from error


def _start_session(master: str) -> SparkSession:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("rosh-triage")
    settings: dict[str, bool | float | int | str | None] = {
        "spark.executorEnv.POLARS_MAX_THREADS": "1",
        # A batch, and so a task, for each row: an item is handed over whole.
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1",
        # Else Spark puts a small table into as many partitions as there are cores.
        "spark.sql.execution.arrow.localRelationThreshold": "0",
        # Every result is kept by the driver in any case.
        "spark.driver.maxResultSize": "0",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    try:
        session: SparkSession = builder.config(map=settings).getOrCreate()
    except (PySparkException, Py4JError, OSError) as error:
        raise SetupProblem(
            f"Spark did not start on {master!r} ({type(error).__name__}). Check that Java 17 is "
            "there (java -version) and that the master can be reached."
        ) from error
    return session
