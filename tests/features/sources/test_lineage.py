"""The lineage: from an indicator to the columns of the systems, and what they do not yield."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from features import __main__ as command
from features.contracts import records
from features.frame.catalogue_pages import read_examples
from features.indicators import CATALOGUE
from features.sources import lineage, lineage_examples, lineage_page

TABLES = Path("tests/spec/tables")


def test_the_columns_that_an_indicator_reads() -> None:
    assert lineage.columns_read("assessment_copied_forward") == {
        "assessments": ("status", "completed_on", "analysis_fingerprint")
    }


def test_no_indicator_reads_a_note_or_a_protected_characteristic() -> None:
    for name in CATALOGUE:
        for record, columns in lineage.columns_read(name).items():
            assert record != "people"
            assert not {"note", *records.PROTECTED} & set(columns), name


REGISTER = """ended
  registrations 2025-01-01 type_code=MAPP ended_on=2026-06-01
  => 1"""
ACTION = """due
  actions 2026-01-01 kind=mappa_action due_on=2026-02-01
  => 1"""
VIOLENCE = """to the public, then to a child
  incidents 2026-06-01 kind=violence target=known_adult
  => children 0, public 0, known_adult 1, staff 0
to a child
  incidents 2026-06-02 kind=violence target=child severity=2
  => children 1, public 0, known_adult 0, staff 0"""


@pytest.mark.parametrize(
    ("name", "text", "extent", "missing"),
    [
        ("recent_deregistration", REGISTER, "whole", ()),
        (
            "mappa_actions_outstanding",
            ACTION,
            "none",
            ("actions.due_on", "actions.kind=mappa_action"),
        ),
        ("violence_incident_count", VIOLENCE, "part", ("incidents.target=known_adult",)),
        ("recent_deregistration", "never\n  => 0", "none", ()),
    ],
    ids=["whole", "none", "part", "no example fires"],
)
def test_extent(name: str, text: str, extent: str, missing: tuple[str, ...]) -> None:
    (traced,) = lineage.trace_indicators({name: text})
    assert (traced.extent, traced.missing) == (extent, missing)


@pytest.mark.parametrize(
    ("name", "text", "without", "with_notes"),
    [
        # Notes say who was harmed, known adults too; nothing else says what a provider worries about.
        ("violence_incident_count", VIOLENCE, "part", "whole"),
        ("em_provider_concern_reported", None, "none", "whole"),
        # An action of MAPPA stands in no note that is read.
        ("mappa_actions_outstanding", ACTION, "none", "none"),
        ("recent_deregistration", REGISTER, "whole", "whole"),
    ],
)
def test_extent_as_if_every_kind_of_note_counted(
    name: str, text: str | None, without: str, with_notes: str
) -> None:
    table = {name: text or read_examples(TABLES)[name]}
    (plain,), (noted,) = (
        lineage.trace_indicators(table, with_notes=notes) for notes in (False, True)
    )
    assert (plain.extent, noted.extent) == (without, with_notes)
    assert "ndelius CONTACT.NOTES" not in plain.sources


def test_a_record_that_no_table_yields_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "_yields", lambda *_: ())
    (traced,) = lineage.trace_indicators({"recent_deregistration": "never\n  => 0"})
    assert (traced.extent, traced.missing) == ("none", ("registrations",))


def test_a_code_that_is_in_no_list_is_not_expected_of_the_systems() -> None:
    text = REGISTER.replace("MAPP", "NOTACODE")
    (traced,) = lineage.trace_indicators({"recent_deregistration": text})
    assert traced.missing == ()


def test_a_remark_in_an_example_is_no_column() -> None:
    item = CATALOGUE["recent_deregistration"]
    text = "x\n  registrations 2025-01-01 type_code=RVHR (in force)\n  => children 1, public null"
    entry = lineage_examples.Entry("registrations", "2025-01-01", {"type_code": "RVHR"})
    assert lineage_examples.read_examples(text, item) == [
        lineage_examples.Example((entry,), fires=True)
    ]


def test_whole_spec_tables_are_evaluated_as_their_tests_are() -> None:
    examples = [
        (item, example)
        for name, text in read_examples(TABLES).items()
        for item in [CATALOGUE[name]]
        for example in lineage_examples.read_examples(text, item)
    ]
    fires = lineage_examples.evaluate_examples([(i, example.entries) for i, example in examples])
    assert fires == [example.fires for _, example in examples]


def test_indicators_lost_without_a_column_of_a_system() -> None:
    assert lineage.indicators_lost("oasys", "OASYS_QUESTION.FREE_FORMAT_ANSWER") == [
        "assessment_copied_forward"
    ]
    assert lineage.indicators_lost("ndelius", "CONTACT.NOTES") == []


def test_every_format_has_every_indicator(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["lineage", "--format", "csv", "--with-notes"]) == 0
    assert "CONTACT.NOTES" in capsys.readouterr().out
    assert command.main(["lineage", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["indicator"] for row in rows] == list(CATALOGUE)
    assert command.main(["lineage", "--format", "json"]) == 0
    objects = json.loads(capsys.readouterr().out)
    assert [one["extent"] for one in objects] == [row["extent"] for row in rows]
    assert command.main(["lineage"]) == 0
    page = capsys.readouterr().out
    titles = {"whole": "Computed as a whole", "part": "Computed in part", "none": "Not computed"}
    for extent, title in titles.items():
        count = sum(row["extent"] == extent for row in rows)
        assert f"## {title}: {count} of {len(CATALOGUE)} indicators" in page
    assert all(f"`{name}`" in page for name in CATALOGUE)


def test_the_page_has_every_mapping() -> None:
    page = lineage_page.as_markdown(lineage.trace_indicators(read_examples(TABLES)))
    for mappings in lineage.MAPPINGS.values():
        for mapping in mappings:
            assert f"### {mapping.table} as {mapping.record}\n" in page
