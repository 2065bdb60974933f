"""A picture in, a larger picture that holds it out: on other photographs, in collages, between bars, in frames."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from copylens.evaluation.edits.canvas import (
    BLACK,
    SMALLEST_CANVAS,
    WHITE,
    Colour,
    backdrop,
    chance,
    covering,
    fitted,
    ink_on,
    pasted,
    resized,
    rounded,
    shadowed,
    size_of,
    vivid,
)
from copylens.evaluation.edits.edit import Edit, Others, Parameter, Picture, Span, Whole

_MOST = 0.97
"""A picture laid on another takes at most this share of either side."""


def canvas_side(picture: Picture, factor: float = 1.0) -> int:
    """The longest side of a canvas that shall be about as large as the picture, but never tiny."""
    return max(SMALLEST_CANVAS, round(factor * max(picture.size)))


def picture_in_picture(
    picture: Picture, rng: np.random.Generator, others: Others, *, share: float
) -> Picture:
    """The picture, small, on another photograph, at times with a frame, a shadow or round corners."""
    aspect = picture.width / picture.height
    # A canvas of about the picture's aspect, within reason, so that the share can be met.
    canvas_aspect = float(np.clip(aspect * math.exp(rng.uniform(-0.2, 0.2)), 0.45, 2.2))
    side = canvas_side(picture)
    size = size_of(side * min(1.0, canvas_aspect), side * min(1.0, 1 / canvas_aspect))
    ground = covering(others(rng), *size)
    width = math.sqrt(share * size[0] * size[1] * aspect)
    factor = min(width, _MOST * size[0], _MOST * size[1] * aspect) / picture.width
    small: Image.Image = resized(picture, picture.width * factor, picture.height * factor)
    left = int(rng.integers(max(1, size[0] - small.width + 1)))
    top = int(rng.integers(max(1, size[1] - small.height + 1)))
    style = int(rng.integers(5))
    if style == 0:
        edge = max(1, round(0.025 * min(small.size)))
        frame = Image.new("RGB", (small.width + 2 * edge, small.height + 2 * edge), WHITE)
        ground = pasted(ground, frame, left - edge, top - edge)
    elif style == 1:
        box = (left, top, left + small.width, top + small.height)
        ground = shadowed(ground, box, max(2.0, 0.02 * min(size)), 0.7)
    elif style == 2:
        small = rounded(small, 0.1 * min(small.size))
    return pasted(ground, small, left, top)


def collage(picture: Picture, rng: np.random.Generator, others: Others, *, pictures: int) -> Picture:
    """The picture as one of several in rows, as collage apps arrange them; its cell has about its aspect ratio."""
    rows = _rows(pictures, rng)
    own = int(rng.integers(pictures))
    own_row = next(row for row in range(len(rows)) if own < sum(rows[: row + 1]))
    cell_aspect = picture.width / picture.height * math.exp(rng.uniform(-0.15, 0.15))
    # Width over height of the whole, so that the picture's cell gets its aspect ratio.
    aspect = float(np.clip(cell_aspect * rows[own_row] / len(rows), 1 / 3, 3))
    side = canvas_side(picture, 1.2)
    size = size_of(side * min(1.0, aspect), side * min(1.0, 1 / aspect))
    gap = round(rng.uniform(0.0, 0.018) * side)
    result = Image.new("RGB", size, WHITE if chance(rng, 0.7) else BLACK)
    number = 0
    for row, cells in enumerate(rows):
        top, bottom = (_cut(size[1], edge, len(rows), gap) for edge in (row, row + 1))
        for cell in range(cells):
            left, right = (_cut(size[0], edge, cells, gap) for edge in (cell, cell + 1))
            shown = picture if number == own else others(rng)
            result.paste(covering(shown, right - left - gap, bottom - top - gap), (left, top))
            number += 1
    return result


def _rows(pictures: int, rng: np.random.Generator) -> list[int]:
    """How many pictures each row has: at most three, spread evenly, in any order."""
    options = [
        count
        for count in range(1, pictures + 1)
        if pictures / count <= 3 and count <= math.ceil(math.sqrt(pictures))
    ]
    rows = options[int(rng.integers(len(options)))]
    spread = [pictures // rows + (row < pictures % rows) for row in range(rows)]
    return [spread[int(index)] for index in rng.permutation(rows)]


def _cut(length: int, edge: int, parts: int, gap: int) -> int:
    """Where a cell begins, when `parts` cells with gaps around them share a length."""
    return gap + round((length - gap) * edge / parts)


def letterbox(picture: Picture, rng: np.random.Generator, *, share: float) -> Picture:
    """Bars around the picture, black, white or a blurred enlargement of it, as stories and players add them."""
    along = share ** float(rng.uniform(0.05, 0.3))
    across = share / along
    if picture.width >= picture.height:
        size = size_of(picture.width / along, picture.height / across)
    else:
        size = size_of(picture.width / across, picture.height / along)
    style = int(rng.integers(4))
    ground = backdrop(picture, *size) if style < 2 else Image.new("RGB", size, BLACK if style == 2 else WHITE)
    middle = 0.5 if chance(rng, 0.8) else float(rng.uniform(0.2, 0.8))
    left, top = (size[0] - picture.width) * middle, (size[1] - picture.height) * middle
    result = pasted(ground, picture, left, top)
    limit = canvas_side(picture, 1.5)
    return fitted(result, limit, limit) if max(size) > limit else result


def border(picture: Picture, rng: np.random.Generator, *, width: float) -> Picture:
    """A frame around the picture: plain, double, an instant print's, or with round corners."""
    edge = max(1, round(width * min(picture.size)))
    colour: Colour = (WHITE, BLACK, vivid(rng), (245, 240, 228))[int(rng.integers(4))]
    style = int(rng.integers(4))
    below = round(2.6 * edge) if style == 2 else edge
    framed_size = (picture.width + 2 * edge, picture.height + edge + below)
    result = Image.new("RGB", framed_size, colour)
    shown: Image.Image = rounded(picture, 0.06 * min(picture.size)) if style == 3 else picture
    result = pasted(result, shown, edge, edge)
    if style == 1:
        line = max(1, edge // 6)
        inset = max(0, edge - 2 * line)
        box = (inset, inset, framed_size[0] - inset - 1, framed_size[1] - inset - 1)
        ImageDraw.Draw(result).rectangle(box, outline=ink_on(colour), width=line)
    return result


CONTAINERS: tuple[Edit, ...] = (
    Edit(
        "picture_in_picture", "small on another photograph", "container", picture_in_picture,
        (Parameter("share", "share of the area, at most", Span(0.5, 0.65), Span(0.22, 0.34), Span(0.08, 0.13), "%"),),
        uses="others",
    ),
    Edit(
        "collage", "one of several photographs", "container", collage,
        (Parameter("pictures", "pictures", Whole(2, 2), Whole(3, 4), Whole(6, 9)),),
        uses="others", weight=1.2,
    ),
    Edit(
        "letterbox", "bars around it", "container", letterbox,
        (Parameter("share", "share of the area", Span(0.65, 0.8), Span(0.38, 0.5), Span(0.18, 0.26), "%"),),
        uses="chance", weight=1.2,
    ),
    Edit(
        "border", "a frame around it", "container", border,
        (Parameter("width", "width of the short side", Span(0.03, 0.05), Span(0.08, 0.12), Span(0.18, 0.28), "%"),),
        uses="chance",
    ),
)  # fmt: skip
