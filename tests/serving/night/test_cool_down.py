"""Who is left alone after a conclusion, and what brings a person back before time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.intake.load import load_extract
from features.store.store import Store
from serving.night import cool_down
from tests import factories
from tests.factories import CRN, row

NIGHT = date(2026, 6, 30)
BEFORE, AFTER = "2026-05-01", "2026-06-20"


def cooling_reason(tmp_path: Path, concluded: date, **rows: list[dict[str, Any]]) -> str:
    """Where someone concluded on a day stands on the night: away, back (new evidence), or free."""
    tables = {"supervisions": [row("supervisions", "2025-01-05")], "incidents": [], "contacts": []}
    load_extract(
        factories.extract(tmp_path / "x", tables | rows, "2026-07-01T22:00:00"), tmp_path / "s"
    )
    at = datetime(concluded.year, concluded.month, concluded.day, 15, tzinfo=UTC)
    cooling_cases = cool_down.cases_cooling_down(Store.open(tmp_path / "s"), {CRN: at}, NIGHT)
    return (
        "away" if CRN in cooling_cases.away else "back" if CRN in cooling_cases.broken else "free"
    )


@pytest.mark.parametrize(
    ("days", "stands"), [(0, "away"), (89, "away"), (90, "free"), (400, "free")]
)
def test_ninety_days_after_a_conclusion(tmp_path: Path, days: int, stands: str) -> None:
    assert cooling_reason(tmp_path, NIGHT - timedelta(days=days)) == stands


@pytest.mark.parametrize(
    ("supervision", "days", "stands"),
    [
        (row("supervisions", "2026-05-15", kind="licence"), 27, "away"),
        (row("supervisions", "2026-05-15", kind="licence"), 28, "free"),
        (row("supervisions", "2026-03-01", kind="licence"), 28, "away"),
        (
            row("supervisions", "2025-12-01", kind="approved_premises", ended_on=date(2026, 5, 1)),
            28,
            "free",
        ),
        (
            row("supervisions", "2025-12-01", kind="approved_premises", ended_on=date(2026, 3, 1)),
            28,
            "away",
        ),
        (row("supervisions", "2025-12-01", kind="approved_premises"), 28, "away"),
    ],
)
def test_twenty_eight_days_soon_after_release_or_approved_premises(
    tmp_path: Path, supervision: dict[str, Any], days: int, stands: str
) -> None:
    assert (
        cooling_reason(tmp_path, NIGHT - timedelta(days=days), supervisions=[supervision]) == stands
    )


CONCLUDED = date(2026, 6, 10)


def incidents(count: int, day: str = AFTER, **values: Any) -> list[dict[str, Any]]:
    """So many incidents of a day."""
    return [row("incidents", day, **values) for _ in range(count)]


@pytest.mark.parametrize(
    ("rows", "stands"),
    [
        ({"incidents": incidents(1, kind="threat", target="partner")}, "back"),
        ({"incidents": incidents(1, kind="provider_concern")}, "back"),
        ({"incidents": incidents(1, kind="threat", target="partner", day=BEFORE)}, "away"),
        ({"incidents": incidents(2, kind="violence")}, "away"),
        ({"incidents": incidents(3, kind="violence")}, "back"),
        ({"incidents": incidents(3, kind="violence", day=BEFORE)}, "away"),
        (
            {
                "incidents": incidents(
                    1,
                    kind="threat",
                    target="child",
                    day=BEFORE,
                    recorded_at=datetime(2026, 6, 25, 9),
                )
            },
            "back",
        ),
        (
            {
                "incidents": incidents(
                    1, kind="threat", target="child", recorded_at=datetime(2026, 7, 1, 9)
                )
            },
            "away",
        ),
        (
            {
                "incidents": incidents(
                    1, kind="threat", target="child", withdrawn_at=datetime(2026, 6, 22, 9)
                )
            },
            "away",
        ),
        ({"contacts": [row("contacts", AFTER, type_code="CARR")]}, "back"),
        ({"contacts": [row("contacts", AFTER, type_code="COAP")]}, "away"),
    ],
)
def test_new_evidence_brings_a_person_back(
    tmp_path: Path, rows: dict[str, list[dict[str, Any]]], stands: str
) -> None:
    """Recorded after the conclusion, whatever day it is about; known on the night; still standing."""
    assert cooling_reason(tmp_path, CONCLUDED, **rows) == stands


def test_nobody_concluded_is_nobody_away(tmp_path: Path) -> None:
    load_extract(factories.extract(tmp_path / "x", {"incidents": []}), tmp_path / "s")
    cooling_cases = cool_down.cases_cooling_down(Store.open(tmp_path / "s"), {}, NIGHT)
    assert not cooling_cases.away
    assert not cooling_cases.broken
