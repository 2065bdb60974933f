"""The processes of a training: torchrun's environment in; which one this is, and how many there are, out."""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed

from copylens.errors import UsageError


@dataclass(frozen=True, slots=True)
class Processes:
    """Which of the processes this is.

    Attributes:
        rank: 0 .. world - 1.
        world: how many there are over all machines.
        device: that this one computes on.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this one writes logs, checkpoints and the model."""
        return self.rank == 0


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the process group that torchrun prepared; without torchrun there is one process and no group.

    Args:
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        UsageError: CUDA was asked for and PyTorch finds none.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    chosen = _device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if world == 1:
        yield Processes(0, 1, chosen)
        return
    with process_group("nccl" if chosen.type == "cuda" else "gloo"):
        yield Processes(rank, world, chosen)


@contextmanager
def process_group(backend: str, **options: Any) -> Iterator[None]:
    """Have a default process group that leaves nothing behind.

    Gloo's threads end with the last reference to their group. One that lives on while the interpreter ends aborts the
    process when it lets go of a tensor then, since it may not take Python's lock any more.

    Args:
        backend: ``"gloo"`` or ``"nccl"``.
        options: what else ``init_process_group`` takes.
    """
    # Functions of this module have the default group as a default value, if there is one when they are made.
    # DistributedDataParallel imports it: so import it while there is none.
    importlib.import_module("torch.distributed.nn.functional")
    distributed.init_process_group(backend, **options)
    try:
        yield
    finally:
        # A wrapped network refers to itself, and to the group.
        gc.collect()
        distributed.destroy_process_group()


def _device(wanted: str, local_rank: int) -> torch.device:
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError(
            "--device cuda: PyTorch finds no CUDA device here; take cpu, or a PyTorch with CUDA."
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)
