"""A batch of pictures in, small views of them out: SwAV's multi-crop."""

from __future__ import annotations

from dataclasses import replace

import torch

from copylens.training.augment import Augmenter, AugmentSettings
from copylens.training.nouns import PictureBatch

TWO_PICTURES = ("inset", "overlay")
"""Operators that bring a second picture into a view; a small view would show too little of its own."""


class SmallCrops:
    """Makes small views as the recipe makes its large ones, but of a smaller part and of one picture alone.

    Args:
        augment: of the recipe.
        count: V small views of every picture.
        size: of them in pixels.
        scale: smallest and largest part of the picture's area.
        first: number of the first small view; those before are the large ones.
    """

    def __init__(
        self, augment: AugmentSettings, *, count: int, size: int, scale: tuple[float, ...], first: int = 2
    ) -> None:
        self.count, self.first = count, first
        settings = replace(
            augment,
            probability={**augment.probability, "crop": 1.0, **dict.fromkeys(TWO_PICTURES, 0.0)},
            ranges={**augment.ranges, "crop.scale": (scale[0], scale[1])},
        )
        self._augmenter = Augmenter(settings, size)

    def __call__(self, batch: PictureBatch, *, seed: int, epoch: int) -> torch.Tensor:
        """``(V B, 3, size, size) float32`` in [0, 1], view by view; each follows from seed, epoch, picture, number."""
        views = range(self.first, self.first + self.count)
        return torch.cat([self._augmenter(batch, seed=seed, epoch=epoch, view=view) for view in views])
