"""Views and other pictures in, views with another picture on them, or behind them, out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from copylens.training.augment.drawing import Draws, Floats
from copylens.training.augment.geometry import box_map
from copylens.training.augment.sampling import resample, to_device
from copylens.training.augment.settings import Strength

_RATIO = 3.0


def cover_of(boxes: Floats, size: int, device: torch.device) -> Tensor:
    """How much of every pixel lies in a rectangle, ``(n, 1, size, size) float32`` in [0, 1].

    Args:
        boxes: ``(n, 4)``, left, top, right, bottom in parts of the view.
        size: of the view in pixels.
        device: of the result.
    """
    corners = to_device(boxes * size, device)[:, :, None]
    left, top, right, bottom = corners.unbind(1)
    places = torch.arange(size, device=device, dtype=torch.float32)
    across = (torch.minimum(right, places + 1.0) - torch.maximum(left, places)).clamp_(0.0, 1.0)
    down = (torch.minimum(bottom, places + 1.0) - torch.maximum(top, places)).clamp_(0.0, 1.0)
    return (down[:, :, None] * across[:, None, :])[:, None]


def overlay(views: Tensor, others: Tensor, boxes: Floats, opacity: Floats) -> Tensor:
    """Lay another picture, whole, on every view.

    Args:
        views: ``(n, 3, size, size) float32``.
        others: ``(n, 3, S, S) uint8``, the other pictures' stored squares.
        boxes: ``(n, 4)``, left, top, right, bottom of where they lie, in parts of the view.
        opacity: ``(n,)``.

    Returns:
        ``(n, 3, size, size) float32``.
    """
    size, device = views.shape[-1], views.device
    layer = resample(others, box_map(boxes), size)
    weight = cover_of(boxes, size, device) * to_device(opacity, device)[:, None, None, None]
    return torch.lerp(views, layer, weight)


def overlay_boxes(draws: Draws, aspects: Floats, strength: Strength) -> Floats:
    """Where the others lie, ``(n, 4)``: anywhere within the view, in their own shapes.

    Args:
        draws: of the n views.
        aspects: ``(n,)``, the other pictures' widths / heights.
        strength: its ranges; the root of the area is the drawn size.
    """
    ratio = np.sqrt(np.clip(aspects, 1.0 / _RATIO, _RATIO))
    side = draws.uniform("overlay/size", *strength.ranges["overlay.size"])
    extent = np.minimum(np.stack([side * ratio, side / ratio], axis=1), 1.0)
    start = draws.uniforms("overlay/where", 0.0, 1.0, 2) * (1.0 - extent)
    return np.concatenate([start, start + extent], axis=1)


def backdrop(others: Tensor, aspects: Floats, draws: Draws, size: int) -> Tensor:
    """Other pictures that fill the view, cut to its square shape, ``(n, 3, size, size) float32``."""
    frame = np.stack([aspects, np.ones_like(aspects)], axis=1)
    side = np.minimum(aspects, 1.0) * draws.uniform("inset/part", 0.7, 1.0)
    extent = side[:, None] / frame
    start = draws.uniforms("inset/from", 0.0, 1.0, 2) * (1.0 - extent)
    maps = np.zeros((len(aspects), 3, 3))
    maps[:, 0, 0], maps[:, 1, 1], maps[:, 2, 2] = extent[:, 0], extent[:, 1], 1.0
    maps[:, :2, 2] = start
    return resample(others, maps, size)
