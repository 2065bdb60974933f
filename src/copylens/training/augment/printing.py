"""Views in, views with bars across them, in few tones, or smeared out; every view with its own pattern.

All functions take and return ``(n, 3, H, W) float32`` in [0, 1] with H = W.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_POINTS = 33


def stripes(pixels: Tensor, angle: Tensor, count: Tensor, coverage: Tensor, colour: Tensor) -> Tensor:
    """Lay bars of one colour across every view, as wide as each other.

    Args:
        pixels: the views.
        angle: ``(n,) float32`` radians; 0 has level bars.
        count: ``(n,) float32``, how many there are along the view's extent.
        coverage: ``(n,) float32``, which part of the view they hide.
        colour: ``(n, 3) float32`` in [0, 1].
    """
    size = pixels.shape[-1]
    across, down = _directions(angle)
    along = _along(size, across, down)
    low, high = along.amin((1, 2), keepdim=True), along.amax((1, 2), keepdim=True)
    period = (high - low) / count[:, None, None]
    place = ((along - low) / period).remainder(1.0)
    # In pixels from the bar's edge, so that edges are half a pixel soft.
    inside = (coverage[:, None, None] / 2 - (place - 0.5).abs()) * period * size + 0.5
    return torch.lerp(pixels, colour[:, :, None, None], inside.clamp(0.0, 1.0)[:, None])


def halftone(pixels: Tensor, threshold: Tensor, tones: Tensor, coloured: Tensor) -> Tensor:
    """Print every view in few tones: a tone is rounded up where what it has too much reaches the threshold.

    Dithering by a threshold (Limb 1969; Bayer 1973), so that the mean of a large even part stays what it was.

    Args:
        pixels: the views.
        threshold: ``(n, 1, H, W) float32`` in [0, 1), evenly spread.
        tones: ``(n,) float32``, at least 2, of each channel.
        coloured: ``(n,) bool``; False prints in grey.
    """
    grey = pixels.mean(1, keepdim=True).expand_as(pixels)
    shown = torch.where(coloured[:, None, None, None], pixels, grey)
    steps = (tones - 1.0)[:, None, None, None]
    return (torch.floor(shown * steps + threshold) / steps).clamp_(0.0, 1.0)


def dots(angle: Tensor, period: Tensor, size: int) -> Tensor:
    """The thresholds of a screen of dots, ``(n, 1, size, size) float32`` in [0, 1).

    Args:
        angle: ``(n,) float32`` radians, of the screen.
        period: ``(n,) float32`` pixels, from dot to dot.
        size: of the views in pixels.
    """
    across, down = _directions(angle)
    turns = 2.0 * math.pi * size / period[:, None, None]
    first = torch.cos(turns * _along(size, across, down))
    second = torch.cos(turns * _along(size, down, -across))
    # The arcsine of a cosine is evenly spread, and the sum of two such is made so by what it is below.
    sum_of = (torch.asin(first) + torch.asin(second)) / math.pi
    low = 0.5 * (1.0 + sum_of).square()
    return torch.where(sum_of < 0.0, low, 1.0 - 0.5 * (1.0 - sum_of).square()).clamp_(0.0, 1.0 - 1e-6)[
        :, None
    ]


def smear(pixels: Tensor, angle: Tensor, length: Tensor, *, largest: float) -> Tensor:
    """Blur every view along a line, as a moved camera does; beyond the edge its pixels go on.

    Args:
        pixels: the views.
        angle: ``(n,) float32`` radians.
        length: ``(n,) float32`` pixels.
        largest: no length is above; given so that nothing waits for the device.
    """
    n, channels, size, _ = pixels.shape
    reach = max(1, math.ceil(largest / 2))
    across, down = _directions(angle)
    places = torch.arange(-reach, reach + 1, device=pixels.device, dtype=torch.float32)
    # Points along the line, each shared by the four pixels around it.
    steps = torch.linspace(-0.5, 0.5, _POINTS, device=pixels.device)[None, :] * length[:, None]
    x = (1.0 - (steps[:, :, None] * down[:, :, None] - places).abs()).clamp_(min=0.0)
    y = (1.0 - (steps[:, :, None] * across[:, :, None] - places).abs()).clamp_(min=0.0)
    kernel = torch.einsum("npi,npj->nij", y, x)
    kernel /= kernel.sum((1, 2), keepdim=True)
    padded = functional.pad(pixels, (reach,) * 4, mode="replicate")
    weight = kernel.repeat_interleave(channels, 0)[:, None]
    stacked = padded.reshape(1, n * channels, size + 2 * reach, size + 2 * reach)
    blurred = functional.conv2d(stacked, weight, groups=n * channels)
    return blurred.view(n, channels, size, size).clamp_(0.0, 1.0)


def _directions(angle: Tensor) -> tuple[Tensor, Tensor]:
    """Sine and cosine, ``(n, 1)`` each."""
    return torch.sin(angle)[:, None], torch.cos(angle)[:, None]


def _along(size: int, across: Tensor, down: Tensor) -> Tensor:
    """How far each pixel lies along a direction, in parts of the view's side, ``(n, size, size)``."""
    middles = (torch.arange(size, device=across.device, dtype=torch.float32) + 0.5) / size
    return (across * middles)[:, None, :] + (down * middles)[:, :, None]
