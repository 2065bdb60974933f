"""The HTML report as Chromium renders it: groups, pictures, pages, orders, filters."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from copylens.records import Findings, Group
from headless_chromium import opened
from report_findings import many_groups, photo_findings, tiny_picture
from report_pages import MANY, PAGE, keepers, names

pytestmark = pytest.mark.browser

ALL_DECODED = "() => [...document.images].every((img) => img.complete && img.naturalWidth > 0)"


def choose_score(page: Page, value: float) -> None:
    page.locator("#score").evaluate(
        "(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }", value
    )


def test_every_group_is_shown_with_real_pictures(browser: Browser, photos: Path) -> None:
    findings = photo_findings()
    with opened(browser, photos) as page:
        assert keepers(page) == names(list(findings.groups))
        images = sum(1 + len(group.members) for group in findings.groups)
        expect(page.locator(".card img")).to_have_count(images)
        page.wait_for_function(ALL_DECODED)
        sizes = page.locator(".card img").evaluate_all(
            "nodes => nodes.map((n) => [n.naturalWidth, n.naturalHeight])"
        )
        assert {max(size) for size in sizes} == {160}
        assert page.locator(".shot", has_text="no picture").count() == 0


def test_the_facts_of_a_copy_are_beside_it(browser: Browser, photos: Path) -> None:
    findings = photo_findings()
    with opened(browser, photos) as page:
        group = page.locator(".group", has_text="kitten-monday.jpg")
        copy = group.locator(".card", has_text="kitten-monday.jpg")
        path = next(path for path in findings.images if path.endswith("kitten-monday.jpg"))
        facts = findings.images[path]
        score = next(m.score for g in findings.groups for m in g.members if m.path == path)
        for words in (
            "edited",
            f"{score:.3f}",
            f"{facts.width} × {facts.height}",
            "64.2 kB",
            "JPEG",
            "downloads/",
        ):
            expect(copy).to_contain_text(words)
        assert copy.locator("a").get_attribute("href") == Path(path).as_uri()
        expect(group.locator(".card.keeper .tag")).to_have_text("keep")
        expect(group.locator(".card:not(.keeper) .tag")).to_have_text("edited")
        expect(group.locator("h2")).to_contain_text("1 copy")


def test_the_numbers_and_what_was_skipped(browser: Browser, photos: Path) -> None:
    with opened(browser, photos) as page:
        numbers = (page.locator(f".numbers {part}").all_text_contents() for part in ("dt", "dd"))
        shown = dict(zip(*numbers, strict=True))
        assert (shown["images"], shown["groups"], shown["copies"], shown["skipped"]) == (
            "42",
            "18",
            "24",
            "2",
        )
        expect(page.locator("#skipped-list li")).to_have_count(0)
        page.locator("#skipped-list summary").click()
        expect(page.locator("#skipped-list li")).to_have_count(2)
        expect(page.locator("#skipped-list")).to_contain_text("empty-zero-bytes.jpg")
        expect(page.locator("#skipped-list h3").first).to_have_text("1 × the file has no bytes")


def test_the_pair_is_seen_large_side_by_side(browser: Browser, photos: Path) -> None:
    with opened(browser, photos) as page:
        group = page.locator(".group", has_text="kitten-monday.jpg")
        group.locator(".card:not(.keeper) .shot").click()
        expect(page.locator("#viewer")).to_be_visible()
        page.wait_for_function(
            "() => [...document.querySelectorAll('#pair img')].every((img) => img.naturalWidth > 700)"
        )
        left, right = (page.locator("#pair figure").nth(place).bounding_box() for place in (0, 1))
        assert left
        assert right
        assert abs(left["y"] - right["y"]) < 1
        assert left["x"] + left["width"] <= right["x"]
        assert right["width"] > 500
        expect(page.locator("#pair figure").first.locator(".tag")).to_have_text("keep")
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#viewer")).to_be_hidden()


def test_ten_thousand_groups_are_paged(browser: Browser, many: Path) -> None:
    groups = list(many_groups(MANY).groups)
    count_nodes = "document.querySelectorAll('body *:not(script)').length"
    with opened(browser, many) as page:
        assert keepers(page) == names(groups[:PAGE])
        expect(page.locator("#place")).to_have_text("10,000 groups · page 1 of 200")
        expect(page.locator(".previous").first).to_be_disabled()
        first_nodes = page.evaluate(count_nodes)
        assert first_nodes < 40 * PAGE
        page.locator(".next").first.click()
        assert keepers(page) == names(groups[PAGE : 2 * PAGE])
        page.locator(".previous").last.click()
        assert keepers(page) == names(groups[:PAGE])
        for _ in range(200):
            page.keyboard.press("n")
        expect(page.locator("#place")).to_have_text("10,000 groups · page 200 of 200")
        assert keepers(page) == names(groups[-PAGE:])
        expect(page.locator(".next").last).to_be_disabled()
        page.wait_for_function(ALL_DECODED)
        assert page.evaluate(count_nodes) == first_nodes


def test_a_thumbnail_stays_with_its_group_on_every_page(browser: Browser, many: Path) -> None:
    groups = list(many_groups(MANY).groups)
    with opened(browser, many) as page:
        page.locator("#sort").select_option("path")
        for step in (0, 3):
            for _ in range(step):
                page.keyboard.press("n")
            ordered = sorted(groups, key=lambda group: group.keeper)[step * PAGE : (step + 1) * PAGE]
            sources = page.locator(".card.keeper img").evaluate_all("nodes => nodes.map((node) => node.src)")
            expected = [tiny_picture(group.keeper) for group in ordered]
            assert len(set(sources)) > 1
            assert [b64decode(source.partition(",")[2]) for source in sources] == expected


def scores(group: Group) -> list[float]:
    return [round(member.score, 4) for member in group.members]


ORDERS: dict[str, Callable[[Findings, Group], Any]] = {
    "free": lambda findings, group: -sum(findings.images[member.path].size for member in group.members),
    "score-down": lambda _, group: -max(scores(group)),
    "score-up": lambda _, group: min(scores(group)),
    "size": lambda _, group: -len(group.members),
    "path": lambda _, group: group.keeper,
}
"""Sort keys, written once more: the page and Python must agree."""


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_is_the_one_its_name_says(browser: Browser, photos: Path, many: Path, order: str) -> None:
    for path, findings in ((photos, photo_findings()), (many, many_groups(MANY))):
        expected = sorted(findings.groups, key=partial(ORDERS[order], findings))
        with opened(browser, path) as page:
            page.locator("#sort").select_option(order)
            assert keepers(page) == names(expected[:PAGE])
            if len(expected) > PAGE:
                page.locator(".next").first.click()
                assert keepers(page) == names(expected[PAGE : 2 * PAGE])


def test_every_order_is_offered(browser: Browser, photos: Path) -> None:
    with opened(browser, photos) as page:
        options = page.locator("#sort option").evaluate_all("nodes => nodes.map((node) => node.value)")
        assert set(options) == set(ORDERS)


def test_filters_show_what_fits_and_only_that(browser: Browser, many: Path) -> None:
    groups = list(many_groups(MANY).groups)
    with opened(browser, many) as page:
        page.locator("#kind").select_option("exact")
        exact = [group for group in groups if group.kind == "exact"]
        expect(page.locator("#place")).to_have_text(
            f"{len(exact):,} groups · page 1 of {-(-len(exact) // PAGE)}"
        )
        assert keepers(page) == names(exact[:PAGE])
        page.locator("#kind").select_option("near")
        choose_score(page, 0.9)
        near = [group for group in groups if group.kind == "near" and max(scores(group)) >= 0.9]
        expect(page.locator("#score-shown")).to_have_text("0.90")
        expect(page.locator("#place")).to_contain_text(f"{len(near):,} groups")
        assert keepers(page) == names(near[:PAGE])
        # Upper case, part of a copy's path, not of the keeper's.
        page.locator("#text").fill("COPIES/0123")
        few = [group for group in near if "copies/0123" in group.members[0].path]
        assert 0 < len(few) < 10
        assert keepers(page) == names(few)
        page.locator("#text").fill("no such path")
        expect(page.locator("#groups")).to_have_text("No group fits the filter.")
        expect(page.locator("#place")).to_have_text("0 groups · page 1 of 1")
        page.locator("#text").fill("")
        assert keepers(page) == names(near[:PAGE])


def test_a_filter_goes_back_to_the_first_page(browser: Browser, many: Path) -> None:
    with opened(browser, many) as page:
        page.locator(".next").first.click()
        page.locator("#text").fill("album-3")
        expect(page.locator("#place")).to_contain_text("page 1 of")
