"""Small random networks as ONNX graphs with their NumPy twins, and packages made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from copylens.models import Calibration, ModelPackage, Provenance, write_package
from copylens.records import Descriptors, InputSpec

Twin = Callable[[npt.NDArray[Any]], Descriptors]
Array = npt.NDArray[Any]

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def convolve(x: Array, weight: Array, bias: Array, *, stride: int, groups: int = 1) -> Array:
    """The obvious 3x3 convolution with a border of one zero: ``(N, C, H, W)``."""
    n, _, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = (h - 1) // stride + 1, (w - 1) // stride + 1
    out = np.zeros((n, len(weight), rows, columns))
    per_group_in, per_group_out = weight.shape[1], len(weight) // groups
    for o in range(len(weight)):
        start = (o // per_group_out) * per_group_in
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride, j * stride
                window = padded[:, start : start + per_group_in, top : top + 3, left : left + 3]
                out[:, o, i, j] = (window * weight[o]).sum(axis=(1, 2, 3)) + bias[o]
    return out


def l2(rows: Array) -> Descriptors:
    """Rows of length 1."""
    normed: Descriptors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return normed


class SmallNetwork:
    """Convolution, ReLU6, a depthwise residual block, GeM, a linear layer, L2; weights in float16 on disk."""

    def __init__(self, *, dims: int = 16, size: tuple[int, int] = (24, 20), seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        self.dims, (self.height, self.width) = dims, size
        self.weights: dict[str, Array] = {
            "stem": draw.normal(0, 0.4, (8, 3, 3, 3)),
            "stem_bias": draw.normal(0, 0.2, 8),
            "deep": draw.normal(0, 0.4, (8, 1, 3, 3)),
            "deep_bias": draw.normal(0, 0.2, 8),
            "linear": draw.normal(0, 0.5, (dims, 8)),
            "linear_bias": draw.normal(0, 0.1, dims),
        }
        self.weights = {name: value.astype(np.float16) for name, value in self.weights.items()}

    def twin(self, pixels: Array) -> Descriptors:
        """``(N, H, W, 3) uint8`` or ``(N, 3, H, W) float32`` to ``(N, D)``, in float64."""
        w = {name: value.astype(np.float64) for name, value in self.weights.items()}
        x = pixels.transpose(0, 3, 1, 2) / 255 if pixels.dtype == np.uint8 else pixels.astype(np.float64)
        x = (x - MEAN[:, None, None]) / STD[:, None, None]
        x = np.clip(convolve(x, w["stem"], w["stem_bias"], stride=2), 0, 6)
        x = x + np.clip(convolve(x, w["deep"], w["deep_bias"], stride=1, groups=8), 0, 6)
        pooled = (np.maximum(x, 1e-6) ** 3).mean(axis=(2, 3)) ** (1 / 3)
        return l2(pooled @ w["linear"].T + w["linear_bias"])

    def model(self, dtype: str = "uint8") -> Any:
        """Return the ONNX model with CopyLens's ends."""
        constants = [numpy_helper.from_array(value, f"{name}16") for name, value in self.weights.items()]
        constants += [
            numpy_helper.from_array(value, name)
            for name, value in {
                "scale": (1 / STD / (255 if dtype == "uint8" else 1)).reshape(3, 1, 1).astype(np.float32),
                "shift": (-MEAN / STD).reshape(3, 1, 1).astype(np.float32),
                "zero": np.float32(0),
                "six": np.float32(6),
                "tiny": np.float32(1e-6),
                "power": np.float32(3),
                "root": np.float32(1 / 3),
            }.items()
        ]
        nodes = [helper.make_node("Cast", [f"{n}16"], [n], to=TensorProto.FLOAT) for n in self.weights]
        if dtype == "uint8":
            nodes += [
                helper.make_node("Transpose", ["pixels"], ["bytes"], perm=[0, 3, 1, 2]),
                helper.make_node("Cast", ["bytes"], ["values"], to=TensorProto.FLOAT),
            ]
        nodes += [
            helper.make_node("Mul", ["values" if dtype == "uint8" else "pixels", "scale"], ["scaled"]),
            helper.make_node("Add", ["scaled", "shift"], ["normal"]),
            helper.make_node(
                "Conv", ["normal", "stem", "stem_bias"], ["c1"], pads=[1, 1, 1, 1], strides=[2, 2]
            ),
            helper.make_node("Clip", ["c1", "zero", "six"], ["r1"]),
            helper.make_node("Conv", ["r1", "deep", "deep_bias"], ["c2"], pads=[1, 1, 1, 1], group=8),
            helper.make_node("Clip", ["c2", "zero", "six"], ["r2"]),
            helper.make_node("Add", ["r1", "r2"], ["sum"]),
            helper.make_node("Clip", ["sum", "tiny"], ["positive"]),
            helper.make_node("Pow", ["positive", "power"], ["cubes"]),
            helper.make_node("GlobalAveragePool", ["cubes"], ["mean"]),
            helper.make_node("Pow", ["mean", "root"], ["gem"]),
            helper.make_node("Flatten", ["gem"], ["flat"]),
            helper.make_node("Gemm", ["flat", "linear", "linear_bias"], ["projected"], transB=1),
            helper.make_node("LpNormalization", ["projected"], ["descriptor"], axis=-1, p=2),
        ]
        h, w = self.height, self.width
        shape = ["N", h, w, 3] if dtype == "uint8" else ["N", 3, h, w]
        kind = TensorProto.UINT8 if dtype == "uint8" else TensorProto.FLOAT
        return make_model(nodes, [("pixels", kind, shape)], [("descriptor", ["N", self.dims])], constants)

    def package(self, directory: Path, *, dtype: Any = "uint8", name: str = "small") -> ModelPackage:
        """Write the model as a package."""
        return write_package(
            directory,
            onnx_model=self.model(dtype),
            name=name,
            version="1",
            dims=self.dims,
            input=InputSpec(height=self.height, width=self.width, dtype=dtype),
            calibration=Calibration(threshold=0.7),
            licence="Apache-2.0",
            provenance=Provenance(weights="random"),
        )

    def batch(self, count: int, *, dtype: str = "uint8", seed: int = 1) -> Array:
        """Random prepared pixels for the model."""
        draw = np.random.default_rng(seed)
        # A different brightness for each image, so that pooled features differ too.
        images = draw.integers(0, 256, (count, self.height, self.width, 3)) * draw.uniform(
            0.1, 1, (count, 1, 1, 3)
        )
        if dtype == "uint8":
            return images.astype(np.uint8)
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2) / 255, dtype=np.float32)


def make_model(
    nodes: list[Any],
    inputs: list[tuple[str, int, Any]],
    outputs: list[tuple[str, Any]],
    constants: list[Any],
    *,
    opset: int = 18,
) -> Any:
    """Return an ONNX model; outputs are float32."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
