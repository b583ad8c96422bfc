"""The board stops flagging: at once, in a night that runs too; random cases and acute entries go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import NotApproved, RunStopped, UserError
from serving import __main__ as main_module
from serving.board import approvals, stop
from serving.db.session import AuditEvent, transaction
from serving.db.tables import runs
from serving.night import choose as choosing
from serving.night import run
from serving.night.sampling import Key
from tests import another_day
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service, later_night

WHY = "The feed of police information looks wrong since Tuesday."
NOW = datetime(2026, 11, 25, tzinfo=UTC)
ON = "The feed was mended, and the figures were looked at."


def say(service: Service, username: str, what: Any, words: str) -> None:
    """Stop or resume in somebody's name."""
    with transaction(service.web, username) as opened:
        what(opened, words)


def holds(service: Service) -> stop.Stopped | None:
    """The stop that holds now."""
    with service.night.connect() as connection:
        return stop.in_force(connection)


@pytest.fixture(autouse=True)
def going_on(service: Service) -> Iterator[None]:
    """Whatever a test stopped goes on afterwards."""
    yield
    for member in ("BOARD-1", "BOARD-2"):
        if holds(service):
            say(service, member, stop.resume_flagging, ON)


def test_one_member_stops_and_two_are_needed_to_go_on(service: Service) -> None:
    assert holds(service) is None
    say(service, "BOARD-1", stop.stop_flagging, WHY)
    holds_after = holds(service)
    assert holds_after is not None
    assert holds_after.by == "Dr Hollis Wren"
    say(service, "BOARD-1", stop.resume_flagging, ON)
    say(service, "BOARD-1", stop.resume_flagging, ON)
    assert holds(service) is not None, "one member twice is one member"
    say(service, "BOARD-2", stop.resume_flagging, ON)
    assert holds(service) is None


def test_a_second_stop_takes_back_what_was_said_for_going_on(service: Service) -> None:
    say(service, "BOARD-1", stop.stop_flagging, WHY)
    say(service, "BOARD-1", stop.resume_flagging, ON)
    say(service, "BOARD-2", stop.stop_flagging, WHY)
    say(service, "BOARD-2", stop.resume_flagging, ON)
    holds_after = holds(service)
    assert holds_after is not None
    assert holds_after.resumed_by == ("Priti Marlowe",)


@pytest.mark.parametrize("username", ["ALD-SPO-1", "ALD-HEAD", "ANALYST-1", "INSPECTOR-1", ""])
def test_nobody_but_a_member_stops(service: Service, username: str) -> None:
    with pytest.raises(UserError, match="only a member of the board"):
        say(service, username, stop.stop_flagging, WHY)
    assert holds(service) is None


def test_reasons_are_needed_and_there_must_be_something_to_resume(service: Service) -> None:
    with pytest.raises(UserError, match="20"):
        say(service, "BOARD-1", stop.stop_flagging, "too short")
    with pytest.raises(UserError, match="Nothing is stopped"):
        say(service, "BOARD-1", stop.resume_flagging, ON)


def test_stopped_nobody_is_flagged_and_the_random_share_is_as_large(service: Service) -> None:
    scores = pl.read_parquet(next(service.settings.scores.glob("*.parquet")))
    scored = scores.filter(pl.col("what_happened") != "limited")
    units = dict(scored.select("crn", "pdu_code").unique().iter_rows())
    later = AS_OF + timedelta(days=14)
    with service.night.connect() as connection:
        approval = approvals.in_force(connection, demo=True)
        counts_by_kind = {
            stopped: choosing.choose_cases(
                connection, approval, scored, units, Key("s", "r"), later, (), stopped=stopped
            )
            for stopped in (False, True)
        }
    kinds = {
        stopped: [one.drawn_as for one in counts_by_kind[stopped]] for stopped in counts_by_kind
    }
    assert "flagged" in kinds[False]
    assert set(kinds[True]) == {"random"}
    assert kinds[True].count("random") == kinds[False].count("random")


def test_a_stop_takes_effect_in_a_night_that_runs(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = choosing.choose_cases

    def meanwhile(*args: Any, **more: Any) -> Any:
        chosen = choose(*args, **more)
        say(service, "BOARD-2", stop.stop_flagging, WHY)
        return chosen

    monkeypatch.setattr(choosing, "choose_cases", meanwhile)
    counts = select(func.count()).select_from(runs)
    with service.admin.connect() as connection:
        before = connection.execute(counts).scalar_one()
        waiting = connection.execute(text("SELECT count(*) FROM triage.items")).scalar_one()
    with (
        later_night(3) as day,
        pytest.raises(RunStopped, match="stopped flagging while the night ran"),
    ):
        run.run_night(service.settings, service.night, day)
    with service.admin.connect() as connection:
        assert connection.execute(counts).scalar_one() == before
        assert connection.execute(text("SELECT count(*) FROM triage.items")).scalar() == waiting


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"withdrawn_at": NOW}, "it was withdrawn on"),
        pytest.param({"expires_at": NOW}, "it expired on", marks=pytest.mark.verify),
    ],
)
def test_an_approval_that_ends_in_a_night_that_runs_ends_for_it(
    service: Service, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], why: str
) -> None:
    """Promise 8: withdrawn "at once" is at once; the night had asked before it began."""
    choose, every = choosing.choose_cases, approvals.list_approvals

    def meanwhile(*args: Any, **more: Any) -> Any:
        chosen = choose(*args, **more)
        monkeypatch.setattr(
            approvals,
            "list_approvals",
            lambda chosen: [replace(one, **change) for one in every(chosen)],
        )
        return chosen

    monkeypatch.setattr(choosing, "choose_cases", meanwhile)
    counts = text("SELECT count(*) FROM triage.items")
    with service.admin.connect() as connection:
        before = connection.execute(counts).scalar_one()
    with (
        later_night(3) as day,
        pytest.raises(RunStopped, match=f"ceased to hold before it could commit: {why}"),
    ):
        run.run_night(service.settings, service.night, day)
    with service.admin.connect() as connection:
        assert connection.execute(counts).scalar_one() == before
    with later_night(3) as day, pytest.raises(NotApproved, match=why):
        run.run_night(service.settings, service.night, day)


def _add_a_third_member(service: Service) -> None:
    with service.admin.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO triage.users (username, name, role, made_up)"
                " VALUES ('BOARD-3', 'Third', 'board', true) ON CONFLICT DO NOTHING"
            )
        )


@pytest.mark.skipif(bool(another_day.AHEAD), reason="libfaketime stops PostgreSQL's own timers")
def test_nobody_withdraws_while_a_night_commits(service: Service) -> None:
    """One of the two comes first: a commit under an approval that was withdrawn before it is none."""
    with service.night.connect() as night:
        approvals.hold_still(night)
        with (
            pytest.raises(DBAPIError, match="lock timeout"),
            transaction(service.web, "BOARD-1") as opened,
        ):
            opened.connection.execute(text("SET LOCAL lock_timeout = '200ms'"))
            approvals.withdraw_approval(opened, 1, WHY)
        night.rollback()


def test_the_queue_says_why_and_the_board_stops_on_a_page(
    service: Service, browser: Browser
) -> None:
    browser.sign_in("BOARD-1").get("/board")
    assert "at least 20" in browser.post("/board/stop", 422, reasons="no")
    page = browser.post("/board/stop", reasons=WHY)
    assert "Stopped by Dr Hollis Wren" in page
    queue = browser.sign_in("ALD-SPO-1").get("/queue")
    assert "The board stopped flagging on" in queue
    assert WHY in queue
    browser.get("/notice")
    browser.post("/board/resume", 403, reasons=ON)
    browser.sign_in("BOARD-2").get("/board")
    assert "Priti Marlowe agreed to restart flagging" in browser.post("/board/resume", reasons=ON)
    browser.sign_in("BOARD-1").get("/board")
    assert "Stopped by" not in browser.post("/board/resume", reasons=ON)


def test_an_approval_by_two_people_on_a_page_and_withdrawn_by_one(
    service: Service, browser: Browser
) -> None:
    """A proposal for outside the demo, so that the night of the tests stays approved."""
    with transaction(service.web, "BOARD-1") as opened:
        approval_id = approvals.propose_approval(
            opened, service.model, "x", {"low": 10}, 0.2, demo=False
        )
    sign = f"/board/approvals/{approval_id}/sign"
    assert "to be signed" in browser.sign_in("BOARD-1").get("/board")
    page = browser.get("/board/approvals")
    assert f"Proposal {approval_id}, waiting for 2 of 2 signatures" in page
    assert "at least 20" in browser.post(sign, 422, reasons="fine")
    page = browser.post(sign, reasons="Read the card and its figures.", conditions="For a month.")
    assert f"Proposal {approval_id}, waiting for 1 of 2 signatures" in page
    assert "signs once" in browser.post(sign, 422, reasons="Read the card and its figures.")
    before = clock.now()
    browser.sign_in("BOARD-2").get("/board/approvals")
    page = browser.post(sign, reasons="Agreed, with the same condition.")
    assert f"Withdraw approval {approval_id}" in page
    assert "Agreed, with the same condition." in page
    assert 'On these conditions:</strong> <span class="rosh-prewrap">For a month.' in page
    _add_a_third_member(service)
    with (
        pytest.raises(UserError, match="does not wait"),
        transaction(service.web, "BOARD-3") as opened,
    ):
        approvals.sign_approval(opened, approval_id, "A third one, long after the second.")
    third = (
        "INSERT INTO triage.signatures (approval_id, username, reasons)"
        " VALUES (:made, 'BOARD-3', 'Long after the second one.')"
    )
    with (
        pytest.raises(DBAPIError, match="does not wait to be signed"),
        service.admin.begin() as admin,
    ):
        admin.execute(text(third), {"made": approval_id})
    with service.night.connect() as connection:
        live_approval = approvals.live_at(connection, clock.now(), demo=False)
        assert live_approval is not None
        assert live_approval.id == approval_id
        assert approvals.live_at(connection, before, demo=False) is None
    withdraw = f"/board/approvals/{approval_id}/withdraw"
    assert "at least 20" in browser.post(withdraw, 422, reasons="no")
    page = browser.post(withdraw, reasons="The proxy test was not done.")
    assert "it was withdrawn on" in page
    assert "withdraws once" in browser.post(withdraw, 422, reasons="The proxy test was not done.")
    with service.night.connect() as connection:
        assert approvals.live_at(connection, clock.now(), demo=False) is None
        assert approvals.live_at(connection, live_approval.at, demo=False) is None


def test_an_approval_warns_before_it_expires() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)

    def warned(days: int) -> str | None:
        item = approvals.Approval(
            1,
            "b",
            "b",
            "c",
            {},
            "",
            {},
            0.2,
            demo=True,
            rise=0.2,
            at=now,
            signed_by=(),
            expires_at=now + timedelta(days=days, hours=1),
            withdrawn_at=None,
        )
        return item.expiry_warning(now)

    assert warned(60) is None
    assert "less than 30 days" in str(warned(29))
    assert "less than 14 days" in str(warned(13))
    assert "less than 7 days" in str(warned(6))


def test_the_same_by_commands(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    assert main_module.main(["stop", "--as", "BOARD-1", "--reasons", WHY]) == 0
    assert "stopped flagging on" in capsys.readouterr().out
    assert main_module.main(["stop", "--as", "ALD-SPO-1", "--reasons", WHY]) == 10
    for member in ("BOARD-1", "BOARD-2"):
        assert main_module.main(["stop", "--resume", "--as", member, "--reasons", ON]) == 0
    assert "Flagging goes on" in capsys.readouterr().out
    today = clock.today().isoformat()
    assert main_module.main(["live", "--on", today]) == 0
    live = capsys.readouterr().out
    assert "signed by" in live
    assert "scored by no night" in live
    assert main_module.main(["live", "--on", AS_OF.isoformat()]) == 0
    live = " ".join(capsys.readouterr().out.split())
    assert "Nothing was approved to score then." in live
    assert f"scored by run {AS_OF}-" in live
    assert main_module.main(["live", "--on", "2020-01-01"]) == 0
    assert "Nothing was approved" in capsys.readouterr().out
    assert main_module.main(["withdraw", "999999", "--as", "BOARD-1", "--reasons", WHY]) == 10
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
