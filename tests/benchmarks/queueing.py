"""make bench-queue: what writing a night's new cases into the queue costs, beside the engine.

1,400 cases of 240,000 (as many in proportion for fewer): histories read as known, explained, and
written with their findings under seal. The model is that of the newest demo (make demo first); made-up
people, so it proves nothing but the cost.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from sqlalchemy import text

from features import synthetic
from features.errors import MissingInput
from features.frame import build
from features.history import asof
from features.intake.load import load_extract
from features.local_runners import process_pool_runner
from features.store.store import Store
from models import bundle
from serving import settings as settings_module
from serving.commands import demo
from serving.db.migrate import migrate_database
from serving.db.server import NIGHT, engine_for
from serving.db.session import AuditEvent, transaction
from serving.night import enqueue
from serving.night.sampling import Chosen, Key

AS_OF: date = synthetic.Parameters().as_of
CASES = int(os.environ.get("CASES", "12000"))
QUEUED = 1400 / 240_000
RUN = (
    "INSERT INTO triage.runs (id, as_of, approval_id, bundle_id, store_load, store_fingerprint,"
    " scores_file, scores_sha256, counts, made_up)"
    " VALUES ('r', :as_of, :approval, 'b', 1, 'f', 's', 's', '{}', true)"
)


def store_of(folder: Path, cases: int) -> Store:
    """A made-up store of so many cases, made if it is not there."""
    if not (folder / "store").exists():
        chosen = synthetic.Parameters(cases=cases, seed=7)
        synthetic.synthesise_extract(chosen, folder / "extract", folder / "truth")
        load_extract(folder / "extract", folder / "store")
    return Store.open(folder / "store")


def main(folder: Path) -> None:
    """Fill, queue, and say."""
    current = Path("var/demo/current")
    if not current.exists():
        raise MissingInput("There is no demo, so there is no model. Run: make demo")
    bundles_folder = Path(current.read_text(encoding="utf-8").strip()) / "bundles"
    path = max(bundles_folder.glob("*/bundle.json")).parent
    model = bundle.load_bundle(path)
    store = store_of(folder, CASES)
    on = build.cases_under_supervision(store, AS_OF)
    began = time.perf_counter()
    units = demo_units(store, on["crn"].to_list())
    engine_s = sum(1 for _ in build.build_frames(store, on.select(asof.KEY)))
    engine_took = time.perf_counter() - began
    picked = sorted(units)[:: max(1, round(1 / QUEUED))]
    scores = model.score_frame(
        build.build_frame(asof.read_histories(store, asof.make_spine(picked, AS_OF)))
    )
    probabilities = dict(scores.filter(group="public").select("crn", "probability").iter_rows())
    chosen = [
        Chosen(crn, units[crn], "public", "LOW", "flagged", probabilities[crn], 1.0)
        for crn in picked
    ]
    with tempfile.TemporaryDirectory(prefix="rosh-queue-") as data:
        Path(data).chmod(0o755)
        settings = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": data})
        migrate_database(settings)
        demo.add_users(settings)
        engine = engine_for(settings, NIGHT)
        approval = demo.approve_demo(
            settings, engine_for(settings, "rosh_web"), model, path.name, CASES
        )
        with transaction(engine, None) as opened:
            opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
            opened.connection.execute(text(RUN), {"approval": approval, "as_of": AS_OF})
            began = time.perf_counter()
            with process_pool_runner() as runner:
                parts = enqueue.begin_preparing(store, model, chosen, AS_OF, runner)
                enqueue.enqueue_cases(opened, chosen, parts, AS_OF, "r", Key("s", "r"))
            took = time.perf_counter() - began
            rows = opened.connection.execute(text("SELECT count(*) FROM triage.entries")).scalar()
        engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{CASES:,} cases: {len(chosen):,} queued with {rows:,} entries in {took:.1f} s "
        f"({1000 * took / len(chosen):.1f} ms each); the engine over every case {engine_took:.1f} s "
        f"in {engine_s} parts; ratio {took / engine_took:.2f}; {peak:,.0f} MiB\n"
    )


def demo_units(store: Store, crns: list[str]) -> dict[str, str]:
    """A unit for each case: where it is held does not change the cost."""
    return {crn: f"N54{number % 150:03d}" for number, crn in enumerate(crns)}


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory(prefix="rosh-store-") as bundles:
            main(Path(bundles))
