"""The JSON API: the same steps under the same seal, errors as HMPPS says them, nothing unsaid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
import schemathesis
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import text

from features.frame import build
from serving.settings import Oidc
from serving.web import access, api_routes
from serving.web import app as web_app
from serving.web.oidc import ROLES
from tests.conftest import AS_OF
from tests.service import Service
from tests.serving.web.test_access import USERS
from tests.tokens import named, token

Call = Callable[..., Response]
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def app(service: Service, front_end: None, issuer: str) -> Any:
    """The application with a provider of tokens."""
    service.held_by_practitioner()
    with service.admin.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO triage.users (username, name, role, made_up)"
                " VALUES ('BATCH-1', 'Batch', 'batch', true) ON CONFLICT DO NOTHING"
            )
        )
    oidc = Oidc(issuer, "rosh-triage", "secret", "http://here", "rosh-triage-api")
    return web_app.create_app(replace(service.settings, oidc=oidc), service.web)


@pytest.fixture(scope="module")
def call(app: Any, issuer: str) -> Iterator[Call]:
    """Calls an address as a role."""
    with TestClient(app, raise_server_exceptions=False) as client:

        def call_api(role: str, method: str, path: str, name: str = "", **more: Any) -> Response:
            signed = token(issuer, **named(role, name or USERS[role]))
            headers = {"Authorization": f"Bearer {signed}"}
            return client.request(method, f"/v1{path}", headers=headers, **more)

        yield call_api


def body(answer: Response, status: int = 200) -> Any:
    """What an answer holds."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


VIEW = {
    "verdicts": dict.fromkeys(("children", "public", "known_adult", "staff"), "cannot_tell"),
    "reasons": "Read in full by way of the API.",
}


def test_a_review_by_the_api_is_the_same_review(service: Service, call: Call) -> None:
    item = service.unread("N54ALD", drawn_as="flagged")
    queue = body(call("spo", "GET", "/queue?size=500"))
    assert item in [one["id"] for one in queue["content"]]
    assert queue["totalResults"] == len(queue["content"])
    case = body(call("spo", "GET", f"/cases/{item}"))
    assert set(case["recorded"]) >= {"children", "public", "known_adult", "staff"}
    sealed = body(call("spo", "GET", f"/cases/{item}/findings"), 403)
    assert sealed == {"status": 403, "userMessage": "Record your view before you see the findings."}
    entries = body(call("spo", "GET", f"/cases/{item}/entries?size=2"))
    assert len(entries["content"]) == 2
    assert body(call("spo", "POST", f"/cases/{item}/claim"))["progress"] == "claimed"
    wrong = body(call("spo", "POST", f"/cases/{item}/view", json={**VIEW, "reasons": "no"}), 422)
    assert "reasons" in wrong["faults"]
    one = entries["content"][0]
    ticked = [{"table": one["table"], "recordId": one["recordId"]}]
    view_answer = body(call("spo", "POST", f"/cases/{item}/view", json={**VIEW, "ticked": ticked}))
    assert view_answer["progress"] == "view_recorded"
    assert body(call("spo", "GET", f"/cases/{item}/findings"))["drawnAs"] == "flagged"
    body(call("head", "GET", f"/cases/{item}/findings"), 403)
    conclusion = {
        "outcome": "ask_reassessment",
        "groups": {"staff": "too_low"},
        "reasons": "Staff were threatened twice; read together.",
    }
    before = body(call("batch", "GET", "/events?size=500"))["last"]
    assert body(call("spo", "POST", f"/cases/{item}/conclusion", json=conclusion))["progress"] == (
        "concluded"
    )
    event = body(call("batch", "GET", f"/events?after={before}"))["content"][-1]["body"]
    assert event["eventType"] == "rosh-triage.review.concluded"
    assert event["version"] == 1
    assert event["personReference"]["identifiers"] == [{"type": "CRN", "value": case["crn"]}]
    assert "threatened" not in str(event), "a thin event: what was written is fetched"
    event_detail = body(call("batch", "GET", event["detailUrl"].removeprefix("/v1")))
    assert event_detail["reasons"] == conclusion["reasons"]
    assert event_detail["concludedBy"] == "Morgan Ellery"


def test_a_practitioner_answers_by_the_api(service: Service, call: Call) -> None:
    item, name = service.held_by_practitioner()
    body(call("spo", "POST", f"/cases/{item}/view", json=VIEW))
    body(call("spo", "GET", f"/cases/{item}/findings"))
    question = {
        "outcome": "need_information",
        "reasons": "Is the address of May still the right one?",
    }
    body(call("practitioner", "GET", f"/asked/{item}", name), 404)
    body(call("spo", "POST", f"/cases/{item}/conclusion", json=question))
    assert item in [one["id"] for one in body(call("practitioner", "GET", "/asked", name))]
    answer = {"kind": "fact", "words": "It is: checked by a visit on 20 November."}
    answer_row = body(call("practitioner", "POST", f"/asked/{item}/answers", name, json=answer))
    assert answer_row["state"] == "answered"
    assert answer_row["answers"][0]["words"] == answer["words"]


def history(service: Service, crn: str) -> dict[str, Any]:
    """Every row of a case in the store, as another service would send it."""
    tables: dict[str, Any] = {}
    for name in (
        "contacts",
        "incidents",
        "assessments",
        "supervisions",
        "registrations",
        "orders",
        "enquiries",
        "decisions",
        "allocations",
        "actions",
        "circumstances",
        "documents",
    ):
        rows = service.store.read_versions(name).filter(pl.col("crn") == crn)
        columns = [c for c in rows.columns if c not in ("known_from", "supplied_version", "load")]
        tables[name] = [
            {
                k: str(v) if v is not None and not isinstance(v, bool | int | float) else v
                for k, v in row.items()
                if v is not None and k in columns
            }
            for row in rows.select(columns).to_dicts()
        ]
    return tables


def test_a_score_for_one_case_is_that_of_the_night(service: Service, call: Call) -> None:
    scores = pl.read_parquet(next(service.settings.scores.glob("*.parquet")))
    crn = scores.filter("scorable").sort("crn")["crn"][0]
    sent = {"crn": crn, "asOf": AS_OF.isoformat(), "tables": history(service, crn)}
    columns = {c for rows in sent["tables"].values() for row in rows for c in row}
    assert "crn" in columns
    answer = body(call("batch", "POST", "/scores", json=sent))
    assert answer["modelVersion"] == service.model.id
    night = {row["group"]: row["probability"] for row in scores.filter(crn=crn).to_dicts()}
    for one in answer["output"]:
        assert one["probability"] == pytest.approx(night[one["group"]], abs=1e-9)


def test_histories_that_cannot_be_scored_are_said(service: Service, call: Call) -> None:
    good = {"crn": "A000001", "asOf": AS_OF.isoformat(), "tables": {}}
    row = {
        "record_id": "X",
        "crn": "A000002",
        "occurred_on": "2026-01-05",
        "recorded_at": "2026-01-05T12:00:00",
        "kind": "violence",
    }
    for tables, why in (
        ({"incident": []}, "Did you mean 'incidents'?"),
        ({"incidents": [{**row, "kynd": 1}]}, "kynd"),
        ({"incidents": [row]}, "it is of another case"),
        ({"incidents": [{**row, "crn": "A000001", "severity": 9}]}, "severity"),
        ({"incidents": [{**row, "crn": "A000001", "occurred_on": "yesterday"}]}, "not a date"),
    ):
        error_body = body(call("batch", "POST", "/scores", json={**good, "tables": tables}), 422)
        assert why in error_body["userMessage"], error_body
    nothing = body(call("batch", "POST", "/scores", json=good))
    assert {one["whyNot"] for one in nothing["output"]} == {"nothing on record"}
    assert {one["state"] for one in nothing["output"]} != {"current"}
    with service.admin.connect() as connection:
        limited = connection.execute(
            text("SELECT crn FROM triage.limits JOIN triage.caseload USING (crn) LIMIT 1")
        ).scalar_one()
    body(call("batch", "POST", "/scores", json={**good, "crn": limited}), 403)


DOORS = access.list_doors([api_routes.router])


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.method} {door.path}")
def test_each_call_lets_in_the_roles_it_names_and_no_other(
    service: Service, call: Call, app: Any, door: access.Door
) -> None:
    item = service.unread("N54BRI")
    path = door.path.format(item_id=item)
    assert door.roles
    for role in ROLES:
        status = call(role, door.method, path, json={} if door.method == "POST" else None)
        if role not in door.roles:
            assert status.status_code == 403, (role, status.text)
        else:
            assert status.status_code in (200, 400, 404), (role, status.text)
    with TestClient(app) as client:
        nobody = client.request(door.method, f"/v1{path}")
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"] == "Bearer"


def everything_asked(call: Call, role: str, item: int, name: str = "") -> str:
    """What every call about a case gives a role, whatever its status."""
    answers = []
    for door in (one for one in DOORS if "batch" not in (one.roles or ())):
        path = door.path.format(item_id=item)
        sent = {} if door.method == "POST" and not door.path.endswith("claim") else None
        if door.path.endswith(("/claim", "/return")):
            continue
        answers.append(call(role, door.method, path, name, json=sent).text)
    return "\n".join(answers)


def test_no_call_tells_of_the_findings_before_the_view(service: Service, call: Call) -> None:
    """Promise 4 by way of the API: every call, also what it refuses, in every role."""
    item = service.unread("N54BRI", drawn_as="flagged")
    with service.admin.connect() as connection:
        rows = text("SELECT reasons, shown_only FROM triage.findings WHERE item_id = :item")
        row = connection.execute(rows, {"item": item}).one()
    sealed = {f["sentence"] for reason in row.reasons for f in reason["findings"]}
    sealed |= {f["sentence"] for f in row.shown_only}
    assert sealed
    for role in ROLES:
        responses = everything_asked(call, role, item, "BRI-SPO-1" if role == "spo" else "")
        assert not [one for one in sealed if json.dumps(one)[1:-1] in responses], role
        assert '"drawnAs"' not in responses
        assert '"probability"' not in responses
    view = call("spo", "POST", f"/cases/{item}/view", "BRI-SPO-1", json=VIEW)
    assert view.status_code == 200
    after = body(call("spo", "GET", f"/cases/{item}/findings", "BRI-SPO-1"))
    assert after["drawnAs"] == "flagged"
    assert call("spo", "GET", f"/cases/{item}/findings", "BRI-SPO-2").status_code == 403


def test_no_call_tells_another_unit_of_a_case(service: Service, call: Call) -> None:
    item = service.unread("N54BRI")
    with service.admin.connect() as connection:
        crn = connection.execute(text(f"SELECT crn FROM triage.items WHERE id = {item}")).scalar()
    for role in ("spo", "head", "practitioner"):
        assert str(crn) not in everything_asked(call, role, item), role
    for door in DOORS:
        if door.path.startswith("/cases/") and "spo" in (door.roles or ()):
            sent = VIEW if door.method == "POST" else None
            status = call("spo", door.method, door.path.format(item_id=item), json=sent).status_code
            assert status in (400, 404), (door, status)


def test_a_limited_case_is_its_crn_by_every_call(service: Service, call: Call) -> None:
    item = service.unread("N54ALD")
    change = text("UPDATE triage.items SET limited = :limited WHERE id = :item")
    with service.admin.begin() as connection:
        connection.execute(change, {"limited": True, "item": item})
    try:
        (listed,) = [
            one
            for one in body(call("spo", "GET", "/queue?size=500"))["content"]
            if one["id"] == item
        ]
        values = {name: value for name, value in listed.items() if value not in (None, {}, [])}
        assert set(values) == {"id", "crn", "pduCode", "limited"}
        for door in DOORS:
            if door.path.startswith("/cases/") and "spo" in (door.roles or ()):
                sent = VIEW if door.path.endswith("/view") else None
                if door.path.endswith("/conclusion"):
                    sent = {"outcome": "keep_level", "reasons": "Read in full, and thought about."}
                answer = call("spo", door.method, door.path.format(item_id=item), json=sent)
                assert answer.status_code == 403 or not answer.json().get("recorded"), door
    finally:
        with service.admin.begin() as connection:
            connection.execute(change, {"limited": False, "item": item})


def test_a_limit_is_told_by_services_and_closes_the_case(service: Service, call: Call) -> None:
    item = service.unread("N54BRI")
    with service.admin.connect() as connection:
        rows = text("SELECT crn, person FROM triage.items WHERE id = :item")
        crn, person = connection.execute(rows, {"item": item}).one()
    body(call("spo", "POST", "/limits", json={"crn": crn}), 403)
    sent = {"crn": crn, "restrictedTo": ["SOMEBODY-ELSE"]}
    assert body(call("batch", "POST", "/limits", json=sent)) == {"crn": crn, "held": True}
    with service.admin.begin() as connection:
        limited_row = text("SELECT limited, person::text FROM triage.items WHERE id = :item")
        assert tuple(connection.execute(limited_row, {"item": item}).one()) == (True, "{}")
    body(call("batch", "POST", "/scores", json={"crn": crn, "asOf": f"{AS_OF}", "tables": {}}), 403)
    unknown = {"crn": "Z999999", "excluded": ["A", "A"]}
    assert not body(call("batch", "POST", "/limits", json=unknown))["held"]
    body(call("batch", "POST", "/limits", json={"crn": "Z999999", "excluded": [" "]}), 400)
    named = {"crn": "Z999999", "restrictedTo": ["sean.o'connor@justice.gov.uk"]}
    body(call("batch", "POST", "/limits", json=named))
    with service.admin.begin() as connection:
        as_before = {"crn": crn, "item": item, "person": json.dumps(person)}
        for statement in (
            "DELETE FROM triage.limits WHERE crn = :crn",
            "UPDATE triage.caseload SET limited = false WHERE crn = :crn",
            "UPDATE triage.items SET limited = false, person = :person WHERE id = :item",
        ):
            connection.execute(text(statement), as_before)


def test_a_role_counts_where_token_and_table_both_say_it(
    service: Service,
    app: Any,
    issuer: str,
) -> None:
    with TestClient(app) as client:
        for name, roles in (
            ("ALD-SPO-1", [ROLES["head"]]),
            ("ALD-SPO-1", []),
            ("SOMEBODY", [ROLES["spo"]]),
        ):
            signed = token(issuer, user_name=name, authorities=roles)
            response = client.get("/v1/queue", headers={"Authorization": f"Bearer {signed}"})
            assert response.status_code == 403
        assert client.get("/v1/queue", headers={"Authorization": "Bearer x"}).status_code == 401
        assert client.get("/v1/nowhere").json()["userMessage"] == "There is no such address."


@pytest.mark.parametrize("role", ["spo", "practitioner", "batch"])
def test_nothing_that_the_description_allows_breaks_it(
    app: Any,
    issuer: str,
    role: str,
) -> None:
    """Made-up requests over the whole description: no 5xx, no status or body that is not said."""
    signed = token(issuer, **named(role, USERS[role]), exp=2**31)
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == len(DOORS)
    for operation in operations:
        _try_out(operation, {"Authorization": f"Bearer {signed}"})


def _try_out(operation: Any, headers: dict[str, str]) -> None:
    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    check()


def test_the_catalogue_of_the_night_is_the_one_that_scores_one_case(service: Service) -> None:
    assert service.model.catalogue == build.catalogue_hash()
