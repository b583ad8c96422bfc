"""The import: every row accounted for, nothing half-written, limits never lost."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.contracts import records
from features.contracts.codes import NOT_YET_KNOWN
from features.errors import MissingInput, UnreadableInput, UserError
from features.frame import build
from features.history import asof
from features.intake.load import load_extract
from features.sources.commands import report_lines
from features.sources.import_systems import MAPPINGS, import_systems
from features.store.store import Store
from tests.conftest import SHARED
from tests.features.sources.systems import (
    AT,
    CREATED,
    OFFENDER,
    Tables,
    about,
    import_tables,
    ndelius_tables,
    no_limits,
    rows_of,
    write_tables,
)

CONTACT = {
    "CONTACT_ID": "10",
    "CONTACT_DATE": "2026-03-01",
    "CONTACT_TYPE_ID": "5",
    "NOTES": "Came.",
}
CONTACT_TYPES = [
    {"CONTACT_TYPE_ID": "5", "CODE": "CHVS", "DESCRIPTION": "Home visit", "SGC_FLAG": "N"}
]


def contacts(**more: Any) -> dict[str, list[dict[str, Any]]]:
    return ndelius_tables(CONTACT=[{**CONTACT, **more}]) | {"R_CONTACT_TYPE": CONTACT_TYPES}


def test_a_contact_becomes_a_record_that_can_be_loaded(tmp_path: Path) -> None:
    extract, report = import_tables(tmp_path, contacts())
    (contact,) = rows_of(extract, "contacts")
    assert contact["record_id"] == "ndelius-10"
    assert contact["crn"] == "X700001"
    assert contact["occurred_on"] == date(2026, 3, 1)
    assert contact["recorded_at"] == datetime(2026, 3, 2, 10)
    assert (contact["type_code"], contact["note"]) == ("CHVS", "Came.")
    assert contact["system_generated"] is False
    assert report.people == 1
    assert report.without_supervision == 1
    assert load_extract(extract, tmp_path / "store").load is not None


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-07-02 00:30:00", datetime(2026, 7, 1, 23, 30)),
        ("2026-07-02T00:30:00.000", datetime(2026, 7, 1, 23, 30)),
        ("2026-01-02 00:30", datetime(2026, 1, 2, 0, 30)),
        ("02/07/2026 10:15:00", datetime(2026, 7, 2, 9, 15)),
        ("2026-03-29", datetime(2026, 3, 29)),
    ],
)
def test_times_of_the_systems_are_local(tmp_path: Path, written: str, utc: datetime) -> None:
    times = {"CREATED_DATETIME": written, "LAST_UPDATED_DATETIME": written}
    tables = contacts(CONTACT_DATE="2026-01-01", **times)
    extract, _ = import_tables(tmp_path, tables, extracted_at=datetime(2026, 8, 1))
    assert [row["recorded_at"] for row in rows_of(extract, "contacts")] == [utc]


def test_a_changed_row_is_known_in_its_form_from_its_change(tmp_path: Path) -> None:
    extract, _ = import_tables(tmp_path, contacts(LAST_UPDATED_DATETIME="2026-05-04 12:00:00"))
    before, after = rows_of(extract, "contacts")
    assert (before["version"], before["type_code"], before["note"]) == (1, NOT_YET_KNOWN, None)
    assert (after["version"], after["type_code"], after["note"]) == (2, "CHVS", "Came.")
    assert after["recorded_at"] == datetime(2026, 5, 4, 11)
    report = load_extract(extract, tmp_path / "store")
    assert all(not table.unknown_codes for table in report.tables), "it is not an unknown code"


def test_a_deleted_row_was_on_record_until_it_was_deleted(tmp_path: Path) -> None:
    tables = contacts(LAST_UPDATED_DATETIME="2026-05-04 12:00:00", SOFT_DELETED="1")
    extract, _ = import_tables(tmp_path, tables)
    (row,) = rows_of(extract, "contacts")
    assert (row["recorded_at"], row["withdrawn_at"]) == (
        datetime(2026, 3, 2, 10),
        datetime(2026, 5, 4, 11),
    )
    assert row["type_code"] == NOT_YET_KNOWN, "what it said is gone from the table"


def test_a_clock_that_runs_ahead_puts_nothing_after_the_extract(tmp_path: Path) -> None:
    times = {"CREATED_DATETIME": "2027-01-01 10:00:00", "LAST_UPDATED_DATETIME": None}
    extract, _ = import_tables(tmp_path, contacts(**times))
    assert rows_of(extract, "contacts")[0]["recorded_at"] == datetime(2026, 7, 1, 2)


def test_a_planned_contact_is_on_record_since_it_was_planned(tmp_path: Path) -> None:
    extract, _ = import_tables(tmp_path, contacts(CONTACT_DATE="2027-03-01"))
    (row,) = rows_of(extract, "contacts")
    assert (row["occurred_on"], row["recorded_at"]) == (
        date(2027, 3, 1),
        datetime(2026, 3, 2, 10),
    )


def test_what_cannot_be_planned_is_not_known_before_its_day(tmp_path: Path) -> None:
    tables = contacts(CONTACT_DATE="2026-06-20")
    tables["R_CONTACT_TYPE"] = [{"CONTACT_TYPE_ID": "5", "CODE": "CARR", "DESCRIPTION": "Arrest"}]
    extract, _ = import_tables(tmp_path, tables)
    (row,) = rows_of(extract, "contacts")
    assert row["recorded_at"] == datetime(2026, 6, 19, 23), "midnight in England"
    load_extract(extract, tmp_path / "store", max_refused=0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"CONTACT_ID": None}, "it has no CONTACT_ID"),
        ({"CONTACT_DATE": "2026-02-31"}, "it has no date"),
        ({"OFFENDER_ID": None}, "it leads to no OFFENDER_ID"),
        ({"OFFENDER_ID": "99"}, "its OFFENDER_ID is not in the table OFFENDER"),
        ({"CREATED_DATETIME": "soon"}, "it does not say when it was recorded"),
    ],
)
def test_a_row_that_becomes_nothing_is_counted_with_why(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    tables = contacts()
    tables["CONTACT"].append({**tables["CONTACT"][0], "CONTACT_ID": "11", **change})
    extract, report = import_tables(tmp_path, tables)
    assert [row["record_id"] for row in rows_of(extract, "contacts")] == ["ndelius-10"]
    (line,) = [line for line in report.tables if line.record == "contacts"]
    assert (line.rows, line.mapped, line.nothing) == (2, 1, {reason: 1})


def test_a_crn_in_lower_case_with_spaces_is_the_same_case(tmp_path: Path) -> None:
    tables = contacts()
    tables["OFFENDER"][0]["CRN"] = " x700001 "
    extract, _ = import_tables(tmp_path, tables)
    assert [row["crn"] for row in rows_of(extract, "contacts")] == ["X700001"]


def test_a_crn_that_is_none_is_said(tmp_path: Path) -> None:
    tables = contacts()
    tables["OFFENDER"][0]["CRN"] = "CRN11"
    _, report = import_tables(tmp_path, tables)
    reasons = {reason for line in report.tables for reason in line.nothing}
    assert "the CRN of its OFFENDER is not a letter and six digits" in reasons


@pytest.mark.parametrize("missing", ["OFFENDER", "EXCLUSION", "RESTRICTION"])
def test_without_the_tables_of_limits_nothing_is_written(tmp_path: Path, missing: str) -> None:
    tables = contacts()
    del tables[missing]
    with pytest.raises(MissingInput, match=missing):
        import_tables(tmp_path, tables)
    assert not (tmp_path / "extract").exists()


def test_without_ndelius_there_is_no_case(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "oasys", {"OFFENDER": []})
    with pytest.raises(MissingInput, match="--ndelius"):
        import_systems({"oasys": folder}, tmp_path / "extract")


def test_a_limit_without_a_case_stops_the_import(tmp_path: Path) -> None:
    lost = {"EXCLUSION_ID": "1", "EXCLUSION_DATE": "2026-01-01", "OFFENDER_ID": "99", **CREATED}
    tables = contacts() | {"EXCLUSION": [lost]}
    with pytest.raises(UserError, match="1 limits of access in EXCLUSION lead to no case"):
        import_tables(tmp_path, tables)
    assert not (tmp_path / "extract").exists()
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (
            {
                "EXCLUSION": [
                    {"EXCLUSION_ID": "1", "EXCLUSION_DATE": "2026-01-01", "USER_ID": "7"}
                ],
                "USER_": [{"USER_ID": "7", "DISTINGUISHED_NAME": "a.reader"}],
            },
            ("exclusion", "A.READER", None),
        ),
        (
            {
                "EXCLUSION": [
                    {"EXCLUSION_ID": "1", "EXCLUSION_DATE": "2026-01-01", "USER_ID": "8"}
                ],
                "USER_": [{"USER_ID": "7", "DISTINGUISHED_NAME": "a.reader"}],
            },
            ("exclusion", None, None),
        ),
        (
            {
                "RESTRICTION": [
                    {
                        "RESTRICTION_ID": "1",
                        "RESTRICTION_DATE": "2026-01-01",
                        "RESTRICTION_END_DATE": "9999-12-31",
                    }
                ]
            },
            ("restriction", None, None),
        ),
    ],
    ids=["a user by name", "a user in no list", "an end that is none"],
)
def test_limits_name_users_or_nobody(
    tmp_path: Path, tables: dict[str, list[dict[str, Any]]], expected: tuple[Any, ...]
) -> None:
    extract, report = import_tables(tmp_path, contacts() | ndelius_tables(**tables))
    (limit,) = rows_of(extract, "limits")
    assert (limit["kind"], limit["username"], limit["ended_on"]) == expected
    assert report.limited == 1


def test_a_case_marked_as_limited_without_a_row_is_closed_to_everyone(tmp_path: Path) -> None:
    tables = contacts()
    tables["OFFENDER"][0]["CURRENT_RESTRICTION"] = "1"
    extract, _ = import_tables(tmp_path, tables)
    (limit,) = rows_of(extract, "limits")
    assert (limit["crn"], limit["kind"], limit["username"]) == ("X700001", "restriction", None)


def test_the_order_of_files_and_a_table_told_twice_change_nothing(tmp_path: Path) -> None:
    tables = contacts()
    tables["CONTACT"].append({**tables["CONTACT"][0], "CONTACT_ID": "11"})
    first, _ = import_tables(tmp_path / "one", tables)
    folder = write_tables(tmp_path / "two" / "ndelius", tables)
    both = (folder / "CONTACT.csv").read_text().splitlines()
    (folder / "CONTACT").mkdir()
    (folder / "CONTACT" / "b.csv").write_text("\n".join([both[0], both[2]]))
    (folder / "CONTACT" / "a.csv").write_text("\n".join(both))
    (folder / "CONTACT.csv").unlink()
    extracted_at = about(first)["extracted_at"]
    report = import_systems(
        {"ndelius": folder}, tmp_path / "again", datetime.fromisoformat(extracted_at)
    )
    assert rows_of(tmp_path / "again", "contacts") == rows_of(first, "contacts")
    assert report.told_twice["contacts"] == 1


@pytest.mark.parametrize(
    ("last_change", "expected"),
    [
        (("2026-05-04", "1"), [(None, None), ("Came.", datetime(2026, 5, 3, 23))]),
        (("2026-05-04", "0"), [(None, None), ("Came.", None), ("Came.", None)]),
    ],
    ids=["deleted", "changed again"],
)
def test_a_copy_of_before_a_deletion_does_not_undo_it(
    tmp_path: Path,
    last_change: tuple[str, str],
    expected: list[tuple[str | None, datetime | None]],
) -> None:
    tables = contacts(LAST_UPDATED_DATETIME="2026-04-01")
    day, deleted = last_change
    later = {"LAST_UPDATED_DATETIME": day, "SOFT_DELETED": deleted}
    tables["CONTACT"].insert(0, {**tables["CONTACT"][0], **later})
    extract, _ = import_tables(tmp_path, tables)
    versions = [(row["note"], row["withdrawn_at"]) for row in rows_of(extract, "contacts")]
    assert versions == expected


@given(data=st.data())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_split_and_repetition_of_a_table_gives_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    tables = contacts()
    changed = {"LAST_UPDATED_DATETIME": "2026-04-01 10:00:00"}
    first = tables["CONTACT"][0]
    rows = [{**first, "CONTACT_ID": str(n), **(changed if n % 2 else {})} for n in range(6)]
    whole = tmp_path_factory.mktemp("whole")
    extract, _ = import_tables(whole, tables | {"CONTACT": rows})
    split = tmp_path_factory.mktemp("split")
    files = data.draw(st.lists(st.lists(st.sampled_from(rows), max_size=4), max_size=4))
    parts = {f"CONTACT-{n}": part for n, part in enumerate([rows, *files])}
    order = data.draw(st.permutations(list(parts)))
    renamed = {f"CONTACT-{n}": parts[name] for n, name in enumerate(order)}
    del tables["CONTACT"]
    other, _ = import_tables(split, tables | renamed)
    assert rows_of(other, "contacts") == rows_of(extract, "contacts")


def test_two_copies_of_a_row_are_versions_in_the_order_of_their_moments(tmp_path: Path) -> None:
    tables = contacts(LAST_UPDATED_DATETIME="2026-05-04 12:00:00")
    older = {
        **tables["CONTACT"][0],
        "LAST_UPDATED_DATETIME": "2026-04-01 12:00:00",
        "NOTES": "Came",
    }
    tables["CONTACT"].append(older)
    extract, _ = import_tables(tmp_path, tables)
    versions = [(row["version"], row["note"]) for row in rows_of(extract, "contacts")]
    assert versions == [(1, None), (2, "Came"), (3, "Came.")]


def test_many_cases_are_written_in_buckets_that_load(tmp_path: Path) -> None:
    tables = contacts()
    more = [
        {**CREATED, **OFFENDER, "OFFENDER_ID": str(n), "CRN": f"X70000{n}"} for n in range(2, 7)
    ]
    tables["OFFENDER"] += more
    tables["CONTACT"] += [
        {**tables["CONTACT"][0], "CONTACT_ID": f"2{n}", "OFFENDER_ID": str(n)} for n in range(2, 7)
    ]
    extract, report = import_tables(tmp_path, tables, cases_a_bucket=2)
    assert (about(extract)["buckets"], report.buckets) == (3, 3)
    assert sorted(path.name for path in (extract / "contacts").iterdir()) == [
        "00.parquet",
        "01.parquet",
        "02.parquet",
    ]
    load_extract(extract, tmp_path / "store")
    assert len(rows_of(extract, "contacts")) == 6


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "extract").mkdir()
    (tmp_path / "extract" / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="is not empty"):
        import_tables(tmp_path, contacts())
    assert (tmp_path / "extract" / "mine.txt").read_text() == "keep"


def test_an_unreadable_table_leaves_nothing_half_written(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "ndelius", contacts())
    (folder / "CONTACT.csv").unlink()
    (folder / "CONTACT.parquet").write_bytes(b"not parquet")
    with pytest.raises(UnreadableInput, match="CONTACT.parquet cannot be read"):
        import_systems({"ndelius": folder}, tmp_path / "extract")
    assert [path.name for path in tmp_path.iterdir()] == ["ndelius"]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    tables = contacts()
    del tables["CONTACT"][0]["NOTES"]
    del tables["R_CONTACT_TYPE"]
    tables["SOMETHING_ELSE"] = [{"A": "1"}]
    _, report = import_tables(tmp_path, tables)
    assert "R_CONTACT_TYPE" in report.absent_tables["ndelius"]
    assert "DISPOSAL" in report.absent_tables["ndelius"]
    assert "CONTACT.NOTES" in report.missing_columns["ndelius"]
    assert report.unused_files["ndelius"] == ["SOMETHING_ELSE"]
    assert report.unknown_codes["contacts.type_code"] == [("CONTACT_TYPE_ID 5", 1)]


def test_a_record_is_complete_where_all_its_tables_are_there(tmp_path: Path) -> None:
    extract, _ = import_tables(tmp_path, contacts(), oasys={"OFFENDER": [], "OASYS_SET": []})
    assert set(about(extract)["complete"]) == {"contacts", "people", "limits"}


@pytest.mark.parametrize(
    "mapping",
    [mapping for mappings in MAPPINGS.values() for mapping in mappings],
    ids=lambda mapping: f"{mapping.table}-{mapping.record}",
)
def test_a_declaration_names_columns_and_codes_of_its_record(mapping: Any) -> None:
    table = records.find_table(mapping.record)
    for value in (mapping.day, *mapping.values):
        column = table.column(value.column)
        assert set(value.codes) <= set(column.codes or ()), (value.column, value.codes)
        assert value.rule
        assert all("." in source for source in value.sources)


@pytest.mark.skipif(not (SHARED / "sources").exists(), reason="no shared sources here")
def test_the_test_rows_of_the_three_systems_can_be_scored(tmp_path: Path) -> None:
    folders = {name: SHARED / "sources" / name for name in MAPPINGS}
    report = import_systems(folders, tmp_path / "extract")
    for line in report.tables:
        path = folders[line.system] / f"{line.table}.csv"
        assert line.rows == pl.read_csv(path, infer_schema=False).height, line.table
    load_extract(tmp_path / "extract", tmp_path / "store")
    store = Store.open(tmp_path / "store")
    on = asof.make_spine(["X320741"], date(2019, 12, 31))
    (frame,) = [frame for _, frame in build.build_frames(store, on)]
    fired = frame.row(0, named=True)
    assert fired["assessment_age_days"] == 559
    assert fired["days_since_release"] == 86
    assert fired["practitioner_changes_365d"] == 3
    assert _codes_declared(tmp_path / "extract") == []


def _codes_declared(extract: Path) -> list[str]:
    """Codes of our lists in the records of an extract that no mapping of the record declares."""
    wrong = []
    for mappings in MAPPINGS.values():
        for record in {mapping.record for mapping in mappings}:
            files = extract / record
            if not files.exists():
                continue
            rows = pl.read_parquet(files / "*.parquet")
            of_record = [m for ms in MAPPINGS.values() for m in ms if m.record == record]
            for column in rows.columns:
                declared = [v.codes for m in of_record for v in m.values if v.column == column]
                if declared and all(declared):
                    ours = records.find_table(record).column(column).codes or {}
                    undeclared = set(ours) - {code for codes in declared for code in codes}
                    held = set(rows[column].drop_nulls().unique())
                    wrong += [f"{record}.{column}={code}" for code in undeclared & held]
    return wrong


def test_no_limits_is_a_whole_answer(tmp_path: Path) -> None:
    extract, report = import_tables(
        tmp_path, {"OFFENDER": [{**CREATED, **OFFENDER}], **no_limits()}
    )
    assert rows_of(extract, "limits") == []
    assert about(extract)["whole"] == {"limits": ["ndelius-"]}
    assert report.limited == 0


def test_a_night_without_oasys_lifts_no_limit_of_oasys(tmp_path: Path) -> None:
    marked = {
        "OFFENDER_PK": "1",
        "CMS_PROB_NUMBER": "X700001",
        "LIMITED_ACCESS_OFFENDER": "Y",
        "CREATE_DATE": "2026-03-01",
    }
    restricted = {"RESTRICTION_ID": "1", "RESTRICTION_DATE": "2026-01-01"}
    store = tmp_path / "store"
    first, _ = import_tables(
        tmp_path / "one",
        ndelius_tables(RESTRICTION=[restricted]),
        oasys={"OFFENDER": [marked], "OASYS_SET": []},
    )
    load_extract(first, store)
    second, _ = import_tables(
        tmp_path / "two", ndelius_tables(), extracted_at=AT + timedelta(days=1)
    )
    load_extract(second, store)
    day = (AT + timedelta(days=1)).date()
    limits = build.limits_in_force(Store.open(store), day)
    assert limits["crn"].to_list() == ["X700001"], "that of NDelius is lifted, that of OASys stands"


@pytest.mark.parametrize(("with_oasys", "state"), [(False, "stopped"), (True, "supplied")])
def test_scores_of_predictors_alone_are_no_feed_of_assessments(
    tmp_path: Path, with_oasys: bool, state: str
) -> None:
    score = {"DYNAMIC_RSR_HISTORY_ID": "1", "DATE_RECORDED": "2026-03-01", "DYNAMIC_RSR_SCORE": "3"}
    oasys: Tables = {"OASYS_SET": []}
    extract, _ = import_tables(
        tmp_path, ndelius_tables(DYNAMIC_RSR_HISTORY=[score]), oasys if with_oasys else None
    )
    assert len(rows_of(extract, "assessments")) == 1
    load_extract(extract, tmp_path / "store")
    assert Store.open(tmp_path / "store").feed_states(AT.date())["assessments"] == state


def test_of_changed_rows_nothing_is_withdrawn_because_it_is_missing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first, second = {**CONTACT, "CONTACT_ID": "10"}, {**CONTACT, "CONTACT_ID": "11"}
    tables = ndelius_tables(CONTACT=[first, second]) | {"R_CONTACT_TYPE": CONTACT_TYPES}
    extract, _ = import_tables(tmp_path / "whole", tables)
    load_extract(extract, store)
    changed = ndelius_tables(CONTACT=[{**second, "NOTES": "Came late."}])
    changed["CONTACT"][0]["LAST_UPDATED_DATETIME"] = "2026-07-01 10:00:00"
    changed |= {"R_CONTACT_TYPE": CONTACT_TYPES}
    extract, _ = import_tables(
        tmp_path / "changes", changed, extracted_at=datetime(2026, 7, 2, 2), changed_rows=True
    )
    assert about(extract)["complete"] == []
    load_extract(extract, store)
    spine = asof.make_spine(["X700001"], date(2026, 7, 2))
    rows = asof.read_histories(Store.open(store), spine).rows("contacts").sort("record_id")
    assert rows.select("record_id", "note").rows() == [
        ("ndelius-10", "Came."),
        ("ndelius-11", "Came late."),
    ]


def import_with(folder: Path, bodies: dict[str, Any], **tables: Any) -> Path:
    """Import tables and API responses together; returns the extract."""
    responses = folder / "responses"
    responses.mkdir(parents=True)
    for name, body in bodies.items():
        (responses / f"{name}.json").write_text(json.dumps(body))
    ndelius = contacts(**tables)
    extract, _ = import_tables(folder, ndelius, responses=responses)
    return extract


def contact_response(number: int, crn: str = "X700001", **values: Any) -> dict[str, Any]:
    item = {
        "id": number,
        "crn": crn,
        "createdAt": "2026-03-02T10:00:00Z",
        "contactDate": "2026-03-01T09:00:00Z",
        "type": {"code": "CHVS"},
        **values,
    }
    return {"content": [item]}


def contact_rows(extract: Path) -> list[tuple[Any, ...]]:
    names = ("record_id", "version", "outcome_code", "note")
    return [tuple(row[name] for name in names) for row in rows_of(extract, "contacts")]


@pytest.mark.parametrize(
    ("updated", "outcome", "expected"),
    [
        # Later than the tables: what it speaks of is new, the officer's words stay.
        (
            "2026-04-01T10:00:00Z",
            "AFTC",
            [("ndelius-10", 1, None, "Came."), ("ndelius-10", 2, "AFTC", "Came.")],
        ),
        # Later, and says nothing new.
        ("2026-04-01T10:00:00Z", None, [("ndelius-10", 1, None, "Came.")]),
        # Before the last change of the tables.
        ("2026-03-01T10:00:00Z", "AFTC", [("ndelius-10", 1, None, "Came.")]),
    ],
)
def test_a_later_response_adds_to_the_record_of_the_tables(
    tmp_path: Path, updated: str, outcome: str | None, expected: list[tuple[Any, ...]]
) -> None:
    item_values = {"updatedAt": updated, "outcome": {"code": outcome} if outcome else None}
    extract = import_with(tmp_path, {"page": contact_response(10, **item_values)})
    assert contact_rows(extract) == expected


def test_a_response_about_something_new_is_a_record(tmp_path: Path) -> None:
    extract = import_with(tmp_path, {"page": contact_response(11)})
    assert [row[0] for row in contact_rows(extract)] == ["ndelius-10", "ndelius-11"]


@pytest.mark.parametrize(("crn", "added"), [("X700001", 0), ("X700002", 1)])
def test_without_a_number_it_adds_only_to_a_case_that_the_tables_have_not(
    tmp_path: Path, crn: str, added: int
) -> None:
    history = {
        "personalDetails": {"identifiers": {"crn": crn}},
        "contacts": [{"startDateTime": "2026-03-01T09:00:00Z", "type": {"code": "CHVS"}}],
    }
    extract = import_with(tmp_path, {"history": history})
    assert len(contact_rows(extract)) == 1 + added


def test_a_deleted_contact_is_not_brought_back_by_a_response(tmp_path: Path) -> None:
    gone = {"SOFT_DELETED": "1", "LAST_UPDATED_DATETIME": "2026-03-05 10:00:00"}
    item_values = {"updatedAt": "2026-04-01T10:00:00Z", "outcome": {"code": "AFTC"}}
    extract = import_with(tmp_path, {"page": contact_response(10, **item_values)}, **gone)
    (row,) = rows_of(extract, "contacts")
    assert row["withdrawn_at"] == datetime(2026, 3, 5, 10)


def test_a_limit_of_a_response_limits_beside_the_tables(tmp_path: Path) -> None:
    access = {"crn": "X700001", "userRestricted": True, "userExcluded": False}
    extract = import_with(tmp_path, {"access": access})
    assert [row["crn"] for row in rows_of(extract, "limits")] == ["X700001"]


def test_a_row_without_what_its_record_needs_is_counted_and_not_written(tmp_path: Path) -> None:
    register = {"REGISTRATION_ID": "1", "REGISTRATION_DATE": "2026-03-01"}
    extract, report = import_tables(tmp_path, ndelius_tables(REGISTRATION=[register]))
    (table,) = [one for one in report.tables if one.record == "registrations"]
    assert table.nothing == {"it has no type_code": 1}
    assert rows_of(extract, "registrations") == []
    assert load_extract(extract, tmp_path / "store").load is not None


def test_a_contact_without_a_type_keeps_its_words(tmp_path: Path) -> None:
    extract, report = import_tables(tmp_path, contacts(CONTACT_TYPE_ID=""))
    (row,) = rows_of(extract, "contacts")
    assert (row["type_code"], row["note"]) == ("NO_TYPE", "Came.")
    assert report.unknown_codes["contacts.type_code"] == [("NO_TYPE", 1)]
    assert load_extract(extract, tmp_path / "store").load is not None


@pytest.mark.parametrize("lists", [{}, {"R_CONTACT_TYPE": CONTACT_TYPES}])
def test_codes_in_place_of_ids_are_read_by_our_own_lists(
    tmp_path: Path, lists: dict[str, Any]
) -> None:
    rows = [
        {
            **CONTACT,
            "CONTACT_ID": "1",
            "CONTACT_TYPE_ID": "C515",
            "CONTACT_OUTCOME_TYPE_ID": "CONC",
        },
        {**CONTACT, "CONTACT_ID": "2", "CONTACT_TYPE_ID": "4711"},
        {**CONTACT, "CONTACT_ID": "3", "CONTACT_TYPE_ID": "5"},
    ]
    extract, report = import_tables(tmp_path, ndelius_tables(CONTACT=rows) | lists)
    codes = [row["type_code"] for row in rows_of(extract, "contacts")]
    assert codes == ["C515", "CONTACT_TYPE_ID 4711", "CHVS" if lists else "CONTACT_TYPE_ID 5"]
    assert [row["kind"] for row in rows_of(extract, "incidents")] == ["intelligence"]
    assert "C515" not in dict(report.unknown_codes["contacts.type_code"])


def test_a_supplied_list_goes_before_our_own(tmp_path: Path) -> None:
    ids = [{"CONTACT_TYPE_ID": "C515", "CODE": "CHVS", "DESCRIPTION": "Home visit"}]
    tables = ndelius_tables(CONTACT=[{**CONTACT, "CONTACT_TYPE_ID": "C515"}])
    extract, _ = import_tables(tmp_path, tables | {"R_CONTACT_TYPE": ids})
    assert [row["type_code"] for row in rows_of(extract, "contacts")] == ["CHVS"]
    assert rows_of(extract, "incidents") == []


@pytest.mark.parametrize("text", ["31/02/2026", "2026-02-31", "soon"])
def test_a_text_that_is_no_date_is_named(tmp_path: Path, text: str) -> None:
    address = {"OFFENDER_ADDRESS_ID": "1", "START_DATE": "2026-03-01", "END_DATE": text}
    started = {"OFFENDER_ADDRESS_ID": "2", "START_DATE": text}
    open_ended = {**address, "OFFENDER_ADDRESS_ID": "3", "END_DATE": "9999-12-31"}
    tables = ndelius_tables(OFFENDER_ADDRESS=[address, started, open_ended])
    extract, report = import_tables(tmp_path, tables)
    ends = [(row["record_id"], row["ended_on"]) for row in rows_of(extract, "circumstances")]
    assert ends == [("ndelius-address-1", None), ("ndelius-address-3", None)]
    lines = report_lines(report)
    for column in ("START_DATE", "END_DATE"):
        named = f"  ndelius OFFENDER_ADDRESS.{column}: a text that is no date, taken as not known"
        assert f"{named}: 1 row" in lines


def test_a_note_of_several_lines_in_csv_is_one_row(tmp_path: Path) -> None:
    note = 'Came.\nSaid "fine", left.\r\nNext week.'
    extract, _ = import_tables(tmp_path, contacts(NOTES=note))
    (row,) = rows_of(extract, "contacts")
    assert row["note"].replace("\r\n", "\n") == note.replace("\r\n", "\n")


def test_one_oasys_set_in_two_folders_is_one_assessment(tmp_path: Path) -> None:
    row = {
        "OASYS_SET_PK": "5",
        "CMS_PROB_NUMBER": "X700001",
        "INITIATION_DATE": "2026-03-01",
        "CREATE_DATE": "2026-03-01 10:00:00",
        "ASSESSMENT_STATUS_ELM": "OPEN",
    }
    ndelius = write_tables(tmp_path / "ndelius", ndelius_tables())
    for folder in ("OASYS_SET", "OFFENDER"):
        (tmp_path / "oasys" / folder).mkdir(parents=True)
    for name in ("first", "second"):
        frame = pl.DataFrame([row])
        frame.write_csv(tmp_path / "oasys" / "OASYS_SET" / f"{name}.csv")
    pl.DataFrame([{"OFFENDER_PK": "1"}]).write_csv(tmp_path / "oasys" / "OFFENDER" / "0.csv")
    folders = {"ndelius": ndelius, "oasys": tmp_path / "oasys"}
    report = import_systems(folders, tmp_path / "extract", AT)
    assert len(rows_of(tmp_path / "extract", "assessments")) == 1
    assert report.told_twice["assessments"] == 1


ACCESS = {"crn": "X700001", "userRestricted": True, "userExcluded": False}
ENDED = {
    "EXCLUSION_ID": "1",
    "OFFENDER_ID": "1",
    "EXCLUSION_DATE": "2019-01-01",
    "EXCLUSION_END_DATE": "2020-01-01",
    **CREATED,
}


def import_beside(folder: Path, bodies: dict[str, Any], tables: Tables) -> Path:
    """Import tables with API responses beside them."""
    (folder / "responses").mkdir(parents=True)
    for name, body in bodies.items():
        (folder / "responses" / f"{name}.json").write_text(json.dumps(body))
    extract, _ = import_tables(folder, tables, responses=folder / "responses")
    return extract


def test_a_limit_of_a_response_stands_beside_an_old_one_of_the_tables(tmp_path: Path) -> None:
    tables = ndelius_tables(EXCLUSION=[ENDED])
    extract = import_beside(tmp_path, {"access": ACCESS}, tables)
    limits = [(row["kind"], row["ended_on"]) for row in rows_of(extract, "limits")]
    assert sorted(limits, key=str) == [("exclusion", date(2020, 1, 1)), ("restriction", None)]


def test_a_limit_of_a_response_follows_a_merge_of_the_tables(tmp_path: Path) -> None:
    second = {**OFFENDER, "OFFENDER_ID": "2", "CRN": "X700002", **CREATED}
    tables = ndelius_tables()
    tables["OFFENDER"] = [{**tables["OFFENDER"][0], "SOFT_DELETED": "1"}, second]
    tables["MERGE_HISTORY"] = [
        {"MERGE_HISTORY_ID": "1", "ORIGIN_OFFENDER_ID": "1", "TARGET_OFFENDER_ID": "2"}
    ]
    extract = import_beside(tmp_path, {"access": ACCESS}, tables)
    assert [row["crn"] for row in rows_of(extract, "limits")] == ["X700002"]


def test_no_link_to_a_case_that_a_response_says_is_limited(tmp_path: Path) -> None:
    home = {"START_DATE": "2026-01-01", "ADDRESS_NUMBER": "19", "POSTCODE": "ZZ1 1ZZ"}
    addresses = [{"OFFENDER_ADDRESS_ID": n, "OFFENDER_ID": n, **home} for n in ("1", "2")]
    tables = ndelius_tables(OFFENDER_ADDRESS=addresses)
    tables["OFFENDER"].append({**OFFENDER, "OFFENDER_ID": "2", "CRN": "X700002", **CREATED})
    extract = import_beside(tmp_path, {"access": ACCESS}, tables)
    assert rows_of(extract, "links") == []


@pytest.mark.parametrize(
    "times",
    [
        {"REGISTRATION_DATE": "2026-06-01", "LAST_UPDATED_DATETIME": "2026-03-03 10:00:00"},
        {"REGISTRATION_DATE": "2026-03-01", "LAST_UPDATED_DATETIME": "2026-03-02 09:59:59"},
    ],
    ids=["about a later day", "changed before it was made"],
)
def test_a_deleted_row_stays_deleted(tmp_path: Path, times: dict[str, str]) -> None:
    register = {"REGISTRATION_ID": "1", "REGISTER_TYPE_ID": "WEAP", "SOFT_DELETED": "1", **times}
    extract, _ = import_tables(tmp_path, ndelius_tables(REGISTRATION=[register]))
    assert all(row["withdrawn_at"] is not None for row in rows_of(extract, "registrations")[-1:])


@pytest.mark.parametrize("mark", [1, 1.0, True, "1", "Y", "T"])
def test_a_mark_of_any_type_limits_a_case(tmp_path: Path, mark: Any) -> None:
    folder = write_tables(tmp_path / "ndelius", ndelius_tables())
    (folder / "OFFENDER.csv").unlink()
    row = {**OFFENDER, **CREATED, "CURRENT_EXCLUSION": mark}
    pl.DataFrame([row]).write_parquet(folder / "OFFENDER.parquet")
    report = import_systems({"ndelius": folder}, tmp_path / "extract", AT)
    assert report.limited == 1


@pytest.mark.parametrize("number", [2500343964.0, 2500343964])
def test_a_number_of_any_type_is_the_same_number(tmp_path: Path, number: float) -> None:
    folder = write_tables(tmp_path / "ndelius", contacts(OFFENDER_ID="2500343964"))
    (folder / "OFFENDER.csv").unlink()
    row = {**OFFENDER, **CREATED, "OFFENDER_ID": number}
    pl.DataFrame([row]).write_parquet(folder / "OFFENDER.parquet")
    import_systems({"ndelius": folder}, tmp_path / "extract", AT)
    assert len(rows_of(tmp_path / "extract", "contacts")) == 1


def test_a_later_note_of_a_response_is_a_version_without_an_outcome_too(tmp_path: Path) -> None:
    item_values = {"updatedAt": "2026-04-01T10:00:00Z", "notes": "Threatened his partner."}
    extract = import_with(tmp_path, {"page": contact_response(10, **item_values)})
    assert contact_rows(extract)[-1] == ("ndelius-10", 2, None, "Threatened his partner.")


def test_a_response_whose_moment_is_a_guess_changes_nothing_of_the_tables(tmp_path: Path) -> None:
    item = {
        "crn": "X700001",
        "caseName": {"forename": "Ann", "surname": "Example"},
        "nextAppointment": {"id": 10, "date": "2026-06-20T09:00:00", "description": "Local words"},
    }
    extract = import_with(tmp_path, {"list": {"caseload": [item]}})
    assert contact_rows(extract) == [("ndelius-10", 1, None, "Came.")]


def test_a_number_told_of_another_case_stays_with_the_case_of_the_tables(tmp_path: Path) -> None:
    item_values = {"updatedAt": "2026-04-01T10:00:00Z", "notes": "Another."}
    bodies = {"page": contact_response(10, "X700009", **item_values)}
    extract = import_with(tmp_path, bodies)
    assert {row["crn"] for row in rows_of(extract, "contacts")} == {"X700001"}
