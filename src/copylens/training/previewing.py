"""Pictures and a recipe in, a sheet that shows what its augmentations do out; nothing is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from copylens.reports.atomic import check_writable
from copylens.training.augment import contact_sheet
from copylens.training.data import open_pictures
from copylens.training.data.loader import PictureLoader
from copylens.training.settings import TrainSettings
from copylens.training.traced_sheet import traced_sheet

PICTURES = 6


def preview(pictures: Sequence[str], settings: TrainSettings, file: Path) -> list[Path]:
    """Draw views of a few pictures, and every operator alone; where cells are supervised, traced places too.

    Args:
        pictures: what would be trained on.
        settings: the recipe.
        file: a .png file to write; traced places come to a second one beside it, ``NAME-traced.png``.

    Returns:
        What was written.

    Raises:
        UsageError: no pictures, or a name that is no .png file.
        OutputError: the file cannot be written.
    """
    traced = file.with_name(f"{file.stem}-traced.png") if settings.patch.weight else None
    for path in filter(None, (file, traced)):
        check_writable(path, (".png",))
    source = open_pictures(pictures)
    count = min(PICTURES, len(source))
    data = dataclasses.replace(settings.data, cache="none", protect_duplicates="off", prefetch=0)
    # From all pictures, so that a broken one is replaced.
    with PictureLoader(source, data, batch=count, seed=settings.loop.seed) as loader:
        batch = next(iter(loader.epoch(0)))
        contact_sheet(batch, settings.augment, file, seed=settings.loop.seed)
        if traced is None:
            return [file]
        traced_sheet(batch, settings.augment, traced, mixing=settings.mixing, seed=settings.loop.seed)
        return [file, traced]
