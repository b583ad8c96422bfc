"""What nobody foresaw is a sentence, an exit code and a report for its owner alone: no traceback."""

from __future__ import annotations

import re
import stat
import tempfile
from errno import ENOSPC
from pathlib import Path

import pytest

from features import __main__ as features_main
from features import errors


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where report files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_becomes_a_sentence_and_a_report(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("A000001 was divided by nought")

    monkeypatch.setattr(features_main, "load_extract", broken)
    assert features_main.main(["check", str(reports)]) == errors.UNFORESEEN
    output = capsys.readouterr().err
    assert "nobody foresaw (ZeroDivisionError)" in output
    assert re.search(r"It happened in features/\S+\.py, line \d+\.", output), "of our own code"
    assert "Traceback" not in output
    assert "A000001" not in output, "no data of a person on a terminal or in a log"
    report = Path(re.search(r"in (\S+\.txt)", output).group(1))  # type: ignore[union-attr]
    assert "divided by nought" in report.read_text(encoding="utf-8")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_a_full_disk_is_said_to_be_one(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("could not write") from OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(features_main, "load_extract", full)
    assert features_main.main(["check", str(reports)]) == errors.UNFORESEEN
    assert "The disk is full" in capsys.readouterr().err
    assert not list(reports.glob("rosh-triage-report-*"))


def test_where_no_report_can_be_written_it_is_still_a_sentence(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(features_main, "load_extract", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(reports / "not there"))
    assert features_main.main(["check", str(reports)]) == errors.UNFORESEEN
    assert "nobody foresaw (KeyError)." in capsys.readouterr().err
