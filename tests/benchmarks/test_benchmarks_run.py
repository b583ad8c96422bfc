"""The benchmarks still run: small, for what they print and not for how long they take."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from training.pipeline import Proposal

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.verify


def output_of(module: str, folder: Path, **environment: str) -> str:
    """What a benchmark prints, run from a folder with small numbers."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pages_under_load(tmp_path: Path, front_end: None) -> None:
    """Every page answers everybody, a deputy too, also while a night commits."""
    small = {"PEOPLE": "5", "SECONDS_OF_LOAD": "11", "PAST": "200", "LOAD_CASES": "3000"}
    printed = output_of("tests.benchmarks.load", tmp_path, **small)
    assert "5 people" in printed
    assert "/reviews (deputy)" in printed
    assert "commits, each" in printed


def test_queueing(tmp_path: Path, proposal: Proposal) -> None:
    """Cases are queued with the score that the model gives them."""
    demo = tmp_path / "var" / "demo"
    demo.mkdir(parents=True)
    (demo / "current").write_text(str(proposal.folder.parent.parent), encoding="utf-8")
    assert "queued with" in output_of("tests.benchmarks.queueing", tmp_path, CASES="800")


def test_importing(tmp_path: Path) -> None:
    """A night's load is measured as full tables and as changed rows, and read after many."""
    printed = output_of("tests.benchmarks.importing", tmp_path, CASES="600", NIGHTS="20")
    assert "load_changed_rows" in printed
    assert "read after 20 nights / after one" in printed


def test_notes(tmp_path: Path) -> None:
    """Every pass over notes is measured, and the arithmetic of a night follows from it."""
    printed = output_of("tests.benchmarks.notes", tmp_path, NOTES="200")
    assert "the whole reader" in printed
    assert "a night of 40,000 in" in printed


def test_night(tmp_path: Path) -> None:
    """A night and the next are measured step by step, beside simpler jobs."""
    printed = output_of("tests.benchmarks.night", tmp_path, CASES="600", FOLDER=str(tmp_path))
    assert "preparing the chosen cases" in printed
    assert "next night / 84 window counts" in printed


@pytest.mark.skipif(
    find_spec("pyspark") is None or shutil.which("java") is None, reason="Spark is not installed"
)
def test_spark(tmp_path: Path) -> None:
    """Spark buckets, loads and scores what the processes of this machine do."""
    printed = output_of("tests.benchmarks.spark", tmp_path, CASES="600")
    assert printed.count("the same result") == 9


def test_soak(tmp_path: Path) -> None:
    """Nights follow each other with people at work, and stand when computed again."""
    picture = tmp_path / "soak.svg"
    printed = output_of(
        "tests.benchmarks.soak", tmp_path, CASES="600", NIGHTS="4", SOAK_PICTURE=str(picture)
    )
    assert printed.count(", 0 different") == 3
    assert "each as it was written" in printed
    assert picture.read_text("utf-8").startswith("<?xml")
