"""Draws the reading lists of a silent trial: who is to be read blind, and a sealed file of why.

Nobody is shown a score. A list has CRNs in a keyed order and nothing else; how each was drawn lies
in a sealed file until the report. The same people are not drawn twice in a trial.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from features.errors import MissingInput, UserError
from features.store.staging import check_writable
from features.store.store import Store
from models.lanes import LANES
from models.scored_rows import Scorer
from training.score import Shares, score_store

TRIAL = "trial.json"
LIST, SEALED = "reading-list.csv", "sealed.parquet"
RANDOM = "random"


@dataclass(frozen=True)
class Protocol:
    """What is agreed before a trial begins, and not changed until its report."""

    model: str
    """The identity of the bundle, or "prior"."""
    by_model: int
    """People a draw that the model ranks highest within their recorded level."""
    by_lane: int
    """People a draw of each lane beside the model."""
    at_random: int
    """People a draw from all who are in no lane."""
    weeks: int
    secret: str
    """The key of the random draws: kept from readers until the report."""

    def draw_of(self, *parts: str) -> str:
        """A keyed digest of the given parts."""
        text = "\x1f".join(parts).encode()
        return hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest()


def begin_trial(folder: Path, protocol: Protocol) -> None:
    """Write the protocol into a new folder; raises UserError where one is under way there."""
    if (folder / TRIAL).exists():
        raise UserError(
            f"A trial is under way in {folder}. Its protocol is not changed: name another."
        )
    if min(protocol.by_model, protocol.by_lane, protocol.at_random) < 0 or not protocol.at_random:
        raise UserError(
            "A trial needs people drawn at random: without them nobody can say what was missed."
        )
    check_writable(folder)
    (folder / TRIAL).write_text(json.dumps(asdict(protocol), indent=1), encoding="utf-8")


def read_protocol(folder: Path) -> Protocol:
    """The protocol of the trial in a folder; raises MissingInput where there is none."""
    path = folder / TRIAL
    if not path.exists():
        raise MissingInput(f"There is no trial in {folder}. Begin one: training silent-begin.")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Protocol(**content)


def draw_list(
    folder: Path, store: Store, model: Scorer, as_of: date, step: Callable[[str], None]
) -> pl.DataFrame:
    """Draw who is to be read of one day, and write the list and the sealed file.

    Returns the sealed rows: crn, as_of, group, stratum, probability, drawn_as, inclusion. Raises
    UserError for a day drawn before, or another model than the protocol's.
    """
    protocol = read_protocol(folder)
    if identity_of(model) != protocol.model:
        raise UserError(
            f"The trial in {folder} is of model {protocol.model[:12]}, and this is "
            f"{identity_of(model)[:12]}. Name that bundle."
        )
    day = folder / as_of.isoformat()
    if day.exists():
        raise UserError(f"The list of {as_of} was drawn before. Nothing was changed.")
    scores = score_store(store, model, as_of, Shares(0.0, 0.0), step)
    rows = draw_people(protocol, scores, drawn_before(folder), as_of)
    order = [protocol.draw_of("order", f"{as_of}", crn) for crn in rows["crn"]]
    listed = rows.with_columns(order=pl.Series(order, dtype=pl.String)).sort("order")
    # Whole or not at all: a half-written day could neither be read nor drawn again.
    writing = folder / f"{as_of}.tmp"
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir()
    rows.write_parquet(writing / SEALED)
    listed.select("crn", snapshot_on="as_of").write_csv(writing / LIST)
    writing.rename(day)
    return rows


def identity_of(model: Scorer) -> str:
    """The identity of a bundle, or "prior" for the prior alone."""
    return str(getattr(model, "id", "prior"))


def drawn_before(folder: Path) -> set[str]:
    """The people whom the trial has drawn."""
    paths = sorted(folder.glob(f"????-??-??/{SEALED}"))
    return set(pl.concat([pl.read_parquet(path) for path in paths])["crn"]) if paths else set()


def draw_people(
    protocol: Protocol, scores: pl.DataFrame, before: set[str], as_of: date
) -> pl.DataFrame:
    """The people to read, each once: by the model, then each lane, then at random.

    `scores` is that of `score_store`. By the model: the highest place within the recorded level.
    At random: those with the lowest keyed digests of all others who have anything on record.
    """
    ours = scores.filter(~pl.col("crn").is_in(sorted(before)))
    ranked = ours.filter("scorable").sort(
        "percentile", "crn", "group", descending=[True, False, False]
    )
    orders = {
        "model": (ranked, protocol.by_model),
        **{lane: (_order_of_lane(ours, lane), protocol.by_lane) for lane in LANES},
    }
    drawn: list[pl.DataFrame] = []
    taken: set[str] = set()
    for name, (rows, most) in orders.items():
        others = rows.filter(~pl.col("crn").is_in(sorted(taken)))
        first = others.unique("crn", keep="first", maintain_order=True).head(most)
        drawn.append(first.with_columns(drawn_as=pl.lit(name), inclusion=pl.lit(1.0)))
        taken |= set(first["crn"])
    left = ours.filter(
        ~pl.col("crn").is_in(sorted(taken)), pl.col("why_not").ne_missing("nothing on record")
    ).sort("percentile", "crn", "group", descending=[True, False, False], nulls_last=True)
    everyone = left.unique("crn", keep="first", maintain_order=True)
    digests = [protocol.draw_of("random", f"{as_of}", crn) for crn in everyone["crn"]]
    some = everyone.with_columns(order=pl.Series(digests, dtype=pl.String)).sort("order")
    some = some.head(protocol.at_random).drop("order")
    inclusion = some.height / everyone.height if everyone.height else 0.0
    drawn.append(some.with_columns(drawn_as=pl.lit(RANDOM), inclusion=pl.lit(inclusion)))
    columns = ["crn", "group", "stratum", "probability", "drawn_as", "inclusion"]
    return pl.concat([rows.select(columns) for rows in drawn]).with_columns(as_of=pl.lit(as_of))


def _order_of_lane(rows: pl.DataFrame, lane: str) -> pl.DataFrame:
    """The rows of a lane in the order in which it draws them (models.lanes)."""
    if lane == "unusual":
        of_lane = rows.filter(pl.col("bits").is_not_null())
        return of_lane.sort("bits", "crn", "group", descending=[True, False, False])
    of_lane = rows.filter(pl.col("combinations").is_not_null())
    how_many = pl.col("combinations").str.count_matches(";")
    return of_lane.sort(
        how_many, "probability", "crn", "group", descending=[True, True, False, False]
    )
