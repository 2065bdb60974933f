"""ONNX operations that move values and compute sizes: tensors in, tensors out, in PyTorch.

Sizes are int64 tensors that stay on the CPU: a graph computing its own shapes never waits for an accelerator.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from copylens.models.engines.torch_node import Node, Operation, axes_of, integers, together


def _constant(node: Node) -> Tensor:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in node.attributes:
            value = node.attributes[name]
            return value if isinstance(value, Tensor) else torch.tensor(value)
    raise node.unsupported("this kind of value")


def _constant_of_shape(node: Node, shape: Tensor) -> Tensor:
    value: Tensor = node.get("value", torch.zeros(1))
    return value.reshape(()).expand(integers(shape)).clone()


def _concat(node: Node, *parts: Tensor) -> Tensor:
    return torch.cat(together(*parts), node.get("axis", 0))


def _depth_to_space(node: Node, x: Tensor) -> Tensor:
    block = node.get("blocksize", 1)
    if node.get("mode", "DCR") == "CRD":
        return functional.pixel_shuffle(x, block)
    n, c, h, w = x.shape
    moved = x.reshape(n, block, block, c // block**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return moved.reshape(n, c // block**2, h * block, w * block)


def _space_to_depth(node: Node, x: Tensor) -> Tensor:
    block = node.get("blocksize", 1)
    n, c, h, w = x.shape
    moved = x.reshape(n, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
    return moved.reshape(n, c * block**2, h // block, w // block)


def _expand(_node: Node, x: Tensor, shape: Tensor) -> Tensor:
    sizes = integers(shape)
    # ONNX broadcasts both ways: a 1 in `shape` keeps the tensor's own size.
    own = [1] * (len(sizes) - x.ndim) + list(x.shape)
    wanted = [1] * (x.ndim - len(sizes)) + sizes
    return x.expand([max(a, b) if min(a, b) else 0 for a, b in zip(own, wanted, strict=True)])


def _flatten(node: Node, x: Tensor) -> Tensor:
    axis = node.get("axis", 1)
    rows = 1
    for size in x.shape[: axis if axis >= 0 else x.ndim + axis]:
        rows *= size
    return x.reshape(rows, -1)


def _gather(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    axis = node.get("axis", 0) % x.ndim
    flat = indices.reshape(-1).to(x.device, torch.int64)
    picked = x.index_select(axis, torch.where(flat < 0, flat + x.shape[axis], flat))
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def _identity(_node: Node, x: Tensor, *_ignored: Tensor | None) -> Tensor:
    return x


def _pad(
    node: Node,
    x: Tensor,
    given: Tensor | None = None,
    fill: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    pads = integers(given) if given is not None else node.get("pads", [])
    which = [a % x.ndim for a in integers(axes)] if axes is not None else list(range(x.ndim))
    sides = dict(zip(which, zip(pads[: len(which)], pads[len(which) :], strict=True), strict=True))
    # torch lists (before, after) from the last axis on.
    flat = [side for axis in reversed(range(x.ndim)) for side in sides.get(axis, (0, 0))]
    mode = node.get("mode", "constant")
    if mode == "constant":
        return functional.pad(x, flat, value=float(fill) if fill is not None else node.get("value", 0.0))
    if mode not in ("reflect", "edge") or x.ndim != 4 or any(flat[4:]):
        raise node.unsupported(f"mode {mode} on these axes")
    return functional.pad(x, flat[:4], mode="reflect" if mode == "reflect" else "replicate")


def _range(_node: Node, start: Tensor, limit: Tensor, step: Tensor) -> Tensor:
    return torch.arange(start.item(), limit.item(), step.item(), dtype=start.dtype)


def _reshape(node: Node, x: Tensor, shape: Tensor) -> Tensor:
    sizes = integers(shape)
    if not node.get("allowzero", 0):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return x.reshape(sizes)


def _shape(node: Node, x: Tensor) -> Tensor:
    return torch.tensor(x.shape[node.get("start", 0) : node.get("end", None)], dtype=torch.int64)


def _slice(
    node: Node,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    first = integers(starts) if starts is not None else node.get("starts", [])
    last = integers(ends) if ends is not None else node.get("ends", [])
    which = axes_of(node, axes) or list(range(len(first)))
    strides = integers(steps) if steps is not None else [1] * len(first)
    for axis, begin, end, stride in zip(which, first, last, strides, strict=True):
        picks = range(x.shape[axis])[slice(begin, _open_end(end, stride), stride)]
        if stride > 0:
            x = x[
                (slice(None),) * (axis % x.ndim) + (slice(picks.start, max(picks.stop, picks.start), stride),)
            ]
        else:
            x = x.index_select(axis, torch.tensor(list(picks), dtype=torch.int64, device=x.device))
    return x


def _open_end(end: int, stride: int) -> int | None:
    """ONNX writes "to the very first element" of a backward slice as the most negative number."""
    return None if stride < 0 and end < -(2**30) else end


def _split(node: Node, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = node.get("axis", 0)
    given = integers(sizes) if sizes is not None else node.get("split", None)
    if given is None:
        count = len(node.outputs)
        return torch.split(x, -(-x.shape[axis] // count), axis)
    return torch.split(x, given, axis)


def _squeeze(node: Node, x: Tensor, given: Tensor | None = None) -> Tensor:
    axes = axes_of(node, given)
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def _tile(_node: Node, x: Tensor, repeats: Tensor) -> Tensor:
    return x.repeat(integers(repeats))


def _transpose(node: Node, x: Tensor) -> Tensor:
    return x.permute(node.get("perm", list(reversed(range(x.ndim)))))


def _unsqueeze(node: Node, x: Tensor, given: Tensor | None = None) -> Tensor:
    axes = axes_of(node, given) or []
    rank = x.ndim + len(axes)
    for axis in sorted(a % rank for a in axes):
        x = x.unsqueeze(axis)
    return x


SHAPE: dict[str, Operation] = {
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "Dropout": _identity,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Identity": _identity,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
"""By ONNX's operation name."""
