"""Trainings with dropout: what every step dropped, of a run that was not interrupted and of one that was, saved.

``python seeding_worker.py RANK WORLD FOLDER PORT PORT PORT``, where FOLDER has ``pictures``; each run meets at a port
of its own, since one process may ask for the next run while the other still ends the last.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import nn

from copylens.networks.sscd import SSCDNetwork
from copylens.training import running
from copylens.training.building import build_network
from copylens.training.running import TrainTask, train
from copylens.training.settings import NetworkSettings
from training_samples import tiny

STEPS, KILLED, CHECKPOINT = 6, 5, 3
"""A run of `STEPS` steps; one that ends in step `KILLED`, two after its checkpoint, and goes on."""

Drawn = list[list[float]]
"""What a step drew: of dropout by PyTorch, and of NumPy and Python."""


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The end of a run, without export and page."""


class Watching(nn.Module):
    """Dropout that notes what it drops, and ends the run in the middle of a step."""

    def __init__(self, drawn: Drawn, last: int) -> None:
        super().__init__()
        self._drawn, self._last = drawn, last

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """``(N, C)`` to the same, half of it zero."""
        if not self.training:
            return rows
        if len(self._drawn) == self._last:
            raise Stopped
        kept = nn.functional.dropout(torch.ones_like(rows), 0.5)
        self._drawn.append([*kept[0].tolist(), float(np.random.random()), random.random()])
        return rows * kept


def run(folder: Path, name: str, drawn: Drawn, last: int) -> None:
    """Train until so many steps have been drawn."""

    def build(settings: NetworkSettings) -> SSCDNetwork:
        network = build_network(settings)
        assert isinstance(network.projection, nn.Linear)
        network.projection = nn.Sequential(Watching(drawn, last), network.projection)
        return network

    settings = tiny(
        "network.whiten_projection=false",
        "network.freeze_batchnorm=true",
        f"watch.checkpoint_every={CHECKPOINT}",
        "optimiser.ema=0",
    )
    task = TrainTask(
        pictures=[str(folder / "pictures")], output=folder / f"{name}-model", run=folder / name, device="cpu"
    )
    with mock.patch.object(running, "build_network", build):
        try:
            train(task, settings, report=lambda *_: None, progress=lambda *_: None)
        except Stopped:
            return
    raise AssertionError("the run was to stop in the middle")


def main(rank: int, world: int, folder: Path, ports: list[str]) -> None:
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world), LOCAL_RANK=str(rank))
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    drawn: dict[str, Drawn] = {"whole": [], "killed": [], "resumed": []}
    runs = (
        ("whole", "whole", STEPS),
        ("killed", "killed", KILLED),
        ("killed", "resumed", STEPS - CHECKPOINT),
    )
    for port, (name, kept, last) in zip(ports, runs, strict=True):
        os.environ["MASTER_PORT"] = port
        run(folder, name, drawn[kept], last)
    torch.save(drawn, folder / f"{rank}.pt")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
