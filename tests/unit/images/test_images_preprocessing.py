"""The network's input: shapes and ranges of every policy, and a decode box that hardly changes it."""

from __future__ import annotations

import io
from typing import Any, Literal, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from copylens.images import decode, decode_box, prepare
from copylens.records import InputSpec
from strange_pictures import encode

Policy = Literal["squash", "crop", "pad"]
Filter = Literal["bilinear", "bicubic", "lanczos", "box"]


def noise(height: int, width: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=120, deadline=None)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(get_args(Policy)),
    st.sampled_from(get_args(Filter)),
)
def test_every_size_fits_every_policy(
    height: int, width: int, rows: int, columns: int, resize: Policy, interpolation: Filter
) -> None:
    spec = InputSpec(rows, columns, resize, interpolation)
    prepared = prepare(noise(height, width), spec)
    assert prepared.shape == (rows, columns, 3)
    assert prepared.dtype == np.uint8
    floats = prepare(noise(height, width), InputSpec(rows, columns, resize, interpolation, "float32"))
    assert floats.dtype == np.float32
    assert floats.flags.c_contiguous
    np.testing.assert_allclose(floats, prepared.transpose(2, 0, 1) / 255, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (1, 60_000), (3, 2)])
@pytest.mark.parametrize("resize", get_args(Policy))
def test_extreme_shapes_keep_their_colour(shape: tuple[int, int], resize: Policy) -> None:
    pixels = np.full((*shape, 3), (10, 120, 230), np.uint8)
    prepared = prepare(pixels, InputSpec(32, 48, resize))
    colours = {tuple(colour) for colour in prepared.reshape(-1, 3).tolist()}
    assert (10, 120, 230) in colours
    assert colours <= ({(10, 120, 230), (255, 255, 255)} if resize == "pad" else {(10, 120, 230)})


def test_squash_is_pillows_resize() -> None:
    pixels = noise(70, 50)
    expected = np.asarray(Image.fromarray(pixels).resize((24, 16), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(prepare(pixels, InputSpec(16, 24)), expected)


@pytest.mark.parametrize("shape", [(40, 100), (100, 40), (64, 64), (33, 32)])
def test_crop_keeps_the_centre_and_the_aspect(shape: tuple[int, int]) -> None:
    smooth = np.asarray(Image.fromarray(noise(5, 5)).resize(shape[::-1], Image.Resampling.BICUBIC))
    expected = ImageOps.fit(Image.fromarray(smooth), (32, 32), Image.Resampling.BILINEAR)
    prepared = prepare(smooth, InputSpec(32, 32, "crop"))
    assert np.abs(prepared.astype(int) - np.asarray(expected).astype(int)).max() <= 1


def test_pad_is_white_around_the_whole_picture() -> None:
    prepared = prepare(np.zeros((20, 80, 3), np.uint8), InputSpec(40, 40, "pad"))
    dark = prepared[..., 0] == 0
    assert dark.sum() == 10 * 40
    assert dark[15:25].all()
    assert set(np.unique(prepared)) == {0, 255}


def test_downscaling_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    prepared = prepare(stripes, InputSpec(8, 8))
    assert prepared.min() > 120
    assert prepared.max() < 136


def test_the_box_is_twice_the_input() -> None:
    assert decode_box(InputSpec(224, 160)) == (448, 320)


def photograph(width: int, height: int) -> bytes:
    """A stand-in with a photograph's spectrum: amplitudes fall with the frequency."""
    spectrum = np.fft.rfft2(np.random.default_rng(7).normal(size=(height, width, 3)), axes=(0, 1))
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    spectrum /= np.maximum(np.hypot(rows * height, columns * width), 1)[..., None]
    values = np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))
    low, high = np.quantile(values, (0.01, 0.99))
    pixels = (np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    return encode(Image.fromarray(pixels), "JPEG", quality=90)


@pytest.mark.parametrize("size", [(2000, 1500), (1200, 1900), (900, 910)])
@pytest.mark.parametrize("resize", get_args(Policy))
def test_scaled_decoding_hardly_changes_the_input(size: tuple[int, int], resize: Policy) -> None:
    """Against decoding at full size, on average two of 255 at most, also where the box just fits twice."""
    data, spec = photograph(*size), InputSpec(224, 224, resize)
    boxed = decode(data, box=decode_box(spec))
    full = decode(data)
    assert boxed.pixels.size < full.pixels.size
    difference = np.abs(prepare(boxed.pixels, spec).astype(int) - prepare(full.pixels, spec).astype(int))
    assert difference.mean() < 2
    with Image.open(io.BytesIO(data)) as naive:
        np.testing.assert_array_equal(full.pixels, np.asarray(naive.convert("RGB")))
