"""Scores a past day again with the approval now in force, into a file only.

The queue, the caseload and the facts stay as they are; an audit row says that it was done. Cases of
limited access are left out as they are today, whatever the day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from features.errors import UserError
from features.frame import build
from features.runners import chosen_runner
from features.store import working_copy
from features.store.store import Store
from features.store.whole_files import write_whole
from serving.board import approvals, note_kinds
from serving.cases import limited_access
from serving.db.night_lock import lock_night
from serving.db.session import AuditEvent, transaction
from serving.night import dates, score_caseload
from serving.settings import Settings

BEING_WRITTEN = ".rewritten"
"""The suffix of a file that is not in its place yet; one that a killed replay left is removed."""


@dataclass(frozen=True)
class Replay:
    """A past day scored again: the file of scores, its SHA-256, and the number of cases."""

    path: Path
    digest: str
    cases: int


def replay_night(
    settings: Settings, engine: Engine, as_of: date, step: Callable[[str], None] = lambda _: None
) -> Replay:
    """Score every case that was under supervision on a past day, from what was known then.

    Raises UserError for a day that the store cannot know, NotApproved where nothing may score.
    """
    # A deletion meanwhile would not reach what was read before it.
    with lock_night(engine):
        return _replay_locked(settings, engine, as_of, step)


def _replay_locked(
    settings: Settings, engine: Engine, as_of: date, step: Callable[[str], None]
) -> Replay:
    store = Store.open(settings.store)
    dates.check_known(store, as_of)
    on = build.cases_under_supervision(store, as_of)
    if on.is_empty():
        raise UserError(f"No case in {settings.store} is under supervision on {as_of}.")
    with transaction(engine, None) as opened:
        approval = approvals.in_force(opened.connection, demo=settings.demo)
        model = approvals.load_bundle(approval, settings.bundles)
        store = store.counting_notes(note_kinds.kinds_in_effect(opened.connection, model))
        on = limited_access.mark_limited(on, limited_access.limited_cases(opened.connection))
        with chosen_runner() as runner:
            scored_caseload = score_caseload.score_caseload(store, on, model, as_of, step, runner)
        folder = settings.replays
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{as_of}-{approval.bundle_id[:8]}-{store.loads[-1].number}"
        path = folder / f"{name}.parquet"
        for left in folder.glob(f"*{BEING_WRITTEN}"):
            left.unlink()
        written = path.with_name(f"{path.name}{BEING_WRITTEN}")
        digest = write_whole(scored_caseload.scores, written)
        working_copy.replace_file(path, written)
        cases = int(scored_caseload.scores["crn"].n_unique())
        details = {"as_of": as_of.isoformat(), "scores_sha256": digest, "cases": cases}
        opened.audit(AuditEvent("REPLAYED_NIGHT", "RUN", name, details))
    return Replay(path, digest, cases)
