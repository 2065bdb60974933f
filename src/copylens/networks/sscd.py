"""The SSCD network: pixels in, L2-normalised descriptors out (Pizzi et al. 2022, section 4.5), and SimCLR's variant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional

from copylens.errors import UsageError
from copylens.networks.backbones import create_backbone
from copylens.networks.layouts import layout_of
from copylens.networks.levels import deviations, run_with_levels, width_of_levels
from copylens.networks.parts import NetworkParts
from copylens.networks.pooling import Pooling, make_pooling

Head: TypeAlias = Literal["linear", "mlp"]


class SSCDNetwork(nn.Module):
    """A backbone, pooling, a projection, the L2 norm.

    Args:
        backbone: a timm name that yields a feature map or tokens, e.g. ``"resnet50"``; the name of a backbone of your
            own (see `registry`); or a module.
        dims: D.
        p: the power of the GeMs.
        pooling: GeM as SSCD, the average as SimCLR, or others of `POOLINGS`.
        head: one linear layer as SSCD, or SimCLR's perceptron with one hidden layer of the features' width.
        batchnorm: normalise what the projection yields over the batch, before the L2 norm.
        checkpointing: keep no activations inside the backbone's blocks, and compute them again for the gradient. The
            gradient is the same; statistics of normalisations inside the blocks move twice a step.
        pretrained: start the backbone with the weights that timm downloads for it.
        levels: names of the backbone's modules whose maps are pooled beside the last one, by the deviation of each
            channel; the projection takes all of them.

    Raises:
        UsageError: a backbone, pooling or level that is unknown, or that do not go together.
        MissingExtraError: timm is not installed.
    """

    def __init__(
        self,
        backbone: str | nn.Module,
        dims: int,
        p: float = 3.0,
        *,
        pooling: Pooling = "gem",
        head: Head = "linear",
        batchnorm: bool = False,
        checkpointing: bool = False,
        pretrained: bool = False,
        levels: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.dims, self.levels = dims, tuple(levels)
        name = backbone if isinstance(backbone, str) else type(backbone).__name__
        self.backbone: nn.Module = (
            create_backbone(backbone, pretrained=pretrained) if isinstance(backbone, str) else backbone
        )
        self.layout = layout_of(self.backbone, name)
        self.pooling: nn.Module
        self.pooling, width = make_pooling(
            pooling, width=self.layout.width, p=p, has_class=self.layout.has_class
        )
        width += width_of_levels(self.backbone, self.levels, self.layout)
        self.projection: nn.Module
        if head == "linear":
            self.projection = nn.Linear(width, dims)
        else:
            self.projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, dims))
        self.batchnorm: nn.Module = nn.BatchNorm1d(dims) if batchnorm else nn.Identity()
        if checkpointing:
            set_checkpointing(self.backbone, name)

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """All that is not the backbone's: of pooling, projection, normalisation."""
        for part in (self.pooling, self.projection, self.batchnorm):
            yield from part.parameters()

    def maps(self, pixels: torch.Tensor) -> torch.Tensor:
        """Local features: ``(N, 3, H, W)`` normalised pixels to ``(N, C, h, w)``."""
        return self._passed(pixels)[0]

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pooled features before the projection: ``(N, 3, H, W) -> (N, C')``, not normalised."""
        return self._passed(pixels)[1]

    def forward_parts(self, pixels: torch.Tensor) -> NetworkParts:
        """``(N, 3, H, W)`` normalised pixels to descriptors and all that was made on the way, in one pass.

        A size that the backbone does not take is resized to the nearest that it takes; see `Layout`.
        """
        local, pooled = self._passed(pixels)
        # In float32 also under autocast: short norms are the entropy term's whole business.
        rows = self.batchnorm(self.projection(pooled).float())
        return NetworkParts(functional.normalize(rows), pooled, local)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """``(N, 3, H, W)`` normalised pixels to ``(N, D)`` descriptors."""
        return self.forward_parts(pixels).descriptors

    def _passed(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The grid ``(N, C, h, w)`` and what is pooled of it and of the levels, ``(N, C')``."""
        pixels = self.layout.fitted(pixels)
        size = (int(pixels.shape[2]), int(pixels.shape[3]))
        features, maps = run_with_levels(self.backbone, self.levels, pixels)
        local, prefix = self.layout.split(features, size)
        pooled: torch.Tensor = self.pooling(local, prefix)
        return local, torch.cat([pooled, *map(deviations, maps)], dim=1) if maps else pooled


def set_checkpointing(backbone: nn.Module, name: str, *, on: bool = True) -> None:
    """Let a backbone compute its activations again for the gradient, instead of keeping them.

    Raises:
        UsageError: it cannot.
    """
    switch = getattr(backbone, "set_grad_checkpointing", None)
    try:
        if switch is None:
            raise AssertionError("no set_grad_checkpointing")
        switch(on)
    except AssertionError as error:
        raise UsageError(f"network.checkpointing: {name} cannot do that ({error}).") from error
