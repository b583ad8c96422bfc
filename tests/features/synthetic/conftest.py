"""A made-up caseload of some size, shared by the tests of what it is like."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from features import clock, synthetic
from features.intake.load import load_extract
from features.intake.reports import Report
from features.store.store import Store
from features.synthetic.measure import Extract

AS_OF = clock.last_full_day()
CASES = 6000


@pytest.fixture(scope="session")
def make_extract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Extract]]:
    """Makes caseloads of 6,000 people by what is changed, each once."""
    folder = Path(tempfile.mkdtemp(prefix="rosh-caseload-"))
    extracts: dict[str, Extract] = {}

    def make(**changed: object) -> Extract:
        name = "-".join(f"{key}-{value}" for key, value in sorted(changed.items())) or "plain"
        if name not in extracts:
            chosen = synthetic.Parameters(**{"cases": CASES, "seed": 7, "as_of": AS_OF, **changed})  # type: ignore[arg-type]
            synthetic.synthesise_extract(chosen, folder / name, folder / f"{name}-truth")
            extracts[name] = Extract.open(folder / name, folder / f"{name}-truth")
        return extracts[name]

    yield make
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def loaded(plain: Extract, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Report]:
    """The caseload with nothing planted in a store, and what its load reported.

    Without the words of its notes, which no test of it asks for: to read them is most of a load.
    """
    folder = tmp_path_factory.mktemp("caseload")
    shutil.copytree(plain.folder, folder / "extract")
    for path in (folder / "extract" / "contacts").glob("*.parquet"):
        rows = pl.read_parquet(path).with_columns(note=pl.lit(None, pl.String))
        rows.write_parquet(path)
    report = load_extract(folder / "extract", folder / "store")
    return Store.open(folder / "store"), report


@pytest.fixture(scope="session")
def plain(make_extract: Callable[..., Extract]) -> Extract:
    """The caseload with nothing planted."""
    return make_extract()
