"""A file of the store that was swapped, cut or taken away is never read: its digest is checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from features import __main__ as features_main
from features.errors import UnreadableInput
from features.intake.load import load_extract
from features.store.store import Store
from tests import factories
from tests.factories import row


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of one load, with a refused row."""
    good = [row("contacts", "2026-06-01", type_code="COAP") for _ in range(200)]
    bad = row("contacts", "2026-06-01", crn="B000002", type_code=None)
    folder = factories.extract(tmp_path / "x", {"contacts": [*good, bad]})
    load_extract(folder, tmp_path / "s")
    return tmp_path / "s"


def bucket(store: Path) -> Path:
    return next((store / "loads").rglob("*.parquet"))


def emptied(path: Path) -> None:
    pl.read_parquet(path).clear().write_parquet(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def one_row_less(path: Path) -> None:
    pl.read_parquet(path).head(-1).write_parquet(path)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "swapped for an empty one": emptied,
    "cut": cut,
    "a row less": one_row_less,
    "taken away": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_bucket_that_was_tampered_with_is_not_read(
    store: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert Store.open(store).read_versions("contacts").height == 200
    damage(bucket(store))
    with pytest.raises(UnreadableInput, match="is not the one that was written|is missing"):
        Store.open(store).read_versions("contacts")
    assert features_main.main(["verify", "--store", str(store)]) == UnreadableInput.exit_code
    assert bucket_name(store) in capsys.readouterr().out


def bucket_name(store: Path) -> str:
    files = json.loads((store / "manifest.json").read_text())["loads"][0]["files"]
    return str(next(iter(files)))


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_nor_are_refused_rows(store: Path, damage: Callable[[Path], None]) -> None:
    """They say which cases are limited or incomplete."""
    assert Store.open(store).refused_rows().height == 1
    damage(next((store / "refused").rglob("*.parquet")))
    with pytest.raises(UnreadableInput):
        Store.open(store).refused_rows()


def test_a_sound_store_is_said_to_be_one_and_a_stranger_is_named(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert features_main.main(["verify", "--store", str(store)]) == 0
    assert "each as it was written" in capsys.readouterr().out
    stranger = bucket(store).with_name("77.parquet")
    stranger.write_bytes(bucket(store).read_bytes())
    assert features_main.main(["verify", "--store", str(store)]) != 0
    assert "77.parquet: not in the manifest" in capsys.readouterr().out
