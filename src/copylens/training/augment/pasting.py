"""Small drawings and maps in, views with the drawings on them out; text and stickers are pasted here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from copylens.training.augment.drawing import Draws, Floats, Integers
from copylens.training.augment.geometry import Placement, box_map, view_grid
from copylens.training.augment.sampling import to_device

_LEVELS = 5


@dataclass(frozen=True, slots=True)
class Atlas:
    """K drawings of one height, each at several resolutions.

    Attributes:
        levels: ``(K, C, H, W) uint8`` and its halves; C is 1 (a mask) or 4 (red, green, blue, opacity; the colours
            are already multiplied by the opacity).
        widths: ``(K,) float64``, which part of W each drawing fills, from the left.
    """

    levels: tuple[Tensor, ...]
    widths: Floats

    def __len__(self) -> int:
        """K."""
        return len(self.widths)

    @property
    def ratios(self) -> Floats:
        """``(K,)``, width / height of every drawing."""
        height, width = self.levels[0].shape[-2:]
        return self.widths * (width / height)

    def to(self, device: torch.device) -> Atlas:
        """The same on a device."""
        return Atlas(tuple(level.to(device) for level in self.levels), self.widths)


def make_atlas(drawings: list[np.ndarray]) -> Atlas:
    """Put drawings of one height, ``(H, w, C) uint8`` each, side by side in one tensor."""
    width = max(d.shape[1] for d in drawings)
    sheet = np.zeros((len(drawings), drawings[0].shape[0], width, drawings[0].shape[2]), dtype=np.uint8)
    for row, drawing in zip(sheet, drawings, strict=True):
        row[:, : drawing.shape[1]] = drawing
    level = torch.from_numpy(sheet).permute(0, 3, 1, 2).contiguous()
    levels = [level]
    for _ in range(_LEVELS - 1):
        level = (
            functional.avg_pool2d(level.float(), 2, ceil_mode=True, count_include_pad=False).round().byte()
        )
        levels.append(level)
    return Atlas(tuple(levels), np.array([d.shape[1] / width for d in drawings]))


@dataclass(frozen=True, slots=True)
class Pasted:
    """What lies on n views.

    Attributes:
        entries: ``(n,) int64``, which drawings.
        maps: ``(n, 3, 3) float64``, view to the unit square that the drawing fills.
        opacity: ``(n,) float64``.
        colours: ``(n, 3) float64`` in [0, 1]; used where the drawing is a mask.
    """

    entries: Integers
    maps: Floats
    opacity: Floats
    colours: Floats


def paste(views: Tensor, atlas: Atlas, pasted: Pasted, visible: Tensor | None = None) -> Tensor:
    """Lay one drawing on every view.

    Args:
        views: ``(n, 3, size, size) float32``.
        atlas: the drawings, on the same device.
        pasted: which drawing lies where.
        visible: ``(n, 1, size, size)``, where drawings may lie; None is everywhere.

    Returns:
        ``(n, 3, size, size) float32``.
    """
    layer = _sample(atlas, pasted, views.shape[-1], views.device)
    opacity = to_device(pasted.opacity, views.device)[:, None, None, None]
    layer = layer * opacity if visible is None else layer * opacity * visible
    cover = layer[:, -1:]
    colours = (
        layer[:, :3]
        if layer.shape[1] == 4
        else cover * to_device(pasted.colours, views.device)[:, :, None, None]
    )
    return (views * (1.0 - cover) + colours).clamp_(0.0, 1.0)


def _sample(atlas: Atlas, pasted: Pasted, size: int, device: torch.device) -> Tensor:
    """The drawings as the views see them, ``(n, C, size, size) float32`` in [0, 1]."""
    height, width = atlas.levels[0].shape[-2:]
    maps = pasted.maps.copy()
    maps[:, 0] *= atlas.widths[pasted.entries][:, None]
    side = np.array([width, height], dtype=np.float64)[None, :, None]
    step = np.linalg.norm(maps[:, :2, :2] * side, axis=1).max(1) / size
    levels = np.clip(np.round(np.log2(np.maximum(step, 1.0))), 0, len(atlas.levels) - 1).astype(np.int64)
    channels = atlas.levels[0].shape[1]
    layer = torch.empty((len(maps), channels, size, size), device=device)
    for level in np.unique(levels):
        rows = np.flatnonzero(levels == level)
        drawing = atlas.levels[int(level)][to_device(pasted.entries[rows], device)].float().div_(255.0)
        own = to_device(maps[rows], device)
        points = view_grid(own, size).mul_(2.0).sub_(1.0)
        layer[to_device(rows, device)] = functional.grid_sample(drawing, points, align_corners=False)
    return layer


def put_in_frame(draws: Draws, name: str, place: Placement, size: Floats, ratios: Floats) -> Floats:
    """Where in the upright picture a drawing lies: anywhere in the room that it leaves.

    Args:
        draws: of the n pictures.
        name: of the operator.
        place: of the same pictures.
        size: ``(n,)``, heights as parts of the shorter side.
        ratios: ``(n,)``, width / height of the drawings.

    Returns:
        ``(n, 3, 3) float64``, view to the drawing's unit square.
    """
    extent = np.stack([size * ratios, size], axis=1)
    start = draws.uniforms(f"{name}/where", 0.0, 1.0, 2) * (place.frame - extent)
    return np.asarray(box_map(np.concatenate([start, start + extent], axis=1)) @ place.to_frame)


def visible_part(place: Placement, size: int, device: torch.device) -> Tensor:
    """Where the views show their picture, ``(n, 1, size, size) float32``, 1 or 0."""
    x, y = view_grid(to_device(place.to_canvas, device), size).unbind(-1)
    inside = (x >= 0.0) & (x <= 1.0) & (y >= 0.0) & (y <= 1.0)
    left, top, right, bottom = to_device(place.inner, device)[:, :, None].unbind(1)
    centres = (torch.arange(size, device=device) + 0.5) / size
    across = (centres >= left) & (centres <= right)
    down = (centres >= top) & (centres <= bottom)
    return (inside & across[:, None, :] & down[:, :, None])[:, None].float()
