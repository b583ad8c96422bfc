"""Makes the contacts table: appointments with outcomes, letters, calls, system entries.

How much is written follows the recorded level. Appointments are booked before they occur and get
an outcome afterwards; the supplier's snapshot mostly holds the overwritten row, now and then both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from features.synthetic import figures
from features.synthetic.draw import (
    MONTHS,
    Desk,
    Events,
    Flags,
    Ints,
    blank_where,
    draw_delays,
    draw_events,
    draw_labels,
    pick_labels,
)
from features.synthetic.lives import LICENCE, Lives
from features.synthetic.places import Places
from features.synthetic.practice import Practice
from features.synthetic.scenarios import Policies
from features.synthetic.supervision import Contact

TYPES = {"COAP": 0.60, "CHVS": 0.11, "COPT": 0.17, "COVC": 0.07, "CODC": 0.05}
EXCUSED = {"AAME": 0.34, "AAEM": 0.24, "AAFC": 0.10, "RSSR": 0.18, "RSOF": 0.10, "CO05": 0.04}
FAILED_IN_ROOM = {"AFTC": 0.030, "ATSH": 0.007}
LETTERS_AN_APPOINTMENT = 0.47
CORRESPONDENCE = {
    "CMOB": 0.18,
    "CTOB": 0.17,
    "CMOA": 0.12,
    "CTOA": 0.11,
    "CM3A": 0.10,
    "CM3B": 0.10,
    "CIEA": 0.07,
    "CT3B": 0.07,
    "C326": 0.05,
    "COUP": 0.03,
}
SPECIAL: tuple[tuple[str, dict[str, float], float, float], ...] = (
    # prefix, types, a month at level low, growth a true level
    ("ARR", {"CARR": 0.7, "CNOC": 0.3}, 0.0060, 0.75),
    ("EMV", {"C145": 0.5, "EM01": 0.1, "EM02": 0.2, "AAM3": 0.2}, 0.0080, 0.55),
    ("APB", {"APBR": 0.5, "C118": 0.3, "C119": 0.2}, 0.0035, 0.60),
    ("TPR", {"C3PR": 1.0}, 0.0045, 0.80),
    ("POL", {"C204": 0.5, "C369": 0.3, "C515": 0.2}, 0.0400, 0.10),
    ("SFG", {"C157": 0.4, "SFGC": 0.3, "C005": 0.1, "CCCP": 0.1, "C078": 0.1}, 0.0150, 0.30),
)
REMINDERS = 0.75
"""Text messages that the system sends, an appointment."""
OTHERS_A_MONTH = {
    "CNOF": 0.12,
    "ERGR": 0.20,
    "ERGN": 0.05,
    "ETCH20": 0.10,
    "NOMISD": 0.0,
    "C113": 0.45,
    "INFFES": 0.10,
    "ROC": 0.03,
}
PRISON_NOTES_A_MONTH = 2.2


@dataclass(frozen=True)
class _Writer:
    """Assigns contacts to their author: the practitioner holding the case, or cover."""

    desk: Desk
    rng: np.random.Generator
    codes: list[str]
    holder: Ints

    def rows(self, prefix: str, at: Events, types: object, **more: Any) -> pl.DataFrame:
        """Contacts of the given types, by whoever held the case; `delay` as in `Desk`."""
        delay = more.pop("delay", None)
        if delay is None:
            delay = draw_delays(self.rng, len(at), figures.LATE.value)
        written: dict[str, Any] = {"system_generated": pl.lit(value=False), **more}
        return self.desk.table_rows(
            "contacts",
            prefix,
            at,
            delay,
            type_code=types,
            staff_code=pick_labels(self.codes, self.holder[at.who, at.month]),
            **written,
        )


def contacts_table(
    desk: Desk,
    lives: Lives,
    practice: Practice,
    places: Places,
    contact: Contact,
    policies: Policies,
) -> pl.DataFrame:
    """Make the contacts table of a bucket of made-up cases."""
    rng = desk.draw.stream("contacts")
    holding = practice.holding
    names = [*places.staff_codes, *places.cover_codes]
    holder = np.where(
        holding.covered, len(places.staff_codes) + holding.team[:, None], holding.staff
    )
    writer = _Writer(desk, rng, names, holder)
    return pl.concat(
        [
            *_appointment_rows(writer, lives, contact, policies),
            *_booked_rows(writer, lives, contact),
            *_other_contact_rows(writer, lives, practice, contact),
            *_by_the_system(writer, lives, practice, contact),
        ]
    )


def _appointment_rows(
    writer: _Writer, lives: Lives, contact: Contact, policies: Policies
) -> list[pl.DataFrame]:
    rng = writer.rng
    at = draw_events(rng, contact.visits)
    free = lives.sentences.on[at.who, at.month] == 1
    outcome, failed = _draw_outcomes(rng, lives, at)
    enforcement = _draw_enforcement(rng, lives, at, failed, policies)
    kinds = draw_labels(rng, TYPES, len(at)).set(pl.Series(~free), "CPVS")
    more = {
        "outcome_code": outcome,
        "enforcement_code": enforcement,
    }
    booked = np.nonzero(free & (rng.random(len(at)) < figures.BOOKED_AHEAD.value))[0]
    version = np.ones(len(at), dtype=np.int64)
    version[booked] = 2
    waited = draw_delays(rng, len(at), figures.LATE.value)
    rows = writer.rows("APP", at, kinds, delay=waited, version=version, **more)
    soon = Events(at.who[booked], at.back[booked])
    notice = -rng.integers(2, 21, len(soon))
    first = writer.rows("APP", soon, kinds.gather(booked), delay=notice, number=booked)
    letters = at.keep(failed & (rng.random(len(at)) < 0.4))
    sent = Events(letters.who, np.maximum(letters.back - rng.integers(1, 9, len(letters)), 0))
    warned = draw_labels(rng, {"AWLI": 0.5, "AWL2": 0.2, "AWLF": 0.05, "CLBR": 0.05}, len(sent))
    licence = lives.sentences.kind[sent.who] == LICENCE
    return [first, rows, writer.rows("WRN", sent, warned.set(pl.Series(licence), "LCL"))]


def _draw_outcomes(rng: np.random.Generator, lives: Lives, at: Events) -> tuple[pl.Series, Flags]:
    """The outcome of each appointment, and whether it was a failure to comply."""
    mean, spread = figures.ATTENDED_SHARE.value
    total = mean * (1 - mean) / spread**2 - 1
    usual = rng.beta(mean * total, (1 - mean) * total, len(lives)).clip(0.02, 0.98)
    going = lives.going_on
    tug = 0.7 * going["substance"] + 0.5 * going["unsettled"] + 0.4 * going["unwell"]
    odds = np.log(usual / (1 - usual))[at.who] + 0.35 - tug[at.who, at.month]
    u = rng.random(len(at)) * (1 + np.exp(-odds))
    attended = u < 1
    share = figures.UNACCEPTABLE.value
    missed = ~attended & (rng.random(len(at)) < share / (share + figures.ACCEPTABLE.value))
    aftc, atsh = FAILED_IN_ROOM.values()
    refused, sent_home = attended & (u < aftc), attended & (u >= aftc) & (u < aftc + atsh)
    outcome = draw_labels(rng, EXCUSED, len(at))
    for mask, code in (
        (attended, "ATTC"),
        (missed, "UAAB"),
        (refused, "AFTC"),
        (sent_home, "ATSH"),
    ):
        outcome = outcome.set(pl.Series(mask), code)
    return outcome, missed | refused | sent_home


def _draw_enforcement(
    rng: np.random.Generator, lives: Lives, at: Events, failed: Flags, policies: Policies
) -> pl.Series:
    """The enforcement action after a failure; from a certain day EA05 has another meaning."""
    acted = failed & (rng.random(len(at)) < 0.35)
    chosen = draw_labels(
        rng, {"EA02": 0.4, "ROM": 0.3, "EA12": 0.15, "NFA": 0.1, "EA05": 0.05}, len(at)
    )
    licence = lives.sentences.kind[at.who] == LICENCE
    chosen = chosen.set(pl.Series(licence & (rng.random(len(at)) < 0.5)), "LCL")
    changed = (at.back <= policies.code_changes) & ~failed & (rng.random(len(at)) < 0.3)
    return blank_where(chosen.set(pl.Series(changed), "EA05"), ~(acted | changed))


def _booked_rows(writer: _Writer, lives: Lives, contact: Contact) -> list[pl.DataFrame]:
    """Future appointments that are already on record."""
    rng = writer.rng
    soon = rng.poisson(contact.visits[:, -1] * 0.9 * lives.sentences.community[:, -1])
    who = np.repeat(np.arange(len(lives)), soon)
    at = Events(who, -rng.integers(1, 28, len(who)))
    return [
        writer.rows(
            "NXT", at, draw_labels(rng, TYPES, len(who)), delay=-rng.integers(28, 40, len(who))
        )
    ]


def _other_contact_rows(
    writer: _Writer, lives: Lives, practice: Practice, contact: Contact
) -> list[pl.DataFrame]:
    """Calls, letters, police and safeguarding contacts, tests, oversight."""
    rng = writer.rng
    level, under = lives.highest(), lives.sentences.community
    at = draw_events(rng, LETTERS_AN_APPOINTMENT * contact.visits)
    parts = [writer.rows("COR", at, draw_labels(rng, CORRESPONDENCE, len(at)))]
    for prefix, types, base, growth in SPECIAL:
        at = draw_events(rng, base * np.exp(growth * level) * under)
        parts.append(writer.rows(prefix, at, draw_labels(rng, types, len(at))))
    tests = draw_events(rng, 0.06 * (1 + 2 * lives.felt["substance"]) * under)
    positive = 0.15 + 0.5 * lives.going_on["substance"][tests.who, tests.month]
    u = rng.random(len(tests))
    result = np.where(u < 0.1, 2, np.where(u < 0.1 + 0.9 * positive, 1, 0))
    kinds = draw_labels(rng, {"DRGTST": 0.7, "DGTSLC": 0.3}, len(tests))
    parts.append(
        writer.rows("TST", tests, kinds, outcome_code=pick_labels(["TNEG", "TPOS", "TREF"], result))
    )
    treated = draw_events(rng, 0.9 * (lives.felt["substance"] > 0.3) * under)
    turned_up = pick_labels(
        ["ATTC", "UAAB", "AAME"], np.searchsorted([0.75, 0.93], rng.random(len(treated)))
    )
    kind = pick_labels(["TRTM"], np.zeros(len(treated), dtype=np.int64))
    parts.append(writer.rows("TRT", treated, kind, outcome_code=turned_up))
    watched = 0.02 + 0.02 * practice.overall.clip(0)
    sightings = draw_events(
        rng, watched * np.where(practice.holding.strain > 0.6, 0.5, 1.0) * under
    )
    oversight = draw_labels(rng, {"C002": 0.4, "MO1": 0.3, "CSPO": 0.3}, len(sightings))
    return [*parts, writer.rows("OVS", sightings, oversight)]


def _by_the_system(
    writer: _Writer, lives: Lives, practice: Practice, contact: Contact
) -> list[pl.DataFrame]:
    """Entries that the system writes: half of the table, and many follow the recorded level."""
    rng = writer.rng
    own: dict[str, Any] = {"system_generated": pl.lit(value=True), "delay": 0}
    reminders = draw_events(rng, REMINDERS * contact.visits * (lives.sentences.on == 1))
    parts = [
        writer.rows("TXT", reminders, pick_labels(["CTXT"], np.zeros(len(reminders), int)), **own)
    ]
    # Busier at higher recorded levels, as in life: no behaviour indicator may count these.
    busy = (0.6 + 0.35 * practice.overall.clip(0)) * (lives.sentences.on > 0)
    at = draw_events(rng, sum(OTHERS_A_MONTH.values()) * busy)
    parts.append(writer.rows("SYS", at, draw_labels(rng, OTHERS_A_MONTH, len(at)), **own))
    notes = draw_events(rng, PRISON_NOTES_A_MONTH * (lives.sentences.on == 2))
    parts.append(
        writer.rows("NOM", notes, pick_labels(["NOMISD"], np.zeros(len(notes), int)), **own)
    )
    assessed = Events(practice.who, (MONTHS - 1 - practice.month) * 30)
    parts.append(
        writer.rows("EOA", assessed, pick_labels(["EOAS"], np.zeros(len(assessed), int)), **own)
    )
    return [*parts, *_echo_rows(writer, practice, own)]


def _echo_rows(writer: _Writer, practice: Practice, own: dict[str, Any]) -> list[pl.DataFrame]:
    """Register and tier entries that follow a change of the recorded level."""
    overall = practice.overall
    changed = (overall[:, 1:] != overall[:, :-1]) & (overall[:, 1:] >= 0)
    who, month = np.nonzero(changed)
    at = Events(who, (MONTHS - 2 - month) * 30)
    level = overall[who, month + 1]
    named = ["RGN016", "RGN019", "RGN010", "RGN042"]
    tier = pick_labels(["ETCH20"], np.zeros(len(who), int))
    return [
        writer.rows("RGN", at, pick_labels(named, level), **own),
        writer.rows("TIE", at, tier, **own),
    ]
