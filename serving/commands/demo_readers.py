"""Lets a demo's made-up readers and practitioners work: read, conclude, acknowledge, answer.

They go through the same functions as the pages, so that every rule of the service holds. What the
readers find comes from a file (`python -m features readings`); no result of it is evidence.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, Engine, select

from features import clock
from features.contracts.codes import COMMUNITY_GROUPS, LEVEL_ORDER
from features.errors import MissingInput
from serving.db.session import transaction
from serving.db.tables import items
from serving.review.acute_entries import AcuteEntries
from serving.review.asked_store import FollowUp
from serving.review.follow_up import FollowUps
from serving.review.policies import View
from serving.review.service import Review
from serving.review.states import Progress, RequestState
from serving.review.store import Item

READ, READ_LATELY, ACKNOWLEDGED, ANSWERED = 0.85, 0.05, 0.9, 0.8
"""The shares of what waits that made-up people do in a week; less of the last week's cases is read
in the units of the demo's SPOs, so that somebody who signs in has cases to read."""
REASSESSES, DISAGREES = 0.75, 0.15
"""The shares of a practitioner's answers that agree to reassess, and that disagree."""
CHANGES = 0.06
"""The share of readers whose conclusion is another than their view."""
DONE = (
    "Spoke to the practitioner today.",
    "Telephoned children's services and the police.",
    "Asked the practitioner to visit tomorrow; told the duty manager.",
    "Emergency recall considered and not asked for; reasons are in NDelius.",
)
TICKED = 2
Levels = Mapping[tuple[str, str, date], str | None]


@dataclass(frozen=True)
class Visit:
    """A reader at work on a case: who, which case, and the view that the reader will record."""

    username: str
    item: Item
    view: View

    def is_of(self, pace: int, paces: int) -> bool:
        """Whether the reader has this pace, one of so many."""
        return int(_share(f"pace {self.item.id}") * paces) == pace


def read_levels(path: Path) -> Levels:
    """The level that a made-up reader gives by CRN, group and day; None: whatever is recorded."""
    if not path.exists():
        raise MissingInput(
            f"There are no readings at {path}. Make them: python -m features readings"
        )
    rows = pl.read_parquet(path, columns=["crn", "group", "on", "level"])
    return {(crn, group, on): level for crn, group, on, level in rows.iter_rows()}


def open_cases(
    engine: Engine, usernames: list[str], levels: Levels, read: Mapping[str, float]
) -> list[Visit]:
    """The cases that each reader opens this week, each by one reader alone.

    `read` has the share that a reader opens where it is not READ; such a reader leaves one case.
    """
    visits: list[Visit] = []
    days = sorted({on for _, _, on in levels})
    for username in usernames:
        with transaction(engine, username) as opened:
            review = Review.of_transaction(opened)
            mine, _ = review.list_queue()
            begun = {visit.item.id for visit in visits}
            # The last stays for whoever signs in to the demo as this reader.
            for item in mine[:-1] if username in read else mine:
                if item.id not in begun and _is_read(item, read.get(username, READ)):
                    day = max((on for on in days if on <= item.as_of), default=days[0])
                    visits.append(Visit(username, item, _view_of(review, item, levels, day)))
    return visits


def record_views(engine: Engine, visits: list[Visit]) -> None:
    """Record the view of each visit and open its findings."""
    for visit in visits:
        with transaction(engine, visit.username) as opened:
            Review.of_transaction(opened).record_view(visit.item.id, visit.view)
        with transaction(engine, visit.username) as opened:
            Review.of_transaction(opened).see_findings(visit.item.id)


def conclude_cases(engine: Engine, visits: list[Visit]) -> None:
    """Conclude each visit, but not those of a second reader, who records a view and no more."""
    for visit in visits:
        if not visit.item.second:
            with transaction(engine, visit.username) as opened:
                _conclude(Review.of_transaction(opened), visit)


def acknowledge_entries(engine: Engine, usernames: list[str]) -> None:
    """Acknowledge most of the acute entries that nobody has acknowledged."""
    for username in usernames:
        with transaction(engine, username) as opened:
            acute = AcuteEntries(opened)
            for one in acute.list_entries():
                chance = _share(f"acute {one.entry['id']} {clock.today()}")
                if not one.is_acknowledged and chance < ACKNOWLEDGED:
                    words = DONE[one.entry["id"] % len(DONE)]
                    acute.acknowledge_entry(one.entry["id"], words)


def answer_requests(engine: Engine, practitioners: Mapping[str, str], today: date) -> None:
    """Let practitioners, by staff code, answer most of what waits for them."""
    for username in practitioners.values():
        with transaction(engine, username) as opened:
            requests = FollowUps.of_transaction(opened)
            for one in requests.list_mine():
                waits = one.current_state is RequestState.WAITING and not one.is_closed
                if waits and _share(f"answer {one.item_id} {today}") < ANSWERED:
                    _answer(requests, one, today)


def practitioners_with_requests(connection: Connection) -> list[tuple[str, str]]:
    """The staff code and unit of every practitioner of a case that was ever queued."""
    rows = (
        select(items.c.practitioner_code, items.c.pdu_code)
        .where(items.c.practitioner_code.is_not(None), items.c.state == "concluded")
        .distinct()
        .order_by(items.c.practitioner_code)
    )
    return [(str(code), str(pdu)) for code, pdu in connection.execute(rows)]


def _is_read(item: Item, share: float) -> bool:
    free = item.progress is Progress.TO_READ and not (item.own_hand or item.limited)
    return free and _share(f"read {item.id} {clock.today()}") < share


def _view_of(review: Review, item: Item, levels: Levels, day: date) -> View:
    _, rows = review.read_case(item.id, (), "", system=False)
    verdicts, own_levels = {}, {}
    for group in COMMUNITY_GROUPS:
        recorded, level = item.recorded_levels.get(group), levels.get((item.crn, group, day))
        verdict = _verdict(recorded, level)
        if verdict is not None:
            verdicts[group] = verdict
        if level is not None and verdict not in ("about_right", "cannot_tell"):
            own_levels[group] = level
    ticked = tuple((str(row["source_table"]), str(row["record_id"])) for row in rows[:TICKED])
    about = "; ".join(f"{row['what']} {row['detail']}" for row in rows[:TICKED])
    return View(verdicts, own_levels, ticked, _reasons(verdicts, about))


def _verdict(recorded: str | None, level: str | None) -> str | None:
    """What the page's form would send; None with a level for a group without a recorded one."""
    if level is None:
        return "cannot_tell" if recorded is None else "about_right"
    if recorded is None:
        return None
    above = LEVEL_ORDER.index(level) - LEVEL_ORDER.index(recorded)
    return "too_low" if above > 0 else "too_high" if above < 0 else "about_right"


def _reasons(verdicts: Mapping[str, str], about: str) -> str:
    differs = [
        group.replace("_", " ") for group, verdict in verdicts.items() if verdict == "too_low"
    ]
    if differs:
        return f"Made up. Higher for {' and '.join(differs)}: {about}."
    return f"Made up. The levels fit: {about or 'nothing is on record'}."


def _conclude(review: Review, visit: Visit) -> None:
    outcome, requests = choose_outcome(visit.view.verdicts, _share(f"changes {visit.item.id}"))
    review.conclude_case(visit.item.id, outcome, requests, visit.view.reasons)


def choose_outcome(verdicts: Mapping[str, str], share: float) -> tuple[str, dict[str, str]]:
    """The outcome of a review after its own view, and the group that is asked about, if any.

    `share`, from 0 to 1, is drawn: of a share below CHANGES the findings change the reader's mind.
    """
    requests = {group: verdict for group, verdict in verdicts.items() if verdict == "too_low"}
    if share < CHANGES and not requests:
        # A few readers ask for a reassessment after the findings, or leave a level after them.
        requests = {group: "too_low" for group, one in verdicts.items() if one == "about_right"}
    elif share < CHANGES:
        requests = {}
    outcome = "ask_reassessment" if requests else "keep_level"
    if not requests and "cannot_tell" in verdicts.values():
        outcome = "need_information"
    return outcome, dict(list(requests.items())[:1])


def _answer(requests: FollowUps, one: FollowUp, today: date) -> None:
    share = _share(f"kind {one.item_id}")
    if share < REASSESSES:
        by = today + timedelta(days=12)
        requests.record_answer(one.item_id, "accepted", "", by, today)
    elif share < REASSESSES + DISAGREES:
        words = "Made-up practitioner: the last assessment took account of this already."
        requests.record_answer(one.item_id, "declined", words, None, today)
    else:
        words = "Made-up practitioner: he has moved, and the new address is verified."
        requests.record_answer(one.item_id, "fact", words, None, today)


def _share(name: str) -> float:
    """A number in [0, 1) for a name, the same in every run."""
    return zlib.crc32(name.encode()) / 2**32
