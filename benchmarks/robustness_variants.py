"""An upright RGB picture in, files of copies of it out: other sizes, other formats, chains of both.

Nothing is drawn at random: the same picture and the same libraries give the same bytes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from benchmarks.robustness_files import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    Space,
    deep_png,
    deep_tiff,
    in_space,
    with_black_plate,
)
from PIL import Image, ImageDraw

Picture = Image.Image
Make = Callable[[Picture], bytes]

GROUPS = ("size", "format", "chains")

SIDES = (64, 100, 150, 300, 600, 1200, 2400)
QUALITIES = (85, 60, 75, 50, 90, 70)
"""Of JPEG files made of each other, by turns."""

_ORIENTATION_TAG = 0x0112
# What a camera stores so that a viewer, who does the opposite, shows the picture upright.
_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to copy a picture.

    Attributes:
        group: of `GROUPS`.
        name: in tables.
        suffix: of the file.
        make: an RGB picture to a file's bytes.
        costly: takes a second or more for a picture.
    """

    group: str
    name: str
    suffix: str
    make: Make
    costly: bool = False


def variants() -> list[Variant]:
    """All, in the order of the tables."""
    return [
        *(Variant("size", *row) for row in _sizes()),
        *(Variant("size", *row, costly=True) for row in _huge()),
        *(Variant("format", *row) for row in _formats()),
        *(Variant("chains", *row) for row in _chains()),
    ]


def encoded(image: Picture, form: str, **options: Any) -> bytes:
    """The bytes of a file."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def reopened(image: Picture, form: str, **options: Any) -> Picture:
    """What is left of a picture after it was saved and opened."""
    return Image.open(io.BytesIO(encoded(image, form, **options))).convert("RGB")


def scaled(image: Picture, factor: float) -> Picture:
    """Smaller or larger, with Lanczos' filter."""
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def to_side(image: Picture, side: int) -> Picture:
    """With a long side of so many pixels."""
    return scaled(image, side / max(image.size))


def to_megapixels(image: Picture, millions: float) -> Picture:
    """With so many pixels in all."""
    return scaled(image, math.sqrt(millions * 1e6 / (image.width * image.height)))


Row = tuple[str, str, Make]


def _sizes() -> Iterator[Row]:
    for side in SIDES:
        yield f"{side:,} px", "jpg", partial(_sized, side=side)
    yield "12 MP", "jpg", partial(_large, millions=12, form="JPEG", quality=85)


def _huge() -> Iterator[Row]:
    yield "40 MP", "jpg", partial(_large, millions=40, form="JPEG", quality=85)
    yield "40 MP, progressive", "jpg", partial(_large, millions=40, form="JPEG", quality=85, progressive=True)
    yield "40 MP, PNG", "png", partial(_large, millions=40, form="PNG", compress_level=1)


def _sized(image: Picture, side: int) -> bytes:
    return encoded(to_side(image, side), "JPEG", quality=90)


def _large(image: Picture, millions: int, form: str, **options: Any) -> bytes:
    return encoded(to_megapixels(image, millions), form, **options)


def _formats() -> Iterator[Row]:
    yield from _jpegs()
    yield from _pngs()
    yield from _others()
    for tag in _STORED:
        yield f"JPEG, EXIF orientation {tag}", "jpg", partial(_oriented, tag=tag, form="JPEG", quality=90)
    for form, suffix in (("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif"), ("AVIF", "avif")):
        yield f"{form}, EXIF orientation 6", suffix, partial(_oriented, tag=6, form=form)
    for space in (DISPLAY_P3, ADOBE_RGB, PROPHOTO):
        yield f"JPEG in {space.name}", "jpg", partial(_in_space, space=space, form="JPEG", quality=90)
    yield f"PNG in {PROPHOTO.name}", "png", partial(_in_space, space=PROPHOTO, form="PNG")


def _jpegs() -> Iterator[Row]:
    for quality in (95, 75, 50, 30, 10):
        yield f"JPEG, quality {quality}", "jpg", partial(encoded, form="JPEG", quality=quality)
    plain = partial(encoded, form="JPEG", quality=75)
    yield "JPEG, 4:4:4", "jpg", partial(plain, subsampling=0)
    yield "JPEG, 4:2:0, progressive", "jpg", partial(plain, subsampling=2, progressive=True)
    yield "JPEG, grey", "jpg", lambda image: plain(image.convert("L"))
    yield "JPEG, CMYK", "jpg", lambda image: plain(image.convert("CMYK"))
    yield "JPEG, CMYK with a black plate", "jpg", lambda image: plain(with_black_plate(image))


def _pngs() -> Iterator[Row]:
    png = partial(encoded, form="PNG", compress_level=1)
    yield "PNG", "png", png
    yield "PNG, opaque alpha", "png", lambda image: png(image.convert("RGBA"))
    yield "PNG, see-through round corners", "png", lambda image: png(rounded(image))
    yield "PNG, 256 colours", "png", lambda image: png(image.quantize(256))
    yield "PNG, 16 colours", "png", lambda image: png(image.quantize(16))
    yield "PNG, palette with a see-through colour", "png", _keyed
    yield "PNG, grey", "png", lambda image: png(image.convert("L"))
    yield "PNG, 16-bit grey", "png", lambda image: png(deep_grey(image))
    yield "PNG, 16-bit colour", "png", deep_png


def _others() -> Iterator[Row]:
    for quality in (80, 30):
        yield f"WebP, quality {quality}", "webp", partial(encoded, form="WEBP", quality=quality)
    yield "WebP, lossless", "webp", partial(encoded, form="WEBP", lossless=True, method=0)
    for quality in (70, 30):
        yield f"AVIF, quality {quality}", "avif", partial(encoded, form="AVIF", quality=quality, speed=10)
    yield (
        "JPEG 2000, 40:1",
        "jp2",
        partial(encoded, form="JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[40]),
    )
    yield "TIFF", "tif", partial(encoded, form="TIFF")
    yield "TIFF, LZW", "tif", partial(encoded, form="TIFF", compression="tiff_lzw")
    yield "TIFF, JPEG inside", "tif", partial(encoded, form="TIFF", compression="jpeg", quality=75)
    yield "TIFF, CMYK", "tif", lambda image: encoded(with_black_plate(image), "TIFF")
    yield "TIFF, 16-bit grey", "tif", lambda image: encoded(deep_grey(image), "TIFF")
    yield "TIFF, 16-bit colour", "tif", deep_tiff
    yield "BMP", "bmp", partial(encoded, form="BMP")
    yield "GIF", "gif", partial(encoded, form="GIF")


def rounded(image: Picture) -> Picture:
    """See-through and black beyond corners of a radius of 0.15 of the short side, as on app icons and screenshots."""
    shape = Image.new("L", image.size)
    ImageDraw.Draw(shape).rounded_rectangle(
        (0, 0, image.width - 1, image.height - 1), 0.15 * min(image.size), fill=255
    )
    cut = Image.composite(image, Image.new("RGB", image.size), shape)
    cut.putalpha(shape)
    return cut


def _keyed(image: Picture) -> bytes:
    """A palette whose lightest colour is see-through."""
    paletted = image.quantize(64)
    used = np.flatnonzero(paletted.histogram())
    brightness = np.array(paletted.getpalette()).reshape(-1, 3)[used].sum(axis=1)
    return encoded(paletted, "PNG", transparency=int(used[brightness.argmax()]))


def deep_grey(image: Picture) -> Picture:
    """Grey of 16 bits."""
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def _oriented(image: Picture, tag: int, form: str, **options: Any) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = tag
    return encoded(image.transpose(_STORED[tag]), form, exif=exif, **options)


def _in_space(image: Picture, space: Space, form: str, **options: Any) -> bytes:
    turned, profile = in_space(image, space)
    return encoded(turned, form, icc_profile=profile, **options)


def _chains() -> Iterator[Row]:
    for times in (2, 5, 10, 20):
        yield f"JPEG {times} times, nudged by a pixel", "jpg", partial(recompressed, times=times)
    yield "JPEG, WebP, JPEG at 0.6, screenshot at 480 px", "png", _through_apps
    yield "GIF, JPEG at half, AVIF, JPEG", "jpg", _through_sites
    yield "2,400 px, messenger 1,600, messenger 1,280, screenshot less 2 %", "png", _messengers
    for side in (150, 100, 64):
        yield f"thumbnail of {side} px, enlarged again", "jpg", partial(_thumbnail_enlarged, side=side)


def recompressed(image: Picture, times: int) -> bytes:
    """JPEG files of each other at `QUALITIES`; each time one row or column goes, every second time the grid moves."""
    data = b""
    for step in range(times):
        width, height = image.size
        left, top, right, bottom = (int(step % 4 == side) for side in range(4))
        image = image.crop((left, top, width - right, height - bottom))
        if step % 2:
            image = image.resize((image.width + 1, image.height + 1), Image.Resampling.BICUBIC)
        data = encoded(image, "JPEG", quality=QUALITIES[step % len(QUALITIES)])
        image = Image.open(io.BytesIO(data)).convert("RGB")
    return data


def _through_apps(image: Picture) -> bytes:
    image = reopened(image, "JPEG", quality=80)
    image = reopened(image, "WEBP", quality=60)
    image = reopened(scaled(image, 0.6), "JPEG", quality=60)
    return encoded(to_side(image, 480), "PNG")


def _through_sites(image: Picture) -> bytes:
    image = reopened(image, "GIF")
    image = reopened(scaled(image, 0.5), "JPEG", quality=50)
    image = reopened(image, "AVIF", quality=40, speed=10)
    return encoded(image, "JPEG", quality=40)


def _messengers(image: Picture) -> bytes:
    image = reopened(to_side(image, 2400), "JPEG", quality=90)
    image = reopened(to_side(image, 1600), "JPEG", quality=70)
    image = reopened(to_side(image, 1280), "JPEG", quality=60)
    across, down = round(image.width * 0.02), round(image.height * 0.02)
    return encoded(image.crop((across, down, image.width - across, image.height - down)), "PNG")


def _thumbnail_enlarged(image: Picture, side: int) -> bytes:
    small = reopened(to_side(image, side), "JPEG", quality=75)
    return encoded(small.resize(image.size, Image.Resampling.BICUBIC), "JPEG", quality=85)
