"""The pages of threats and of faults name tests that exist; tests of threats without another place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serving import settings as settings_module
from serving.settings import Oidc
from serving.web.exports import csv_file
from tests import factories

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"


@pytest.mark.parametrize(
    ("page", "others"),
    [("threats.md", "## What nothing stops"), ("faults.md", "## What was not tried")],
)
def test_every_threat_and_fault_has_a_test_that_exists(page: str, others: str) -> None:
    tested, _, not_tested = (DOCS / page).read_text(encoding="utf-8").partition(others)
    threats = tested.split("\n- ")[1:]
    assert len(threats) > 20
    for threat in threats:
        path, name = re.findall(r"`([\w/]+\.py)::(\w+)`", threat)[0]
        source = (TESTS / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\(", source, re.M), threat
    assert not_tested
    assert "::" not in not_tested


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_run_is_plain_text(begins: str) -> None:
    content = csv_file("x.csv", ("name",), [(f"{begins}HYPERLINK(1)",), ("Ann",)]).body
    cells = bytes(content).decode().split("\r\n")
    assert cells[1].strip('"').startswith(f"'{begins}".rstrip("\r"))
    assert "Ann" in cells[-2]


def test_no_secret_is_in_a_representation() -> None:
    """Whatever is printed of the settings, by a debugger or a report of an error."""
    variables = factories.live_secrets() | {
        "ROSH_MODE": "live",
        "DATABASE_URL": "postgresql://rosh:a-password-of-the-database@db/rosh",
    }
    chosen = settings_module.read_settings(variables)
    shown = repr(chosen)
    assert "mode='live'" in shown
    assert "x" * 32 not in shown
    assert "a-password-of-the-database" not in shown
    provider = Oidc("https://i", "client", "a-secret-of-the-client", "https://p")
    assert "a-secret-of-the-client" not in repr(provider)
