"""What was recorded in some days: counted once, by region, late or not, without limited cases."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from features.intake.load import load_extract
from features.store import protected_characteristics, volumes
from features.store.store import Store
from tests import factories

UNTIL = date(2026, 6, 30)


def contact(number: int, recorded: str, occurred: str = "", **more: Any) -> dict[str, Any]:
    """A contact, recorded on a day."""
    values = {
        "record_id": f"C{number}",
        "recorded_at": datetime.fromisoformat(f"{recorded}T10:00"),
    } | more
    return factories.row("contacts", occurred or recorded, **values)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two cases of two regions and one of limited access, with contacts in and out of a week."""
    other, limited = "A000002", "A000003"
    rows = {
        "supervisions": [
            factories.row("supervisions", "2026-01-05", record_id="S1", pdu_code="N54ALD"),
            factories.row("supervisions", "2026-01-05", crn=other, record_id="S2", pdu_code="N58X"),
            factories.row(
                "supervisions", "2026-01-05", crn=limited, record_id="S3", pdu_code="N54ALD"
            ),
        ],
        "contacts": [
            contact(1, "2026-06-24"),
            contact(2, "2026-06-30"),
            contact(2, "2026-06-30", version=2, outcome_code="ATTC"),
            contact(3, "2026-06-25", "2026-06-17"),
            contact(4, "2026-06-25", "2026-06-18"),
            contact(5, "2026-06-23"),
            contact(6, "2026-06-26", crn=other),
            contact(7, "2026-06-26", crn=limited),
            contact(8, "2026-06-26", crn="A000009"),
        ],
        "limits": [factories.row("limits", "2026-02-01", crn=limited, kind="exclusion")],
    }
    load_extract(factories.extract(tmp_path / "x", rows), tmp_path / "s")
    return Store.open(tmp_path / "s")


def test_a_week_is_counted_by_region(store: Store) -> None:
    regions = volumes.case_regions(store, {"A000003"})
    assert regions == {factories.CRN: "N54", "A000002": "N58"}
    supply = volumes.count_records(store, regions, UNTIL, 7)
    assert supply["contacts"] == {"N54": (4, 1), "N58": (1, 0)}, "a week and a day late is late"
    assert "limits" not in supply
    assert volumes.count_records(store, {}, UNTIL, 7)["contacts"] == {}


def test_who_nobody_knows_anything_of_is_not_known(store: Store) -> None:
    rows = store.read_versions("supervisions").select("crn", as_of="occurred_on")
    characteristics = protected_characteristics.characteristics_of(store, rows)
    assert characteristics.columns == list(protected_characteristics.CHARACTERISTICS)
    assert set(characteristics["ethnicity"]) == {protected_characteristics.NOT_KNOWN}
