"""API responses that went wrong once, of our own and those that are shared, with the right values."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import UserError
from features.history import asof
from features.history.recorded_levels import recorded_levels
from features.intake.load import load_extract
from features.sources.hmpps_api import Report, convert_responses
from features.store.store import Store
from tests.conftest import SHARED

CASES = SHARED / "cases" / "hmpps"
AT = datetime(2026, 11, 27, 12)


def convert(tmp_path: Path, **bodies: Any) -> tuple[Path, Report]:
    """Convert response bodies, each from a file of that name, and load the extract."""
    (tmp_path / "in").mkdir()
    for name, body in bodies.items():
        (tmp_path / "in" / f"{name}.json").write_text(json.dumps(body))
    report = convert_responses(tmp_path / "in", tmp_path / "out", extracted_at=AT)
    load_extract(tmp_path / "out", tmp_path / "store")
    return tmp_path / "out", report


def rows(extract: Path, record: str) -> list[dict[str, Any]]:
    return pl.read_parquet(extract / f"{record}.parquet").to_dicts()


def levels_of(store: Path, crn: str) -> dict[str, tuple[str | None, date | None]]:
    histories = asof.read_histories(Store.open(store), asof.make_spine([crn], AT.date()))
    return {
        row["group"]: (row["level"], row["assessed_on"])
        for row in recorded_levels(histories).to_dicts()
    }


ASSESSED = {
    "initiationDate": "2026-04-01T09:00:00",
    "dateCompleted": "2026-04-10T16:30:00",
    "assessmentStatus": "COMPLETE",
}


def test_a_screening_takes_no_level_away(tmp_path: Path) -> None:
    full = {
        **ASSESSED,
        "assessmentPk": 1,
        "assessmentType": "LAYER3",
        "riskPublicCommunity": "High",
    }
    screening = {
        **ASSESSED,
        "assessmentPk": 2,
        "assessmentType": "STANDALONE",
        "dateCompleted": "2026-09-01T10:00:00",
    }
    convert(tmp_path, X700001={"crn": "X700001", "assessments": [full, screening]})
    assert levels_of(tmp_path / "store", "X700001")["public"] == ("HIGH", date(2026, 4, 10))


def test_the_level_of_prisoners_is_that_in_custody(tmp_path: Path) -> None:
    body = {
        "riskInCommunity": {"LOW": ["Prisoners"], "HIGH": ["Public"]},
        "riskInCustody": {"VERY_HIGH": ["Prisoners"]},
        "assessedOn": "2026-05-19T08:26:31",
    }
    extract, _ = convert(tmp_path, X700001=body)
    assert rows(extract, "assessments")[0]["prisoners_custody"] == "VERY_HIGH"


@pytest.mark.parametrize("number", ["assessmentPk", "assessmentId"])
def test_an_assessment_by_either_name_of_its_number(tmp_path: Path, number: str) -> None:
    item = {number: 7, "status": "COMPLETE", "completedDate": "2026-05-06T15:20:00"}
    extract, _ = convert(tmp_path, X700001={"timeline": [item]})
    (row,) = rows(extract, "assessments")
    assert (row["record_id"], row["occurred_on"]) == ("oasys-set-7", date(2026, 5, 6))


def test_an_assessment_without_any_date_is_said(tmp_path: Path) -> None:
    open_one = {"assessmentPk": 1, "status": "OPEN"}
    _, report = convert(tmp_path, X700001={"timeline": [open_one, {"assessmentPk": 2, **ASSESSED}]})
    assert "an entry without a date" in report.unread["X700001.json"]


@pytest.mark.parametrize("name", ["scoreLevel", "rsrScoreLevel"])
def test_the_band_of_serious_reoffending_by_either_name(tmp_path: Path, name: str) -> None:
    item = {"assessmentPk": 1, **ASSESSED, "RSR": {name: "High"}}
    extract, _ = convert(tmp_path, X700001={"assessments": [item]})
    assert rows(extract, "assessments")[0]["serious_band"] == "HIGH"


@pytest.mark.parametrize(
    ("name", "is_read"), [("X700040-x", True), ("assessment-X7000401", False), ("AX700040", False)]
)
def test_a_crn_is_no_part_of_a_longer_name(tmp_path: Path, name: str, is_read: bool) -> None:
    body = {"riskInCommunity": {"HIGH": ["Public"]}, "assessedOn": "2026-05-08T16:30:00"}
    if is_read:
        extract, _ = convert(tmp_path, **{name: body})
        assert rows(extract, "assessments")[0]["crn"] == "X700040"
    else:
        with pytest.raises(UserError, match="it names no CRN"):
            convert(tmp_path, **{name: body})


@pytest.mark.parametrize("nothing", [{"mappings": "9999-12-31"}, {"unknown": 1}, ["x"]])
def test_a_body_of_no_known_shape_is_named(tmp_path: Path, nothing: Any) -> None:
    body = {"riskInCommunity": {"HIGH": ["Public"]}, "assessedOn": "2026-05-08T16:30:00"}
    _, report = convert(tmp_path, X700001=body, X700002=nothing)
    assert "no shape that is known" in report.unread["X700002.json"]


@pytest.mark.parametrize("nothing", [None, [], {}, {"error": "timeout"}])
def test_an_empty_or_error_body_is_nothing_told_and_loses_no_other(
    tmp_path: Path, nothing: Any
) -> None:
    body = {"riskInCommunity": {"HIGH": ["Public"]}, "assessedOn": "2026-05-08T16:30:00"}
    extract, report = convert(tmp_path, X700001=body, X700002=nothing)
    assert len(rows(extract, "assessments")) == 1
    assert "nothing told" in report.unread["X700002.json"]


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"riskFlags": [], "removedRiskFlags": None}, []),
        ({"riskFlags": None, "riskFlag": {"id": 1, "description": "MAPPA"}}, ["MAPP"]),
        ({"riskFlags": [{"id": 1, "description": "Risk to Probation Staff"}]}, ["AV2S"]),
    ],
)
def test_registers(tmp_path: Path, body: dict[str, Any], codes: list[str]) -> None:
    for part in (*(body["riskFlags"] or []), *([body["riskFlag"]] if "riskFlag" in body else [])):
        part["createdDate"] = "2026-01-05"
    other = {"riskInCommunity": {"HIGH": ["Public"]}, "assessedOn": "2026-05-08T16:30:00"}
    extract, _ = convert(tmp_path, X700001=body, X700002=other)
    supplied = (extract / "registrations.parquet").exists()
    types = [row["type_code"] for row in rows(extract, "registrations")] if supplied else []
    assert types == codes


def history(*contacts: dict[str, Any]) -> dict[str, Any]:
    return {"personalDetails": {"identifiers": {"crn": "X700001"}}, "contacts": list(contacts)}


PLAN = {
    "startDateTime": "2027-03-04T09:30:00Z",
    "type": {"code": "COAP"},
    "notes": "Comment added by A Person on 20/11/2026 at 10:11\nnext visit",
}


def test_a_planned_appointment_is_known_since_it_was_written(tmp_path: Path) -> None:
    extract, _ = convert(tmp_path, X700001=history(PLAN))
    (row,) = rows(extract, "contacts")
    assert (row["occurred_on"], row["recorded_at"]) == (
        date(2027, 3, 4),
        datetime(2026, 11, 20, 10, 11),
    )


def test_a_planned_appointment_does_not_stop_the_next_load(tmp_path: Path) -> None:
    convert(tmp_path, X700001=history(PLAN))
    later = AT + timedelta(hours=12)
    convert_responses(tmp_path / "in", tmp_path / "next", extracted_at=later)
    report = load_extract(tmp_path / "next", tmp_path / "store")
    (contacts,) = [table for table in report.tables if table.name == "contacts"]
    assert (contacts.refused, contacts.new, contacts.changed) == ({}, 0, 0)


def test_record_numbers_do_not_come_from_the_place_in_a_list(tmp_path: Path) -> None:
    past = {"startDateTime": "2026-11-19T09:30:00Z", "type": {"code": "COAP"}, "notes": "one"}
    one, _ = convert(tmp_path, X700001=history(PLAN, past, past))
    (tmp_path / "again").mkdir()
    other, _ = convert(tmp_path / "again", X700001=history(past, past, PLAN))
    numbers = [row["record_id"] for row in rows(one, "contacts")]
    assert numbers == [row["record_id"] for row in rows(other, "contacts")]
    assert len(set(numbers)) == 3


def page(*outcomes: tuple[str, str | None]) -> dict[str, Any]:
    """A page of one contact, as it stood after its last change."""
    day, outcome = outcomes[-1]
    return {
        "content": [
            {
                "id": 1,
                "crn": "X700001",
                "createdAt": "2026-10-01T10:00:00Z",
                "updatedAt": f"{day}T12:00:00Z",
                "contactDate": "2026-10-13T09:15:00Z",
                "type": {"code": "COAP"},
                "outcome": {"code": outcome} if outcome else None,
            }
        ]
    }


@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(["2026-10-14", "2026-10-15", "2026-10-16", "2026-10-17"]),
            st.sampled_from(["UAAB", "AAME", None]),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda change: change[0],
    ),
    data=st.data(),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_and_repetition_of_files_gives_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str | None]], data: Any
) -> None:
    pages = [page(change) for change in changes]
    order = data.draw(st.lists(st.sampled_from(range(len(pages))), max_size=6))
    shuffled = data.draw(st.permutations([*range(len(pages)), *order]))
    one, _ = convert(
        tmp_path_factory.mktemp("one"), **{f"p{n}": body for n, body in enumerate(pages)}
    )
    other, _ = convert(
        tmp_path_factory.mktemp("other"),
        **{f"p{n}": pages[number] for n, number in enumerate(shuffled)},
    )
    assert rows(one, "contacts") == rows(other, "contacts")


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases here")
class TestSharedCases:
    """Every shared case with its right value; of two, the next fetch is written here."""

    def extract(self, tmp_path: Path, number: str) -> tuple[Path, Report]:
        (folder,) = CASES.glob(f"{number}-*")
        report = convert_responses(folder / "in", tmp_path / "out", extracted_at=AT)
        load_extract(tmp_path / "out", tmp_path / "store")
        return tmp_path / "out", report

    def test_01_a_timeline_by_assessment_id(self, tmp_path: Path) -> None:
        extract, report = self.extract(tmp_path, "01")
        assert len(rows(extract, "assessments")) == 2
        assert not report.unread

    def test_02_prisoners_in_both(self, tmp_path: Path) -> None:
        extract, _ = self.extract(tmp_path, "02")
        assert rows(extract, "assessments")[0]["prisoners_custody"] == "VERY_HIGH"

    def test_03_a_timeline_and_a_summary(self, tmp_path: Path) -> None:
        extract, _ = self.extract(tmp_path, "03")
        assert len(rows(extract, "assessments")) == 1
        levels = levels_of(tmp_path / "store", "X700004")
        assert [levels[group][0] for group in ("known_adult", "public", "children", "staff")] == [
            "VERY_HIGH",
            "HIGH",
            "MEDIUM",
            "LOW",
        ]

    def test_04_another_type_of_assessment(self, tmp_path: Path) -> None:
        self.extract(tmp_path, "04")
        levels = levels_of(tmp_path / "store", "X700005")
        assert levels["known_adult"] == ("VERY_HIGH", date(2026, 4, 10))

    def test_06_an_appointment_in_the_future(self, tmp_path: Path) -> None:
        extract, _ = self.extract(tmp_path, "06")
        last = rows(extract, "contacts")[-1]
        assert last["recorded_at"].date() == date(2026, 11, 20)

    def test_07_one_contact_of_two_services(self, tmp_path: Path) -> None:
        extract, _ = self.extract(tmp_path, "07")
        (row,) = rows(extract, "contacts")
        assert row["recorded_at"].date() == date(2026, 10, 14)

    def test_08_two_snapshots(self, tmp_path: Path) -> None:
        extract, _ = self.extract(tmp_path, "08")
        outcomes = [
            (row["record_id"], row["version"], row["outcome_code"])
            for row in rows(extract, "contacts")
        ]
        assert outcomes == [
            ("ndelius-61000021", 1, "UAAB"),
            ("ndelius-61000021", 2, None),
            ("ndelius-61000020", 1, "UAAB"),
            ("ndelius-61000020", 2, "AAME"),
        ]

    def test_10_just_after_midnight_in_summer(self, tmp_path: Path) -> None:
        extract, _ = self.extract(tmp_path, "10")
        assert len(rows(extract, "contacts")) == 3

    def next_fetch(self, tmp_path: Path, name: str, body: Any) -> Store:
        """The store after a later fetch of another body."""
        (tmp_path / "next").mkdir()
        (tmp_path / "next" / name).write_text(json.dumps(body))
        at = AT + timedelta(days=1)
        convert_responses(tmp_path / "next", tmp_path / "next-out", extracted_at=at)
        load_extract(tmp_path / "next-out", tmp_path / "store")
        return Store.open(tmp_path / "store")

    def test_11_a_contact_deleted_at_the_source(self, tmp_path: Path) -> None:
        self.extract(tmp_path, "11")
        (source,) = next(CASES.glob("11-*")).glob("in/*.json")
        body = json.loads(source.read_text())
        del body["contacts"][1]
        store = self.next_fetch(tmp_path, source.name, body)
        spine = asof.make_spine(["X700013"], AT.date() + timedelta(days=1))
        notes = asof.read_histories(store, spine).rows("contacts")["note"].to_list()
        assert len(notes) == 2
        assert not any("wrong case" in note for note in notes)

    def test_19_a_merged_case(self, tmp_path: Path) -> None:
        self.extract(tmp_path, "19")
        (source,) = next(CASES.glob("19-*")).glob("in/*.json")
        body = json.loads(source.read_text())
        body["personSummary"]["crn"] = "X700031"
        store = self.next_fetch(tmp_path, "X700031-risk-flags.json", body)
        spine = asof.make_spine(["X700030", "X700031"], AT.date() + timedelta(days=1))
        live = asof.read_histories(store, spine).rows("registrations")["crn"].to_list()
        assert live == ["X700031"]

    def test_12_limited_access_in_other_shapes(self, tmp_path: Path) -> None:
        extract, _ = self.extract(tmp_path, "12")
        limited = {row["crn"] for row in rows(extract, "limits")}
        assert limited == {"X700014", "X700015", "X700016", "X700017"}

    def test_14_predictors(self, tmp_path: Path) -> None:
        extract, report = self.extract(tmp_path, "14")
        by_case = {row["crn"]: row for row in rows(extract, "assessments")}
        assert by_case["X700021"]["public_community"] == "VERY_HIGH"
        assert by_case["X700022"]["serious_band"] == "HIGH"
        assert set(report.unread) == {"X700022-predictors.json", "X700023-open.json"}

    def test_18_a_part_of_a_name(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="it names no CRN"):
            self.extract(tmp_path, "18")

    def test_29_two_statuses(self, tmp_path: Path) -> None:
        extract, _ = self.extract(tmp_path, "29")
        assert [row["status"] for row in rows(extract, "assessments")] == ["OPEN", "COMPLETE"]
        levels = levels_of(tmp_path / "store", "X700061")
        assert (levels["public"][0], levels["known_adult"][0]) == ("HIGH", "VERY_HIGH")
