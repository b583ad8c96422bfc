"""Signing in: sessions that end, tokens that hold, what was typed when one ran out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from features.contracts.codes import COMMUNITY_GROUPS
from features.errors import SetupProblem
from serving import __main__ as main_module
from serving import settings as settings_module
from serving.db import identity
from serving.db.session import AuditEvent, transaction
from serving.night import retention
from serving.settings import Oidc
from serving.web import app as web_app
from serving.web import drafts
from serving.web.limiter import Limit, TooManyTries
from serving.web.oidc import ROLES, NotLetIn, Provider
from tests import factories
from tests.pages import Browser
from tests.service import Service
from tests.tokens import OTHER, named, token


@pytest.fixture
def provider(issuer: str) -> Provider:
    """What checks its tokens."""
    return Provider(Oidc(issuer, "rosh-triage", "secret", "http://here", "rosh-triage-api"))


def test_a_token_says_who_and_which_roles(provider: Provider, issuer: str) -> None:
    claims = provider.read_bearer(token(issuer))
    assert claims.username == "X"
    assert claims.grants_role("spo")
    assert not claims.grants_role("head")
    service = provider.read_bearer(token(issuer, **named("batch", "batch-1")))
    assert service.username == "batch-1"
    assert service.grants_role("batch")
    assert not service.grants_role("spo")
    as_spo = token(issuer, **named("batch", "ALD-SPO-1") | {"authorities": [ROLES["spo"]]})
    assert not provider.read_bearer(as_spo).grants_role("spo"), (
        "a client named like a person is not one"
    )
    assert not provider.read_bearer(token(issuer, authorities="ROLE_ROSH_TRIAGE__SPO")).grants_role(
        "spo"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": None},
        {"iss": "http://elsewhere"},
        {"aud": "another-service"},
        {"user_name": None},
        {"user_name": 7},
        {"nonce": "made for signing in"},
        {"user_name": None, "preferred_username": "ALD-SPO-1"},
    ],
    ids=str,
)
def test_a_token_that_does_not_hold_is_refused(
    provider: Provider, issuer: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(NotLetIn):
        provider.read_bearer(token(issuer, **changes))


def test_only_the_providers_own_signature_counts(provider: Provider, issuer: str) -> None:
    forged = [token(issuer, OTHER), "", "a.b.c", token(issuer)[:-8] + "AAAAAAAA"]
    unsigned = token(issuer).split(".")
    header = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    odd = "eyJhbGciOiJSUzI1NiIsImNyaXQiOjd9"  # {"alg":"RS256","crit":7}
    for one in [*forged, f"{header}.{unsigned[1]}.", f"{odd}.{unsigned[1]}.{unsigned[2]}"]:
        with pytest.raises(NotLetIn):
            provider.read_bearer(one)


def test_a_provider_that_is_away_is_said() -> None:
    away = Provider(Oidc("http://127.0.0.1:9", "a", "b", "http://here", "rosh-triage-api"))
    with pytest.raises(SetupProblem, match="cannot be reached"):
        away.read_bearer("a.b.c")


def test_tokens_count_only_where_it_is_said_whom_they_are_for(issuer: str) -> None:
    open_to_all = Provider(Oidc(issuer, "rosh-triage", "secret", "http://here"))
    with pytest.raises(NotLetIn, match="ROSH_API_AUDIENCE"):
        open_to_all.read_bearer(token(issuer))


def test_a_provider_that_names_another_issuer_is_refused(issuer: str) -> None:
    other = Provider(Oidc(f"{issuer}/", "rosh-triage", "secret", "http://here", "rosh-triage-api"))
    with pytest.raises(SetupProblem, match="another issuer"):
        other.read_bearer(token(issuer))


def test_a_provider_that_is_away_is_a_page(service: Service, front_end: None) -> None:
    oidc = Oidc("http://127.0.0.1:9", "a", "b", "http://here")
    app = web_app.create_app(replace(service.settings, oidc=oidc), service.web)
    with TestClient(app) as client:
        response = client.get("/sign-in/provider")
    assert response.status_code == 503
    assert "cannot be reached" in response.text


def test_the_way_to_the_provider_carries_a_challenge(provider: Provider) -> None:
    address = provider.sign_in_address("the-state", "the-nonce", "v" * 64)
    assert "code_challenge_method=S256" in address
    assert "code_challenge=" in address
    assert "v" * 64 not in address
    assert "state=the-state" in address
    assert "nonce=the-nonce" in address


def test_half_a_provider_is_named() -> None:
    secrets = factories.live_secrets()
    with pytest.raises(SetupProblem, match="ROSH_OIDC_CLIENT_ID, ROSH_OIDC_CLIENT_SECRET"):
        settings_module.read_settings(
            {"ROSH_MODE": "live", "ROSH_OIDC_ISSUER": "http://x", **secrets}
        )
    whole = {
        "ROSH_OIDC_ISSUER": "http://x",
        "ROSH_OIDC_CLIENT_ID": "a",
        "ROSH_OIDC_CLIENT_SECRET": "b",
        "ROSH_PUBLIC_URL": "https://here/",
    }
    settings = settings_module.read_settings({"ROSH_MODE": "live", **secrets, **whole})
    assert settings.oidc == Oidc("http://x", "a", "b", "https://here")


def test_a_live_cookie_is_sent_over_https_alone(service: Service, issuer: str) -> None:
    secrets = factories.live_secrets()
    environment = {
        "ROSH_OIDC_ISSUER": issuer,
        "ROSH_OIDC_CLIENT_ID": "a",
        "ROSH_OIDC_CLIENT_SECRET": "b",
        "ROSH_PUBLIC_URL": "https://here",
    }
    live = settings_module.read_settings({"ROSH_MODE": "live", **secrets, **environment})
    with TestClient(web_app.create_app(live, service.web)) as client:
        response = client.get("/sign-in")
    assert "Made-up people" not in response.text
    cookie = response.headers["set-cookie"].lower()
    for part in ("secure", "httponly", "samesite=lax"):
        assert part in cookie


def test_a_code_without_the_state_of_this_browser_is_refused(browser: Browser) -> None:
    assert "This way in has run out" in browser.get("/sign-in/callback?code=x&state=y", 403)


def test_a_state_of_any_letters_is_refused(service: Service, issuer: str, front_end: None) -> None:
    oidc = Oidc(issuer, "a", "b", "http://here")
    app = web_app.create_app(replace(service.settings, oidc=oidc), service.web)
    with TestClient(app) as client:
        client.get("/sign-in/provider", follow_redirects=False)
        assert client.get("/sign-in/callback?code=x&state=%C3%A9").status_code == 403


def test_too_many_tries_are_turned_away() -> None:
    limit = Limit(3, "Wait a minute.", seconds=60)
    for at in (0, 1, 2):
        limit.count_try("1.2.3.4", at)
    with pytest.raises(TooManyTries):
        limit.count_try("1.2.3.4", 3)
    limit.count_try("5.6.7.8", 3)
    limit.count_try("1.2.3.4", 61)


def test_too_many_tries_are_a_page(service: Service, browser: Browser) -> None:
    browser.client.app.state.sign_in_limit = Limit(1, "Wait a minute.")  # type: ignore[attr-defined]
    browser.sign_in("ALD-SPO-1").get("/sign-in")
    assert "Wait a minute" in browser.post("/sign-in", 429, username="ALD-SPO-1")


def test_too_many_requests_in_one_name_are_turned_away(service: Service, browser: Browser) -> None:
    """Somebody with a stolen session cannot copy a unit; others go on."""
    app = browser.sign_in("ALD-SPO-1").client.app
    app.state.request_limit = Limit(2, "Wait a minute.")  # type: ignore[attr-defined]
    browser.get("/queue")
    browser.get("/queue")
    page = browser.client.get("/queue")
    assert page.status_code == 429
    assert "Wait a minute" in page.text
    with TestClient(app) as another:
        Browser(another).sign_in("BRI-SPO-1").get("/queue")


def run_out(service: Service, username: str) -> None:
    """Every session of a user has run out."""
    with service.admin.begin() as connection:
        connection.execute(
            text(
                "UPDATE triage.sessions SET until = now() - interval '1 minute'"
                " WHERE username = :who"
            ),
            {"who": username},
        )


def test_what_was_typed_comes_back_after_the_session_ran_out(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    run_out(service, "ALD-SPO-1")
    words = "Three entries since May, read together; typed before the session ran out."
    page = browser.post(f"/cases/{item}/view", **{"reasons": words, "verdict-staff": "cannot_tell"})
    assert "Sign in to the demonstration" in page
    page = browser.post("/sign-in", username="ALD-SPO-1")
    assert words in page, "the form comes back with what was typed"
    assert "Your session ended while you were writing" in page
    assert 'value="cannot_tell" checked' in page
    browser.record_view(item)
    assert words not in browser.get(f"/cases/{item}/findings")
    run_out(service, "ALD-SPO-1")
    why = "The conclusion that was typed before the session ran out."
    browser.post(f"/cases/{item}/conclusion", reasons=why, outcome="keep_level")
    assert why in browser.post("/sign-in", username="ALD-SPO-1")
    browser.conclude(item)
    with service.admin.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM triage.drafts")).scalar() == 0


def test_a_form_in_another_tab_stays_good_after_signing_in_again(
    service: Service, browser: Browser
) -> None:
    """Two tabs: the second still holds the form of the session that ran out."""
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    second = browser.token
    run_out(service, "ALD-SPO-1")
    browser.get("/queue")
    browser.post("/sign-in", username="ALD-SPO-1")
    browser.token = second
    words = "Written in the second tab while the session of the first ran out."
    form = {f"verdict-{group}": "cannot_tell" for group in COMMUNITY_GROUPS}
    assert "The findings" in browser.post(f"/cases/{item}/view", reasons=words, **form)
    browser.sign_in("ALD-SPO-2").get("/queue")
    browser.token = second
    assert "out of date" in browser.post(f"/cases/{item}/claim", 403), "of that person alone"


def test_what_was_typed_into_the_shorter_forms_comes_back_too(
    service: Service, browser: Browser
) -> None:
    with service.admin.connect() as connection:
        entry = connection.execute(
            text(
                "SELECT a.id FROM triage.acute a WHERE pdu_code = 'N54ALD' AND NOT limited"
                " AND NOT EXISTS (SELECT 1 FROM triage.acknowledgements WHERE acute_id = a.id)"
                " LIMIT 1"
            )
        ).scalar_one()
        crn = connection.execute(
            text("SELECT crn FROM triage.caseload WHERE pdu_code = 'N54ALD' AND limited LIMIT 1")
        ).scalar_one()
    for path, field in (
        (f"/acute/{entry}/acknowledge", "done"),
        (f"/unit/limited/{crn}/check", "words"),
    ):
        browser.sign_in("ALD-SPO-1").get("/acute")
        run_out(service, "ALD-SPO-1")
        words = f"Written while the session ran out, for {field}."
        assert "Sign in to the demonstration" in browser.post(path, **{field: words})
        page = browser.post("/sign-in", username="ALD-SPO-1")
        assert words in page, path
        assert "Your session ended while you were writing" in page
        browser.post(path, **{field: words})
        assert "Your session ended" not in browser.get(path.rsplit("/", 2)[0])


def test_nobody_else_is_given_what_was_typed(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    run_out(service, "ALD-SPO-1")
    words = "Words that only their writer may see again."
    browser.post(f"/cases/{item}/view", reasons=words)
    assert words not in browser.post("/sign-in", username="ALD-SPO-2")
    assert words not in browser.get(f"/cases/{item}")
    assert words in browser.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    browser.record_view(item)


def test_a_form_from_elsewhere_keeps_nothing(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    run_out(service, "ALD-SPO-1")
    browser.token = "made-up"
    browser.post(f"/cases/{item}/view", reasons="Sent by another site in her name.")
    with service.admin.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM triage.drafts")).scalar() == 0


def test_an_ended_session_keeps_nothing_that_is_sent(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    with service.admin.begin() as connection:
        connection.execute(text("UPDATE triage.sessions SET ended_at = now()"))
    run_out(service, "ALD-SPO-1")
    browser.post(f"/cases/{item}/view", reasons="Sent with a cookie that was taken away.")
    with service.admin.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM triage.drafts")).scalar() == 0


def test_what_was_typed_about_no_case_of_theirs_leads_nowhere(
    service: Service, browser: Browser
) -> None:
    browser.sign_in("ALD-SPO-1").get("/notice")
    run_out(service, "ALD-SPO-1")
    browser.post("/cases/9999999/view", reasons="There is no such case, and it was sent.")
    assert "Cases to read" in browser.post("/sign-in", username="ALD-SPO-1")
    with service.admin.begin() as connection:
        connection.execute(text("UPDATE triage.drafts SET at = now() - interval '2 days'"))
        connection.execute(text("UPDATE triage.sessions SET until = now() - interval '3 days'"))
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        gone = retention.delete_expired(opened.connection)
    assert gone["drafts"] == 1
    assert gone["sessions"] > 0


def test_signing_in_again_ends_the_session_before(service: Service, browser: Browser) -> None:
    browser.sign_in("ALD-SPO-1").get("/queue")
    before = dict(browser.client.cookies)
    browser.sign_in("ALD-SPO-1").get("/queue")
    browser.client.cookies.clear()
    for name, value in before.items():
        browser.client.cookies.set(name, value)
    assert "Sign in to the demonstration" in browser.get("/queue")


def test_forms_that_are_kept_lead_back_to_their_pages() -> None:
    assert drafts.page_of("/cases/12/view") == "/cases/12"
    assert drafts.page_of("/cases/12/conclusion") == "/cases/12/findings"
    assert drafts.page_of("/asked/3/answer") == "/asked/3"
    assert drafts.page_of("/sign-in") is None
    assert drafts.page_of("/cases/12/view/../../x") is None


def test_a_session_is_ended_wherever_its_cookie_lies(
    service: Service,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    browser.sign_in("ALD-SPO-2").get("/queue")
    cookie = dict(browser.client.cookies)
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    assert main_module.main(["end-user", "ALD-SPO-2"]) == 0
    assert "is signed out (" in capsys.readouterr().out
    assert "Sign in to the demonstration" in browser.get("/queue")
    browser.sign_in("ALD-SPO-2").get("/queue")
    cookies = dict(browser.client.cookies)
    browser.post("/sign-out")
    for name, value in {**cookie, **cookies}.items():
        browser.client.cookies.set(name, value)
    assert "Sign in to the demonstration" in browser.get("/queue")
    assert main_module.main(["end-user", "NOBODY"]) == 10


def test_who_has_left_may_not_come_in(service: Service, browser: Browser) -> None:
    with service.admin.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO triage.users (username, name, role, pdu_code, made_up, ended_at)"
                " VALUES ('GONE-1', 'Gone Reader', 'spo', 'N54ALD', true, now())"
            )
        )
    browser.get("/sign-in")
    browser.post("/sign-in", username="GONE-1")
    assert "Sign in to the demonstration" in browser.get("/queue")
    with service.web.begin() as connection:
        identity.prove_identity(connection, "GONE-1")
        assert connection.execute(text("SELECT count(*) FROM triage.items")).scalar() == 0
