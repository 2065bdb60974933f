"""Rows and sums of this process in, rows and means of all processes out, with the gradient of one process.

Shapes: n rows on this process, W processes, N = W x n rows, D dimensions. Process r owns rows ``r * n`` to
``(r + 1) * n`` of what is gathered. ``docs/math.md`` derives the scaling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import distributed
from torch.autograd.function import once_differentiable

from copylens.errors import UsageError

Group: TypeAlias = distributed.ProcessGroup | None
"""None: all processes, or this one alone where none were started."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The whole batch as one process sees it.

    Attributes:
        descriptors: ``(N, D)``; differentiable back to every process's rows.
        sources: ``(N, 2) int64``.
        offset: this process's first row.
    """

    descriptors: torch.Tensor
    sources: torch.Tensor
    offset: int


class Portion(NamedTuple):
    """This process's share of a mean: the 0-d `total` of some terms, and their number, 0-d `terms`."""

    total: torch.Tensor
    terms: torch.Tensor

    def mean(self) -> torch.Tensor:
        """The mean of this process's own terms; 0 where there are none."""
        return self.total / self.terms.clamp(min=1).to(self.total.dtype)


def world_size(group: Group = None) -> int:
    """W; 1 where no processes were started."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size(group)
    return 1


def gather(descriptors: torch.Tensor, sources: torch.Tensor, *, group: Group = None) -> Gathered:
    """Collect the rows of all processes; every process must call it.

    The gradient of a row is the sum of what all processes ask of it.

    Args:
        descriptors: ``(n, D)`` floating point.
        sources: ``(n, 2) int64``.
        group: which processes.

    Raises:
        UsageError: the shapes do not fit, or processes have different numbers of rows; all of them raise it.
    """
    if descriptors.ndim != 2 or sources.shape != (len(descriptors), 2):
        shapes = f"{tuple(descriptors.shape)} and {tuple(sources.shape)}"
        raise UsageError(f"Descriptors (n, D) need sources (n, 2); their shapes are {shapes}.")
    if world_size(group) == 1:
        return Gathered(descriptors, sources, 0)
    _refuse_uneven(descriptors, group)
    rank = distributed.get_rank(group)
    everyone = _Gather.apply(descriptors, group)  # type: ignore[no-untyped-call]
    return Gathered(everyone, _collect(sources, group), rank * len(descriptors))


def means_over_processes(portions: Mapping[str, Portion], *, group: Group = None) -> dict[str, torch.Tensor]:
    """Turn shares into the means over all processes; every process must call it, with the same names.

    The value is that of one process on the whole batch, the same everywhere. The gradient is that of W times this
    process's share of it, so that the mean over processes, which DistributedDataParallel takes, is the gradient
    of the value. A mean of nothing is 0.

    Returns:
        0-d tensors of the totals' types.
    """
    shares = list(portions.values())
    # float64: counts of pairs exceed what float32 holds exactly.
    sums = torch.stack([part.detach().double() for share in shares for part in share])
    size = world_size(group)
    if size > 1:
        distributed.all_reduce(sums, group=group)
    means = {}
    for name, share, total, count in zip(portions, shares, sums[0::2], sums[1::2], strict=True):
        count = count.clamp(min=1)
        mean = (total / count).to(share.total.dtype)
        if share.total.requires_grad:
            own = share.total * (size / count).to(share.total.dtype)
            mean = mean + (own - own.detach())
        means[name] = mean
    return means


def _refuse_uneven(rows: torch.Tensor, group: Group) -> None:
    """Compare row counts first: collectives on unequal shapes hang or mix up memory.

    On a GPU this waits for the device once a step.
    """
    counts = _collect(torch.full((1,), len(rows), device=rows.device), group).tolist()
    if len(set(counts)) > 1:
        raise UsageError(
            f"Processes brought different numbers of rows ({', '.join(map(str, counts))}): "
            "give every process a batch of the same size and drop the incomplete last one."
        )


def _collect(rows: torch.Tensor, group: Group) -> torch.Tensor:
    pieces = [torch.empty_like(rows) for _ in range(distributed.get_world_size(group))]
    distributed.all_gather(pieces, rows.contiguous(), group=group)
    return torch.cat(pieces)


class _Gather(torch.autograd.Function):
    """All-gather whose backward sums over processes; PyTorch's own all_gather has no backward."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, group: Group) -> torch.Tensor:
        ctx.group, ctx.rows = group, len(rows)
        return _collect(rows, group)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        summed = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(summed, group=ctx.group)
        start = distributed.get_rank(ctx.group) * ctx.rows
        return summed[start : start + ctx.rows], None
