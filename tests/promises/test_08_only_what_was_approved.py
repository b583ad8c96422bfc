"""Promise 8: only what was approved, by two people and not too long ago, may score."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from features import clock
from features.errors import NotApproved, SetupProblem, UserError
from serving.board import approvals
from serving.board.approvals import Approval
from serving.cases import acute_list
from serving.commands import demo
from serving.db.session import transaction
from serving.night import run
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service

NOW = datetime(2026, 11, 20, tzinfo=UTC)
VALID = Approval(
    id=1,
    bundle_id="b",
    bundle_folder="b",
    catalogue="c",
    acute={},
    tracked="",
    weekly_reviews={},
    random_share=0.2,
    demo=True,
    rise=0.2,
    at=NOW,
    expires_at=NOW + timedelta(days=90),
    withdrawn_at=None,
    signed_by=("A", "B"),
)
REASONS = "Read the card, the figures and the ablation; agreed."


def test_two_signatures_in_time_hold() -> None:
    assert VALID.why_not(NOW) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"signed_by": ("A",)}, "1 of 2 signatures"),
        ({"signed_by": ()}, "0 of 2 signatures"),
        ({"expires_at": NOW}, "expired on 20 November 2026"),
        ({"withdrawn_at": NOW - timedelta(days=1)}, "withdrawn on 19 November 2026"),
    ],
)
def test_anything_less_does_not(changes: dict[str, object], why: str) -> None:
    assert why in str(replace(VALID, **changes).why_not(NOW))  # type: ignore[arg-type]


def test_expired_approval_scores_nothing(service: Service) -> None:
    with service.night.connect() as connection:
        assert approvals.in_force(connection, demo=True).demo
        later = clock.now() + timedelta(days=91)
        with pytest.raises(NotApproved, match="it expired on"):
            approvals.in_force(connection, demo=True, now=later)


def test_the_demos_approval_is_void_outside_it(service: Service) -> None:
    with (
        service.night.connect() as connection,
        pytest.raises(NotApproved, match="No model|does not hold"),
    ):
        approvals.in_force(connection, demo=False)
    live = replace(service.settings, mode="live")
    with pytest.raises(SetupProblem, match="only with ROSH_MODE=demo"):
        demo.approve_demo(live, service.web, service.model, "x", 10)
    with pytest.raises(UserError, match="made-up people"):
        run.run_night(live, service.night, AS_OF)


def test_a_changed_bundle_scores_nothing(service: Service, tmp_path: Path) -> None:
    with service.night.connect() as connection:
        approval = approvals.in_force(connection, demo=True)
    changed = tmp_path / approval.bundle_folder
    service.model.save(changed)
    assert approvals.load_bundle(approval, tmp_path).id == approval.bundle_id
    file = changed / "bundle.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 1, "x": 1'))
    assert approvals.load_bundle(approval, tmp_path).id == approval.bundle_id
    text_ = file.read_text().replace('"slope": ', '"slope": 1')
    file.write_text(text_)
    with pytest.raises(NotApproved, match="its files have changed"):
        approvals.load_bundle(approval, tmp_path)


def test_another_list_of_acute_entries_than_the_one_signed_flags_nothing(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue says so; acute entries are delivered before any approval is asked for."""
    other = {**acute_list.LISTED, "A threat to anybody": {"kind": ["threat"]}}
    monkeypatch.setattr(approvals, "LISTED", other)
    with pytest.raises(NotApproved, match="not the one that was signed"):
        run.run_night(service.settings, service.night, AS_OF)
    browser.sign_in("ALD-SPO-1")
    assert "the list of acute entries is not the one that was signed" in browser.get("/queue")
    page = browser.sign_in("BOARD-1").get("/board")
    assert "may score until" not in page
    assert "Withdraw approval" in browser.get("/board/approvals"), "it can still be taken back"
    with service.night.connect() as connection:
        done = text("SELECT max(seq) FROM triage.audit WHERE what = :what")
        with service.admin.connect() as admin:
            flagged = [
                admin.execute(done, {"what": what}).scalar()
                for what in ("DELIVERED_ACUTE", "COMMITTED_RUN")
            ]
        assert flagged[0] > flagged[1], "this night delivered, and committed nothing"
        live = approvals.live_at(connection, clock.now(), demo=True)
        assert live is not None, "what was live on a day is what was signed then"


def test_one_person_cannot_sign_twice_nor_an_spo_at_all(service: Service) -> None:
    with transaction(service.web, "BOARD-1") as opened:
        approval_id = approvals.propose_approval(
            opened, service.model, "x", {"low": 1}, 0.2, demo=False
        )
        approvals.sign_approval(opened, approval_id, REASONS)
    for username in ("BOARD-1", "ALD-SPO-1"):
        with (
            pytest.raises(UserError, match="could not be signed"),
            transaction(service.web, username) as o,
        ):
            approvals.sign_approval(o, approval_id, REASONS)
    with (
        pytest.raises(UserError, match="could not be signed"),
        transaction(service.web, "BOARD-2") as o,
    ):
        approvals.sign_approval(o, approval_id, "fine")
    with service.night.connect() as connection:
        own = next(one for one in approvals.list_approvals(connection) if one.id == approval_id)
        assert own.why_not(clock.now()) == "it has 1 of 2 signatures"
        with pytest.raises(NotApproved, match="does not hold"):
            approvals.in_force(connection, demo=False)


def test_queue_says_why_nothing_new_is_flagged(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in("ALD-SPO-1")
    assert "Nothing can be flagged" not in browser.get("/queue")
    monkeypatch.setattr(approvals, "SIGNATURES", 3)
    assert "has 2 of 3 signatures" in browser.get("/queue")


def test_signatures_cannot_be_taken_back_or_forged(service: Service) -> None:
    for statement in (
        "DELETE FROM triage.signatures",
        "UPDATE triage.signatures SET reasons = 'x'",
    ):
        with pytest.raises(Exception, match="never changed"), service.admin.begin() as connection:
            connection.execute(text(statement))
