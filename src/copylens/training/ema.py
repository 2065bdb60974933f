"""A network's weights, step after step, in; their moving average out."""

from __future__ import annotations

import copy

import torch
from torch import nn


class MovingAverage:
    """An exponential moving average of weights; buffers (statistics of normalisations) are taken as they are.

    The decay rises from small values in the first steps, ``min(decay, (1 + step) / (10 + step))``, so that a fresh
    network does not weigh on the average for long.

    Args:
        network: what is averaged; the average starts as its copy.
        decay: in (0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take the weights of a step into the average."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for own, new in zip(self.network.parameters(), network.parameters(), strict=True):
            own.lerp_(new.detach(), 1.0 - decay)
        for kept, seen in zip(self.network.buffers(), network.buffers(), strict=True):
            kept.copy_(seen)

    def state_dict(self) -> dict[str, object]:
        """All that resuming needs."""
        return {"network": self.network.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Go on from a saved state."""
        self.network.load_state_dict(state["network"])  # type: ignore[arg-type]
        self.steps = int(state["steps"])  # type: ignore[call-overload]
