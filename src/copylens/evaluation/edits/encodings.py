"""A picture in, the file out that a careless program would store it in: too small, too coarse, too often saved."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from copylens.evaluation.edits.canvas import bounded, chance, resized, scaled
from copylens.evaluation.edits.edit import Edit, Encoded, Parameter, Picture, Whole

LARGEST_WEBP = 16383
"""The longest side that a WebP file can have."""


def encoded(picture: Image.Image, suffix: str, **options: Any) -> Encoded:
    """The picture as a file without any metadata.

    Args:
        picture: of mode RGB, or a palette's.
        suffix: jpg, png or webp.
        options: what Pillow's writer of the format takes.
    """
    out = io.BytesIO()
    picture.save(out, {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[suffix], **options)
    return Encoded(out.getvalue(), suffix)


def jpeg(picture: Picture, *, quality: int) -> Encoded:
    """A JPEG of low quality."""
    return encoded(picture, "jpg", quality=quality)


def webp(picture: Picture, *, quality: int) -> Encoded:
    """A lossy WebP of low quality."""
    return encoded(bounded(picture, LARGEST_WEBP), "webp", quality=quality, method=2)


def re_encode(picture: Picture, rng: np.random.Generator, *, rounds: int, quality: int) -> Encoded:
    """Saved again and again, as what is passed on through many hands: other sizes, other formats."""
    size = picture.size
    for _ in range(rounds):
        picture = scaled(picture, float(rng.uniform(0.82, 0.97)))
        level = quality + int(rng.integers(-8, 9))
        picture = (webp if chance(rng, 0.3) else jpeg)(picture, quality=level).picture()
        picture = resized(picture, *size)
    return jpeg(picture, quality=quality)


def thumbnail(picture: Picture, *, side: int) -> Picture:
    """Made small, and left so; `side` is the longest side in pixels."""
    factor = min(side / max(picture.size), 0.8)
    return resized(picture, picture.width * factor, picture.height * factor, Image.Resampling.LANCZOS)


def palette(picture: Picture, *, colours: int) -> Encoded:
    """Few colours, chosen for the picture, without dithering."""
    return encoded(_reduced(picture, colours, Image.Dither.NONE), "png")


def dither(picture: Picture, *, colours: int, zoom: int) -> Encoded:
    """Few colours mixed from dots, as on old machines; two colours are black and white."""
    small = resized(picture, picture.width / zoom, picture.height / zoom)
    if colours == 2:
        dotted = small.convert("1", dither=Image.Dither.FLOYDSTEINBERG)
    else:
        dotted = _reduced(small, colours, Image.Dither.FLOYDSTEINBERG)
    return encoded(dotted.resize(picture.size, Image.Resampling.NEAREST), "png")


def _reduced(picture: Picture, colours: int, dither: Image.Dither) -> Image.Image:
    """The picture in a palette of its own, chosen from a smaller copy: eight times as fast, and the eye agrees."""
    chosen = picture.reduce(min(4, *picture.size)).quantize(colours, Image.Quantize.MEDIANCUT)
    return picture.quantize(colours, palette=chosen, dither=dither)


ENCODINGS: tuple[Edit, ...] = (
    Edit(
        "jpeg", "JPEG of low quality", "encoding", jpeg,
        (Parameter("quality", "quality", Whole(25, 35), Whole(12, 18), Whole(3, 7)),),
        weight=1.5,
    ),
    Edit(
        "webp", "WebP of low quality", "encoding", webp,
        (Parameter("quality", "quality", Whole(18, 26), Whole(6, 12), Whole(0, 1)),),
        suffix="webp",
    ),
    Edit(
        "re_encode", "saved again and again", "encoding", re_encode,
        (
            Parameter("rounds", "times", Whole(3, 4), Whole(6, 8), Whole(12, 16)),
            Parameter("quality", "quality", Whole(45, 55), Whole(28, 36), Whole(14, 20)),
        ),
        uses="chance", weight=1.5,
    ),
    Edit(
        "thumbnail", "made small and left so", "encoding", thumbnail,
        (Parameter("side", "longest side in pixels", Whole(120, 160), Whole(72, 96), Whole(32, 48)),),
    ),
    Edit(
        "palette", "few colours", "encoding", palette,
        (Parameter("colours", "colours", Whole(40, 64), Whole(12, 18), Whole(4, 6)),),
        suffix="png", weight=0.4,
    ),
    Edit(
        "dither", "few colours, mixed from dots", "encoding", dither,
        (
            Parameter("colours", "colours", Whole(12, 16), Whole(5, 8), Whole(2, 2)),
            Parameter("zoom", "size of the dots in pixels", Whole(1, 1), Whole(1, 2), Whole(2, 3)),
        ),
        suffix="png", weight=0.3,
    ),
)  # fmt: skip
