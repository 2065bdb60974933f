"""A feature map in, one vector per image out."""

from __future__ import annotations

import torch
from torch import nn

EPSILON = 1e-6


class GeM(nn.Module):
    """Generalised-mean pooling with a fixed power (Radenović et al. 2018, eq. 3; SSCD uses p = 3).

    ``(N, C, H, W) -> (N, C)``: ``mean(clamp(x, 1e-6) ** p) ** (1 / p)`` over space. p = 1 is average pooling
    of the positive part. A learned p diverges in SSCD's training, so it is a constant.
    """

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = p

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Pool ``(N, C, H, W)`` to ``(N, C)``."""
        powered = features.clamp(min=EPSILON) ** self.p
        pooled: torch.Tensor = powered.mean(dim=(2, 3)) ** (1.0 / self.p)
        return pooled


class AveragePooling(nn.Module):
    """The plain mean over space, as in SimCLR: ``(N, C, H, W) -> (N, C)``."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Pool ``(N, C, H, W)`` to ``(N, C)``."""
        return features.mean(dim=(2, 3))
