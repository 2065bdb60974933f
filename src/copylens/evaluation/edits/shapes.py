"""A name and a size in, a sticker out: our own drawings, since no emoji font may be assumed or shipped.

Each shape is drawn with vectors in a square of side 1 and reduced from several times its size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from copylens.evaluation.edits.canvas import BLACK, FINE, VIVID, WHITE, Colour, fine_layer, settled, vivid
from copylens.evaluation.edits.lettering import block
from copylens.evaluation.edits.words import short

Point: TypeAlias = tuple[float, float]

_YELLOW: Colour = (255, 205, 50)
_AMBER: Colour = (214, 150, 20)
_BROWN: Colour = (85, 50, 20)
_RED: Colour = (228, 38, 54)
_TONGUE: Colour = (236, 98, 116)
_BLUE: Colour = (70, 160, 235)


class Pen:
    """Draws on a square of side 1, whatever its size in pixels."""

    def __init__(self, layer: Image.Image) -> None:
        self._draw = ImageDraw.Draw(layer)
        self._side = layer.width

    def _at(self, points: list[Point]) -> list[Point]:
        return [(x * self._side, y * self._side) for x, y in points]

    def _width(self, width: float) -> int:
        return max(1, round(width * self._side))

    def disc(
        self, x: float, y: float, rx: float, ry: float, fill: Colour | None, edge: Colour | None = None
    ) -> None:
        """An ellipse by its centre and radii, with an optional edge."""
        (left, top), (right, bottom) = self._at([(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.ellipse((left, top, right, bottom), fill, edge, self._width(0.03))

    def polygon(self, points: list[Point], fill: Colour, edge: Colour | None = None) -> None:
        """A closed shape."""
        self._draw.polygon(self._at(points), fill)
        if edge is not None:
            self.line([*points, points[0], points[1]], edge, 0.03)

    def line(self, points: list[Point], fill: Colour, width: float) -> None:
        """A line with round joints and ends."""
        self._draw.line(self._at(points), fill, self._width(width), joint="curve")
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, width / 2, fill)

    def arc(self, box: tuple[float, float, float, float], start: float, end: float, fill: Colour) -> None:
        """A part of an ellipse's edge, by its box and angles in degrees."""
        (left, top), (right, bottom) = self._at([(box[0], box[1]), (box[2], box[3])])
        self._draw.arc((left, top, right, bottom), start, end, fill, self._width(0.045))

    def chord(self, box: tuple[float, float, float, float], start: float, end: float, fill: Colour) -> None:
        """A part of an ellipse, cut straight."""
        (left, top), (right, bottom) = self._at([(box[0], box[1]), (box[2], box[3])])
        self._draw.chord((left, top, right, bottom), start, end, fill)

    def rounded(self, box: tuple[float, float, float, float], fill: Colour, edge: Colour | None) -> None:
        """A rectangle with round corners."""
        (left, top), (right, bottom) = self._at([(box[0], box[1]), (box[2], box[3])])
        self._draw.rounded_rectangle(
            (left, top, right, bottom), 0.12 * self._side, fill, edge, self._width(0.025)
        )


def _face(pen: Pen) -> None:
    pen.disc(0.5, 0.5, 0.46, 0.46, _YELLOW, _AMBER)


def _eyes(pen: Pen) -> None:
    for x in (0.34, 0.66):
        pen.disc(x, 0.4, 0.055, 0.08, _BROWN)


def _smiley(pen: Pen, _: np.random.Generator) -> None:
    _face(pen)
    _eyes(pen)
    pen.arc((0.25, 0.3, 0.75, 0.78), 20, 160, _BROWN)


def _laughing(pen: Pen, _: np.random.Generator) -> None:
    _face(pen)
    for x in (0.33, 0.67):
        pen.arc((x - 0.1, 0.32, x + 0.1, 0.5), 190, 350, _BROWN)
    pen.chord((0.24, 0.36, 0.76, 0.84), 0, 180, _BROWN)
    pen.chord((0.36, 0.62, 0.64, 0.86), 180, 360, _TONGUE)
    for x in (0.12, 0.88):
        pen.disc(x, 0.55, 0.075, 0.1, _BLUE)


def _in_love(pen: Pen, _: np.random.Generator) -> None:
    _face(pen)
    for x in (0.33, 0.67):
        pen.polygon([(x + (px - 0.5) * 0.3, 0.38 + (py - 0.5) * 0.3) for px, py in _heart_points()], _RED)
    pen.chord((0.28, 0.4, 0.72, 0.82), 10, 170, _BROWN)


def _sad(pen: Pen, _: np.random.Generator) -> None:
    _face(pen)
    _eyes(pen)
    pen.arc((0.3, 0.6, 0.7, 0.95), 205, 335, _BROWN)
    pen.disc(0.69, 0.6, 0.05, 0.09, _BLUE)


def _astonished(pen: Pen, _: np.random.Generator) -> None:
    _face(pen)
    _eyes(pen)
    pen.disc(0.5, 0.7, 0.11, 0.14, _BROWN)


def _cool(pen: Pen, _: np.random.Generator) -> None:
    _face(pen)
    pen.line([(0.08, 0.36), (0.92, 0.36)], BLACK, 0.05)
    for x in (0.32, 0.68):
        pen.chord((x - 0.17, 0.18, x + 0.17, 0.56), 0, 180, BLACK)
    pen.arc((0.3, 0.42, 0.7, 0.78), 25, 155, _BROWN)


def _heart_points() -> list[Point]:
    points = []
    for step in range(60):
        t = 2 * math.pi * step / 60
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((0.5 + x / 36, 0.47 - y / 36))
    return points


def _heart(pen: Pen, rng: np.random.Generator) -> None:
    colours: tuple[Colour, ...] = (_RED, _RED, (225, 60, 150), (95, 60, 190), (30, 110, 220))
    pen.polygon(_heart_points(), colours[int(rng.integers(len(colours)))])
    pen.disc(0.33, 0.3, 0.06, 0.045, (255, 190, 195))


def _star(pen: Pen, _: np.random.Generator) -> None:
    points = []
    for step in range(10):
        radius = 0.47 if step % 2 == 0 else 0.2
        turn = math.pi * step / 5 - math.pi / 2
        points.append((0.5 + radius * math.cos(turn), 0.52 + radius * math.sin(turn)))
    pen.polygon(points, _YELLOW, _AMBER)


def _arrow(pen: Pen, rng: np.random.Generator) -> None:
    colour = vivid(rng)
    edge = WHITE if sum(colour) < 400 else BLACK
    points = [(0.04, 0.4), (0.56, 0.4), (0.56, 0.18), (0.96, 0.5), (0.56, 0.82), (0.56, 0.6), (0.04, 0.6)]
    pen.polygon(points, colour, edge)


def _ring(pen: Pen, _: np.random.Generator) -> None:
    for inset in (0.0, 0.02, 0.04):
        pen.disc(0.5, 0.5, 0.46 - inset, 0.44 - inset, None, _RED)


def _flame(pen: Pen, _: np.random.Generator) -> None:
    def drop(scale: float, x: float, y: float) -> list[Point]:
        outline = [
            (0.5, 0.0), (0.62, 0.16), (0.66, 0.3), (0.75, 0.24), (0.86, 0.46), (0.88, 0.66), (0.78, 0.86),
            (0.6, 0.97), (0.4, 0.97), (0.22, 0.86), (0.12, 0.66), (0.16, 0.46), (0.28, 0.3), (0.32, 0.4), (0.44, 0.22),
        ]  # fmt: skip
        return [(x + (px - 0.5) * scale, y + (py - 0.97) * scale) for px, py in outline]

    pen.polygon(drop(0.94, 0.5, 0.96), (240, 80, 30))
    pen.polygon(drop(0.62, 0.5, 0.94), (255, 165, 30))
    pen.polygon(drop(0.34, 0.5, 0.92), (255, 230, 120))


def _flower(pen: Pen, rng: np.random.Generator) -> None:
    colour = VIVID[int(rng.integers(8))]
    for step in range(6):
        turn = math.pi * step / 3
        pen.disc(0.5 + 0.27 * math.cos(turn), 0.5 + 0.27 * math.sin(turn), 0.18, 0.18, colour, WHITE)
    pen.disc(0.5, 0.5, 0.15, 0.15, _YELLOW, _AMBER)


def _cloud(pen: Pen, _: np.random.Generator) -> None:
    for x, y, r in ((0.28, 0.58, 0.2), (0.5, 0.46, 0.26), (0.72, 0.58, 0.2)):
        pen.disc(x, y, r, r, (235, 242, 250))
    pen.rounded((0.1, 0.56, 0.9, 0.78), (235, 242, 250), None)


def _tick(pen: Pen, _: np.random.Generator) -> None:
    pen.disc(0.5, 0.5, 0.46, 0.46, (40, 165, 75), WHITE)
    pen.line([(0.28, 0.52), (0.44, 0.68), (0.74, 0.34)], WHITE, 0.1)


def _cross(pen: Pen, _: np.random.Generator) -> None:
    pen.line([(0.14, 0.14), (0.86, 0.86)], _RED, 0.15)
    pen.line([(0.86, 0.14), (0.14, 0.86)], _RED, 0.15)


def _bubble(pen: Pen, _: np.random.Generator) -> None:
    pen.polygon([(0.2, 0.66), (0.46, 0.66), (0.18, 0.96)], WHITE, BLACK)
    pen.rounded((0.02, 0.12, 0.98, 0.72), WHITE, BLACK)
    pen.polygon([(0.225, 0.66), (0.43, 0.66), (0.22, 0.88)], WHITE)


SHAPES: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "smiley": _smiley, "laughing": _laughing, "in love": _in_love, "sad": _sad, "astonished": _astonished,
    "cool": _cool, "heart": _heart, "star": _star, "arrow": _arrow, "ring": _ring, "flame": _flame,
    "flower": _flower, "cloud": _cloud, "tick": _tick, "cross": _cross, "speech bubble": _bubble,
}  # fmt: skip
"""How each sticker is drawn."""


def sticker(name: str, side: float, rng: np.random.Generator) -> Image.Image:
    """A sticker as an RGBA layer of ``side`` x ``side`` pixels (at least 1); the generator chooses its colours."""
    pixels = max(1, round(side))
    large = fine_layer(pixels, pixels)
    SHAPES[name](Pen(large), rng)
    layer = settled(large)
    if name == "speech bubble":
        text = block(short(rng), pixels * 0.84, pixels * 0.48, BLACK, weight=0.02)
        layer.alpha_composite(
            text, ((pixels - text.width) // 2, max(0, round(pixels * 0.42 - text.height / 2)))
        )
    return layer


def scribble(
    size: tuple[int, int], curves: list[list[Point]], width: float, colours: list[Colour]
) -> Image.Image:
    """Lines drawn by hand on a layer: points in pixels, one colour per line."""
    layer = fine_layer(*size)
    pen = ImageDraw.Draw(layer)
    radius = max(1.0, width * FINE / 2)
    for points, colour in zip(curves, colours, strict=True):
        large = [(x * FINE, y * FINE) for x, y in points]
        pen.line(large, colour, max(1, round(radius * 2)), joint="curve")
        for x, y in (large[0], large[-1]):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), colour)
    return settled(layer)
