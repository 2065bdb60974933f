"""One process of a distributed test of the patch term: its share of the batch in, loss and gradients in a file out.

``python patch_worker.py RANK WORLD FOLDER``. The test runs the same cases in one process on the whole batch.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import TypeAlias

import torch
from torch import distributed, nn

from copylens.networks.parts import NetworkParts
from copylens.training.augment import OPERATORS, Augmenter, AugmentSettings
from copylens.training.mixing import MixingSettings, make_views
from copylens.training.nouns import Traces, Views
from copylens.training.terms.base import StepContext
from copylens.training.terms.patch import PatchNegatives, PatchSettings, PatchTerm
from picture_batches import picture_batch, rows_of
from worker_group import meeting

PICTURES, CHANNELS, GRID = 6, 5, (2, 3)
Result: TypeAlias = dict[str, torch.Tensor]


class Backbone(nn.Module):
    """Pixels to a grid of features; wrapped by DistributedDataParallel, as in a run."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, CHANNELS, 3)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = nn.functional.adaptive_avg_pool2d(self.layer(pixels).tanh(), GRID)
        return found


def whole_batch(hidden: int) -> Views:
    """Two views of every picture, one after the other; those of the first `hidden` pictures have nothing in common."""
    chances = {name: float(name in {"crop", "flip", "rotate"}) for name in OPERATORS}
    augmenter = Augmenter(AugmentSettings(probability=chances), 16)
    views = make_views(
        augmenter,
        picture_batch(PICTURES, side=16),
        MixingSettings(),
        seed=0,
        epoch=0,
        step=0,
        trace=True,
    )
    assert views.traces is not None
    covered = views.traces.covered.clone()
    covered[:hidden] = torch.tensor([0.0, 0.0, 1.0, 1.0])
    # Pictures 0 and 5, on different processes, are near-duplicates.
    sources = views.sources.clone()
    sources[sources == 5] = 0
    return Views(views.pixels.double(), sources, Traces(views.traces.maps, views.traces.shown, covered))


def run(rank: int, world: int, *, negatives: PatchNegatives, hidden: int) -> Result:
    """A step up to the gradients, averaged over processes as a run averages them."""
    share = PICTURES // world
    own = [rank * share + picture for picture in range(share)]
    rows = torch.tensor([view * PICTURES + picture for view in (0, 1) for picture in own])
    whole = whole_batch(hidden)
    assert whole.traces is not None
    views = Views(whole.pixels[rows], whole.sources[rows], whole.traces.rows(rows))
    torch.manual_seed(0)
    network: nn.Module = Backbone().double()
    settings = PatchSettings(weight=1.0, dims=4, negatives=negatives)
    term = PatchTerm(settings, CHANNELS, grid=GRID).double()
    if world > 1:
        network = nn.parallel.DistributedDataParallel(network)
    local = network(views.pixels)
    parts = NetworkParts(local.mean((2, 3)), local.mean((2, 3)), local)
    batch = rows_of(picture_batch(PICTURES, side=16), own)
    made = term(StepContext(batch, views, parts, lambda _: parts, 0, 0, 0))
    made.value.backward()
    result = {"value": made.value.detach(), **made.statistics}
    for name, parameter in [*network.named_parameters(), *term.named_parameters()]:
        assert parameter.grad is not None
        if world > 1 and name.startswith("head"):
            distributed.all_reduce(parameter.grad)
            parameter.grad /= world
        result[f"gradient of {name.removeprefix('module.')}"] = parameter.grad
    return result


_KINDS: tuple[PatchNegatives, ...] = ("view", "batch")
CASES = {
    f"{negatives}, {hidden} hidden": (negatives, hidden)
    for negatives, hidden in product(_KINDS, (0, 2, 3, PICTURES))
}
"""Process 0 has the first three pictures: fewer cells than process 1, then none; then nobody has any."""


def main(rank: int, world: int, folder: Path) -> None:
    with meeting(rank, world, folder):
        found = {
            name: run(rank, world, negatives=negatives, hidden=hidden)
            for name, (negatives, hidden) in CASES.items()
        }
        torch.save(found, folder / f"{rank}.pt")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
