"""What the board sees before it signs: what a proposal means, beside the approved one; incidents."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from markupsafe import escape
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import UserError
from features.frame import build
from features.local_runners import SerialRunner
from models import bundle
from models.combinations import as_json, read_combinations
from models.strata import STRATA
from serving import watch
from serving.board import approvals, impact, incidents
from serving.board.stop import Stopped
from serving.cases import acute_list
from serving.db.session import AuditEvent, transaction
from serving.night import score_caseload, shadow
from serving.night.sampling import Chosen, Key
from serving.web import board
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service, quick_config
from training import pipeline

WHY = "Two units wrote that the same case came up twice."


def chosen(crn: str, stratum: str = "LOW") -> Chosen:
    """A flagged person."""
    return Chosen(crn, "N54ALD", "public", stratum, "flagged", 0.5, 1.0)


def test_who_comes_in_and_goes_is_counted_and_small_counts_are_withheld() -> None:
    ours = [chosen(f"A{n}") for n in range(30)]
    theirs = [chosen(f"A{n}", "HIGH") for n in range(15, 42)]
    columns = {name: ["F"] * 42 for name in shadow.CHARACTERISTICS}
    people = pl.DataFrame({"crn": [f"A{n}" for n in range(42)], **columns})
    comparison = shadow.compare_lists(ours, theirs, people)
    assert (comparison["before"], comparison["after"], comparison["both"]) == (30, 27, 15)
    assert comparison["levels"] == {"HIGH": [12, 0], "LOW": [0, 15]}
    assert comparison["people"]["sex"] == {"F": [12, 15]}
    few = shadow.compare_lists(ours[:5], theirs[-3:], people)
    assert few["levels"] == {"HIGH": [None, None], "LOW": [None, None]}, "a nought tells the sum"


def test_one_withheld_count_cannot_be_worked_out_from_the_sum() -> None:
    come = {f"A{n}": group for n, group in enumerate("B" * 3 + "W" * 40 + "X" * 20 + "O" * 12)}
    withheld_counts = shadow._count_by_group(come, {})
    assert withheld_counts == {"B": [None, 0], "O": [None, 0], "W": [40, 0], "X": [20, 0]}
    two = shadow._count_by_group(
        {f"A{n}": group for n, group in enumerate("B" * 3 + "W" * 40 + "X" * 2)}, {}
    )
    assert two["W"] == [40, 0], "two that are withheld hide each other"


@pytest.fixture
def proposed(service: Service) -> int:
    """A proposal of the demo with other rates, that nobody has signed."""
    with transaction(service.web, "BOARD-1") as opened:
        rates = {"low": 3, "medium": 4, "high": 2, "unknown": 1}
        folder = service.bundle_folder.name
        return approvals.propose_approval(opened, service.model, folder, rates, 0.2, demo=True)


def test_a_proposal_scores_beside_the_approved_model_and_reaches_no_queue(
    service: Service, proposed: int, browser: Browser
) -> None:
    """The same model under another name, so that the lists differ by the rates alone."""
    with service.night.connect() as connection:
        live = approvals.in_force(connection, demo=True)
        named = next(o for o in approvals.list_approvals(connection) if o.id == proposed)
        before = connection.execute(text("SELECT count(*) FROM triage.items")).scalar_one()
        challengers = shadow.open_challengers(connection, live, service.settings.bundles, demo=True)
        assert proposed in [one.approval.id for one in challengers]
        assert live.id not in [one.approval.id for one in challengers]
        beside = [shadow.Challenger(named, service.model, "")]
        on = build.cases_under_supervision(service.store, AS_OF)
        scored_caseload = score_caseload.score_caseload(
            service.store,
            on,
            service.model,
            AS_OF,
            lambda _: None,
            SerialRunner(),
            {proposed: score_caseload.ProposedModel(service.model, frozenset())},
        )
        assert scored_caseload.proposed_scores[proposed].equals(scored_caseload.scores)
        shadow.write_comparisons(
            connection, scored_caseload, live, service.model, beside, Key("s", "r")
        )
        comparison_figures: Any = shadow.newest_comparisons(connection)[proposed]["figures"]
        assert comparison_figures["after"] <= 10
        assert comparison_figures["both"] == comparison_figures["after"], "fewer of the same list"
        assert comparison_figures["reasons"]["another"] == 0
        assert comparison_figures["reasons"]["compared"] > 0
        after = connection.execute(text("SELECT count(*) FROM triage.items")).scalar_one()
        assert before == after
        connection.commit()
    page = browser.sign_in("BOARD-1").get("/board/approvals")
    assert f"{comparison_figures['both']} would stay" in page
    assert "withheld" in page
    crns = set(scored_caseload.cases["crn"])
    assert not [crn for crn in crns if crn in page]


def test_a_proposal_that_cannot_score_stops_no_night(service: Service, proposed: int) -> None:
    with service.night.connect() as connection:
        live = approvals.in_force(connection, demo=True)
        challengers = shadow.open_challengers(
            connection, live, service.settings.bundles / "no", demo=True
        )
        one = next(o for o in challengers if o.approval.id == proposed)
        assert one.model is None
        assert "no model bundle" in one.why
        on = build.cases_under_supervision(service.store, AS_OF).head(5)
        scored_caseload = score_caseload.score_caseload(
            service.store, on, service.model, AS_OF, lambda _: None, SerialRunner()
        )
        shadow.write_comparisons(
            connection, scored_caseload, live, service.model, [one], Key("s", "r")
        )
        assert (
            "no model bundle" in shadow.newest_comparisons(connection)[proposed]["figures"]["why"]
        )
        connection.rollback()


def test_a_proposal_whose_model_fails_in_scoring_stops_no_night(
    service: Service, proposed: int
) -> None:
    """Its bundle can be read, and asks for an indicator that there is not."""
    ordinal = replace(service.model.ordinal, columns=("no_such_indicator",))
    strata = {n: replace(one, slope=0.5) for n, one in service.model.level.strata.items()}
    level = replace(service.model.level, strata=strata)
    broken = replace(service.model, ordinal=ordinal, level=level)
    on = build.cases_under_supervision(service.store, AS_OF).head(20)
    scored_caseload = score_caseload.score_caseload(
        service.store,
        on,
        service.model,
        AS_OF,
        lambda _: None,
        SerialRunner(),
        proposed={proposed: score_caseload.ProposedModel(broken, frozenset())},
    )
    assert scored_caseload.scores.height > 0, "the approved model has scored"
    assert proposed not in scored_caseload.proposed_scores
    assert "could not score" in scored_caseload.failed[proposed]
    with service.night.connect() as connection:
        live = approvals.in_force(connection, demo=True)
        named = next(o for o in approvals.list_approvals(connection) if o.id == proposed)
        beside = [shadow.Challenger(named, broken, "")]
        shadow.write_comparisons(
            connection, scored_caseload, live, service.model, beside, Key("s", "r")
        )
        assert (
            "could not score" in shadow.newest_comparisons(connection)[proposed]["figures"]["why"]
        )
        connection.rollback()


def test_before_signing_it_is_said_what_it_means(
    service: Service, proposed: int, browser: Browser
) -> None:
    with service.night.connect() as connection:
        named = next(o for o in approvals.list_approvals(connection) if o.id == proposed)
        meant = impact.describe_impact(connection, named, service.settings.bundles)
        gone = impact.describe_impact(connection, named, service.settings.bundles / "no")
    assert (meant.reviews, meant.random) == (10, 2)
    assert meant.hours == round(12.5 * 8 / 60)
    assert meant.made_up
    assert [one.level for one in meant.levels] == ["low", "medium", "high", "unknown"]
    assert gone.levels == []
    assert "no model bundle" in gone.why_not
    page = browser.sign_in("BOARD-1").get("/board/approvals")
    assert "Of ten shown, wrong" in page
    assert "is no evidence of accuracy" in page


def test_wrong_and_missed_follow_from_what_was_measured() -> None:
    """At a tenth shown: 40 of 100 shown are right, and half of those higher are found."""
    right = impact.Measured(value=0.4, low=0.3, high=0.5)
    caught = impact.Measured(value=0.5, low=0.25, high=0.75)
    rates = [
        impact.Rate(recorded="LOW", share=0.1, precision=right, share_found=caught),
        impact.Rate(recorded="LOW", share=0.01, precision=None, share_found=None),
    ]
    impact_line = impact._at_level("low", 100, rates, {"low": 1000})
    assert impact_line.wrong_of_ten == pytest.approx((6.0, 5.0, 7.0))
    assert impact_line.missed_of_hundred is not None
    # 8 of 100 are higher; 4 of them are not among the ten shown: 4 of 90.
    assert impact_line.missed_of_hundred[0] == pytest.approx(100 * 4 / 90)
    assert (
        impact_line.missed_of_hundred[1]
        < impact_line.missed_of_hundred[0]
        < impact_line.missed_of_hundred[2]
    )
    # Ninety days of five a week are 64 of 1,000; the nearest share that could be told is a tenth.
    few = impact._at_level("low", 5, rates, {"low": 1000})
    assert few.proposed == pytest.approx(5 * 90 / 7 / 1000)
    assert few.share == 0.1
    untold = impact._at_level("low", 5, rates[1:], {"low": 1000})
    assert untold.wrong_of_ten is None
    assert untold.proposed == few.proposed
    assert impact._at_level("high", 5, rates, {"low": 1000}).share is None


def test_the_board_reads_which_levels_fail_before_it_signs(
    service: Service, proposed: int, browser: Browser
) -> None:
    evidence = json.loads((service.bundle_folder / impact.EVIDENCE).read_text())
    failing = [one for one in evidence["gate"] if one["outcome"] == "fails"]
    too_few = [one for one in evidence["gate"] if one["outcome"] == "too few readings"]
    assert {one["recorded"] for one in evidence["gate"]} <= set(STRATA)
    assert failing, "a model of 500 made-up people shows little"
    page = browser.sign_in("BOARD-1").get("/board/approvals")
    section = page.partition(f"Proposal {proposed}, waiting")[2].partition("</section>")[0]
    assert section.count('data-qa="fails"') == len(failing)
    assert section.count('data-qa="by-prior"') == len(too_few)
    for one in [*failing, *too_few]:
        assert str(escape("; ".join(one["why_not"]))) in section


def test_who_signed_is_offered_no_second_signature(
    service: Service, proposed: int, browser: Browser
) -> None:
    action = f'action="/board/approvals/{proposed}/sign"'
    member = browser.sign_in("BOARD-1")
    assert action in member.get("/board/approvals")
    member.post(f"/board/approvals/{proposed}/sign", reasons=WHY)
    page = member.get("/board/approvals")
    section = page.partition(f"Proposal {proposed}, waiting")[2].partition("</section>")[0]
    assert 'data-qa="signed"' in section
    assert action not in page
    page = browser.sign_in("BOARD-2").get("/board/approvals")
    assert action in page
    section = page.partition(f"Proposal {proposed}, waiting")[2].partition("</section>")[0]
    assert 'data-qa="signed"' not in section


def test_the_board_reads_which_approval_scores_and_whether_flagging_is_stopped(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = browser.sign_in("BOARD-1").get("/board/approvals")
    assert page.count("Scores now") == 1
    assert 'data-qa="stopped"' not in page
    stopped = Stopped("Priti Marlowe", clock.now(), "Two units wrote of it.", ())
    monkeypatch.setattr(board.stop, "in_force", lambda _: stopped)
    page = browser.get("/board/approvals")
    assert "Stopped by Priti Marlowe" in page
    with service.night.connect() as connection:
        live = approvals.in_force(connection, demo=True)
    row = page.partition("Scores now")[0].rpartition("<tr")[2]
    assert live.bundle_id[:12] in row


def test_of_a_level_that_the_prior_ranks_no_measured_figure_is_shown(
    service: Service, proposed: int, tmp_path: Path
) -> None:
    """What was measured there is of the model that readings taught."""
    folder = tmp_path / service.bundle_folder.name
    folder.mkdir()
    evidence = json.loads((service.bundle_folder / impact.EVIDENCE).read_text())
    figure = {"value": 0.4, "low": 0.3, "high": 0.5}
    evidence["rates"] = [
        {"recorded": name, "share": 0.05, "precision": figure, "share_found": figure}
        for name in STRATA
    ]
    outcomes = dict.fromkeys(STRATA, "fails") | {"LOW": "too few readings", "HIGH": "passes"}
    evidence["gate"] = [
        {"recorded": name, "outcome": outcomes[name], "why_not": ["x"]} for name in STRATA
    ]
    written = json.dumps(evidence).encode()
    (folder / impact.EVIDENCE).write_bytes(written)
    digest = hashlib.sha256(written).hexdigest()
    model = replace(service.model, about={**service.model.about, "evidence": digest})
    model.save(folder)
    with service.night.connect() as connection:
        named = next(o for o in approvals.list_approvals(connection) if o.id == proposed)
        meant = impact.describe_impact(
            connection, replace(named, bundle_id=model.id), folder.parent
        )
    shown = {one.level: one.wrong_of_ten for one in meant.levels}
    assert shown.pop("low") is None
    assert None not in shown.values()
    assert {one.recorded for one in meant.not_passed} == {"LOW", "MEDIUM", "UNKNOWN"}


def test_the_board_reads_that_the_prior_alone_was_never_measured(
    service: Service, browser: Browser, tmp_path: Path
) -> None:
    proposal = pipeline.propose_prior(
        service.store, AS_OF, quick_config(), tmp_path / "bundles", tmp_path / "tracking"
    )
    folder = shutil.copytree(proposal.folder, service.settings.bundles / "prior-alone")
    try:
        with transaction(service.web, "BOARD-1") as opened:
            number = approvals.propose_approval(
                opened, bundle.load_bundle(folder), folder.name, {"low": 3}, 0.2, demo=True
            )
        page = browser.sign_in("BOARD-1").get("/board/approvals")
    finally:
        shutil.rmtree(folder)
    section = page.partition(f"Proposal {number}, waiting")[2].partition("</section>")[0]
    assert "ranks by published findings alone" in section
    assert page.count('data-qa="prior-alone"') == 1, (
        "of a model that readings taught it is not said"
    )


def test_evidence_of_another_bundle_is_not_shown(service: Service, proposed: int) -> None:
    """Promise 8: what is read before signing is bound to what is signed."""
    path = service.bundle_folder / impact.EVIDENCE
    digest = service.model.about["evidence"]
    assert impact._read_file(path, digest)
    with pytest.raises(UserError, match="not what training kept"):
        impact._read_file(path, "another")
    with pytest.raises(UserError, match="not beside the bundle"):
        impact._read_file(path.with_name("gone.json"), digest)
    with service.night.connect() as connection:
        named = next(o for o in approvals.list_approvals(connection) if o.id == proposed)
        other = impact.describe_impact(connection, replace(named, bundle_id="x"), path.parents[1])
    assert "is not the one approved" in other.why_not


def test_a_damaged_proposal_takes_no_page_away(
    service: Service, proposed: int, browser: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    for name in service.model.as_texts():
        (folder / name).write_text((service.bundle_folder / name).read_text(), encoding="utf-8")
    for damage in (
        {"strata": []},
        {"about": None},
        {"catalogue": None},
        {"stage_2": {"columns": [], "usual": 7}},
    ):
        content = json.loads((service.bundle_folder / "bundle.json").read_text()) | damage
        content = {name: value for name, value in content.items() if value is not None}
        (folder / "bundle.json").write_text(json.dumps(content), encoding="utf-8")
        try:
            bundle.load_bundle(folder)
        except UserError:
            continue
        assert "stage_2" in damage, "what is not needed to read it is found when it scores"


def test_an_incident_is_reported_followed_and_closed(service: Service, browser: Browser) -> None:
    page = browser.sign_in("ANALYST-1").get("/board/incidents")
    assert "Report an incident" in page
    assert "at least 20" in browser.post("/board/incidents", 422, kind="wrong", words="no")
    assert "Select what happened" in browser.post("/board/incidents", 422, words=WHY)
    named = browser.post("/board/incidents", 422, kind="wrong", words=f"{WHY} It was A000001.")
    assert "Leave the CRN out" in named
    assert WHY in browser.post("/board/incidents", kind="wrong", words=WHY)
    with service.night.connect() as connection:
        number = incidents.list_incidents(connection)[0].first["id"]
    follow = f"/board/incidents/{number}/follow"
    browser.sign_in("BOARD-1").get("/board/incidents")
    assert "at least 20" in browser.post(follow, 422, words="done")
    assert "Open" in browser.post(follow, words="The supplier was asked about it today.")
    assert "Closed" in browser.post(follow, words="The supplier has put it right.", closes="yes")
    assert "no such open" in browser.post(follow, 422, words="Once more, after it was closed.")
    with pytest.raises(DBAPIError), transaction(service.web, "ALD-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        incidents.report_incident(opened, "wrong", WHY)
    with (
        pytest.raises(UserError, match="no such open"),
        transaction(service.web, "BOARD-1") as opened,
    ):
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        incidents.follow_up_incident(opened, 2**40, WHY, closes=False)


def test_a_proposal_waits_until_it_is_signed_or_withdrawn_or_runs_out() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    one = approvals.Approval(
        1,
        "b",
        "b",
        "c",
        dict(acute_list.LISTED),
        "",
        {},
        0.2,
        demo=True,
        rise=0.2,
        at=now,
        signed_by=("A",),
        expires_at=now + timedelta(days=1),
        withdrawn_at=None,
        combinations=as_json(read_combinations()),
    )
    assert approvals.is_open_to_sign(one, now)
    assert not approvals.is_open_to_sign(replace(one, signed_by=("A", "B")), now)
    assert not approvals.is_open_to_sign(replace(one, withdrawn_at=now), now)
    assert not approvals.is_open_to_sign(one, now + timedelta(days=2))
    assert not approvals.is_open_to_sign(replace(one, acute={}), now), "it could never hold"
    assert not approvals.is_open_to_sign(replace(one, combinations=[]), now), "nor this one"


def test_figures_worked_out_anew_do_not_hide_that_no_night_ran(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in("BOARD-1")
    assert 'data-qa="stale"' not in browser.get("/board")
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        watch.keep_again(opened.connection, clock.today())
    monkeypatch.setattr(board, "STALE", timedelta(0))
    for page in ("/board", "/board/watch/feed"):
        assert "No nightly run has been saved" in browser.get(page), page
