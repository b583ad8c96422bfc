"""Makes the past of a demo: weeks of nights, readings, answers and one incident, up to yesterday.

The clocks of service and database are set back night by night, so that every row has the time at
which it would have been written. What the board sees of it proves plumbing, never accuracy.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from features import clock
from features.frame import build
from features.progress import show_steps
from features.store.store import Store
from models import bundle
from serving import settings as settings_module
from serving.board import incidents
from serving.commands import demo, demo_readers
from serving.commands.demo_readers import Levels, Visit
from serving.commands.service import connect_as, console, newest_bundle
from serving.db.past import clock_at
from serving.db.server import NIGHT, WEB, as_owner
from serving.db.session import transaction
from serving.db.tables import conclusions, runs, users
from serving.night import run
from serving.settings import Settings

APPROVED_BEFORE = 84
"""Days before the last night on which the demo's model was approved: it expires within a week."""
LAST_NIGHTS = 3
"""Nights before the last that follow each other day by day; the earlier ones are a week apart."""
AT_NIGHT, MORNING = timedelta(hours=3), timedelta(hours=10)
PACES = tuple(
    (timedelta(minutes=reading), timedelta(minutes=deciding))
    for reading, deciding in ((7, 3), (12, 6), (21, 11))
)
"""How long made-up readers have a case open before the view, and from then to the conclusion."""
PRACTITIONER = "Made-up practitioner"
COLLEAGUES = (
    ("CAR-SPO-1", "Lee Brannigan", "N58CAR"),
    ("DUN-SPO-1", "Noor Whitby", "N58DUN"),
    ("EAS-SPO-1", "Pat Ingleby", "N56EAS"),
    ("FEN-SPO-1", "Alex Thorne", "N56FEN"),
)
"""Made-up readers of the units in which nobody signs in to look at the demo."""
INCIDENT = (
    "Region N58: nothing has arrived since {day}. The nights since then did not have it, so no "
    "flag there is no evidence of safety. The supplier was told when this was reported."
)
OUTAGE = 14
"""Days before the last night on which the feed of the region stopped (scenario recent-outage)."""
FOLLOW_UP = "The supplier found a certificate that had expired. The feed is still not back."


@dataclass(frozen=True)
class Past:
    """What a demo's past holds: how many nights, and how many conclusions of made-up readers."""

    nights: int
    conclusions: int


def run_past(args: argparse.Namespace) -> None:
    """Make the past of the demo in the data folder, unless it is there already."""
    chosen = settings_module.read_settings()
    levels = demo_readers.read_levels(args.readings) if args.weeks else {}
    with (
        show_steps("the past") as step,
        connect_as(chosen, WEB) as web,
        connect_as(chosen, NIGHT) as night,
    ):
        past = make_past(chosen, web, night, levels, args.as_of, args.weeks, step)
    console.print(
        f"The demo has {past.nights} earlier nights; its made-up readers concluded "
        f"{past.conclusions} cases. Contacts of one region stopped arriving two weeks ago, and the "
        "approval runs out within a week: find both as a board member, under Model monitoring."
        if past.nights
        else "The demo has no past."
    )


def days_of_nights(as_of: date, weeks: int) -> list[date]:
    """The as-of dates of a past: a week apart, then the last days one by one, the last left out."""
    weekly = [as_of - timedelta(weeks=week) for week in range(weeks, 0, -1)]
    daily = [as_of - timedelta(days=day) for day in range(LAST_NIGHTS, 0, -1)]
    return [*weekly, *daily] if weeks else []


def make_past(
    settings: Settings,
    web: Engine,
    night: Engine,
    levels: Levels,
    as_of: date,
    weeks: int,
    step: Callable[[str], None],
) -> Past:
    """Approve the newest bundle long ago, and make the nights and weeks of work since then.

    Nights that were made already stay as they are. Raises SetupProblem outside a demo.
    """
    demo.check_is_demo(settings)
    with night.connect() as connection:
        newest = connection.execute(select(func.max(runs.c.as_of))).scalar()
    days = [day for day in days_of_nights(as_of, weeks) if newest is None or day > newest]
    if days and newest is None:
        _approve_long_ago(settings, web, as_of)
    for day in days:
        step(f"the night of {day.day} {day:%B %Y}")
        with clock_at(settings, _moment(day, AT_NIGHT)):
            run.run_night(settings, night, day)
        _work(settings, web, levels, day, as_of)
    _end_practitioners(settings)
    with night.connect() as connection:
        earlier = select(func.count()).select_from(runs).where(runs.c.as_of < as_of)
        concluded = select(func.count()).select_from(conclusions)
        return Past(
            nights=connection.execute(earlier).scalar_one(),
            conclusions=connection.execute(concluded).scalar_one(),
        )


def _approve_long_ago(settings: Settings, web: Engine, as_of: date) -> None:
    folder = newest_bundle(settings)
    store = Store.open(settings.store)
    approved_on = as_of - timedelta(days=APPROVED_BEFORE)
    cases = build.cases_under_supervision(store, approved_on).height
    rows = [
        {"username": name, "name": called, "role": "spo", "pdu_code": pdu, "made_up": True}
        for name, called, pdu in COLLEAGUES
    ]
    with as_owner(settings) as connection:
        connection.execute(insert(users).values(rows).on_conflict_do_nothing())
    with clock_at(settings, _moment(approved_on, MORNING)):
        demo.approve_demo(settings, web, bundle.load_bundle(folder), folder.name, cases)


def _work(settings: Settings, web: Engine, levels: Levels, day: date, as_of: date) -> None:
    """What people do on the morning after a night: read, conclude, acknowledge and answer."""
    to_sign_in = [username for username, _, role, _ in demo.USERS if role == "spo"]
    readers = [*to_sign_in, *(username for username, _, _ in COLLEAGUES)]
    morning = _moment(day, MORNING)
    lately = (as_of - day).days < 7
    share = demo_readers.READ_LATELY if lately else demo_readers.READ
    theirs = dict.fromkeys(to_sign_in, share)
    with clock_at(settings, morning):
        visits: list[Visit] = demo_readers.open_cases(web, readers, levels, theirs)
        demo_readers.acknowledge_entries(web, readers)
        practitioners = _add_practitioners(settings)
        demo_readers.answer_requests(web, practitioners, clock.today())
        _report_incident(web, day, as_of)
    for number, (reading, deciding) in enumerate(PACES):
        own = [visit for visit in visits if visit.is_of(number, len(PACES))]
        with clock_at(settings, morning + reading):
            demo_readers.record_views(web, own)
        with clock_at(settings, morning + reading + deciding):
            demo_readers.conclude_cases(web, own)


def _add_practitioners(settings: Settings) -> dict[str, str]:
    """A made-up practitioner for each one of whom something may be asked: username by staff code.

    Only those of `demo.add_practitioners` can be signed in as when the past has been made.
    """
    demo.add_practitioners(settings)
    with as_owner(settings) as connection:
        connection.execute(update(users).where(_of_the_past()).values(ended_at=None))
        entered = select(users.c.staff_code, users.c.username).where(users.c.role == "practitioner")
        of_code = {str(row.staff_code): str(row.username) for row in connection.execute(entered)}
        for code, pdu in demo_readers.practitioners_with_requests(connection):
            if code not in of_code:
                of_code[code] = f"{pdu[3:]}-{code}"
                row = {
                    "username": of_code[code],
                    "name": f"{PRACTITIONER} {code}",
                    "role": "practitioner",
                    "pdu_code": pdu,
                    "staff_code": code,
                    "made_up": True,
                }
                connection.execute(insert(users).values(row).on_conflict_do_nothing())
    return of_code


def _end_practitioners(settings: Settings) -> None:
    """End the practitioners of the past: the page to sign in lists who can be signed in as."""
    with as_owner(settings) as connection:
        ended = update(users).where(_of_the_past(), users.c.ended_at.is_(None))
        connection.execute(ended.values(ended_at=func.triage.now()))


def _of_the_past() -> ColumnElement[bool]:
    return users.c.name.startswith(PRACTITIONER)


def _report_incident(web: Engine, day: date, as_of: date) -> None:
    """Report the demo's incident a week before the last night, and follow it up some days later."""
    ago = (as_of - day).days
    if ago not in (7, LAST_NIGHTS):
        return
    member = next(username for username, _, role, _ in demo.USERS if role == "board")
    with transaction(web, member) as opened:
        if ago == 7:
            stopped_on = as_of - timedelta(days=OUTAGE)
            words = INCIDENT.format(day=f"{stopped_on.day} {stopped_on:%B}")
            incidents.report_incident(opened, "data", words)
            return
        first = next(one for one in incidents.list_incidents(opened.connection))
        incidents.follow_up_incident(opened, first.first["id"], FOLLOW_UP, closes=False)


def _moment(day: date, time: timedelta) -> datetime:
    """A time of the day after a night's as-of date."""
    return clock.end_of(day) + time
