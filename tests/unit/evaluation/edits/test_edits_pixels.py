"""Colours, detail and encodings: what each does to the pixels, and that each strength does more of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from copylens.evaluation.edits import EDITS, STRENGTHS, Encoded, Picture, Strength, encoded
from copylens.evaluation.edits.colours import (
    brightness,
    contrast,
    duotone,
    gamma,
    glare,
    grey,
    hue,
    invert,
    saturation,
    sepia,
    temperature,
    vignette,
)
from copylens.evaluation.edits.detail import (
    blur,
    downscale,
    halftone,
    motion_blur,
    noise,
    pixelate,
    posterise,
    rescan,
    salt_and_pepper,
    sharpen,
    sketch,
)
from copylens.evaluation.edits.encodings import dither, jpeg, palette, re_encode, thumbnail, webp
from exam_samples import edit, photo_others, photograph, photographs, pixels, places, plain, psnr

SEEDS = range(10)


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def mean(picture: Picture) -> float:
    return float(pixels(picture).mean())


def grain(picture: Picture) -> float:
    """How much neighbours differ."""
    return float(np.abs(np.diff(pixels(picture), axis=1)).mean())


def colourfulness(picture: Picture) -> float:
    values = pixels(picture)
    return float((values.max(axis=2) - values.min(axis=2)).mean())


# Sizes stay and pixels change in these, so that they can be compared pixel by pixel.
COMPARABLE = [
    name
    for name, each in EDITS.items()
    if each.stage in ("colour", "detail", "encoding") and name != "thumbnail"
]


@pytest.mark.parametrize("name", COMPARABLE)
def test_the_picture_is_less_like_the_original_the_harder(name: str) -> None:
    found = []
    for strength in STRENGTHS:
        values = [
            psnr(picture, edit(name).apply(picture, strength, chance(seed), photo_others()))
            for picture in photographs()
            for seed in range(3)
        ]
        found.append(float(np.mean(values)))
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2] + 1
    assert found[0] < 45


def test_blends_are_less_like_the_original_the_harder() -> None:
    picture = photograph("lemurs")
    found = [psnr(picture, edit("blend").apply(picture, s, chance(), photo_others())) for s in STRENGTHS]
    assert found == sorted(found, reverse=True)


def test_brightness_is_a_factor_either_way() -> None:
    found = {mean(brightness(plain((90, 90, 90)), chance(seed), factor=1.5)) for seed in range(20)}
    assert found == {135.0, 60.0}


def test_a_bright_picture_never_burns_out() -> None:
    bright = plain((190, 190, 190))
    assert {mean(brightness(bright, chance(seed), factor=3.0)) for seed in range(30)} == {63.0}


def test_contrast_is_a_factor_around_the_mean() -> None:
    spread = {round(float(pixels(contrast(places(), chance(s), factor=1.6)).std()), 0) for s in range(12)}
    before = float(pixels(places()).std())
    assert len(spread) == 2
    assert min(spread) < 0.7 * before
    assert max(spread) > 1.15 * before


def test_gamma_keeps_black_and_white() -> None:
    ramp = Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2))
    for seed in range(6):
        values = pixels(gamma(ramp, chance(seed), exponent=2.0))[0, :, 0]
        assert (values[0], values[-1]) == (0, 255)
        assert (np.diff(values) >= 0).all()
        assert values[128] in (64, 181)


def test_saturation_changes_colours_and_not_light() -> None:
    picture = photograph("pink-tulips")
    seen = set()
    for seed in SEEDS:
        result = saturation(picture, chance(seed), factor=1.5)
        change = colourfulness(result) / colourfulness(picture)
        assert change == pytest.approx(1.5, rel=0.12) or change == pytest.approx(1 / 1.5, rel=0.05)
        assert np.asarray(result.convert("L"), float).mean() == pytest.approx(
            np.asarray(picture.convert("L"), float).mean(), abs=3
        )
        seen.add(change > 1)
    assert seen == {True, False}


def test_a_third_of_the_wheel_turns_red_to_green_or_blue() -> None:
    results = [hue(plain((200, 0, 0)), chance(seed), angle=120.0).getpixel((0, 0)) for seed in range(8)]
    assert all(isinstance(value, tuple) and value[0] < 8 for value in results)
    assert {int(np.argmax(value)) for value in results if isinstance(value, tuple)} == {1, 2}


def test_temperature_moves_red_against_blue() -> None:
    results = {
        temperature(plain((100, 100, 100)), chance(seed), shift=0.2).getpixel((0, 0)) for seed in range(9)
    }
    assert results == {(120, 100, 80), (80, 100, 120)}


def test_grey_has_no_colour_and_more_contrast() -> None:
    for picture in photographs():
        mild, hard = grey(picture, contrast=1.0), grey(picture, contrast=4.0)
        assert colourfulness(mild) == colourfulness(hard) == 0
        assert np.abs(pixels(mild)[..., 0] - np.asarray(picture.convert("L")).astype(int)).max() <= 1
        assert pixels(hard).std() > 1.3 * pixels(mild).std()


def test_sepia_is_brown_and_paler() -> None:
    picture = photograph("lemurs")
    whole = pixels(sepia(picture, amount=1.0, fading=0.0)).mean(axis=(0, 1))
    assert whole[0] > whole[1] > whole[2]
    assert pixels(sepia(picture, amount=1.0, fading=0.5)).std() < 0.6 * pixels(picture).std()
    assert np.array_equal(pixels(sepia(picture, amount=0.0, fading=0.0)), pixels(picture))


def test_a_duotone_lies_between_two_colours() -> None:
    picture = photograph("lemurs")
    for seed in range(5):
        values = pixels(duotone(picture, chance(seed), amount=1.0)).reshape(-1, 3).astype(float)
        deviations = np.linalg.svd(values - values.mean(axis=0), compute_uv=False)
        assert deviations[1] < 0.03 * deviations[0]


def test_inverting_from_zero_is_the_negative() -> None:
    picture = photograph("lemurs")
    assert np.array_equal(pixels(invert(picture, above=0.0)), 255 - pixels(picture))


def test_solarising_leaves_what_is_dark() -> None:
    values = pixels(places())
    changed = pixels(invert(places(), above=0.5)) != values
    assert np.array_equal(changed, values >= 128)


def test_a_vignette_darkens_towards_the_corners() -> None:
    values = pixels(vignette(plain((200, 200, 200)), darkness=1.0))[..., 0]
    assert values[80, 120] == 200
    assert values[0, 0] < 5
    assert values[0, 120] > values[0, 60] > values[0, 0]


def test_glare_only_adds_light() -> None:
    for seed in SEEDS:
        result = pixels(glare(plain((60, 60, 60)), chance(seed), size=0.3, light=0.8))
        assert result.min() >= 60
        assert result.max() > 160


@pytest.mark.parametrize("picture", photographs())
def test_blurs_take_detail_away(picture: Picture) -> None:
    for result in (
        blur(picture, radius=0.01),
        motion_blur(picture, chance(2), length=0.05),
        downscale(picture, factor=0.2),
    ):
        assert result.size == picture.size
        assert grain(result) < 0.8 * grain(picture)
        assert mean(result) == pytest.approx(mean(picture), abs=2)


def test_a_motion_blur_has_a_direction() -> None:
    dot = Image.new("RGB", (81, 81))
    dot.putpixel((40, 40), (255, 255, 255))
    for seed in range(6):
        rows, columns = np.nonzero(pixels(motion_blur(dot, chance(seed), length=0.25))[..., 0])
        reach = np.hypot(np.ptp(rows), np.ptp(columns))
        assert reach == pytest.approx(0.25 * 81, abs=2.5)
        assert len(rows) < 2.2 * reach


def test_sharpening_adds_contrast_at_edges() -> None:
    for picture in photographs():
        assert grain(sharpen(picture, radius=0.008, amount=3.0)) > 1.4 * grain(picture)


def test_noise_has_its_deviation() -> None:
    values = pixels(noise(plain((128, 128, 128), (400, 300)), chance(1), deviation=0.1))
    assert values.std() == pytest.approx(25.5, rel=0.03)
    assert values.mean() == pytest.approx(128, abs=0.5)


def test_salt_and_pepper_are_as_many_as_they_shall_be() -> None:
    values = pixels(salt_and_pepper(plain((128, 128, 128), (400, 300)), chance(1), share=0.1))
    assert (values == 0).all(axis=2).mean() == pytest.approx(0.05, abs=0.005)
    assert (values == 255).all(axis=2).mean() == pytest.approx(0.05, abs=0.005)


def test_pixelation_has_so_many_blocks() -> None:
    result = pixels(pixelate(photograph("lemurs"), blocks=20))
    changes = (np.abs(np.diff(result, axis=0)).sum(axis=(1, 2)) > 0).sum()
    assert changes == 19


def test_a_halftone_keeps_the_light() -> None:
    for seed in range(6):
        values = pixels(halftone(plain((100, 100, 100), (400, 300)), chance(seed), cell=0.02))
        assert values.std() > 60
        assert values.mean() == pytest.approx(100, abs=18)


def test_a_rescan_bends_and_draws_lines() -> None:
    flat = pixels(rescan(plain((128, 128, 128)), chance(1), lines=0.1, bend=0.01))
    assert 3 < flat.std() < 30
    bent = pixels(rescan(places(), chance(1), lines=0.0, bend=0.02))
    moved = np.abs(bent - pixels(places()))
    assert 1 < moved.max() < 16


def test_posterising_leaves_so_many_levels() -> None:
    for levels in (2, 4, 8):
        for picture in photographs():
            values = pixels(posterise(picture, levels=levels))
            assert len(np.unique(values)) <= levels


def test_a_sketch_is_grey_and_mostly_white() -> None:
    for picture in photographs():
        result = sketch(picture, amount=1.0)
        assert colourfulness(result) == 0
        assert mean(result) > mean(picture)


@pytest.mark.parametrize("size", [(320, 200), (200, 320)])
def test_a_thumbnail_is_small_and_keeps_its_aspect(size: tuple[int, int]) -> None:
    result = thumbnail(plain((1, 2, 3), size), side=40)
    assert max(result.size) == 40
    assert result.width / result.height == pytest.approx(size[0] / size[1], rel=0.05)
    assert max(thumbnail(plain((1, 2, 3), (30, 20)), side=40).size) == 24


def file_size(name: str, strength: Strength) -> int:
    total = 0
    for picture in photographs():
        result = edit(name).produce(picture, edit(name).draw(strength, chance()), chance())
        assert isinstance(result, Encoded)
        total += len(result.data)
    return total


@pytest.mark.parametrize("name", ["jpeg", "webp", "palette", "re_encode"])
def test_files_are_smaller_the_harder(name: str) -> None:
    found = [file_size(name, strength) for strength in STRENGTHS]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("result", "form"),
    [
        (jpeg(places(), quality=10), "JPEG"),
        (webp(places(), quality=10), "WEBP"),
        (re_encode(places(), chance(), rounds=3, quality=40), "JPEG"),
        (palette(places(), colours=8), "PNG"),
        (dither(places(), colours=2, zoom=2), "PNG"),
    ],
)
def test_files_are_what_their_suffix_says(result: Encoded, form: str) -> None:
    with Image.open(io.BytesIO(result.data)) as image:
        assert image.format == form
        assert image.size == places().size
        assert not image.info.keys() & {"exif", "icc_profile", "comment"}
    assert result.picture().mode == "RGB"


def test_palettes_have_so_many_colours() -> None:
    for colours in (4, 16, 64):
        for picture in photographs():
            seen = np.unique(pixels(palette(picture, colours=colours).picture()).reshape(-1, 3), axis=0)
            assert 3 <= len(seen) <= colours


def test_two_colours_are_black_and_white() -> None:
    values = pixels(dither(photograph("lemurs"), colours=2, zoom=1).picture())
    assert np.unique(values.reshape(-1, 3), axis=0).tolist() == [[0, 0, 0], [255, 255, 255]]
    assert values.mean() == pytest.approx(np.asarray(photograph("lemurs").convert("L")).mean(), abs=4)


def test_a_file_holds_the_picture() -> None:
    picture = photograph("lemurs")
    assert encoded(picture, "png").picture().tobytes() == picture.tobytes()
    assert psnr(encoded(picture, "jpg", quality=95).picture(), picture) > 30


def test_passing_on_more_often_costs_more() -> None:
    picture = photograph("lemurs")
    few, many = (
        psnr(re_encode(picture, chance(1), rounds=rounds, quality=40).picture(), picture)
        for rounds in (2, 10)
    )
    assert many < few - 0.5
