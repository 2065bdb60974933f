"""Headless Chromium for the tests that look at pages, and a watch over what a page does."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """``COPYLENS_CHROMIUM``, else the first known browser on the path."""
    return os.environ.get("COPYLENS_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Give a browser. Without one the test is skipped, or fails where ``COPYLENS_REQUIRE_BROWSER`` is 1."""
    executable = find_chromium()
    if executable is None:
        reason = f"no browser found: install one of {', '.join(NAMES)} or set COPYLENS_CHROMIUM"
        if os.environ.get("COPYLENS_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS, headless=True)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watch:
    """What a page complained of, and what it asked for beyond files and data."""

    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def refuse(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def note(self, request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.outside.append(request.url)


@contextmanager
def opened(browser: Browser, path: Path, *, expected: Sequence[str] = (), **options: Any) -> Iterator[Page]:
    """Open a file in a fresh context; at the end it must have logged nothing and asked for nothing outside.

    `expected` are complaints that must come, once or more.
    """
    watch = Watch()
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    try:
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: watch.complaints.append(message.text))
        page.on("pageerror", lambda error: watch.complaints.append(str(error)))
        page.on("dialog", watch.refuse)
        page.on("request", watch.note)
        page.goto(path.as_uri())
        yield page
        # On a busy machine a complaint may come later than what a test has looked at.
        limit = time.monotonic() + 15
        while not set(expected) <= set(watch.complaints) and time.monotonic() < limit:
            page.wait_for_timeout(50)
        assert set(watch.complaints) == set(expected), watch.complaints
        assert not watch.outside, watch.outside
    finally:
        context.close()
