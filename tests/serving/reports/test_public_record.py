"""The public record is filled from what the system does, and says what only people can add."""

from __future__ import annotations

from pathlib import Path

from features.indicators import CATALOGUE
from features.markdown import layout_page
from serving.reports import law, public_record
from serving.watch import THRESHOLDS

TOP = Path(__file__).parents[3]


def test_the_record_that_was_reviewed_is_the_one_that_is_generated() -> None:
    page_text = (TOP / "docs" / "public-record.md").read_text(encoding="utf-8")
    assert page_text == layout_page(public_record.as_markdown())


def test_each_promise_has_its_test() -> None:
    paths = sorted(path.name for path in (TOP / "tests" / "promises").glob("test_[01]*.py"))
    assert [test for _, test in law.PROMISES] == paths


def test_it_says_the_systems_own_facts_and_what_is_left_to_people() -> None:
    page = public_record.as_markdown()
    assert f"{len(CATALOGUE)}: " in page
    for line in THRESHOLDS.values():
        assert line.title in page
    for section in ("50A", "50B", "50C", "50D", "22A to 22D", "s.149"):
        assert section in page
    assert page.count(public_record.PERSON) > 8
    assert "s.62 (logs of consultation and disclosure) **[check]**" in page


TIER_2 = {
    "2.1": (
        "organisation",
        "team",
        "senior responsible owner",
        "supplier",
        "companies number",
        "procurement",
        "terms of access",
    ),
    "2.2": ("detail", "scope", "benefit", "previous process", "alternatives"),
    "2.3": (
        "integration",
        "information given",
        "frequency and scale",
        "human review",
        "training",
        "appeal",
    ),
    "2.4": (
        "architecture",
        "phase",
        "maintenance",
        "model",
        "metrics",
        "data in operation",
        "data in development",
        "collection",
        "sharing",
        "storage and access",
    ),
    "2.5": ("risks and mitigations", "impact assessments"),
}
"""What the standard asks for (ATRS template, version 3.0), by section."""


def test_each_field_of_the_standard_is_filled_or_marked_for_a_person() -> None:
    tier_2 = public_record.as_markdown().split("## Tier 2")[1].split("\n## ")[0].lower()
    lines = [line for line in tier_2.splitlines() if line.startswith("| 2.")]
    for section, fields in TIER_2.items():
        ours = [line.split("|")[1:3] for line in lines if line.startswith(f"| {section}")]
        for field in fields:
            values_of_field = [field_name for name, field_name in ours if field in name]
            assert values_of_field, (section, field)
            assert all(value.strip() for value in values_of_field), field
