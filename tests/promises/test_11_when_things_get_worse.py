"""Promise 11: when things get worse, the score does not fall.

Over full made-up histories: one copy of a case for each adverse entry, and one without any, side by
side. Only the listed answer to an indicator brings it down, and a day that passes does so only by a
window ending.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.contracts import records
from features.contracts.codes import COMMUNITY_GROUPS
from features.frame import build
from features.frame.broadcast import GROUPS
from features.indicators import CATALOGUE
from features.indicators.answers import ANSWERS
from models.bundle import Bundle
from tests import factories
from tests.factories import AS_OF, known_histories, row
from tests.properties.adverse import ADVERSE, values_of
from tests.properties.histories import TABLES, belonging_to, dense
from tests.service import Service
from tests.spec import reading

Rows = dict[str, list[dict[str, Any]]]
Change = tuple[str, dict[str, Any]]
"""A table, and the entry that was added to it or took the place of another."""
FULL = range(8)
SCORED = build.indicator_columns("stage_1", mental_health=True) + build.indicator_columns(
    "stage_2", mental_health=True
)
DAYS_AGO = [0, 1, 3, 10, 20, 27, 45, 60, 100, 150, 200, 364, 500]


def calm(seed: int) -> Rows:
    """A case with little on record, where a single entry weighs most."""
    rng = random.Random(seed)
    return {
        table: rng.sample(rows, k=min(len(rows), 2)) for table, rows in dense(seed, "X").items()
    }


def from_the_examples() -> list[Rows]:
    """The cases of the spec tables: each makes an indicator fire, or just does not."""
    return [{table: one.rows.get(table, []) for table in TABLES} for one in reading.examples()]


def added(rng: random.Random) -> Iterator[Change]:
    """One of each adverse entry, about a day long ago or lately, recorded then or later."""
    for adverse in ADVERSE:
        day = AS_OF - timedelta(days=rng.choice(DAYS_AGO))
        late = min(rng.choice([0, 0, 0, 40, 300]), (AS_OF - day).days)
        yield adverse[0], row(adverse[0], day, **values_of(adverse, day, late))


def changed(base: Rows) -> Iterator[Change]:
    """An entry that stands, as a later version in which things are worse."""
    worse: dict[str, dict[str, Any]] = {
        "orders": {"relaxed_on": AS_OF - timedelta(days=10)},
        "incidents": {"proven": True, "severity": 5, "while_using": True, "while_unwell": True},
        "allocations": {"absent_from": AS_OF - timedelta(days=60), "absent_to": None},
        "contacts": {"outcome_code": "UAAB"},
    }
    for table, values in worse.items():
        newest = {
            entry["record_id"]: entry for entry in sorted(base[table], key=lambda e: e["version"])
        }
        for entry in newest.values():
            later = entry | values | {"version": entry["version"] + 1, "withdrawn_at": None}
            # A date of relaxing that is put right is no second relaxation.
            settled = {"contacts": "outcome_code", "orders": "relaxed_on"}.get(table)
            if settled is None or entry[settled] is None:
                yield table, later | {"recorded_at": entry["recorded_at"] + timedelta(hours=1)}


def worsened(seed: int, bases: list[Rows]) -> tuple[pl.DataFrame, list[int], list[Change]]:
    """The frame of each case as it is and then with each change; which copy each change is compared
    with; and the changes, in the order of the copies that are no case as it is.
    """
    rng = random.Random(seed)
    together: Rows = {table: [] for table in TABLES}
    crns: list[str] = []
    against, changes = [], []

    def put(base: Rows, more: Change | None = None) -> None:
        crn = f"B{len(crns):06d}"
        crns.append(crn)
        for table, rows in belonging_to(base, crn).items():
            together[table] += rows
        if more is not None:
            table, entry = more
            together[table].append(entry | {"crn": crn, "record_id": f"{crn}-{entry['record_id']}"})

    for base in bases:
        put(base)
        whole = len(crns) - 1
        for change in (*added(rng), *changed(base)):
            put(base, change)
            against.append(whole)
            changes.append(change)
    return build.build_frame(known_histories(together, crns=crns)), against, changes


def answered(table: str, entry: dict[str, Any]) -> set[str]:
    """The indicators that an entry is a listed answer to."""
    one = factories.frame(table, [entry])
    return {
        name
        for name, listed in ANSWERS.items()
        if any(
            a.table == table and one.filter(a.is_one, pl.col(a.day).is_not_null()).height
            for a in listed
        )
    }


def beside(values: np.ndarray[Any, Any], against: list[int]) -> tuple[Any, Any]:
    """(changes, groups): what each change came to, and what it was before."""
    wholes = set(against)
    copies = [copy for copy in range(len(values)) if copy not in wholes]
    return values[copies], values[against]


def fallen(frame: pl.DataFrame, name: str, against: list[int]) -> np.ndarray[Any, Any]:
    """(changes): where an indicator is lower, by its direction, or not known any more."""
    sign = -1 if CATALOGUE[name].direction == "-" else 1
    values = sign * frame[name].cast(pl.Float64).to_numpy().reshape(-1, len(GROUPS))
    now, was = beside(values, against)
    return np.asarray(((now < was - 1e-9) | (np.isnan(now) & ~np.isnan(was))).any(axis=1))


def with_every_weight(model: Bundle) -> Bundle:
    """The model with a weight above nought for every process indicator: what one may yet be fitted."""
    strata = {
        name: replace(one, departures=dict.fromkeys(one.departures, 0.3))
        for name, one in model.level.strata.items()
    }
    return replace(model, level=replace(model.level, strata=strata))


def check(model: Bundle, seed: int, bases: list[Rows]) -> int:
    """Hold each change against every scored indicator and the probability; how many were held."""
    frame, against, changes = worsened(seed, bases)
    lower = {name: fallen(frame, name, against) for name in SCORED}
    down = [{name for name, where in lower.items() if where[n]} for n in range(len(changes))]
    for number, (table, entry) in enumerate(changes):
        if down[number]:
            values = {key: value for key, value in entry.items() if value is not None}
            assert down[number] <= answered(table, entry), (table, values, down[number])
    for each in (model, with_every_weight(model)):
        scored = each.score_frame(frame)["log_odds"].to_numpy().reshape(-1, len(COMMUNITY_GROUPS))
        now, was = beside(scored, against)
        for number in np.flatnonzero((now < was - 1e-9).any(axis=1)):
            assert down[number], changes[number]
    return len(changes)


def test_nothing_adverse_lowers_a_probability_or_an_indicator(service: Service) -> None:
    bases = [dense(seed, "X") for seed in FULL] + [calm(seed) for seed in FULL]
    assert check(service.model, 1, bases) > 2500


def test_nor_does_it_in_the_cases_of_the_examples(service: Service) -> None:
    assert check(service.model, 2, from_the_examples()) > 40_000


def test_every_table_and_every_kind_of_incident_is_among_the_adverse_entries() -> None:
    tables = {table for table, _ in ADVERSE}
    assert tables == set(TABLES)
    column = records.find_table("incidents").column("kind")
    assert {v["kind"] for t, v in ADVERSE if t == "incidents"} == set(column.codes or ())


@pytest.mark.verify
@pytest.mark.parametrize("seed", range(20))
def test_nothing_adverse_lowers_anything_at_length(service: Service, seed: int) -> None:
    full = [dense(1000 + 100 * seed + n, "X") for n in range(60)]
    little = [calm(5000 + 100 * seed + n) for n in range(60)]
    assert check(service.model, seed, [*full, *little, *from_the_examples()]) > 60_000


NOTHING_OF: dict[str, str] = {
    "CARR": "an arrest",
    "CNOC": "a charge",
    "C3PR": "a complaint",
    "C145": "a curfew violation",
    "APBR": "a breach of the rules",
    "C515": "intelligence",
}


@pytest.mark.parametrize("code", NOTHING_OF, ids=NOTHING_OF.values())
def test_an_adverse_event_answers_nothing(code: str) -> None:
    assert answered("contacts", row("contacts", AS_OF, type_code=code)) == set()


@pytest.mark.parametrize("kind", records.find_table("incidents").column("kind").codes or ())
def test_an_incident_answers_nothing(kind: str) -> None:
    assert answered("incidents", row("incidents", AS_OF, kind=kind)) == set()


ANSWERED_BY_WHAT_IS_ADVERSE = {
    "unanswered_noncompliance_count": "a warning letter or recall is the response asked for",
    "enforcement_decided_not_issued": "the letter is the one that was decided",
    "whereabouts_unknown": "somebody seen, or held, is somewhere",
    "recall_decision_delay_days": "the decision is what was waited for",
    "closed_case_information_unreviewed": "where an order covers the day, the case was not closed",
    "earlier_sentence_risk_not_carried": "the register is carried now",
    "expected_register_missing": "the register is there now",
    "civil_order_without_register": "the register is there now",
    "curfew_household_unchecked": "the check came back, whatever it says",
    "da_enquiry_overdue": "the reply came, whatever it says",
    "sg_enquiry_overdue": "the reply came, whatever it says",
    "da_enquiry_missing": "it was requested, whatever came back",
    "sg_enquiry_missing": "it was requested, whatever came back",
    "checks_claimed_without_evidence": "it was requested, whatever came back",
    "new_relationship_no_enquiry": "it was requested, whatever came back",
    "late_allocation_before_release": "somebody holds the case",
    "mappa_or_ap_referral_late": "the referral was made, if late",
    "recent_deregistration": "the register is there again",
    "plan_missing_or_before_assessment": "there is a plan, if an old one",
}
"""The only indicators that an adverse entry answers, each with its reason; any other is a mistake."""


def test_what_an_adverse_entry_answers_is_closed() -> None:
    open_entries = set()
    for adverse in ADVERSE:
        open_entries |= answered(adverse[0], row(adverse[0], AS_OF, **values_of(adverse, AS_OF, 0)))
    assert open_entries == set(ANSWERED_BY_WHAT_IS_ADVERSE)


def test_every_indicator_with_an_answer_is_one() -> None:
    assert set(ANSWERS) <= set(CATALOGUE)


PUBLISHED = {
    "an arrest under an unwatched curfew": (
        {"orders": [row("orders", "2026-03-02", kind="curfew", monitored=False)]},
        ("contacts", {"type_code": "CARR"}),
        "2026-06-20",
    ),
    "a new sentence on a licence with breaches": (
        {
            "supervisions": [row("supervisions", "2026-01-05", kind="licence")],
            "contacts": [row("contacts", f"2026-0{m}-06", type_code="APBR") for m in (2, 3, 4, 5)],
        },
        ("supervisions", {"kind": "community_order"}),
        "2026-06-20",
    ),
    "a curfew relaxed by an hour": (
        {"orders": [row("orders", "2026-03-02", kind="curfew", monitored=False)]},
        ("orders", {"kind": "curfew", "relaxed_on": 20}),
        "2026-03-03",
    ),
    "a late MAPPA referral": (
        {
            "supervisions": [row("supervisions", "2026-05-04", kind="licence")],
            "registrations": [row("registrations", "2026-04-20", type_code="STRG")],
        },
        ("documents", {"kind": "mappa_referral"}),
        "2026-04-20",
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_was_seen_to_lower_the_score_lowers_it_no_more(service: Service, name: str) -> None:
    """The four that the measuring found, each by a factor of two to three."""
    rows, (table, values), day = PUBLISHED[name]
    rows = {
        **rows,
        "assessments": [factories.assessment("2026-04-06")],
        "incidents": [
            row("incidents", "2026-05-06", kind="civil_order_breach"),
            row("incidents", "2026-05-07", target="partner", severity=3),
        ],
    }
    entry = row(table, day, **values_of((table, values), date.fromisoformat(day), 0))
    worse = {**rows, table: [*rows.get(table, []), entry]}
    for model in (service.model, with_every_weight(service.model)):
        before, after = (
            model.score_frame(build.build_frame(known_histories(each)))["log_odds"].to_numpy()
            for each in (rows, worse)
        )
        assert (after >= before - 1e-9).all()


WINDOW = re.compile(r"(\d+) (?:working )?(?:days|weeks)|in (\d+)\b")
YEARS = {"last year": 365, "two years": 730}


def windows(name: str) -> set[int]:
    """The lengths of the windows that the rule of an indicator names, in days."""
    rule = CATALOGUE[name].rule
    windows = {int(one or other) for one, other in WINDOW.findall(rule)}
    return windows | {days for words, days in YEARS.items() if words in rule}


def ages(base: Rows, day: date) -> set[int]:
    """How long before a day each date of a case lies."""
    ages_in_days = set()
    for rows in base.values():
        for entry in rows:
            for value in entry.values():
                if isinstance(value, datetime):
                    value = value.date()
                if isinstance(value, date):
                    ages_in_days.add((day - value).days)
    return ages_in_days


@pytest.mark.parametrize("seed", range(60, 68))
def test_a_day_that_passes_lowers_nothing_but_by_a_window_ending(seed: int) -> None:
    """Nothing is dated or recorded on the day that comes: only time passes."""
    base = dense(seed, factories.CRN)
    days = [AS_OF + timedelta(days=n) for n in range(40)]
    frames = [build.build_frame(known_histories(base, as_of=day), SCORED) for day in days]
    for day, before, after in zip(days[1:], frames, frames[1:], strict=False):
        past = ages(base, day)
        if 0 in past:
            continue
        for name in SCORED:
            sign = -1 if CATALOGUE[name].direction == "-" else 1
            was, now = (sign * one[name].cast(pl.Float64).to_numpy() for one in (before, after))
            if (now < was - 1e-9).any():
                ended = {length + more for length in windows(name) for more in (0, 1)}
                assert ended & past, (name, day, windows(name))
