"""Journeys of an SPO and a board member in a real browser, each page checked with axe."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, expect

from features import clock
from serving.board import approvals
from serving.db.session import transaction
from serving.watch import TOPICS
from tests.journeys.steps import (
    accessible,
    fill_day,
    fits_at_400_per_cent,
    picture,
    sign_in,
    ticks,
    verdict,
)
from tests.service import Service

pytestmark = pytest.mark.journey


def test_an_spo_reads_records_sees_and_concludes(
    context: BrowserContext, address: str, service: Service
) -> None:
    page = context.new_page()
    sign_in(page, address, "Morgan Ellery")
    assert page.get_by_role("heading", level=1).inner_text() == "Cases to read in Alderbrook"
    picture(page, "queue")
    item = service.unread("N54ALD", drawn_as="flagged", levels=("LOW", "MEDIUM", "HIGH"))
    page.locator(f'a[href="/cases/{item}"]').click()
    picture(page, "case")
    expect(page.get_by_text("The findings open afterwards")).to_have_count(1)
    page.get_by_text("Search the record").click()
    page.get_by_label("Behaviour and information").check()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("table=incidents"))
    page.get_by_role("link", name="Clear filters").first.click()
    page.get_by_role("button", name="Record your view").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    page.get_by_role("link", name="Write your reasons (or tick the entries").click()
    too_low = page.get_by_role("group", name="Risk to children").get_by_label("Too low")
    too_low.first.check()
    page.get_by_label("Your reasons").fill("The entries since May, taken together.")
    page.get_by_role("button", name="all others about right").click()
    expect(page).to_have_url(f"{address}/cases/{item}/findings")
    picture(page, "findings")
    details = page.locator(".rosh-reason details:visible").first
    details.locator("summary").click()
    details.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("#entry-"))
    page.go_back()
    page.get_by_label("Ask the practitioner to reassess").check()
    page.get_by_label("Children", exact=True).select_option("too_low")
    page.get_by_label("Your reasons for this conclusion").fill("Read together they are a pattern.")
    page.get_by_role("button", name="Record your conclusion").click()
    expect(page.get_by_text("This conclusion changed no level")).to_be_visible()
    page.goto(f"{address}/queue")
    expect(page.locator(f'[data-qa=concluded] a[href="/cases/{item}"]')).to_have_count(1)
    expect(page.locator(f'[data-qa=queue] a[href="/cases/{item}"]')).to_have_count(0)


def test_a_whole_review_takes_ten_clicks_and_one_text_box(
    context: BrowserContext, address: str, service: Service
) -> None:
    """From the queue to a recorded conclusion, counted by the browser where it runs scripts."""
    page = context.new_page()
    sign_in(page, address, "Jo Tindall")
    item = service.unread("N54ALD", levels=("LOW", "MEDIUM", "HIGH"))
    clicks = 0

    def click(what: Locator) -> None:
        nonlocal clicks
        what.click()
        clicks += 1

    click(page.locator(f'a[href="/cases/{item}"]'))
    click(page.get_by_role("button", name="Hold this case"))
    click(ticks(page).first)
    click(ticks(page).nth(1))
    click(page.get_by_role("group", name="Risk to staff").get_by_label("Cannot tell"))
    click(page.get_by_role("button", name="all others about right"))
    expect(page.get_by_role("heading", name="The findings")).to_be_visible()
    click(page.get_by_label("Keep the recorded level"))
    page.get_by_label("Your reasons for this conclusion").fill("What is on record is one event.")
    click(page.get_by_role("button", name="Record your conclusion"))
    expect(page.get_by_text("This conclusion changed no level")).to_be_visible()
    assert clicks <= 10


def test_a_practitioner_answers_and_the_head_sees_where_it_stands(
    context: BrowserContext, address: str, service: Service
) -> None:
    page = context.new_page()
    item, _ = service.held_by_practitioner()
    sign_in(page, address, "Morgan Ellery")
    page.goto(f"{address}/cases/{item}")
    ticks(page).first.check()
    page.get_by_role("button", name="all others about right").click()
    page.get_by_label("Ask the practitioner to reassess").check()
    page.get_by_label("Staff", exact=True).select_option("too_low")
    page.get_by_label("Your reasons for this conclusion").fill("Staff were threatened twice.")
    page.get_by_role("button", name="Record your conclusion").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Robin Hale").and_(page.locator("[value^=ALD]")).check()
    page.get_by_role("button", name="Sign in").click()
    picture(page, "asked")
    page.locator(f'a[href="/asked/{item}"]').click()
    expect(page.get_by_text("Staff were threatened twice.")).to_be_visible()
    picture(page, "asked-case")
    page.get_by_role("button", name="Record your answer").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    page.get_by_label("I will reassess").check()
    fill_day(page, "By when", (clock.today() + timedelta(days=9)).isoformat())
    page.get_by_role("button", name="Record your answer").click()
    expect(page.locator("[data-qa=answers]")).to_contain_text("Accepted")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Ash Verrall").check()
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("[data-qa=asked]")).to_contain_text("Accepted")
    picture(page, "unit")


def test_pages_of_what_was_asked_are_accessible(
    chromium: Browser, address: str, service: Service
) -> None:
    page = chromium.new_context(viewport={"width": 320, "height": 900}).new_page()
    item, practitioner = service.held_by_practitioner()
    service.review(item, "ALD-SPO-1", "ask_reassessment")
    page.goto(f"{address}/sign-in")
    page.locator(f'[value="{practitioner}"]').check()
    page.get_by_role("button", name="Sign in").click()
    for path in ("/asked", f"/asked/{item}"):
        page.goto(address + path)
        accessible(page)
        fits_at_400_per_cent(page)
    page.get_by_role("button", name="Record your answer").click()
    accessible(page)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Ash Verrall").check()
    page.get_by_role("button", name="Sign in").click()
    accessible(page)
    fits_at_400_per_cent(page)


def test_every_page_is_accessible(chromium: Browser, address: str, service: Service) -> None:
    page = chromium.new_context().new_page()
    page.goto(f"{address}/sign-in")
    accessible(page)
    sign_in(page, address, "Jo Tindall")
    accessible(page)
    item = service.unread("N54ALD", drawn_as="flagged")
    page.goto(f"{address}/cases/{item}")
    accessible(page)
    page.get_by_role("button", name="Record your view").click()
    accessible(page)
    for name in ("children", "public", "known adult", "staff"):
        verdict(page, name, "Cannot tell")
    page.get_by_label("Your reasons").fill("Not enough is on record to tell.")
    page.get_by_role("button", name="Record your view").click()
    accessible(page)
    page.get_by_role("button", name="Record your conclusion").click()
    accessible(page)
    page.goto(f"{address}/cases/999999")
    accessible(page)


def test_pages_reflow_at_400_per_cent(chromium: Browser, address: str, service: Service) -> None:
    """1280 pixels at 400 % are 320: nothing but tables may scroll sideways."""
    page = chromium.new_context(viewport={"width": 320, "height": 800}).new_page()
    sign_in(page, address, "Morgan Ellery")
    for path in ("/queue", f"/cases/{service.unread('N54ALD')}"):
        page.goto(address + path)
        fits_at_400_per_cent(page, path)
    page.goto(f"{address}/cases/{service.unread('N54ALD')}")
    for name in ("children", "public", "known adult", "staff"):
        verdict(page, name, "Cannot tell")
    page.get_by_label("Your reasons").fill("Read at 400 per cent, as some readers do.")
    page.get_by_role("button", name="Record your view").click()
    levels = page.locator(".rosh-levels")
    assert levels.evaluate("table => table.scrollWidth") <= 320, "the table of levels fits too"
    fits_at_400_per_cent(page)


def test_the_boards_pages_reflow_at_400_per_cent(chromium: Browser, address: str) -> None:
    """With every table behind a figure open: nothing but tables may scroll sideways."""
    page = chromium.new_context(viewport={"width": 320, "height": 800}).new_page()
    sign_in(page, address, "Dr Hollis Wren")
    paths = ["", "/approvals", "/runs", "/incidents", *(f"/watch/{topic}" for topic in TOPICS)]
    for path in paths:
        page.goto(f"{address}/board{path}")
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        fits_at_400_per_cent(page, path)
        accessible(page)


def test_a_print_says_made_up_and_leaves_out_the_forms(
    chromium: Browser, address: str, service: Service
) -> None:
    page = chromium.new_context().new_page()
    sign_in(page, address, "Morgan Ellery")
    page.goto(f"{address}/cases/{service.unread('N54ALD')}")
    page.emulate_media(media="print")
    expect(page.get_by_text("Made-up people", exact=True).first).to_be_visible()
    expect(page.locator("[data-qa=filter]")).to_be_hidden()
    expect(page.locator("[data-qa=view-form]")).to_be_hidden()
    expect(page.locator(".rosh-timeline").first).to_be_visible()
    assert page.locator("[data-qa=danger]").get_attribute("open") is None
    expect(page.locator("[data-qa=danger] li").first).to_be_visible()  # what is folded prints


def test_a_board_member_sees_approvals_and_runs(chromium: Browser, address: str) -> None:
    page = chromium.new_context().new_page()
    sign_in(page, address, "Dr Hollis Wren")
    expect(page.get_by_text("Is the service worse for some groups of people?")).to_be_visible()
    accessible(page)
    picture(page, "board")
    page.get_by_role("link", name="Are the people still those").click()
    accessible(page)
    picture(page, "board-question")
    page.get_by_role("link", name="Runs").click()
    accessible(page)
    page.get_by_role("link", name="Approvals").click()
    expect(page.get_by_text("Demonstration only").first).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in$"))


def test_two_members_approve_in_a_browser_and_one_stops_it(
    chromium: Browser, address: str, service: Service
) -> None:
    """A proposal for outside the demo, so that the night of the tests stays approved."""
    with transaction(service.web, "BOARD-1") as opened:
        approval_id = approvals.propose_approval(
            opened, service.model, "x", {"low": 10}, 0.2, demo=False
        )
    for name, left in (("Dr Hollis Wren", 2), ("Priti Marlowe", 1)):
        page = chromium.new_context().new_page()
        sign_in(page, address, name)
        page.get_by_role("link", name="Approvals", exact=True).click()
        expect(page.get_by_text(f"Proposal {approval_id}, waiting for {left} of 2")).to_be_visible()
        accessible(page)
        picture(page, "approving")
        form = page.locator(f"form[action='/board/approvals/{approval_id}/sign']")
        form.get_by_label("Why you approve it").fill("Read the card, its figures and the evidence.")
        form.get_by_role("button", name="Sign in my name").click()
    expect(page.get_by_text(f"Withdraw approval {approval_id}")).to_be_visible()
    page.get_by_role("link", name="Model monitoring").click()
    page.get_by_text("Stop flagging now").click()
    page.get_by_label("Why it must stop").fill("Two units wrote that flags came up twice.")
    page.get_by_role("button", name="Stop now").click()
    expect(page.get_by_text("Stopped by Priti Marlowe")).to_be_visible()
    accessible(page)
    for name in ("Dr Hollis Wren", "Priti Marlowe"):
        page = chromium.new_context().new_page()
        sign_in(page, address, name)
        page.get_by_text("Restart flagging", exact=True).click()
        page.get_by_label("Why flagging can restart").fill(
            "The supplier has put the feed right again."
        )
        page.get_by_role("button", name="Agree to restart flagging").click()
    expect(page.get_by_text("Stop flagging now")).to_be_visible()
    page.get_by_role("link", name="Approvals", exact=True).click()
    page.get_by_text(f"Withdraw approval {approval_id}").click()
    page.get_by_label("Why it is withdrawn").locator("visible=true").fill(
        "It was approved to try this page, and is not to score anyone."
    )
    page.get_by_role("button", name="Withdraw it").locator("visible=true").click()
    expect(page.get_by_text("it was withdrawn on").first).to_be_visible()
