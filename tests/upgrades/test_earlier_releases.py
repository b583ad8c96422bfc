"""A service of each earlier release comes up to date, and keeps every review.

Each `release_*.tar.xz` was written by the code of that release over 120 made-up people
(`make_archive`): the database as pg_dump writes it, the store, the bundle, a file of scores and the
signed heads of the audit, after one night and two reviews. Their secrets are made up too.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, create_engine, text

from features import clock
from features.errors import MissingInput, NotApproved, UserError
from features.store.store import Store
from features.store.verification import verify_store
from models.bundle import load_bundle
from serving import settings as settings_module
from serving import watch
from serving.cases.account import account_of_case
from serving.commands.service import check_audit
from serving.db import audit_chain
from serving.db.migrate import make_roles, migrate_database
from serving.db.server import NIGHT, WEB, admin_url, engine_for, program_of
from serving.db.session import transaction
from serving.night import backups, replay_run, run
from serving.settings import Settings
from serving.web import app as web_app
from tests import another_day
from tests.pages import Browser

HERE = Path(__file__).parent
AS_OF = date(2026, 11, 27)
RELEASES = sorted(HERE.glob("release_*.tar.xz"))
TABLES = ("users", "approvals", "runs", "items", "entries", "own_views", "conclusions", "audit")
READERS = {"N54ALD": "ALD-SPO-1", "N54BRI": "BRI-SPO-1"}


@dataclass(frozen=True)
class Release:
    """A service of an earlier release that came up to date, and what its tables held before."""

    name: str
    settings: Settings
    before: dict[str, list[dict[str, Any]]]
    admin: Engine


def rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of the tables, by table."""
    return {
        table: [
            dict(row)
            for row in connection.execute(text(f"SELECT * FROM triage.{table} t ORDER BY t::text"))
            .mappings()
            .all()
        ]
        for table in TABLES
    }


@pytest.fixture(scope="module", params=RELEASES, ids=[path.name for path in RELEASES])
def release(request: pytest.FixtureRequest, front_end: None) -> Iterator[Release]:
    folder = Path(tempfile.mkdtemp(prefix="rosh-release-"))
    folder.chmod(0o755)
    unpack(request.param, folder)
    settings = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(folder)})
    with another_day.database_started_on_the_day():
        admin = create_engine(admin_url(settings))
    make_roles(settings)
    restore(settings, folder / "database.sql")
    with admin.connect() as connection:
        before = rows(connection)
    migrate_database(settings)
    yield Release(request.param.name, settings, before, admin)
    admin.dispose()
    shutil.rmtree(folder, ignore_errors=True)


def unpack(path: Path, folder: Path) -> None:
    """Unpack an archive of `make_archive`, which holds plain files alone."""
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())


def restore(settings: Settings, dump: Path) -> None:
    """Run a dump that was written as SQL."""
    options = ["--quiet", "--set=ON_ERROR_STOP=1", f"--file={dump}"]
    backups._run_program(program_of(settings, "psql"), admin_url(settings), options)


def test_there_is_one_for_each_release_before_this() -> None:
    changes = (HERE.parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
    names = {path.name.removesuffix(".tar.xz") for path in RELEASES}
    headings = [line.split()[1] for line in changes.splitlines() if line.startswith("## 0.")]
    assert names == {f"release_{number.replace('.', '_')}" for number in headings}


def test_every_row_that_people_left_is_there_with_what_it_held(release: Release) -> None:
    assert len(release.before["conclusions"]) == 2
    with release.admin.connect() as connection:
        after = rows(connection)
    for table, earlier in release.before.items():
        assert earlier, table
        columns = set(earlier[0]) & set(after[table][0])
        assert {"id", "crn", "username", "reasons", "verdicts", "outcome"} & columns or columns
        gone = {"users": {"signed_in_at"}}.get(table, set())
        assert set(earlier[0]) - set(after[table][0]) <= gone, table
        present = [{name: row[name] for name in columns} for row in after[table]]
        for row in earlier:
            assert {name: row[name] for name in columns} in present, (table, row)


def test_the_audit_holds_from_the_first_row_on(release: Release) -> None:
    if "0_1_0" in release.name:
        with pytest.raises(MissingInput, match=r"an upgrade from 0\.1\.0: .* audit anchor"):
            check_audit(release.settings)
        with release.admin.connect() as connection:
            anchors, key = release.settings.anchors, release.settings.anchor_key
            audit_chain.write_anchor(connection, anchors, key)
    assert "each as it was written" in check_audit(release.settings)


def test_the_store_is_read_and_whole(release: Release) -> None:
    store = Store.open(release.settings.store)
    assert verify_store(store).is_sound
    assert store.read_versions("people").height == 120
    assert store.read_versions("contacts").height > 1000


def test_the_bundle_and_its_night_are_refused_with_a_sentence(release: Release) -> None:
    """A bundle binds the catalogue of indicators that it learned from."""
    (manifest,) = release.settings.bundles.glob("*/bundle.json")
    with pytest.raises(UserError, match="has the format of another version of this service. Train"):
        load_bundle(manifest.parent)
    night = engine_for(release.settings, NIGHT)
    with pytest.raises(
        NotApproved, match="Nothing can be flagged: the approval of .* does not hold"
    ):
        run.run_night(release.settings, night, AS_OF)
    with pytest.raises(UserError, match="is computed again by the code of that release"):
        replay_run.replay_run(release.settings, night, replay_run.NEWEST)
    night.dispose()


PAGES = {
    "BOARD-1": (
        "/board",
        "/board/approvals",
        "/board/runs",
        "/board/notes",
        "/board/incidents",
        *(f"/board/watch/{topic}" for topic in watch.TOPICS),
    ),
    "ALD-HEAD": (
        "/unit",
        "/acute",
        "/unit/week",
        "/unit/checklist",
        "/unit/limited",
        "/unit/cover",
    ),
    "ALD-SPO-1": ("/queue", "/reviews", "/people"),
}


def test_every_page_shows_what_the_earlier_release_stored(release: Release) -> None:
    """The board's pages read the figures of a night that counted fewer of them."""
    web = engine_for(release.settings, WEB)
    with TestClient(web_app.create_app(release.settings, web)) as client:
        for who, paths in PAGES.items():
            reader = Browser(client).sign_in(who)
            for path in paths:
                assert "Sorry, there is a problem" not in reader.get(path), path
        with release.admin.connect() as connection:
            items = connection.execute(text("SELECT id, pdu_code, crn FROM triage.items")).all()
        for item in items:
            if item.pdu_code not in READERS:
                continue
            reader = Browser(client).sign_in(READERS[item.pdu_code])
            reader.get(f"/people/{item.crn}")
            reader.get(f"/cases/{item.id}")
    web.dispose()


def test_an_open_case_is_read_and_concluded_and_a_concluded_one_is_accounted_for(
    release: Release,
) -> None:
    web = engine_for(release.settings, WEB)
    with release.admin.connect() as connection:
        items = connection.execute(text("SELECT id, crn, pdu_code, state FROM triage.items")).all()
    item = next(one for one in items if one.state == "open" and one.pdu_code in READERS)
    with TestClient(web_app.create_app(release.settings, web)) as client:
        reader = Browser(client).sign_in(READERS[item.pdu_code])
        assert item.crn in reader.get("/queue")
        reader.record_view(item.id)
        reader.get(f"/cases/{item.id}/findings")
        reader.conclude(item.id)
    concluded = next(one for one in items if one.state != "open")
    store = Store.open(release.settings.store)
    with transaction(web, "INSPECTOR-1") as opened:
        account = account_of_case(
            opened, store, release.settings.scores, concluded.crn, clock.today()
        )
    assert account.entries
    assert account.queued
    web.dispose()
    assert "each as it was written" in check_audit(release.settings)
