"""Writes the made-up caseload: an extract folder in the contracts, and the truth in another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from features import codes
from features.errors import UserError
from features.synthetic import changes, entries, lives, practice
from features.synthetic.draw import Draw, Events, events, month_of, rows
from features.synthetic.lives import PDUS, TEAMS_A_PDU, Lives

AUDIT_ROUNDS = 10
AUDIT_EVERY = 90
SMALLEST, LARGEST = 50, 300_000


@dataclass(frozen=True)
class Parameters:
    """What a caseload is made from; the same parameters give the same files."""

    cases: int = 3000
    seed: int = 1
    as_of: date = date(2026, 11, 20)
    underestimated: float = 0.1
    audited: float = 0.16
    """Share of the caseload whose levels are read again in each quarterly audit."""


def synthesise(
    parameters: Parameters, out: Path, truth: Path, step: Callable[[str], None] = lambda _: None
) -> bool:
    """Write the extract to `out` and the hidden truth to `truth`; False where it stands already."""
    if not SMALLEST <= parameters.cases <= LARGEST:
        raise UserError(f"--cases must lie between {SMALLEST} and {LARGEST:,}.")
    said = {**asdict(parameters), "as_of": parameters.as_of.isoformat()}
    about = out / "extract.json"
    if about.exists():
        if json.loads(about.read_text(encoding="utf-8")).get("parameters") == said:
            return False
        raise UserError(f"{out} holds another extract. Choose an empty folder with --out.")
    draw = Draw(parameters.seed, parameters.as_of)
    step("people and their hidden levels")
    made = lives.make(draw, parameters.cases)
    step("assessments and supervision")
    work = practice.make(draw, made, parameters.underestimated)
    step("incidents and contacts")
    tables = {
        **work.tables,
        "people": lives.people(draw, made),
        "supervisions": _supervisions(draw, made),
        "incidents": entries.incidents(draw, made),
        "contacts": entries.contacts(draw, made, work),
        "circumstances": changes.circumstances(draw, made),
        "decisions": changes.decisions(draw, made, work),
        "orders": _orders(draw, made),
        "actions": _actions(draw, made),
        "reviews": _reviews(draw, made, parameters.audited),
        "limits": _limits(draw, made),
    }
    step("writing files")
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.sort("crn", "occurred_on", "record_id").write_parquet(out / f"{name}.parquet")
    _write_truth(truth, made)
    content = {
        "made_up": True,
        "extracted_at": draw.extracted_at.isoformat(),
        "complete": [],
        "parameters": said,
    }
    about.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return True


def _write_truth(folder: Path, made: Lives) -> None:
    """The hidden true levels month by month: for evaluation alone, never read by the service."""
    folder.mkdir(parents=True, exist_ok=True)
    pl.concat(
        pl.DataFrame({"crn": made.crns, "group": group, "level": made.level(group).tolist()})
        for group in codes.COMMUNITY_GROUPS
    ).write_parquet(folder / "true-levels.parquet")


def _supervisions(draw: Draw, made: Lives) -> pl.DataFrame:
    rng = draw.stream("supervisions")
    n = made.cases
    kind = rng.choice(["community_order", "suspended_sentence", "licence"], n, p=[0.42, 0.25, 0.33])
    codes_ = list(PDUS)
    pdu = np.array(codes_)[made.pdu]
    suspended = (made.start > 400) & (rng.random(n) < 0.12)
    common = {
        "provider_code": [PDUS[code][0] for code in pdu],
        "pdu_code": pdu,
        "lau_code": [f"{code}L" for code in pdu],
        "team_code": [f"{codes_[t // TEAMS_A_PDU]}T{t % TEAMS_A_PDU + 1}" for t in made.team],
    }
    none = np.zeros(n, dtype=np.int64)
    current = rows(
        draw,
        "supervisions",
        "SUP",
        made.crns,
        Events(np.arange(n), made.start),
        none,
        kind=kind,
        suspended_from=draw.day(made.start // 3).set(pl.Series(~suspended), None),
        **common,
    )
    earlier = rng.poisson(0.9, n)
    who = np.repeat(np.arange(n), earlier)
    began = made.start[who] + rng.integers(400, 3000, len(who))
    broken = rng.random(len(who)) < 0.12 + 0.1 * made.highest()[who, 0]
    reason = np.where(
        broken, rng.choice(["breached", "revoked", "recalled"], len(who)), "completed"
    )
    before = rows(
        draw,
        "supervisions",
        "SUQ",
        made.crns,
        Events(who, began),
        np.zeros(len(who), dtype=np.int64),
        kind=rng.choice(["community_order", "suspended_sentence", "licence"], len(who)),
        ended_on=draw.day(began - rng.integers(90, 390, len(who))),
        end_reason=reason,
    )
    stays = np.nonzero((kind == "licence") & (rng.random(n) < 0.2))[0]
    left = rng.random(len(stays)) < 0.8
    premises = rows(
        draw,
        "supervisions",
        "SAP",
        made.crns,
        Events(stays, made.start[stays]),
        np.zeros(len(stays), dtype=np.int64),
        kind=pl.lit("approved_premises"),
        end_reason=pl.Series(["moved_on"] * len(stays)).set(pl.Series(~left), None),
        ended_on=draw.day(np.maximum(made.start[stays] - rng.integers(40, 100, len(stays)), 0)).set(
            pl.Series(~left), None
        ),
    )
    return pl.concat([current, before, premises])


def _orders(draw: Draw, made: Lives) -> pl.DataFrame:
    rng = draw.stream("orders")
    abusive = np.nonzero((made.traits[:, 1] > 0.9) & (rng.random(made.cases) < 0.5))[0]
    civil = rows(
        draw,
        "orders",
        "ORD",
        made.crns,
        Events(abusive, made.start[abusive]),
        np.zeros(len(abusive), dtype=np.int64),
        kind=pl.lit("restraining_order"),
        theme=pl.lit("non_contact"),
    )
    who = np.nonzero(rng.random(made.cases) < 0.5)[0]
    conditions = rows(
        draw,
        "orders",
        "ORC",
        made.crns,
        Events(who, made.start[who]),
        np.zeros(len(who), dtype=np.int64),
        kind=pl.lit("requirement"),
        theme=rng.choice(["substance", "programme", "residence"], len(who)),
    )
    return pl.concat([civil, conditions])


def _actions(draw: Draw, made: Lives) -> pl.DataFrame:
    rng = draw.stream("actions")
    at = events(rng, 0.012 * np.exp(0.5 * made.highest()) * (entries.active(made) > 0.9))
    due = at.back - rng.integers(7, 29, len(at))
    done = rng.random(len(at)) < 0.75
    return rows(
        draw,
        "actions",
        "ACT",
        made.crns,
        at,
        np.zeros(len(at), dtype=np.int64),
        kind=rng.choice(["oversight_task", "mappa_action"], len(at), p=[0.8, 0.2]),
        due_on=draw.day(due),
        done_on=draw.day(np.maximum(due - rng.integers(-5, 20, len(at)), 0)).set(
            pl.Series(~done), None
        ),
    )


def _reviews(draw: Draw, made: Lives, share: float) -> pl.DataFrame:
    """Quarterly audits of a random sample, and countersigning of a chosen few."""
    rng = draw.stream("reviews")
    parts = []
    for round_ in range(AUDIT_ROUNDS):
        back = AUDIT_EVERY * (round_ + 1) - 60
        under = np.nonzero(made.start > back + 20)[0]
        size = int(round(share * len(under)))
        chosen = np.sort(rng.choice(under, size, replace=False))
        parts.append(
            _review_rows(
                draw,
                rng,
                made,
                chosen,
                back,
                f"AUD{round_:02d}",
                "audit",
                size / max(len(under), 1),
            )
        )
        noisy = under[(rng.random(len(under)) < 0.02 * (1 + made.highest()[under, -1]))]
        parts.append(
            _review_rows(draw, rng, made, noisy, back, f"CSG{round_:02d}", "countersign", None)
        )
    return pl.concat(parts)


def _review_rows(
    draw: Draw,
    rng: np.random.Generator,
    made: Lives,
    who: np.ndarray,
    back: int,
    prefix: str,
    source: str,
    probability: float | None,
) -> pl.DataFrame:
    month = month_of(np.full(len(who), back))
    true = made.true[:, who, month]
    said = practice.LEVELS[entries.reader_levels(rng, true)]
    at = Events(who, np.full(len(who), back - 10))
    return rows(
        draw,
        "reviews",
        prefix,
        made.crns,
        at,
        np.zeros(len(who), dtype=np.int64),
        source=pl.lit(source),
        snapshot_on=draw.day(np.full(len(who), back)),
        reader=[f"R{r:03d}" for r in rng.integers(0, 40, len(who))],
        sampling_probability=pl.lit(probability, dtype=pl.Float64()),
        before_findings=pl.lit(value=True),
        same_person=pl.lit(source == "countersign"),
        source_system=pl.lit("rosh_triage"),
        **{group: said[i] for i, group in enumerate(codes.COMMUNITY_GROUPS)},
    )


def _limits(draw: Draw, made: Lives) -> pl.DataFrame:
    rng = draw.stream("limits")
    who = np.nonzero(rng.random(made.cases) < 0.008)[0]
    return rows(
        draw,
        "limits",
        "LIM",
        made.crns,
        Events(who, made.start[who] // 2),
        np.zeros(len(who), dtype=np.int64),
        kind=rng.choice(["exclusion", "restriction"], len(who)),
    )
