"""ONNX operations that are a network's layers (convolution, pooling, norms, resizing): tensors in and out."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from copylens.models.engines.torch_node import Node, Operation, integers


def _sides(node: Node, x: Tensor, kernel: list[int]) -> list[int]:
    """Return the padding as torch's ``pad`` lists it: left, right, top, bottom."""
    strides, dilations = node.get("strides", [1, 1]), node.get("dilations", [1, 1])
    mode = node.get("auto_pad", "NOTSET")
    if mode == "NOTSET":
        top, left, bottom, right = node.get("pads", [0, 0, 0, 0])
        return [left, right, top, bottom]
    if mode == "VALID":
        return [0, 0, 0, 0]
    sides = []
    for axis in (1, 0):
        size, reach = x.shape[2 + axis], (kernel[axis] - 1) * dilations[axis] + 1
        total = max(0, (math.ceil(size / strides[axis]) - 1) * strides[axis] + reach - size)
        small, large = total // 2, total - total // 2
        sides += [small, large] if mode == "SAME_UPPER" else [large, small]
    return sides


def _padded(x: Tensor, sides: list[int], value: float = 0.0) -> Tensor:
    return functional.pad(x, sides, value=value) if any(sides) else x


def _conv(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    if weight.ndim != 4:
        raise node.unsupported(f"{weight.ndim - 2} spatial axes")
    left, right, top, bottom = sides = _sides(node, x, list(weight.shape[2:]))
    strides, dilations, groups = (
        node.get("strides", [1, 1]),
        node.get("dilations", [1, 1]),
        node.get("group", 1),
    )
    if left == right and top == bottom:
        return functional.conv2d(x, weight, bias, strides, (top, left), dilations, groups)
    return functional.conv2d(_padded(x, sides), weight, bias, strides, 0, dilations, groups)


def _gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    left = a.T if node.get("transA", 0) else a
    right = b.T if node.get("transB", 0) else b
    product = torch.mul(left @ right, node.get("alpha", 1.0))
    return product if c is None else torch.add(product, c, alpha=node.get("beta", 1.0))


def _matmul(_node: Node, a: Tensor, b: Tensor) -> Tensor:
    return torch.matmul(a, b)


def _batch_normalization(
    node: Node, x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, var: Tensor
) -> Tensor:
    return functional.batch_norm(x, mean, var, scale, shift, training=False, eps=node.get("epsilon", 1e-5))


def _instance_normalization(node: Node, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return functional.instance_norm(x, weight=scale, bias=shift, eps=node.get("epsilon", 1e-5))


def _layer_normalization(node: Node, x: Tensor, scale: Tensor, shift: Tensor | None = None) -> Tensor:
    shape = list(x.shape[node.get("axis", -1) :])
    bias = None if shift is None else shift.expand(shape)
    return functional.layer_norm(x, shape, scale.expand(shape), bias, node.get("epsilon", 1e-5))


def _group_normalization(node: Node, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    if node.opset < 21:
        raise node.unsupported("the deprecated per-group form")
    return functional.group_norm(x, node.get("num_groups", 1), scale, shift, node.get("epsilon", 1e-5))


def _max_pool(node: Node, x: Tensor) -> Tensor:
    kernel = node.get("kernel_shape", None)
    if node.get("ceil_mode", 0) or node.get("storage_order", 0) or len(node.outputs) > 1 or len(kernel) != 2:
        raise node.unsupported("this variant")
    padded = _padded(x, _sides(node, x, kernel), -math.inf)
    return functional.max_pool2d(
        padded, kernel, node.get("strides", [1, 1]), 0, node.get("dilations", [1, 1])
    )


def _average_pool(node: Node, x: Tensor) -> Tensor:
    kernel = node.get("kernel_shape", None)
    if node.get("ceil_mode", 0) or len(kernel) != 2 or node.get("dilations", [1, 1]) != [1, 1]:
        raise node.unsupported("this variant")
    sides, strides = _sides(node, x, kernel), node.get("strides", [1, 1])
    means = functional.avg_pool2d(_padded(x, sides), kernel, strides)
    if node.get("count_include_pad", 0) or not any(sides):
        return means
    # The share of each window that is picture and not padding.
    inside = _padded(torch.ones_like(x[:1, :1]), sides)
    return means / functional.avg_pool2d(inside, kernel, strides)


def _global_average_pool(_node: Node, x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.ndim)), keepdim=True)


def _global_max_pool(_node: Node, x: Tensor) -> Tensor:
    return x.amax(tuple(range(2, x.ndim)), keepdim=True)


def _resize(
    node: Node,
    x: Tensor,
    _roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    mode = node.get("mode", "nearest")
    if mode not in ("nearest", "linear") or node.get("antialias", 0) or "axes" in node.attributes:
        raise node.unsupported(f"mode {mode} with these settings")
    if node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise node.unsupported("keep_aspect_ratio_policy")
    if sizes is not None and sizes.numel():
        outs = integers(sizes)
        factors = [out / size for out, size in zip(outs, x.shape, strict=True)]
    else:
        factors = [float(f) for f in scales.tolist()] if scales is not None else []
        outs = [math.floor(size * factor) for size, factor in zip(x.shape, factors, strict=True)]
    for axis, (out, factor) in enumerate(zip(outs, factors, strict=True)):
        if factor != 1.0:
            at = _coordinates(node, x.shape[axis], out, factor).to(x.device)
            x = _pick_nearest(node, x, axis, at) if mode == "nearest" else _pick_linear(x, axis, at)
    return x


def _coordinates(node: Node, size: int, out: int, factor: float) -> Tensor:
    """Say where each output position lies on the input's axis: ``(out,) float32``, as ONNX Runtime rounds."""
    mode = node.get("coordinate_transformation_mode", "half_pixel")
    position = torch.arange(out, dtype=torch.float32)
    if mode == "asymmetric":
        return position / factor
    if mode == "align_corners":
        return position * ((size - 1) / (out - 1)) if out > 1 else torch.zeros(1, dtype=torch.float32)
    if mode == "pytorch_half_pixel" and out == 1:
        return torch.zeros(1, dtype=torch.float32)
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (position + 0.5) / factor - 0.5
    raise node.unsupported(f"coordinate_transformation_mode {mode}")


def _pick_nearest(node: Node, x: Tensor, axis: int, at: Tensor) -> Tensor:
    mode = node.get("nearest_mode", "round_prefer_floor")
    rounded = {
        "round_prefer_floor": torch.ceil(at - 0.5),
        "round_prefer_ceil": torch.floor(at + 0.5),
        "floor": torch.floor(at),
        "ceil": torch.ceil(at),
    }[mode]
    return x.index_select(axis, rounded.long().clamp(0, x.shape[axis] - 1))


def _pick_linear(x: Tensor, axis: int, at: Tensor) -> Tensor:
    last = x.shape[axis] - 1
    low = torch.floor(at)
    share = (at - low).to(x.dtype).reshape([-1] + [1] * (x.ndim - 1 - axis))
    before = x.index_select(axis, low.long().clamp(0, last))
    after = x.index_select(axis, (low.long() + 1).clamp(0, last))
    return before + (after - before) * share


LAYERS: dict[str, Operation] = {
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalization,
    "Conv": _conv,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average_pool,
    "GlobalMaxPool": _global_max_pool,
    "GroupNormalization": _group_normalization,
    "InstanceNormalization": _instance_normalization,
    "LayerNormalization": _layer_normalization,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "Resize": _resize,
}
"""By ONNX's operation name."""
