"""ONNX's QuantizeLinear and DequantizeLinear: floats to integers and back; what is between them computes in floats.

So an int8 package gives the torch engine its own descriptors, though not its speed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from copylens.models.engines.torch_node import Node, Operation

_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32)


def _along(node: Node, values: Tensor, x: Tensor) -> Tensor:
    """Shape scales or zero points, one or one for each place on an axis, so that they meet `x`."""
    if node.get("block_size", 0):
        raise node.unsupported("blocks")
    if values.numel() == 1:
        return values.reshape(())
    shape = [1] * x.ndim
    shape[node.get("axis", 1)] = -1
    return values.reshape(shape)


def _quantise(node: Node, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    """``saturate(round(x / scale) + zero)``, halves to the even side, as ONNX says."""
    kind = torch.uint8 if zero is None else zero.dtype
    if kind not in _INTEGERS or node.get("output_dtype", 0):
        raise node.unsupported(f"the type {kind} with these settings")
    limits = torch.iinfo(kind)
    # Not in 16 bits, where values of a few thousand scales are no longer told apart.
    steps = torch.round(x.float() / _along(node, scale.to(x.device).float(), x))
    if zero is not None:
        steps = steps + _along(node, zero.to(x.device).float(), x)
    return steps.clamp(limits.min, limits.max).to(kind)


def _dequantise(node: Node, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    """``(x - zero) * scale``."""
    values = x.to(torch.float32)
    if zero is not None:
        values = values - _along(node, zero.to(x.device).float(), x)
    return values * _along(node, scale.to(x.device).float(), x)


QUANTISED: dict[str, Operation] = {"DequantizeLinear": _dequantise, "QuantizeLinear": _quantise}
"""By ONNX's operation name."""
