"""Uncompressed TIFF pictures whose bands lie apart: the same pixels as those whose bands lie together."""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from copylens.errors import ImageError
from copylens.images import decode, upright_rgb
from generated_pictures import random_picture
from strange_pictures import quarters, tiff

ROWS = 5
"""Of a strip: the last one is shorter."""

PIXELS = np.asarray(random_picture(0, (32, 24)))

Bands = npt.NDArray[np.generic]


def planar(bands: Bands, *, order: str = "<", photometric: int = 2, extra: int | None = None) -> bytes:
    """A TIFF by hand: ``(C, H, W)``, each band apart, in strips of `ROWS`."""
    count, height, width = bands.shape
    stored = bands.astype(bands.dtype.newbyteorder("<" if order == "<" else ">"))
    strips = [
        stored[band, row : row + ROWS].tobytes() for band in range(count) for row in range(0, height, ROWS)
    ]
    offsets = 8 + np.cumsum([0, *map(len, strips[:-1])])
    arrays = [
        (258, "H", [8 * bands.dtype.itemsize] * count),
        (273, "I", list(offsets)),
        (279, "I", list(map(len, strips))),
    ]
    numbers = [(256, width), (257, height), (259, 1), (262, photometric), (277, count), (278, ROWS), (284, 2)]
    numbers += [] if extra is None else [(338, extra)]
    body = b"".join(strips)
    entries = {tag: struct.pack(order + "HHIHH", tag, 3, 1, value, 0) for tag, value in numbers}
    for tag, kind, values in arrays:
        entry = (tag, 3 if kind == "H" else 4, len(values), 8 + len(body))
        entries[tag] = struct.pack(order + "HHII", *entry)
        body += struct.pack(f"{order}{len(values)}{kind}", *values)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(body))
    directory = b"".join(entries[tag] for tag in sorted(entries))
    return head + body + struct.pack(order + "H", len(entries)) + directory + bytes(4)


def apart(pixels: Bands, *, deep: bool) -> Bands:
    bands = np.moveaxis(pixels, 2, 0)
    return bands.astype(np.uint16) * np.uint16(257) if deep else bands


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deep", [False, True])
def test_colour_apart_is_the_colour(order: str, deep: bool) -> None:
    data = planar(apart(PIXELS, deep=deep), order=order)
    np.testing.assert_array_equal(decode(data).pixels, PIXELS)
    with Image.open(io.BytesIO(data)) as opened:
        np.testing.assert_array_equal(upright_rgb(opened), PIXELS)


@pytest.mark.parametrize(("extra", "shown"), [(0, "as it is"), (2, "on white")])
def test_a_fourth_band_is_alpha_only_where_it_says_so(extra: int, shown: str) -> None:
    veiled = np.concatenate([PIXELS, np.zeros_like(PIXELS[:, :, :1])], axis=2)
    found = decode(planar(apart(veiled, deep=True), extra=extra)).pixels
    np.testing.assert_array_equal(found, PIXELS if shown == "as it is" else np.full_like(PIXELS, 255))


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_one_band_apart_is_one_band(photometric: int, dtype: str) -> None:
    values = quarters(0.0, 0.25, 0.5, 1.0, dtype="float32")
    grey = values if dtype == "float32" else (values * np.iinfo(dtype).max).astype(dtype)
    options = {"bits": (8 * grey.dtype.itemsize,), "photometric": photometric}
    extra = {339: 3} if dtype == "float32" else {}
    together, alone = (
        tiff(grey.tobytes(), **options, extra={**extra, **planes})  # type: ignore[arg-type]
        for planes in ({}, {284: 2})
    )
    assert together != alone
    np.testing.assert_array_equal(decode(alone).pixels, decode(together).pixels)


def test_bits_apart_are_not_turned_into_their_negative() -> None:
    bits = np.packbits(quarters(0, 1, 1, 0), axis=1).tobytes()
    for photometric, first in ((0, 255), (1, 0)):
        pixels = decode(tiff(bits, bits=(1,), photometric=photometric, extra={284: 2})).pixels
        assert (pixels[0, 0, 0], pixels[0, -1, 0]) == (first, 255 - first)


def test_deep_inks_apart_are_refused_for_what_they_are() -> None:
    inks = np.zeros((4, 8, 8), np.uint16)
    with pytest.raises(ImageError, match="bands apart of CMYK, 16L is not supported") as error:
        decode(planar(inks, photometric=5))
    assert error.value.code == "unsupported"
    assert decode(planar(inks.astype(np.uint8), photometric=5)).pixels.min() == 255
