"""Pixels in, files out that Pillow cannot write: 16-bit colour, black plates, pictures in other colour spaces.

Sources: PNG (W3C), TIFF 6.0, ICC.1:2001-04 for matrix profiles; the spaces: Adobe RGB (1998), SMPTE EG 432-1 (P3),
ROMM RGB.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Array = npt.NDArray[Any]

D50 = np.array([0.9642, 1.0, 0.8249])
D65 = (0.3127, 0.3290)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_CURVE = 0.0
"""Stands for the piecewise curve of sRGB in place of a gamma."""

_TO_16_BITS = 257


@dataclass(frozen=True, slots=True)
class Space:
    """An RGB colour space.

    Attributes:
        name: in the profile.
        primaries: xy of red, green and blue.
        white: xy.
        gamma: of its curves, or `SRGB_CURVE`.
    """

    name: str
    primaries: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    white: tuple[float, float]
    gamma: float


SRGB = Space("sRGB", ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65, SRGB_CURVE)
DISPLAY_P3 = Space("Display P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), D65, SRGB_CURVE)
ADOBE_RGB = Space("Adobe RGB (1998)", ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65, 563 / 256)
PROPHOTO = Space(
    "ProPhoto RGB", ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585), 1.8
)


def in_space(image: Image.Image, space: Space) -> tuple[Image.Image, bytes]:
    """Turn an sRGB picture into another space: it shows the same through the profile that comes with it."""
    data = profile(space)
    target = ImageCms.ImageCmsProfile(io.BytesIO(data))
    turned = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), target, outputMode="RGB")
    assert turned is not None
    return turned, data


def profile(space: Space) -> bytes:
    """Write a matrix profile of version 2."""
    colorants = adapted(space)
    curve = _curve(space.gamma)
    tags = [(b"desc", _description(space.name)), (b"cprt", b"text\0\0\0\0none\0"), (b"wtpt", _xyz(D50))]
    tags += [(name, _xyz(colorants[:, place])) for place, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags:
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value.ljust(-(-len(value) // 4) * 4, b"\0")
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s28x", 2026, 1, 1, 0, 0, 0, b"acsp") + _fixed(D50)
    return head.ljust(128, b"\0") + table + body


def adapted(space: Space) -> Array:
    """XYZ of red, green and blue as columns, ``(3, 3)``, adapted to D50 by Bradford's matrix (ICC.1, annex E)."""
    columns = np.array([_from_xy(xy) for xy in space.primaries]).T
    white = _from_xy(space.white)
    columns = columns * np.linalg.solve(columns, white)
    cones = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    adapted_columns: Array = np.linalg.inv(BRADFORD) @ cones @ BRADFORD @ columns
    return adapted_columns


def _from_xy(xy: tuple[float, float]) -> Array:
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _curve(gamma: float) -> bytes:
    if gamma != SRGB_CURVE:
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    x = np.linspace(0, 1, 1024)
    y = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return b"curv\0\0\0\0" + struct.pack(">I", len(x)) + np.round(y * 65535).astype(">u2").tobytes()


def _description(text: str) -> bytes:
    letters = text.encode("ascii") + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(letters)) + letters + bytes(78)


def _xyz(values: Array) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _fixed(values: Array) -> bytes:
    return np.round(values * 65536).astype(">i4").tobytes()


def deep_png(image: Image.Image) -> bytes:
    """A PNG of three times 16 bits."""
    pixels = np.asarray(image).astype(">u2") * _TO_16_BITS
    header = struct.pack(">IIBBBBB", image.width, image.height, 16, 2, 0, 0, 0)
    rows = pixels.astype(">u2").reshape(image.height, -1).view(np.uint8)
    filtered = np.pad(rows, ((0, 0), (1, 0)))
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def deep_tiff(image: Image.Image) -> bytes:
    """An uncompressed TIFF of three times 16 bits, in one strip."""
    strip = (np.asarray(image).astype("<u2") * _TO_16_BITS).astype("<u2").tobytes()
    bits = 8 + len(strip)
    entries = [
        (256, 4, 1, image.width), (257, 4, 1, image.height), (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 8), (277, 3, 1, 3), (278, 4, 1, image.height), (279, 4, 1, len(strip)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    start = b"II*\0" + struct.pack("<I", bits + 8)
    return start + strip + struct.pack("<4H", 16, 16, 16, 0) + directory + bytes(4)


def with_black_plate(image: Image.Image) -> Image.Image:
    """CMYK in which all grey is printed with black, as a print shop has it; Pillow puts none into the black plate."""
    ink = 255.0 - np.asarray(image, np.float64)
    black = ink.min(axis=2, keepdims=True)
    colours = np.divide((ink - black) * 255, 255 - black, out=np.zeros_like(ink), where=black < 255)
    planes = np.round(np.concatenate([colours, black], axis=2)).astype(np.uint8)
    return Image.merge("CMYK", [Image.fromarray(planes[:, :, plane]) for plane in range(4)])
