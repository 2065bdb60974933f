"""Pictures of plain colours and a network that sees nothing but colour: who is like whom is known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from copylens.training.settings import TrainSettings
from picture_places import Listed
from training_samples import tiny
from workflow_samples import picture_bytes

COLOURS = ((250, 20, 20), (20, 250, 20), (20, 20, 250), (240, 240, 20))
EACH = 12
SETTINGS = ("loop.batch=8", "loop.size=32", "network.mean=[0.5,0.5,0.5]", "network.deviation=[0.5,0.5,0.5]")


def coloured_pictures(*, copies: int = 0, broken: tuple[int, ...] = ()) -> Listed:
    """Picture n has a shade of colour n modulo 4; then come copies of the first ones."""
    entries: list[bytes | None] = []
    for number in range(len(COLOURS) * EACH):
        shade = np.array(COLOURS[number % len(COLOURS)]) + np.random.default_rng(number).integers(-18, 19, 3)
        pixels = np.broadcast_to(shade.clip(0, 255).astype(np.uint8), (32, 32, 3))
        entries.append(picture_bytes(np.ascontiguousarray(pixels), "PNG"))
    entries += entries[:copies]
    return Listed([None if number in broken else entry for number, entry in enumerate(entries)])


def mining(*changes: str, **keys: Any) -> TrainSettings:
    """A recipe that mines in groups of four; `keys` are those of its section, None leaves one out."""
    chosen = {"kind": "neighbours", "group": 4, "share": 0.5, "protect_threshold": 0.99999} | keys
    return tiny(
        *SETTINGS, *(f"mining.{key}={value}" for key, value in chosen.items() if value is not None), *changes
    )


class ColourNetwork(nn.Module):
    """``(N, 3, H, W)`` normalised pixels to ``(N, 16)``: the mean colour, and zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.modes: list[bool] = []

    def forward(self, pixels: Tensor) -> Tensor:
        self.modes.append(self.training)
        colour: Tensor = normalize(pixels.mean(dim=(2, 3)))
        return torch.cat([colour, torch.zeros(len(colour), 13)], dim=1)
