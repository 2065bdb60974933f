"""Stored pixels and maps in, views out; the only place where a picture is resampled.

Two ways, both antialiased. Maps that keep the axes (most of them) are separable: one matrix per axis, a triangle as
wide as the reduction, as in Pillow's and PyTorch's antialiased bilinear resize. Others (rotations, perspectives) take
2 x 2 points per pixel from a canvas that was halved until the points lie at most 1.5 pixels apart.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from copylens.training.augment.drawing import Flags, Floats, Integers
from copylens.training.augment.geometry import upright, view_grid

Pixels: TypeAlias = Tensor

_POINTS = 2
_STEP = 1.5
_COARSE = 16


def to_device(values: Floats | Integers, device: torch.device) -> Tensor:
    """Host numbers as a tensor there: float32 from floats, int64 from integers."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return (tensor.float() if tensor.is_floating_point() else tensor).to(device, non_blocking=True)


def separable(pixels: Pixels, rows: Tensor, columns: Tensor) -> Pixels:
    """Multiply every channel by a matrix per axis.

    Args:
        pixels: ``(n, C, H, W) float32``.
        rows: ``(n, h, H)``, weights of the rows.
        columns: ``(n, w, W)``, weights of the columns.

    Returns:
        ``(n, C, h, w) float32``.
    """
    n, c, height, width = pixels.shape
    across = torch.bmm(pixels.reshape(n, c * height, width), columns.transpose(1, 2))
    return torch.matmul(rows[:, None], across.view(n, c, height, -1))


def resample(pixels: Pixels, maps: Floats, size: int) -> Pixels:
    """Draw views of whole canvases; black where a rotated picture does not reach.

    Args:
        pixels: ``(n, 3, S, S) uint8``.
        maps: ``(n, 3, 3) float64``, view to canvas.
        size: of the views in pixels.

    Returns:
        ``(n, 3, size, size) float32`` in [0, 1].
    """
    plain = upright(maps)
    if plain.all():
        return _resample_upright(pixels, maps, size)
    views = pixels.new_empty((len(maps), 3, size, size), dtype=torch.float32)
    for chosen, way in ((plain, _resample_upright), (~plain, _resample_free)):
        if chosen.any():
            index = to_device(np.flatnonzero(chosen), pixels.device)
            views[index] = way(pixels[index], maps[chosen], size)
    return views


def _resample_upright(pixels: Pixels, maps: Floats, size: int) -> Pixels:
    swapped = maps[:, 0, 0] == 0.0
    values = pixels.float() / 255.0
    if swapped.any():
        index = to_device(np.flatnonzero(swapped), pixels.device)
        values[index] = values[index].transpose(2, 3).contiguous()
        maps = np.where(swapped[:, None, None], maps[:, [1, 0, 2]], maps)
    side = pixels.shape[-1]
    columns = _triangles(maps[:, 0, 0], maps[:, 0, 2], side, size, pixels.device)
    rows = _triangles(maps[:, 1, 1], maps[:, 1, 2], side, size, pixels.device)
    return separable(values, rows, columns).clamp_(0.0, 1.0)


def _triangles(scale: Floats, shift: Floats, side: int, size: int, device: torch.device) -> Tensor:
    """Weights ``(n, size, side)`` of a line of stored pixels in a line of the view."""
    centres = (scale[:, None] * ((np.arange(size) + 0.5) / size) + shift[:, None]) * side
    # Beyond the picture there is nothing to take; its edge keeps the weights finite, and nobody sees it there.
    middles = to_device(np.clip(centres, 0.0, float(side)), device)[:, :, None]
    reach = to_device(np.maximum(np.abs(scale) * side / size, 1.0), device)[:, None, None]
    places = torch.arange(side, device=device, dtype=torch.float32) + 0.5
    weights = (places - middles).abs_().div_(reach).neg_().add_(1.0).clamp_(min=0.0)
    return weights.div_(weights.sum(-1, keepdim=True))


def _resample_free(pixels: Pixels, maps: Floats, size: int) -> Pixels:
    levels = _levels(maps, pixels.shape[-1], size * _POINTS)
    views = pixels.new_empty((len(maps), 3, size, size), dtype=torch.float32)
    for level in np.unique(levels):
        rows = np.flatnonzero(levels == level)
        index = to_device(rows, pixels.device)
        canvas = pixels[index].float() / 255.0
        if level:
            canvas = functional.avg_pool2d(canvas, 2 ** int(level), ceil_mode=True, count_include_pad=False)
        points = view_grid(to_device(maps[rows], pixels.device), size * _POINTS).mul_(2.0).sub_(1.0)
        seen = functional.grid_sample(canvas, points, padding_mode="border", align_corners=False)
        inside = (points.abs() <= 1.0).all(-1)
        views[index] = functional.avg_pool2d(seen * inside[:, None], _POINTS)
    return views.clamp_(0.0, 1.0)


def _levels(maps: Floats, side: int, points: int) -> Integers:
    """How often to halve the canvas: by the median distance of neighbouring points that lie in it."""
    grid = view_grid(torch.from_numpy(np.ascontiguousarray(maps)), _COARSE).numpy()
    across = np.linalg.norm(np.diff(grid, axis=2), axis=-1)[:, :-1]
    down = np.linalg.norm(np.diff(grid, axis=1), axis=-1)[:, :, :-1]
    inside: Flags = np.asarray(((grid >= 0.0) & (grid <= 1.0)).all(-1))[:, :-1, :-1]
    step = np.maximum(across, down)
    steps = [float(np.median(s[i])) if i.any() else 0.0 for s, i in zip(step, inside, strict=True)]
    typical = np.asarray(steps) * side * _COARSE / points
    levels = np.ceil(np.log2(np.maximum(typical, 1e-9) / _STEP))
    return np.clip(levels, 0, int(np.log2(side))).astype(np.int64)
