"""Journeys of a morning, of second readers, leave, acute and limited cases, and of real sign-in."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text

from features import clock
from serving.cases import limited_access
from serving.settings import Oidc
from serving.web import app as web_app
from serving.web.oidc import ROLES
from tests.journeys.conftest import free_port, served
from tests.journeys.steps import (
    WITHOUT_SCRIPT,
    accessible,
    fill_day,
    fits_at_400_per_cent,
    picture,
    sign_in,
    ticks,
)
from tests.service import Service
from tests.serving.review.test_second_readers import send_to_second

pytestmark = pytest.mark.journey
PROVIDER = Path(__file__).parents[1] / "provider"


def read_and_conclude(page: Page, address: str, item: int, clicks: list[str]) -> None:
    """One case from the queue to the conclusion; each click is written down."""

    def click(what: str, by: str) -> None:
        clicks.append(what)
        page.locator(by).first.click()

    click("the case", f'a[href="/cases/{item}"]')
    ticks(page).first.click()
    clicks.append("an entry")
    click("all others about right", "button[name=others]")
    expect(page.get_by_role("heading", name="The findings")).to_be_visible()
    clicks.append("an outcome")
    page.get_by_label("Keep the recorded level").click()
    page.get_by_label("Your reasons for this conclusion").fill("One event; the level stands.")
    clicks.append("record")
    page.get_by_role("button", name="Record your conclusion").click()
    expect(page.get_by_text("This conclusion changed no level")).to_be_visible()
    clicks.append("back to the queue")
    page.get_by_role("link", name="Cases to read", exact=True).click()


def test_a_morning_of_five_cases(context: BrowserContext, address: str, service: Service) -> None:
    page = context.new_page()
    sign_in(page, address, "Sam Okonedo")
    clicks: list[str] = []
    for _ in range(5):
        item = service.unread("N54BRI", levels=("LOW", "MEDIUM", "HIGH"))
        read_and_conclude(page, address, item, clicks)
    assert len(clicks) == 30, "six clicks and one text box a case"
    expect(page.locator("[data-qa=workload]")).to_be_visible()
    page.get_by_role("link", name="My reviews").click()
    expect(page.locator("[data-qa=reviews]")).to_contain_text("Nothing was asked")
    picture(page, "reviews")


def test_two_spos_on_one_case(chromium: Browser, address: str, service: Service) -> None:
    first, second = (chromium.new_context().new_page() for _ in range(2))
    sign_in(first, address, "Morgan Ellery")
    sign_in(second, address, "Jo Tindall")
    item = service.unread("N54ALD", levels=("LOW", "MEDIUM", "HIGH"))
    for page in (first, second):
        page.goto(f"{address}/cases/{item}")
    first.get_by_role("button", name="Hold this case").click()
    second.get_by_role("button", name="Hold this case").click()
    expect(second.get_by_text("Morgan Ellery holds this case")).to_be_visible()
    picture(second, "held")
    accessible(second)
    first.get_by_role("button", name="Return it unread").click()
    second.goto(f"{address}/cases/{item}")
    second.get_by_role("button", name="Hold this case").click()
    expect(second.get_by_text("You hold this case")).to_be_visible()
    second.get_by_role("button", name="Return it unread").click()


def test_a_second_reader_reads_blind(
    context: BrowserContext, address: str, service: Service
) -> None:
    page = context.new_page()
    sign_in(page, address, "Morgan Ellery")
    item = service.unread("N54ALD", levels=("LOW", "MEDIUM", "HIGH"))
    page.goto(f"{address}/queue")
    read_and_conclude(page, address, item, [])
    send_to_second(service, item)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, address, "Jo Tindall")
    page.locator(f'[data-qa=queue] a[href="/cases/{item}"]').click()
    expect(page.get_by_text("One event; the level stands.")).to_have_count(0)
    ticks(page).first.check()
    page.get_by_role("button", name="all others about right").click()
    expect(page.get_by_role("heading", name="The first reader")).to_be_visible()
    expect(page.locator("[data-qa=readers]")).to_contain_text("Morgan Ellery")
    picture(page, "second-reader")
    accessible(page)


def test_leave_the_deputy_reads_what_nobody_began(
    context: BrowserContext, address: str, service: Service
) -> None:
    page = context.new_page()
    item = service.unread("N54ALD")
    service.let_wait(item, 6)
    sign_in(page, address, "Ash Verrall")
    page.get_by_role("link", name="Standing in").click()
    page.get_by_label("Deputy").select_option(label="Ray Castleton, Brindle Vale")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-qa=now]")).to_contain_text("Ray Castleton")
    picture(page, "cover")
    accessible(page)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, address, "Ray Castleton")
    row = page.locator("[data-qa=queue] tr", has=page.locator(f'a[href="/cases/{item}"]'))
    expect(row).to_contain_text("Alderbrook")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Record your view")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, address, "Ash Verrall")
    page.get_by_role("link", name="Standing in").click()
    page.get_by_label("Deputy").select_option(label="Nobody")
    page.get_by_role("button", name="Save").click()


def test_a_limited_case_is_its_crn_and_is_looked_at_by_hand(
    context: BrowserContext, address: str, service: Service
) -> None:
    """One that was waiting to be read: who is not let in sees a CRN; who is looks, and it goes."""
    item = service.unread("N54ALD")
    with service.admin.begin() as connection:
        whose = text("SELECT crn FROM triage.items WHERE id = :item")
        crn = str(connection.execute(whose, {"item": item}).scalar_one())
        values = {"crn": crn, "who": "ALD-SPO-1"}
        connection.execute(
            text(
                "INSERT INTO triage.limits (crn, kind, username) VALUES (:crn, 'restriction', :who)"
            ),
            values,
        )
        limited_access.shrink_items(connection, [crn])
    page = context.new_page()
    sign_in(page, address, "Jo Tindall")
    expect(page.locator(f"tr:has-text('{crn}')").get_by_text("restricted access")).to_be_visible()
    page.locator(f"tr:has-text('{crn}')").get_by_role("link").click()
    case = page.locator(f"[data-qa=limited-case]:has-text('{crn}')")
    expect(case.get_by_text("Was waiting to be read")).to_be_visible()
    expect(case.get_by_text("You do not have access")).to_be_visible()
    expect(case.get_by_role("button")).to_have_count(0)
    accessible(page)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, address, "Morgan Ellery")
    page.get_by_role("link", name="Limited access").click()
    picture(page, "limited")
    case.get_by_label("What did you look at").fill("Read by hand in OASys; the levels stand.")
    case.get_by_role("button", name="I have looked at it").click()
    expect(case.get_by_text("by Morgan Ellery")).to_be_visible()
    expect(case.get_by_text("Was waiting to be read")).to_have_count(0)
    accessible(page)
    page.get_by_role("link", name="Find a case").click()
    page.get_by_label("CRN").fill(crn)
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("You are restricted from viewing this case")).to_be_visible()
    accessible(page)
    page.goto(f"{address}/queue")
    expect(page.get_by_text(crn)).to_have_count(0)


def test_an_acute_entry_is_acknowledged_by_name(
    context: BrowserContext, address: str, service: Service
) -> None:
    with service.admin.begin() as connection:
        number = connection.execute(
            text(
                "INSERT INTO triage.acute (crn, pdu_code, record_id, occurred_on, recorded_at,"
                " listed_as, what, detail, source, certainty, disclosable, disputed, limited)"
                " VALUES ('A900001', 'N54BRI', 'INC-' || random(), '2026-11-19',"
                " '2026-11-19T10:00', 'A threat to a partner or a child', 'Threat', 'to a partner',"
                " 'police', 'fact', false, false, false) RETURNING id"
            )
        ).scalar_one()
    page = context.new_page()
    sign_in(page, address, "Ray Castleton")
    page.locator("[data-qa=acute-notice] a").click()
    picture(page, "acute")
    accessible(page)
    ours = page.locator("[data-qa=acute]", has=page.locator(f"#done-{number}"))
    ours.get_by_role("button", name="Acknowledge in my name").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    accessible(page)
    ours.get_by_label("What did you do").fill("Rang the partner's worker and the police.")
    ours.get_by_role("button", name="Acknowledge in my name").click()
    expect(page.locator("[data-qa=acknowledged]")).to_contain_text("Ray Castleton")


def test_every_other_page_is_accessible_at_400_per_cent(
    chromium: Browser, address: str, service: Service
) -> None:
    page = chromium.new_context(viewport={"width": 320, "height": 900}).new_page()
    with service.admin.connect() as connection:
        crn = connection.execute(
            text(
                "SELECT crn FROM triage.caseload WHERE pdu_code = 'N54ALD' AND NOT limited LIMIT 1"
            )
        ).scalar_one()
    item = service.unread("N54ALD")
    visits = {
        "Morgan Ellery": [
            "/queue?level=LOW",
            "/reviews",
            "/unit",
            "/unit/checklist",
            "/unit/week",
            "/unit/limited",
            "/people",
            f"/people/{crn}",
            "/acute",
            f"/cases/{item}/disclosable",
            f"/cases/{item}?since=2026-01-01",
        ],
        "Ash Verrall": ["/unit/cover", "/queue"],
        "Sol Penhale": ["/account"],
    }
    for name, paths in visits.items():
        sign_in(page, address, name)
        for path in [*paths, "/notice", "/accessibility", "/whats-new"]:
            page.goto(address + path)
            accessible(page)
            fits_at_400_per_cent(page, path)
        page.get_by_role("button", name="Sign out").click()


def test_an_inspector_asks_about_one_case(
    chromium: Browser, address: str, service: Service
) -> None:
    page = chromium.new_context(viewport={"width": 1200, "height": 900}).new_page()
    item = service.unread("N54BRI")
    service.review(item, "BRI-SPO-1")
    with service.admin.connect() as connection:
        crn = connection.execute(text(f"SELECT crn FROM triage.items WHERE id = {item}")).scalar()
    sign_in(page, address, "Sol Penhale")
    page.get_by_label("CRN").first.fill(str(crn))
    fill_day(page, "Day", clock.today().isoformat())
    page.get_by_role("button", name="Show the account").click()
    expect(page.get_by_role("heading", name="What was computed")).to_be_visible()
    expect(page.get_by_text("BRI-SPO-1").first).to_be_visible()
    picture(page, "account")
    accessible(page)
    page.goto(f"{address}/account")
    page.get_by_label("Why").fill("no")
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    accessible(page)


def test_the_whole_review_by_keyboard_alone(
    chromium: Browser, address: str, service: Service
) -> None:
    """Nothing but Tab, Space, Enter, arrows and letters."""
    page = chromium.new_context(viewport={"width": 1200, "height": 900}).new_page()
    sign_in(page, address, "Morgan Ellery")
    item = service.unread("N54ALD", levels=("LOW", "MEDIUM", "HIGH"))

    def tab_to(selector: str) -> None:
        for _ in range(600):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} is not reached by Tab")

    tab_to(f'a[href="/cases/{item}"]')
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{item}")
    tab_to("input[name=entry]")
    page.keyboard.press("Space")
    tab_to("button[name=others]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings")
    tab_to("input[name=outcome]")
    page.keyboard.press("ArrowDown")
    tab_to("#reasons")
    page.keyboard.type("Read by keyboard alone, and concluded.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This conclusion changed no level")).to_be_visible()


@pytest.fixture(scope="module")
def real(service: Service, front_end: None) -> Iterator[str]:
    """The service behind a real OpenID Connect provider (npm's oidc-provider)."""
    if not (PROVIDER / "node_modules").exists():
        if os.environ.get("CI"):
            raise AssertionError("tests/provider is not installed: make test installs it")
        pytest.skip("NO PROVIDER: sign-in was not tried. Run make .made/provider")
    with service.admin.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO triage.users (username, name, role, pdu_code, staff_code, made_up) VALUES"
                " ('REAL-SPO', 'Real Reader', 'spo', 'N54ALD', 'N54A901', false),"
                " ('REAL-ELSE', 'Real Other', 'spo', 'N54ALD', 'N54A902', false)"
            )
        )
    port, other = free_port(), free_port()
    here = f"http://127.0.0.1:{port}"
    accounts = {"REAL-SPO": [ROLES["spo"]], "REAL-ELSE": [ROLES["board"]]}
    with subprocess.Popen(
        ["node", "provider.js", str(other), f"{here}/sign-in/callback", json.dumps(accounts)],
        cwd=PROVIDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as provider:
        assert provider.stdout is not None
        while "ready" not in provider.stdout.readline():
            assert provider.poll() is None, "the provider did not start"
        oidc = Oidc(f"http://127.0.0.1:{other}", "rosh-triage", "a-secret-of-the-tests-alone", here)
        app = web_app.create_app(replace(service.settings, oidc=oidc), service.web)
        with served(app, port) as address:
            yield address
        provider.terminate()


def through_the_provider(page: Page, address: str, name: str) -> None:
    """Sign in as the provider's own pages ask."""
    page.goto(address)
    page.get_by_role("button", name="Sign in").click()  # a link that looks like a button
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("anything")
    page.locator("button[type=submit]").click()
    page.locator("button[type=submit]").click()


def test_sign_in_with_a_real_provider(context: BrowserContext, real: str) -> None:
    page = context.new_page()
    page.goto(f"{real}/queue")
    picture(page, "sign-in")
    accessible(page)
    through_the_provider(page, real, "REAL-SPO")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cases to read in Alderbrook")
    expect(page.locator("[data-qa=user]")).to_have_text("Real Reader, Alderbrook")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{real}/queue")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_role_that_the_provider_does_not_grant_is_no_way_in(chromium: Browser, real: str) -> None:
    page = chromium.new_context().new_page()
    through_the_provider(page, real, "REAL-ELSE")
    expect(page.get_by_text("you have no access here")).to_be_visible()
    accessible(page)
    page.goto(f"{real}/queue")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_day_is_chosen_with_the_keyboard_or_typed(
    context: BrowserContext, address: str, service: Service
) -> None:
    """The date picker is an addition: the day that it writes is the day that can be typed."""
    page = context.new_page()
    sign_in(page, address, "Sam Okonedo")
    page.goto(f"{address}/cases/{service.unread('N54BRI')}")
    page.get_by_text("Search the record").click()
    if context not in WITHOUT_SCRIPT:
        fill_day(page, "From", "27/3/2026")
        page.get_by_role("button", name="Choose date").first.press("Enter")
        dialog = page.get_by_role("dialog", name="March 2026")
        expect(dialog).to_be_visible()
        accessible(page)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page.get_by_label("From", exact=True)).to_have_value("28/3/2026")
    fill_day(page, "From", "28/13/2026")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Enter a real date, such as 27/3/2026").click()
    accessible(page)
    fill_day(page, "From", "28/3/2026")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_label("From", exact=True)).to_have_value("28/3/2026")
    expect(page.locator("[data-qa=count]")).to_contain_text("match")
