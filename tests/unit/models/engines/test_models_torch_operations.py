"""Each operation of the torch engine against ONNX Runtime, on a graph of one node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from copylens.errors import EngineError
from copylens.models.engines.torch_graph import OPERATIONS, TorchGraph

DRAW = np.random.default_rng(3)
X = DRAW.normal(0, 1, (2, 6, 9, 7)).astype(np.float32)
Y = DRAW.normal(0, 1, (2, 6, 9, 7)).astype(np.float32)
POSITIVE = np.abs(X) + 0.1
CHANNELS = DRAW.uniform(0.5, 1.5, (5, 6)).astype(np.float32)
KERNEL = DRAW.normal(0, 1, (4, 6, 3, 3)).astype(np.float32)
WHOLE = DRAW.integers(-9, 9, (2, 6)).astype(np.int64)
MASK = X > 0
BYTES = DRAW.integers(0, 256, (2, 6, 9, 7)).astype(np.uint8)
SCALES = DRAW.uniform(0.01, 0.1, 6).astype(np.float32)
HALVES = np.arange(40, dtype=np.float32).reshape(1, 1, 5, 8)
"""In units of two, every second lies midway between two integers."""


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


class Case:
    """One node: the first input is fed, the others are constants."""

    def __init__(self, op: str, *inputs: Any, opset: int = 18, outputs: int = 1, **attributes: Any) -> None:
        self.op, self.inputs, self.opset, self.outputs, self.attributes = (
            op,
            inputs,
            opset,
            outputs,
            attributes,
        )

    def __repr__(self) -> str:
        shown = "-".join(f"{k}={v}" for k, v in self.attributes.items() if not hasattr(v, "dims"))
        return f"{self.op}-{self.opset}-{shown}"

    def save(self, path: Path) -> None:
        names = ["" if value is None else f"in{i}" for i, value in enumerate(self.inputs)]
        outputs = [f"out{i}" for i in range(self.outputs)]
        fed, rest = self.inputs[:1], self.inputs[1:]
        graph = helper.make_graph(
            [helper.make_node(self.op, names, outputs, **self.attributes)],
            "one",
            [_info(name, value) for name, value in zip(names, fed, strict=False)],
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            [
                numpy_helper.from_array(np.asarray(v), n)
                for n, v in zip(names[1:], rest, strict=True)
                if v is not None
            ],
        )
        opset = helper.make_opsetid("", self.opset)
        path.write_bytes(helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString())


def _info(name: str, value: Any) -> Any:
    array = np.asarray(value)
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


UNARY = [
    *("Abs", "Ceil", "Cos", "Dropout", "Elu", "Erf", "Exp", "Flatten", "Floor"),
    *(
        "GlobalAveragePool",
        "GlobalMaxPool",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "LpNormalization",
        "Mish",
    ),
    *(
        "Neg",
        "Reciprocal",
        "Relu",
        "Round",
        "Shape",
        "Sigmoid",
        "Sign",
        "Sin",
        "Softplus",
        "Tanh",
        "Transpose",
    ),
]
REDUCTIONS = [
    f"Reduce{kind}"
    for kind in "L1 L2 LogSumExp Max Mean Min Prod Sum SumSquare".split()  # noqa: SIM905
]

CASES = [
    *(Case(op, X) for op in UNARY),
    *(Case(op, POSITIVE) for op in ("Log", "Sqrt")),
    *(Case(op, X, Y) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Mean", "Sum", "Equal", "Greater")),
    *(Case(op, X, Y[:1, :, :1]) for op in ("GreaterOrEqual", "Less", "LessOrEqual", "PRelu")),
    *(Case(op, MASK, Y > 0) for op in ("And", "Or")),
    *(Case(op, X, ints(2, 3)) for op in REDUCTIONS),
    *(Case(op, X, ints(-1), keepdims=0) for op in REDUCTIONS),
    *(Case(op, X) for op in REDUCTIONS),
    Case("ReduceMean", X, axes=[1, 2], opset=13),
    Case("ReduceSum", X, None, noop_with_empty_axes=1),
    Case("Not", MASK),
    Case("Where", MASK, X, Y),
    Case("Cast", X, to=TensorProto.FLOAT16),
    Case("Cast", X * 10, to=TensorProto.INT64),
    Case("Div", WHOLE, ints(4)),
    Case("Pow", POSITIVE, np.float32(1.7)),
    Case("Pow", X, ints(3)),
    Case("Clip", X, np.float32(-0.5), np.float32(0.5)),
    Case("Clip", X, None, np.float32(0.5)),
    Case("Clip", X),
    Case("Clip", X, min=-0.5, max=0.25, opset=9),
    Case("QuantizeLinear", X, np.float32(0.02), np.uint8(120)),
    Case("QuantizeLinear", X, np.float32(0.02), np.int8(-7)),
    Case("QuantizeLinear", HALVES, np.float32(2)),
    Case("QuantizeLinear", X, SCALES, np.arange(6, dtype=np.int8), axis=-3),
    Case("DequantizeLinear", BYTES, np.float32(0.02), np.uint8(120)),
    Case("DequantizeLinear", BYTES, np.float32(0.02)),
    Case("DequantizeLinear", BYTES.astype(np.int8), SCALES, np.zeros(6, np.int8), axis=1),
    Case("DequantizeLinear", BYTES.astype(np.int32), SCALES, axis=1),
    Case("Elu", X, alpha=0.5),
    Case("LeakyRelu", X, alpha=0.3),
    Case("HardSigmoid", X, alpha=0.3, beta=0.4),
    Case("Gelu", X, opset=20),
    Case("Gelu", X, approximate="tanh", opset=20),
    Case("Softmax", X, axis=1),
    Case("Softmax", X, axis=2, opset=11),
    Case("LpNormalization", X, axis=1, p=1),
    Case("Concat", X, Y[:, :3], axis=1),
    Case("ConstantOfShape", ints(2, 3), value=helper.make_tensor("v", TensorProto.FLOAT, [1], [2.5])),
    Case("ConstantOfShape", ints(2, 3)),
    Case("DepthToSpace", np.concatenate([X, Y[:, :2]], 1), blocksize=2),
    Case("DepthToSpace", np.concatenate([X, Y[:, :2]], 1), blocksize=2, mode="CRD"),
    Case("SpaceToDepth", X[:, :, :8, :6], blocksize=2),
    Case("Expand", X[:, :1], ints(1, 6, 1, 1)),
    Case("Expand", X[0, 0], ints(3, 1, 7)),
    Case("Flatten", X, axis=-2),
    Case("Flatten", X, axis=0),
    Case("Gather", X, ints(0, -1, 2), axis=1),
    Case("Gather", X, np.int64(-2), axis=3),
    Case("Gather", X, np.array([[0, 1], [2, 3]]), axis=2),
    Case("Pad", X, ints(0, 1, 0, 2, 1, 0, 3, 0), np.float32(1.5)),
    Case("Pad", X, ints(0, 0, 1, 2, 0, 0, 3, 1), mode="reflect"),
    Case("Pad", X, ints(0, 0, 1, 2, 0, 0, 3, 1), mode="edge"),
    Case("Pad", X, ints(1, 2), None, ints(-1)),
    Case("Pad", X, pads=[0, 0, 1, 1, 0, 0, 1, 1], value=2.0, opset=9),
    Case("Range", np.int64(2), np.int64(11), np.int64(3)),
    Case("Reshape", X, ints(0, -1, 7)),
    Case("Reshape", X[:0], ints(0, 3, 2), allowzero=1),
    Case("Shape", X, start=1, end=-1),
    Case("Slice", X, ints(1, 2), ints(2**62, -1), ints(-1, 1), ints(2, 1)),
    Case("Slice", X, ints(-1), ints(-(2**62)), ints(2), ints(-2)),
    Case("Slice", X, ints(5), ints(2), ints(2)),
    Case("Slice", X, ints(0, 1), ints(1, 4)),
    Case("Slice", X, starts=[1], ends=[100], axes=[3], opset=9),
    Case("Split", X, ints(1, 5), axis=1, outputs=2),
    Case("Split", X, axis=2, num_outputs=2, outputs=2),
    Case("Split", X, axis=1, split=[2, 4], opset=11, outputs=2),
    Case("Squeeze", X[:, :1, :, :1], ints(1, -1)),
    Case("Squeeze", X[:, :1, :, :1]),
    Case("Squeeze", X[:1], axes=[0], opset=11),
    Case("Tile", X, ints(1, 2, 1, 3)),
    Case("Transpose", X, perm=[0, 2, 3, 1]),
    Case("Unsqueeze", X[0], ints(0, -1)),
    Case("Unsqueeze", X[0], axes=[1], opset=11),
    Case("Conv", X, KERNEL),
    Case("Conv", X, KERNEL, CHANNELS[0, :4], pads=[1, 1, 1, 1], strides=[2, 1]),
    Case("Conv", X, KERNEL, pads=[0, 1, 2, 3], dilations=[2, 1]),
    Case("Conv", X, KERNEL[:, :3], group=2, auto_pad="SAME_UPPER", strides=[2, 2]),
    Case("Conv", X, KERNEL, auto_pad="SAME_LOWER", strides=[2, 2]),
    Case("Conv", X, KERNEL, auto_pad="VALID"),
    Case("Gemm", X[0, 0], Y[0, 0], transB=1, alpha=0.5, beta=2.0),
    Case("Gemm", X[0, 0], Y[0, 0].T.copy(), CHANNELS[:1, :1], alpha=0.5, beta=2.0),
    Case("Gemm", X[0, 0], Y[0, 0], CHANNELS[0, 0], transA=1),
    Case("MatMul", X, Y.transpose(0, 1, 3, 2).copy()),
    Case("BatchNormalization", X, *CHANNELS[:4], epsilon=1e-3),
    Case("InstanceNormalization", X, *CHANNELS[:2]),
    Case("LayerNormalization", X, Y[0, 0, 0], Y[0, 0, 1]),
    Case("LayerNormalization", X, Y[0, 0], axis=-2, epsilon=1e-3),
    Case("GroupNormalization", X, *CHANNELS[:2], num_groups=3, opset=21),
    Case("MaxPool", X, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 0, 1]),
    Case("MaxPool", X, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    Case("AveragePool", X, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    Case("AveragePool", X, kernel_shape=[3, 2], pads=[2, 0, 1, 1], count_include_pad=1),
    Case("AveragePool", X, kernel_shape=[3, 3]),
    *(
        Case("Resize", X, None, np.array([1, 1, *f], np.float32), mode=m, coordinate_transformation_mode=c)
        for f in ((2, 1.5), (0.5, 0.7))
        for m in ("linear", "nearest")
        for c in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    ),
    *(
        Case("Resize", X, None, None, ints(2, 6, 13, 5), mode="nearest", nearest_mode=n)
        for n in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    Case("Resize", X, None, None, ints(2, 6, 1, 20), mode="linear"),
]


def _constant_cases() -> list[Case]:
    tensor = helper.make_tensor("v", TensorProto.FLOAT, [2], [1.5, 2.5])
    return [
        Case("Constant", value=tensor),
        Case("Constant", value_float=1.5),
        Case("Constant", value_floats=[1.5, 2.0]),
        Case("Constant", value_int=3),
        Case("Constant", value_ints=[3, 4]),
    ]


def run_both(case: Case, path: Path) -> tuple[list[Any], list[Any]]:
    case.save(path)
    feeds = {"in0": np.asarray(case.inputs[0])} if case.inputs else {}
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = session.run(None, feeds)
    graph = TorchGraph(path, device=torch.device("cpu"), weight_dtype=torch.float32)
    inputs = torch.from_numpy(feeds["in0"].copy()) if feeds else torch.zeros(1)
    with torch.inference_mode():
        return expected, [graph.run("in0", inputs, f"out{i}").numpy() for i in range(case.outputs)]


@pytest.mark.parametrize("case", [*CASES, *_constant_cases()], ids=repr)
def test_operation_equals_onnx_runtime(case: Case, tmp_path: Path) -> None:
    expected, actual = run_both(case, tmp_path / "one.onnx")
    for want, got in zip(expected, actual, strict=True):
        assert got.shape == want.shape
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_every_operation_is_tested() -> None:
    assert {case.op for case in [*CASES, *_constant_cases()]} == OPERATIONS.keys()


REFUSED = [
    Case("Conv", X[..., 0], KERNEL[..., 0]),
    Case("MaxPool", X, kernel_shape=[3, 3], ceil_mode=1, strides=[2, 2]),
    Case("AveragePool", X, kernel_shape=[3, 3], ceil_mode=1, strides=[2, 2]),
    Case("Resize", X, None, np.array([1, 1, 2, 2], np.float32), mode="cubic"),
    Case(
        "Resize",
        X,
        None,
        None,
        ints(2, 6, 4, 4),
        mode="linear",
        keep_aspect_ratio_policy="not_larger",
        opset=18,
    ),
    Case("Pad", X, ints(0, 0, 1, 2, 0, 0, 3, 1), mode="wrap", opset=19),
    Case("GroupNormalization", X, *CHANNELS[:2, :3], num_groups=3, opset=18),
    Case("Cast", X, to=TensorProto.UINT32),
]


@pytest.mark.parametrize("case", REFUSED, ids=repr)
def test_unknown_variant_is_refused_by_name(case: Case, tmp_path: Path) -> None:
    case.save(tmp_path / "one.onnx")
    graph = TorchGraph(tmp_path / "one.onnx", device=torch.device("cpu"), weight_dtype=torch.float32)
    with pytest.raises(EngineError, match=rf"{case.op}; use the openvino or onnxruntime engine"):
        graph.run("in0", torch.from_numpy(np.asarray(case.inputs[0])), "out0")


def test_unknown_operations_are_all_named_at_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Hardmax", ["in0"], ["a"]),
        helper.make_node("FusedMatMul", ["a", "a"], ["out0"], domain="com.microsoft"),
    ]
    outputs = [helper.make_empty_tensor_value_info("out0")]
    graph = helper.make_graph(nodes, "g", [_info("in0", X)], outputs)
    path = tmp_path / "odd.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(EngineError, match=r"Hardmax, com\.microsoft::FusedMatMul of .*odd\.onnx"):
        TorchGraph(path, device=torch.device("cpu"), weight_dtype=torch.float32)
