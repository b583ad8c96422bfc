"""docs/adding-an-indicator.md, followed word for word in a copy of the project."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-an-indicator.md").read_text(encoding="utf-8")
APPENDED = re.compile(r"Append\s+to\s+`([^`]+)`:\n\n```\w*\n(.*?)```", re.DOTALL)
COMMANDS = re.compile(r"## 4\. Run\n\n```\n(.*?)```", re.DOTALL)


def test_the_page_works_word_for_word(tmp_path: Path) -> None:
    for name in ("features", "tests", "docs", "models", "training", "serving"):
        ignored = shutil.ignore_patterns("__pycache__", "vendor", "images")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    steps = APPENDED.findall(PAGE)
    assert [path for path, _ in steps] == [
        "features/indicators/compliance.py",
        "tests/spec/tables/compliance.txt",
        "tests/properties/reference_more.py",
    ]
    for path, text in steps:
        target = tmp_path / path
        target.write_text(target.read_text(encoding="utf-8") + text, encoding="utf-8")
    commands = COMMANDS.findall(PAGE)[0].strip().splitlines()
    outputs = [_run(command, tmp_path) for command in commands]
    assert "6 passed" in outputs[0], outputs[0]
    page = (tmp_path / "docs" / "indicators" / "AT.md").read_text(encoding="utf-8")
    assert "## appointments_missed_30d" in page
    assert "contact suspended: not missed" in page
    assert "appointments_missed_30d,Appointments missed 30d,AT," in outputs[2]


def _run(command: str, folder: Path) -> str:
    program, *rest = shlex.split(command)
    assert program == "python"
    done = subprocess.run(
        [sys.executable, *rest], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout
