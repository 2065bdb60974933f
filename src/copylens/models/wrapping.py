"""An ONNX image model in, the same with CopyLens's ends out: ``pixels`` before, ``descriptor`` after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from copylens.models.package import INPUT_NAME, OUTPUT_NAME

Layout: TypeAlias = Literal["nchw", "nhwc"]

_PREFIX = "model/"
_FLOAT, _UINT8 = 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Normalisation:
    """What becomes of a pixel value 0..255 before the model sees it: ``(value * scale - mean) / std``.

    Attributes:
        scale: applied first, 1/255 for models that want 0..1.
        mean, std: per channel, red, green, blue.
    """

    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelEnds:
    """What was found out about a foreign graph.

    Attributes:
        input: name of its image input.
        input_type: ONNX's number of its element type.
        layout: order of its axes.
        height, width: of its images.
        batch: its fixed batch size; None where that is dynamic.
        output: name of the output that becomes the descriptor.
        output_type: ONNX's number of its element type.
    """

    input: str
    input_type: int
    layout: Layout
    height: int
    width: int
    batch: int | None
    output: str
    output_type: int


def wrap(model: Any, ends: ModelEnds, *, normalisation: Normalisation | None, l2: bool) -> Any:
    """Put the contract's ends around a graph.

    Args:
        model: an ``onnx.ModelProto``; it is not changed.
        ends: of that graph.
        normalisation: None hands the values on as they are, 0..255.
        l2: norm the output to length 1.

    Returns:
        An ``onnx.ModelProto``: ``pixels``, ``(N, H, W, 3) uint8``, in and ``descriptor``, ``(N, D)``, out.
    """
    from onnx import TensorProto, compose, helper

    # Every name of the foreign graph gets a prefix, so none can meet ours.
    wrapped = compose.add_prefix(model, _PREFIX)
    graph = wrapped.graph
    before = _before(ends, normalisation)
    after = _after(ends, l2=l2)
    nodes = [*before.nodes, *graph.node, *after.nodes]
    del graph.node[:], graph.input[:], graph.output[:]
    # Shapes noted inside may name the old batch size; runtimes infer them again.
    del graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*before.constants, *after.constants])
    shape = ["N", ends.height, ends.width, 3]
    graph.input.append(helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, shape))
    graph.output.append(helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["N", None]))
    return wrapped


def with_inner_output(wrapped: Any, ends: ModelEnds) -> Any:
    """Copy a wrapped graph so that its second output is what the foreign graph itself gives."""
    from onnx import ModelProto, helper

    copy = ModelProto()
    copy.CopyFrom(wrapped)
    copy.graph.output.append(helper.make_empty_tensor_value_info(_PREFIX + ends.output))
    return copy


def free_reshapes(wrapped: Any, batch: int) -> int:
    """Let constant reshapes to ``[batch, ...]`` take the batch size of what comes in.

    Args:
        wrapped: changed in place.
        batch: the fixed batch size the graph was exported with.

    Returns:
        How many reshapes were changed.
    """
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in wrapped.graph.initializer}
    for node in wrapped.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    changed = set()
    for node in wrapped.graph.node:
        tensor = constants.get(node.input[1]) if node.op_type == "Reshape" else None
        if (
            tensor is None
            or tensor.name in changed
            or any(a.name == "allowzero" and a.i for a in node.attribute)
        ):
            continue
        shape = numpy_helper.to_array(tensor)
        if shape.size > 1 and shape[0] == batch:
            # In ONNX a 0 copies the size of the incoming axis.
            freed = np.concatenate([[0], shape[1:]]).astype(np.int64)
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(freed, name))
            changed.add(name)
    return len(changed)


@dataclass(frozen=True, slots=True)
class _Piece:
    nodes: list[Any]
    constants: list[Any]


def _before(ends: ModelEnds, normalisation: Normalisation | None) -> _Piece:
    from onnx import helper, numpy_helper

    steps: list[tuple[str, list[str], dict[str, Any]]] = []
    constants: list[Any] = []
    if ends.layout == "nchw":
        steps.append(("Transpose", [], {"perm": [0, 3, 1, 2]}))
    if ends.input_type != _UINT8:
        steps.append(("Cast", [], {"to": _FLOAT}))
    if normalisation is not None:
        mean, std = np.asarray(normalisation.mean), np.asarray(normalisation.std)
        shape = (3, 1, 1) if ends.layout == "nchw" else (3,)
        values = {"Mul": normalisation.scale / std, "Add": -mean / std}
        for op, value in values.items():
            constant = numpy_helper.from_array(value.astype(np.float32).reshape(shape), f"normalise/{op}")
            constants.append(constant)
            steps.append((op, [constant.name], {}))
    if ends.input_type not in (_UINT8, _FLOAT):
        steps.append(("Cast", [], {"to": ends.input_type}))
    nodes, value = [], INPUT_NAME
    for number, (op, inputs, attributes) in enumerate(steps or [("Identity", [], {})]):
        last = number == max(len(steps) - 1, 0)
        target = _PREFIX + ends.input if last else f"normalise/{number}"
        nodes.append(helper.make_node(op, [value, *inputs], [target], **attributes))
        value = target
    return _Piece(nodes, constants)


def _after(ends: ModelEnds, *, l2: bool) -> _Piece:
    from onnx import helper

    steps: list[tuple[str, dict[str, Any]]] = []
    if ends.output_type != _FLOAT:
        steps.append(("Cast", {"to": _FLOAT}))
    steps.append(("Flatten", {"axis": 1}))
    if l2:
        steps.append(("LpNormalization", {"axis": -1, "p": 2}))
    nodes, value = [], _PREFIX + ends.output
    for number, (op, attributes) in enumerate(steps):
        target = OUTPUT_NAME if number == len(steps) - 1 else f"descriptor/{number}"
        nodes.append(helper.make_node(op, [value], [target], **attributes))
        value = target
    return _Piece(nodes, [])
