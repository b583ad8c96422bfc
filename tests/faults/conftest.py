"""The service that is run by real processes, once for all the faults that need one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import machine as machines
from tests.faults.machine import Machine
from training.pipeline import Proposal


@pytest.fixture(scope="session")
def machine(made_up: Path, proposal: Proposal, front_end: None) -> Iterator[Machine]:
    """A service in a folder of its own, after one night."""
    folder = Path(tempfile.mkdtemp(prefix="rosh-kills-"))
    folder.chmod(0o755)
    yield machines.set_up(made_up, proposal.folder.parent, folder)
    Machine(folder).stop_database()
    shutil.rmtree(folder)
