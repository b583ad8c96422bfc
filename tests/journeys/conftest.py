"""A real browser, and the service on a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

from serving.web import app as web_app
from tests.journeys.steps import WITHOUT_SCRIPT
from tests.service import Service

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(app: FastAPI, port: int) -> Iterator[str]:
    """An application on a port of its own."""
    config = uvicorn.Config(app, port=port, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def address(service: Service, front_end: None) -> Iterator[str]:
    """The service on a port of its own."""
    with served(web_app.create_app(service.settings, service.web), free_port()) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """CHROMIUM, or one on the path, else Playwright's own; none at all is said loudly."""
    program = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(
                "NO BROWSER: the journeys were not run. Set CHROMIUM, put chromium on the path, or "
                f"run `playwright install chromium`. ({str(error).splitlines()[0]})"
            )
        yield browser
        browser.close()


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def context(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[BrowserContext]:
    """A browser window, with JavaScript and without."""
    browser_context = chromium.new_context(
        java_script_enabled=request.param, viewport={"width": 1200, "height": 900}
    )
    if not request.param:
        WITHOUT_SCRIPT.add(browser_context)
    yield browser_context
    WITHOUT_SCRIPT.discard(browser_context)
    browser_context.close()
