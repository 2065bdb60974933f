"""Views and what was drawn for them in, views with other detail or bars out: how operators get their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from copylens.training.augment.detail import REFERENCE_SIZE, add_noise, blur, grain, pixelate
from copylens.training.augment.drawing import Draws, Integers
from copylens.training.augment.jpeg import jpeg
from copylens.training.augment.printing import dots, halftone, smear, stripes
from copylens.training.augment.sampling import to_device
from copylens.training.augment.settings import Range

Ranges: TypeAlias = Mapping[str, Range]
Change: TypeAlias = Callable[[Tensor, Draws, Ranges], Tensor]

_GRAINED = 1 / 3
"""Of halftones, those whose thresholds are grain and no dots."""


def _stripes(views: Tensor, draws: Draws, ranges: Ranges) -> Tensor:
    drawn = (
        draws.uniform("stripes/angle", 0.0, np.pi),
        _whole(draws, "stripes/count", ranges["stripes.count"]).astype(np.float64),
        draws.uniform("stripes/coverage", *ranges["stripes.coverage"]),
        draws.uniforms("stripes/colour", 0.0, 1.0, 3),
    )
    return stripes(views, *(to_device(each, views.device) for each in drawn))


def _halftone(views: Tensor, draws: Draws, ranges: Ranges) -> Tensor:
    size, device = views.shape[-1], views.device
    period = draws.uniform("halftone/period", *ranges["halftone.period"]) * (size / REFERENCE_SIZE)
    angle = draws.uniform("halftone/angle", 0.0, np.pi)
    screen = dots(to_device(angle, device), to_device(period, device), size)
    grained = to_device(draws.happens("halftone/grained", _GRAINED).astype(np.int64), device)
    noise = grain(to_device(_words(draws, "halftone/words"), device), size)
    threshold = torch.where(grained.bool()[:, None, None, None], noise, screen)
    tones = _whole(draws, "halftone/tones", ranges["halftone.tones"]).astype(np.float64)
    coloured = to_device(draws.happens("halftone/coloured", 0.5).astype(np.int64), device).bool()
    return halftone(views, threshold, to_device(tones, device), coloured)


def _pixelate(views: Tensor, draws: Draws, ranges: Ranges) -> Tensor:
    return pixelate(views, to_device(_whole(draws, "pixelate/cells", ranges["pixelate.cells"]), views.device))


def _smear(views: Tensor, draws: Draws, ranges: Ranges) -> Tensor:
    length = draws.uniform("smear/length", *ranges["smear.length"]) * (views.shape[-1] / REFERENCE_SIZE)
    angle = to_device(draws.uniform("smear/angle", 0.0, np.pi), views.device)
    return smear(views, angle, to_device(length, views.device), largest=float(length.max()))


def _blur(views: Tensor, draws: Draws, ranges: Ranges) -> Tensor:
    scale = views.shape[-1] / REFERENCE_SIZE
    radius = draws.uniform("blur/radius", *ranges["blur.radius"]) * scale
    return blur(views, to_device(radius, views.device), largest=float(radius.max()))


def _noise(views: Tensor, draws: Draws, ranges: Ranges) -> Tensor:
    deviation = draws.uniform("noise/deviation", *ranges["noise.deviation"])
    words = _words(draws, "noise/words")
    return add_noise(views, to_device(words, views.device), to_device(deviation, views.device))


def _jpeg(views: Tensor, draws: Draws, ranges: Ranges) -> Tensor:
    quality = _whole(draws, "jpeg/quality", ranges["jpeg.quality"])
    return jpeg(views, to_device(quality, views.device).float())


def _whole(draws: Draws, name: str, limits: Range) -> Integers:
    """A whole number between both limits, which may be met."""
    low, high = limits
    return draws.integer(name, int(low), int(high) + 1)


def _words(draws: Draws, name: str) -> Integers:
    return draws.bits(name)[:, 0].view(np.int64)


CHANGES: dict[str, Change] = {
    "stripes": _stripes,
    "halftone": _halftone,
    "pixelate": _pixelate,
    "smear": _smear,
    "blur": _blur,
    "noise": _noise,
    "jpeg": _jpeg,
}
"""By operator; each takes ``(n, 3, H, W) float32`` in [0, 1] and gives as much."""
