"""make load: the pages under load, beside a page that only says hello.

20 people, 5 seconds between clicks, one minute; 240,000 cases and 100,000 past reviews in the
database, 400 entries in the case that is read. Everything is made up by SQL: it proves nothing but
what the pages cost. Then the same while a night's commits run beside it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import requests
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from sqlalchemy import create_engine, text

from features import clock
from serving import settings as settings_module
from serving.cases import caseload
from serving.commands import demo
from serving.db.migrate import migrate_database
from serving.db.server import NIGHT, WEB, admin_url, engine_for
from serving.night import outcomes_file, sampling
from serving.night.sampling import Key
from serving.settings import Settings
from serving.web import app as web_app
from tests.journeys.conftest import free_port

PEOPLE = int(os.environ.get("PEOPLE", "20"))
SECONDS = int(os.environ.get("SECONDS_OF_LOAD", "60"))
PAST = int(os.environ.get("PAST", "100000"))
CASES = int(os.environ.get("LOAD_CASES", "240000"))
AS_OF = clock.last_full_day() - timedelta(days=10)
"""The night was ten days ago: a deputy may read what nobody of the unit began by now."""
QUEUED_ON, DUE_ON = AS_OF + timedelta(days=1), AS_OF + timedelta(days=8)
BETWEEN, UNITS, ENTRIES = 5.0, 150, 400
LEVELS = """'{"children": {"level": "LOW", "state": "current", "assessed_on": "2026-05-01"},
 "public": {"level": "MEDIUM", "state": "current", "assessed_on": "2026-05-01"},
 "known_adult": {"level": "LOW", "state": "current", "assessed_on": "2026-05-01"},
 "staff": {"level": "LOW", "state": "current", "assessed_on": "2026-05-01"}}'::jsonb"""
UNIT = f"'N54' || lpad(((n % {UNITS})::text), 3, '0')"

FILL = (
    "INSERT INTO triage.approvals (bundle_id, bundle_folder, catalogue, rates, random_share, demo,"
    " expires_at) VALUES ('b', 'b', 'c', '{}', 0.2, true, now() + interval '80 days')",
    "INSERT INTO triage.runs (id, as_of, approval_id, bundle_id, store_load, store_fingerprint,"
    f" scores_file, scores_sha256, counts, made_up) SELECT 'r', '{AS_OF}', id, 'b', 1, 'f', 's',"
    " 's', '{}', true FROM triage.approvals",
    f"INSERT INTO triage.caseload SELECT 'A' || lpad(n::text, 6, '0'), {UNIT}, 'N54S' || (n % 3000),"
    f" n % 200 = 0, '{AS_OF}' FROM generate_series(1, {CASES}) n",
    f"INSERT INTO triage.facts SELECT 'A' || lpad(n::text, 6, '0'), 'da_enquiry_overdue', {UNIT},"
    f" 'N54S' || (n % 3000), '{AS_OF}' FROM generate_series(1, {CASES}, 10) n",
    "UPDATE triage.users SET pdu_code = 'N54000' WHERE pdu_code = 'N54ALD'",
    f"INSERT INTO triage.items (run_id, crn, pdu_code, as_of, queued_on, due_on, shuffle, limited, state,"
    f" person) SELECT 'r', 'A' || lpad(n::text, 6, '0'), {UNIT}, '{AS_OF}', '{QUEUED_ON}', '{DUE_ON}',"
    f" md5(n::text), false, CASE WHEN n <= {PAST} THEN 'concluded' ELSE 'open' END,"
    f" jsonb_build_object('name', '', 'levels', {LEVELS}, 'feeds', '{{}}'::jsonb, 'incomplete',"
    f" false, 'since', '2026-01-05', 'supervision', 'licence', 'born_on', null, 'suspended_from',"
    f" null, 'interpreter', null, 'adjustments', null, 'non_compliance', null, 'outstanding', null)"
    f" FROM generate_series(1, {PAST} + 6000) n",
    "INSERT INTO triage.findings SELECT id, 'flagged', 'public', 'LOW', 0.4, 1.0, '[]', '[]', 0.9"
    " FROM triage.items",
    "INSERT INTO triage.own_views (item_id, username, levels, reasons, verdicts, at) SELECT id,"
    ' \'ALD-SPO-1\', \'{"children": "LOW", "public": "LOW", "known_adult": "LOW",'
    ' "staff": "LOW"}\', repeat(\'x\', 40), \'{"public": "about_right"}\', now() - id % 1000 * interval \'1 day\' FROM triage.items'
    " WHERE state = 'concluded'",
    # Of every tenth a reassessment was asked for; most were done, some were declined.
    "INSERT INTO triage.conclusions (item_id, username, outcome, groups, reasons, asked, at) SELECT"
    " id, 'ALD-SPO-1', CASE WHEN id % 10 = 0 THEN 'ask_reassessment' ELSE 'keep_level' END,"
    " CASE WHEN id % 10 = 0 THEN '{\"public\": \"too_low\"}'::jsonb ELSE '{}'::jsonb END,"
    " repeat('x', 40), '', now() - id % 1000 * interval '1 day' FROM triage.items"
    " WHERE state = 'concluded'",
    "INSERT INTO triage.answers (item_id, username, kind, words, at) SELECT id, CASE WHEN id % 50 = 0"
    " THEN 'BRI-SPO-1' END, CASE WHEN id % 50 = 0 THEN 'declined' ELSE 'reassessed' END,"
    " repeat('x', 40), now() - id % 1000 * interval '1 day' FROM triage.items"
    " WHERE state = 'concluded' AND id % 10 = 0 AND id % 70 > 0",
    f"INSERT INTO triage.entries SELECT i.id, n, 'contacts', 'C' || n, '2026-01-05'::date + n % 300,"
    f" '2026-01-05', 'Planned office visit', 'Attended, complied', 'NDelius', 'fact', true, false,"
    f" n % 2 = 0 FROM triage.items i, generate_series(1, {ENTRIES}) n"
    f" WHERE i.state = 'open' AND i.pdu_code = 'N54000'",
    # A deputy has the queues of two units, and most past reviews of one of them.
    "UPDATE triage.users SET pdu_code = 'N54001' WHERE username = 'BRI-SPO-1'",
    "INSERT INTO triage.cover (pdu_code, deputy, username) VALUES ('N54000', 'BRI-SPO-1',"
    " 'ALD-HEAD')",
    "ANALYZE",
)


def fill(settings: Settings) -> None:
    """The database at national size, without the triggers that a person's own review has."""
    engine = create_engine(admin_url(settings))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET session_replication_role = replica"))
        for statement in FILL:
            connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()


def serve(data: str, port: int) -> None:
    """The service, and a page that only says hello."""
    chosen = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": data})
    with_hello(web_app.create_app(chosen, engine_for(chosen, WEB)), port)


def with_hello(app: FastAPI, port: int) -> None:
    """Serve an application with a page beside it that only says hello, until stopped."""

    @app.get("/hello")
    def hello() -> HTMLResponse:
        """Only says hello."""
        return HTMLResponse("<p>Hello</p>")

    web_app.settle_memory()
    uvicorn.run(app, port=port, log_level="warning", access_log=False, timeout_keep_alive=75)


def wait_for(address: str) -> None:
    """Until the service answers."""
    while True:
        try:
            requests.get(f"{address}/ping", timeout=1)
            return
        except requests.ConnectionError:
            time.sleep(0.2)


def visit(
    address: str,
    number: int,
    paths: list[str],
    begin: threading.Barrier,
    seconds_by_page: dict[str, list[float]],
    lock: threading.Lock,
) -> None:
    """One person: signs in, and loads one page after another, five seconds apart."""
    with requests.Session() as client:
        token = client.get(f"{address}/sign-in").text.split('name="csrf" value="')[1].split('"')[0]
        who = "BRI-SPO-1" if number % 5 == 4 else f"ALD-SPO-{number % 2 + 1}"
        client.post(f"{address}/sign-in", data={"csrf": token, "username": who})
        for path in paths:
            client.get(address + path)  # not counted: the first visit reads what nothing holds yet
        begin.wait()
        until = time.monotonic() + SECONDS
        time.sleep(BETWEEN * number / PEOPLE)
        turn = number
        while time.monotonic() < until:
            path = paths[turn % len(paths)]
            name = f"{path} (deputy)" if who.startswith("BRI") else path
            began = time.perf_counter()
            answer = client.get(address + path)
            spent = time.perf_counter() - began
            assert answer.status_code == 200, (path, answer.status_code)
            with lock:
                seconds_by_page.setdefault(name, []).append(spent)
            turn += 1
            time.sleep(BETWEEN)


def load(address: str, paths: list[str]) -> dict[str, list[float]]:
    """Everybody at once, for a minute, once each has been everywhere."""
    seconds: dict[str, list[float]] = {}
    lock, begin = threading.Lock(), threading.Barrier(PEOPLE, timeout=120)
    with ThreadPoolExecutor(PEOPLE) as people:
        visits = [
            people.submit(visit, address, n, paths, begin, seconds, lock) for n in range(PEOPLE)
        ]
    for one in visits:
        one.result()  # a page that did not answer ends the measuring: its figures would be too good
    return seconds


def commit(data: str) -> None:
    """A night's commit again and again, a tenth of the caseload changed each time; a line a commit.

    What a night writes, as it writes it, in a process of its own as a night is.
    """
    chosen = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": data})
    engine, number = engine_for(chosen, NIGHT), 0
    units, on, facts = caseload_of()
    while True:
        number += 1
        where = caseload.Placed(units, dict.fromkeys(list(units)[number % 10 :: 10], f"{number}"))
        began = time.perf_counter()
        with engine.begin() as connection:
            caseload.write_caseload(connection, on, where, AS_OF)
            caseload.write_facts(connection, on, facts, where, AS_OF)
        say_line(f"{time.perf_counter() - began:.2f}")


def caseload_of() -> tuple[dict[str, str], pl.DataFrame, pl.DataFrame]:
    """The unit of each case, whether access is limited, and one fact of every tenth."""
    crns = [f"A{n:06d}" for n in range(1, CASES + 1)]
    units = {crn: f"N54{n % UNITS:03d}" for n, crn in enumerate(crns)}
    on = pl.DataFrame({"crn": crns, "limited": [n % 200 == 0 for n in range(CASES)]})
    return units, on, pl.DataFrame({"crn": crns[::10], "indicator": "da_enquiry_overdue"})


def say_line(words: str) -> None:
    """A line on standard output, at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def say(title: str, seconds_by_page: dict[str, list[float]]) -> None:
    """A line a page: how many, median, p95."""
    say_line(f"\n{title}")
    for path, spent in sorted(seconds_by_page.items()):
        p95 = statistics.quantiles(spent, n=20)[-1] if len(spent) > 1 else spent[0]
        say_line(
            f"  {path:38} {len(spent):5} loads  median {1e3 * statistics.median(spent):6.0f} ms"
            f"  p95 {1e3 * p95:6.0f} ms"
        )


def choose_and_write(settings: Settings) -> None:
    """What a night does after scoring: choose, keep every person, bring the caseload up to date."""
    rng = np.random.default_rng(7)
    units, on, facts = caseload_of()
    crns, rows = list(units), 4 * CASES
    scored = pl.DataFrame(
        {
            "crn": np.repeat(crns, 4),
            "group": ["children", "public", "known_adult", "staff"] * CASES,
            "stratum": rng.choice(["LOW", "MEDIUM", "HIGH", "UNKNOWN"], rows),
            "scorable": True,
            "why_not": pl.Series([None] * rows, dtype=pl.String),
            "probability": rng.random(rows),
        }
    )
    for title in ("a night that changes every case", "a night that changes a tenth"):
        began = time.perf_counter()
        rates = {"low": 320, "medium": 400, "high": 240, "unknown": 160}
        chosen = sampling.sample_cases(scored, units, rates, 0.2, {}, (), Key("s", title))
        outcomes = outcomes_file.outcome_rows(
            scored, on.filter("limited")["crn"], units, chosen, (), ()
        )
        outcomes.write_parquet(settings.data / "night.parquet")
        middle = time.perf_counter()
        engine = engine_for(settings, NIGHT)
        with engine.begin() as connection:
            where = caseload.Placed(units, dict.fromkeys(crns[::10], title))
            caseload.write_caseload(connection, on, where, AS_OF)
            caseload.write_facts(connection, on, facts, where, AS_OF)
        engine.dispose()
        say_line(
            f"{title}: chosen and kept in {middle - began:.1f} s ({outcomes.height:,} rows, "
            f"{len(chosen):,} chosen), caseload in {time.perf_counter() - middle:.1f} s"
        )


def main() -> None:
    """Fill, serve, load, and say."""
    with tempfile.TemporaryDirectory(prefix="rosh-load-") as folder:
        Path(folder).chmod(0o755)
        chosen = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": folder})
        migrate_database(chosen)
        demo.add_users(chosen)
        began = time.perf_counter()
        fill(chosen)
        say_line(
            f"{CASES:,} cases and {PAST:,} past reviews in {time.perf_counter() - began:.0f} s"
        )
        choose_and_write(chosen)
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "tests.benchmarks.load", folder]
        with subprocess.Popen([*command, str(port)]) as server:
            try:
                wait_for(address)
                measure(address, command, paths_of(chosen))
            finally:
                server.terminate()


def paths_of(settings: Settings) -> list[str]:
    """The pages that each person loads in turn."""
    engine = create_engine(admin_url(settings))
    with engine.connect() as connection:
        item = connection.execute(
            text("SELECT min(id) FROM triage.items WHERE state = 'open' AND pdu_code = 'N54000'")
        ).scalar_one()
    engine.dispose()
    case = f"/cases/{item}"
    return [
        "/queue",
        case,
        f"{case}?whole=true&system=true",
        "/unit",
        "/reviews",
        "/unit/checklist",
        "/hello",
    ]


def measure(address: str, writes: list[str], paths: list[str]) -> None:
    """The pages alone, and beside a process that commits without pause."""
    say(f"{PEOPLE} people, {BETWEEN:.0f} s between clicks, {SECONDS} s", load(address, paths))
    with subprocess.Popen(writes, stdout=subprocess.PIPE, text=True) as writer:
        first = writer.stdout.readline() if writer.stdout else ""  # it runs: the load begins
        try:
            say("the same while a night commits, again and again", load(address, paths))
        finally:
            writer.terminate()
        commits = [float(line) for line in (first + writer.communicate()[0]).split()]
    say_line(f"  {len(commits)} commits, each {statistics.median(commits):.1f} s")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        serve(sys.argv[1], int(sys.argv[2]))
    elif len(sys.argv) == 2:
        commit(sys.argv[1])
    else:
        main()
