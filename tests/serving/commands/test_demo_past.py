"""A demo's past: nights and readings with the times they would have had, once, through the rules."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from features import clock
from features.errors import MissingInput, SetupProblem
from features.synthetic import readings
from serving import settings as settings_module
from serving.commands import demo, demo_past, demo_readers
from serving.db import audit_chain
from serving.db.migrate import migrate_database
from serving.db.server import NIGHT, WEB, admin_url, engine_for
from serving.review.states import VERDICTS
from serving.settings import Settings
from tests import another_day
from tests.conftest import AS_OF
from training.pipeline import Proposal

NEWEST = AS_OF - timedelta(days=1)


@dataclass(frozen=True)
class Demo:
    """A demo with a past of a week: its engines, and what `make_past` answered each time."""

    settings: Settings
    web: Engine
    night: Engine
    admin: Engine
    levels: demo_readers.Levels
    pasts: list[demo_past.Past]

    def make_past(self, stop_at: str = "") -> demo_past.Past:
        """Make the past; with `stop_at`, fail on the night of that day, as one that is killed."""

        def step(words: str) -> None:
            if stop_at and stop_at in words:
                raise KeyboardInterrupt

        return demo_past.make_past(self.settings, self.web, self.night, self.levels, AS_OF, 1, step)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """The rows of a query, asked by the administrator."""
        with self.admin.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture(scope="module")
def made_demo(made_up: Path, proposal: Proposal, folder: Path) -> Iterator[Demo]:
    """A demo of the caseload of the tests, whose past was interrupted once and then made again."""
    at = folder / "past"
    for name in ("store", "bundles"):
        shutil.copytree(made_up / name, at / name)
    settings = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(at)})
    with another_day.database_started_on_the_day():
        migrate_database(settings)
    demo.add_users(settings)
    days = [AS_OF - timedelta(weeks=week) for week in (1, 0)]
    file = at / "readings.parquet"
    readings.read_levels_on(made_up / "truth", days).write_parquet(file)
    engines = [engine_for(settings, role) for role in (WEB, NIGHT)]
    admin = create_engine(admin_url(settings))
    one = Demo(settings, *engines, admin, demo_readers.read_levels(file), [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_past, "LAST_NIGHTS", 1)
        with pytest.raises(KeyboardInterrupt):
            one.make_past(stop_at=f"{NEWEST.day} {NEWEST:%B}")
        one.pasts.append(one.make_past())
        one.pasts.append(one.make_past())
    yield one
    for engine in (*engines, admin):
        engine.dispose()


def test_the_nights_are_a_week_apart_and_then_a_day_and_leave_out_the_last() -> None:
    days = demo_past.days_of_nights(date(2026, 11, 29), 2)
    assert [day.isoformat() for day in days] == [
        "2026-11-15",
        "2026-11-22",
        "2026-11-26",
        "2026-11-27",
        "2026-11-28",
    ]
    assert demo_past.days_of_nights(date(2026, 11, 29), 0) == []


def test_each_night_was_made_on_the_day_after_the_one_that_it_is_about(made_demo: Demo) -> None:
    nights = made_demo.ask("SELECT as_of, triage.day_of(at) FROM triage.runs ORDER BY as_of")
    weekly = AS_OF - timedelta(weeks=1)
    assert nights == [(day, day + timedelta(days=1)) for day in (weekly, NEWEST)]
    approved = made_demo.ask(
        "SELECT triage.day_of(at), triage.day_of(expires_at) FROM triage.approvals"
    )
    ((signed_on, expires_on),) = approved
    assert signed_on == AS_OF - timedelta(days=demo_past.APPROVED_BEFORE - 1)
    assert AS_OF < expires_on <= AS_OF + timedelta(days=8), "it runs out soon"


def test_readers_view_then_see_and_then_conclude_with_minutes_between(made_demo: Demo) -> None:
    rows = made_demo.ask(
        "SELECT v.at - v.opened_at, o.at >= v.at, c.at - v.at FROM triage.conclusions c"
        " JOIN triage.own_views v USING (item_id, username)"
        " JOIN triage.openings o USING (item_id, username)"
    )
    assert len(rows) == made_demo.pasts[-1].conclusions > 4
    for reading, seen_after, deciding in rows:
        assert timedelta(minutes=5) < reading < timedelta(minutes=30)  # type: ignore[operator]
        assert seen_after
        assert timedelta(minutes=2) < deciding < timedelta(minutes=20)  # type: ignore[operator]


def test_readers_say_what_a_form_can_say(made_demo: Demo) -> None:
    """A page puts each verdict into words, and had none for what the made-up readers once said."""
    verdicts = made_demo.ask(
        "SELECT DISTINCT v.value FROM triage.own_views o, jsonb_each_text(o.verdicts) v"
    )
    assert {str(row[0]) for row in verdicts} <= set(VERDICTS)


@pytest.mark.parametrize(
    ("recorded", "level", "verdict"),
    [
        (None, None, "cannot_tell"),
        ("LOW", None, "about_right"),
        (None, "HIGH", None),
        ("LOW", "MEDIUM", "too_low"),
        ("HIGH", "MEDIUM", "too_high"),
        ("HIGH", "HIGH", "about_right"),
    ],
)
def test_a_group_without_a_recorded_level_is_given_one_and_no_verdict(
    recorded: str | None, level: str | None, verdict: str | None
) -> None:
    assert demo_readers._verdict(recorded, level) == verdict


LATER = demo_readers.CHANGES


@pytest.mark.parametrize(
    ("verdicts", "share", "outcome", "groups"),
    [
        ({"public": "too_low", "staff": "about_right"}, LATER, "ask_reassessment", ["public"]),
        ({"public": "about_right", "staff": "too_high"}, LATER, "keep_level", []),
        ({"public": "about_right", "staff": "cannot_tell"}, LATER, "need_information", []),
        # The findings change the reader's mind, either way.
        ({"public": "too_low", "staff": "about_right"}, LATER / 2, "keep_level", []),
        ({"public": "about_right"}, LATER / 2, "ask_reassessment", ["public"]),
    ],
)
def test_a_reader_asks_where_the_own_view_is_higher(
    verdicts: dict[str, str], share: float, outcome: str, groups: list[str]
) -> None:
    decided, requests = demo_readers.choose_outcome(verdicts, share)
    assert (decided, list(requests)) == (outcome, groups)


def test_most_conclusions_follow_from_the_own_view(made_demo: Demo) -> None:
    """How many find a level too low is drawn with the demo's own secret: it may be none of a few."""
    rows = made_demo.ask(
        "SELECT c.outcome, EXISTS (SELECT 1 FROM jsonb_each_text(v.verdicts) WHERE value = 'too_low')"
        " FROM triage.conclusions c JOIN triage.own_views v USING (item_id, username)"
    )
    follows = [(outcome == "ask_reassessment") == too_low for outcome, too_low in rows]
    assert len(follows) > 4
    assert sum(follows) > len(follows) / 2


def test_somebody_who_signs_in_has_cases_to_read(made_demo: Demo) -> None:
    waiting = made_demo.ask(
        "SELECT count(*) FROM triage.items WHERE state = 'open' AND pdu_code IN ('N54ALD', 'N54BRI')"
    )
    assert waiting[0][0] > 0  # type: ignore[operator]


def test_the_board_finds_the_incident(made_demo: Demo) -> None:
    rows = made_demo.ask(
        "SELECT kind, triage.day_of(at) FROM triage.incidents WHERE follows IS NULL"
    )
    assert rows == [("data", AS_OF - timedelta(weeks=1) + timedelta(days=1))]


def test_a_past_that_was_interrupted_goes_on_and_a_second_one_changes_nothing(
    made_demo: Demo,
) -> None:
    first, second = made_demo.pasts
    assert first == second
    assert first.nights == 2
    with made_demo.night.connect() as connection:
        audit_chain.verify_chain(
            connection, made_demo.settings.anchors, made_demo.settings.anchor_key
        )
    moments = made_demo.ask("SELECT at FROM triage.audit ORDER BY seq")
    assert moments == sorted(moments), "the chain goes forward in time"
    assert moments[-1][0] < clock.now()  # type: ignore[operator]


def test_readings_that_are_missing_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="features readings"):
        demo_readers.read_levels(tmp_path / "none.parquet")


def test_there_is_no_past_outside_a_demo(made_demo: Demo) -> None:
    live = replace(made_demo.settings, mode="live")
    with pytest.raises(SetupProblem):
        demo_past.make_past(
            live, made_demo.web, made_demo.night, made_demo.levels, AS_OF, 2, lambda _: None
        )
