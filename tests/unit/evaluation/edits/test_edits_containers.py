"""Pictures inside larger ones: where the picture lies and how much it takes, measured on a picture of one colour."""

from __future__ import annotations

import math

import numpy as np
import pytest

from copylens.evaluation.edits import STRENGTHS, Picture, Strength
from copylens.evaluation.edits.containers import border, collage, letterbox, picture_in_picture
from copylens.evaluation.edits.phones import phone_screenshot
from copylens.evaluation.edits.screens import desktop_screenshot
from exam_samples import (
    GREEN,
    MAGENTA,
    box_of,
    edit,
    others_of,
    photo_others,
    photograph,
    pixels,
    places,
    plain,
    share_of,
)

SEEDS = range(8)
SIZES = [(240, 160), (160, 240), (200, 200), (320, 120)]
GROUND = others_of(plain(GREEN, (300, 260)))


def chance(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def inner(picture: Picture) -> Picture:
    """The part of a result that has the picture's colour."""
    return picture.crop(box_of(picture, MAGENTA))


@pytest.mark.parametrize("share", [0.08, 0.3, 0.65])
@pytest.mark.parametrize("size", SIZES)
def test_a_picture_in_picture_takes_its_share(share: float, size: tuple[int, int]) -> None:
    for seed in SEEDS:
        result = picture_in_picture(plain(MAGENTA, size), chance(seed), GROUND, share=share)
        found = share_of(result, MAGENTA)
        assert found <= share * 1.08
        # Very wide pictures have no room for a large share; round corners take a little.
        assert found >= share * (0.9 if max(size) <= 2 * min(size) else 0.6)
        assert share_of(result, GREEN, 120) > 0.2


def test_a_picture_in_picture_is_whole() -> None:
    for seed in SEEDS:
        result = picture_in_picture(places(), chance(seed), others_of(plain((0, 0, 0))), share=0.3)
        values = pixels(result)
        inside = values[np.abs(values[..., 2] - 128) < 12]
        assert (inside[:, :2].min(axis=0) < 30).all()
        assert (inside[:, :2].max(axis=0) > 225).all()


@pytest.mark.parametrize("pictures", [2, 3, 4, 6, 9])
@pytest.mark.parametrize("size", SIZES)
def test_a_collage_has_one_cell_for_the_picture(pictures: int, size: tuple[int, int]) -> None:
    for seed in SEEDS:
        result = collage(plain(MAGENTA, size), chance(seed), GROUND, pictures=pictures)
        part = inner(result)
        assert share_of(part, MAGENTA) > 0.97
        assert part.width * part.height < 0.75 * result.width * result.height
        assert share_of(result, MAGENTA) == pytest.approx(1 / pictures, rel=0.6)
        if max(size) <= 2 * min(size):
            change = part.width / part.height / (size[0] / size[1])
            assert abs(math.log(change)) < 0.45


def test_a_collage_cuts_little_of_the_picture() -> None:
    for seed in SEEDS:
        result = collage(places(), chance(seed), others_of(plain((0, 0, 0))), pictures=4)
        values = pixels(result)
        inside = values[np.abs(values[..., 2] - 128) < 12]
        assert (inside[:, :2].min(axis=0) < 45).all()
        assert (inside[:, :2].max(axis=0) > 210).all()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("size", SIZES)
def test_letterboxes_leave_the_share(share: float, size: tuple[int, int]) -> None:
    grounds = set()
    for seed in SEEDS:
        picture = places(*size)
        result = letterbox(picture, chance(seed), share=share)
        assert result.width / result.height != pytest.approx(size[0] / size[1], rel=0.001)
        assert max(result.size) <= 1.5 * max(size) + 1
        grounds.add(result.getpixel((0, 0)))
        values = pixels(result)
        if values[0, 0].max() == 0:
            inside = float((np.abs(values[..., 2] - 128) < 40).mean())
            assert inside == pytest.approx(share, rel=0.06)
    assert {(0, 0, 0), (255, 255, 255)} < grounds


@pytest.mark.parametrize("width", [0.03, 0.12, 0.28])
def test_a_border_surrounds_the_untouched_picture(width: float) -> None:
    edge = round(width * 160)
    colours = set()
    for seed in SEEDS:
        picture = photograph("lemurs").resize((240, 160))
        result = border(picture, chance(seed), width=width)
        assert result.width == 240 + 2 * edge
        assert result.height >= 160 + 2 * edge
        values, whole = pixels(result), pixels(picture)
        assert np.array_equal(values[edge + 60 : edge + 100, edge + 60 : edge + 180], whole[60:100, 60:180])
        colours.add(result.getpixel((0, 0)))
    assert len(colours) > 3


@pytest.mark.parametrize("share", [0.1, 0.3, 0.55])
@pytest.mark.parametrize("size", SIZES)
def test_a_desktop_shows_the_whole_picture(share: float, size: tuple[int, int]) -> None:
    for seed in SEEDS:
        result = desktop_screenshot(plain(MAGENTA, size), chance(seed), share=share)
        part = inner(result)
        assert share_of(part, MAGENTA) > 0.97
        assert part.width / part.height == pytest.approx(size[0] / size[1], rel=0.05)
        found = share_of(result, MAGENTA)
        assert found <= share * 1.05
        assert found >= share * (0.9 if size == (240, 160) and share < 0.5 else 0.4)


def test_desktops_are_of_three_kinds() -> None:
    results = [desktop_screenshot(plain(MAGENTA), chance(seed), share=0.2) for seed in range(12)]
    assert len({result.size for result in results}) > 1
    assert len({result.getpixel((result.width - 2, result.height // 2)) for result in results}) > 3


@pytest.mark.parametrize("width", [0.25, 0.6, 1.0])
@pytest.mark.parametrize("size", SIZES)
def test_a_phone_shows_the_picture(width: float, size: tuple[int, int]) -> None:
    for seed in SEEDS:
        result = phone_screenshot(plain(MAGENTA, size), chance(seed), GROUND, width=width)
        assert 1.8 < result.height / result.width < 2.2
        # A strip of neighbours shows the picture once more.
        part = inner(result.crop((0, 0, result.width, result.height * 17 // 20)))
        assert share_of(part, MAGENTA) > 0.95
        assert part.width <= width * result.width * 1.08 + 2
        if size == (240, 160):
            assert part.width >= width * result.width * 0.75


def mean_share(name: str, strength: Strength) -> float:
    return float(
        np.mean(
            [
                share_of(edit(name).apply(plain(MAGENTA), strength, chance(seed), GROUND), MAGENTA, 110)
                for seed in SEEDS
            ]
        )
    )


CONTAINERS = [
    "picture_in_picture",
    "collage",
    "border",
    "desktop_screenshot",
    "phone_screenshot",
    "photo_of_screen",
]


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_picture_takes_less_the_harder(name: str) -> None:
    found = [mean_share(name, strength) for strength in STRENGTHS]
    assert found == sorted(found, reverse=True)
    assert found[0] > 1.4 * found[2]


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("name", ["photo_of_screen", "printed"])
def test_captures_show_the_whole_picture(name: str, strength: Strength) -> None:
    for seed in range(5):
        result = edit(name).apply(places(360, 240), strength, chance(seed), photo_others())
        values = pixels(result).astype(float)
        # The four quarters of the picture still differ as they did, read from the middle outwards.
        height, width = values.shape[:2]
        left = values[height // 3 : 2 * height // 3, width * 3 // 10 : width * 4 // 10].mean(axis=(0, 1))
        right = values[height // 3 : 2 * height // 3, width * 6 // 10 : width * 7 // 10].mean(axis=(0, 1))
        if np.ptp(left) > 4 or np.ptp(right) > 4:
            assert right[0] - left[0] > 8
        assert values.std() > 8
