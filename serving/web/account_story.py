"""Puts what people and nights did with one case in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from serving.cases.account import Account
from serving.web import formatters

NIGHT = "the night"


@dataclass(frozen=True)
class Event:
    """One step with a case: when, by whom, and what in words; `by_day` where no time is kept."""

    at: datetime
    who: str
    words: str
    by_day: bool = False


def story_of(account: Account) -> list[Event]:
    """Every step that the account holds about a case, oldest first."""
    events = [event for one in account.queued for event in _events_of_item(one)]
    events += [event for row in account.acute for event in _events_of_acute(row)]
    events += [
        Event(row["at"], row["username"], "Read the case by hand, access being limited")
        for row in account.looked_at_by_hand
    ]
    return sorted(events, key=lambda event: event.at)


def _events_of_item(one: dict[str, Any]) -> Iterator[Event]:
    item = one["item"]
    unit = formatters.unit_name(item["pdu_code"])
    kinds = "; ".join(dict.fromkeys(_drawn_words(row) for row in one["findings"]))
    words = f"Put into the queue of {unit}, to be read by {formatters.format_day(item['due_on'])}"
    yield _of_day(item["queued_on"], NIGHT, f"{words}: {kinds}" if kinds else words)
    for row in one["claims"]:
        yield Event(row["at"], row["username"], "Took the case to read")
    for row in one["own_views"]:
        yield Event(row["at"], row["username"], f"Recorded a view: {_verdict_words(row)}")
    for row in one["openings"]:
        yield Event(row["at"], row["username"], "Saw the findings")
    for row in one["conclusions"]:
        outcome = formatters.outcome_words(row["outcome"])
        yield Event(row["at"], row["username"], f"Concluded: {outcome}")
    for row in one["second_reads"]:
        unit = formatters.unit_name(row["pdu_code"])
        yield Event(row["at"], NIGHT, f"Asked for a second reader in {unit}")
    for row in one["repeat_reads"]:
        yield Event(row["at"], NIGHT, f"Asked {row['username']} to read the same record again")
        if row["viewed_at"]:
            words = f"Recorded a view of the same record again: {_verdict_words(row)}"
            yield Event(row["viewed_at"], row["username"], words)
    for row in one["answers"]:
        words = f"Answered: {formatters.answer_words(row['kind'])}"
        if row["planned_on"]:
            words += f", by {formatters.format_day(row['planned_on'])}"
        yield Event(row["at"], row["username"] or NIGHT, words)


def _events_of_acute(row: dict[str, Any]) -> Iterator[Event]:
    what = row["listed_as"] or "An entry of a case whose access was limited later"
    yield Event(row["at"], NIGHT, f"Delivered to be acted on at once: {what}")
    for one in row["acknowledged"]:
        yield Event(one["at"], one["username"], f"Said what was done about it: {one['done']}")


def _drawn_words(row: dict[str, Any]) -> str:
    group = formatters.group_in_sentence(row["risk_group"])
    return f"{formatters.drawn_as_words(row['drawn_as'])} for the risk to {group}"


def _verdict_words(row: dict[str, Any]) -> str:
    return ", ".join(
        f"{formatters.group_words(group).lower()} {formatters.verdict_words(verdict).lower()}"
        for group, verdict in row["verdicts"].items()
    )


def _of_day(day: date, who: str, words: str) -> Event:
    return Event(datetime.combine(day, time.min, UTC), who, words, by_day=True)
