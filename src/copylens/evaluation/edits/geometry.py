"""A picture in, the same picture cut, turned or bent out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from copylens.evaluation.edits.canvas import BLACK, WHITE, Colour, chance, numbers, resized, size_of
from copylens.evaluation.edits.edit import Edit, OneOf, Parameter, Picture, Span

_QUARTERS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


def crop(picture: Picture, rng: np.random.Generator, *, area: float) -> Picture:
    """Keep a part of the picture, of about its own aspect ratio, anywhere."""
    aspect = float(np.clip(math.exp(rng.uniform(-0.3, 0.3)), area, 1 / area))
    width, height = size_of(
        picture.width * math.sqrt(area * aspect), picture.height * math.sqrt(area / aspect)
    )
    left = int(rng.integers(picture.width - width + 1))
    top = int(rng.integers(picture.height - height + 1))
    return picture.crop((left, top, left + width, top + height))


def rotate(picture: Picture, rng: np.random.Generator, *, angle: float) -> Picture:
    """Turn by any angle to either side; the canvas grows and its corners are filled."""
    side = 1 if chance(rng, 0.5) else -1
    return picture.rotate(
        side * angle, Image.Resampling.BICUBIC, expand=True, fillcolor=_filling(picture, rng)
    )


def straighten(picture: Picture, rng: np.random.Generator, *, angle: float) -> Picture:
    """Turn by an angle to either side and keep the largest upright rectangle without corners."""
    side = 1 if chance(rng, 0.5) else -1
    turned = picture.rotate(side * angle, Image.Resampling.BICUBIC, expand=True)
    width, height = _inner_size(picture.width, picture.height, math.radians(angle))
    width, height = size_of(min(width, turned.width), min(height, turned.height))
    left, top = (turned.width - width) // 2, (turned.height - height) // 2
    return turned.crop((left, top, left + width, top + height))


def turn(picture: Picture, *, angle: int) -> Picture:
    """Turn by a multiple of 90 degrees."""
    return picture.transpose(_QUARTERS[angle])


def flip_horizontal(picture: Picture) -> Picture:
    """Mirror left and right."""
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def flip_vertical(picture: Picture) -> Picture:
    """Mirror top and bottom."""
    return picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def stretch(picture: Picture, rng: np.random.Generator, *, factor: float) -> Picture:
    """Change the aspect ratio, wider or taller, at about the same area."""
    root = math.sqrt(factor)
    if chance(rng, 0.5):
        root = 1 / root
    return resized(picture, picture.width * root, picture.height / root)


def skew(picture: Picture, rng: np.random.Generator, *, angle: float) -> Picture:
    """Shear sideways or upwards; the canvas grows and its corners are filled."""
    slope = math.tan(math.radians(angle)) * (1 if chance(rng, 0.5) else -1)
    width, height = picture.size
    filling = _filling(picture, rng)
    matrix: tuple[float, ...]
    if chance(rng, 0.7):
        size = size_of(width + abs(slope) * height, height)
        matrix = (1, slope, -max(0.0, slope * height), 0, 1, 0)
    else:
        size = size_of(width, height + abs(slope) * width)
        matrix = (1, 0, 0, slope, 1, -max(0.0, slope * width))
    return picture.transform(
        size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=filling
    )


def perspective(picture: Picture, rng: np.random.Generator, *, depth: float) -> Picture:
    """See the picture from one side, above or below: its corners move inwards and the rest is filled."""
    filling = _filling(picture, rng)
    return tilted(picture, rng, depth, filling)


def tilted(picture: Picture, rng: np.random.Generator, depth: float, filling: Colour) -> Picture:
    """One side of the picture farther away than the other, by `depth` of a side's length."""
    width, height = picture.size
    far = rng.uniform(0.75, 1.0, 2) * depth
    near = rng.uniform(0.0, 0.2, 4) * depth
    # The far side is the left one here; the others follow by turning the list of corners.
    corners = [
        (near[0], far[0] / 1.4),
        (1 - near[1] / 2, near[1] / 2),
        (1 - near[2] / 2, 1 - near[3] / 2),
        (near[3], 1 - far[1] / 1.4),
    ]
    side = int(rng.integers(4))
    for _ in range(side):
        corners = [(1 - y, x) for x, y in corners[-1:] + corners[:-1]]
    source = [(0, 0), (width, 0), (width, height), (0, height)]
    target = [(x * width, y * height) for x, y in corners]
    return warped(picture, source, target, (width, height), filling)


def warped(
    picture: Picture,
    source: Sequence[tuple[float, float]],
    target: Sequence[tuple[float, float]],
    size: tuple[int, int],
    filling: Colour,
) -> Picture:
    """The picture as seen through the projection that takes four points of it to four points of the result."""
    rows, right = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        right += [x, y]
    # Pillow asks for the way back: from each pixel of the result to its place in the source.
    matrix, *_ = np.linalg.lstsq(np.array(rows, np.float64), np.array(right, np.float64), rcond=None)
    return picture.transform(
        size, Image.Transform.PERSPECTIVE, matrix.tolist(), Image.Resampling.BICUBIC, fillcolor=filling
    )


def _inner_size(width: float, height: float, angle: float) -> tuple[float, float]:
    """The largest upright rectangle inside a `width` x `height` one that was turned by 0..90 degrees."""
    sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
    long, short = max(width, height), min(width, height)
    if short <= 2 * sine * cosine * long or abs(sine - cosine) < 1e-9:
        # Two corners touch the long sides; the others lie inside.
        half = short / 2
        return (half / sine, half / cosine) if width >= height else (half / cosine, half / sine)
    double = cosine * cosine - sine * sine
    return (width * cosine - height * sine) / double, (height * cosine - width * sine) / double


def _filling(picture: Picture, rng: np.random.Generator) -> Colour:
    """What a program fills empty corners with: black, white, or a colour of the picture."""
    mean = numbers(picture.reduce(8) if min(picture.size) > 64 else picture).mean(axis=(0, 1))
    choices: tuple[Colour, ...] = (BLACK, BLACK, WHITE, (int(mean[0]), int(mean[1]), int(mean[2])))
    return choices[int(rng.integers(len(choices)))]


_ANY_TURN = OneOf((90, 180, 270))

GEOMETRY: tuple[Edit, ...] = (
    Edit(
        "crop", "keep a part", "geometry", crop,
        (Parameter("area", "area kept", Span(0.6, 0.85), Span(0.25, 0.45), Span(0.1, 0.16), "%"),),
        uses="chance", weight=3.0,
    ),
    Edit(
        "rotate", "turn by any angle, corners filled", "geometry", rotate,
        (Parameter("angle", "angle", Span(3, 10), Span(15, 40), Span(50, 130), "°"),),
        uses="chance", weight=0.6,
    ),
    Edit(
        "straighten", "turn and cut the corners off", "geometry", straighten,
        (Parameter("angle", "angle", Span(2, 6), Span(8, 15), Span(20, 40), "°"),),
        uses="chance",
    ),
    Edit(
        "turn", "turn by quarters", "geometry", turn,
        (Parameter("angle", "angle", _ANY_TURN, _ANY_TURN, _ANY_TURN, "°"),),
        weight=0.6,
    ),
    Edit("flip_horizontal", "mirror left and right", "geometry", flip_horizontal, weight=1.2),
    Edit("flip_vertical", "mirror top and bottom", "geometry", flip_vertical, weight=0.3),
    Edit(
        "stretch", "another aspect ratio", "geometry", stretch,
        (Parameter("factor", "change of aspect", Span(1.15, 1.3), Span(1.45, 1.8), Span(2.2, 3.2), "x"),),
        uses="chance", weight=0.8,
    ),
    Edit(
        "skew", "shear, corners filled", "geometry", skew,
        (Parameter("angle", "angle", Span(5, 9), Span(13, 20), Span(26, 36), "°"),),
        uses="chance", weight=0.3,
    ),
    Edit(
        "perspective", "seen from one side", "geometry", perspective,
        (Parameter("depth", "far side shorter by", Span(0.1, 0.18), Span(0.25, 0.36), Span(0.46, 0.6), "%"),),
        uses="chance", weight=0.6,
    ),
)  # fmt: skip
