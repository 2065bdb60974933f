"""The SSCD network: pixels in, L2-normalised descriptors out (Pizzi et al. 2022, section 4.5)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from copylens.networks.pooling import GeM
from copylens.networks.torchvision_shim import import_timm


class SSCDNetwork(nn.Module):
    """A convolutional backbone, GeM pooling, one linear layer, the L2 norm.

    Args:
        backbone: a timm name that yields a feature map, e.g. ``"resnet50"``.
        dims: D.
        p: the power of GeM.
    """

    def __init__(self, backbone: str, dims: int, p: float = 3.0) -> None:
        super().__init__()
        self.backbone: nn.Module = import_timm().create_model(backbone, num_classes=0, global_pool="")
        self.pooling = GeM(p)
        self.projection = nn.Linear(int(self.backbone.num_features), dims)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pooled features before the projection: ``(N, 3, H, W) -> (N, C)``, not normalised."""
        pooled: torch.Tensor = self.pooling(self.backbone(pixels))
        return pooled

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """``(N, 3, H, W)`` normalised pixels to ``(N, D)`` descriptors."""
        return functional.normalize(self.projection(self.features(pixels)))
