"""Words in, transparent layers with writing out; the font is the one that comes with Pillow, so none is needed."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from copylens.errors import UsageError
from copylens.evaluation.edits.canvas import Colour, resized

SMALLEST = 7
"""Font size, in pixels, below which letters are drawn at this size and then reduced."""


@lru_cache(maxsize=128)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font at a size in pixels."""
    loaded = ImageFont.load_default(size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise UsageError("Writing on pictures needs a Pillow with FreeType; install Pillow from its wheels.")
    return loaded


def written(
    text: str, size: float, colour: Colour, *, weight: float = 0.0, outline: Colour | None = None
) -> Image.Image:
    """Writing on a transparent layer that is just as large as it needs.

    Args:
        text: may have several lines; they are centred.
        size: of the font in pixels.
        colour: of the letters.
        weight: thickens the strokes by a share of the size; about 0.03 looks bold.
        outline: a colour around the letters, thick enough for captions.
    """
    pixels = max(SMALLEST, round(size))
    bold = weight * pixels
    edge = max(1.0, pixels / 11) if outline is not None else 0.0
    face = font(pixels)
    pen = ImageDraw.Draw(Image.new("L", (1, 1)))
    spacing = pixels * (0.18 if outline is None else 0.3)
    box = pen.multiline_textbbox(
        (0, 0), text, face, spacing=spacing, align="center", stroke_width=bold + edge
    )
    width, height = max(1, int(box[2] - box[0] + 2)), max(1, int(box[3] - box[1] + 2))
    # The colour is everywhere and only the alpha varies, so that edges do not darken when the layer is scaled.
    layer = Image.new("RGBA", (width, height), (*(outline or colour), 0))
    place = (1 - box[0], 1 - box[1])
    pen = ImageDraw.Draw(layer)
    if outline is not None:
        pen.multiline_text(
            place, text, outline, face, spacing=spacing, align="center", stroke_width=bold + edge
        )
    pen.multiline_text(place, text, colour, face, spacing=spacing, align="center", stroke_width=bold)
    if pixels > size:
        return shrunk(layer, size / pixels)
    return layer


def shrunk(layer: Image.Image, factor: float) -> Image.Image:
    """A layer scaled, at least 1 x 1."""
    return resized(layer, layer.width * factor, layer.height * factor, Image.Resampling.BOX)


def wrapped(text: str, size: float, width: float) -> str:
    """Break a text into lines of at most `width` pixels; a word is never broken."""
    pixels = max(SMALLEST, round(size))
    room = width * pixels / max(size, 0.1) if pixels > size else width
    face = font(pixels)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and face.getlength(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def block(
    text: str,
    width: float,
    height: float,
    colour: Colour,
    *,
    weight: float = 0.0,
    outline: Colour | None = None,
) -> Image.Image:
    """Writing that fills a box as well as it can: the largest size whose lines fit into it.

    Returns:
        A layer no larger than the box (but at least 1 x 1).
    """
    low, high = 1, max(1, round(height))
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(text, middle, width, height, weight, outline is not None):
            low = middle
        else:
            high = middle - 1
    layer = written(wrapped(text, low, width), low, colour, weight=weight, outline=outline)
    factor = min(1.0, width / layer.width, height / layer.height)
    return shrunk(layer, factor) if factor < 1 else layer


def _fits(text: str, size: int, width: float, height: float, weight: float, outlined: bool) -> bool:
    lines = wrapped(text, size, width).split("\n")
    pixels = max(SMALLEST, size)
    stroke = weight * pixels + (max(1.0, pixels / 11) if outlined else 0.0)
    longest = (max(font(pixels).getlength(line) for line in lines) + 2 * stroke) * size / pixels
    return longest <= width and (len(lines) * (1.35 if outlined else 1.2) * size + 2 * stroke) <= height
