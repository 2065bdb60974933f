"""A foreign ONNX graph in, its `ModelEnds` out: how it takes an image, and which output is the descriptor."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from copylens.errors import ModelError
from copylens.models.wrapping import Layout, ModelEnds

_TYPES = {1: "float32", 2: "uint8", 10: "float16", 11: "float64"}

Axis: TypeAlias = int | None
"""A fixed size, or None for a dynamic one."""


def inspect_ends(
    model: Any,
    *,
    where: str,
    layout: Literal["auto", "nchw", "nhwc"],
    input_size: tuple[int, int] | None,
    output: str | None,
) -> ModelEnds:
    """Find out how a graph is fed and which of its outputs is the descriptor.

    Args:
        model: an ``onnx.ModelProto``.
        where: the file, for messages.
        layout: ``"auto"`` looks for the axis of length 3.
        input_size: (height, width), needed where the graph leaves them open.
        output: name of the output; None takes the only one, or the first of shape (N, D).

    Raises:
        ModelError: says what is missing or contradictory, and which option to give.
    """
    entry = _image_input(model, where)
    axes = _axes(entry)
    kind = entry.type.tensor_type.elem_type
    if kind not in _TYPES:
        raise ModelError(f"{where}: the input {entry.name!r} is of ONNX type {kind}; wanted float or uint8.")
    order = _layout(axes, layout, where)
    height, width = _size(axes[2:] if order == "nchw" else axes[1:3], input_size, where)
    chosen = _output(model, output, where)
    return ModelEnds(
        input=entry.name,
        input_type=kind,
        layout=order,
        height=height,
        width=width,
        batch=axes[0],
        output=chosen.name,
        output_type=chosen.type.tensor_type.elem_type,
    )


def _image_input(model: Any, where: str) -> Any:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(repr(entry.name) for entry in inputs) or "none"
        raise ModelError(f"{where}: an image model has one input, this file has {len(inputs)}: {names}.")
    if len(_axes(inputs[0])) != 4:
        raise ModelError(
            f"{where}: the input {inputs[0].name!r} has {len(_axes(inputs[0]))} axes; images have four, "
            "(N, 3, H, W) or (N, H, W, 3)."
        )
    return inputs[0]


def _axes(entry: Any) -> list[Axis]:
    dims = entry.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in dims]


def _layout(axes: list[Axis], wanted: Literal["auto", "nchw", "nhwc"], where: str) -> Layout:
    channels: dict[Layout, Axis] = {"nchw": axes[1], "nhwc": axes[3]}
    if wanted != "auto":
        if channels[wanted] not in (3, None):
            raise ModelError(
                f"{where}: with layout {wanted} the input would have {channels[wanted]} channels, not 3."
            )
        return wanted
    fitting = [order for order, count in channels.items() if count == 3]
    if len(fitting) == 1:
        return fitting[0]
    shown = "x".join("?" if axis is None else str(axis) for axis in axes)
    raise ModelError(
        f"{where}: the input's shape {shown} does not tell where the three colours are; "
        "say layout nchw or nhwc (--layout)."
    )


def _size(axes: list[Axis], given: tuple[int, int] | None, where: str) -> tuple[int, int]:
    if given is not None and min(given) < 1:
        raise ModelError(f"{where}: the input size {given[0]}x{given[1]} must be positive.")
    height, width = (fixed or (given[i] if given else None) for i, fixed in enumerate(axes))
    if height is None or width is None:
        raise ModelError(f"{where}: the file leaves its input size open; give it (--input-size 224).")
    if given is not None and given != (height, width):
        raise ModelError(f"{where}: its input is fixed to {height}x{width}, not {given[0]}x{given[1]}.")
    return height, width


def _output(model: Any, wanted: str | None, where: str) -> Any:
    outputs = list(_with_shapes(model).graph.output)
    choices = ", ".join(f"{o.name!r} with {len(_axes(o))} axes" for o in outputs)
    if wanted is not None:
        for entry in outputs:
            if entry.name == wanted:
                return entry
        raise ModelError(f"{where} has no output {wanted!r}; it has {choices}.")
    if len(outputs) == 1:
        return outputs[0]
    flat = [entry for entry in outputs if len(_axes(entry)) == 2]
    if flat:
        return flat[0]
    raise ModelError(f"{where}: which output is the descriptor? Name it (--descriptor); it has {choices}.")


def _with_shapes(model: Any) -> Any:
    """Fill in shapes and types of outputs that the file leaves out."""
    if all(entry.type.tensor_type.elem_type and _axes(entry) for entry in model.graph.output):
        return model
    from onnx import shape_inference

    return shape_inference.infer_shapes(model)
