"""A package's float graph and prepared pictures in, the bytes of its int8 graph out, by ONNX Runtime's own quantiser.

Static quantisation after training (Jacob et al. 2018, arXiv:1712.05877, section 2): activations as uint8 with one
scale a tensor, weights as int8 with one scale an output channel, biases as int32. Between QuantizeLinear and
DequantizeLinear nodes the graph is an ordinary one, so every engine may run it, in integers where it has them.

What stays in float: all up to the third convolution from the pixels, and all after the last (pooling, projection,
norm).
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from copylens.errors import ModelError, UsageError
from copylens.models.engines.base import PixelBatch
from copylens.models.onnx_extra import import_onnx_library
from copylens.models.package import INPUT_NAME, ModelPackage

RangeMethod: TypeAlias = Literal["minmax", "average"]
"""How the range of an activation is found; see `Quantisation`."""

_ACTIVATIONS = ("Relu", "Clip")
_HALF_FROM = 1024
"""Float weights of at least this many numbers are stored in 16 bits, as in float packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation:
    """How a graph becomes int8; the defaults are what kept µAP and was fastest (docs/models.md).

    Attributes:
        method: the range of an activation is the smallest and largest value seen in any picture (``minmax``), or the
            moving average over batches of their extremes (``average``). ONNX Runtime's histograms are left out: they
            found no better ranges, and fail on values that are all alike, such as a descriptor's length.
        spared: convolutions that stay in float: those with fewer than so many convolutions between them and the pixels,
            in each network of a combined model; one at least is quantised. In EfficientNet-Lite the first block, which
            the default spares, makes more than half of the error, and takes a fiftieth of the time.
        depthwise: quantise convolutions that have one input channel a group.
        narrow: weights take 7 bits. Processors without VNNI add pairs of products in 16 bits, which 8-bit weights
            can overflow.
    """

    method: RangeMethod = "minmax"
    spared: int = 3
    depthwise: bool = True
    narrow: bool = False

    def __post_init__(self) -> None:
        if self.method not in get_args(RangeMethod):
            raise UsageError(f"{self.method!r} is no method; take {', '.join(get_args(RangeMethod))}.")
        if self.spared < 0:
            raise UsageError(f"{self.spared} convolutions cannot stay in float; give 0 or more.")


def quantise_graph(
    package: ModelPackage, batches: Iterable[PixelBatch], how: Quantisation | None = None
) -> bytes:
    """Make the int8 twin of a package's graph; it takes the same pixels and normalises them itself, too.

    Args:
        package: of a float model.
        batches: prepared pictures as the package takes them, like those that will be described.
        how: None takes the defaults.

    Returns:
        The bytes of an ONNX file that keeps the contract of packages.

    Raises:
        MissingExtraError: the onnx package is not installed.
        ModelError: the graph is quantised already, has no convolution, or ONNX Runtime cannot quantise it.
    """
    how = how or Quantisation()
    onnx = import_onnx_library("Quantising a model")
    with tempfile.TemporaryDirectory(prefix="copylens-") as folder:
        simple, made = Path(folder) / "simple.onnx", Path(folder) / "made.onnx"
        try:
            _simplify(package.onnx_path, simple)
            model = onnx.load(str(simple))
            nodes = _quantised_nodes(model.graph, how, where=package.name)
            # The quantiser knows nodes by their names, and not every exporter gives them any.
            onnx.save(model, str(simple))
            _quantise(simple, made, batches, nodes, how)
            model = onnx.load(str(made))
            _halve(model)
            onnx.checker.check_model(model)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"ONNX Runtime cannot quantise {package.onnx_path}: {type(error).__name__}: {error}"
            ) from error
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def is_quantised(graph: Any) -> bool:
    """Whether an ``onnx.GraphProto`` computes in integers."""
    return any(node.op_type in ("QuantizeLinear", "QLinearConv", "ConvInteger") for node in graph.node)


def _simplify(path: Path, out: Path) -> None:
    """Fold constants (casts of 16-bit weights among them) and paddings, and note the shapes of values."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    # The symbolic kind needs sympy and helps transformers only.
    quant_pre_process(str(path), str(out), skip_symbolic_shape=True)


def _quantise(
    simple: Path, made: Path, batches: Iterable[PixelBatch], nodes: list[str], how: Quantisation
) -> None:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    # The quantiser prints what it is about to do.
    with contextlib.redirect_stdout(io.StringIO()):
        quantize_static(
            str(simple),
            str(made),
            _Reader(batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add", "MaxPool", *_ACTIVATIONS],
            per_channel=True,
            reduce_range=how.narrow,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=nodes,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"CalibMovingAverage": how.method == "average"},
        )


class _Reader:
    """Batches as ONNX Runtime's calibration asks for them."""

    def __init__(self, batches: Iterable[PixelBatch]) -> None:
        self._batches: Iterator[PixelBatch] = iter(batches)

    def get_next(self) -> dict[str, PixelBatch] | None:
        """The next batch by the name of the graph's input; None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {INPUT_NAME: batch}

    def __iter__(self) -> Iterator[dict[str, PixelBatch]]:
        while (batch := self.get_next()) is not None:
            yield batch


def _quantised_nodes(graph: Any, how: Quantisation, *, where: str) -> list[str]:
    """Name the nodes that shall compute in integers; nodes without a name of their own get one.

    A convolution's or sum's ReLU must come along: the integers of the convolution are then those after the ReLU, which
    is both quicker and finer than to round twice.
    """
    if is_quantised(graph):
        raise ModelError(f"{where} is quantised already; quantise the float model it came from.")
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    if len(convolutions) < 2:
        raise ModelError(
            f"{where} has {len(convolutions) or 'no'} convolution{'' if len(convolutions) == 1 else 's'}; int8 is for "
            "networks made of them."
        )
    depths = _depths(graph)
    # The last convolution has the most before it.
    spared = min(how.spared, max(depths[node.input[0]] for node in convolutions))
    constants = {tensor.name: tensor for tensor in graph.initializer}
    made_by = {output: node.op_type for node in graph.node for output in node.output}
    inside: set[str] = set()
    chosen: list[str] = []
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
        if node.op_type == "Conv":
            one_channel = constants[node.input[1]].dims[1] == 1 if node.input[1] in constants else False
            taken = depths[node.input[0]] >= spared and (how.depthwise or not one_channel)
        elif node.op_type in ("Add", "MaxPool"):
            taken = all(name in inside for name in node.input)
        else:
            taken = (
                node.op_type in _ACTIVATIONS
                and node.input[0] in inside
                and made_by[node.input[0]] in ("Conv", "Add")
                and _rectifies(node, constants)
            )
        if taken:
            chosen.append(node.name)
            inside.update(node.output)
    return chosen


def _depths(graph: Any) -> dict[str, int]:
    """How many convolutions lie one behind the other before each value of a graph."""
    depths: dict[str, int] = defaultdict(int)
    for node in graph.node:
        before = max((depths[name] for name in node.input), default=0)
        depths.update(dict.fromkeys(node.output, before + (node.op_type == "Conv")))
    return depths


def _rectifies(node: Any, constants: dict[str, Any]) -> bool:
    """Whether a node cuts off exactly what is below zero; the clamp of a pooling cuts elsewhere."""
    from onnx import numpy_helper

    if node.op_type == "Relu":
        return True
    if len(node.input) < 2 or node.input[1] not in constants:
        return False
    return float(numpy_helper.to_array(constants[node.input[1]]).reshape(-1)[0]) == 0.0


def _halve(model: Any) -> None:
    """Store the larger float32 weights that are left as float16 behind a cast, in place; engines fold the cast."""
    from onnx import TensorProto, helper, numpy_helper

    # Not the scales of integers, which a factor of many channels has many of, too.
    multiplied = {n.input[1] for n in model.graph.node if n.op_type in ("Conv", "Gemm", "MatMul")}
    casts = []
    for tensor in model.graph.initializer:
        if tensor.name not in multiplied or tensor.data_type != TensorProto.FLOAT:
            continue
        if np.prod(tensor.dims) < _HALF_FROM:
            continue
        values = numpy_helper.to_array(tensor)
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
