"""The HTML report of strange findings: hostile names, missing originals, huge groups, none at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from copylens.records import Findings, Skipped
from copylens.reports import write
from headless_chromium import opened
from report_findings import make_findings, make_group, make_image, small_findings, tiny_picture
from report_pages import opened_without_originals

pytestmark = pytest.mark.browser

BOTH_SMALL = """() => {
  const pair = [...document.querySelectorAll('#pair img')];
  return pair.length === 2 && pair.every((img) => img.naturalWidth === 16);
}"""
"""The viewer shows two of the pictures that `tiny_picture` makes."""

HOSTILE = [
    "</script><script>alert(1)</script>.jpg",
    "<img src=x onerror=alert(1)>.jpg",
    "<!--<script>.jpg",
    '"onmouseover="alert(1)" x=\'.jpg',
    "javascript:alert(1)",
    "&lt;b&gt;.jpg",
    "<svg onload=alert(1)>",
    "$& $1 %s %3Cb%3E.jpg",
    os.fsdecode(b"caf\xe9 <b>.jpg"),
]


def test_hostile_names_are_shown_as_they_are_and_do_nothing(
    browser: Browser, report: Callable[[Findings], Path]
) -> None:
    findings = make_findings(
        [make_group(f"a/{name}", (f"b/{name}", 0.9, "near")) for name in HOSTILE],
        skipped=[Skipped(name, "empty", name) for name in HOSTILE],
        roots=tuple(HOSTILE),
        keep=tuple(HOSTILE),
    )
    shown = [name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for name in HOSTILE]
    with opened_without_originals(browser, report(findings)) as page:
        # What follows the last slash is the name.
        assert page.locator(".card.keeper .name").evaluate_all(
            "nodes => nodes.map((node) => node.title)"
        ) == [f"a/{name}" for name in shown]
        assert all(
            href.startswith("file:///")
            for href in page.locator("a").evaluate_all("n => n.map((a) => a.href)")
        )
        page.locator("#skipped-list summary").click()
        expect(page.locator("#skipped-list li")).to_have_text([f"{name} ({name})" for name in shown])
        page.locator(".shot").first.click()
        assert (
            page.evaluate("document.querySelectorAll('b, svg, body script:not([id]):not([nonce])').length")
            == 0
        )
        assert page.title() == "CopyLens: 9 groups of copies"


def test_a_link_leads_to_the_file_whatever_its_bytes(browser: Browser, tmp_path: Path) -> None:
    names = ["a b#c?d%41.jpg", "фото.jpg", os.fsdecode(b"caf\xe9.jpg")]
    picture = tiny_picture("x")
    assert picture is not None
    for name in names:
        (tmp_path / name).write_bytes(picture)
    group = make_group(str(tmp_path / names[0]), *((str(tmp_path / name), 0.9, "near") for name in names[1:]))
    write(make_findings([group]), tmp_path / "report.html", thumbnail=lambda _path: None)
    with opened(browser, tmp_path / "report.html") as page:
        expect(page.locator(".shot", has_text="no picture")).to_have_count(3)
        for place in (1, 2):
            page.locator(".shot").nth(place).click()
            page.wait_for_function(BOTH_SMALL)
            page.keyboard.press("Escape")


def test_an_original_that_is_gone_is_shown_by_its_thumbnail(
    browser: Browser, report: Callable[[Findings], Path]
) -> None:
    path = report(small_findings())
    with opened_without_originals(browser, path) as page:
        page.locator(".shot").first.click()
        page.wait_for_function(BOTH_SMALL)


def test_a_gone_original_without_thumbnail_says_so(browser: Browser, tmp_path: Path) -> None:
    write(small_findings(), tmp_path / "report.html", thumbnail=lambda _path: None)
    with opened_without_originals(browser, tmp_path / "report.html") as page:
        page.locator(".shot").first.click()
        expect(page.locator("#pair .absent")).to_have_text(["no picture", "no picture"])


def test_a_huge_group_lists_the_rest_when_asked(browser: Browser, report: Callable[[Findings], Path]) -> None:
    members = [(f"copies/{number:04}.jpg", 0.9, "near") for number in range(1500)]
    with opened(browser, report(make_findings([make_group("keeper.jpg", *members)]))) as page:  # type: ignore[arg-type]
        expect(page.locator(".card")).to_have_count(25)
        expect(page.locator(".more li")).to_have_count(0)
        page.locator(".more summary").click()
        expect(page.locator(".more li")).to_have_count(500)
        page.locator(".more-button").click()
        page.locator(".more-button").click()
        expect(page.locator(".more-button")).to_be_hidden()
        texts = page.locator(".more li").all_text_contents()
        assert texts == [f"0.900 copies/{number:04}.jpg" for number in range(24, 1500)]


def test_the_common_folder_is_said_once(browser: Browser, report: Callable[[Findings], Path]) -> None:
    groups = [
        make_group("/home/a/x/1.jpg", ("/home/a/y/z/1.jpg", 0.9, "near")),
        make_group("/home/a/2.jpg", ("/home/a/x/2.jpg", 1.0, "bytes")),
    ]
    with opened(browser, report(make_findings(groups))) as page:
        expect(page.locator("#base")).to_have_text("in /home/a/")
        assert page.locator(".folder").all_text_contents() == ["x/", "y/z/", "", "x/"]


def test_with_known_images_the_words_change(browser: Browser, report: Callable[[Findings], Path]) -> None:
    with opened(browser, report(small_findings(against=("known",)))) as page:
        expect(page.locator("h1")).to_have_text("Images that are known already")
        expect(page.locator(".card.keeper .tag").first).to_have_text("known")
        expect(page.locator(".group h2").first).to_contain_text("2 new copies")


def test_nothing_found_is_a_friendly_page(browser: Browser, report: Callable[[Findings], Path]) -> None:
    findings = make_findings(
        images=[make_image("a"), make_image("b")], skipped=[Skipped("c", "empty", "why")]
    )
    with opened(browser, report(findings)) as page:
        expect(page.locator("main")).to_contain_text("No copies found among 2 images.")
        expect(page.locator("#bar")).to_have_count(0)
        page.locator("#skipped-list summary").click()
        expect(page.locator("#skipped-list li")).to_have_count(1)


def test_without_javascript_the_page_says_what_it_needs(browser: Browser, photos: Path) -> None:
    with opened(browser, photos, java_script_enabled=False) as page:
        expect(page.locator(".notice")).to_be_visible()
        expect(page.locator("h1")).to_have_text("Copies in your images")


def test_the_data_of_the_page_is_what_json_says(browser: Browser, report: Callable[[Findings], Path]) -> None:
    """The browser reads the blocks as Python wrote them, also where names hold separators of lines."""
    findings = make_findings([make_group("a/\u2028\u2029\x01\x7f.jpg", ("b", 0.5, "near"))])
    with opened(browser, report(findings)) as page:
        text = page.evaluate("JSON.stringify(JSON.parse(document.getElementById('data-groups').textContent))")
        assert json.loads(text)[0]["keeper"]["path"] == findings.groups[0].keeper
