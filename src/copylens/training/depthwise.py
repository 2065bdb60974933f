"""A network in, the same network with depthwise convolutions that compute in float32 on a processor out.

PyTorch differentiates those of bfloat16 by a slow path there, which takes 3 to 40 times as long as that of float32
(docs/performance.md).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class _InFloat32:
    """Goes before a class of convolutions: leaves an autocast on the processor."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """What the convolution gives, in float32 where an autocast would have it in less."""
        device = pixels.device.type
        if device != "cpu" or not torch.is_autocast_enabled(device):
            return super().forward(pixels)  # type: ignore[misc,no-any-return]
        with torch.autocast(device, enabled=False):
            return super().forward(pixels.float())  # type: ignore[misc,no-any-return]


_KINDS: dict[Any, Any] = {}


def _in_float32(kind: Any) -> Any:
    """One class for each kind of convolution, whoever asks."""
    if kind not in _KINDS:
        _KINDS[kind] = type(f"Float32{kind.__name__}", (_InFloat32, kind), {})
    return _KINDS[kind]


def depthwise_in_float32(network: nn.Module) -> int:
    """Have the depthwise convolutions leave an autocast on the processor, in place; elsewhere they are as they were.

    Their weights, names and hooks stay; copies of the network have it, too.

    Returns:
        How many there are.
    """
    found = 0
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels:
            if not isinstance(module, _InFloat32):
                module.__class__ = _in_float32(type(module))
            found += 1
    return found
