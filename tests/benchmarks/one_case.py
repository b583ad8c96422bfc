"""make bench-score: what the API's score of one case costs, beside a page that only says hello.

Cases of the newest demo (make demo first), each sent as another service would send it, one after
another over HTTP; then the same histories worked out without the web, beside Polars' own choice of
engine. Made-up people: it proves nothing but the cost.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import requests
from sqlalchemy import create_engine, text

from features.contracts import records
from features.errors import MissingInput
from features.frame import build
from features.history import asof
from features.store.store import Store
from serving import settings as settings_module
from serving.db.migrate import migrate_database
from serving.db.server import WEB, admin_url, engine_for
from serving.settings import Oidc, Settings
from serving.web import app as web_app
from tests.benchmarks.load import say_line, wait_for, with_hello
from tests.journeys.conftest import free_port
from tests.tokens import named, provider_of_keys, token

SENT = int(os.environ.get("SENT", "200"))
WARM = 20
NOT_SENT = ("limits", "reviews")
History = dict[str, list[dict[str, Any]]]


def demo() -> Settings:
    """The settings of the newest demo."""
    current = Path("var/demo/current")
    if not current.exists():
        raise MissingInput("There is no demo, so there is no model. Run: make demo")
    data = current.read_text(encoding="utf-8").strip()
    return settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": data})


def histories(store: Store, as_of: date) -> dict[str, History]:
    """Some cases of a night, drawn at random, as the rows that another service would send."""
    on = build.cases_under_supervision(store, as_of).filter(~pl.col("limited"))
    drawn = random.Random(7).sample(sorted(on["crn"]), min(SENT + WARM, on.height))
    histories_by_crn: dict[str, History] = {crn: {} for crn in drawn}
    for name in records.TABLES:
        if name in NOT_SENT:
            continue
        versions = store.read_versions(name).filter(pl.col("crn").is_in(drawn))
        columns = [
            column for column in records.find_table(name).schema if column in versions.columns
        ]
        for crn in drawn:
            rows = versions.filter(pl.col("crn") == crn).select(columns).to_dicts()
            histories_by_crn[crn][name] = [
                {key: _json_value(value) for key, value in row.items() if value is not None}
                for row in rows
            ]
    return histories_by_crn


def _json_value(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def serve(issuer: str, port: int) -> None:
    """The service with a provider of tokens, and a page that only says hello."""
    chosen = demo()
    oidc = Oidc(issuer, "rosh-triage", "secret", "http://here", "rosh-triage-api")
    with_hello(web_app.create_app(replace(chosen, oidc=oidc), engine_for(chosen, WEB)), port)


def ask(address: str, issuer: str, as_of: date, cases: dict[str, History]) -> list[float]:
    """Seconds of each score, one after another; each is asked for once."""
    spent = []
    with requests.Session() as client:
        for crn, tables in cases.items():
            signed = token(issuer, **named("batch", "BATCH-1"))
            sent = {"crn": crn, "asOf": f"{as_of}", "tables": tables}
            began = time.perf_counter()
            answer = client.post(
                f"{address}/v1/scores", json=sent, headers={"Authorization": f"Bearer {signed}"}
            )
            spent.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.text[:300]
    return spent


def greet(address: str) -> list[float]:
    """Seconds of each greeting."""
    spent = []
    with requests.Session() as client:
        for _ in range(SENT):
            began = time.perf_counter()
            client.get(f"{address}/hello")
            spent.append(time.perf_counter() - began)
    return spent


def by_engine(store: Store, as_of: date, crns: list[str]) -> None:
    """The indicators of one case after another, as we work them out and as Polars would choose."""
    histories = [asof.read_histories(store, asof.make_spine([crn], as_of)) for crn in crns[:40]]
    ours, theirs = [], []
    for one in histories:
        began = time.perf_counter()
        build.build_frame(replace(one, plans={}))
        ours.append(time.perf_counter() - began)
    own = pl.collect_all
    pl.collect_all = lambda plans, **_: own(plans)
    for one in histories:
        began = time.perf_counter()
        build.build_frame(replace(one, plans={}))
        theirs.append(time.perf_counter() - began)
    pl.collect_all = own
    say(f"indicators alone, {len(histories)} cases", ours)
    say("the same by Polars' own choice of engine", theirs)
    say_line(f"  ratio {statistics.median(theirs) / statistics.median(ours):.1f}")


def say(title: str, spent: list[float]) -> None:
    """A line: how many, median, p95."""
    p95 = statistics.quantiles(spent, n=20)[-1]
    say_line(
        f"{title:45} {len(spent):4}  median {1e3 * statistics.median(spent):6.1f} ms"
        f"  p95 {1e3 * p95:6.1f} ms"
    )


def main() -> None:
    """Serve, ask, and say."""
    chosen = demo()
    migrate_database(chosen)
    engine = create_engine(admin_url(chosen))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO triage.users (username, name, role, made_up)"
                " VALUES ('BATCH-1', 'Batch', 'batch', true) ON CONFLICT DO NOTHING"
            )
        )
        as_of = connection.execute(text("SELECT max(as_of) FROM triage.runs")).scalar_one()
    engine.dispose()
    store = Store.open(chosen.store)
    cases = histories(store, as_of)
    sizes = sorted(sum(len(rows) for rows in one.values()) for one in cases.values())
    say_line(
        f"{len(cases)} cases of {sizes[0]} to {sizes[-1]} rows, {sizes[len(sizes) // 2]} in the"
        " middle"
    )
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.benchmarks.one_case"]
    with (
        provider_of_keys() as issuer,
        subprocess.Popen([*command, issuer, str(port)]) as server,
    ):
        wait_for(address)
        spent = ask(address, issuer, as_of, cases)[WARM:]
        say("a score of one case, over HTTP", spent)
        say("a page that only says hello", greet(address))
        server.terminate()
    by_engine(store, as_of, list(cases))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    say_line(f"the service's peak memory: {peak:,.0f} MiB")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        serve(sys.argv[1], int(sys.argv[2]))
    else:
        main()
