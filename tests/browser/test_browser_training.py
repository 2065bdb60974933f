"""The page of a training as Chromium renders it: curves, histogram and pictures against the numbers, for everyone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from copylens.training.page import count_scores
from copylens.training.page_log import CHARTS, POINTS
from evaluation_pages import ALL_DECODED, BOXES
from headless_chromium import opened
from page_contrasts import contrasts
from page_text import HOSTILE
from training_pages import made_samples, run_folder, step_line, whole_log, written

pytestmark = pytest.mark.browser

STEPS, EVERY = 120, 2

POINTS_OF = """node => {
  const matrix = node.getScreenCTM();
  return [...node.points].map((p) => { const at = p.matrixTransform(matrix); return [at.x, at.y]; });
}"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of `whole_log`, more steps than are marked one by one, with samples."""
    folder = tmp_path_factory.mktemp("training")
    return written(run_folder(folder, whole_log(STEPS, EVERY)), made_samples())


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Sequence[dict[str, Any]]], Path]:
    return lambda lines: written(run_folder(tmp_path, lines))


def slide(slider: Locator, value: int) -> None:
    slider.evaluate("(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }", value)


def curves(page: Page, chart: str) -> list[list[list[float]]]:
    lines = page.locator(f"[data-chart='{chart}'] polyline").all()
    return [line.evaluate(POINTS_OF) for line in lines]


def test_every_section_is_rendered(browser: Browser, path: Path) -> None:
    with opened(browser, path) as page:
        assert page.locator("main h2").all_text_contents() == [
            *("Curves", "Warnings", "Scores of held-out pictures", "Nearest neighbours")
        ]
        for link in page.locator("nav a").all():
            target = link.get_attribute("href")
            assert target is not None
            box = page.locator(target).bounding_box()
            assert box
            assert box["height"] > 60
        assert page.locator(".chart svg").count() == len(CHARTS) + 1
        for chart in page.locator(".chart svg").all():
            assert chart.get_attribute("role") == "img"
            assert (chart.locator("title").first.text_content() or "").strip()
            assert (chart.locator("desc").text_content() or "").strip()


@pytest.mark.parametrize("width", [1280, 390])
def test_curves_have_a_point_for_every_line_of_the_log(browser: Browser, path: Path, width: int) -> None:
    lines = whole_log(STEPS, EVERY)
    with opened(browser, path, viewport={"width": width, "height": 900}) as page:
        for chart in CHARTS:
            of_kind = [line for line in lines if line["kind"] == chart.kind]
            frame = page.locator(f"[data-chart='{chart.name}'] svg")
            # Where things lie, from what the drawing says of itself and where it lies on the page.
            box = frame.bounding_box()
            assert box
            left, right, top, bottom, low, high = (
                float(frame.get_attribute(f"data-{name}") or "nan")
                for name in ("left", "right", "top", "bottom", "low", "high")
            )
            drawn = curves(page, chart.name)
            assert len(drawn) == len(chart.series)
            for points, (key, _) in zip(drawn, chart.series, strict=True):
                expected = [
                    (
                        box["x"] + left + line["step"] / STEPS * (right - left),
                        box["y"] + bottom - (line[key] - low) / (high - low) * (bottom - top),
                    )
                    for line in of_kind
                ]
                assert len(points) == len(expected)
                for at, wanted in zip(points, expected, strict=True):
                    assert at == pytest.approx(wanted, abs=0.6)


def test_the_grid_stands_where_its_numbers_say(browser: Browser, path: Path) -> None:
    """The axis of µAP goes from 0 to 1: its lines are evenly spaced from the axis to the top."""
    with opened(browser, path) as page:
        chart = page.locator("[data-chart='validation'] svg")
        top, bottom = (float(chart.get_attribute(f"data-{name}") or "nan") for name in ("top", "bottom"))
        levels = [float(line.get_attribute("y1") or "nan") for line in chart.locator(".grid-line").all()]
        names = chart.locator("text[text-anchor=end]").all_text_contents()
        assert names == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        wanted = [bottom - float(name) * (bottom - top) for name in names]
        assert levels == pytest.approx(wanted, abs=0.02)
        assert chart.locator("text[text-anchor=middle]").first.text_content() == "0"


def test_warnings_are_marked_at_their_steps(browser: Browser, path: Path) -> None:
    with opened(browser, path) as page:
        for chart in CHARTS:
            svg = page.locator(f"[data-chart='{chart.name}'] svg")
            left, right = (float(svg.get_attribute(f"data-{name}") or "nan") for name in ("left", "right"))
            marks = [float(mark.get_attribute("x1") or "nan") for mark in svg.locator(".warned").all()]
            wanted = [left + step / STEPS * (right - left) for step in (4 * EVERY, 9 * EVERY)]
            assert marks == pytest.approx(wanted, abs=0.02)


def test_the_slider_reads_all_curves_at_a_step(browser: Browser, path: Path) -> None:
    by_step = {line["step"]: line for line in whole_log(STEPS, EVERY) if line["kind"] == "step"}
    with opened(browser, path) as page:
        slider = page.locator("#step-slider")
        for asked, line in ((STEPS, by_step[STEPS]), (51, by_step[50]), (0, by_step[2])):
            slide(slider, asked)
            expect(page.locator("#step-shown")).to_have_text(str(asked))
            assert slider.get_attribute("aria-valuetext") == f"step {asked}"
            expect(page.locator("[data-readout=loss]")).to_have_text(f"loss{line['loss']:.4f}")
            expect(page.locator("[data-readout=scores]")).to_contain_text(f"{line['negative']:.4f}")
            svg = page.locator("[data-chart=loss] svg")
            left, right = (float(svg.get_attribute(f"data-{name}") or "nan") for name in ("left", "right"))
            cursor = float(svg.locator(".cursor").get_attribute("x1") or "nan")
            assert cursor == pytest.approx(left + line["step"] / STEPS * (right - left), abs=0.02)
        slider.focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#step-shown")).to_have_text("1")
        # The pointer reads, too.
        box = page.locator("[data-chart=koleo] svg").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
        expect(page.locator("#step-shown")).to_have_text(re.compile(r"^(5|6)\d$"))


def test_a_long_log_draws_the_thinned_number_of_points(
    browser: Browser, save: Callable[[Sequence[dict[str, Any]]], Path]
) -> None:
    with opened(browser, save([step_line(step) for step in range(1, 2 * POINTS)])) as page:
        assert [len(points) for points in curves(page, "loss")] == [POINTS]
        assert [len(points) for points in curves(page, "scores")] == [POINTS] * 3
        assert page.locator("[data-chart=loss] .point").count() == 0


def test_short_and_broken_curves_are_seen(
    browser: Browser, save: Callable[[Sequence[dict[str, Any]]], Path]
) -> None:
    gaps = [step_line(1), step_line(2), step_line(3, loss=float("nan")), step_line(4)]
    with opened(browser, save(gaps)) as page:
        assert [len(points) for points in curves(page, "loss")] == [2, 1]
        assert page.locator("[data-chart=loss] .point").count() == 3
        slide(page.locator("#step-slider"), 3)
        expect(page.locator("[data-readout=loss]")).to_have_text("loss–")
    with opened(browser, save([step_line(1)])) as page:
        assert [len(points) for points in curves(page, "loss")] == [1]
        box = page.locator("[data-chart=loss] .point").bounding_box()
        frame = page.locator("[data-chart=loss]").bounding_box()
        assert box
        assert frame
        assert frame["y"] < box["y"] < frame["y"] + frame["height"]
    with opened(browser, save([])) as page:
        expect(page.locator("#curves .none")).to_have_text("Nothing was logged yet.")
        assert page.locator("svg").count() == 0


def test_bars_of_the_histogram_are_as_high_as_the_counts(browser: Browser, path: Path) -> None:
    counted = count_scores(made_samples())
    with opened(browser, path) as page:
        for name, counts in (("positives", counted.positives), ("negatives", counted.negatives)):
            bars = page.locator(f"[data-chart=histogram] rect.{name}")
            shown = [int(bar.get_attribute("data-count") or 0) for bar in bars.all()]
            assert shown == [count for count in counts if count]
            heights = [height for _, _, _, height in bars.evaluate_all(BOXES)]
            unit = max(heights) / max(shown)
            assert heights == pytest.approx([count * unit for count in shown], abs=0.5)
        expect(page.locator("#found")).to_contain_text(f"In {counted.found} of {counted.views} views")


def test_all_pictures_are_loaded_in_their_places(browser: Browser, path: Path) -> None:
    samples = made_samples()
    with opened(browser, path) as page:
        page.wait_for_function(ALL_DECODED)
        rows = page.locator(".near")
        assert rows.count() == len(samples.neighbours) == 12
        for row, (query, others) in zip(rows.all(), samples.neighbours, strict=True):
            names = row.locator(".name").all_text_contents()
            wanted = [query, *(other.picture for other in others)]
            assert names == [samples.pictures[place].name.rpartition("/")[2] for place in wanted]
            scores = row.locator(".score").all_text_contents()[1:]
            assert [float(text.split(",")[0].replace("−", "-")) for text in scores] == [
                other.score for other in others
            ]
            boxes = row.locator("figure").evaluate_all(BOXES)
            assert len({round(y) for _, y, _, _ in boxes}) == 1
        framed = page.locator("figure.match").count()
        assert framed == sum(score.score >= 0.75 for _, others in samples.neighbours for score in others) > 0


WORDS = (
    *("h1", "h2", "h3", ".lead", ".numbers dt", ".numbers small", ".bar a", ".hint", ".key", ".told"),
    *("summary", ".score", ".name", ".recipe", ".slider span", ".slider b", ".wordy td"),
)
SHAPES = {
    ".chart .curve": "stroke",
    ".chart .warned": "stroke",
    ".chart .positives": "fill",
    ".chart .negatives": "fill",
    ".chart .threshold": "stroke",
}


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
def test_nothing_sticks_out_sideways(browser: Browser, tmp_path: Path, width: int) -> None:
    lines = [
        {**line, "text": "x" * 300} if line["kind"] == "warning" else line for line in whole_log(STEPS, EVERY)
    ]
    samples = made_samples(names=["x" * 200, *HOSTILE])
    path = written(run_folder(tmp_path, lines), samples)
    with opened(browser, path, viewport={"width": width, "height": 844}) as page:
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = page.locator("main > section, .card, .near figure").evaluate_all(BOXES)
        assert all(x >= 0 and x + w <= width for x, _, w, _ in wide)


def test_on_a_phone_three_pictures_stand_side_by_side(browser: Browser, path: Path) -> None:
    with opened(browser, path, viewport={"width": 390, "height": 844}, has_touch=True) as page:
        boxes = page.locator(".near").first.locator("figure").evaluate_all(BOXES)
        assert [round(y) for _, y, _, _ in boxes[:3]] == [round(boxes[0][1])] * 3
        assert all(width > 90 for _, _, width, _ in boxes)


def test_everything_can_be_reached_by_keyboard_and_has_a_name(browser: Browser, path: Path) -> None:
    with opened(browser, path) as page:
        wanted = page.locator(
            "a[href], input, summary, .scroll[tabindex]:visible, footer .scroll"
        ).evaluate_all(
            """nodes => {
              nodes.forEach((node, at) => { node.dataset.reach = at; });
              return nodes.filter((node) => node.offsetParent).length;
            }"""
        )
        seen: set[Any] = set()
        for _ in range(wanted + 5):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.dataset.reach ?? null"))
        assert len(seen - {None}) == wanted >= 5 + 1 + 3 + 2
        page.locator("nav a").first.focus()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        for summary in page.locator("summary").all():
            summary.click()
        for role in ("link", "slider", "img", "region", "article"):
            everyone = page.get_by_role(role)
            named = page.get_by_role(role, name=re.compile(r"\S"))
            assert everyone.count() == named.count() > 0, role


def test_without_scripts_tables_and_pictures_are_there(browser: Browser, path: Path) -> None:
    with opened(browser, path, java_script_enabled=False) as page:
        expect(page.locator("noscript")).to_be_visible()
        assert page.locator("#curves tbody tr").count() == 40 + 3
        expect(page.locator(".near img").first).to_be_visible()
        expect(page.locator("#warnings")).to_contain_text("rank & file")
