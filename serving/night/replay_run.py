"""Computes the scores of a committed run again, and compares them bit for bit with its file.

Nothing is written but an audit row: no queue, no score, no fact. What was known on the run's day
comes from the store as its newest load then left it; the model is the one that was approved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

import polars as pl
from sqlalchemy import Connection, Engine, RowMapping, select

from features.errors import MissingInput, UnreadableInput, UserError, did_you_mean
from features.frame import build
from features.history import asof
from features.parts import split_spine
from features.runners import chosen_runner
from features.store import working_copy
from features.store.digests import digest_of
from features.store.store import Store
from models.bundle import Bundle
from serving.board import approvals
from serving.db.session import AuditEvent, transaction
from serving.db.tables import runs
from serving.night.erasure import newest_digest
from serving.night.score_part import ScoreWork
from serving.settings import Settings

NEWEST = "newest"


@dataclass(frozen=True)
class Comparison:
    """What computing a run's scores again showed, in rows: one a person and group."""

    run_id: str
    rows: int
    """Rows of the run's file; those of limited access are not counted: they were never scored."""
    different: int
    """Rows with any value that is not the same bit for bit."""
    missing: int
    """Rows of people whom the store does not know any more."""
    missing_people: int
    deletions: int
    """How many people were deleted from the store on request since the run."""

    @property
    def is_same(self) -> bool:
        """Whether every row is the same but for people who were deleted on request."""
        return not self.different and self.missing_people <= self.deletions


def replay_run(
    settings: Settings, engine: Engine, run_id: str, step: Callable[[str], None] = lambda _: None
) -> Comparison:
    """Compute the scores of a run again and compare them with those that it stored.

    `run_id` is the number of a run, or `newest`. Raises UserError for an unknown run, MissingInput
    where its file or its load is gone, UnreadableInput where the file is not the one of the run.
    """
    with engine.connect() as connection:
        run = read_run(connection, run_id)
        model = _load_model(connection, settings, run)
        stored_rows = read_scores(connection, settings, run)
    store = Store.open(settings.store, up_to=run["store_load"]).counting_notes(
        run["counts"].get("note_kinds", ())
    )
    computed = _score_again(store, stored_rows, model, run, step)
    ran_at = run["at"].astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    deletions = sum(str(one["at"])[:19] >= ran_at for one in store.forgotten)
    comparison = compare_scores(run["id"], stored_rows, computed, deletions)
    with transaction(engine, None) as opened:
        details = {
            "rows": comparison.rows,
            "different": comparison.different,
            "missing": comparison.missing,
        }
        opened.audit(AuditEvent("REPLAYED_RUN", "RUN", run["id"], details))
    return comparison


def _load_model(connection: Connection, settings: Settings, run: RowMapping) -> Bundle:
    approval = approvals.read_approval(connection, run["approval_id"])
    try:
        return approvals.load_bundle(approval, settings.bundles)
    except UserError as error:
        raise UserError(
            f"The model of run {run['id']} cannot be used here: {error} A run of an earlier "
            "release is computed again by the code of that release."
        ) from error


def read_run(connection: Connection, run_id: str) -> RowMapping:
    """The row of a run, or of the newest; UserError where there is no such run."""
    newest = select(runs).order_by(runs.c.at.desc()).limit(1)
    rows = newest if run_id == NEWEST else select(runs).where(runs.c.id == run_id)
    run = connection.execute(rows).mappings().first()
    if run is not None:
        return run
    known_runs = connection.execute(select(runs.c.id).order_by(runs.c.at.desc())).scalars().all()
    if not known_runs:
        raise UserError("No night has run yet.")
    raise UserError(
        f"There is no run {run_id!r}.{did_you_mean(run_id, known_runs)} "
        f"The newest is {known_runs[0]}."
    )


def read_scores(connection: Connection, settings: Settings, run: RowMapping) -> pl.DataFrame:
    """The rows that a run scored, from its file, whose SHA-256 must be the one kept for it."""
    path = working_copy.fetch_file(settings.scores / run["scores_file"])
    if not path.exists():
        raise MissingInput(
            f"The scores of run {run['id']} are missing: {path.name}. Restore them from a backup."
        )
    if digest_of(path) != newest_digest(connection, run["id"], run["scores_sha256"]):
        raise UnreadableInput(
            f"{path.name} is not the file that run {run['id']} wrote. Restore it from a backup."
        )
    return pl.read_parquet(path).filter(pl.col("what_happened") != "limited")


def _score_again(
    store: Store,
    stored_rows: pl.DataFrame,
    model: Bundle,
    run: RowMapping,
    step: Callable[[str], None],
) -> pl.DataFrame:
    crns = stored_rows["crn"].unique().sort()
    under_supervision = build.cases_under_supervision(store, run["as_of"])
    spine = under_supervision.filter(pl.col("crn").is_in(crns.implode())).select(asof.KEY)
    scores = []
    with chosen_runner() as runner:
        for part, of_part in runner.run(ScoreWork(model), split_spine(store, spine)):
            step(f"scoring bucket {part.last_bucket + 1} of {store.buckets}")
            scores.append(of_part)
    return pl.concat(scores) if scores else stored_rows.clear()


def compare_scores(
    run_id: str, stored_rows: pl.DataFrame, computed: pl.DataFrame, deletions: int
) -> Comparison:
    """Compare every column that both have, row by row; a null equals a null, and NaN a NaN."""
    columns = [name for name in computed.columns if name not in asof.GROUP_KEY]
    again = computed.select(*asof.GROUP_KEY, *(pl.col(name).alias(f"{name}_2") for name in columns))
    pairs = stored_rows.join(again.with_columns(_present=True), on=asof.GROUP_KEY, how="left")
    is_known = pl.col("crn").is_in(computed["crn"].unique().implode())
    is_different = pl.any_horizontal(
        pl.col("_present").is_null(),
        *(pl.col(name).ne_missing(pl.col(f"{name}_2")) for name in columns),
    )
    new_rows = again.join(stored_rows.select(asof.GROUP_KEY), on=asof.GROUP_KEY, how="anti")
    return Comparison(
        run_id=run_id,
        rows=stored_rows.height,
        different=pairs.filter(is_known & is_different).height + new_rows.height,
        missing=pairs.filter(~is_known).height,
        missing_people=pairs.filter(~is_known)["crn"].n_unique(),
        deletions=deletions,
    )
