"""The page of an evaluation by keyboard, by ear, in the dark, on a phone and without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from copylens.evaluation.results import Evaluation
from evaluation_pages import (
    BOXES,
    with_first,
)
from headless_chromium import opened
from page_contrasts import contrasts

pytestmark = pytest.mark.browser


WORDS = (
    *(
        "h1",
        "h2",
        ".lead",
        ".numbers dt",
        ".bar a",
        ".value",
        ".note",
        ".verdict",
        ".hint",
        ".key",
        ".letter",
    ),
    *(".figures thead th", "summary", ".reads", ".role", ".score", ".rank", ".name", ".chip", ".count"),
    *(".origin dt", ".origin dd"),
)
SHAPES = {".chart .fill": "fill", ".chart .curve": "stroke", ".chart .mark": "stroke"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_light_and_dark(browser: Browser, path: Path, scheme: str) -> None:
    with opened(browser, path, color_scheme=scheme) as page:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness = sum(map(int, re.findall(r"\d+", colour)[:3])) / 3
        assert brightness > 200 if scheme == "light" else brightness < 60
        words, shapes = contrasts(page, WORDS, SHAPES)
        assert set(words) == {*WORDS, "svg text"}
        assert {name: ratio for name, ratio in words.items() if ratio < 4.5} == {}
        assert set(shapes) == set(SHAPES)
        assert {name: ratio for name, ratio in shapes.items() if ratio < 3} == {}


@pytest.mark.parametrize("width", [390, 760, 1920])
def test_nothing_sticks_out_sideways(
    browser: Browser, three: Evaluation, save: Callable[[Evaluation], Path], width: int
) -> None:
    long = "x" * 120
    first = three.systems[0]
    edits = tuple(replace(edit, name=f"{edit.name}{long}") for edit in first.by_edit)
    misses = tuple(replace(one, query=replace(one.query, key=long), edits=(long,)) for one in first.misses)
    origin = replace(first.origin, benchmark=long, command=f"copylens {long}")
    changed = with_first(three, label=long, origin=origin, by_edit=edits, misses=misses)
    with opened(browser, save(changed), viewport={"width": width, "height": 844}) as page:
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = page.locator("main > section").evaluate_all(BOXES)
        assert all(x >= 0 and x + w <= width for x, _, w, _ in wide)
        page.locator("#misses .shot").first.click()
        box = page.locator("#viewer").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert page.locator("#viewer").evaluate("node => node.scrollWidth <= node.clientWidth")


def test_on_a_phone_three_pictures_stand_side_by_side(browser: Browser, path: Path) -> None:
    with opened(browser, path, viewport={"width": 390, "height": 844}, has_touch=True) as page:
        shots = page.locator("#misses .example").first.locator(".shot").evaluate_all(BOXES)
        assert len(shots) == 3
        assert len({round(y) for _, y, _, _ in shots}) == 1
        assert all(width > 90 for _, _, width, _ in shots)
        page.locator("#misses .shot").first.tap()
        page.locator("#viewer-next").tap()
        expect(page.locator("#viewer-title")).to_contain_text("2 of")


def test_everything_can_be_reached_by_keyboard(browser: Browser, path: Path) -> None:
    reachable = "a[href], button:not([hidden]):not(:disabled), select, input, summary"
    with opened(browser, path) as page:
        wanted = page.locator(f"body > :not(dialog) :is({reachable}), nav a").evaluate_all(
            """nodes => {
              nodes.forEach((node, at) => { node.dataset.reach = at; });
              return nodes.filter((node) => node.offsetParent).length;
            }"""
        )
        seen: set[Any] = set()
        for _ in range(wanted + 20):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.dataset.reach ?? null"))
        assert len(seen - {None}) == wanted > 100
        page.locator("nav a").first.focus()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_everything_has_a_name_for_those_who_hear_the_page(browser: Browser, path: Path) -> None:
    with opened(browser, path) as page:
        for role in ("button", "link", "combobox", "slider", "img", "region", "table"):
            everyone = page.get_by_role(role)
            named = page.get_by_role(role, name=re.compile(r"\S"))
            assert everyone.count() == named.count() > 0, role
        assert page.get_by_role("slider").count() == 1 + 6


def test_without_scripts_the_tables_are_there(browser: Browser, three: Evaluation, path: Path) -> None:
    with opened(browser, path, java_script_enabled=False) as page:
        expect(page.locator("#figures .value").first).to_have_text(
            f"{three.systems[0].plain.figures['micro_average_precision'].value:.3f}"
        )
        expect(page.locator("noscript")).to_be_visible()
        page.locator("#edits summary").click()
        assert page.locator("#edits tbody tr").count() >= 2 * 3 * len(three.systems[0].by_edit)
