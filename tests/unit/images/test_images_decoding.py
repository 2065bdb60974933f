"""Decoding: upright RGB against the standards' own words, limits before any pixel, facts of the full size."""

from __future__ import annotations

import io
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin, PngImagePlugin

import strange_pictures
from copylens.errors import ImageError
from copylens.images import MAX_PIXELS, decode, pixel_hash, prepare, upright_rgb
from copylens.images import decoding as module
from copylens.records import InputSpec
from strange_pictures import HEIC, encode, exif, picture, png, png_chunk, quarters, stored_for

LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "TIFF": {},
    "WEBP": {"lossless": True, "exact": True},
}

sides = st.integers(1, 40)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(LOSSLESS)), st.integers(1, 8), sides, sides)
def test_every_orientation_comes_out_upright_to_the_last_bit(
    form: str, orientation: int, height: int, width: int
) -> None:
    upright = noise(height, width)
    stored = np.ascontiguousarray(stored_for(orientation, upright))
    decoded = decode(encode(stored, form, exif=exif(orientation), **LOSSLESS[form]))
    np.testing.assert_array_equal(decoded.pixels, upright)
    assert (decoded.facts.width, decoded.facts.height, decoded.facts.format) == (width, height, form)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_in_upright_coordinates(orientation: int) -> None:
    """An upright picture 800 wide and 400 high, of which 50 x 100 suffice, is read at an eighth."""
    stored = np.ascontiguousarray(stored_for(orientation, noise(400, 800)))
    for form in ("JPEG", "PNG", "TIFF"):
        decoded = decode(encode(stored, form, exif=exif(orientation)), box=(50, 100))
        assert decoded.pixels.shape == (50, 100, 3), form
        assert (decoded.facts.width, decoded.facts.height) == (800, 400), form


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 80), st.integers(1, 80), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_comes_out_of_a_box_suffices(
    height: int, width: int, rows: int, columns: int, jpeg: bool
) -> None:
    decoded = decode(encode(noise(height, width), "JPEG" if jpeg else "PNG"), box=(rows, columns))
    assert decoded.pixels.shape[0] >= min(rows, height)
    assert decoded.pixels.shape[1] >= min(columns, width)
    assert (decoded.facts.height, decoded.facts.width) == (height, width)


def test_a_jpeg_in_a_box_is_close_to_the_averaged_full_decode() -> None:
    smooth = Image.fromarray(noise(12, 16)).resize((1600, 1200), Image.Resampling.BICUBIC)
    data = encode(smooth, "JPEG", quality=95)
    boxed = decode(data, box=(150, 200)).pixels
    naive = Image.fromarray(decode(data).pixels).reduce(8)
    assert boxed.shape == (150, 200, 3)
    assert np.abs(boxed.astype(int) - np.asarray(naive).astype(int)).mean() < 1


def test_small_pictures_are_not_touched_by_a_box() -> None:
    data = encode(noise(30, 50), "PNG")
    np.testing.assert_array_equal(decode(data, box=(16, 26)).pixels, decode(data).pixels)


def test_alpha_is_composed_on_white_as_the_formula_says() -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (20, 30, 4), np.uint8)
    alpha = rgba[..., 3:].astype(float) / 255
    expected = rgba[..., :3] * alpha + 255 * (1 - alpha)
    decoded = decode(encode(rgba, "PNG")).pixels
    assert np.abs(decoded - expected).max() <= 1


@given(st.integers(0, 65_535))
@settings(max_examples=40, deadline=None)
def test_sixteen_bits_are_scaled_to_eight(value: int) -> None:
    data = encode(np.full((2, 3), value, np.uint16), "PNG")
    assert decode(data).pixels.tolist() == np.full((2, 3, 3), round(value / 257)).tolist()


def test_grey_in_bands_equals_grey_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(np.random.default_rng(2).normal(0, 50, (37, 11)).astype(np.float32), "TIFF")
    whole = decode(data).pixels
    monkeypatch.setattr(module, "_BAND", 5)
    np.testing.assert_array_equal(decode(data).pixels, whole)
    assert (whole.min(), whole.max()) == (0, 255)


def test_floats_that_are_no_numbers_are_black() -> None:
    values = np.full((2, 2), 0.5, np.float32)
    values[0] = np.nan, np.inf
    assert decode(encode(values, "TIFF")).pixels[..., 0].tolist() == [[0, 0], [128, 128]]


def test_a_flat_picture_out_of_range_is_black() -> None:
    assert decode(encode(np.full((2, 2), -7.0, np.float32), "TIFF")).pixels.max() == 0


def test_deep_grey_needs_little_more_memory_than_its_pixels() -> None:
    side = 3000
    data = encode(np.zeros((side, side), np.uint16), "PNG")
    tracemalloc.start()
    try:
        decode(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < side * side * 10


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP", "TIFF", "AVIF"])
def test_the_first_frame_counts(form: str) -> None:
    first, second = Image.new("RGB", (32, 32), (200, 0, 0)), Image.new("RGB", (32, 32), (0, 0, 200))
    decoded = decode(encode(first, form, save_all=True, append_images=[second]))
    assert np.abs(decoded.pixels.reshape(-1, 3).mean(axis=0) - (200, 0, 0)).max() < 6


def test_too_many_pixels_are_refused_before_any_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_decoding(image: Image.Image) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", no_decoding)
    data = png(
        quarters(1, 2, 3, 4)[..., None], 0, png_chunk(b"eXIf", exif(1).tobytes()[6:]), size=(MAX_PIXELS, 2)
    )
    with pytest.raises(ImageError, match="limit") as caught:
        decode(data)
    assert caught.value.code == "too-large"


def test_the_limit_is_exact_and_pillows_own_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Image.MAX_IMAGE_PIXELS
    data = encode(noise(10, 20), "PNG")
    monkeypatch.setattr(module, "MAX_PIXELS", 200)
    assert decode(data).pixels.shape == (10, 20, 3)
    monkeypatch.setattr(module, "MAX_PIXELS", 199)
    with pytest.raises(ImageError, match="20 x 10 pixels are above the limit of 199") as caught:
        decode(data)
    assert caught.value.code == "too-large"
    assert before == Image.MAX_IMAGE_PIXELS


def test_our_limit_lies_below_the_one_at_which_pillow_refuses() -> None:
    """Pillow raises at twice its own limit; that error has no sizes to show."""
    assert Image.MAX_IMAGE_PIXELS is not None
    assert 2 * Image.MAX_IMAGE_PIXELS > MAX_PIXELS > Image.MAX_IMAGE_PIXELS


def test_running_out_of_memory_is_a_reason_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(image: Image.Image) -> None:
        raise MemoryError

    data = encode(noise(4, 4), "PNG")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", exhausted)
    with pytest.raises(ImageError, match="memory") as caught:
        decode(data)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("form", ["EPS", "PPM", "TGA", "ICO", "PCX"])
def test_formats_that_were_not_asked_for_are_never_opened(form: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode(encode(picture(), form))
    assert caught.value.code == "not-an-image"


def test_heic_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(ImageError, match=r"pip install 'copylens\[heif\]'") as caught:
        decode(HEIC)
    assert caught.value.code == "unsupported"


def test_the_pixel_hash_knows_pixels_and_shape_only() -> None:
    pixels = noise(12, 18)
    same = [
        encode(pixels, "PNG"),
        encode(pixels, "PNG", compress_level=0),
        encode(pixels, "BMP"),
        encode(pixels, "TIFF", compression="tiff_lzw"),
        encode(pixels, "WEBP", lossless=True),
        encode(np.ascontiguousarray(stored_for(6, pixels)), "PNG", exif=exif(6)),
        encode(Image.fromarray(pixels).convert("RGBA"), "PNG"),
    ]
    assert len({pixel_hash(data) for data in same}) == 1
    changed = pixels.copy()
    changed[3, 4, 1] ^= 1
    others = [changed, pixels.reshape(18, 12, 3), pixels[:, ::-1]]
    hashes = {pixel_hash(encode(np.ascontiguousarray(other), "PNG")) for other in others}
    assert len(hashes | {pixel_hash(same[0])}) == 4
    assert all(len(value) == 32 and int(value, 16) >= 0 for value in hashes)


def test_an_opened_picture_is_turned_by_the_same_rules() -> None:
    for name, data, outcome in strange_pictures.sound():
        if isinstance(outcome, strange_pictures.Shown) and "heic" not in name:
            with Image.open(io.BytesIO(data)) as image:
                np.testing.assert_array_equal(upright_rgb(image), decode(data).pixels, err_msg=name)


def test_decoding_in_many_threads_equals_decoding_in_one() -> None:
    from concurrent.futures import ThreadPoolExecutor

    sources = [
        data for _, data, outcome in strange_pictures.sound() if isinstance(outcome, strange_pictures.Shown)
    ]
    one = [pixel_hash(data) for data in sources]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(pixel_hash, sources * 3)) == one * 3


def test_twice_the_box_is_halved_and_less_is_left() -> None:
    assert decode(encode(noise(80, 100), "PNG"), box=(40, 50)).pixels.shape == (40, 50, 3)
    assert decode(encode(noise(79, 100), "PNG"), box=(40, 50)).pixels.shape == (79, 100, 3)


def test_equal_pixels_stay_equal_in_a_box_whatever_their_mode_and_orientation() -> None:
    grey = np.random.default_rng(5).integers(0, 256, (90, 130, 1), np.uint8).repeat(3, axis=2)
    image = Image.fromarray(grey)
    same = [
        encode(image, "PNG"),
        encode(image.convert("L"), "PNG"),
        encode(image.convert("RGBA"), "PNG"),
        encode(image.convert("L").convert("P"), "PNG"),
        encode(np.ascontiguousarray(stored_for(6, grey)), "PNG", exif=exif(6)),
        encode(image, "TIFF"),
    ]
    assert len({pixel_hash(data) for data in same}) == 1
    shown = [decode(data, box=(20, 30)).pixels for data in same]
    assert shown[0].shape == (23, 33, 3)
    for pixels in shown:
        np.testing.assert_array_equal(pixels, shown[0])
    np.testing.assert_array_equal(upright_rgb(Image.fromarray(grey), box=(20, 30)), shown[0])


def test_an_opened_picture_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(encode(noise(64, 64), "JPEG")[:900])
    with Image.open(cut) as image, pytest.raises(ImageError, match="Pillow cannot load it") as caught:
        upright_rgb(image)
    assert caught.value.code == "truncated"
    with pytest.raises(ImageError, match="no area") as caught:
        upright_rgb(Image.new("RGB", (0, 5)))
    assert caught.value.code == "too-small"


def test_a_box_does_not_mix_see_through_pixels_into_others() -> None:
    board = np.zeros((64, 64, 3), np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = (0, 255, 0)
    data = encode(board, "PNG", transparency=(0, 255, 0))
    averaged = prepare(decode(data, box=(8, 8)).pixels, InputSpec(8, 8, interpolation="box"))
    assert np.abs(averaged.astype(int) - 128).max() <= 1


def test_a_large_jpeg_is_never_decoded_at_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[tuple[int, int]] = []
    real = JpegImagePlugin.JpegImageFile.load_prepare

    def watched(image: JpegImagePlugin.JpegImageFile) -> None:
        loaded.append(image.size)
        real(image)

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load_prepare", watched)
    decoded = decode(encode(noise(800, 1600), "JPEG"), box=(100, 200))
    assert loaded == [(200, 100)]
    assert (decoded.facts.width, decoded.facts.height) == (1600, 800)
