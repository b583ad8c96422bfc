"""Entries of notes reach scores only for the kinds in effect: in the night, a replay, one score."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from markupsafe import escape

from features.frame import build, notes, timeline
from features.history import asof
from features.local_runners import SerialRunner
from features.store.store import Store
from serving.board import note_kinds
from serving.night import replay, run, score_caseload, score_one
from serving.night.run import FinishedRun
from serving.night.score_caseload import ProposedModel, ScoredCaseload
from serving.web import pages
from tests.conftest import AS_OF
from tests.service import Service, later_night

KINDS = frozenset({"weapon", "violence"})
SCORE = ["crn", "group", "probability"]


@pytest.fixture
def weapons_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(note_kinds, "kinds_in_effect", lambda *_: KINDS)


def score(
    service: Service, store: Store, proposed: dict[int, ProposedModel] | None = None
) -> ScoredCaseload:
    on = build.cases_under_supervision(store, AS_OF)
    return score_caseload.score_caseload(
        store,
        on,
        service.model,
        AS_OF,
        lambda _: None,
        SerialRunner(),
        proposed or {},
    )


@pytest.fixture(scope="module")
def with_notes(service: Service) -> pl.DataFrame:
    """The scores in which entries of notes count."""
    return score(service, service.store.counting_notes(KINDS)).scores.select(SCORE)


def test_a_note_that_counts_is_an_incident_of_the_case(service: Service) -> None:
    counted = service.store.counting_notes({"weapon"})
    on = build.cases_under_supervision(service.store, AS_OF).select(asof.KEY)
    rows = [
        asof.read_histories(store, on).rows("incidents").filter(pl.col("kind") == "weapon")
        for store in (service.store, counted)
    ]
    assert service.store.note_kinds == frozenset()
    assert rows[1].height > rows[0].height + on.height / 2, "every case has a note of a knife"


def test_a_proposal_is_scored_with_the_kinds_that_count_in_it(
    service: Service, with_notes: pl.DataFrame
) -> None:
    proposed = {
        7: ProposedModel(service.model, KINDS),
        8: ProposedModel(service.model, frozenset()),
    }
    scored = score(service, service.store, proposed)
    without = scored.scores.select(SCORE)
    assert not without.equals(with_notes)
    assert scored.proposed_scores[7].select(SCORE).equals(with_notes)
    assert scored.proposed_scores[8].select(SCORE).equals(without)


@pytest.mark.usefixtures("weapons_count")
def test_a_night_counts_the_kinds_in_effect(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights: list[Any] = []

    def stop_here(night: Any) -> FinishedRun:
        nights.append(night)
        return FinishedRun(night.run_id, True, {})

    monkeypatch.setattr(run, "_score_and_write", stop_here)
    with later_night(3) as day:
        run.run_night(service.settings, service.night, day)
    assert nights[0].store.note_kinds == KINDS


@pytest.mark.usefixtures("weapons_count")
def test_a_replay_counts_the_kinds_in_effect(service: Service, with_notes: pl.DataFrame) -> None:
    replayed = replay.replay_night(service.settings, service.night, AS_OF)
    scores = pl.read_parquet(replayed.path).select(SCORE)
    key = SCORE[:2]
    assert scores.sort(key).equals(with_notes.join(scores, on=key, how="semi").sort(key))
    replayed.path.unlink()


@pytest.mark.usefixtures("weapons_count")
def test_the_notes_of_a_history_that_was_sent_are_read_for_its_score(
    service: Service, with_notes: pl.DataFrame
) -> None:
    without = score(service, service.store).scores.select(SCORE)
    both = with_notes.join(without, on=SCORE[:2], suffix="_without")
    differs = both.filter(pl.col("probability") != pl.col("probability_without"))
    crn = differs.sort("crn")["crn"][0]
    tables = {
        name: _sent_rows(service, name, crn)
        for name in sorted(service.store.supplied_tables() - {"note_entries"})
    }
    with service.web.connect() as connection:
        scored = score_one.score(connection, service.settings, crn, AS_OF, tables, {})
    expected = dict(both.filter(crn=crn).select("group", "probability").iter_rows())
    for row in scored.rows:
        assert row["probability"] == pytest.approx(expected[row["group"]], abs=1e-9)


def _sent_rows(service: Service, name: str, crn: str) -> list[dict[str, Any]]:
    """A case's rows of a table as another service sends them, without what the store adds."""
    rows = service.store.read_versions(name).filter(pl.col("crn") == crn)
    own = rows.drop("known_from", "supplied_version", "load", strict=False)
    return [
        {column: value for column, value in row.items() if value is not None}
        for row in own.to_dicts()
    ]


def test_the_run_says_which_kinds_counted(service: Service, with_notes: pl.DataFrame) -> None:
    with service.admin.connect() as connection:
        counts = connection.exec_driver_sql(
            "SELECT counts FROM triage.runs ORDER BY at LIMIT 1"
        ).scalar_one()
    assert counts["note_kinds"] == []
    assert counts["note_kinds_off"] == []


@pytest.fixture(scope="module")
def histories(service: Service) -> asof.Histories:
    """The histories of some cases, in which entries of notes count."""
    on = build.cases_under_supervision(service.store, AS_OF).select(asof.KEY).head(40)
    return asof.read_histories(service.store.counting_notes(KINDS), on)


def test_what_was_read_in_a_note_is_no_entry_of_the_record(
    service: Service, histories: asof.Histories
) -> None:
    """The record is shown before the view: it looks as ever, whatever counts."""
    plain = asof.read_histories(service.store, histories.spine.select(asof.KEY))
    assert histories.rows("incidents").height > plain.rows("incidents").height
    assert timeline.timeline_entries(histories) == timeline.timeline_entries(plain)


def test_the_findings_say_which_entries_count(histories: asof.Histories) -> None:
    rows = set(histories.rows("incidents")["record_id"])
    notes_of = notes.notes_of_cases(histories)
    entries = [one for of_case in notes_of.values() for one in of_case["entries"]]
    counted = {one["entry_id"] for one in entries if one["is_counted"]}
    assert counted == {one["entry_id"] for one in entries} & rows
    assert counted
    assert {one["kind"] for one in entries if one["is_counted"]} <= KINDS
    # What is coded or noted near it is one entry, and only one of these counts.
    assert any(one["is_fact"] and one["kind"] in KINDS and not one["is_counted"] for one in entries)


def test_a_reason_quotes_the_note_that_it_rests_on(
    service: Service, histories: asof.Histories
) -> None:
    of_case = next(
        one
        for one in notes.notes_of_cases(histories).values()
        if any(entry["is_counted"] for entry in one["entries"])
    )
    entry = next(one for one in of_case["entries"] if one["is_counted"])
    behind = {"table": "incidents", "record_id": entry["entry_id"], "occurred_on": f"{AS_OF}"}
    finding = {
        "sentence": "A weapon is on record.",
        "why_not_scored": "",
        "entries": [behind],
    }
    reason = {"title": "T", "kind": "behaviour", "weight": 1.0, "settled": True}
    findings = {
        "reasons": [{**reason, "findings": [finding]}],
        "shown_only": [],
        "notes": of_case,
    }
    template = pages.template_environment(service.settings).get_template("components.html")
    page = str(template.module.reasons(findings, {}, "/cases/1"))  # type: ignore[attr-defined]
    words = entry["note"][entry["starts_at"] : entry["ends_at"]]
    assert f"<mark>{escape(words)}</mark>" in page
    assert f'href="#entry-{entry["entry_id"]}"' in page
    assert "read in a note" in page
    shown = str(template.module.notes_said(of_case, "/cases/1", {}, False, ""))  # type: ignore[attr-defined]
    assert "Found in notes, not scored" not in shown
    assert "counted; " in shown
    none = {**of_case, "entries": [{**one, "is_counted": False} for one in of_case["entries"]]}
    assert "Found in notes, not scored" in str(
        template.module.notes_said(none, "/cases/1", {}, False, "")  # type: ignore[attr-defined]
    )
