"""One node of an ONNX graph as the torch engine's operations see it, with readers of its attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from copylens.errors import EngineError

Operation: TypeAlias = "Callable[..., torch.Tensor | tuple[torch.Tensor, ...]]"
"""``operation(node, *inputs)``; an omitted optional input is None."""


@dataclass(frozen=True, slots=True)
class Node:
    """An operation to run.

    Attributes:
        op: its name, with ``domain::`` in front where the domain is not ONNX's own.
        inputs, outputs: names of values; an empty name is an omitted optional input.
        attributes: plain values; tensors are already torch tensors.
        opset: version of ONNX's operator set the graph was written for.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    opset: int

    def get(self, name: str, default: Any) -> Any:
        """Return an attribute, or `default` where the graph leaves it out."""
        return self.attributes.get(name, default)

    def unsupported(self, what: str) -> EngineError:
        """Make the error for a variant of the operation that this engine does not know."""
        return EngineError(
            f"The torch engine does not know {what} of the operation {self.op}; "
            "use the openvino or onnxruntime engine."
        )


def integers(values: torch.Tensor) -> list[int]:
    """Read a small tensor of sizes, axes or pads as Python integers."""
    return [int(v) for v in values.reshape(-1).tolist()]


def axes_of(node: Node, given: torch.Tensor | None) -> list[int] | None:
    """Read axes from the input of newer operator sets or the attribute of older ones; None without both."""
    if given is not None:
        return integers(given)
    axes: list[int] | None = node.get("axes", None)
    return axes


def together(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Move operands to the accelerator where any lies there; torch takes scalars from anywhere."""
    device = next((t.device for t in tensors if t.device.type != "cpu"), None)
    return tensors if device is None else tuple(t.to(device) if t.ndim else t for t in tensors)
