"""Nothing in; a tiny network, batches and steps of a training out, for the tests of SwAV."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from copylens.networks.parts import NetworkParts
from copylens.training.augment import AugmentSettings
from copylens.training.nouns import NOBODY, PictureBatch, Views
from copylens.training.terms.base import StepContext
from copylens.training.terms.swav import LARGE, SwavTerm
from copylens.training.terms.swav_settings import SwavSettings
from picture_batches import picture_batch, rows_of

WIDTH, DIMS = 5, 4

SMALL: dict[str, Any] = {
    "weight": 1.0,
    "head": "none",
    "prototypes": 6,
    "frozen_steps": 0,
    "crops": 2,
    "crop_size": 32,
    "crop_scale": (0.1, 0.4),
}


class TinyNetwork(nn.Module):
    """Pixels of any size to parts: the mean colours of a grid, one layer of features, one of descriptors."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(2)
        self.features = nn.Linear(12, WIDTH, bias=False)
        self.projection = nn.Linear(WIDTH, DIMS, bias=False)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)

    def forward(self, pixels: torch.Tensor) -> NetworkParts:
        grid = functional.adaptive_avg_pool2d(pixels - 0.5, 2)
        pooled = self.features(grid.flatten(1))
        return NetworkParts(functional.normalize(self.projection(pooled)), pooled, grid)


def make_term(**changes: Any) -> SwavTerm:
    """The term of `SMALL` with changes, on what `TinyNetwork` yields; always the same start."""
    torch.manual_seed(7)
    chosen = SwavSettings(**{**SMALL, **changes})
    width = WIDTH if chosen.on == "pooled" else DIMS
    return SwavTerm(chosen, AugmentSettings(preset="simclr"), width=width)


@dataclass
class Steps:
    """A network and a batch of pictures, as a process sees them step by step.

    Attributes:
        pictures: of all processes.
        mixed: rows of the whole batch in which a second picture lies.
        rank, world: of the process, which has equal parts of the pictures.
    """

    pictures: int = 4
    mixed: tuple[int, ...] = ()
    rank: int = 0
    world: int = 1
    network: TinyNetwork = field(default_factory=TinyNetwork)

    def context(self, step: int = 0, *, first: int = 0) -> StepContext:
        """One step; large views are random pixels that follow from the step, `first` is the first picture's number."""
        share = self.pictures // self.world
        own = list(range(self.rank * share, (self.rank + 1) * share))
        pixels = torch.rand(
            LARGE * self.pictures, 3, 32, 32, generator=torch.Generator().manual_seed(100 + step)
        )
        sources = torch.full((LARGE * self.pictures, 2), NOBODY)
        sources[:, 0] = torch.arange(first, first + self.pictures).repeat(LARGE)
        sources[list(self.mixed), 1] = 99
        rows = [view * self.pictures + picture for view in range(LARGE) for picture in own]
        batch = rows_of(self.batch(first), own)
        views = Views(pixels[rows], sources[rows])
        return StepContext(batch, views, self.network(views.pixels), self.network, 3, step // 2, step)

    def batch(self, first: int = 0) -> PictureBatch:
        """The pictures of all processes."""
        return picture_batch(self.pictures, side=48, first=first)
