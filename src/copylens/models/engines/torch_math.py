"""ONNX operations that compute value by value or reduce: tensors in, tensors out, in PyTorch."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from copylens.models.engines.torch_node import Node, Operation, axes_of, together

ONNX_DTYPES: dict[int, torch.dtype] = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}
"""ONNX's ``TensorProto.DataType`` numbers."""


def _unary(function: Callable[[Tensor], Tensor]) -> Operation:
    return lambda _node, x: function(x)


def _binary(function: Callable[..., Tensor]) -> Operation:
    return lambda _node, a, b: function(*together(a, b))


def _variadic(function: Callable[[Tensor, Tensor], Tensor]) -> Operation:
    return lambda _node, *operands: functools.reduce(function, together(*operands))


def _divide(_node: Node, a: Tensor, b: Tensor) -> Tensor:
    a, b = together(a, b)
    if a.is_floating_point() or b.is_floating_point():
        return a / b
    return torch.div(a, b, rounding_mode="trunc")


def _power(_node: Node, base: Tensor, exponent: Tensor) -> Tensor:
    base, exponent = together(base, exponent)
    return torch.pow(base, exponent.to(base.dtype))


def _clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    lower = node.get("min", None) if low is None else low.item()
    upper = node.get("max", None) if high is None else high.item()
    if lower is None and upper is None:
        return x
    return torch.clamp(x, lower, upper)


def _cast(node: Node, x: Tensor) -> Tensor:
    code = node.get("to", 0)
    if code not in ONNX_DTYPES:
        raise node.unsupported(f"data type {code}")
    return x.to(ONNX_DTYPES[code])


def _gelu(node: Node, x: Tensor) -> Tensor:
    return functional.gelu(x, approximate=node.get("approximate", "none"))


def _hard_sigmoid(node: Node, x: Tensor) -> Tensor:
    return torch.clamp(node.get("alpha", 0.2) * x + node.get("beta", 0.5), 0, 1)


def _leaky_relu(node: Node, x: Tensor) -> Tensor:
    return functional.leaky_relu(x, node.get("alpha", 0.01))


def _elu(node: Node, x: Tensor) -> Tensor:
    return functional.elu(x, node.get("alpha", 1.0))


def _prelu(_node: Node, x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def _softmax(node: Node, x: Tensor) -> Tensor:
    if node.opset >= 13:
        return torch.softmax(x, node.get("axis", -1))
    # Older operator sets normalise over all axes from `axis` on.
    return torch.softmax(x.flatten(node.get("axis", 1)), -1).reshape(x.shape)


def _where(_node: Node, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    condition, a, b = together(condition, a, b)
    return torch.where(condition, a, b)


def _reduction(function: Callable[[Tensor, list[int], bool], Tensor]) -> Operation:
    """Wrap ``function(x, axes, keepdims)`` with ONNX's rules for absent axes."""

    def reduce(node: Node, x: Tensor, given: Tensor | None = None) -> Tensor:
        axes = axes_of(node, given)
        if not axes:
            if node.get("noop_with_empty_axes", 0):
                return x
            axes = list(range(x.ndim))
        return function(x, axes, bool(node.get("keepdims", 1)))

    return reduce


def _norm(order: int) -> Callable[[Tensor, list[int], bool], Tensor]:
    return lambda x, axes, keep: torch.linalg.vector_norm(x, order, dim=axes, keepdim=keep)


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted((a % x.ndim for a in axes), reverse=True):
        x = torch.prod(x, axis, keepdim=keep)
    return x


def _lp_normalization(node: Node, x: Tensor) -> Tensor:
    norm = torch.linalg.vector_norm(x, node.get("p", 2), dim=node.get("axis", -1), keepdim=True)
    return torch.where(norm > 0, x / norm, torch.zeros_like(x))


def _mean_of(_node: Node, *operands: Tensor) -> Tensor:
    return functools.reduce(torch.add, operands) / len(operands)


_mish: Any = functional.mish

MATH: dict[str, Operation] = {
    "Abs": _unary(torch.abs),
    "Add": _binary(torch.add),
    "And": _binary(torch.logical_and),
    "Cast": _cast,
    "Ceil": _unary(torch.ceil),
    "Clip": _clip,
    "Cos": _unary(torch.cos),
    "Div": _divide,
    "Elu": _elu,
    "Equal": _binary(torch.eq),
    "Erf": _unary(torch.erf),
    "Exp": _unary(torch.exp),
    "Floor": _unary(torch.floor),
    "Gelu": _gelu,
    "Greater": _binary(torch.gt),
    "GreaterOrEqual": _binary(torch.ge),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _unary(functional.hardswish),
    "LeakyRelu": _leaky_relu,
    "Less": _binary(torch.lt),
    "LessOrEqual": _binary(torch.le),
    "Log": _unary(torch.log),
    "LpNormalization": _lp_normalization,
    "Max": _variadic(torch.maximum),
    "Mean": _mean_of,
    "Min": _variadic(torch.minimum),
    "Mish": _unary(_mish),
    "Mul": _binary(torch.mul),
    "Neg": _unary(torch.neg),
    "Not": _unary(torch.logical_not),
    "Or": _binary(torch.logical_or),
    "PRelu": _prelu,
    "Pow": _power,
    "Reciprocal": _unary(torch.reciprocal),
    "ReduceL1": _reduction(_norm(1)),
    "ReduceL2": _reduction(_norm(2)),
    "ReduceLogSumExp": _reduction(lambda x, axes, keep: torch.logsumexp(x, axes, keepdim=keep)),
    "ReduceMax": _reduction(lambda x, axes, keep: torch.amax(x, axes, keepdim=keep)),
    "ReduceMean": _reduction(lambda x, axes, keep: torch.mean(x, axes, keepdim=keep)),
    "ReduceMin": _reduction(lambda x, axes, keep: torch.amin(x, axes, keepdim=keep)),
    "ReduceProd": _reduction(_product),
    "ReduceSum": _reduction(lambda x, axes, keep: torch.sum(x, axes, keepdim=keep)),
    "ReduceSumSquare": _reduction(lambda x, axes, keep: torch.sum(x * x, axes, keepdim=keep)),
    "Relu": _unary(torch.relu),
    "Round": _unary(torch.round),
    "Sigmoid": _unary(torch.sigmoid),
    "Sign": _unary(torch.sign),
    "Sin": _unary(torch.sin),
    "Softmax": _softmax,
    "Softplus": _unary(lambda x: functional.softplus(x, threshold=math.inf)),
    "Sqrt": _unary(torch.sqrt),
    "Sub": _binary(torch.sub),
    "Sum": _variadic(torch.add),
    "Tanh": _unary(torch.tanh),
    "Where": _where,
}
"""By ONNX's operation name."""
