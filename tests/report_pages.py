"""What the tests of the HTML report read from a rendered page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from copylens.records import Group
from headless_chromium import opened

PAGE = 50
"""Groups on a page."""

MANY = 10_000
"""Groups of the large report."""


def name_of(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def keepers(page: Page) -> list[str]:
    return page.locator(".card.keeper .name").all_text_contents()


def names(groups: Sequence[Group]) -> list[str]:
    return [name_of(group.keeper) for group in groups]


def opened_without_originals(browser: Browser, path: Path, **options: Any) -> AbstractContextManager[Page]:
    """As `opened`, where the browser's own note about a missing file is expected."""
    return opened(browser, path, expected=("Failed to load resource: net::ERR_FILE_NOT_FOUND",), **options)
