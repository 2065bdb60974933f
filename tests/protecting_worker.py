"""Photographs with planted copies; as a script, one of several processes that look for them together.

``python protecting_worker.py RANK WORLD FOLDER``. Every process has a run folder of its own, as on several machines.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from copylens.training.data import DataSettings
from copylens.training.data.protecting import protect
from picture_places import Listed
from worker_group import meeting

ORIGINALS = Path(__file__).parents[1] / "examples" / "photos" / "originals"
NAMES = ("astronaut", "coffee-cup", "crab", "giraffes", "kingfisher", "moose", "owl", "sheep")
GROUPS = (0, 1, 2, 3, 4, 5, 6, 7, 3, 9, 0, 3, 6, 13)
"""Of every picture the first that it is a copy of; number 9 is broken, number 13 another photograph."""
BROKEN = 9


def planted() -> Listed:
    """Eight photographs, then copies of three of them, a broken file, and a ninth photograph."""
    photos = [Image.open(ORIGINALS / f"{name}.jpg").convert("RGB") for name in NAMES]
    giraffes, astronaut, owl = photos[3], photos[0], photos[6]
    width, height = giraffes.size
    copies = [
        giraffes.resize((width // 2, height // 2)),
        None,
        ImageEnhance.Brightness(astronaut).enhance(1.2),
        giraffes.crop((width // 20, height // 20, width, height)),
        owl,
        Image.open(ORIGINALS / "lemurs.jpg").convert("RGB"),
    ]
    return Listed([None if picture is None else _jpeg(picture) for picture in [*photos, *copies]])


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def main(rank: int, world: int, folder: Path) -> None:
    with meeting(rank, world, folder):
        source, run = planted(), folder / f"run-{rank}"
        settings = DataSettings(protect_duplicates="leave-out", workers=1)
        first, again = (protect(source, np.arange(len(source)), settings, folder=run) for _ in range(2))
        np.savez(
            folder / f"{rank}.npz",
            keys=first.keys,
            groups=first.groups,
            again=again.groups,
            read=np.array(sorted(source.reads)),
            most=np.array(max(source.reads.values())),
            kept=np.array(run.exists()),
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
