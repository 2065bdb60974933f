"""One process of a distributed test: runs every case on its share of the batch and saves what came out.

``python distributed_worker.py RANK WORLD FOLDER``. The test runs the same cases in one process on the whole batch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import distributed, nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.functional import normalize

from copylens.errors import UsageError
from copylens.training.gather import Portion, gather, means_over_processes
from copylens.training.gradient_cache import cached_backward
from copylens.training.losses import LossParts, nt_xent_loss, sscd_loss
from copylens.training.memory import DescriptorMemory
from copylens.training.nouns import NOBODY
from worker_group import meeting

PICTURES, VIEWS = 6, 2
Result: TypeAlias = dict[str, torch.Tensor]
Loss: TypeAlias = Callable[..., LossParts]

ONE_PICTURE_EACH = torch.arange(PICTURES).repeat(VIEWS)
ACROSS = ONE_PICTURE_EACH % 4
"""Pictures 0 and 4, 1 and 5 are the same, and lie on different processes."""
ONE_SIDED = torch.tensor([0, 0, 1, 2, 3, 4, 0, 0, 1, 5, 6, 7])
"""Pictures 0 to 2, on process 0, have positives; the views on process 1 have none."""


class Network(nn.Module):
    """Vectors in, descriptors out."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.first, self.last = nn.Linear(8, 10), nn.Linear(10, 5)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return normalize(self.last(torch.tanh(self.first(rows))))


def rows_of(rank: int, world: int) -> list[int]:
    """A process's rows of the whole batch, view by view."""
    share = PICTURES // world
    return [view * PICTURES + rank * share + picture for view in range(VIEWS) for picture in range(share)]


def whole_batch(pictures: torch.Tensor, *, mixed: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(PICTURES * VIEWS, 8, generator=generator, dtype=torch.float64)
    sources = torch.stack([pictures, torch.full_like(pictures, NOBODY)], dim=1)
    # Every third row shows the picture three further on as well, which lies on the other process.
    sources[: 3 * mixed : 3, 1] = pictures.roll(-3)[: 3 * mixed : 3]
    return inputs, sources


EXCHANGES: list[int] = []
"""Sizes of what DistributedDataParallel exchanged, one entry each time."""


def counting(network: nn.parallel.DistributedDataParallel) -> nn.parallel.DistributedDataParallel:
    """The same network, which notes its exchanges of gradients."""

    def note(group: Any, bucket: Any) -> torch.futures.Future[torch.Tensor]:
        EXCHANGES.append(bucket.buffer().numel())
        return allreduce_hook(group, bucket)

    # It refuses hooks whose annotations are strings.
    network.register_comm_hook(distributed.group.WORLD, lambda group, bucket: note(group, bucket))
    return network


def exchanges(rank: int, world: int) -> list[int]:
    """What a step in three chunks exchanged."""
    EXCHANGES.clear()
    CASES["chunks"](rank, world)
    return list(EXCHANGES)


def run(
    rank: int,
    world: int,
    *,
    loss: Loss,
    pictures: torch.Tensor = ACROSS,
    mixed: int = 0,
    memory: int = 0,
    chunk: int = 0,
    dtype: torch.dtype = torch.float64,
    half: bool = False,
) -> Result:
    """A step of training up to the gradients, averaged over processes by DistributedDataParallel."""
    inputs, sources = whole_batch(pictures, mixed=mixed)
    own = rows_of(rank, world)
    inputs, sources = inputs[own].to(dtype), sources[own]
    network: nn.Module = Network().to(dtype)
    if world > 1:
        network = counting(nn.parallel.DistributedDataParallel(network))
    if memory:
        store = DescriptorMemory(memory, 5)
        former, former_sources = whole_batch(ONE_PICTURE_EACH + 2, mixed=0, seed=1)
        store.add(normalize(former[own][:, :5]), former_sources[own])
        loss = partial(loss, memory=store)

    def loss_of(descriptors: torch.Tensor) -> LossParts:
        return loss(descriptors.bfloat16() if half else descriptors, sources)

    parts = cached_backward(network, inputs, loss_of, chunk=chunk).parts
    result = {"total": parts.total.detach(), "info_nce": parts.info_nce, "koleo": parts.koleo}
    result |= parts.statistics
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        result[f"gradient of {name.removeprefix('module.')}"] = parameter.grad
    return result


CASES: dict[str, Callable[[int, int], Result]] = {
    "pairs": partial(run, loss=sscd_loss),
    "one picture each": partial(run, loss=sscd_loss, pictures=ONE_PICTURE_EACH),
    "mixing": partial(run, loss=partial(sscd_loss, average="anchors"), mixed=4),
    "positives on one process": partial(run, loss=sscd_loss, pictures=ONE_SIDED),
    "anchors on one process": partial(run, loss=partial(sscd_loss, average="anchors"), pictures=ONE_SIDED),
    "one picture": partial(run, loss=sscd_loss, pictures=torch.zeros_like(ACROSS)),
    "memory": partial(run, loss=sscd_loss, memory=12),
    "koleo over memory": partial(run, loss=partial(sscd_loss, koleo_over_memory=True), memory=12),
    "koleo alone": partial(run, loss=partial(sscd_loss, temperature=1e3, entropy_weight=50)),
    "chunks": partial(run, loss=sscd_loss, chunk=2, mixed=2),
    "chunks and memory": partial(run, loss=sscd_loss, chunk=4, memory=12),
    "nt-xent": partial(run, loss=nt_xent_loss, pictures=ONE_PICTURE_EACH),
    "float32": partial(run, loss=sscd_loss, dtype=torch.float32),
    "bfloat16": partial(run, loss=sscd_loss, dtype=torch.float32, half=True),
}


def gathered(rank: int) -> Result:
    """The gather alone: process r weighs row j by (r + 1) (j + 1), so a row's gradient is 3 (j + 1)."""
    rows = (torch.arange(6.0).reshape(3, 2) + 10 * rank).requires_grad_()
    batch = gather(rows, torch.arange(6).reshape(3, 2) + 10 * rank)
    weights = (rank + 1) * torch.arange(1.0, 7.0)
    (batch.descriptors.sum(dim=1) * weights).sum().backward()  # type: ignore[no-untyped-call]
    assert rows.grad is not None
    mean = means_over_processes({"x": Portion(torch.tensor(10.0 * rank), torch.tensor(3 * rank))})["x"]
    return {
        "descriptors": batch.descriptors.detach(),
        "sources": batch.sources,
        "offset": torch.tensor(batch.offset),
        "gradient": rows.grad,
        "mean": mean,
    }


def remembered(rank: int, world: int) -> Result:
    """What a memory of 15 holds after two batches of 12 over all processes."""
    memory = DescriptorMemory(15, 8)
    for seed in (0, 1):
        inputs, sources = whole_batch(ONE_PICTURE_EACH + 100 * seed, mixed=0, seed=seed)
        own = rows_of(rank, world)
        memory.add(inputs[own], sources[own])
    return {"descriptors": memory.descriptors, "sources": memory.sources}


def refusals(rank: int) -> list[str]:
    """What is said of unequal batches; both processes must hear it, and go on."""
    heard = []
    rows, sources = torch.ones(2 + rank, 5), torch.zeros(2 + rank, 2, dtype=torch.int64)
    for attempt in (
        lambda: sscd_loss(rows, sources),
        lambda: DescriptorMemory(4, 5).add(rows, sources),
    ):
        try:
            attempt()
        except UsageError as error:
            heard.append(str(error))
    return heard


def main(rank: int, world: int, folder: Path) -> None:
    with meeting(rank, world, folder):
        found: dict[str, Any] = {name: case(rank, world) for name, case in CASES.items()}
        found["gather"] = gathered(rank)
        found["remembered"] = remembered(rank, world)
        found["exchanges"] = exchanges(rank, world)
        found["refusals"] = refusals(rank)
        torch.save(found, folder / f"{rank}.pt")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
