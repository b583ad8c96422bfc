"""What workers share goes with the run, and what killed runs left goes with the next one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from features import processes


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where shared folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def leave_folder(temporary: Path, seconds_ago: float) -> Path:
    """A folder as a run that was killed leaves it, holding case histories."""
    folder = temporary / f"{processes.PREFIX}left"
    folder.mkdir()
    (folder / "3.arrow").write_bytes(b"a history")
    then = folder.stat().st_mtime - seconds_ago
    os.utime(folder, (then, then))
    return folder


def test_the_folder_ends_with_the_run(temporary: Path) -> None:
    with processes.shared_folder() as folder:
        assert folder.is_dir()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next(temporary: Path) -> None:
    old = leave_folder(temporary, processes.JUST_MADE + 1)
    with processes.shared_folder():
        assert not old.exists()


def test_a_folder_that_another_run_may_be_making_stays(temporary: Path) -> None:
    new = leave_folder(temporary, 0)
    with processes.shared_folder():
        assert new.exists()


def test_the_folder_of_a_run_that_lives_stays(temporary: Path) -> None:
    with processes.shared_folder() as first:
        then = first.stat().st_mtime - processes.JUST_MADE - 1
        os.utime(first, (then, then))
        with processes.shared_folder():
            assert first.exists()
