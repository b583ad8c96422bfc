"""Fixtures of the whole run. What is costly to import or to make is imported where it is asked for:
a test of the indicators alone starts no service.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from features import clock
from tests import another_day

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

    from tests.pages import Browser
    from tests.service import Service
    from training.pipeline import Proposal

another_day.begin()
AS_OF = clock.last_full_day()
SHARED = Path(__file__).parents[2] / "shared"
PAGES = ("journeys", "promises", "serving", "training")
"""The folders whose tests run in one process, beside all others in another: about half the time
each. Always the same tests in the same order, as those of the service share one database.
"""
OVER_MANY_PEOPLE = ("tests/properties/", "tests/promises/test_11_when_things_get_worse.py")
"""Tests that run the same lines for many made-up people. Coverage is not measured in them: it takes
a fifth of their time, and every line that they run is run by a test of its part too.
"""
NEED_A_MODEL = ("tests/benchmarks/", "tests/faults/", "tests/models/")
_groups_of_this_process: set[str] = set()


def group_of(nodeid: str) -> str:
    """The process in which a test runs, by the folder that its number begins with."""
    folder = nodeid.removeprefix("tests/").split("/")[0]
    return "pages" if folder in PAGES else "records"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Hand each process of `make test` its folders; xdist's own groups do nothing under pytest 9.2,
    so every process made everything that is costly for itself.
    """
    from xdist.scheduler import LoadScopeScheduling

    class FolderScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return FolderScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the records that need a trained model last: the other process trains it."""
    items.sort(key=lambda item: item.nodeid.startswith(NEED_A_MODEL))
    for item in items:
        if item.nodeid.startswith(OVER_MANY_PEOPLE):
            item.add_marker("no_cover")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop where one of two processes is handed tests of the other: both would make everything."""
    workers = getattr(item.config, "workerinput", {}).get("workercount", 1)
    _groups_of_this_process.add(group_of(item.nodeid))
    if workers > 1 and len(_groups_of_this_process) > 1:
        pytest.exit("One process was handed tests of both groups: see PAGES in tests/conftest.py.")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that the database's own user may enter, unlike pytest's."""
    path = Path(tempfile.mkdtemp(prefix="rosh-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def made_up(folder: Path) -> Path:
    """The folder of a made-up caseload, loaded into a store."""
    from tests import service

    service.make_caseload(folder)
    return folder


@pytest.fixture(scope="session")
def proposal(
    made_up: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Proposal:
    """A bundle trained on the made-up caseload, once for both processes of `make test`."""
    from tests import service

    if not hasattr(request.config, "workerinput"):
        return service.train(made_up, made_up)
    return service.train_once(made_up, tmp_path_factory.getbasetemp().parent / "proposal")


@pytest.fixture(scope="session")
def service(made_up: Path, proposal: Proposal) -> Iterator[Service]:
    """The service after its first night, with enough in the queue for every test."""
    from tests import service

    with service.running(made_up, proposal) as running_service:
        yield running_service


@pytest.fixture(scope="session")
def front_end() -> None:
    """The served front-end files, made from node_modules."""
    from serving.web import assets

    if not (assets.VENDOR / "govuk-frontend.min.css").exists():
        assets.prepare_assets(Path("node_modules"))


@pytest.fixture
def client(service: Service, front_end: None) -> Iterator[TestClient]:
    """A test client of the application, no one signed in."""
    from fastapi.testclient import TestClient

    from serving.web import app as web_app

    with TestClient(web_app.create_app(service.settings, service.web)) as test_client:
        yield test_client


@pytest.fixture
def browser(client: TestClient) -> Browser:
    """A client that keeps the house rules of every page that it loads."""
    from tests.pages import Browser

    return Browser(client)
