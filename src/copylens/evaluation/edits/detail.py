"""A picture in, the same picture with less or other detail out: blurred, grainy, coarse, small."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from copylens.evaluation.edits.canvas import (
    Floats,
    from_numbers,
    grid,
    luminance,
    numbers,
    resized,
    size_of,
)
from copylens.evaluation.edits.edit import Edit, Parameter, Picture, Span, Whole


def blur(picture: Picture, *, radius: float) -> Picture:
    """Gaussian blur; the radius is a share of the short side."""
    return picture.filter(ImageFilter.GaussianBlur(max(0.6, radius * min(picture.size))))


def motion_blur(picture: Picture, rng: np.random.Generator, *, length: float) -> Picture:
    """Blur along a line in any direction, as a moving camera does."""
    pixels = max(3.0, length * min(picture.size))
    angle = rng.uniform(0, math.pi)
    steps = min(32, max(3, round(pixels)))
    offsets = np.linspace(-pixels / 2, pixels / 2, steps)
    values = numbers(picture)
    # Shifts beyond the picture repeat its edge, so that nothing dark comes in.
    reach = math.ceil(pixels / 2) + 1
    padded = np.pad(values, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    total = np.zeros_like(values)
    for offset in offsets:
        row = reach + round(offset * math.sin(angle))
        column = reach + round(offset * math.cos(angle))
        total += padded[row : row + picture.height, column : column + picture.width]
    return from_numbers(total / steps)


def sharpen(picture: Picture, *, radius: float, amount: float) -> Picture:
    """Sharpened too much, with halos along the edges."""
    return picture.filter(
        ImageFilter.UnsharpMask(max(1.0, radius * min(picture.size)), round(100 * amount), 0)
    )


def noise(picture: Picture, rng: np.random.Generator, *, deviation: float) -> Picture:
    """Grain as of a camera in the dark: partly the same in all colours, partly not."""
    shape = (picture.height, picture.width)
    common = rng.standard_normal((*shape, 1), np.float32)
    coloured = rng.standard_normal((*shape, 3), np.float32)
    return from_numbers(numbers(picture) + deviation * 255 * (0.7 * common + 0.714 * coloured))


def salt_and_pepper(picture: Picture, rng: np.random.Generator, *, share: float) -> Picture:
    """Single pixels turned white or black."""
    chances = rng.random((picture.height, picture.width), np.float32)
    values = numbers(picture)
    values[chances < share / 2] = 0
    values[chances > 1 - share / 2] = 255
    return from_numbers(values)


def pixelate(picture: Picture, *, blocks: int) -> Picture:
    """Large square pixels; so many fit into the short side."""
    block = max(2.0, min(picture.size) / blocks)
    small = resized(picture, picture.width / block, picture.height / block, Image.Resampling.BOX)
    return small.resize(picture.size, Image.Resampling.NEAREST)


def downscale(picture: Picture, *, factor: float) -> Picture:
    """Made small and enlarged again."""
    small = resized(picture, picture.width * factor, picture.height * factor, Image.Resampling.BOX)
    return small.resize(picture.size, Image.Resampling.BICUBIC)


def sketch(picture: Picture, *, amount: float) -> Picture:
    """As drawn with a pencil."""
    grey = ImageOps.grayscale(picture)
    soft = ImageOps.invert(grey).filter(ImageFilter.GaussianBlur(max(1.5, min(picture.size) / 60)))
    shades = np.asarray(grey, np.float32)
    lines = np.minimum(255, shades * 255 / np.maximum(255 - np.asarray(soft, np.float32), 1))
    drawn = np.repeat((255 * (lines / 255) ** 3)[..., None], 3, axis=2)
    values = numbers(picture)
    return from_numbers(values + (drawn - values) * amount)


def halftone(picture: Picture, rng: np.random.Generator, *, cell: float) -> Picture:
    """Printed dots, black or in three inks; `cell` is their distance as a share of the short side."""
    distance = max(3.0, cell * min(picture.size))
    fine = picture.resize(size_of(picture.width * 2, picture.height * 2), Image.Resampling.BICUBIC)
    values = numbers(fine)
    if rng.random() < 0.4:
        dots = _screen(luminance(values), distance * 2, 45.0)
        inked = np.repeat(dots[..., None], 3, axis=2)
    else:
        inked = np.stack(
            [_screen(values[..., c], distance * 2, a) for c, a in enumerate((15.0, 75.0, 40.0))], axis=2
        )
    return from_numbers(inked).resize(picture.size, Image.Resampling.BOX)


def _screen(shades: Floats, distance: float, angle: float) -> Floats:
    """White where the shade exceeds a wave pattern: dots that grow as the shade darkens."""
    rows, columns = grid(*shades.shape)
    turn = math.radians(angle)
    u = (columns * math.cos(turn) + rows * math.sin(turn)) * (2 * math.pi / distance)
    v = (rows * math.cos(turn) - columns * math.sin(turn)) * (2 * math.pi / distance)
    level = 127.5 + 63.75 * (np.cos(u) + np.cos(v))
    return np.where(shades > level, np.float32(255), np.float32(0))


def rescan(picture: Picture, rng: np.random.Generator, *, lines: float, bend: float) -> Picture:
    """Scanned from print or screen: beating line patterns and a slight warp."""
    warp = _bent(picture, rng, bend)
    rows, columns = grid(picture.height, picture.width)
    total = np.zeros((picture.height, picture.width), np.float32)
    for _ in range(2):
        angle, period = rng.uniform(0, math.pi), rng.uniform(2.2, 3.4)
        wave = columns * math.cos(angle) + rows * math.sin(angle)
        swell = rng.uniform(0.6, 1.4) * np.sin(rows / rng.uniform(40, 90) + columns / rng.uniform(40, 90))
        total += np.sin(2 * math.pi * wave / period + 3 * swell)
        total += 0.8 * np.sin(2 * math.pi * wave / rng.uniform(14, 30) + 2 * swell)
    tint = 1 + lines * 0.5 * total[..., None] * rng.uniform(0.75, 1.25, 3).astype(np.float32)
    return from_numbers(numbers(warp) * tint)


def _bent(picture: Picture, rng: np.random.Generator, bend: float) -> Picture:
    """Waves of a few pixels, as paper that does not lie flat; `bend` is a share of the short side."""
    height, width = picture.height, picture.width
    rows, columns = grid(height, width)
    amplitude = bend * min(height, width)
    phase = rng.uniform(0, 2 * math.pi, 2)
    down = rows + amplitude * np.sin(2 * math.pi * columns / width * rng.uniform(0.7, 1.6) + phase[0])
    across = columns + amplitude * np.sin(2 * math.pi * rows / height * rng.uniform(0.7, 1.6) + phase[1])
    return from_numbers(_sampled(numbers(picture), down, across))


def _sampled(values: Floats, rows: Floats, columns: Floats) -> Floats:
    """Pixels at fractional places, bilinear; beyond the edge the edge repeats."""
    height, width = values.shape[:2]
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    below, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    y, x = (rows - top)[..., None], (columns - left)[..., None]
    upper = values[top, left] * (1 - x) + values[top, right] * x
    lower = values[below, left] * (1 - x) + values[below, right] * x
    return np.asarray(upper * (1 - y) + lower * y, np.float32)


def posterise(picture: Picture, *, levels: int) -> Picture:
    """Few levels of each colour, spread over what the picture uses."""
    values = numbers(picture)
    low, high = (float(limit) for limit in np.percentile(luminance(values), (2, 98)))
    step = max(1.0, (high - low) / (levels - 1))
    return from_numbers(low + np.rint(np.clip((values - low) / step, 0, levels - 1)) * step)


DETAIL: tuple[Edit, ...] = (
    Edit(
        "blur", "out of focus", "detail", blur,
        (Parameter("radius", "radius", Span(0.004, 0.007), Span(0.012, 0.018), Span(0.03, 0.05), "%"),),
        weight=1.2,
    ),
    Edit(
        "motion_blur", "camera moved", "detail", motion_blur,
        (Parameter("length", "length", Span(0.02, 0.035), Span(0.06, 0.09), Span(0.14, 0.2), "%"),),
        uses="chance", weight=0.5,
    ),
    Edit(
        "sharpen", "sharpened too much", "detail", sharpen,
        (
            Parameter("radius", "radius", Span(0.004, 0.006), Span(0.006, 0.01), Span(0.01, 0.02), "%"),
            Parameter("amount", "amount", Span(1.2, 1.8), Span(3, 4), Span(6, 9), "x"),
        ),
        weight=1.2,
    ),
    Edit(
        "noise", "grain", "detail", noise,
        (Parameter("deviation", "deviation", Span(0.03, 0.05), Span(0.1, 0.14), Span(0.24, 0.34), "%"),),
        uses="chance",
    ),
    Edit(
        "salt_and_pepper", "white and black pixels", "detail", salt_and_pepper,
        (Parameter("share", "share of the pixels", Span(0.01, 0.02), Span(0.05, 0.08), Span(0.16, 0.25), "%"),),
        uses="chance", weight=0.3,
    ),
    Edit(
        "pixelate", "large square pixels", "detail", pixelate,
        (Parameter("blocks", "blocks in the short side", Whole(72, 96), Whole(36, 48), Whole(15, 22)),),
        weight=0.6,
    ),
    Edit(
        "downscale", "made small and enlarged", "detail", downscale,
        (Parameter("factor", "size in between", Span(0.3, 0.4), Span(0.12, 0.18), Span(0.05, 0.08), "%"),),
    ),
    Edit(
        "sketch", "as drawn with a pencil", "detail", sketch,
        (Parameter("amount", "amount", Span(0.35, 0.5), Span(0.65, 0.8), Span(0.97, 1.0), "%"),),
        weight=0.3,
    ),
    Edit(
        "halftone", "printed dots", "detail", halftone,
        (Parameter("cell", "distance of the dots", Span(0.008, 0.011), Span(0.016, 0.022), Span(0.034, 0.045), "%"),),
        uses="chance", weight=0.3,
    ),
    Edit(
        "rescan", "line patterns and a slight warp", "detail", rescan,
        (
            Parameter("lines", "depth of the lines", Span(0.05, 0.08), Span(0.12, 0.18), Span(0.26, 0.36), "%"),
            Parameter("bend", "bend", Span(0.002, 0.004), Span(0.006, 0.01), Span(0.014, 0.022), "%"),
        ),
        uses="chance", weight=0.5,
    ),
    Edit(
        "posterise", "few levels of each colour", "detail", posterise,
        (Parameter("levels", "levels", Whole(7, 9), Whole(4, 5), Whole(2, 3)),),
        weight=0.3,
    ),
)  # fmt: skip
