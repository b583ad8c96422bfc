"""A night is about the newest day that can be known; anything else is refused before it writes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import text

from features import clock
from features.errors import UserError
from features.store.store import Store
from serving import __main__ as commands
from serving.night import dates, run
from tests.conftest import AS_OF
from tests.service import Service

TABLES = ("caseload", "facts", "items", "findings", "runs", "acute", "audit")


def standing(service: Service) -> dict[str, Any]:
    """How many rows each table holds, and a digest of the caseload."""
    with service.admin.connect() as connection:
        counts = {
            t: connection.execute(text(f"SELECT count(*) FROM triage.{t}")).scalar() for t in TABLES
        }
        whole = text("SELECT md5(string_agg(c::text, '' ORDER BY crn)) FROM triage.caseload c")
        return {**counts, "digest": connection.execute(whole).scalar()}


@pytest.mark.parametrize(
    ("as_of", "sentence"),
    [
        (date(2016, 11, 20), "The newest night was as of"),
        (AS_OF - timedelta(days=365), "The newest night was as of"),
        (AS_OF - timedelta(days=1), "The newest night was as of"),
        (clock.today() + timedelta(days=1), "has not come yet"),
        (AS_OF + timedelta(days=1), "of .* nothing is known"),
    ],
    ids=["ten years ago", "last year", "the day before", "to come", "after the extract"],
)
def test_another_day_is_refused_and_nothing_is_touched(
    service: Service, as_of: date, sentence: str
) -> None:
    """`--as-of 2016-11-20` emptied the caseload; last year's date filled today's queue."""
    before = standing(service)
    with pytest.raises(UserError, match=sentence):
        run.run_night(service.settings, service.night, as_of)
    assert standing(service) == before


def test_the_first_night_of_real_people_is_about_the_last_week(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = clock.today() - timedelta(days=7)
    dates.check_day(service.store, last - timedelta(days=400), None)  # a demo may
    monkeypatch.setattr(Store, "made_up", property(lambda _: False))
    dates.check_day(service.store, last, None)
    with pytest.raises(UserError, match="more than 7 days ago"):
        dates.check_day(service.store, last - timedelta(days=1), None)


def test_a_past_day_is_replayed_into_a_file_and_nothing_else(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    before = standing(service)
    day = AS_OF - timedelta(days=200)
    assert commands.main(["score", "--as-of", str(day), "--replay"]) == 0
    assert "were not touched" in capsys.readouterr().out
    after = standing(service)
    assert after.pop("audit") == before.pop("audit") + 1, "that it was done is audited"
    assert after == before
    file = next((service.settings.data / "replays").glob(f"{day}-*.parquet"))
    scores = pl.read_parquet(file)
    assert scores["as_of"].unique().to_list() == [day]
    assert commands.main(["score", "--as-of", "2999-01-01", "--replay"]) == UserError.exit_code


def test_a_store_without_an_extract_is_said(service: Service, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no extract"):
        dates.check_known(Store(tmp_path), AS_OF)
