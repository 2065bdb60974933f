"""A picture in, the same picture with something on it out: other pictures, stickers, stripes, marks, drawings."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from copylens.evaluation.edits.canvas import (
    BLACK,
    FINE,
    WHITE,
    Colour,
    chance,
    covering,
    faded,
    fine_layer,
    fitted,
    from_numbers,
    ink_on,
    numbers,
    pasted,
    resized,
    rounded,
    settled,
    size_of,
    vivid,
)
from copylens.evaluation.edits.edit import Edit, OneOf, Others, Parameter, Picture, Span, Whole
from copylens.evaluation.edits.lettering import written
from copylens.evaluation.edits.shapes import SHAPES, Point, scribble, sticker
from copylens.evaluation.edits.words import handle, site

_Box: TypeAlias = tuple[int, int, int, int]


def stickers(picture: Picture, rng: np.random.Generator, *, count: int, coverage: float) -> Picture:
    """Stickers, of which each may be turned; their squares cover a share of the picture, less where they overlap."""
    sizes = rng.uniform(0.7, 1.3, count)
    sizes *= math.sqrt(coverage * picture.width * picture.height / float((sizes**2).sum()))
    names = list(SHAPES)
    result = picture
    taken: list[_Box] = []
    for size in sizes:
        side = max(2, round(min(float(size), 0.95 * min(picture.size))))
        layer = sticker(names[int(rng.integers(len(names)))], side, rng)
        if chance(rng, 0.6):
            layer = layer.rotate(float(rng.uniform(-30, 30)), Image.Resampling.BICUBIC)
        box = _free_place(picture.size, (side, side), taken, rng)
        taken.append(box)
        result = pasted(result, layer, box[0], box[1])
    return result


def _free_place(
    canvas: tuple[int, int], size: tuple[int, int], taken: list[_Box], rng: np.random.Generator
) -> _Box:
    """A place inside the canvas that overlaps what is there as little as a dozen tries find."""
    best: tuple[int, _Box] | None = None
    for _ in range(12):
        left = int(rng.integers(max(1, canvas[0] - size[0] + 1)))
        top = int(rng.integers(max(1, canvas[1] - size[1] + 1)))
        box = (left, top, left + size[0], top + size[1])
        overlap = sum(_common(box, other) for other in taken)
        if best is None or overlap < best[0]:
            best = overlap, box
        if overlap == 0:
            break
    assert best is not None
    return best[1]


def _common(first: _Box, second: _Box) -> int:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(0, width) * max(0, height)


def stripes(picture: Picture, rng: np.random.Generator, *, coverage: float) -> Picture:
    """Bars of one colour across the picture, level, upright or slanted."""
    count = int(rng.integers(3, 9))
    angle = (0.0, 90.0, float(rng.uniform(20, 70)), float(rng.uniform(110, 160)))[int(rng.integers(4))]
    turn = math.radians(angle)
    rows, columns = np.mgrid[0 : picture.height, 0 : picture.width].astype(np.float32)
    along = columns * math.sin(turn) + rows * math.cos(turn)
    along -= along.min()
    phase = (along + 0.5) / (along.max() + 1) * count
    # Centred in its period, so that the covered share is met whatever the count.
    stripe = np.abs(phase % 1 - 0.5) <= coverage / 2
    values = numbers(picture).copy()
    values[stripe] = vivid(rng)
    return from_numbers(values)


def watermark(picture: Picture, rng: np.random.Generator, *, style: str, opacity: float) -> Picture:
    """An agency's name in a corner, across the middle, or all over."""
    text = site(rng) if chance(rng, 0.5) else f"© {handle(rng)}"
    colour = WHITE if chance(rng, 0.75) else BLACK
    width, height = picture.size
    if style == "corner":
        layer = faded(_mark(text, 0.3 * width, 0.07 * height, colour), opacity)
        gap = 0.025 * min(picture.size)
        left = gap if chance(rng, 0.3) else width - layer.width - gap
        top = gap if chance(rng, 0.2) else height - layer.height - gap
        return pasted(picture, layer, left, top)
    angle = float(rng.uniform(15, 40))
    if style == "centre":
        layer = _mark(text, 0.8 * math.hypot(width, height), 0.16 * height, colour)
        layer = faded(layer.rotate(angle, Image.Resampling.BICUBIC, expand=True), opacity)
        return pasted(picture, layer, (width - layer.width) / 2, (height - layer.height) / 2)
    return _tiled(picture, _mark(text, 0.34 * width, 0.075 * max(picture.size), colour), angle, opacity)


def _mark(text: str, width: float, height: float, colour: Colour) -> Image.Image:
    layer = written(text, max(4.0, height), colour, weight=0.03)
    factor = min(1.0, width / layer.width)
    return resized(layer, layer.width * factor, layer.height * factor)


def _tiled(picture: Picture, mark: Image.Image, angle: float, opacity: float) -> Picture:
    """The mark in shifted rows over a sheet that is larger than the picture, turned and laid on it."""
    side = math.ceil(math.hypot(*picture.size)) + 2
    sheet = Image.new("RGBA", (side, side), mark.getpixel((0, 0)))
    step_x, step_y = round(mark.width * 1.25) + 2, round(mark.height * 2.2) + 2
    for row, top in enumerate(range(0, side, step_y)):
        for left in range(-(row % 2) * step_x // 2, side, step_x):
            sheet.paste(mark, (left, top))
    sheet = faded(sheet.rotate(angle, Image.Resampling.BICUBIC), opacity)
    return pasted(picture, sheet, (picture.width - side) / 2, (picture.height - side) / 2)


def image_overlay(picture: Picture, rng: np.random.Generator, others: Others, *, share: float) -> Picture:
    """Another photograph laid on this one, wholly inside it, with a frame or round corners at times."""
    other = others(rng)
    aspect = picture.width / picture.height * math.exp(rng.uniform(-0.4, 0.4))
    width = math.sqrt(share * picture.width * picture.height * aspect)
    width = min(width, 0.98 * picture.width)
    height = min(share * picture.width * picture.height / width, 0.98 * picture.height)
    layer: Image.Image = covering(other, width, height)
    style = int(rng.integers(4))
    if style == 0:
        layer = framed(layer, max(1, round(0.03 * min(layer.size))), WHITE)
    elif style == 1:
        layer = rounded(layer, 0.12 * min(layer.size))
    left = rng.integers(max(1, picture.width - layer.width + 1))
    top = rng.integers(max(1, picture.height - layer.height + 1))
    return pasted(picture, layer, float(left), float(top))


def framed(picture: Picture, width: int, colour: Colour) -> Picture:
    """The picture with its outermost pixels replaced by a frame."""
    if min(picture.size) <= 2 * width:
        return picture
    result = Image.new("RGB", picture.size, colour)
    result.paste(picture.crop((width, width, picture.width - width, picture.height - width)), (width, width))
    return result


def blend(picture: Picture, rng: np.random.Generator, others: Others, *, opacity: float) -> Picture:
    """Another photograph shines through."""
    other = covering(others(rng), *picture.size)
    return Image.blend(picture, other, opacity)


def redact(picture: Picture, rng: np.random.Generator, *, count: int, coverage: float) -> Picture:
    """Parts made unreadable with bars, a strong blur or large pixels."""
    style = int(rng.integers(3))
    colour = BLACK if chance(rng, 0.7) else vivid(rng)
    shares = rng.uniform(0.6, 1.4, count)
    shares *= coverage * picture.width * picture.height / float(shares.sum())
    result = picture.copy()
    taken: list[_Box] = []
    for share in shares:
        aspect = math.exp(rng.uniform(-0.5, 1.2 if style == 0 else 0.5))
        width = min(math.sqrt(float(share) * aspect), 0.95 * picture.width)
        size = size_of(width, min(float(share) / width, 0.95 * picture.height))
        box = _free_place(picture.size, size, taken, rng)
        taken.append(box)
        result.paste(colour if style == 0 else _obscured(picture.crop(box), style, min(picture.size)), box)
    return result


def _obscured(part: Picture, style: int, short_side: int) -> Picture:
    if style == 1:
        return part.filter(ImageFilter.GaussianBlur(max(3.0, short_side / 22)))
    block = max(3.0, short_side / 18)
    small = resized(part, part.width / block, part.height / block, Image.Resampling.BOX)
    return small.resize(part.size, Image.Resampling.NEAREST)


def scribbles(picture: Picture, rng: np.random.Generator, *, lines: int, width: float) -> Picture:
    """Drawn on by hand: loops, waves and crosses in the colours of a phone's pens."""
    pen = max(1.0, width * min(picture.size))
    colours = [vivid(rng) for _ in range(1 if chance(rng, 0.5) else lines)]
    curves = [_curve(picture.size, rng) for _ in range(lines)]
    chosen = [colours[index % len(colours)] for index in range(lines)]
    return pasted(picture, scribble(picture.size, curves, pen, chosen), 0, 0)


def _curve(size: tuple[int, int], rng: np.random.Generator) -> list[Point]:
    """A loop or a wave somewhere on the picture, with an unsteady hand."""
    x, y = rng.uniform(0.2, 0.8, 2) * size
    reach_x, reach_y = rng.uniform(0.12, 0.32, 2) * size
    t = np.linspace(0, 1, 48)
    shake = 1 + 0.05 * np.sin(2 * math.pi * t * rng.uniform(2, 5) + rng.uniform(0, 6))
    if chance(rng, 0.55):
        rounds = rng.uniform(0.95, 2.2)
        across = x + reach_x * np.cos(2 * math.pi * t * rounds) * shake
        down = y + reach_y * np.sin(2 * math.pi * t * rounds) * shake
    else:
        across = x + reach_x * (2 * t - 1)
        down = y + reach_y * np.sin(2 * math.pi * t * rng.uniform(0.5, 4)) * shake * rng.uniform(0.2, 0.8)
    return list(zip(across.tolist(), down.tolist(), strict=True))


def logo(picture: Picture, rng: np.random.Generator, *, share: float) -> Picture:
    """A round badge or a ribbon across a corner, as shops and channels put on pictures."""
    side = max(4, round(math.sqrt(share * picture.width * picture.height)))
    layer = fine_layer(side, side)
    pen, large, colour = ImageDraw.Draw(layer), side * FINE, vivid(rng)
    ink = ink_on(colour)
    label = ("SALE", "NEW", "LIVE", "HD", "BEST", "TOP 10", "-30 %", "FREE")[int(rng.integers(8))]
    right = chance(rng, 0.6)
    if chance(rng, 0.5):
        pen.ellipse((0, 0, large - 1, large - 1), colour, ink, max(1, large // 24))
        badge = settled(layer)
        text = fitted(written(label, side / 4, ink, weight=0.04), 0.72 * side, 0.5 * side)
        badge.alpha_composite(text, ((side - text.width) // 2, (side - text.height) // 2))
        gap = 0.03 * min(picture.size)
        left = picture.width - side - gap if right else gap
        return pasted(picture, badge, left, gap if chance(rng, 0.7) else picture.height - side - gap)
    pen.polygon([(0, 0.45 * large), (0.45 * large, 0), (0.95 * large, 0), (0, 0.95 * large)], colour)
    badge = settled(layer)
    text = fitted(written(label, side / 5, ink, weight=0.04), 0.5 * side, 0.24 * side)
    text = text.rotate(45, Image.Resampling.BICUBIC, expand=True)
    badge.alpha_composite(text, _ribbon_place(side, text.size))
    if right:
        badge = badge.rotate(-90)
    return pasted(picture, badge, picture.width - side if right else 0, 0)


def _ribbon_place(side: int, size: tuple[int, int]) -> tuple[int, int]:
    return max(0, round(0.35 * side - size[0] / 2)), max(0, round(0.35 * side - size[1] / 2))


OVERLAYS: tuple[Edit, ...] = (
    Edit(
        "stickers", "emoji and other stickers", "overlay", stickers,
        (
            Parameter("count", "stickers", Whole(1, 2), Whole(3, 5), Whole(6, 12)),
            Parameter("coverage", "area covered", Span(0.03, 0.06), Span(0.12, 0.2), Span(0.32, 0.5), "%"),
        ),
        uses="chance", weight=1.4,
    ),
    Edit(
        "stripes", "bars of one colour", "overlay", stripes,
        (Parameter("coverage", "area covered", Span(0.08, 0.14), Span(0.25, 0.35), Span(0.5, 0.6), "%"),),
        uses="chance", weight=0.3,
    ),
    Edit(
        "watermark", "an agency's name on it", "overlay", watermark,
        (
            Parameter("style", "where", OneOf(("corner",)), OneOf(("centre", "tiled")), OneOf(("tiled",))),
            Parameter("opacity", "opacity", Span(0.25, 0.38), Span(0.4, 0.55), Span(0.7, 0.9), "%"),
        ),
        uses="chance", weight=1.2,
    ),
    Edit(
        "image_overlay", "another photograph on it", "overlay", image_overlay,
        (Parameter("share", "area covered", Span(0.08, 0.14), Span(0.22, 0.32), Span(0.42, 0.55), "%"),),
        uses="others", weight=0.8,
    ),
    Edit(
        "blend", "another photograph shines through", "overlay", blend,
        (Parameter("opacity", "opacity of the other", Span(0.15, 0.22), Span(0.32, 0.4), Span(0.5, 0.58), "%"),),
        uses="others", weight=0.4,
    ),
    Edit(
        "redact", "parts made unreadable", "overlay", redact,
        (
            Parameter("count", "parts", Whole(1, 2), Whole(2, 4), Whole(3, 7)),
            Parameter("coverage", "area covered", Span(0.04, 0.08), Span(0.15, 0.25), Span(0.36, 0.5), "%"),
        ),
        uses="chance", weight=0.8,
    ),
    Edit(
        "scribbles", "drawn on by hand", "overlay", scribbles,
        (
            Parameter("lines", "lines", Whole(1, 2), Whole(3, 5), Whole(8, 14)),
            Parameter("width", "width of the pen", Span(0.008, 0.012), Span(0.014, 0.022), Span(0.03, 0.045), "%"),
        ),
        uses="chance", weight=0.6,
    ),
    Edit(
        "logo", "a badge or ribbon in a corner", "overlay", logo,
        (Parameter("share", "area covered, at most", Span(0.02, 0.035), Span(0.06, 0.1), Span(0.16, 0.25), "%"),),
        uses="chance", weight=0.6,
    ),
)  # fmt: skip
