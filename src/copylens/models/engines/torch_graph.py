"""An ONNX file in, a `TorchGraph` out that runs it in PyTorch node by node.

Constants are computed once, when the graph is loaded; a value is dropped after its last use, so memory stays
at what the widest part of the network needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from copylens.errors import EngineError, MissingExtraError
from copylens.models.engines.torch_layers import LAYERS
from copylens.models.engines.torch_math import MATH, ONNX_DTYPES
from copylens.models.engines.torch_node import Node, Operation
from copylens.models.engines.torch_quantised import QUANTISED
from copylens.models.engines.torch_shape import SHAPE

OPERATIONS: dict[str, Operation] = {**MATH, **SHAPE, **LAYERS, **QUANTISED}
"""Every ONNX operation that the torch engine runs."""

_MULTIPLYING = frozenset({"Conv", "Gemm", "MatMul"})


class TorchGraph:
    """A graph with its constants on a device.

    Args:
        path: an ONNX file.
        device: where to compute.
        weight_dtype: of the weights that only multiply (convolutions, matrix products).

    Raises:
        MissingExtraError: the onnx package is absent.
        EngineError: the file cannot be read, or has operations this engine does not know.
    """

    def __init__(self, path: Path, *, device: torch.device, weight_dtype: torch.dtype) -> None:
        model = _read(path)
        opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
        nodes = [_node(proto, opset) for proto in model.graph.node]
        if unknown := sorted({n.op for n in nodes} - OPERATIONS.keys()):
            raise EngineError(
                f"The torch engine does not know the operation {', '.join(unknown)} of {path}; "
                "use the openvino or onnxruntime engine."
            )
        self._constants = {proto.name: _placed(_tensor(proto), device) for proto in model.graph.initializer}
        outputs = {entry.name for entry in model.graph.output}
        nodes = self._fold(nodes, device, outputs)
        self._narrow(nodes, weight_dtype)
        self._steps = _with_last_uses(nodes, outputs)

    def run(self, input_name: str, pixels: Tensor, output_name: str) -> Tensor:
        """Run the graph on a batch; ``(N, ...)`` in, the named output out."""
        values: dict[str, Tensor] = {input_name: pixels}
        for node, dead in self._steps:
            values.update(zip(node.outputs, self._apply(node, values), strict=False))
            for name in dead:
                values.pop(name, None)
        return values[output_name] if output_name in values else self._constants[output_name]

    def _apply(self, node: Node, values: dict[str, Tensor]) -> tuple[Tensor, ...]:
        inputs = [
            None if not name else values[name] if name in values else self._constants[name]
            for name in node.inputs
        ]
        result = OPERATIONS[node.op](node, *inputs)
        return result if isinstance(result, tuple) else (result,)

    def _fold(self, nodes: list[Node], device: torch.device, outputs: set[str]) -> list[Node]:
        """Compute what depends on constants alone; returns the other nodes."""
        rest = []
        for node in nodes:
            if all(not name or name in self._constants for name in node.inputs):
                for name, value in zip(node.outputs, self._apply(node, {}), strict=False):
                    self._constants[name] = _placed(value, device)
            else:
                rest.append(node)
        used = outputs.union(*(node.inputs for node in rest))
        self._constants = {name: value for name, value in self._constants.items() if name in used}
        return rest

    def _narrow(self, nodes: list[Node], dtype: torch.dtype) -> None:
        """Cast weights that only multiply now; autocast would cast them in every run."""
        users: dict[str, set[str]] = {}
        for node in nodes:
            for name in node.inputs:
                users.setdefault(name, set()).add(node.op)
        for name, value in self._constants.items():
            if value.is_floating_point() and users.get(name, {""}) <= _MULTIPLYING:
                self._constants[name] = value.to(dtype)


def _read(path: Path) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("The torch engine", "import") from error
    try:
        return onnx.load(str(path))
    except Exception as error:
        raise EngineError(f"{path} cannot be read as an ONNX file: {error}") from error


def _tensor(proto: Any) -> Tensor:
    from onnx import numpy_helper

    if proto.data_type not in ONNX_DTYPES:
        raise EngineError(
            f"The torch engine does not know ONNX data type {proto.data_type} of {proto.name!r}."
        )
    if ONNX_DTYPES[proto.data_type] is torch.bfloat16:
        return torch.from_numpy(numpy_helper.to_array(proto).astype("float32")).to(torch.bfloat16)
    return torch.from_numpy(numpy_helper.to_array(proto).copy())


def _placed(value: Tensor, device: torch.device) -> Tensor:
    """Move what is computed with; sizes, axes and scalars stay where Python reads them."""
    return value.to(device) if value.is_floating_point() and value.ndim else value


def _node(proto: Any, opset: int) -> Node:
    from onnx import AttributeProto, helper

    attributes: dict[str, Any] = {}
    for attribute in proto.attribute:
        value = helper.get_attribute_value(attribute)
        if attribute.type == AttributeProto.TENSOR:
            value = _tensor(value)
        elif isinstance(value, bytes):
            value = value.decode()
        attributes[attribute.name] = value
    op = proto.op_type if proto.domain in ("", "ai.onnx") else f"{proto.domain}::{proto.op_type}"
    return Node(op, tuple(proto.input), tuple(proto.output), attributes, opset)


def _with_last_uses(nodes: list[Node], kept: set[str]) -> list[tuple[Node, tuple[str, ...]]]:
    seen = set(kept)
    steps = []
    for node in reversed(nodes):
        dead = tuple({*node.inputs, *node.outputs} - seen)
        seen.update(node.inputs)
        steps.append((node, dead))
    return steps[::-1]
