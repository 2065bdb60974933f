"""A picture in, the same picture with writing on or around it out."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from copylens.evaluation.edits.canvas import BLACK, WHITE, chance, faded, ink_on, pasted, size_of, vivid
from copylens.evaluation.edits.edit import Edit, Parameter, Picture, Span
from copylens.evaluation.edits.lettering import block
from copylens.evaluation.edits.words import closer, headline, opener, paragraph, short, site


def meme(picture: Picture, rng: np.random.Generator, *, share: float) -> Picture:
    """Caption and picture: outlined capitals on it, or a bar with text above, below or on both sides of it.

    `share` is the part of the result's height that the writing takes.
    """
    style = int(rng.integers(4))
    if style == 0:
        return _outlined(picture, rng, share)
    bars = [(opener(rng), share)] if style < 3 else [(opener(rng), share * 0.6), (closer(rng), share * 0.4)]
    dark = chance(rng, 0.3)
    paper, ink = (BLACK, WHITE) if dark else (WHITE, BLACK)
    whole = max(picture.height + 2, round(picture.height / (1 - share)))
    heights = [max(1, round(part * whole)) for _, part in bars]
    result = Image.new("RGB", (picture.width, picture.height + sum(heights)), paper)
    below = style == 2
    result.paste(picture, (0, 0 if below else heights[0]))
    for index, ((text, _), height) in enumerate(zip(bars, heights, strict=True)):
        layer = block(
            text, 0.92 * picture.width, 0.8 * height, ink, weight=0.015 if chance(rng, 0.5) else 0.03
        )
        top = 0 if index == 0 and not below else result.height - height
        result = pasted(result, layer, (picture.width - layer.width) / 2, top + (height - layer.height) / 2)
    return result


def _outlined(picture: Picture, rng: np.random.Generator, share: float) -> Picture:
    """White capitals with a black outline at the top and the bottom."""
    result = picture
    height = picture.height * share / 2
    for index, text in enumerate((opener(rng), closer(rng))):
        layer = block(text.upper(), 0.96 * picture.width, height, WHITE, weight=0.04, outline=BLACK)
        gap = 0.015 * picture.height
        top = gap if index == 0 else picture.height - layer.height - gap
        result = pasted(result, layer, (picture.width - layer.width) / 2, top)
    return result


def text(picture: Picture, rng: np.random.Generator, *, coverage: float) -> Picture:
    """Words in large letters over the picture, plain, on a box, or turned; `coverage` is the box they fill."""
    long = coverage > 0.25 or chance(rng, 0.3)
    words = paragraph(rng, 3) if coverage > 0.4 else opener(rng) if long else short(rng)
    if chance(rng, 0.3):
        words = words.upper()
    area = coverage * picture.width * picture.height
    width = min(0.96 * picture.width, math.sqrt(area * rng.uniform(1.8, 4.0)))
    height = min(0.96 * picture.height, area / width)
    colour = vivid(rng)
    style = int(rng.integers(3))
    outline = None if style == 1 else ink_on(colour)
    layer = block(words, width, height, colour, weight=0.03, outline=outline)
    if style == 1:
        layer = _boxed(layer, size_of(width, height), ink_on(colour))
    if style == 2:
        layer = layer.rotate(float(rng.uniform(-25, 25)), Image.Resampling.BICUBIC, expand=True)
    left = rng.uniform(0, max(0, picture.width - layer.width))
    top = rng.uniform(0, max(0, picture.height - layer.height))
    return pasted(picture, layer, float(left), float(top))


def _boxed(layer: Image.Image, size: tuple[int, int], colour: tuple[int, int, int]) -> Image.Image:
    box = Image.new("RGBA", (max(size[0], layer.width), max(size[1], layer.height)), (*colour, 225))
    box.alpha_composite(layer, ((box.width - layer.width) // 2, (box.height - layer.height) // 2))
    return box


def banner(picture: Picture, rng: np.random.Generator, *, height: float) -> Picture:
    """A bar across the lower part with a headline, as on television or a news site."""
    tall = max(2, round(height * picture.height))
    strip = round(0.36 * tall)
    top_colour = vivid(rng)
    paper, ink = ((245, 245, 245), BLACK) if chance(rng, 0.6) else ((25, 28, 40), WHITE)
    bar = Image.new("RGBA", (picture.width, tall), (*paper, 255))
    bar.paste((*top_colour, 255), (0, 0, picture.width, strip))
    label = "BREAKING NEWS" if chance(rng, 0.5) else site(rng).upper()
    gap = min(round(0.03 * picture.width), picture.width - 1)
    room = 0.92 * picture.width
    upper = block(label, room, 0.7 * strip, ink_on(top_colour), weight=0.03)
    bar.alpha_composite(upper, (gap, max(0, (strip - upper.height) // 2)))
    lower = block(headline(rng), room, 0.8 * (tall - strip), ink, weight=0.015)
    bar.alpha_composite(lower, (gap, max(0, strip + (tall - strip - lower.height) // 2)))
    top = picture.height - tall - round(rng.uniform(0, 0.06) * picture.height)
    return pasted(picture, faded(bar, float(rng.uniform(0.9, 1.0))), 0, max(0, top))


CAPTIONS: tuple[Edit, ...] = (
    Edit(
        "meme", "a meme's captions", "overlay", meme,
        (Parameter("share", "height of the writing", Span(0.12, 0.18), Span(0.24, 0.34), Span(0.45, 0.6), "%"),),
        uses="chance", weight=2.0,
    ),
    Edit(
        "text", "large words over it", "overlay", text,
        (Parameter("coverage", "area of the text's box", Span(0.04, 0.08), Span(0.15, 0.25), Span(0.42, 0.6), "%"),),
        uses="chance", weight=1.5,
    ),
    Edit(
        "banner", "a headline across the lower part", "overlay", banner,
        (Parameter("height", "height of the bar", Span(0.1, 0.15), Span(0.2, 0.28), Span(0.38, 0.48), "%"),),
        uses="chance", weight=0.6,
    ),
)  # fmt: skip
