"""Files that Pillow cannot write: what CopyLens and Little CMS read of them is what was meant."""

from __future__ import annotations

import io

import numpy as np
import pytest
from benchmarks.robustness_files import (
    ADOBE_RGB,
    D50,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    Space,
    adapted,
    deep_png,
    deep_tiff,
    in_space,
    profile,
    with_black_plate,
)
from PIL import Image, ImageCms

from copylens.images import decode
from generated_pictures import random_picture

SPACES = (SRGB, DISPLAY_P3, ADOBE_RGB, PROPHOTO)


def opened(space: Space) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile(space)))


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_white_is_d50_in_every_profile(space: Space) -> None:
    np.testing.assert_allclose(adapted(space).sum(axis=1), D50, atol=1e-6)
    assert ImageCms.getProfileDescription(opened(space)).strip() == space.name


def test_our_srgb_has_the_colours_of_little_cms() -> None:
    ours = opened(SRGB).profile
    theirs = ImageCms.createProfile("sRGB")
    for name in ("red_colorant", "green_colorant", "blue_colorant"):
        np.testing.assert_allclose(getattr(ours, name)[0], getattr(theirs, name)[0], atol=3e-4)
    pixels = np.asarray(random_picture(1, (32, 24)), np.int16)
    turned = np.asarray(in_space(Image.fromarray(pixels.astype(np.uint8)), SRGB)[0], np.int16)
    assert np.abs(turned - pixels).max() <= 1


# sRGB's red in these spaces: CSS Color Module Level 4, by its sample code for conversions.
@pytest.mark.parametrize(
    ("space", "red"), [(DISPLAY_P3, (234, 51, 35)), (ADOBE_RGB, (219, 0, 0)), (PROPHOTO, (179, 70, 26))]
)
def test_red_has_the_published_value(space: Space, red: tuple[int, int, int]) -> None:
    turned = in_space(Image.new("RGB", (2, 2), (255, 0, 0)), space)[0]
    np.testing.assert_allclose(np.asarray(turned)[0, 0], red, atol=2)


@pytest.mark.parametrize("space", [DISPLAY_P3, ADOBE_RGB, PROPHOTO], ids=lambda space: space.name)
def test_through_its_profile_a_picture_shows_as_it_was(space: Space) -> None:
    picture = random_picture(2, (32, 24))
    turned, data = in_space(picture, space)
    assert np.abs(np.asarray(turned, np.int16) - np.asarray(picture)).mean() > 2
    source = ImageCms.ImageCmsProfile(io.BytesIO(data))
    back = ImageCms.profileToProfile(turned, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert np.abs(np.asarray(back, np.int16) - np.asarray(picture)).mean() < 1


@pytest.mark.parametrize("write", [deep_png, deep_tiff])
def test_sixteen_bits_are_read_as_the_eight_they_came_from(write: object) -> None:
    assert callable(write)
    picture = random_picture(3, (33, 21))
    data = write(picture)
    assert len(data) > 100
    np.testing.assert_array_equal(decode(data).pixels, np.asarray(picture))


def test_a_black_plate_takes_all_the_grey_and_shows_the_same() -> None:
    picture = random_picture(4, (32, 24))
    picture.putpixel((0, 0), (0, 0, 0))
    picture.putpixel((1, 0), (90, 90, 90))
    plates = with_black_plate(picture)
    assert plates.mode == "CMYK"
    assert plates.getpixel((0, 0)) == (0, 0, 0, 255)
    assert plates.getpixel((1, 0)) == (0, 0, 0, 165)
    assert np.asarray(plates)[:, :, :3].min(axis=2).max() == 0
    out = io.BytesIO()
    plates.save(out, "TIFF")
    shown = decode(out.getvalue()).pixels.astype(np.int16)
    assert np.abs(shown - np.asarray(picture)).max() <= 1
