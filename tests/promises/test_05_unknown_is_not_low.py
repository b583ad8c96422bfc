"""Promise 5: unknown is not low. Each way of not knowing is its own state, said in words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from features.contracts import codes
from features.frame import build
from features.history.recorded_levels import LEVEL_STATES, recorded_levels
from features.indicators import CATALOGUE
from models.strata import UNKNOWN, stratum_of
from serving.web import formatters
from tests.factories import AS_OF, assessment, known_histories, row
from tests.service import Service

COMMUNITY = pl.col("group").is_in(codes.COMMUNITY_GROUPS)
OLD = AS_OF - timedelta(days=55 * 7 + 1)
JUST = AS_OF - timedelta(days=55 * 7)
LOCKED = row(
    "assessments",
    AS_OF - timedelta(days=90),
    status="LOCKED_INCOMPLETE",
    completed_on=AS_OF - timedelta(days=45),
)


@pytest.mark.parametrize(
    ("rows", "feeds", "state", "level"),
    [
        ([assessment(JUST, "LOW")], None, "current", "LOW"),
        ([assessment(OLD, "LOW")], None, "too_old", None),
        ([], None, "no_assessment", None),
        ([LOCKED], None, "locked_incomplete", None),
        ([assessment(OLD, "LOW"), LOCKED], None, "locked_incomplete", None),
        ([assessment(AS_OF, "HIGH"), LOCKED], None, "current", "HIGH"),
        ([assessment(JUST, None)], None, "level_missing", None),
        ([assessment(JUST, "RATHER_HIGH")], None, "level_missing", None),
        ([assessment(JUST, "LOW")], [], "not_supplied", None),
    ],
)
def test_states_of_a_level(
    rows: list[dict[str, Any]], feeds: list[str] | None, state: str, level: str | None
) -> None:
    levels = recorded_levels(known_histories({"assessments": rows}, feeds=feeds)).filter(COMMUNITY)
    assert levels["group"].to_list() == sorted(codes.COMMUNITY_GROUPS)
    assert set(levels["state"]) == {state}
    assert set(levels["level"]) == {level}
    assert LEVEL_STATES[state]


@pytest.mark.parametrize(
    ("supervised", "feeds", "state", "level"),
    [
        (row("supervisions", "2026-01-05", kind="custody"), None, "current", "MEDIUM"),
        (row("supervisions", "2026-01-05", kind="remand"), None, "current", "MEDIUM"),
        (row("supervisions", "2026-01-05", kind="licence"), None, "not_in_custody", None),
        (
            row("supervisions", "2026-01-05", kind="custody", ended_on=AS_OF),
            None,
            "not_in_custody",
            None,
        ),
        (row("supervisions", "2026-01-05"), ["assessments"], "current", "MEDIUM"),
        (row("supervisions", "2026-01-05", kind="custody"), ["supervisions"], "not_supplied", None),
    ],
)
def test_prisoners_have_a_level_while_the_person_is_inside(
    supervised: dict[str, Any], feeds: list[str] | None, state: str, level: str | None
) -> None:
    rows = {
        "supervisions": [supervised],
        "assessments": [assessment(JUST, "LOW", prisoners_custody="MEDIUM")],
    }
    levels = recorded_levels(known_histories(rows, feeds=feeds)).filter(~COMMUNITY)
    assert levels.select("state", "level").rows() == [(state, level)]


def test_a_feed_that_stopped_makes_the_level_unknown() -> None:
    history = known_histories({"assessments": [assessment(JUST, "LOW")]})
    history.feeds["assessments"] = [(date.min, AS_OF - timedelta(days=8))]
    levels = recorded_levels(history)
    assert set(levels.filter(COMMUNITY)["state"]) == {"feed_stopped"}
    assert levels["level"].null_count() == 5


@pytest.mark.parametrize("item", CATALOGUE.values(), ids=lambda item: item.id)
def test_a_missing_feed_is_null_and_never_nought(item: Any) -> None:
    for feed in item.feeds:
        history = known_histories({})
        del history.feeds[feed]
        assert build.build_frame(history)[item.id].null_count() == 5


@pytest.mark.parametrize("item", CATALOGUE.values(), ids=lambda item: item.id)
def test_a_stopped_feed_is_null_and_never_nought(item: Any) -> None:
    history = known_histories({})
    history.feeds[item.feeds[0]] = [(date.min, AS_OF - timedelta(days=30))]
    assert build.build_frame(history)[item.id].null_count() == 5


def test_no_current_level_is_a_stratum_of_its_own() -> None:
    frame = build.build_frame(known_histories({"assessments": [assessment(OLD, "LOW")]}))
    assert set(stratum_of(frame)) == {UNKNOWN}


def test_nothing_on_record_cannot_be_scored(service: Service) -> None:
    scored = service.model.score_frame(build.build_frame(known_histories({})))
    assert scored["scorable"].any() is False or not scored["scorable"].any()
    assert set(scored["why_not"]) == {"nothing on record"}
    assert scored["probability"].null_count() == 4


def test_unknown_is_in_the_queue_in_its_own_place(service: Service) -> None:
    with service.admin.connect() as connection:
        strata = connection.exec_driver_sql(
            "SELECT DISTINCT stratum FROM triage.findings WHERE drawn_as = 'flagged'"
        )
        assert UNKNOWN in {row[0] for row in strata}


def test_pages_say_unknown_and_why() -> None:
    assert formatters.level_words(None) == "Unknown"
    assert formatters.highest_level({"public": {"level": None}, "staff": {"level": None}}) is None
    assert (
        formatters.level_words(formatters.highest_level({"public": {"level": None}})) == "Unknown"
    )
    assert formatters.level_class(None).endswith("--unknown")


def test_suspended_contact_is_not_silence_and_not_failure() -> None:
    order = row("supervisions", "2026-01-05", suspended_from=date(2026, 4, 1))
    missed = [row("contacts", f"2026-05-{d:02d}", outcome_code="UAAB") for d in (4, 11, 18)]
    frame = build.build_frame(known_histories({"supervisions": [order], "contacts": missed}))
    for name in (
        "attendance_rate_90d",
        "consecutive_unacceptable_absences",
        "licence_breach_count_cumulative",
        "unanswered_noncompliance_count",
    ):
        item = CATALOGUE[name]
        assert not item.fires(frame[name][0]), name


def test_unknown_never_counts_as_nought_in_the_process_terms(service: Service) -> None:
    frame = build.build_frame(known_histories({"assessments": [assessment(AS_OF, "LOW")]}))
    unknown = frame.with_columns(pl.lit(None, dtype=pl.Float64).alias("assessment_age_days"))
    terms = service.model.level.weighed(unknown, "LOW")
    at = service.model.level.columns.index("assessment_age_days")
    assert (terms[:, at] == 0).all()
