"""A person is given what may be disclosed of their record, and how much was left out."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from sqlalchemy import exists, text

from features import clock
from features.errors import UserError
from features.indicators import CATALOGUE
from serving import __main__ as commands
from serving.cases.account import account_of_case
from serving.cases.subject_access import disclose_account
from serving.db.session import transaction
from serving.db.tables import entries, items
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service

REASONS = "Words of a reader that nobody but the unit reads."


@pytest.fixture
def reviewed(service: Service, browser: Browser) -> tuple[str, int]:
    """A flagged case with findings, that a reader concluded: its CRN and item."""
    withheld = exists().where(entries.c.item_id == items.c.id, ~entries.c.disclosable)
    item = service.unread("N54ALD", drawn_as="flagged", alone=True, having=withheld)
    browser.sign_in("ALD-SPO-1").record_view(item, reasons=REASONS)
    browser.conclude(item, reasons=REASONS)
    with service.admin.connect() as connection:
        rows = text("SELECT crn FROM triage.items WHERE id = :item")
        return str(connection.execute(rows, {"item": item}).scalar_one()), item


def content_of(
    service: Service,
    crn: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *more: str,
) -> dict[str, Any]:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    who = ("--as", "INSPECTOR-1", "--reference", "SAR/1", "--to", clock.today().isoformat())
    assert commands.main(["subject-access", crn, *who, *more]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)["content"]
    return content


def test_what_may_be_disclosed_is_given_and_the_rest_is_counted(
    service: Service,
    reviewed: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    crn, item = reviewed
    content = content_of(service, crn, monkeypatch, capsys)
    with service.admin.connect() as connection:
        history = connection.execute(
            text("SELECT * FROM triage.entries WHERE item_id = :item"), {"item": item}
        ).all()
        findings = connection.execute(
            text("SELECT reasons FROM triage.findings WHERE item_id = :item"), {"item": item}
        ).scalar_one()
        last = text("SELECT details->>'reference' FROM triage.audit WHERE what = 'SUBJECT_ACCESS'")
        assert "SAR/1" in connection.execute(last).scalars().all()
    hidden = [one for one in history if not one.disclosable]
    assert hidden
    assert content["left_out"]["entries"] >= len(hidden)
    assert len(content["record"]) >= len(history) - len(hidden)
    (review,) = [one for one in content["put_forward_for_review"] if one["outcome"]]
    assert review["outcome"][0]["outcome"] == "keep_level"
    indicators = [f["indicator"] for reason in findings for f in reason["findings"]]
    may_be_told = [name for name in indicators if CATALOGUE[name].disclosure != "no"]
    assert may_be_told
    assert review["findings_left_out"] == len(indicators) - len(may_be_told)
    words = json.dumps(content)
    for name in may_be_told:
        assert CATALOGUE[name].disclosable_sentence in review["findings"], name
    for sentence in (f["sentence"] for reason in findings for f in reason["findings"]):
        assert sentence not in words
    for secret in (REASONS, "ALD-SPO-1", "Morgan Ellery"):
        assert secret not in words


def test_a_period_is_kept_to(
    service: Service,
    reviewed: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    today = clock.today()
    for since, reviews in ((today, 1), (today + timedelta(days=1), 0)):
        content = content_of(service, reviewed[0], monkeypatch, capsys, "--from", since.isoformat())
        assert len(content["put_forward_for_review"]) == reviews
        assert all(one["date"] >= since.isoformat() for one in content["record"])


def test_a_limited_case_is_answered_by_hand_and_only_an_inspector_asks(
    service: Service, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = pl.read_parquet(next(service.settings.scores.glob(f"{AS_OF}-*.parquet")))
    limited = str(scores.filter(pl.col("what_happened") == "limited")["crn"][0])
    with transaction(service.web, "INSPECTOR-1") as opened:
        account = account_of_case(
            opened, service.store, service.settings.scores, limited, clock.last_full_day()
        )
    with pytest.raises(UserError, match="answers the request by hand"):
        disclose_account(account, clock.today())
    more = ("--reference", "SAR/1")
    assert commands.main(["subject-access", limited, "--as", "BOARD-1", *more]) != 0
