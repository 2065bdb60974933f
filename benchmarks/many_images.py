"""Photographs in, a folder of as many distinct small pictures as wanted out, and a few very large ones between them.

Each small picture is a random collage of crops, so that it is like no other: copies would fill memory with matches,
which is another matter. The same photographs, number and seed give the same files.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

PER_FOLDER = 500
SIDES = (96, 512)
"""Pixels of the sides of small pictures, both included."""
LARGE = (7_800, 5_200)
"""Width and height of large pictures: 40.6 megapixels."""
LARGE_KINDS = ("baseline.jpg", "progressive.jpg", "lossless.png")
PHOTOGRAPH_SIDE = 1_024
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
THREADS = 2


@dataclass(frozen=True, slots=True)
class Made:
    """What lies in the folder.

    Attributes:
        images: files, the large ones included.
        large: files of 40 megapixels.
        size: bytes of all files.
    """

    images: int
    large: int
    size: int


def make_images(photographs: Path, folder: Path, count: int, large: int, *, seed: int = 0) -> Made:
    """Fill a folder, in subfolders of `PER_FOLDER` files, the large ones spread evenly over them.

    Args:
        photographs: a folder with pictures, searched with its subfolders.
        folder: made when it is not there; what lies there already stays.
        count: pictures in all.
        large: of 40 megapixels among them, in the formats of `LARGE_KINDS` by turns.
        seed: of the random choices.

    Raises:
        ValueError: no photograph can be read, or there shall be more large pictures than pictures.
    """
    if large > count:
        raise ValueError(f"{large} large pictures among {count} cannot be.")
    sources = read_photographs(photographs)
    step = count // large if large else 0
    places = {(number + 1) * step - 1: number for number in range(large)}

    def make(place: int) -> int:
        draw = np.random.default_rng((seed, place))
        part = folder / f"part-{place // PER_FOLDER:04}"
        part.mkdir(parents=True, exist_ok=True)
        if place in places:
            kind = LARGE_KINDS[places[place] % len(LARGE_KINDS)]
            return save_large(sources, draw, part / f"{place:06}-{kind}")
        return save_small(sources, draw, part / f"{place:06}.jpg")

    with ThreadPoolExecutor(THREADS) as pool:
        sizes = list(pool.map(make, range(count)))
    return Made(count, large, sum(sizes))


def read_photographs(folder: Path) -> list[Image.Image]:
    """Read the pictures of a folder, upright and scaled down; those that cannot be read are left out.

    Raises:
        ValueError: none can be read.
    """
    read = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        try:
            with Image.open(path) as image:
                image.draft("RGB", (PHOTOGRAPH_SIDE, PHOTOGRAPH_SIDE))
                upright = ImageOps.exif_transpose(image).convert("RGB")
        except (OSError, SyntaxError, ValueError):
            continue
        upright.thumbnail((PHOTOGRAPH_SIDE, PHOTOGRAPH_SIDE))
        if min(upright.size) >= SIDES[0]:
            read.append(upright)
    if not read:
        raise ValueError(f"{folder} has no photographs that can be read.")
    return read


def save_small(sources: list[Image.Image], draw: np.random.Generator, path: Path) -> int:
    """Write one collage as JPEG; returns its bytes."""
    width, height = draw.integers(SIDES[0], SIDES[1] + 1, 2).tolist()
    columns, rows = (np.linspace(0, side, draw.integers(2, 5)).astype(int) for side in (width, height))
    collage = Image.new("RGB", (width, height))
    for left, right in pairwise(columns.tolist()):
        for top, bottom in pairwise(rows.tolist()):
            collage.paste(tile(sources, draw, (right - left, bottom - top)), (left, top))
    collage.save(path, quality=int(draw.integers(60, 96)))
    return path.stat().st_size


def tile(sources: list[Image.Image], draw: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Cut a random part out of a random photograph, turn it, and mix its colours."""
    source = sources[draw.integers(len(sources))]
    share = draw.uniform(0.2, 0.7)
    width, height = max(1, int(source.width * share)), max(1, int(source.height * share))
    left = int(draw.integers(0, source.width - width + 1))
    top = int(draw.integers(0, source.height - height + 1))
    part = source.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
    if draw.random() < 0.5:
        part = ImageOps.mirror(part)
    if draw.random() < 0.5:
        part = ImageOps.flip(part)
    bands = part.split()
    return Image.merge("RGB", [bands[band] for band in draw.permutation(3)])


def save_large(
    sources: list[Image.Image],
    draw: np.random.Generator,
    path: Path,
    size: tuple[int, int] | None = None,
) -> int:
    """Write one photograph, scaled up to (width, height), by default 40 megapixels; returns its bytes."""
    width, height = size or LARGE
    picture = tile(sources, draw, (width // 6, height // 6)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    if path.suffix == ".png":
        picture.save(path, compress_level=1)
    else:
        picture.save(path, quality=85, progressive="progressive" in path.name)
    return path.stat().st_size
