"""The SSCD network: pixels in, L2-normalised descriptors out (Pizzi et al. 2022, section 4.5), and SimCLR's variant."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional

from copylens.networks.parts import NetworkParts
from copylens.networks.pooling import AveragePooling, GeM
from copylens.networks.torchvision_shim import import_timm

Pooling: TypeAlias = Literal["gem", "average"]
Head: TypeAlias = Literal["linear", "mlp"]


class SSCDNetwork(nn.Module):
    """A convolutional backbone, pooling, a projection, the L2 norm.

    Args:
        backbone: a timm name that yields a feature map, e.g. ``"resnet50"``.
        dims: D.
        p: the power of GeM.
        pooling: GeM as SSCD, or the average as SimCLR.
        head: one linear layer as SSCD, or SimCLR's perceptron with one hidden layer of the features' width.
        pretrained: start the backbone with the weights that timm downloads for it.
    """

    def __init__(
        self,
        backbone: str,
        dims: int,
        p: float = 3.0,
        *,
        pooling: Pooling = "gem",
        head: Head = "linear",
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        self.dims = dims
        self.backbone: nn.Module = import_timm().create_model(
            backbone, pretrained=pretrained, num_classes=0, global_pool=""
        )
        channels = int(self.backbone.num_features)
        self.pooling: nn.Module = GeM(p) if pooling == "gem" else AveragePooling()
        self.projection: nn.Module
        if head == "linear":
            self.projection = nn.Linear(channels, dims)
        else:
            self.projection = nn.Sequential(
                nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, dims)
            )

    def maps(self, pixels: torch.Tensor) -> torch.Tensor:
        """Local features: ``(N, 3, H, W)`` normalised pixels to ``(N, C, h, w)``."""
        # Not the backbone's own forward: some put a layer for their classifier behind the pooling.
        local: torch.Tensor = self.backbone.forward_features(pixels)  # type: ignore[operator]
        return local

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pooled features before the projection: ``(N, 3, H, W) -> (N, C)``, not normalised."""
        pooled: torch.Tensor = self.pooling(self.maps(pixels))
        return pooled

    def forward_parts(self, pixels: torch.Tensor) -> NetworkParts:
        """``(N, 3, H, W)`` normalised pixels to descriptors and all that was made on the way, in one pass."""
        local = self.maps(pixels)
        pooled = self.pooling(local)
        # In float32 also under autocast: short norms are the entropy term's whole business.
        return NetworkParts(functional.normalize(self.projection(pooled).float()), pooled, local)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """``(N, 3, H, W)`` normalised pixels to ``(N, D)`` descriptors."""
        return self.forward_parts(pixels).descriptors
