"""Views in, views with less or false detail out: blur, pixelation, noise; every view with its own amount.

All functions take and return ``(n, 3, H, W) float32`` in [0, 1] with H = W.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from copylens.training.augment.sampling import separable

_REACH = 3.0
REFERENCE_SIZE = 224
"""Radii are stated for views of this many pixels."""


def blur(pixels: Tensor, radius: Tensor, *, largest: float) -> Tensor:
    """Blur by a Gaussian; beyond the edge its pixels go on.

    Args:
        pixels: the views.
        radius: ``(n,) float32``, deviations in pixels.
        largest: no radius is above; given so that nothing waits for the device.
    """
    size = pixels.shape[-1]
    reach = max(1, math.ceil(_REACH * largest))
    distance = torch.arange(1 - size - reach, size + reach, device=pixels.device, dtype=torch.float32)
    bell = torch.exp(-0.5 * (distance / radius[:, None]).square())
    # Row i of the matrix is the bell shifted by i: a window on it, and one exponential per distance suffices.
    weights = bell.unfold(1, size + 2 * reach, 1).flip(1)
    weights /= weights.sum(-1, keepdim=True)
    matrix = weights[..., reach : reach + size].clone()
    matrix[..., 0] += weights[..., :reach].sum(-1)
    matrix[..., -1] += weights[..., reach + size :].sum(-1)
    return separable(pixels, matrix, matrix).clamp_(0.0, 1.0)


def pixelate(pixels: Tensor, cells: Tensor) -> Tensor:
    """Replace every cell by its mean.

    Args:
        pixels: the views.
        cells: ``(n,) int64``, cells along a side.
    """
    size = pixels.shape[-1]
    cell = torch.arange(size, device=pixels.device)[None, :] * cells[:, None] // size
    same = (cell[:, :, None] == cell[:, None, :]).float()
    same /= same.sum(-1, keepdim=True)
    return separable(pixels, same, same).clamp_(0.0, 1.0)


def add_noise(pixels: Tensor, words: Tensor, deviation: Tensor) -> Tensor:
    """Add independent normal noise to every value.

    Args:
        pixels: the views.
        words: ``(n,) int64``, from which a view's noise is hashed.
        deviation: ``(n,) float32``.
    """
    n, c, height, width = pixels.shape
    bits = _hashed(words, c * height * width)
    first = ((bits >> 40) & 0xFFFFFF).float().add_(1.0).mul_(2.0**-24)
    second = ((bits >> 16) & 0xFFFFFF).float().mul_(2.0**-24)
    normal = first.log_().mul_(-2.0).sqrt_() * second.mul_(2.0 * math.pi).cos_()
    noise = normal.view(n, c, height, width) * deviation[:, None, None, None]
    return (pixels + noise).clamp_(0.0, 1.0)


def grain(words: Tensor, size: int) -> Tensor:
    """Independent uniform numbers in [0, 1) for every pixel, ``(n, 1, size, size) float32``.

    Args:
        words: ``(n,) int64``, from which a view's numbers are hashed.
        size: of the views in pixels.
    """
    bits = _hashed(words, size * size)
    return ((bits >> 40) & 0xFFFFFF).float().mul_(2.0**-24).view(-1, 1, size, size)


def _hashed(words: Tensor, count: int) -> Tensor:
    """`count` words of each, ``(n, count) int64``."""
    steps = torch.arange(1, count + 1, device=words.device)
    return _scramble(words[:, None] + steps[None, :] * _GOLDEN)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def _scramble(words: Tensor) -> Tensor:
    """The same function as `drawing.scramble`, on the device; int64 products wrap as uint64's do."""
    words = (words ^ _shift(words, 30)) * _FIRST
    words = (words ^ _shift(words, 27)) * _SECOND
    return words ^ _shift(words, 31)


def _shift(words: Tensor, count: int) -> Tensor:
    return (words >> count) & ((1 << (64 - count)) - 1)
