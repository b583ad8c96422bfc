"""Every template can be read as a template, so that no page fails for a slip of its syntax."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.settings import read_settings
from serving.web.pages import template_environment

TEMPLATES = Path(__file__).parents[3] / "serving/web/templates"
NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles(name: str, tmp_path: Path) -> None:
    settings = read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)})
    assert template_environment(settings).get_template(name)
