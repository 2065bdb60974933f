"""Copies of a picture in other sizes, formats and encodings: each is what its name says, and CopyLens reads it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from benchmarks.robustness_variants import (
    GROUPS,
    SIDES,
    Variant,
    deep_grey,
    recompressed,
    rounded,
    to_megapixels,
    variants,
)
from PIL import Image, ImageOps

from copylens.images import decode
from generated_pictures import random_picture

ALL = {variant.name: variant for variant in variants()}
QUICK = [variant for variant in ALL.values() if variant.group != "size" and "2,400" not in variant.name]
EDITED = ("grey", "16 colours", "see-through colour", "ProPhoto", "20 times")
"""Words in the names of those that look otherwise; CopyLens ignores the profile of a colour space."""

PICTURE = random_picture(0, (160, 120))


def mean_error(data: bytes) -> float:
    """Between the picture and what CopyLens reads, at the picture's size."""
    pixels = Image.fromarray(decode(data).pixels).resize(PICTURE.size, Image.Resampling.BILINEAR)
    return float(np.abs(np.asarray(pixels, np.int16) - np.asarray(PICTURE)).mean())


def test_every_name_stands_once_and_the_groups_are_in_order() -> None:
    made = variants()
    assert len(ALL) == len(made)
    assert list(dict.fromkeys(variant.group for variant in made)) == list(GROUPS)


@pytest.mark.parametrize("variant", QUICK, ids=lambda variant: variant.name)
def test_copies_show_the_picture(variant: Variant) -> None:
    data = variant.make(PICTURE)
    if any(word in variant.name for word in EDITED):
        assert 12 < mean_error(data) < 50
    else:
        assert mean_error(data) < 11
    assert variant.make(PICTURE) == data


@pytest.mark.parametrize(
    "name",
    [
        "PNG",
        "PNG, opaque alpha",
        "PNG, 16-bit colour",
        "WebP, lossless",
        "TIFF",
        "TIFF, LZW",
        "TIFF, 16-bit colour",
        "BMP",
        "PNG, EXIF orientation 6",
        "TIFF, EXIF orientation 6",
    ],
)
def test_lossless_copies_have_the_same_pixels(name: str) -> None:
    np.testing.assert_array_equal(decode(ALL[name].make(PICTURE)).pixels, np.asarray(PICTURE))


@pytest.mark.parametrize("tag", range(2, 9))
def test_turned_copies_say_so_and_pillow_shows_them_upright(tag: int) -> None:
    with Image.open(io.BytesIO(ALL[f"JPEG, EXIF orientation {tag}"].make(PICTURE))) as stored:
        assert stored.getexif()[0x0112] == tag
        assert (stored.size == PICTURE.size) == (tag < 5)
        upright = ImageOps.exif_transpose(stored)
        assert np.abs(np.asarray(upright, np.int16) - np.asarray(PICTURE)).mean() < 6
        # A tag that nobody applies would show.
        if tag < 5:
            assert np.abs(np.asarray(stored, np.int16) - np.asarray(PICTURE)).mean() > 20


@pytest.mark.parametrize("side", [side for side in SIDES if side < 1000])
def test_sizes_are_those_of_the_long_side(side: int) -> None:
    pixels = decode(ALL[f"{side:,} px"].make(PICTURE)).pixels
    assert pixels.shape == (side * 3 // 4, side, 3)


def test_megapixels_are_counted_and_the_shape_stays() -> None:
    large = to_megapixels(PICTURE, 0.12)
    assert large.size == (400, 300)
    assert [variant.name for variant in ALL.values() if variant.costly] == [
        "40 MP",
        "40 MP, progressive",
        "40 MP, PNG",
    ]


def test_modes_are_those_of_the_names() -> None:
    def mode(name: str) -> str:
        with Image.open(io.BytesIO(ALL[name].make(PICTURE))) as opened:
            return opened.mode

    assert mode("JPEG, grey") == "L"
    assert mode("JPEG, CMYK") == mode("JPEG, CMYK with a black plate") == "CMYK"
    assert mode("PNG, 256 colours") == mode("GIF") == "P"
    assert mode("PNG, 16-bit grey") == "I;16"
    assert mode("PNG, opaque alpha") == "RGBA"
    assert deep_grey(Image.new("RGB", (2, 2), "white")).getpixel((0, 0)) == 65535


def test_the_see_through_colour_is_the_lightest_and_shows_white() -> None:
    dark, light = (30, 40, 50), (180, 170, 160)
    picture = Image.new("RGB", (32, 16), dark)
    picture.paste(light, (0, 0, 16, 16))
    pixels = decode(ALL["PNG, palette with a see-through colour"].make(picture)).pixels
    np.testing.assert_array_equal(pixels[8, 4], (255, 255, 255))
    np.testing.assert_allclose(pixels[8, 28], dark, atol=2)


def test_corners_are_white_and_hide_black() -> None:
    stored = rounded(PICTURE)
    assert stored.getpixel((0, 0)) == (0, 0, 0, 0)
    pixels = decode(ALL["PNG, see-through round corners"].make(PICTURE)).pixels
    np.testing.assert_array_equal(pixels[0, 0], (255, 255, 255))
    np.testing.assert_array_equal(pixels[18:-18, 18:-18], np.asarray(PICTURE)[18:-18, 18:-18])


@pytest.mark.parametrize("times", [4, 20])
def test_repeated_saving_cuts_and_resizes_but_keeps_the_size(times: int) -> None:
    data = recompressed(PICTURE, times)
    with Image.open(io.BytesIO(data)) as opened:
        assert (opened.format, opened.size) == ("JPEG", PICTURE.size)
    assert mean_error(data) > mean_error(recompressed(PICTURE, 1)) > 0


def test_messengers_leave_a_screenshot_of_their_size() -> None:
    (name,) = (name for name in ALL if "messenger" in name)
    pixels = decode(ALL[name].make(PICTURE)).pixels
    assert pixels.shape == (960 - 2 * 19, 1280 - 2 * 26, 3)
    small = Image.fromarray(pixels).resize(PICTURE.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(small, np.int16) - np.asarray(PICTURE)).mean() < 12
