"""Makes the documents table: reports, plans, referrals and forms, some late or missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from features.contracts import codes
from features.synthetic.draw import (
    MONTHS,
    Desk,
    Events,
    Ints,
    blank_where,
    draw_delays,
    draw_events,
    draw_labels,
    month_of,
    pick_labels,
)
from features.synthetic.lives import LICENCE, Lives
from features.synthetic.practice import Practice

FORMS_SENT, HANDED_OVER, REFERRED = 0.6, 0.55, 0.7
STALE_LEVEL = 0.06
"""Share of documents that repeat a level other than the recorded one."""


def documents_table(desk: Desk, lives: Lives, practice: Practice) -> pl.DataFrame:
    """Make the documents table of a bucket of made-up cases."""
    rng = desk.draw.stream("documents")
    sentences = lives.sentences
    everyone = np.arange(len(lives))
    out = np.nonzero(sentences.kind == LICENCE)[0]
    high = practice.overall[out, month_of(sentences.start[out])] >= 2
    formed = out[rng.random(len(out)) < FORMS_SENT]
    handed = out[rng.random(len(out)) < HANDED_OVER]
    referred = out[high & (rng.random(len(out)) < REFERRED)]
    planned = everyone[rng.random(len(lives)) < 0.9]
    reported = everyone[(sentences.kind != LICENCE) & (rng.random(len(lives)) < 0.6)]
    notices = draw_events(rng, 0.02 * sentences.community * (practice.overall >= 0))
    treated = draw_events(rng, 0.35 * (lives.felt["substance"] > 0.2) * sentences.community)
    unwell = draw_events(rng, 0.012 * lives.going_on["unwell"])
    start = sentences.start
    parts = [
        _document_rows(
            desk, rng, "FRM", _draw_before(rng, formed, start, 0, 20), "custody_information_form"
        ),
        _document_rows(desk, rng, "HAN", _draw_before(rng, handed, start, 0, 25), "handover"),
        _document_rows(
            desk, rng, "MAP", _draw_before(rng, referred, start, 20, 260), "mappa_referral"
        ),
        _document_rows(desk, rng, "TRR", treated, "treatment_report"),
        _document_rows(
            desk, rng, "PSY", unwell, "psychiatric_report", disclosable=pl.lit(value=False)
        ),
        _document_rows(
            desk,
            rng,
            "PLN",
            _draw_after(rng, planned, start, 10, 60),
            "plan",
            names_person=rng.random(len(planned)) < 0.3,
        ),
        _levelled_rows(
            desk,
            rng,
            practice,
            "CRT",
            _draw_before(rng, reported, start, 5, 40),
            "court_report",
            claims_checks=rng.random(len(reported)) < 0.5,
        ),
        _levelled_rows(desk, rng, practice, "AGR", notices, "agency_referral"),
        _referral_rows(desk, rng, lives),
    ]
    return pl.concat(parts)


def _draw_before(rng: np.random.Generator, who: Ints, start: Ints, low: int, high: int) -> Events:
    return Events(who, start[who] + rng.integers(low, high, len(who)))


def _draw_after(rng: np.random.Generator, who: Ints, start: Ints, low: int, high: int) -> Events:
    return Events(who, np.maximum(start[who] - rng.integers(low, high, len(who)), 0))


def _document_rows(
    desk: Desk, rng: np.random.Generator, prefix: str, at: Events, kind: str, **more: Any
) -> pl.DataFrame:
    kinds = pick_labels([kind], np.zeros(len(at), dtype=np.int64))
    return desk.table_rows(
        "documents", prefix, at, draw_delays(rng, len(at), 0.05), kind=kinds, **more
    )


def _levelled_rows(
    desk: Desk,
    rng: np.random.Generator,
    practice: Practice,
    prefix: str,
    at: Events,
    kind: str,
    **more: Any,
) -> pl.DataFrame:
    """Documents that state a level: mostly the one recorded then, sometimes another."""
    month = np.clip(MONTHS - 1 - at.back // 30, 0, MONTHS - 1)
    level = practice.overall[at.who, month]
    slip = np.where(rng.random(len(at)) < STALE_LEVEL, -1, 0)
    stated = pick_labels(codes.LEVEL_ORDER, np.clip(level + slip, 0, 3))
    return _document_rows(desk, rng, prefix, at, kind, level=blank_where(stated, level < 0), **more)


def _referral_rows(desk: Desk, rng: np.random.Generator, lives: Lives) -> pl.DataFrame:
    """Referrals for substance use; which conditions need one is drawn with the orders."""
    who = np.nonzero(rng.random(len(lives)) < 0.25)[0]
    at = _draw_after(rng, who, lives.sentences.start, 5, 50)
    kinds = draw_labels(rng, {"substance_referral": 1.0}, len(who))
    return desk.table_rows("documents", "SUR", at, draw_delays(rng, len(at), 0.05), kind=kinds)
