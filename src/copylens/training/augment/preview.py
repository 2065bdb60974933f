"""Pictures and a preset in, a sheet of their views as one PNG out, since people would rather look."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from copylens.errors import OutputError
from copylens.training.augment.augmenter import Augmenter
from copylens.training.augment.settings import OPERATORS, AugmentSettings, Fonts, only
from copylens.training.nouns import PictureBatch

_GAP = 4
_MARGIN = 84
_TITLE = 22
_PAPER = (250, 250, 248)
_INK = (40, 40, 40)


def contact_sheet(
    batch: PictureBatch,
    preset: str | AugmentSettings,
    path: str | Path,
    *,
    seed: int = 0,
    columns: int = 8,
    size: int = 112,
) -> Path:
    """Draw what a preset makes of pictures.

    The upper part has a row for every picture: as it is, then its views in turn, two of an epoch side by side. The
    lower part has a row for every operator, acting always and alone, on the same pictures in turn, and one for mixing.

    Args:
        batch: the pictures.
        preset: a name in `PRESETS`, or settings.
        path: of the PNG file; its folder exists.
        seed: of the draws.
        columns: views a row.
        size: of a view in pixels.

    Returns:
        `path`.

    Raises:
        UsageError: there is no such preset.
        OutputError: the file cannot be written.
    """
    augmenter = Augmenter(preset, size)
    plain = _alone("", augmenter.settings.fonts, size)(batch, seed=seed, epoch=0, view=0)
    draws = [augmenter(batch, seed=seed, epoch=number // 2, view=number % 2) for number in range(columns)]
    rows = [(f"picture {n}", [view[n] for view in (plain, *draws)]) for n in range(len(batch))]
    for name in OPERATORS:
        views = _turns(batch, _alone(name, augmenter.settings.fonts, size), seed, columns + 1)
        rows.append((name, views))
    rows.append(("mixing", _mixed(batch, augmenter.settings.fonts, size, seed, columns + 1)))
    title = f"preset {augmenter.settings.preset}, seed {seed}: pictures and their views; below: every operator alone"
    sheet = lay_out(title, rows, size)
    path = Path(path)
    try:
        sheet.save(path, format="PNG")
    except OSError as error:
        raise OutputError(f"{path}: the sheet cannot be written: {error.strerror or error}.") from error
    return path


def _alone(operator: str, fonts: Fonts, size: int) -> Augmenter:
    settings = only(operator, fonts=fonts)
    if (
        operator == "aspect"
    ):  # a whole picture fills the square whatever its aspect; the crop shows the difference
        settings = dataclasses.replace(settings, probability={**settings.probability, "crop": 1.0})
    return Augmenter(settings, size)


def _turns(batch: PictureBatch, augmenter: Augmenter, seed: int, count: int) -> list[Tensor]:
    """Views of one picture after another, until there are enough."""
    views: list[Tensor] = []
    epoch = 0
    while len(views) < count:
        views += list(augmenter(batch, seed=seed, epoch=epoch, view=1))
        epoch += 1
    return views[:count]


def _mixed(batch: PictureBatch, fonts: Fonts, size: int, seed: int, count: int) -> list[Tensor]:
    """Views that are two pictures each; none where the batch has one."""
    # Not above: mixing imports this package.
    from copylens.training.mixing import MixingSettings, make_views

    plain, always = _alone("", fonts, size), MixingSettings(probability=1.0)
    repeats = -(-count // max(len(batch), 1))
    return list(make_views(plain, batch, always, seed=seed, epoch=0, step=0, views=repeats).pixels)[:count]


def lay_out(title: str, rows: list[tuple[str, list[Tensor]]], size: int) -> Image.Image:
    """Named rows of views, ``(3, size, size) float32`` in [0, 1] each, on one sheet."""
    width = _MARGIN + max(len(views) for _, views in rows) * (size + _GAP) + _GAP
    sheet = Image.new("RGB", (width, _TITLE + len(rows) * (size + _GAP) + _GAP), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    draw.text((_GAP, _GAP), title, fill=_INK, font=font)
    for number, (name, views) in enumerate(rows):
        top = _TITLE + number * (size + _GAP)
        draw.text((_GAP, top + size // 2 - 6), name, fill=_INK, font=font)
        for column, view in enumerate(views):
            sheet.paste(as_image(view), (_MARGIN + column * (size + _GAP), top))
    return sheet


def as_image(view: Tensor) -> Image.Image:
    """A view ``(3, H, W) float32`` in [0, 1]."""
    values = (view * 255.0).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(np.ascontiguousarray(values))
