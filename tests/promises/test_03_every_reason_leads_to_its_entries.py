"""Promise 3: a reason is a sentence with its entries; contributions add up, or the run stops."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import numpy as np
import polars as pl
import pytest
from sqlalchemy import event, select

from features.errors import RunStopped
from features.frame import build
from features.history import asof
from models import explain
from models.inputs import community_rows
from models.strata import STRATA
from serving.cases import summary
from serving.db.tables import entries, findings, items, runs
from serving.night import prepare_cases, run
from serving.night.sampling import Chosen
from serving.web.formatters import format_day
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service, later_night


@pytest.fixture(scope="module")
def scored(service: Service) -> tuple[pl.DataFrame, pl.DataFrame]:
    on = build.cases_under_supervision(service.store, AS_OF).filter(~pl.col("limited"))
    parts = [f for _, f in build.build_frames(service.store, on.select(asof.KEY).head(200))]
    frame = community_rows(pl.concat(parts))
    return frame, service.model.score_frame(frame)


@pytest.mark.parametrize("stratum", STRATA)
def test_contributions_add_up_to_the_calibrated_log_odds(
    service: Service, scored: tuple[pl.DataFrame, pl.DataFrame], stratum: str
) -> None:
    frame, scored_frame = scored
    rows = scored_frame["stratum"] == stratum
    parts, names = service.model.contributions(frame.filter(rows), stratum)
    assert rows.any()
    assert len(names) == parts.shape[1]
    np.testing.assert_allclose(parts.sum(axis=1), scored_frame.filter(rows)["log_odds"], atol=1e-9)


def test_contributions_that_do_not_add_up_stop_the_run() -> None:
    parts = np.array([[0.5, 0.2, -1.0], [0.1, 0.1, 0.1]])
    explain.check_adds_up(parts, np.array([-0.3, 0.3]), "LOW")
    with pytest.raises(RunStopped, match="Nothing of this run was kept"):
        explain.check_adds_up(parts + [[0, 0, 0], [0, 5, 0]], np.array([-0.3, 0.3]), "LOW")
    with pytest.raises(RunStopped):
        explain.check_adds_up(parts * np.nan, np.array([-0.3, 0.3]), "LOW")


def test_a_night_whose_reasons_do_not_add_up_keeps_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = type(service.model).contributions

    def dishonest(self: object, frame: pl.DataFrame, stratum: str) -> object:
        parts, names = honest(self, frame, stratum)  # type: ignore[arg-type]
        return parts + 0.01, names

    monkeypatch.setattr(type(service.model), "contributions", dishonest)
    with later_night(3) as day, pytest.raises(RunStopped):
        run.run_night(service.settings, service.night, day)
    with service.admin.connect() as connection:
        assert list(connection.execute(select(runs.c.as_of)).scalars()) == [AS_OF]


def test_every_reason_leads_to_entries_of_that_case(service: Service) -> None:
    with service.admin.connect() as connection:
        rows = connection.execute(
            select(entries.c.item_id, entries.c.source_table, entries.c.record_id)
        ).all()
        finding_rows = connection.execute(select(findings)).mappings().all()
    on_page = {tuple(row) for row in rows}
    reasons = [
        (f["item_id"], finding)
        for f in finding_rows
        for reason in f["reasons"]
        for finding in reason["findings"]
    ]
    assert len(reasons) > 50
    for item, finding in reasons:
        assert finding["sentence"].endswith(".")
        assert "{" not in finding["sentence"]
        assert finding["entries"], finding
        for entry in finding["entries"]:
            assert (item, entry["table"], entry["record_id"]) in on_page


def test_reasons_are_ranked_and_give_no_probability(service: Service) -> None:
    with service.admin.connect() as connection:
        finding_rows = connection.execute(select(findings.c.reasons)).scalars().all()
    for reasons in finding_rows:
        raised = [reason["weight"] for reason in reasons if reason["weight"] > 0]
        lowered = [reason["weight"] for reason in reasons if reason["weight"] < 0]
        assert [reason["weight"] for reason in reasons] == raised + lowered
        assert raised == sorted(raised, reverse=True)
        assert lowered == sorted(lowered)
        assert not [r for r in reasons if (r["weight"] > 0) != bool(r["findings"])]
        assert not [f for r in reasons for f in r["findings"] if "probab" in f["sentence"]]
    assert [r for reasons in finding_rows for r in reasons if r["weight"] < 0], (
        "what lowered is said too"
    )


def test_what_a_model_of_other_readings_would_not_say_is_held_back(
    service: Service, scored: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    cases = scored[0]["crn"].unique().sort().head(40)
    histories = asof.read_histories(service.store, asof.make_spine(cases, AS_OF))
    frame = build.build_frame(histories)

    def settled(stays: dict[str, dict[str, float]]) -> dict[tuple[str, str], set[bool]]:
        model = replace(service.model, about={**service.model.about, "settled": stays})
        verdicts: dict[tuple[str, str], set[bool]] = {}
        for reasons in explain.explain_rows(model, frame, histories).values():
            for reason in reasons:
                verdicts.setdefault((reason.family, reason.kind), set()).add(reason.settled)
        return verdicts

    everything = settled({})
    assert set.union(*everything.values()) == {True}, "what could not be judged is not held back"
    unsure = next(iter(everything))
    least = explain.LEAST_SETTLED
    low = settled({name: {explain.family_key(unsure): least - 0.01} for name in STRATA})
    assert low[unsure] == {False}
    assert set.union(*(low[key] for key in low if key != unsure)) == {True}
    assert settled({name: {explain.family_key(unsure): least} for name in STRATA}) == everything


def test_the_page_shows_each_reason_with_its_entries(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD", drawn_as="flagged")
    browser.sign_in("ALD-SPO-1").record_view(item)
    page = browser.get(f"/cases/{item}/findings")
    with service.admin.connect() as connection:
        reasons = connection.execute(
            select(findings.c.reasons).where(findings.c.item_id == item)
        ).scalar_one()
    lowered = [reason for reason in reasons if reason["weight"] < 0]
    assert ("What spoke against a higher level" in page) == bool(lowered)
    held_back = [reason for reason in reasons if not reason["settled"] and reason["weight"] > 0]
    assert ('data-qa="unsettled"' in page) == bool(held_back)
    assert page.count('data-qa="reason"') == len(reasons) - len(lowered) - len(held_back)
    for reason in reasons:
        assert reason["title"].lower() in page.lower()
        for finding in reason["findings"]:
            for entry in finding["entries"]:
                assert f"#entry-{entry['table']}-{entry['record_id']}" in page


def test_what_was_missing_is_kept_with_the_case(service: Service) -> None:
    histories = asof.read_histories(service.store, asof.make_spine(["A000001"], AS_OF))
    people_summary = summary.summarise_people(service.store, histories, AS_OF, ())["A000001"]
    assert people_summary["levels"]["public"] == {
        "level": None,
        "state": "no_assessment",
        "assessed_on": None,
    }
    assert people_summary["feeds"] == {}


def test_the_entries_behind_all_findings_come_in_one_query_with_their_marks(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD", drawn_as="flagged")
    browser.sign_in("ALD-SPO-1").record_view(item)
    statements: list[str] = []

    def note(_c: object, _k: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    engine = browser.client.app.state.engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", note)
    page = browser.get(f"/cases/{item}/findings").partition('id="notes"')[0]
    event.remove(engine, "before_cursor_execute", note)
    assert len([one for one in statements if "FROM triage.entries" in one]) == 1
    with service.admin.connect() as connection:
        entry_rows = connection.execute(select(entries).where(entries.c.item_id == item)).all()
    behind = [one for one in entry_rows if f"#entry-{one.source_table}-{one.record_id}" in page]
    assert behind
    read = unescape(page)
    for one in behind:
        on_its_day = one.recorded_at.date() == one.occurred_on
        recorded = "" if on_its_day else f"recorded {format_day(one.recorded_at)}; "
        assert f"({recorded}{one.source}; {one.certainty}" in read
    # A link between two cases is an entry of neither.
    links = page.count("worked out from the records of both cases; not to be disclosed)")
    assert page.count('data-qa="marks"') == page.count("#entry-") + links
    hidden = page.count("; not to be disclosed)") - links
    assert (hidden > 0) == any(not one.disclosable for one in behind)


def test_each_queued_reason_makes_up_the_probability_that_the_night_stored(
    service: Service,
) -> None:
    """The stored weights and the base of the case, worked out again, come to the stored score."""
    with service.admin.connect() as connection:
        statement = select(items.c.crn, findings).join(items, items.c.id == findings.c.item_id)
        rows = (
            connection.execute(statement.where(findings.c.probability.is_not(None)))
            .mappings()
            .all()
        )
    assert len(rows) > 20
    histories = asof.read_histories(
        service.store, asof.make_spine({row["crn"] for row in rows}, AS_OF)
    )
    frame = build.build_frame(histories)
    for row in rows:
        own = frame.filter(crn=row["crn"], group=row["risk_group"])
        parts, names = service.model.contributions(own, row["stratum"])
        log_odds = np.log(row["probability"] / (1 - row["probability"]))
        assert parts.sum() == pytest.approx(log_odds, abs=1e-6)
        grouped, keys = explain.group_contributions(parts, names)
        weight_by_family = {(r["family"], r["kind"]): r["weight"] for r in row["reasons"]}
        weights = dict(zip(keys, grouped[0], strict=True))
        for key, weight in weight_by_family.items():
            assert weight == pytest.approx(weights[key], abs=1e-5)


def test_a_night_whose_frames_disagree_stops(service: Service) -> None:
    again = service.model.score_frame(
        build.build_frame(asof.read_histories(service.store, asof.make_spine(["A000001"], AS_OF)))
    )
    chosen = Chosen("A000001", "N54ALD", "public", "LOW", "flagged", 0.5, 1.0)
    with pytest.raises(RunStopped, match="is not the one that it was chosen by"):
        prepare_cases.check_scores(again, [chosen])
