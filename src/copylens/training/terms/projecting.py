"""Features in, unit rows in the prototypes' space out; the prototypes themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from copylens.training.gather import Group, world_size
from copylens.training.terms.swav_settings import SwavHead

EPSILON = 1e-5


class Projection(nn.Module):
    """The head between features and prototypes, then the L2 norm.

    Args:
        kind: ``"mlp"``: linear, standardised over the batch of all processes, ReLU, linear; ``"linear"``; ``"none"``.
        width: of the features.
        hidden: width of the hidden layer.
        dims: d; not looked at without a head.
    """

    def __init__(self, kind: SwavHead, width: int, *, hidden: int, dims: int) -> None:
        super().__init__()
        self.dims = width if kind == "none" else dims
        self.layers: nn.Module
        if kind == "mlp":
            self.layers = nn.Sequential(
                nn.Linear(width, hidden, bias=False),
                BatchStandard(hidden),
                nn.ReLU(),
                nn.Linear(hidden, dims),
            )
        else:
            self.layers = nn.Linear(width, dims) if kind == "linear" else nn.Identity()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """``(n, width)`` of any floating type to ``(n, d) float32`` of length 1."""
        return functional.normalize(self.layers(features.float()))


class BatchStandard(nn.Module):
    """Batch normalisation by the rows of all processes, without running statistics: nothing is evaluated with it.

    PyTorch's own knows several processes on CUDA only. Processes must have the same number of rows.

    Args:
        width: of the rows.
        group: which processes.
    """

    def __init__(self, width: int, *, group: Group = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self._group = group

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Standardise every column of ``(n, width)``, then scale and shift."""
        count = len(rows) * world_size(self._group)
        centred = rows - _sum(rows.sum(dim=0), self._group) / count
        variance = _sum(centred.square().sum(dim=0), self._group) / count
        return centred * (variance + EPSILON).rsqrt() * self.weight + self.bias


class Prototypes(nn.Module):
    """K unit vectors ``(K, d)``, drawn from PyTorch's global random state."""

    def __init__(self, count: int, dims: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(functional.normalize(torch.randn(count, dims)))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Scores ``(n, K)`` of rows ``(n, d)``."""
        return rows @ self.weight.T

    @torch.no_grad()
    def to_unit_length(self) -> None:
        """Undo what a step of the optimiser does to the lengths."""
        self.weight.copy_(functional.normalize(self.weight))


def _sum(values: torch.Tensor, group: Group) -> torch.Tensor:
    """Sum over the processes; what asks for the sum anywhere, asks for every process's share of it."""
    if world_size(group) == 1:
        return values
    made: torch.Tensor = _Sum.apply(values, group)  # type: ignore[no-untyped-call]
    return made


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, group: Group) -> torch.Tensor:
        ctx.group = group
        total = values.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total, group=group)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total, group=ctx.group)
        return total, None
