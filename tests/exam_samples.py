"""Nothing in; photographs, a supply of others and measuring pictures out, for the tests of edits and exams."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from copylens.evaluation.edits import EDITS, Edit, Others, Picture

ORIGINALS = Path(__file__).resolve().parent.parent / "examples" / "photos" / "originals"

MAGENTA = (255, 0, 255)
YELLOW = (255, 255, 0)
GREEN = (0, 160, 0)

NAMES = ("cat-chelsea", "eiffel-tower", "lemurs", "nagasaki-boats", "pink-tulips")
"""Photographs with colours, wide, tall and square."""


@cache
def photograph(name: str, side: int = 320) -> Picture:
    """A bundled photograph, its longest side at most `side`; do not draw on it."""
    with Image.open(ORIGINALS / f"{name}.jpg") as image:
        picture = image.convert("RGB")
    picture.thumbnail((side, side))
    return picture


def photographs(side: int = 320) -> list[Picture]:
    """Some bundled photographs."""
    return [photograph(name, side) for name in NAMES]


def others_of(*pictures: Picture) -> Others:
    """A supply of these pictures."""
    return lambda rng: pictures[int(rng.integers(len(pictures)))]


def photo_others(side: int = 320) -> Others:
    """A supply of photographs that are not in `NAMES`."""
    return others_of(photograph("owl", side), photograph("coffee-cup", side), photograph("moose", side))


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (240, 160)) -> Picture:
    """A picture of one colour."""
    return Image.new("RGB", size, colour)


def halves(size: tuple[int, int] = (240, 160)) -> Picture:
    """Magenta above yellow, so that the mean is neither; see `share_of_halves`."""
    picture = Image.new("RGB", size, MAGENTA)
    picture.paste(YELLOW, (0, size[1] // 2, *size))
    return picture


def places(width: int = 240, height: int = 160) -> Picture:
    """A picture whose red says the column and whose green says the row, from 0 to 255; its blue is 128."""
    columns, rows = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(
        np.stack([columns, rows, np.full_like(rows, 128)], axis=2).round().astype(np.uint8)
    )


def pixels(picture: Picture) -> npt.NDArray[np.int16]:
    """Pixels as signed numbers, so that differences do not wrap."""
    return np.asarray(picture).astype(np.int16)


def share_of(picture: Picture, colour: tuple[int, int, int], tolerance: int = 40) -> float:
    """Which share of a picture has about this colour."""
    return float((np.abs(pixels(picture) - np.array(colour)).max(axis=2) <= tolerance).mean())


def share_of_halves(picture: Picture) -> float:
    """Which share of a picture comes from `halves`."""
    return share_of(picture, MAGENTA, 60) + share_of(picture, YELLOW, 60)


def box_of(picture: Picture, colour: tuple[int, int, int], tolerance: int = 40) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the pixels that have about this colour."""
    found = np.abs(pixels(picture) - np.array(colour)).max(axis=2) <= tolerance
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def noise(size: tuple[int, int] = (300, 220)) -> Picture:
    """Random pixels, the same for the same size."""
    shape = (size[1], size[0], 3)
    return Image.fromarray(np.random.default_rng(size).integers(0, 256, shape, np.uint8))


def psnr(first: Picture, second: Picture) -> float:
    """Peak signal-to-noise ratio in decibels; pictures of one size."""
    error = float(((pixels(first).astype(np.float64) - pixels(second)) ** 2).mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


def edit(name: str) -> Edit:
    """An edit by its name."""
    return EDITS[name]
