"""Views in, what JPEG leaves of them out; every view with its own quality (ITU-T T.81, 4:2:0 as Pillow's default)."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional

# Tables K.1 and K.2 of the standard: quantisation of brightness and of colour at quality 50.
_BRIGHTNESS = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"
)
_COLOUR = (
    "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99 "
    "99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99"
)
_BLOCK = 8


def jpeg(pixels: Tensor, quality: Tensor) -> Tensor:
    """Quantise the cosine transform of 8 x 8 blocks as libjpeg does; the entropy coding loses nothing and is left out.

    Args:
        pixels: ``(n, 3, H, W) float32`` in [0, 1].
        quality: ``(n,) float32``, whole numbers 0 to 100; below 1 is 1, as in libjpeg.

    Returns:
        ``(n, 3, H, W) float32`` in [0, 1], multiples of 1/255.
    """
    height, width = pixels.shape[-2:]
    double = 2 * _BLOCK
    padding = (0, -width % double, 0, -height % double)
    values = functional.pad(pixels, padding, mode="replicate").mul(255.0).round_()
    red, green, blue = values.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    colours = torch.stack([(blue - luma) * 0.564334, (red - luma) * 0.713267], dim=1)
    scale = _scale(quality)
    luma = _requantise(luma[:, None].round() - 128.0, _table(_BRIGHTNESS, scale)) + 128.0
    halved = functional.avg_pool2d(colours.round_(), 2).round_()
    halved = _requantise(halved, _table(_COLOUR, scale))
    blueness, redness = _double(halved).unbind(1)
    luma = luma[:, 0].round_().clamp_(0.0, 255.0)
    channels = (
        luma + 1.402 * redness,
        luma - 0.344136 * blueness - 0.714136 * redness,
        luma + 1.772 * blueness,
    )
    decoded = torch.stack(channels, dim=1).round_().clamp_(0.0, 255.0).div_(255.0)
    return decoded[..., :height, :width].contiguous()


def _scale(quality: Tensor) -> Tensor:
    quality = quality.clamp(1.0, 100.0)
    return torch.where(quality < 50.0, (5000.0 / quality).floor(), 200.0 - 2.0 * quality)


@functools.lru_cache(maxsize=16)
def _base(text: str, device: torch.device) -> Tensor:
    return torch.tensor([float(word) for word in text.split()]).to(device)


def _table(text: str, scale: Tensor) -> Tensor:
    """Divisors ``(n, 1, 64)``."""
    return (
        ((_base(text, scale.device)[None, None, :] * scale[:, None, None] + 50.0) / 100.0)
        .floor_()
        .clamp_(1.0, 255.0)
    )


@functools.lru_cache(maxsize=8)
def _cosines(device: torch.device) -> Tensor:
    """The two-dimensional transform of a flattened block, an orthogonal ``(64, 64)`` matrix."""
    line = torch.tensor(
        [
            [
                math.sqrt((1.0 if k == 0 else 2.0) / _BLOCK)
                * math.cos((2 * x + 1) * k * math.pi / (2 * _BLOCK))
                for x in range(_BLOCK)
            ]
            for k in range(_BLOCK)
        ]
    )
    return torch.kron(line, line).to(device)


def _requantise(values: Tensor, table: Tensor) -> Tensor:
    """Round the transform of every block of ``(n, C, H, W)`` to multiples of the table."""
    n, c, height, width = values.shape
    rows, columns = height // _BLOCK, width // _BLOCK
    blocks = values.view(n, c, rows, _BLOCK, columns, _BLOCK).transpose(3, 4).reshape(n, -1, _BLOCK * _BLOCK)
    cosines = _cosines(values.device)
    coefficients = (blocks @ cosines.T).div_(table).round_().mul_(table)
    blocks = (coefficients @ cosines).view(n, c, rows, columns, _BLOCK, _BLOCK)
    return blocks.transpose(3, 4).reshape(n, c, height, width)


def _double(values: Tensor) -> Tensor:
    """Twice the size: three parts of the nearest and one of the next, along each axis."""
    return functional.interpolate(values, scale_factor=2.0, mode="bilinear", align_corners=False)
