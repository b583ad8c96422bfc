"""Chooses where the parts of a run are run: in worker processes here, or on a Spark cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from features.local_runners import Runner, process_pool_runner

SPARK = "ROSH_SPARK"
"""The environment variable that names a Spark master; without it, worker processes here."""


@contextmanager
def chosen_runner() -> Iterator[Runner]:
    """The runner that the environment names, for the block.

    Raises SetupProblem where a Spark master is named and Spark is not installed or not reached.
    """
    master = os.environ.get(SPARK, "")
    if not master:
        with process_pool_runner() as runner:
            yield runner
        return
    # Imported only where it is asked for: it comes with an extra of the package.
    from features.spark import spark_cluster

    with spark_cluster(master) as runner:
        yield runner
