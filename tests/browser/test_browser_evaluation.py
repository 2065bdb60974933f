"""The charts and tables of an evaluation as Chromium renders them: lengths and places against the numbers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from copylens.evaluation.page_tables import NORMALISED, headline, scored_lists
from copylens.evaluation.results import Evaluation, Slice
from evaluation_pages import (
    BOXES,
    alone,
    choose,
    titles,
)
from headless_chromium import opened

pytestmark = pytest.mark.browser


MEASURES = ("recall_at_1", "recall_at_10", "found")


def slide(slider: Locator, value: float) -> None:
    slider.evaluate("(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }", value)


def test_every_section_is_rendered(browser: Browser, path: Path) -> None:
    with opened(browser, path) as page:
        assert titles(page) == [
            *(
                "Figures",
                "Difference from Athumbnail",
                "Precision and recall",
                "Scores of copies and of others",
            ),
            *("By edit, what fails most first", "By strength", "By kind of query"),
            *("Worst misses", "Worst false matches"),
        ]
        for link in page.locator("nav a").all():
            target = link.get_attribute("href")
            assert target is not None
            box = page.locator(target).bounding_box()
            assert box
            assert box["height"] > 100
        assert page.locator(".chart svg").count() == 1 + 6 + 1 + 2
        for chart in page.locator(".chart svg").all():
            assert chart.get_attribute("role") == "img"
            assert (chart.locator("title").first.text_content() or "").strip()
            assert (chart.locator("desc").text_content() or "").strip()
        expect(page.locator("#origin")).to_contain_text("copylens evaluate exam exam")


def test_bars_of_figures_are_as_long_as_the_figures(browser: Browser, three: Evaluation, path: Path) -> None:
    with opened(browser, path) as page:
        cells = [cell for row in headline(three) for cell in row.cells if cell.value is not None]
        tracks = page.locator("#figures .track").evaluate_all(BOXES)
        fills = page.locator("#figures .fill").evaluate_all(BOXES)
        ranges = page.locator("#figures .range").evaluate_all(BOXES)
        assert len(cells) == len(tracks) == len(fills) == len(ranges) == 30
        for cell, track, fill, interval in zip(cells, tracks, fills, ranges, strict=True):
            assert cell.value is not None
            assert cell.low is not None
            assert cell.high is not None
            assert fill[2] / track[2] == pytest.approx(cell.value / 100, abs=0.01)
            assert (interval[0] - track[0]) / track[2] == pytest.approx(cell.low / 100, abs=0.01)
            assert interval[2] / track[2] == pytest.approx((cell.high - cell.low) / 100, abs=0.01)


def test_differences_are_said_in_words(
    browser: Browser, three: Evaluation, save: Callable[[Evaluation], Path]
) -> None:
    found = three.comparisons[0].plain["micro_average_precision"]
    sure = replace(found, value=-0.3, low=-0.4, high=-0.2)
    better = replace(found, value=0.3, low=0.2, high=0.4)
    first, *others = three.comparisons
    plain = {**first.plain, "micro_average_precision": sure, "recall_at_precision_90": better}
    changed = replace(three, comparisons=(replace(first, plain=plain), *others))
    with opened(browser, save(changed)) as page:
        row = page.locator("#differences tbody tr").first
        cells = row.locator("td")
        expect(cells.nth(0)).to_contain_text("\N{MINUS SIGN}0.300")
        expect(cells.nth(0).locator(".verdict")).to_have_text("worse")
        expect(cells.nth(1).locator(".verdict")).to_have_text("better")
        expect(page.locator("#differences .verdict", has_text="cannot be told apart").first).to_be_visible()
        # Left of the line that is 0, and right of it.
        for cell, side in ((cells.nth(0), -1), (cells.nth(1), 1)):
            zero, interval = (cell.locator(name).evaluate_all(BOXES)[0] for name in (".zero", ".fill"))
            assert (interval[0] + interval[2] / 2 - zero[0]) * side > 10


def axes(page: Page) -> Callable[[float, float], tuple[float, float]]:
    """Where a recall and a precision lie, by the lines of the grid."""
    box = {
        (name, value): page.locator(f"[data-{name}='{value}']").evaluate_all(BOXES)[0]
        for name in ("recall", "precision")
        for value in ("0.0", "1.0")
    }
    left, right = box["recall", "0.0"][0], box["recall", "1.0"][0]
    bottom, top = box["precision", "0.0"][1], box["precision", "1.0"][1]
    return lambda recall, precision: (left + recall * (right - left), bottom + precision * (top - bottom))


@pytest.mark.parametrize("width", [1280, 390])
def test_curves_have_points_where_the_numbers_say(
    browser: Browser, three: Evaluation, path: Path, width: int
) -> None:
    points = """nodes => nodes.map((node) => {
      const matrix = node.getScreenCTM();
      return [...node.points].map((p) => { const at = p.matrixTransform(matrix); return [at.x, at.y]; });
    })"""
    with opened(browser, path, viewport={"width": width, "height": 900}) as page:
        place = axes(page)
        drawn = page.locator("[data-chart=curves] polyline").evaluate_all(points)
        lists = [scored for _, _, scored in scored_lists(three)]
        assert len(drawn) == len(lists) == 6
        for line, scored in zip(drawn, lists, strict=True):
            expected = [place(*at) for at in zip(scored.curve.recall, scored.curve.precision, strict=True)]
            assert len(line) == len(expected) > 3
            for at, wanted in zip(line, expected, strict=True):
                assert at == pytest.approx(wanted, abs=1.1)
        marks = page.locator("[data-chart=curves] .mark").evaluate_all(BOXES)
        places = [place(at.recall, at.precision) for scored in lists for at in scored.thresholds]
        assert len(marks) == len(places)
        for (x, y, w, h), (left, top) in zip(marks, places, strict=True):
            assert x + w / 2 == pytest.approx(left, abs=2)
            assert y + h / 2 == pytest.approx(top, abs=3)


def reading(evaluation: Evaluation, recall: float, *, shown: str = "") -> list[float]:
    """Precision and score of every curve, or of those noted as `shown`, first where it reaches a recall."""
    numbers = []
    for _, note, scored in scored_lists(evaluation):
        if shown not in note:
            continue
        at = [value >= recall - 1e-9 for value in scored.curve.recall].index(True)
        numbers += [scored.curve.precision[at], scored.curve.thresholds[at]]
    return numbers


def readout(page: Page) -> list[float]:
    text = " ".join(page.locator("#curve-readout .reads").all_text_contents())
    return [float(word) for word in re.findall(r"-?[0-9.]+", text.replace("\N{MINUS SIGN}", "-"))]


def test_curves_are_read_by_pointer_and_by_keys(browser: Browser, three: Evaluation, path: Path) -> None:
    with opened(browser, path) as page:
        assert readout(page) == pytest.approx(reading(three, 0.5), abs=0.00051)
        page.locator("[data-chart=curves]").scroll_into_view_if_needed()
        x, y = axes(page)(0.3, 0.5)
        page.mouse.move(x, y)
        recall = float(page.locator("#curve-recall").text_content() or "")
        assert recall == pytest.approx(0.3, abs=0.01)
        assert readout(page) == pytest.approx(reading(three, recall), abs=0.00051)
        page.mouse.move(0, 0)
        page.locator("#curve-slider").focus()
        page.keyboard.press("End")
        expect(page.locator("#curve-recall")).to_have_text("1.000")
        assert readout(page) == pytest.approx(reading(three, 1.0), abs=0.00051)
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#curve-recall")).to_have_text("0.995")
        cursor = page.locator("[data-chart=curves] .cursor").evaluate_all(BOXES)[0]
        assert cursor[0] == pytest.approx(axes(page)(0.995, 0)[0], abs=1.5)
        choose(page, "#curve-lists", "normalised")
        assert page.locator("[data-chart=curves] polyline").count() == 3
        assert readout(page) == pytest.approx(reading(three, 0.995, shown=NORMALISED), abs=0.00051)


def test_histograms_have_bars_of_the_counts_and_lines_at_the_thresholds(
    browser: Browser, three: Evaluation, path: Path
) -> None:
    with opened(browser, path) as page:
        cards = page.locator(".histogram")
        units: dict[str, set[float]] = {"copies": set(), "others": set()}
        for card, (_, _, scored) in zip(cards.all(), scored_lists(three), strict=True):
            histogram = scored.histogram
            axis = card.locator(".axis").evaluate_all(BOXES)[0]
            for name, counts in (("copies", histogram.copies), ("others", histogram.non_copies)):
                bars = card.locator(f"rect.{name}")
                shown = [
                    int(text) for text in bars.evaluate_all("nodes => nodes.map((n) => n.dataset.count)")
                ]
                assert shown == [count for count in counts if count]
                for count, (_, y, _, height) in zip(shown, bars.evaluate_all(BOXES), strict=True):
                    units[name].add(round(height / count, 1))
                    assert y < axis[1] if name == "copies" else y >= axis[1] - 1.5
            low, high = histogram.edges[0], histogram.edges[-1]
            lines = card.locator(".threshold").evaluate_all(BOXES)
            for at, line in zip(scored.thresholds, lines, strict=True):
                assert at.threshold is not None
                expected = axis[0] + (at.threshold - low) / (high - low) * axis[2]
                assert line[0] == pytest.approx(expected, abs=1.5)
        assert all(max(values) - min(values) < 0.3 for values in units.values())


def test_a_histogram_counts_from_any_score(browser: Browser, three: Evaluation, path: Path) -> None:
    histogram = three.systems[0].plain.histogram
    with opened(browser, path) as page:
        card = page.locator(".histogram").first
        slider = card.get_by_role("slider")
        slide(slider, 10)
        expect(card.locator(".slider b")).to_have_text(f"{histogram.edges[10]:.3f}")
        copies, others = sum(histogram.copies[10:]), sum(histogram.non_copies[10:])
        expect(card.locator(".readout")).to_contain_text(f"{copies} of 18 copies")
        expect(card.locator(".readout")).to_contain_text(f"{others} of 23 queries")
        slider.focus()
        page.keyboard.press("Home")
        expect(card.locator(".readout")).to_contain_text("18 of 18 copies (100.0 %)")


def bars_of(page: Page, chart: str) -> dict[str, list[tuple[int, float, float]]]:
    """By row: system, value and length of each bar as a share of its track."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    for row in page.locator(f"[data-chart={chart}] .row").all():
        tracks = row.locator(".track").evaluate_all(BOXES)
        fills = row.locator(".fill").evaluate_all(BOXES)
        facts = row.locator(".fill").evaluate_all(
            "nodes => nodes.map((n) => [n.dataset.system, n.dataset.value])"
        )
        found[row.get_attribute("data-name") or ""] = [
            (int(system), float(value), fill[2] / track[2])
            for (system, value), fill, track in zip(facts, fills, tracks, strict=True)
        ]
    return found


def varied(evaluation: Evaluation) -> Evaluation:
    """Another rate for each edit, system and measure."""
    draw = random.Random(3)

    def other(part: Slice | None) -> Slice | None:
        if part is None or part.recall_at_1 is None:
            return part
        rates = {name: round(draw.random(), 6) for name in MEASURES}
        return replace(part, **rates)  # type: ignore[arg-type]

    return replace(
        evaluation,
        systems=tuple(
            replace(
                system,
                by_edit=tuple(
                    replace(edit, alone=other(edit.alone), within=other(edit.within))
                    for edit in system.by_edit
                ),
            )
            for system in evaluation.systems
        ),
    )


def values_of(parts: list[Slice | None], measure: str) -> list[tuple[int, float]]:
    values = [(number, getattr(part, measure)) for number, part in enumerate(parts) if part is not None]
    return [(number, value) for number, value in values if value is not None]


@pytest.mark.parametrize("width", [1280, 390])
def test_bars_of_edits_are_as_long_as_their_rates(
    browser: Browser, three: Evaluation, save: Callable[[Evaluation], Path], width: int
) -> None:
    evaluation = varied(three)
    with opened(browser, save(evaluation), viewport={"width": width, "height": 900}) as page:
        for measure in MEASURES:
            choose(page, "#edit-measure", measure)
            check_edits(page, evaluation, measure)


def check_edits(page: Page, evaluation: Evaluation, measure: str) -> None:
    found = bars_of(page, "edits")
    by_name = [{edit.name: edit for edit in system.by_edit} for system in evaluation.systems]
    assert set(found) == {*by_name[0], "any of them"}
    for name in by_name[0]:
        expected = [
            pair
            for way in ("alone", "within")
            for pair in values_of([getattr(edits[name], way) for edits in by_name], measure)
        ]
        assert [(system, value) for system, value, _ in found[name]] == expected
    several = values_of([system.several_edits for system in evaluation.systems], measure)
    assert [(system, value) for system, value, _ in found["any of them"]] == several
    lengths = [(value, length) for bars in found.values() for _, value, length in bars]
    assert len({value for value, _ in lengths}) > 6
    for value, length in lengths:
        assert length == pytest.approx(value, abs=0.01)


def test_what_fails_most_comes_first(browser: Browser, three: Evaluation, path: Path) -> None:
    with opened(browser, path) as page:
        for number, system in enumerate(three.systems):
            choose(page, "#edit-order", str(number))
            assert list(bars_of(page, "edits"))[:-1] == [edit.name for edit in system.by_edit]
        choose(page, "#edit-order", "name")
        assert list(bars_of(page, "edits"))[:-1] == sorted(edit.name for edit in three.systems[0].by_edit)


@pytest.mark.parametrize(("chart", "field"), [("strengths", "by_strength"), ("kinds", "by_kind")])
def test_bars_of_strength_and_kind(
    browser: Browser, three: Evaluation, path: Path, chart: str, field: str
) -> None:
    with opened(browser, path) as page:
        found = bars_of(page, chart)
        assert list(found) == [part.name for part in getattr(three.systems[0], field)]
        for place, bars in enumerate(found.values()):
            parts = [getattr(system, field)[place] for system in three.systems]
            expected = [
                pair
                for measure in ("recall_at_1", "found", "false_alarms")
                for pair in values_of(parts, measure)
            ]
            assert [(system, value) for system, value, _ in bars] == expected
            for _, value, length in bars:
                assert length == pytest.approx(value, abs=0.01)


def test_nothing_reached_is_no_error(
    browser: Browser, three: Evaluation, save: Callable[[Evaluation], Path]
) -> None:
    plain = three.systems[0].plain
    nowhere = tuple(replace(at, threshold=None, recall=0.0) for at in plain.thresholds)
    curve = replace(plain.curve, recall=(), precision=(), thresholds=())
    changed = replace(plain, thresholds=nowhere, curve=curve)
    with opened(browser, save(alone(three, plain=changed, normalised=None))) as page:
        expect(page.locator("#curve-readout .reads")).to_have_text("not reached")
        assert page.locator(".threshold, .mark.s0:not(#curve-readout *)").count() == 0
        expect(page.locator("#figures td").last).to_have_text("–")
