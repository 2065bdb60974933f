"""A path or the bytes of a picture in, a small upright WebP out, for reports."""

from __future__ import annotations

import io

from PIL import Image

from copylens.images.decoding import decode
from copylens.images.reading import read_file

QUALITY = 60


def thumbnail(path: str, *, side: int = 160) -> bytes:
    """Make a thumbnail whose long side has at most `side` pixels.

    Returns:
        The bytes of a WebP picture.

    Raises:
        ImageError: the file cannot be read or decoded.
    """
    return thumbnail_of(read_file(path), side=side)


def thumbnail_of(data: bytes, *, side: int = 160) -> bytes:
    """Make a thumbnail as `thumbnail` does, from the bytes of an encoded picture.

    Raises:
        ImageError: they cannot be decoded.
    """
    image = Image.fromarray(decode(data, box=(side, side)).pixels)
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, method=2)
    return out.getvalue()
