"""Pictures in, resized, framed and pasted pictures out: what several edits need, with sizes that never reach 0."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from copylens.evaluation.edits.edit import Picture

Colour: TypeAlias = tuple[int, int, int]
Floats: TypeAlias = npt.NDArray[np.float32]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

VIVID: tuple[Colour, ...] = (
    (229, 40, 48), (255, 126, 20), (255, 205, 30), (60, 170, 70), (20, 150, 160), (30, 110, 220),
    (95, 60, 190), (225, 60, 150), (20, 20, 24), (250, 250, 250),
)  # fmt: skip
"""What people pick from a palette when they draw or write on a picture."""

SMALLEST_CANVAS = 96
"""Longest side, in pixels, below which a drawn surrounding could not be told from noise."""

FINE = 4
"""Shapes are drawn this many times larger and then reduced: that makes their edges smooth."""


def size_of(width: float, height: float) -> tuple[int, int]:
    """Round a size to whole pixels, at least 1 x 1."""
    return max(1, round(width)), max(1, round(height))


def resized(
    picture: Picture, width: float, height: float, method: Image.Resampling = Image.Resampling.BICUBIC
) -> Picture:
    """Scale to a size, ignoring the aspect ratio; antialiased."""
    return picture.resize(size_of(width, height), method)


def scaled(picture: Picture, factor: float) -> Picture:
    """Scale both sides by a factor."""
    return resized(picture, picture.width * factor, picture.height * factor)


def fitted(picture: Picture, width: float, height: float) -> Picture:
    """Scale to the largest size within a box, keeping the aspect ratio."""
    return scaled(picture, min(width / picture.width, height / picture.height))


def covering(picture: Picture, width: float, height: float) -> Picture:
    """Scale to fill a box, keeping the aspect ratio; what sticks out is cut evenly and never computed."""
    target = size_of(width, height)
    part_width = min(picture.width, picture.height * target[0] / target[1])
    part_height = min(picture.height, picture.width * target[1] / target[0])
    left, top = (picture.width - part_width) / 2, (picture.height - part_height) / 2
    box = (left, top, left + part_width, top + part_height)
    return picture.resize(target, Image.Resampling.BICUBIC, box=box)


def bounded(picture: Picture, side: int) -> Picture:
    """Scale down so that the longest side is at most `side`; smaller pictures stay as they are."""
    longest = max(picture.size)
    if longest <= side:
        return picture
    factor = side / longest
    return resized(picture, picture.width * factor, picture.height * factor, Image.Resampling.LANCZOS)


def numbers(picture: Picture) -> Floats:
    """Pixels as ``(H, W, 3) float32``, 0..255."""
    return np.asarray(picture, dtype=np.float32)


def from_numbers(values: npt.NDArray[np.floating]) -> Picture:
    """A picture from ``(H, W, 3)`` numbers; rounded, and clipped to 0..255."""
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def luminance(values: Floats) -> Floats:
    """Brightness as the eye weighs it, ``(H, W) float32``."""
    return values @ np.array((0.299, 0.587, 0.114), np.float32)


def ink_on(colour: Colour) -> Colour:
    """Black or white, whichever can be read on a colour."""
    red, green, blue = colour
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


def vivid(rng: np.random.Generator) -> Colour:
    """A colour from the palette."""
    return VIVID[int(rng.integers(len(VIVID)))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with a probability."""
    return bool(rng.random() < probability)


def backdrop(picture: Picture, width: int, height: int) -> Picture:
    """The picture itself, enlarged and blurred, as apps fill what a picture leaves free."""
    # Blurred while small: the result is the same to the eye, and a hundred times quicker.
    small = covering(picture, *size_of(width / 12, height / 12))
    return resized(small.filter(ImageFilter.GaussianBlur(2.0)), width, height)


def pasted(base: Picture, layer: Image.Image, left: float, top: float) -> Picture:
    """A copy of `base` with a layer on it, by the layer's alpha when it has one; what sticks out is cut."""
    result = base.copy()
    place = (round(left), round(top))
    result.paste(layer.convert("RGB"), place, layer.getchannel("A") if layer.mode == "RGBA" else None)
    return result


def faded(layer: Image.Image, opacity: float) -> Image.Image:
    """A layer with its alpha multiplied by an opacity in 0..1."""
    result = layer.convert("RGBA")
    result.putalpha(result.getchannel("A").point(lambda alpha: round(alpha * opacity)))
    return result


def rounded(picture: Picture, radius: float) -> Image.Image:
    """The picture as an RGBA layer with round corners."""
    layer = picture.convert("RGBA")
    layer.putalpha(_round_mask(picture.size, max(0, round(radius))))
    return layer


def _round_mask(size: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", (size[0] * 2, size[1] * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * 2, fill=255)
    return mask.resize(size, Image.Resampling.BOX)


def shadowed(base: Picture, box: tuple[int, int, int, int], blur: float, opacity: float) -> Picture:
    """A copy of `base` with a soft shadow where a picture is about to be pasted (left, top, right, bottom)."""
    shade = Image.new("L", base.size, 0)
    shift = max(1, round(blur / 2))
    ImageDraw.Draw(shade).rectangle(
        (box[0] + shift, box[1] + shift, box[2] + shift, box[3] + shift), fill=round(255 * opacity)
    )
    result = base.copy()
    result.paste(BLACK, (0, 0), shade.filter(ImageFilter.GaussianBlur(blur)))
    return result


def gradient(width: int, height: int, first: Colour, second: Colour, angle: float) -> Picture:
    """A smooth run from one colour to another, in the direction of an angle in degrees."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    turn = np.radians(angle)
    along = x * np.cos(turn) + y * np.sin(turn)
    along = (along - along.min()) / max(float(np.ptp(along)), 1e-6)
    return from_numbers(np.array(first) + along[..., None] * (np.array(second) - np.array(first)))


def fine_layer(width: int, height: int) -> Image.Image:
    """A transparent layer to draw on at `FINE` times its size; see `settled`."""
    return Image.new("RGBA", (width * FINE, height * FINE))


def settled(large: Image.Image) -> Image.Image:
    """A layer drawn at several times its size, reduced to it."""
    return large.reduce(FINE)


def grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Row and column of each pixel, two ``(H, W) float32``."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return rows, columns
