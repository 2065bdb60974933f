"""Nothing in, an atlas of what people draw on pictures by hand out: loops, waves, crosses, underlines, arrows."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from copylens.training.augment.pasting import Atlas, make_atlas

Point: TypeAlias = tuple[float, float]
Curve: TypeAlias = list[Point]

HEIGHT = 112
_SHARP = 4
_SIDE = HEIGHT * _SHARP
DRAWINGS = 48
"""How many there are."""

_STEPS = 40


@functools.lru_cache(maxsize=1)
def scribble_atlas() -> Atlas:
    """Draw masks of several strokes each; ``(K, 1, H, W)``."""
    chance = random.Random(20261126)  # noqa: S311 - a fixed set of drawings
    return make_atlas([_drawing(chance) for _ in range(DRAWINGS)])


def _drawing(chance: random.Random) -> np.ndarray:
    image = Image.new("L", (_SIDE, _SIDE))
    pen, width = ImageDraw.Draw(image), round(_SIDE * chance.uniform(0.015, 0.06))
    for _ in range(chance.randint(1, 7)):
        for curve in chance.choice(_STROKES)(chance):
            points = [(x * _SIDE, y * _SIDE) for x, y in curve]
            pen.line(points, fill=255, width=width, joint="curve")
            for x, y in (points[0], points[-1]):
                pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return np.asarray(image.reduce(_SHARP))[:, :, None]


def _walk(chance: random.Random) -> list[Curve]:
    """A line that wanders all over."""
    x, y = chance.random(), chance.random()
    turn, curve = chance.uniform(0, 2 * math.pi), []
    for _ in range(_STEPS):
        curve.append((x, y))
        turn += chance.gauss(0.0, 0.5)
        x, y = x + 0.04 * math.cos(turn), y + 0.04 * math.sin(turn)
    return [curve]


def _loop(chance: random.Random) -> list[Curve]:
    """Something is circled, not quite round, and the ends pass each other."""
    x, y = chance.uniform(0.2, 0.8), chance.uniform(0.2, 0.8)
    wide, high = chance.uniform(0.08, 0.4), chance.uniform(0.08, 0.4)
    start, wobble = chance.uniform(0, 2 * math.pi), chance.uniform(0.9, 1.1)
    turns = [start + 2.2 * math.pi * k / _STEPS for k in range(_STEPS)]
    return [[(x + wide * math.cos(t), y + high * math.sin(wobble * t)) for t in turns]]


def _wave(chance: random.Random) -> list[Curve]:
    """Crossed out, or underlined, by a wave or zigzag."""
    left, right, y = chance.uniform(0.0, 0.3), chance.uniform(0.6, 1.0), chance.random()
    height, count = chance.uniform(0.0, 0.2), chance.uniform(2.0, 9.0)
    lean = chance.uniform(-0.4, 0.4)
    parts = [k / (_STEPS - 1) for k in range(_STEPS)]
    return [
        [
            (left + (right - left) * p, y + lean * p + height * math.sin(2 * math.pi * count * p))
            for p in parts
        ]
    ]


def _cross(chance: random.Random) -> list[Curve]:
    x, y, side = chance.uniform(0.2, 0.8), chance.uniform(0.2, 0.8), chance.uniform(0.08, 0.45)
    return [[(x - side, y - side), (x + side, y + side)], [(x - side, y + side), (x + side, y - side)]]


def _arrow(chance: random.Random) -> list[Curve]:
    x, y, turn = chance.uniform(0.2, 0.8), chance.uniform(0.2, 0.8), chance.uniform(0, 2 * math.pi)
    far, head = chance.uniform(0.2, 0.5), chance.uniform(0.06, 0.14)
    tail = (x - far * math.cos(turn), y - far * math.sin(turn))
    ends = [(x - head * math.cos(turn + lean), y - head * math.sin(turn + lean)) for lean in (-0.5, 0.5)]
    return [[tail, (x, y)], [ends[0], (x, y), ends[1]]]


_STROKES: tuple[Callable[[random.Random], list[Curve]], ...] = (_walk, _loop, _wave, _cross, _arrow)
