"""A picture in, a photograph or scan of it out: taken from a screen, printed on paper."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from copylens.evaluation.edits.canvas import (
    Colour,
    Floats,
    chance,
    fitted,
    from_numbers,
    gradient,
    grid,
    luminance,
    numbers,
    pasted,
    size_of,
)
from copylens.evaluation.edits.containers import canvas_side
from copylens.evaluation.edits.edit import Edit, Parameter, Picture, Span
from copylens.evaluation.edits.geometry import warped


def photo_of_screen(picture: Picture, rng: np.random.Generator, *, tilt: float, pattern: float) -> Picture:
    """A monitor photographed from one side: its grid beats with the camera's, a lamp reflects in it."""
    side = canvas_side(picture)
    shown = fitted(picture, side, side)
    values = numbers(shown) * np.array((0.93, 0.98, 1.04), np.float32) * 0.94 + 8
    screen = from_numbers(values * _beats(shown.size, rng, pattern))
    bezel = max(2, round(0.03 * side))
    body = Image.new("RGB", (shown.width + 2 * bezel, shown.height + 2 * bezel), (18, 18, 20))
    body.paste(screen, (bezel, bezel))
    room = round(side * (0.06 + 0.5 * tilt))
    size = (body.width + 2 * room, body.height + 2 * room)
    wall, table = _surroundings(rng)
    ground = gradient(*size, wall, table, 90.0)
    result = _laid(ground, body, _seen_from_side(body.size, size, room, tilt, rng))
    result = _reflection(result, rng, 0.25 + tilt)
    grain = rng.standard_normal((result.height, result.width, 1), np.float32) * (2 + 14 * pattern)
    return fitted(from_numbers(numbers(result) + grain), side, side)


def _beats(size: tuple[int, int], rng: np.random.Generator, depth: float) -> Floats:
    """Coloured bands where two grids nearly agree, and the fine lines of the screen itself."""
    rows, columns = grid(size[1], size[0])
    bands = []
    for _ in range(3):
        angle, period = rng.uniform(0, math.pi), rng.uniform(0.03, 0.09) * max(size)
        bend = rng.uniform(0.5, 2.0) * np.sin(rows / max(size) * 6 + columns / max(size) * 4)
        bands.append(
            np.sin(2 * math.pi * (columns * math.cos(angle) + rows * math.sin(angle)) / period + bend)
        )
    lines = 0.5 * np.sin(2 * math.pi * rows / 3.0) + 0.25 * np.sin(2 * math.pi * columns / 3.0)
    common = np.stack([lines + 0.6 * bands[0] + 0.4 * band for band in bands], axis=2)
    return np.asarray(1 + depth * common, np.float32)


def _surroundings(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Wall and table, in a dim room or a bright one."""
    level = int(rng.integers(25, 70)) if chance(rng, 0.6) else int(rng.integers(110, 190))
    return (level, level - 4, level - 12), (level // 2 + 14, level // 2 + 4, level // 2)


def _seen_from_side(
    body: tuple[int, int], size: tuple[int, int], room: int, tilt: float, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Where the corners of the body come to lie: the far side is shorter, and the camera is not level."""
    shorter = tilt * body[1] / 2
    left_far = chance(rng, 0.5)
    near = float(rng.uniform(-0.3, 0.3)) * room
    lift = [shorter if left_far else -near, -near if left_far else shorter]
    corners = [
        (room + (0.25 * shorter if left_far else 0), room + lift[0]),
        (size[0] - room - (0 if left_far else 0.25 * shorter), room + lift[1]),
        (size[0] - room - (0 if left_far else 0.25 * shorter), size[1] - room - lift[1]),
        (room + (0.25 * shorter if left_far else 0), size[1] - room - lift[0]),
    ]
    turn = math.radians(float(rng.uniform(-1, 1)) * 12 * tilt)
    middle = (size[0] / 2, size[1] / 2)
    return [
        (
            middle[0] + (x - middle[0]) * math.cos(turn) - (y - middle[1]) * math.sin(turn),
            middle[1] + (x - middle[0]) * math.sin(turn) + (y - middle[1]) * math.cos(turn),
        )
        for x, y in corners
    ]


def _laid(ground: Picture, body: Picture, corners: list[tuple[float, float]]) -> Picture:
    """The body in perspective on the ground."""
    width, height = body.size
    source: list[tuple[float, float]] = [(0, 0), (width, 0), (width, height), (0, height)]
    seen = warped(body, source, corners, ground.size, (0, 0, 0))
    mask = Image.new("L", ground.size, 0)
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    return Image.composite(seen, ground, mask.filter(ImageFilter.GaussianBlur(0.8)))


def _reflection(picture: Picture, rng: np.random.Generator, light: float) -> Picture:
    rows, columns = grid(picture.height, picture.width)
    x = columns / picture.width - rng.uniform(0.15, 0.85)
    y = rows / picture.height - rng.uniform(0.1, 0.6)
    spot = np.exp(-((x / 0.14) ** 2) - (y / 0.22) ** 2)[..., None] * light
    values = numbers(picture)
    return from_numbers(values + (250 - values) * spot)


def printed(picture: Picture, rng: np.random.Generator, *, fading: float, angle: float) -> Picture:
    """Printed on paper and scanned: a margin, not quite straight, pale, with a crease, specks and paper's grain."""
    side = canvas_side(picture)
    paper = np.array((250, 247, 238), np.float32) - rng.uniform(0, 14, 3).astype(np.float32)
    values = numbers(picture)
    grey = luminance(values)[..., None]
    pale = grey + (values - grey) * (1 - 0.7 * fading)
    pale = pale + (paper * 0.92 - pale) * (0.6 * fading) + (paper - 255) * 0.6
    if chance(rng, 0.3):
        pale = np.repeat(luminance(pale)[..., None], 3, axis=2)
    margin = round(rng.uniform(0.04, 0.12) * side)
    below = margin if chance(rng, 0.6) else 2 * margin
    size = size_of(picture.width + 2 * margin, picture.height + margin + below)
    sheet = Image.new("RGB", size, tuple(int(level) for level in paper))
    sheet = pasted(sheet, from_numbers(pale), margin, margin)
    turned = sheet.rotate(
        angle if chance(rng, 0.5) else -angle, Image.Resampling.BICUBIC, expand=True,
        fillcolor=tuple(int(level) for level in paper - 14),
    )  # fmt: skip
    return fitted(_worn(turned, rng, fading), side * 1.1, side * 1.1)


def _worn(picture: Picture, rng: np.random.Generator, wear: float) -> Picture:
    """Paper's grain, a crease or two, dust, and light that falls unevenly."""
    rows, columns = grid(picture.height, picture.width)
    values = numbers(picture)
    grain = rng.standard_normal((picture.height, picture.width, 1), np.float32)
    light = 1 + 0.12 * wear * (columns / picture.width - 0.5) * float(rng.choice((-1, 1)))
    for _ in range(1 + int(3 * wear)):
        across = chance(rng, 0.5)
        at = rng.uniform(0.2, 0.8) * (picture.height if across else picture.width)
        slope = rng.uniform(-0.05, 0.05)
        distance = (rows - at - slope * columns) if across else (columns - at - slope * rows)
        broad = max(1.2, 0.004 * max(picture.size))
        light = light - 0.35 * wear * np.exp(-((distance / broad) ** 2))
        light = light + 0.25 * wear * np.exp(-(((distance - 2 * broad) / broad) ** 2))
    return from_numbers(values * light[..., None] + grain * (4 + 10 * wear))


CAPTURES: tuple[Edit, ...] = (
    Edit(
        "photo_of_screen", "a screen photographed from one side", "container", photo_of_screen,
        (
            Parameter("tilt", "far side shorter by", Span(0.03, 0.08), Span(0.15, 0.22), Span(0.32, 0.45), "%"),
            Parameter("pattern", "depth of the moiré", Span(0.03, 0.05), Span(0.08, 0.13), Span(0.18, 0.26), "%"),
        ),
        uses="chance",
    ),
    Edit(
        "printed", "printed, kept, and scanned", "container", printed,
        (
            Parameter("fading", "fading and wear", Span(0.1, 0.2), Span(0.35, 0.5), Span(0.7, 0.9), "%"),
            Parameter("angle", "angle", Span(0.3, 1.2), Span(1.5, 3), Span(4, 9), "°"),
        ),
        uses="chance", weight=0.7,
    ),
)  # fmt: skip
