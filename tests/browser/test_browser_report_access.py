"""The HTML report by keyboard, by ear, in the dark and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from copylens.records import Findings, Skipped
from headless_chromium import opened
from report_findings import make_findings, make_group, photo_findings
from report_pages import opened_without_originals

pytestmark = pytest.mark.browser

CONTRASTS = """() => {
  const parse = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3) return colour;
    }
    throw new Error("no background");
  };
  const found = {};
  for (const name of [".facts", ".folder", ".name", ".score", ".tag.keep", ".tag.near", ".tag.exact", "h1",
    "small", ".numbers dt", ".place", "footer dt", "footer dd"]) {
    for (const node of document.querySelectorAll(name)) {
      const pair = [light(parse(getComputedStyle(node).color)), light(ground(node))];
      const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
      found[name] = Math.min(found[name] ?? 99, ratio);
    }
  }
  return found;
}"""


def focused_group(page: Page) -> Any:
    return page.evaluate("document.activeElement.dataset.number ?? null")


def test_keys_walk_through_groups_and_copies(browser: Browser, photos: Path) -> None:
    groups = photo_findings().groups
    with opened(browser, photos) as page:
        for key, expected in (("j", "0"), ("j", "1"), ("j", "2"), ("k", "1"), ("k", "0"), ("k", "0")):
            page.keyboard.press(key)
            assert focused_group(page) == expected
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.locator("#viewer")).to_be_visible()
        first, second = (member.path for member in groups[0].members)
        copy = page.locator("#pair figure").nth(1)
        for key, path in (
            ("ArrowLeft", first),
            ("ArrowRight", second),
            ("ArrowRight", second),
            ("ArrowLeft", first),
        ):
            page.keyboard.press(key)
            expect(copy).to_contain_text(path)
        # Keys of the page behind do nothing now.
        page.keyboard.press("j")
        page.keyboard.press("Escape")
        expect(page.locator("#viewer")).to_be_hidden()
        assert focused_group(page) == "0"


def test_a_walk_keeps_the_group_in_sight(browser: Browser, photos: Path) -> None:
    with opened(browser, photos) as page:
        for key in "jjjjjjjjjjkkkkkkk":
            page.keyboard.press(key)
            box = page.locator(".group:focus").bounding_box()
            bar = page.locator("#bar").bounding_box()
            assert box
            assert bar
            assert box["y"] >= bar["y"] + bar["height"]
            assert box["y"] + box["height"] <= 900


def test_the_slash_finds_and_letters_in_the_field_are_letters(browser: Browser, many: Path) -> None:
    with opened(browser, many) as page:
        page.keyboard.press("/")
        page.keyboard.type("njk?/")
        assert page.locator("#text").input_value() == "njk?/"
        expect(page.locator("#help")).to_be_hidden()
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement === document.body")


def test_the_keys_are_explained(browser: Browser, many: Path) -> None:
    with opened(browser, many) as page:
        page.keyboard.press("?")
        expect(page.locator("#help")).to_be_visible()
        for key in ("j", "k", "n", "p", "/", "?", "Enter", "Esc"):
            expect(page.locator("#help kbd", has_text=re.compile(f"^{re.escape(key)}$"))).to_have_count(1)
        page.keyboard.press("n")
        expect(page.locator("#place")).to_contain_text("page 1 of")
        page.keyboard.press("Escape")
        expect(page.locator("#help")).to_be_hidden()
        page.get_by_role("button", name="Keys").click()
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#help")).to_be_hidden()


def test_everything_has_a_name_for_those_who_hear_the_page(browser: Browser, photos: Path) -> None:
    with opened(browser, photos) as page:
        for role in ("button", "link", "textbox", "searchbox", "combobox", "slider"):
            everyone = page.get_by_role(role)
            named = page.get_by_role(role, name=re.compile(r"\S"))
            assert everyone.count() == named.count()
        assert page.get_by_role("searchbox").count() == 1
        assert page.get_by_role("region", name="2 copies of cat-chelsea.jpg").count() == 1
        assert page.get_by_role("button", name="Compare kitten-monday.jpg").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_light_and_dark(browser: Browser, photos: Path, scheme: str) -> None:
    with opened(browser, photos, color_scheme=scheme) as page:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness = sum(map(int, re.findall(r"\d+", colour)[:3])) / 3
        assert brightness > 200 if scheme == "light" else brightness < 60
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) == 13
        assert {name: ratio for name, ratio in contrasts.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("width", [360, 640, 1920])
def test_nothing_sticks_out_sideways(
    browser: Browser, report: Callable[[Findings], Path], width: int
) -> None:
    long = "x" * 200
    group = make_group(f"{long}/{long}.jpg", *((f"{long}/{long}{n}.jpg", 0.9, "near") for n in range(30)))
    findings = make_findings([group], skipped=[Skipped(long, "empty", long)], roots=(long,), keep=(long,))
    with opened_without_originals(
        browser, report(findings), viewport={"width": width, "height": 740}
    ) as page:
        page.locator("#skipped-list summary").click()
        page.locator(".more summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator(".shot").first.click()
        box = page.locator("#viewer").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert page.locator("#viewer").evaluate("node => node.scrollWidth <= node.clientWidth")


def test_on_a_phone_copies_stand_beside_their_keeper(browser: Browser, photos: Path) -> None:
    with opened(browser, photos, viewport={"width": 360, "height": 740}, has_touch=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        left, right = (page.locator(".card").nth(place).bounding_box() for place in (0, 1))
        assert left
        assert right
        assert left["y"] == right["y"]
        assert left["x"] + left["width"] <= right["x"]
        page.locator(".shot").first.tap()
        page.locator("#viewer-next").tap()
        expect(page.locator("#viewer-title")).to_have_text("copy 2 of 2")
