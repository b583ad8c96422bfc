"""What people do on the pages, by the words that they read there."""

from __future__ import annotations

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page

TOO_WIDE = """[...document.querySelectorAll('main *')].filter(
  one => one.getBoundingClientRect().right > 320).map(one => one.outerHTML.slice(0, 120))"""
PICTURES = os.environ.get("ROSH_PICTURES")


WITHOUT_SCRIPT: set[BrowserContext] = set()
"""The windows in which no script runs: the same page is looked at with axe in the other one."""


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.get_by_label(name).check()
    page.get_by_role("button", name="Sign in").click()


def accessible(page: Page) -> None:
    """No violation of WCAG 2.2 AA that axe can see; it is a script, so not where none may run."""
    if page.context in WITHOUT_SCRIPT:
        return
    # A click that leads to another page returns before that page is read to its end.
    page.wait_for_load_state()
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    results = Axe().run(page, options=options)
    assert results.violations_count == 0, results.generate_report()


def fits_at_400_per_cent(page: Page, where: str = "") -> None:
    """Nothing on the page scrolls sideways in a window of 320 CSS pixels (WCAG 2.2, 1.4.10)."""
    # A click that leads to another page returns before that page has anything to be measured.
    page.wait_for_load_state()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 320, (where or page.url, page.evaluate(TOO_WIDE))


def fill_day(page: Page, label: str, day: str) -> None:
    """Type a day into a field once its date picker is there, which moves the field as it comes."""
    if page.context not in WITHOUT_SCRIPT:
        page.get_by_role("button", name="Choose date", include_hidden=True).first.wait_for(
            state="attached"
        )
    page.get_by_label(label, exact=True).fill(day)


def verdict(page: Page, group: str, words: str) -> None:
    """Say what one thinks of the recorded level of a group."""
    page.get_by_role("group", name=f"Risk to {group}").get_by_label(words, exact=True).check()


def ticks(page: Page) -> Locator:
    """The boxes that make entries part of one's reasons, without those folded away."""
    return page.get_by_label("part of my reasons").locator("visible=true")


def picture(page: Page, name: str) -> None:
    """Keep a screenshot where ROSH_PICTURES says so."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
