"""One process of a distributed test of distillation and of mining: its share of the work, and what came out, saved.

``python hard_batches_worker.py RANK WORLD FOLDER``. The test does the same in one process on everything.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from copylens.training.data import DataSettings
from copylens.training.data.loader import PictureLoader
from copylens.training.mining.miner import Miner
from copylens.training.processes import Processes
from copylens.training.terms.distill import DistillSettings
from distill_twins import context_of, distillation, unit_rows
from distributed_worker import ONE_PICTURE_EACH as PICTURES
from distributed_worker import Network, rows_of, whole_batch
from mined_pictures import ColourNetwork, coloured_pictures, mining
from worker_group import meeting

CASES: dict[str, dict[str, Any]] = {
    "relational": {},
    "both": {"kind": "both", "map": True},
    "first view": {"kind": "both", "map": True, "teacher_view": "first", "views": (1,)},
}


def distilled(rank: int, world: int, **changes: Any) -> dict[str, torch.Tensor]:
    """Value and gradients of one step of distillation, averaged over processes as the training does."""
    inputs, _ = whole_batch(PICTURES, mixed=0)
    own = rows_of(rank, world)
    network: nn.Module = Network().double()
    if world > 1:
        network = DistributedDataParallel(network)
    settings = DistillSettings(weight=1.0, teachers=("a", "b"), **changes)
    answers = [unit_rows(len(inputs), dims, dims) for dims in (4, 7)]
    torch.manual_seed(5)
    term = distillation(settings, answers, 5).double()
    made = term(context_of(network(inputs[own]), rows=own))
    made.value.backward()
    found = {"value": made.value.detach(), **made.statistics}
    for name, parameter in [*network.named_parameters(), *term.named_parameters()]:
        assert parameter.grad is not None
        if name.startswith("map") and world > 1:
            distributed.all_reduce(parameter.grad)
            parameter.grad /= world
        found[f"gradient of {name.removeprefix('module.')}"] = parameter.grad
    return found


def mined(rank: int, world: int, kind: str) -> dict[str, Any]:
    """Keys of all batches of two epochs, those of all processes together, and what was found."""
    settings = mining(kind=kind, refresh_epochs=2)
    source = coloured_pictures()
    keys = []
    with PictureLoader(
        source, DataSettings(canvas=32), batch=settings.loop.batch // world, seed=0, rank=rank, world=world
    ) as loader:
        miner = Miner(settings, loader, Processes(rank, world, torch.device("cpu")))
        for epoch in range(2):
            said = miner.look(epoch, ColourNetwork())  # type: ignore[arg-type]
            assert (said is not None) == (epoch == 0)
            keys += [batch.keys for batch in loader.epoch(epoch)]
    return {"keys": torch.stack(keys), "read": sorted(source.reads), **miner.state_dict()}


def main(rank: int, world: int, folder: Path) -> None:
    with meeting(rank, world, folder):
        found: dict[str, Any] = {name: distilled(rank, world, **changes) for name, changes in CASES.items()}
        found |= {kind: mined(rank, world, kind) for kind in ("neighbours", "clusters")}
        torch.save(found, folder / f"{rank}.pt")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
