"""All that one pass of a network yields, for losses that look at more than the descriptor."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class NetworkParts:
    """One pass, with its graph.

    Attributes:
        descriptors: ``(N, D) float32`` of length 1.
        pooled: ``(N, C')``, what the projection was given; not normalised, in the precision of the pass.
        local: ``(N, C, h, w)``, features of the cells of a regular grid over the picture: the feature map, or the
            tokens of the patches without class and register tokens. Cell (i, j) stands for the part of the picture
            from i/h to (i + 1)/h of its height and from j/w to (j + 1)/w of its width.
    """

    descriptors: torch.Tensor
    pooled: torch.Tensor
    local: torch.Tensor
