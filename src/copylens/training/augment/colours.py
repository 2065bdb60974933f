"""Views in, views of other colours out: jitter and grey, every view with its own amounts.

All functions take and return ``(n, 3, H, W) float32`` in [0, 1].
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from copylens.training.augment.drawing import Draws
from copylens.training.augment.sampling import to_device
from copylens.training.augment.settings import Range

LUMA = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in grey, as torchvision has them."""

JITTERS = ("brightness", "contrast", "saturation", "hue")


def grey_of(pixels: Tensor) -> Tensor:
    """Brightness of every pixel, ``(n, 1, H, W)``."""
    red, green, blue = pixels.unbind(1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[:, None]


def make_grey(pixels: Tensor) -> Tensor:
    """Take the colours away; three equal channels."""
    return grey_of(pixels).expand(-1, 3, -1, -1).clamp(0.0, 1.0)


def brightness(pixels: Tensor, amount: Tensor) -> Tensor:
    """Multiply by the amounts ``(n,)``."""
    return (pixels * amount[:, None, None, None]).clamp_(0.0, 1.0)


def contrast(pixels: Tensor, amount: Tensor) -> Tensor:
    """Stretch about the mean brightness of the view by the amounts ``(n,)``."""
    mean = grey_of(pixels).mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, pixels, amount[:, None, None, None]).clamp_(0.0, 1.0)


def saturation(pixels: Tensor, amount: Tensor) -> Tensor:
    """Stretch about every pixel's grey by the amounts ``(n,)``."""
    return torch.lerp(grey_of(pixels), pixels, amount[:, None, None, None]).clamp_(0.0, 1.0)


def hue(pixels: Tensor, amount: Tensor) -> Tensor:
    """Turn the colour circle by the amounts ``(n,)``, 1 being once around; value and saturation stay (HSV)."""
    red, green, blue = pixels.unbind(1)
    top = torch.maximum(torch.maximum(red, green), blue)
    spread = top - torch.minimum(torch.minimum(red, green), blue)
    safe = spread.clamp(min=1e-8)
    sector = torch.where(
        top == red,
        (green - blue) / safe,
        torch.where(top == green, (blue - red) / safe + 2.0, (red - green) / safe + 4.0),
    )
    sector += 6.0 * amount[:, None, None]
    channels = []
    for start in (5.0, 3.0, 1.0):
        place = (sector + start).remainder_(6.0)
        channels.append(top - spread * torch.minimum(place, 4.0 - place).clamp_(0.0, 1.0))
    return torch.stack(channels, dim=1)


def jitter(pixels: Tensor, draws: Draws, ranges: dict[str, Range]) -> Tensor:
    """Change brightness, contrast, saturation and hue, in an order drawn for every view.

    Args:
        pixels: ``(n, 3, H, W)``; changed in place.
        draws: of the n pictures.
        ranges: of the amounts, by `JITTERS`.
    """
    order = draws.order("jitter/order", len(JITTERS))
    amounts = {name: draws.uniform(f"jitter/{name}", *ranges[name]) for name in JITTERS}
    changes = {"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}
    for turn in range(len(JITTERS)):
        for number, name in enumerate(JITTERS):
            rows = np.flatnonzero(order[:, turn] == number)
            if len(rows):
                index = to_device(rows, pixels.device)
                pixels[index] = changes[name](pixels[index], to_device(amounts[name][rows], pixels.device))
    return pixels
