"""Where a case is opened in NDelius and OASys is set, checked at the start, and led to by CRN."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from features.errors import SetupProblem
from serving.settings import read_settings
from serving.web import app as web_app
from serving.web.pages import template_environment
from tests.pages import Browser
from tests.service import Service

ADDRESS = "https://ndelius.example/case/{crn}"


def variables(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a demo in a folder."""
    return {"ROSH_MODE": "demo", "ROSH_DATA": str(folder), **more}


def test_an_address_is_set_by_system_and_none_is_needed(tmp_path: Path) -> None:
    assert read_settings(variables(tmp_path)).record_links == {}
    settings = read_settings(variables(tmp_path, ROSH_NDELIUS_LINK=ADDRESS))
    assert settings.record_links == {"NDelius": ADDRESS}


@pytest.mark.parametrize(
    "address", ["http://ndelius.example/{crn}", "javascript:alert('{crn}')", "https://a.example/"]
)
def test_an_address_that_cannot_be_used_is_refused_by_name(tmp_path: Path, address: str) -> None:
    with pytest.raises(SetupProblem, match="ROSH_OASYS_LINK must begin with https"):
        read_settings(variables(tmp_path, ROSH_OASYS_LINK=address))


def test_feedback_is_offered_where_an_address_is_set(
    service: Service, front_end: None, tmp_path: Path
) -> None:
    with pytest.raises(SetupProblem, match="ROSH_FEEDBACK_LINK must begin"):
        read_settings(variables(tmp_path, ROSH_FEEDBACK_LINK="ftp://a.example"))
    address = "mailto:rosh-triage@example.org"
    settings = read_settings(variables(tmp_path, ROSH_FEEDBACK_LINK=address))
    with TestClient(web_app.create_app(settings, service.web)) as client:
        assert f'href="{address}">Is this page useful?' in client.get("/notice").text
    live = template_environment(replace(settings, mode="live"))
    page = live.get_template("pages/notice.html").render(user=None, path="/notice", cspNonce="")
    assert f'This is a new service. <a class="govuk-link" href="{address}">' in page


def test_the_pages_of_a_case_lead_there_by_its_crn(service: Service, front_end: None) -> None:
    item = service.unread("N54ALD")
    settings = replace(service.settings, record_links={"NDelius": ADDRESS})
    with TestClient(web_app.create_app(settings, service.web)) as client:
        browser = Browser(client).sign_in("ALD-SPO-1")
        for path in (f"/cases/{item}", f"/cases/{item}/over-time"):
            page = browser.get(path)
            crn = page.split('data-qa="crn">')[1].split("<")[0]
            assert f'href="https://ndelius.example/case/{crn}"' in page
            assert "Open in NDelius (opens in new tab)" in page
            assert "Open in OASys" not in page


def test_without_an_address_nothing_is_offered(service: Service, browser: Browser) -> None:
    page = browser.sign_in("ALD-SPO-1").get(f"/cases/{service.unread('N54ALD')}")
    assert "Open in" not in page
