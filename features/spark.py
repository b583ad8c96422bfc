"""Works parts on a Spark cluster: a part goes to an executor that is free, its result comes back.

Executors read the store and write nothing, so work that is done twice, because an executor died,
gives its rows once: the driver takes one result of each part. The store must be reachable from
every executor by the same path, and this service must be installed there. Spark comes with
`pip install rosh-triage[spark]`, and needs Java 17.
"""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from features.errors import RunStopped, SetupProblem, UserError
from features.parts import Part, Runner
from features.processes import THREADS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

Result = TypeVar("Result")
RESULT = "number long, result binary"
"""What an executor hands back: the number of the part, and its result as a pickle."""


class SparkRunner:
    """Works parts on the executors of a Spark session, one part a task."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session

    def run(
        self, work: Callable[[Part], Result], parts: Sequence[Part]
    ) -> Iterator[tuple[Part, Result]]:
        """Each part with the result of the work on it, in the order of the parts.

        Raises the UserError that the work raised, and RunStopped where Spark gave up on a part.
        """
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        pickles = [pickle.dumps((work, part)) for part in parts]
        # One number a partition: a task is a part, whichever executor takes it.
        numbers = self._session.range(0, len(parts), numPartitions=max(1, len(parts)))
        with warnings.catch_warnings():
            # PySpark warns of the version of pandas, which is not used: a number and bytes cross.
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
            results = numbers.mapInArrow(_work_on(pickles), RESULT)
        try:
            # One job for all parts: a job a partition would keep at most two executors busy.
            for row in sorted(results.collect(), key=itemgetter("number")):
                result = pickle.loads(row["result"])  # noqa: S301 - written by this run
                if isinstance(result, UserError):
                    raise result
                yield parts[row["number"]], result
        except (PySparkException, Py4JError) as error:
            raise RunStopped(
                f"Spark gave up on a part of the run ({type(error).__name__}). Nothing was kept. "
                "See Spark's log for the cause, put it right, and start the run again."
            ) from error


def _work_on(
    pickles: Sequence[bytes],
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What an executor does with the numbers of parts that Spark hands it."""

    def work_on_numbers(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            for number in batch.column(0).to_pylist():
                work, part = pickle.loads(pickles[number])  # noqa: S301 - written by this run
                part = replace(part, store=part.store.on_this_machine())
                try:
                    result = work(part)
                except UserError as error:
                    # It would fail again: returned as the result, the driver raises it, no retry.
                    result = error
                yield pa.RecordBatch.from_pydict(
                    {"number": [number], "result": pa.array([pickle.dumps(result)], pa.binary())}
                )

    return work_on_numbers


@contextmanager
def spark_cluster(master: str) -> Iterator[Runner]:
    """A Spark session for the block, on a master such as `local[2]` or `spark://host:7077`.

    Raises SetupProblem where Spark is not installed.
    """
    # Spark starts workers with the python3 of the path, and Polars would start a thread a core.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    try:
        session = _start_session(master)
        try:
            yield SparkRunner(session)
        finally:
            session.stop()
    finally:
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


def _start_session(master: str) -> SparkSession:
    try:
        import pandas  # noqa: F401 - Spark asks for both where Arrow is used
        import pyarrow  # noqa: F401
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SetupProblem(
            "ROSH_SPARK is set and Spark is not installed. Install it: pip install "
            "rosh-triage[spark]; it needs Java 17."
        ) from error
    builder = SparkSession.builder.master(master).appName("rosh-triage")
    settings: dict[str, bool | float | int | str | None] = {
        "spark.executorEnv.POLARS_MAX_THREADS": "1",
        # A part is handed over whole: its number is all that Spark sees of it.
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1",
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
