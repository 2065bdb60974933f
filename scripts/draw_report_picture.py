"""A report in, the picture of it that the README shows out: ``docs/report.png``.

COMMAND   copylens scan examples/photos --html report.html
          python scripts/draw_report_picture.py report.html
NEEDS     pip install playwright, and Chromium (scripts/install_browser.sh)
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "report.png"
WIDTH, HEIGHT = 1280, 940
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def draw(report: Path) -> None:
    """Open the report, sorted so that the edits that are hardest to see come first, and photograph it."""
    executable = os.environ.get("COPYLENS_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(report.resolve().as_uri())
        page.get_by_label("Sort by").select_option("score-up")
        page.wait_for_timeout(500)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
