"""Pictures in pictures, as Chromium renders them: the box lies on the part that holds the other, and words say so."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from copylens.records import Findings, Group, ImageFacts, MatchedView, Member, Related, Relation, View
from copylens.reports import write
from headless_chromium import opened
from page_contrasts import contrasts
from report_findings import make_findings, make_image, photo_thumbnail
from report_pages import opened_without_originals

pytestmark = pytest.mark.browser

GROUND, PART = (70, 90, 110), (220, 0, 220)
ORIENTATION = 0x0112

MIDDLE, CORNER, RIGHT = View(0.25, 0.3, 0.75, 0.7), View(0.6, 0.5, 1, 1), View(0.05, 0.3, 0.45, 0.7, "rot90")
BOXES = {"photo.png": CORNER, "screen.png": MIDDLE, "turned.jpg": RIGHT}
"""Where each picture is of another colour; the box must lie there."""


def draw(path: Path, size: tuple[int, int], view: View, *, turned: bool = False) -> ImageFacts:
    """A picture of `size` when upright, with a part in another colour; stored on its side where `turned`."""
    width, height = size
    pixels = np.full((height, width, 3), GROUND, np.uint8)
    columns = slice(round(view.left * width), round(view.right * width))
    pixels[round(view.top * height) : round(view.bottom * height), columns] = PART
    exif = Image.Exif()
    if turned:
        # Orientation 6: what is stored must be turned to the right to be upright.
        pixels = np.ascontiguousarray(np.rot90(pixels))
        exif[ORIENTATION] = 6
    Image.fromarray(pixels).save(path, exif=exif, quality=95, subsampling=0)
    return make_image(str(path), width=width, height=height)


@pytest.fixture
def findings(tmp_path: Path) -> Findings:
    """A photograph with a copy and a part, a screen that holds it, and a picture that holds it turned."""
    shapes = {"photo.png": (640, 480), "screen.png": (360, 720), "turned.jpg": (700, 420)}
    images = [
        draw(tmp_path / name, size, BOXES[name], turned=name == "turned.jpg") for name, size in shapes.items()
    ]
    images += [draw(tmp_path / name, (256, 240), View()) for name in ("crop.png", "copy.png")]
    photo, screen, turned, crop, copy = (image.path for image in images)

    def related(path: str, relation: Relation, view: View, pixels: float) -> Related:
        seen = MatchedView("other" if relation == "holds" else "keeper", view)
        return Related(path, 0.8, relation, seen, pixels)

    group = Group(
        "near",
        photo,
        (Member(copy, 0.9, "near", MatchedView("copy", View(turn="rot180"))),),
        (
            related(screen, "holds", MIDDLE, 0.17),
            related(turned, "holds", RIGHT, 0.15),
            related(crop, "part", CORNER, 1.0),
        ),
        "resolution",
    )
    lone = Group("parts", turned, (), (related(crop, "part", RIGHT, 2.5),), "part")
    return make_findings([group, lone], images=images, views="thorough")


def saved(findings: Findings, folder: Path) -> Path:
    write(findings, folder / "report.html", thumbnail=photo_thumbnail)
    return folder / "report.html"


def part_of(frame: Locator) -> tuple[float, float, float, float]:
    """Where the other colour is in a picture on the screen: left, top, right, bottom in pixels of the frame."""
    with Image.open(io.BytesIO(frame.screenshot())) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    half = sum(abs(a - b) for a, b in zip(PART, GROUND, strict=True)) / 2
    rows, columns = np.nonzero(np.abs(pixels - PART).sum(axis=2) < half)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def assert_box_on_part(frame: Locator, tolerance: float) -> None:
    """The box of a picture is painted, and lies on the part of the other colour."""
    box = frame.locator(".box")
    expect(box).to_have_count(1)
    edges = frame.evaluate(
        """(node) => {
          const [inner, outer] = [node.querySelector('.box'), node].map((n) => n.getBoundingClientRect());
          return [inner.left - outer.left, inner.top - outer.top, inner.right - outer.left, inner.bottom - outer.top];
        }"""
    )
    with Image.open(io.BytesIO(frame.screenshot())) as image:
        middle = round((edges[1] + edges[3]) / 2)
        colour = image.convert("RGB").getpixel((round(edges[0]) + 1, middle))
    assert isinstance(colour, tuple)
    assert colour[0] > 200
    assert colour[1] > 160
    assert colour[2] < 120
    box.evaluate("(node) => { node.style.visibility = 'hidden'; }")
    assert part_of(frame) == pytest.approx(edges, abs=tolerance)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_box_lies_on_the_part_at_every_size(
    browser: Browser, findings: Findings, tmp_path: Path, width: int, scheme: str
) -> None:
    """Parts, turned views, stored-on-its-side pictures; thumbnails, and pairs seen large."""
    path = saved(findings, tmp_path)
    with opened(browser, path, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        page.wait_for_function("() => [...document.images].every((img) => img.complete && img.naturalWidth)")
        cards = page.locator(".group").first.locator(".card")
        for place, name in enumerate(("photo.png", None, "screen.png", "turned.jpg", None)):
            if name:
                expect(cards.nth(place)).to_contain_text(name)
                # Thumbnails have soft edges.
                assert_box_on_part(cards.nth(place).locator(".frame"), 2.5)
            else:
                expect(cards.nth(place).locator(".box")).to_have_count(0)
        for place, holder in ((2, 1), (3, 1), (4, 0)):
            cards.nth(place).locator(".shot").click()
            figures = page.locator("#pair figure")
            page.wait_for_function(
                "() => [...document.querySelectorAll('#pair img')].every((i) => i.complete)"
            )
            assert_box_on_part(figures.nth(holder).locator(".frame"), 1.5)
            expect(figures.nth(1 - holder).locator(".box")).to_have_count(0)
            page.keyboard.press("Escape")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_box_lies_there_also_on_a_thumbnail_seen_large(
    browser: Browser, findings: Findings, tmp_path: Path
) -> None:
    path = saved(findings, tmp_path)
    for image in findings.images:
        Path(image).unlink()
    with opened_without_originals(browser, path) as page:
        page.locator(".shot").nth(2).click()
        page.wait_for_function(
            "() => [...document.querySelectorAll('#pair img')].every((i) => i.naturalWidth && i.src.startsWith('data'))"
        )
        frame = page.locator("#pair figure").nth(1).locator(".frame")
        box = frame.bounding_box()
        assert box
        assert box["height"] > 400
        assert_box_on_part(frame, 8)


def test_words_say_what_the_boxes_show(browser: Browser, findings: Findings, tmp_path: Path) -> None:
    with opened(browser, saved(findings, tmp_path)) as page:
        group, lone = page.locator(".group").nth(0), page.locator(".group").nth(1)
        assert group.locator(".tag").all_text_contents() == [
            "keep",
            "turned by 180°",
            "holds it",
            "holds it",
            "a part of it",
        ]
        assert group.locator(".why").all_text_contents() == [
            "kept because it has the most pixels",
            *["not a copy: keep both"] * 3,
        ]
        expect(group.locator("h2")).to_contain_text("1 copy, 3 pictures share a part")
        expect(lone.locator("h2")).to_contain_text("no copies · frees nothing")
        expect(lone.locator(".why").first).to_have_text(
            "kept because it has more pixels of what the pictures share"
        )
        page.get_by_role("button", name="Compare turned.jpg, holds it").click()
        expect(page.locator("#viewer-title")).to_have_text("picture 3 of 4")
        words = "holds the other picture in this part, turned by 90° to the right, with 15 % of its pixels"
        expect(page.locator("#pair figure").nth(1).locator(".part")).to_have_text(words)
        place = "between 5 to 45 % of its width and 30 to 70 % of its height it holds the other picture"
        expect(page.get_by_role("img", name=re.compile(f"turned.jpg; {place}"))).to_have_count(1)
        expect(page.locator("#pair figure").nth(0).locator(".part")).to_have_count(0)
        page.keyboard.press("ArrowRight")
        expect(page.locator("#pair figure").nth(0).locator(".part")).to_contain_text("about as many pixels")


def test_pictures_in_pictures_can_be_shown_alone(
    browser: Browser, findings: Findings, tmp_path: Path
) -> None:
    near = Group("near", "a.png", (Member("b.png", 0.9, "near"),))
    images = list(findings.images.values())
    path = saved(make_findings([*findings.groups, near], images=images), tmp_path)
    with opened(browser, path) as page:
        expect(page.locator(".group")).to_have_count(3)
        page.locator("#kind").select_option("parts")
        expect(page.locator(".group")).to_have_count(2)
        page.locator("#kind").select_option("near")
        expect(page.locator(".group")).to_have_count(2)
        numbers = (page.locator(f".numbers {part}").all_text_contents() for part in ("dt", "dd"))
        shown = dict(zip(*numbers, strict=True))
        assert (shown["copies"], shown["pictures in pictures"]) == ("2", "4")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_are_readable_in_light_and_dark(
    browser: Browser, findings: Findings, tmp_path: Path, scheme: str
) -> None:
    with opened(browser, saved(findings, tmp_path), color_scheme=scheme) as page:
        page.locator(".shot").nth(2).click()
        words, _ = contrasts(page, (".tag.also", ".why", ".part"), {})
        assert len(words) == 3
        assert {name: ratio for name, ratio in words.items() if ratio < 4.5} == {}
