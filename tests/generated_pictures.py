"""Numbers in, files of random pictures out that no descriptor takes for copies of each other."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Gallery:
    """A folder of pictures and what a scan of it, left in peace, prints as JSON.

    Attributes:
        folder: to scan.
        document: the JSON object.
        contents: different files in it.
    """

    folder: Path
    document: Any

    @property
    def contents(self) -> int:
        described = self.document["summary"]["described"]
        assert isinstance(described, int)
        return described


def random_picture(number: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """A picture of soft random colours, the same for the same number; `size` is (width, height)."""
    cells = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def write_pictures(
    folder: Path, count: int, *, size: tuple[int, int] = (96, 72), suffix: str = "jpg"
) -> list[Path]:
    """Write pictures number 0 to `count` - 1 as ``0000.jpg``, ``0001.jpg``, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}.{suffix}" for number in range(count)]
    for number, path in enumerate(paths):
        # Quick for PNG, and without a meaning for the others.
        random_picture(number, size).save(path, compress_level=1)
    return paths


def add_copies(folder: Path, originals: list[Path]) -> None:
    """Write for each picture its bytes, its pixels and a smaller edit, into the folders of these names."""
    for kind in ("bytes", "pixels", "edits"):
        (folder / kind).mkdir(parents=True)
    for path in originals:
        shutil.copyfile(path, folder / "bytes" / path.name)
        with Image.open(path) as image:
            image.load()
        image.save(folder / "pixels" / f"{path.stem}.bmp")
        image.resize((image.width // 2, image.height // 2)).save(
            folder / "edits" / f"{path.stem}.webp", quality=80
        )
