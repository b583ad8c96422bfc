"""The whole made-up service for tests: store, bundle, PostgreSQL and a first night."""

from __future__ import annotations

import fcntl
import os
import pickle
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    create_engine,
    exists,
    func,
    select,
    update,
)

from features import clock, synthetic
from features.contracts.codes import COMMUNITY_GROUPS
from features.frame import build
from features.intake.load import load_extract
from features.store.store import Store
from models import bundle, metrics
from models.bundle import Bundle
from serving import settings as settings_module
from serving.commands import demo
from serving.db import identity
from serving.db.migrate import migrate_database
from serving.db.server import NIGHT, WEB, admin_url, engine_for
from serving.db.tables import claims, entries, findings, items, own_views, users
from serving.night import run
from serving.review import lines
from serving.rule_numbers import SECOND_READ_OF_RANDOM
from serving.settings import Settings
from serving.web import app as web_app
from tests import another_day
from tests.conftest import AS_OF
from tests.pages import Browser
from training import challengers, config, gate, pipeline, stability

CASES = 500
ANY_CASE = "ROSH_TEST_ANY_CASE"
"""Set to a seed, a test meets another case than it usually would: what it needs, it must ask for."""

FEWEST_HIGHER = 2
"""In place of `gate.FEWEST_HIGHER`: of so few people, so that both kinds of level are there."""


@dataclass(frozen=True, repr=False)
class Service:
    """The whole made-up service: where its data lies, its engines, its bundle."""

    settings: Settings
    web: Engine
    night: Engine
    admin: Engine
    store: Store
    model: Bundle
    bundle_folder: Path

    def review(self, item: int, username: str, outcome: str = "keep_level") -> None:
        """A reader signs in, records a view of a case, sees the findings and concludes."""
        with TestClient(web_app.create_app(self.settings, self.web)) as client:
            reader = Browser(client).sign_in(username)
            reader.record_view(item)
            reader.get(f"/cases/{item}/findings")
            reader.conclude(item, outcome)

    def unread(
        self,
        pdu: str,
        *,
        drawn_as: str | None = None,
        other_than: int = 0,
        levels: tuple[str, ...] = (),
        alone: bool = False,
        marked: str = "",
        having: ColumnElement[bool] | None = None,
    ) -> int:
        """An open case of a unit that no one has read yet.

        With `alone`, no second reader will be asked for where nothing is found too low.
        With `marked`, these words were read in one of its notes: a case may have a later version
        of the note that `write_notes` wrote, or no entry at all.
        With `having`, this holds of it and its findings. A test that needs more of a case than
        that it is unread says so here: which case it meets depends on the tests before it.
        With `levels`, each recorded level is among them, and something was recorded since the last
        assessment: at least two lines of the page can be ticked.
        """
        held = exists().where(claims.c.item_id == items.c.id, claims.c.until > func.now())
        with self.admin.connect() as connection:
            rows = (
                select(items.c.id, findings.c.drawn_as)
                .join(findings, findings.c.item_id == items.c.id)
                .join(own_views, own_views.c.item_id == items.c.id, isouter=True)
                .where(items.c.pdu_code == pdu, items.c.state == "open", ~items.c.limited)
                .where(own_views.c.item_id.is_(None), items.c.id != other_than, ~held)
                .order_by(items.c.id)
            )
            if drawn_as:
                rows = rows.where(findings.c.drawn_as == drawn_as)
            if having is not None:
                rows = rows.where(having)
            if alone:
                rows = rows.where(findings.c.draw >= SECOND_READ_OF_RANDOM)
            for group in COMMUNITY_GROUPS if levels else ():
                rows = rows.where(items.c.person["levels"][group]["level"].astext.in_(levels))
            unread_items = [(int(item), str(kind)) for item, kind in connection.execute(rows)]
            if marked:
                unread_items = [
                    one for one in unread_items if _is_marked(connection, one[0], marked)
                ]
            if levels:
                unread_items = [
                    one for one in unread_items if len(self._recent(connection, one[0])) > 1
                ]
        assert unread_items, f"no unread case left in {pdu}: queue more in conftest"
        if seed := os.environ.get(ANY_CASE):
            random.Random(f"{seed} {pdu} {drawn_as}").shuffle(unread_items)
        # Of the kind of which most are left: who asks for the other kind finds one.
        kinds = Counter(kind for _, kind in unread_items)
        return next(item for item, kind in unread_items if kind == kinds.most_common(1)[0][0])

    def let_wait(self, item: int, days: int) -> None:
        """Let a case wait: it came into the queue so many days ago."""
        with self.admin.begin() as connection:
            since = func.triage.today() - days
            connection.execute(update(items).where(items.c.id == item).values(queued_on=since))

    def _recent(self, connection: Connection, item: int) -> list[lines.Line]:
        """The lines that the page of a case opens with."""
        person = connection.execute(select(items.c.person).where(items.c.id == item)).scalar_one()
        history = select(entries).where(entries.c.item_id == item, ~entries.c.system)
        rows = list(connection.execute(history.order_by(entries.c.position)).mappings())
        return lines.group_entries(lines.entries_since(rows, lines.last_assessed(person)))

    def held_by_practitioner(self, pdu: str = "N54ALD") -> tuple[int, str]:
        """An unread case of a unit that its made-up practitioner holds, and who that is."""
        names = demo.add_practitioners(self.settings)
        username = next(name for name in names if name.startswith(pdu[3:]))
        item = self.unread(pdu, levels=("LOW", "MEDIUM", "HIGH"))
        with self.admin.begin() as connection:
            code = select(users.c.staff_code).where(users.c.username == username)
            connection.execute(
                update(items)
                .where(items.c.id == item)
                .values(practitioner_code=code.scalar_subquery())
            )
        return item, username


def _is_marked(connection: Connection, item: int, words: str) -> bool:
    """Whether the words were read in a note of a case."""
    notes = connection.execute(
        select(findings.c.notes).where(findings.c.item_id == item)
    ).scalar_one()
    return any(
        words in str(entry["note"])[entry["starts_at"] : entry["ends_at"]]
        for entry in notes["entries"]
    )


@contextmanager
def later_night(days: int) -> Iterator[date]:
    """A night some days later: the clock is ahead, and the newest extract was taken on that day."""
    day = AS_OF + timedelta(days=days)
    with pytest.MonkeyPatch.context() as patch, clock.ahead_by(timedelta(days=days)):
        patch.setattr(Store, "extracted_on", property(lambda _: day))
        yield day


def name_everyone(extract: Path) -> None:
    """Made-up people have no names; the tests give them some, to see them kept and withheld."""
    for path in (extract / "people").glob("*.parquet"):
        people = pl.read_parquet(path)
        named = people.with_columns(
            given_name=pl.lit("Madeup"),
            family_name=pl.lit("Person-") + pl.int_range(pl.len()).cast(pl.String()).str.zfill(4),
        )
        named.write_parquet(path)


KNIFE = "Police say he was found with a knife in his waistband on Saturday"
DENIED = "He denied carrying a knife."
LONG_NOTE = (
    f"{'Attended on time and was polite. ' * 8}{KNIFE}. {'Next appointment agreed. ' * 10}{DENIED}"
)


def write_notes(extract: Path) -> None:
    """Write the long note on the newest contact of every case, as stock notes hold little.

    Which case a test meets depends on the tests before it, so every case must have the note.
    """
    for path in (extract / "contacts").glob("*.parquet"):
        contacts = pl.read_parquet(path)
        is_recorded = (
            pl.col("withdrawn_at").is_null()
            & (pl.col("recorded_at").dt.date() <= AS_OF)
            & (pl.col("occurred_on") <= AS_OF)
        )
        # Only where a case has nothing else does an entry made by the system hold the note.
        system_last = pl.col("occurred_on").dt.offset_by(
            pl.when("system_generated").then(pl.lit("-50y")).otherwise(pl.lit("0d"))
        )
        newest = system_last.rank("ordinal", descending=True).over("crn", is_recorded) == 1
        noted = contacts.with_columns(
            note=pl.when(is_recorded & newest).then(pl.lit(LONG_NOTE)).otherwise("note")
        )
        noted.write_parquet(path)


def make_caseload(folder: Path) -> None:
    """A made-up caseload, loaded into a store in a folder.

    Without stories: in so few people they are a handful, and tests need entries of every kind in
    two units.
    """
    parameters = synthetic.Parameters(CASES, 7, AS_OF, scenario="near-the-cut")
    synthetic.synthesise_extract(parameters, folder / "extract", folder / "truth")
    name_everyone(folder / "extract")
    write_notes(folder / "extract")
    load_extract(folder / "extract", folder / "store")


def quick_config() -> config.Config:
    """The configuration with one ridge and few trees, for speed; as many trainings as in use."""
    usual = config.read_config()
    return replace(
        usual,
        booster=replace(usual.booster, rounds=20),
        weights=replace(usual.weights, ridges=(30.0,)),
        level=replace(usual.level, ridges=(30.0,), parts=2),
    )


PRIOR_ALONE = "ROSH_TEST_PRIOR_ALONE"
"""Set where a run needs a queue and no trained model: then the prior alone ranks, in seconds."""


def train(folder: Path, output: Path) -> pipeline.Proposal:
    """A bundle trained on the made-up caseload; its intervals rest on few resamples, for speed.

    The caseload is in the one folder; bundles and tracking are written to the other.
    """
    if PRIOR_ALONE in os.environ:
        return pipeline.propose_prior(
            Store.open(folder / "store"),
            AS_OF,
            quick_config(),
            output / "bundles",
            output / "tracking",
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "RESAMPLES", 40)
        patch.setattr(stability, "BOOTSTRAPS", 2)
        patch.setattr(gate, "FEWEST_HIGHER", FEWEST_HIGHER)
        patch.setattr(challengers, "ROUNDS", 50)
        return pipeline.train_bundle(
            Store.open(folder / "store"),
            AS_OF,
            quick_config(),
            output / "bundles",
            output / "tracking",
        )


def train_once(folder: Path, shared: Path) -> pipeline.Proposal:
    """The bundle of `train`, trained by the first of the processes of a run that needs it.

    Both have made the same caseload: the same parameters give the same rows. MLflow writes whole
    paths into its database, so the shared folder must outlive both processes.
    """
    with shared.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pickled = shared / "proposal.pickle"
        if not pickled.exists():
            pickled.write_bytes(pickle.dumps(train(folder, shared)))
    for name in ("bundles", "tracking"):
        shutil.copytree(shared / name, folder / name)
    trained: pipeline.Proposal = pickle.loads(pickled.read_bytes())  # noqa: S301 - our own
    return replace(trained, folder=folder / "bundles" / trained.folder.name)


@contextmanager
def running(folder: Path, proposal: pipeline.Proposal) -> Iterator[Service]:
    """The service after its first night, with enough in the queue for every test."""
    chosen = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(folder)})
    # The same cases in every run: which of them a test meets is not left to a secret drawn anew.
    settings = replace(chosen, draw_secret="the draw of the tests")
    with another_day.database_started_on_the_day():
        migrate_database(settings)
    demo.add_users(settings)
    web, night = engine_for(settings, WEB), engine_for(settings, NIGHT)
    model = bundle.load_bundle(proposal.folder)
    store = Store.open(settings.store)
    cases = build.cases_under_supervision(store, AS_OF).height
    demo.approve_demo(settings, web, model, proposal.folder.name, cases * 36)
    run.run_night(settings, night, AS_OF)
    # The administrator may act in people's names too, so that the tests can ask what a rule says.
    key = identity.key_from(settings.session_secret)
    admin = create_engine(admin_url(settings)).execution_options(**{identity.OPTION: key})
    yield Service(settings, web, night, admin, store, model, proposal.folder)
    for engine in (web, night, admin):
        engine.dispose()
