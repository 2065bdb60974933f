"""Pictures and an augmentation in, a PNG out: dots of one colour lie on one place of a picture in all its views."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import torch
from PIL import ImageDraw
from torch import Tensor

from copylens.errors import OutputError
from copylens.training.augment import Augmenter, AugmentSettings
from copylens.training.augment.preview import as_image, lay_out
from copylens.training.augment.settings import OPERATORS
from copylens.training.mixing import MixingSettings, make_views
from copylens.training.nouns import PictureBatch, Traces, Views
from copylens.training.terms.tracing import seen

DOTS = 6
"""Dots on a side of a picture."""

_HIDDEN = 0.35
_INK = (20, 20, 20)


def traced_sheet(
    batch: PictureBatch,
    preset: str | AugmentSettings,
    path: str | Path,
    *,
    mixing: MixingSettings = MixingSettings(),  # noqa: B008 - frozen
    seed: int = 0,
    columns: int = 8,
    size: int = 112,
) -> Path:
    """Draw where the places of pictures are in their views, as patch-level supervision is told.

    A row for every picture: as it is, then its views in turn, two of an epoch side by side. What shows no traced place
    is darkened: frames, other pictures, blends.

    Args:
        batch: the pictures.
        preset: a name in `PRESETS`, or settings.
        path: of the PNG file; its folder exists.
        mixing: of the recipe.
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
    shown = [_plain(batch, size)] + [
        make_views(augmenter, batch, mixing, seed=seed, epoch=epoch, step=0, trace=True)
        for epoch in range(-(-columns // 2))
    ]
    drawn: list[list[Tensor]] = [[] for _ in range(len(batch))]
    for views in shown:
        assert views.traces is not None
        for row, view in enumerate(views.pixels):
            drawn[row % len(batch)].append(dotted(view, views.traces.rows(slice(row, row + 1))))
    title = f"preset {augmenter.settings.preset}, seed {seed}: one colour is one place; dark is not traced"
    rows = [(f"picture {n}", views[: columns + 1]) for n, views in enumerate(drawn)]
    path = Path(path)
    try:
        lay_out(title, rows, size).save(path, format="PNG")
    except OSError as error:
        raise OutputError(f"{path}: the sheet cannot be written: {error.strerror or error}.") from error
    return path


def _plain(batch: PictureBatch, size: int) -> Views:
    """The pictures as they are."""
    nothing = Augmenter(AugmentSettings(probability=dict.fromkeys(OPERATORS, 0.0)), size)
    return make_views(nothing, batch, MixingSettings(), seed=0, epoch=0, step=0, views=1, trace=True)


def dotted(view: Tensor, traces: Traces) -> Tensor:
    """A view ``(3, size, size)`` with dots on the places that it shows, and the rest darkened.

    Args:
        view: float32 in [0, 1].
        traces: of this one view.
    """
    size = view.shape[-1]
    centres = (torch.arange(size, device=view.device) + 0.5) / size
    grid = torch.stack(
        [centres.repeat(size), centres.repeat_interleave(size), torch.ones_like(centres).repeat(size)]
    )
    visible = seen(traces, grid[None])[0].view(size, size)
    image = as_image(torch.where(visible, view, view * _HIDDEN))
    pen, radius = ImageDraw.Draw(image), max(size / 40.0, 1.5)
    for x, y in places():
        point = torch.linalg.inv(traces.maps[0].double()) @ torch.tensor([x, y, 1.0], dtype=torch.float64)
        where = (point / point[2]).to(traces.maps)
        # Behind the horizon, outside of the view, or hidden.
        inside = bool(point[2] > 0.0) and bool(((where[:2] >= 0.0) & (where[:2] < 1.0)).all())
        if inside and bool(seen(traces, where[None, :, None])[0]):
            across, down = (where[:2] * size).tolist()
            box = (across - radius, down - radius, across + radius, down + radius)
            pen.ellipse(box, fill=colour_of(x, y), outline=_INK)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255.0


def places() -> list[tuple[float, float]]:
    """The points of a picture that have a dot, in the unit square."""
    steps = [(number + 0.5) / DOTS for number in range(DOTS)]
    return [(x, y) for y in steps for x in steps]


def colour_of(x: float, y: float) -> tuple[int, int, int]:
    """The hue goes across, from dark to pale down."""
    red, green, blue = colorsys.hls_to_rgb(x * 0.85, 0.35 + 0.45 * y, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
