"""What a term of the loss is given at every step, and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from copylens.networks.parts import NetworkParts
from copylens.training.nouns import PictureBatch, Views


@dataclass(frozen=True, slots=True)
class StepContext:
    """One step as a term sees it; rows are this process's.

    Attributes:
        batch: B pictures, from which a term may make further views.
        views: N rows with pixels in [0, 1], before the network's normalisation.
        parts: what the network made of `views`, with its graph.
        describe: ``(n, 3, H, W)`` pixels in [0, 1] to the network's parts, with a graph unless the caller turned
            gradients off, in the precision of the run. Every process must call it equally often.
        seed: of the run.
        epoch: of the training.
        step: of the training, 0 at its start.
    """

    batch: PictureBatch
    views: Views
    parts: NetworkParts
    describe: Callable[[torch.Tensor], NetworkParts]
    seed: int
    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class TermLoss:
    """What a term adds.

    Attributes:
        value: 0-d float32, unweighted. Its value is the same on all processes, and the mean over the processes of its
            gradients is the gradient of the whole batch (`means_over_processes` gives such values).
        statistics: 0-d detached tensors for the log, named ``term/what``.
    """

    value: torch.Tensor
    statistics: Mapping[str, torch.Tensor] = field(default_factory=dict)


class Term(nn.Module, ABC):
    """A part of the loss with parameters and buffers of its own; they are optimised and saved with the network.

    Parameters learn at the head's rate. They must be initialised alike on all processes, from PyTorch's global
    random state, and their gradients are averaged over the processes.

    Args:
        weight: of the term in the sum.
    """

    name: str
    """Of the term, as its section of the recipe."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    @abstractmethod
    def forward(self, context: StepContext) -> TermLoss:
        """The term's loss on one step; called outside autocast."""

    def before_step(self, step: int) -> None:
        """Called after ``backward`` and before the optimiser moves, without a graph: gradients may be dropped."""

    def after_step(self, step: int) -> None:
        """Called after the optimiser moved, without a graph: norms of weights, queues."""

    def notice(self) -> str | None:
        """One sentence that is told once, when the run begins, else None."""
        return None

    def warning(self) -> str | None:
        """One sentence when the term sees something wrong, else None; asked when a line is logged."""
        return None
