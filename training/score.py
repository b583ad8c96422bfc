"""Scores a caseload offline with a bundle or the prior: no database, no queue, nobody shown.

The same engine and, with a bundle, the same model as the night, so the probabilities are those that
a night would store. For analysts, a silent trial, and tests on caseloads that we do not hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from features.errors import UserError
from features.frame import build
from features.history import asof
from features.history.asof import GROUP_KEY
from features.indicators import CATALOGUE
from features.parts import Part, split_spine
from features.runners import chosen_runner
from features.store.store import Store
from models import explain
from models.combinations import read_combinations
from models.inputs import community_rows
from models.lanes import COMBINATION, LANES, UNUSUAL, LaneFinder, LanePart, Lanes, lay_out_lanes
from models.scored_rows import Scorer, rank_in_level

FORMATS = (".csv", ".parquet")
EXPLAINED_AT_ONCE = 200
"""People whose reasons are worked out together: their histories are in memory meanwhile."""


@dataclass(frozen=True)
class Shares:
    """How much is shown: of each recorded level by the model, and of all people by each lane."""

    model: float
    lane: float


def check_out(out: Path) -> None:
    """Raise UserError where the scores could not be written: asked before long work begins."""
    if out.suffix not in FORMATS:
        raise UserError(f"{out} is neither .csv nor .parquet. Name a file that ends so.")
    if not out.parent.is_dir():
        raise UserError(f"There is no folder {out.parent}. Make it, or name another file: --out.")


def write_scores(scores: pl.DataFrame, out: Path) -> None:
    """Write the scores as CSV or Parquet, whole or not at all."""
    writing = out.with_name(out.name + ".tmp")
    if out.suffix == ".csv":
        scores.write_csv(writing)
    else:
        scores.write_parquet(writing)
    writing.rename(out)


@dataclass(frozen=True)
class ScoreWork:
    """The work on one part: its scores with the indicators that fire, and what the lanes need."""

    model: Scorer
    finder: LaneFinder
    as_of: date

    def __call__(self, part: Part) -> tuple[pl.DataFrame, LanePart]:
        """The scores of the part, and what the lanes need of it."""
        histories = build.read_lean_histories(part)
        rows = community_rows(build.build_frame(histories))
        scores = self.model.score_frame(rows)
        lane_part = self.finder.read_part(histories, rows, scores, self.as_of)
        return scores.join(_fired(rows), on=GROUP_KEY, how="left"), lane_part


def score_store(
    store: Store, model: Scorer, as_of: date, shares: Shares, step: Callable[[str], None]
) -> pl.DataFrame:
    """The scores of everybody under supervision on a day whose access is not limited.

    A row a person and group. Columns: crn, group, level, level_state, stratum, scorable, why_not,
    probability, rank (1 is the highest of its recorded level), percentile (the share of the level
    that ranks no higher), bits and new (how unusual what became known lately is, and by which
    indicators), combinations (those that hold), shown_by (model, unusual or combination: the first
    that draws the row), shown (any does), fired (the indicators that fire, by id), reasons (in
    words, of rows that are shown). The kinds of notes count that the bundle was trained with.
    Raises UserError where nobody is under supervision.
    """
    counting = store.counting_notes(model.note_kinds)
    cases = build.cases_under_supervision(counting, as_of).filter(~pl.col("limited"))
    if cases.is_empty():
        raise UserError(f"Nobody whose access is open is under supervision on {as_of}.")
    finder = LaneFinder.of_model(model.scored, read_combinations())
    work = ScoreWork(model, finder, as_of)
    parts: list[pl.DataFrame] = []
    lane_parts: list[LanePart] = []
    with chosen_runner() as runner:
        for part, (scores, lane_part) in runner.run(
            work, split_spine(counting, cases.select(asof.KEY))
        ):
            step(f"bucket {part.last_bucket + 1} of {store.buckets}")
            parts.append(scores)
            lane_parts.append(lane_part)
    step("finding what is new and unusual")
    lanes = lay_out_lanes(lane_parts)
    ranked = _with_lanes(_with_ranks(pl.concat(parts), shares.model), lanes, shares.lane)
    reasons = pl.DataFrame(
        list(_reasons(counting, model, as_of, ranked.filter("shown"), step)),
        schema={"crn": pl.String(), "group": pl.String(), "reasons": pl.String()},
        orient="row",
    )
    return ranked.join(reasons, on=["crn", "group"], how="left").sort("stratum", "rank", "crn")


def _fired(rows: pl.DataFrame) -> pl.DataFrame:
    """The indicators that fire in each row, by id, in the order of the catalogue."""
    fires = [pl.when(item.fires_in_frame).then(pl.lit(name)) for name, item in CATALOGUE.items()]
    return rows.select(*GROUP_KEY, fired=pl.concat_str(fires, separator=";", ignore_nulls=True))


def _with_ranks(scores: pl.DataFrame, share: float) -> pl.DataFrame:
    """Ranks within the recorded level, as a night stores them, and who is shown at a share."""
    rows = pl.len().over("stratum", "scorable")
    return (
        scores.with_columns(rank=rank_in_level(), rows=rows)
        .with_columns(
            percentile=(pl.col("rows") - pl.col("rank") + 1) / pl.col("rows"),
            shown_by=pl.when(pl.col("rank") <= (share * pl.col("rows")).ceil()).then(
                pl.lit("model")
            ),
        )
        .drop("rows", "log_odds")
    )


def _with_lanes(rows: pl.DataFrame, lanes: Lanes, share: float) -> pl.DataFrame:
    """The rows with what each lane says of them, and which draws them: of people, a `share`."""
    row = ["crn", "group"]
    new = pl.col("facts").list.eval(pl.element().struct.field("indicator")).list.join(";")
    rows = rows.join(lanes[UNUSUAL].select(*row, "bits", new=new), on=row, how="left")
    held = pl.col("combinations").list.join(";")
    rows = rows.join(lanes[COMBINATION].select(*row, held), on=row, how="left")
    most = math.ceil(share * rows["crn"].n_unique())
    for name in LANES:
        shown = rows.filter(pl.col("shown_by").is_not_null())["crn"].unique()
        others = lanes[name].filter(~pl.col("crn").is_in(shown.implode()))
        drawn = others.unique("crn", keep="first", maintain_order=True).head(most)
        drawn = drawn.select(*row, drawn_by=pl.lit(name))
        drawn_by = pl.coalesce("shown_by", "drawn_by")
        rows = rows.join(drawn, on=row, how="left").with_columns(shown_by=drawn_by).drop("drawn_by")
    return rows.with_columns(shown=pl.col("shown_by").is_not_null())


def _reasons(
    store: Store, model: Scorer, as_of: date, shown: pl.DataFrame, step: Callable[[str], None]
) -> Iterator[tuple[str, str, str]]:
    crns = shown["crn"].unique().sort().to_list()
    for at in range(0, len(crns), EXPLAINED_AT_ONCE):
        step(
            f"reasons of {at + 1:,} to {min(at + EXPLAINED_AT_ONCE, len(crns)):,} of {len(crns):,}"
        )
        some = crns[at : at + EXPLAINED_AT_ONCE]
        histories = asof.read_histories(store, asof.make_spine(some, as_of))
        reasons_of = explain.explain_rows(model, build.build_frame(histories), histories)
        keys = shown.filter(pl.col("crn").is_in(some)).select("crn", "group").iter_rows()
        for crn, group in keys:
            yield crn, group, " | ".join(_words(one) for one in reasons_of.get((crn, group), []))


def _words(reason: explain.Reason) -> str:
    """A reason in words: what it is about, its weight, and its sentences."""
    held_back = "" if reason.settled else ", held back"
    sentences = " ".join(finding.sentence for finding in reason.findings)
    weight = f"{reason.weight:+.2f}, of which {reason.from_prior:+.2f} from published findings"
    return f"{reason.title} ({reason.kind}, {weight}{held_back}): {sentences}".rstrip(": ")
