"""The worst examples on the page of an evaluation, as pictures: which, how many, of which system, and large."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from copylens.evaluation.page import THUMBNAIL_SIDE
from copylens.evaluation.results import Evaluation, Place
from copylens.images import thumbnail
from evaluation_pages import (
    ALL_DECODED,
    PART,
    alone,
    choose,
    copydays,
    disc21,
    keys_of,
    picture_count,
    pictured,
    titles,
    with_first,
    written,
)
from headless_chromium import opened
from report_pages import opened_without_originals

pytestmark = pytest.mark.browser


def test_pictures_are_there_and_are_the_right_ones(browser: Browser, three: Evaluation, path: Path) -> None:
    first = three.systems[0]
    with opened(browser, path) as page:
        assert keys_of(page, "#misses") == [pictured(miss) for miss in first.misses[:PART]]
        assert keys_of(page, "#false-matches") == [pictured(one) for one in first.false_matches[:PART]]
        page.wait_for_function(ALL_DECODED)
        images = page.locator(".example img")
        assert images.count() == picture_count(first, part=PART) > 40
        sizes = images.evaluate_all("nodes => nodes.map((n) => Math.max(n.naturalWidth, n.naturalHeight))")
        assert all(0 < size <= THUMBNAIL_SIDE for size in sizes)
        miss = first.misses[0]
        card = page.locator("#misses .example").first
        sources = card.locator("img").evaluate_all("nodes => nodes.map((n) => n.src)")
        places = [place for place in (miss.query, miss.reference, miss.found) if place is not None]
        assert [b64decode(source.partition(",")[2]) for source in sources] == [
            thumbnail(place.path, side=THUMBNAIL_SIDE) for place in places
        ]
        for words in (*miss.edits, miss.strength, "query", "should have been found", "found instead"):
            expect(card).to_contain_text(words)
        for score in (miss.score, miss.found_score):
            assert score is not None
            expect(card).to_contain_text(f"score {score:.3f}".replace("-", "\N{MINUS SIGN}"))
        assert card.locator("a").first.get_attribute("href") == Path(miss.query.path).as_uri()


def test_the_selector_shows_another_system_and_more_shows_more(
    browser: Browser, three: Evaluation, path: Path
) -> None:
    with opened(browser, path) as page:
        for number, system in enumerate(three.systems):
            choose(page, "#misses .choose-system", str(number))
            choose(page, "#false-matches .choose-system", str(number))
            assert keys_of(page, "#misses") == [pictured(miss) for miss in system.misses[:PART]]
            more = page.locator("#false-matches .more")
            expect(more).to_have_text(f"Show more of the other {len(system.false_matches) - PART}")
            more.click()
            shown = [pictured(one) for one in system.false_matches[: 2 * PART]]
            assert keys_of(page, "#false-matches") == shown
            focused = page.locator("#false-matches .example").nth(PART).locator("button").first
            expect(focused).to_be_focused()
            while more.is_visible():
                more.click()
            assert keys_of(page, "#false-matches") == [pictured(one) for one in system.false_matches]
        page.wait_for_function(ALL_DECODED)


def test_examples_can_be_of_one_edit(browser: Browser, three: Evaluation, path: Path) -> None:
    matches = three.systems[0].false_matches
    counts = Counter(edit for one in matches for edit in set(one.edits))
    edit, few = min(counts.items(), key=lambda item: item[1])
    of_it = [one for one in matches if edit in one.edits]
    assert 0 < few == len(of_it) < len(matches)
    with opened(browser, path) as page:
        choose(page, "#false-matches .choose-edit", edit)
        assert keys_of(page, "#false-matches") == [pictured(one) for one in of_it[:PART]]
        expect(page.locator("#false-matches .count")).to_have_text(f"{len(of_it)} of {len(matches)} examples")


def test_pictures_open_large_and_keys_go_on(browser: Browser, three: Evaluation, path: Path) -> None:
    misses = three.systems[0].misses
    with opened(browser, path) as page:
        page.locator("#misses .shot").first.focus()
        page.keyboard.press("Enter")
        viewer = page.locator("#viewer")
        expect(viewer).to_be_visible()
        for key, number in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
            page.keyboard.press(key)
            expect(page.locator("#viewer-title")).to_contain_text(f"{number + 1} of {len(misses)}")
            expect(viewer).to_contain_text(misses[number].reference.path)
        page.wait_for_function(ALL_DECODED)
        page.keyboard.press("Escape")
        expect(viewer).to_be_hidden()
        expect(page.locator("#misses .shot").first).to_be_focused()


def test_a_picture_that_is_gone_has_a_placeholder(
    browser: Browser, three: Evaluation, save: Callable[[Evaluation], Path], tmp_path: Path
) -> None:
    miss = replace(three.systems[0].misses[0], query=Place("gone.jpg", str(tmp_path / "gone.jpg")))
    with opened(browser, save(with_first(three, misses=(miss,)))) as page:
        card = page.locator("#misses .example")
        expect(card.locator(".missing")).to_have_text("picture not found")
        assert card.locator("img").count() == 2
        card.locator(".shot").first.click()
        expect(page.locator("#viewer .absent")).to_have_text("picture not found")
        page.get_by_role("button", name="Close").click()


def test_an_original_that_went_later_is_shown_small(
    browser: Browser, three: Evaluation, save: Callable[[Evaluation], Path], tmp_path: Path
) -> None:
    passing = tmp_path / "passing.jpg"
    passing.write_bytes(Path(three.systems[0].misses[0].query.path).read_bytes())
    miss = replace(three.systems[0].misses[0], query=Place("passing.jpg", str(passing)))
    page_path = save(with_first(three, misses=(miss,)))
    passing.unlink()
    with opened_without_originals(browser, page_path) as page:
        page.locator("#misses .shot").first.click()
        page.wait_for_function(ALL_DECODED)
        source = page.locator("#viewer img").first.get_attribute("src")
        assert (source or "").startswith("data:image/webp")


def test_without_examples_it_says_so(
    browser: Browser, three: Evaluation, save: Callable[[Evaluation], Path]
) -> None:
    with opened(browser, save(alone(three, misses=(), false_matches=(), normalised=None))) as page:
        expect(page.locator("#misses .examples")).to_contain_text("No misses")
        expect(page.locator("#false-matches .examples")).to_contain_text("No false matches")
        expect(page.locator(".more:visible")).to_have_count(0)
        expect(page.locator(".choose-system:visible, .choose-edit:visible, #differences")).to_have_count(0)
        assert page.locator(".letter").count() == 0
        assert page.locator("[data-chart=curves] polyline").count() == 1


def test_benchmarks_without_edits_and_of_another_protocol(browser: Browser, tmp_path: Path) -> None:
    for name, make in (("disc21", disc21), ("copydays", copydays)):
        evaluation = make(tmp_path / name)
        with opened(browser, written(evaluation, tmp_path / f"{name}.html")) as page:
            assert "By edit, what fails most first" not in titles(page)
            assert keys_of(page, "#misses") == [pictured(one) for one in evaluation.systems[0].misses[:PART]]
            page.wait_for_function(ALL_DECODED)
            if name == "copydays":
                head = page.locator("#figures thead th").nth(1)
                expect(head).to_have_text("mAP (trapezoid)")
            else:
                expect(page.locator("#figures .range")).to_have_count(0)
