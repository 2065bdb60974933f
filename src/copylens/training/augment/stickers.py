"""Nothing in, an atlas of stickers out: faces, hearts, stars and other signs, drawn here in several colours."""

from __future__ import annotations

import colorsys
import functools
import math
import random
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from copylens.training.augment.pasting import Atlas, make_atlas

Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]
Pen: TypeAlias = ImageDraw.ImageDraw

HEIGHT = 112
_SHARP = 4
_SIDE = HEIGHT * _SHARP
_DARK: Colour = (60, 38, 20)
_WHITE: Colour = (255, 255, 255)
_EACH = 5


@functools.lru_cache(maxsize=1)
def sticker_atlas() -> Atlas:
    """Draw every shape in several colours; ``(K, 4, H, W)``."""
    chance = random.Random(20220613)  # noqa: S311 - a fixed set of stickers
    drawings = []
    for shape in _SHAPES:
        for _ in range(_EACH):
            image = Image.new("RGBA", (_SIDE, _SIDE))
            shape(ImageDraw.Draw(image), chance)
            drawings.append(_premultiplied(image))
    return make_atlas(drawings)


def _premultiplied(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGBa").reduce(_SHARP))


def _at(*parts: float) -> list[float]:
    return [part * _SIDE for part in parts]


def _points(points: list[Point]) -> list[Point]:
    return [(x * _SIDE, y * _SIDE) for x, y in points]


def _bright(chance: random.Random) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(chance.random(), chance.uniform(0.6, 1.0), chance.uniform(0.75, 1.0))
    return round(255 * r), round(255 * g), round(255 * b)


def _face(pen: Pen, chance: random.Random) -> None:
    skin = (255, 205, 60) if chance.random() < 0.6 else _bright(chance)
    pen.ellipse(_at(0.03, 0.03, 0.97, 0.97), fill=skin, outline=_DARK, width=_SIDE // 60)
    _eyes(pen, chance)
    kind = chance.randrange(4)
    if kind == 0:
        pen.chord(_at(0.24, 0.34, 0.76, 0.84), 0, 180, fill=(130, 30, 40))
        pen.chord(_at(0.24, 0.34, 0.76, 0.84), 20, 160, fill=_WHITE)
    elif kind == 1:
        pen.arc(_at(0.26, 0.3, 0.74, 0.8), 20, 160, fill=_DARK, width=_SIDE // 18)
    elif kind == 2:
        pen.arc(_at(0.3, 0.62, 0.7, 0.94), 200, 340, fill=_DARK, width=_SIDE // 18)
    else:
        pen.ellipse(_at(0.4, 0.58, 0.6, 0.84), fill=(130, 30, 40))


def _eyes(pen: Pen, chance: random.Random) -> None:
    kind = chance.randrange(3)
    for x in (0.33, 0.67):
        if kind == 0:
            pen.ellipse(_at(x - 0.07, 0.28, x + 0.07, 0.47), fill=_DARK)
        elif kind == 1:
            pen.arc(_at(x - 0.11, 0.31, x + 0.11, 0.51), 200, 340, fill=_DARK, width=_SIDE // 18)
        else:
            pen.polygon(_points(_heart(x, 0.38, 0.13)), fill=(225, 35, 60))


def _heart(x: float, y: float, radius: float) -> list[Point]:
    turns = [2 * math.pi * k / 80 for k in range(80)]
    return [
        (
            x + radius * math.sin(t) ** 3,
            y
            - radius * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16,
        )
        for t in turns
    ]


def _heart_sign(pen: Pen, chance: random.Random) -> None:
    pen.polygon(
        _points(_heart(0.5, 0.47, 0.47)), fill=(225, 35, 60) if chance.random() < 0.4 else _bright(chance)
    )
    pen.ellipse(_at(0.2, 0.2, 0.34, 0.32), fill=(255, 225, 230))


def _rays(count: int, inner: float, outer: float = 0.48, turn: float = -0.25) -> list[Point]:
    points = []
    for k in range(2 * count):
        radius, angle = (outer, inner)[k % 2], math.pi * k / count + 2 * math.pi * turn
        points.append((0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle)))
    return points


def _star(pen: Pen, chance: random.Random) -> None:
    points = _rays(chance.choice((4, 5, 5, 6, 8)), chance.uniform(0.18, 0.26))
    pen.polygon(_points(points), fill=_bright(chance), outline=_DARK, width=_SIDE // 80)


def _sun(pen: Pen, chance: random.Random) -> None:
    pen.polygon(_points(_rays(12, 0.32)), fill=_bright(chance))
    pen.ellipse(_at(0.24, 0.24, 0.76, 0.76), fill=(255, 215, 70), outline=_DARK, width=_SIDE // 80)


def _flower(pen: Pen, chance: random.Random) -> None:
    colour, count = _bright(chance), chance.choice((5, 6, 8))
    for k in range(count):
        x, y = 0.5 + 0.29 * math.cos(2 * math.pi * k / count), 0.5 + 0.29 * math.sin(2 * math.pi * k / count)
        pen.ellipse(
            _at(x - 0.18, y - 0.18, x + 0.18, y + 0.18), fill=colour, outline=_DARK, width=_SIDE // 120
        )
    pen.ellipse(_at(0.34, 0.34, 0.66, 0.66), fill=(255, 220, 80))


def _cross(pen: Pen, chance: random.Random) -> None:
    colour = _bright(chance)
    for line in ([(0.15, 0.15), (0.85, 0.85)], [(0.15, 0.85), (0.85, 0.15)]):
        pen.line(_points(line), fill=colour, width=_SIDE // 6)


def _tick(pen: Pen, chance: random.Random) -> None:
    pen.rounded_rectangle(_at(0.04, 0.04, 0.96, 0.96), _SIDE // 7, fill=_bright(chance))
    pen.line(_points([(0.22, 0.52), (0.43, 0.73), (0.8, 0.28)]), fill=_WHITE, width=_SIDE // 9, joint="curve")


def _arrow(pen: Pen, chance: random.Random) -> None:
    points = [(0.04, 0.38), (0.55, 0.38), (0.55, 0.14), (0.97, 0.5), (0.55, 0.86), (0.55, 0.62), (0.04, 0.62)]
    for _ in range(chance.randrange(4)):
        points = [(y, 1.0 - x) for x, y in points]
    pen.polygon(_points(points), fill=_bright(chance), outline=_DARK, width=_SIDE // 70)


def _bubble(pen: Pen, chance: random.Random) -> None:
    colour = _WHITE if chance.random() < 0.5 else _bright(chance)
    pen.polygon(_points([(0.24, 0.6), (0.2, 0.96), (0.52, 0.64)]), fill=colour)
    pen.ellipse(_at(0.03, 0.08, 0.97, 0.72), fill=colour)
    for x in (0.28, 0.5, 0.72):
        pen.ellipse(_at(x - 0.055, 0.345, x + 0.055, 0.455), fill=_DARK)


def _badge(pen: Pen, chance: random.Random) -> None:
    pen.polygon(_points(_rays(16, 0.42)), fill=_bright(chance))
    pen.ellipse(_at(0.17, 0.17, 0.83, 0.83), outline=_WHITE, width=_SIDE // 40)
    pen.line(_points([(0.3, 0.6), (0.7, 0.4)]), fill=_WHITE, width=_SIDE // 9)


def _drop(pen: Pen, chance: random.Random) -> None:
    colour = _bright(chance)
    pen.polygon(_points([(0.5, 0.03), (0.81, 0.52), (0.19, 0.52)]), fill=colour)
    pen.ellipse(_at(0.145, 0.27, 0.855, 0.97), fill=colour)
    pen.ellipse(_at(0.28, 0.55, 0.42, 0.76), fill=(240, 250, 255))


def _glasses(pen: Pen, chance: random.Random) -> None:
    colour = _bright(chance)
    for x in (0.25, 0.75):
        pen.ellipse(_at(x - 0.22, 0.3, x + 0.22, 0.7), fill=(25, 25, 35), outline=colour, width=_SIDE // 22)
    pen.arc(_at(0.38, 0.4, 0.62, 0.6), 180, 360, fill=colour, width=_SIDE // 22)


_SHAPES: tuple[Callable[[Pen, random.Random], None], ...] = (
    _face, _face, _face, _heart_sign, _star, _sun, _flower, _cross, _tick, _arrow, _bubble, _badge, _drop, _glasses,
)  # fmt: skip
