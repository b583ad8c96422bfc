"""What changes in people's lives, and what is decided about them: circumstances and decisions."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.synthetic.draw import Draw, Floats, delays, events, rows
from features.synthetic.entries import active
from features.synthetic.lives import Lives
from features.synthetic.practice import Practice


def circumstances(draw: Draw, lives: Lives) -> pl.DataFrame:
    """Addresses, relationships, conflict, children and pregnancies."""
    rng = draw.stream("circumstances")
    known, child = lives.level("known_adult"), lives.level("children")
    chaos = np.exp(0.5 * lives.traits[:, 3])[:, None]
    under = active(lives)
    kinds: tuple[tuple[str, str, tuple[str, ...], Floats], ...] = (
        (
            "ADR",
            "address",
            ("settled", "temporary", "at_risk", "no_fixed_abode"),
            0.025 * chaos * under,
        ),
        ("REL", "relationship", ("new", "ended"), np.full_like(under, 0.015) * under),
        ("CFL", "relationship_conflict", ("current",), 0.010 * np.exp(0.6 * known) * under),
        ("CHI", "child_contact", ("current",), 0.010 * np.exp(0.1 * child) * under),
        ("PRG", "pregnancy", ("new",), np.full_like(under, 0.003) * under),
    )
    parts = []
    for prefix, kind, states, rate in kinds:
        at = events(rng, rate)
        share = [0.55, 0.2, 0.15, 0.1] if kind == "address" else None
        ended = rng.random(len(at)) < 0.5
        parts.append(
            rows(
                draw,
                "circumstances",
                prefix,
                lives.crns,
                at,
                delays(rng, len(at)),
                kind=pl.lit(kind),
                state=rng.choice(list(states), len(at), p=share),
                verified=rng.random(len(at)) < 0.45,
                ended_on=draw.day(np.maximum(at.back - rng.integers(20, 300, len(at)), 0)).set(
                    pl.Series(~ended), None
                ),
            )
        )
    return pl.concat(parts)


def decisions(draw: Draw, lives: Lives, practice: Practice) -> pl.DataFrame:
    """Enforcement and recall decisions; strained practice issues and endorses less."""
    rng = draw.stream("decisions")
    rate = 0.006 * np.exp(0.45 * lives.highest()) * (active(lives) > 0.9)
    at = events(rng, rate)
    size = len(at)
    decided = rng.choice(
        ["warning", "compliance_letter", "decision_not_to_recall", "recall"],
        size,
        p=[0.3, 0.35, 0.25, 0.1],
    )
    issued = rng.random(size) < 0.85 - 0.12 * (practice.strain[at.who] > 0.6)
    return rows(
        draw,
        "decisions",
        "DEC",
        lives.crns,
        at,
        delays(rng, size),
        kind=np.where(
            np.isin(decided, ["recall", "decision_not_to_recall"]), "recall", "enforcement"
        ),
        decided=decided,
        issued=pl.Series(decided).set(pl.Series(~issued), None),
        issued_on=draw.day(np.maximum(at.back - 3, 0)).set(pl.Series(~issued), None),
        decided_by_grade=pl.lit("SPO"),
        endorsed_by_grade=pl.Series(["PDU_HEAD"] * size).set(
            pl.Series(rng.random(size) < 0.6), None
        ),
    )
