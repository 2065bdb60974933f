"""An exported graph is the module: same numbers for every batch size, the package's ends, weights stored in half."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from copylens.errors import MissingExtraError, ModelError
from copylens.networks import export
from copylens.networks.export import IMAGENET_MEAN, IMAGENET_STD, export_onnx
from copylens.networks.sscd import SSCDNetwork
from copylens.records import InputSpec

SPEC = InputSpec(height=64, width=48)
Array = np.ndarray[Any, np.dtype[Any]]


def network(backbone: str = "test_efficientnet", dims: int = 12) -> SSCDNetwork:
    torch.manual_seed(3)
    made = SSCDNetwork(backbone, dims)
    # Statistics that an initialisation does not have, so that a forgotten normalisation shows.
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 2)
    return made


def batch(count: int, spec: InputSpec = SPEC) -> Array:
    images = np.random.default_rng(5).integers(0, 256, (count, spec.height, spec.width, 3), np.uint8)
    if spec.dtype == "uint8":
        return images
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2) / 255, dtype=np.float32)


def run(graph: bytes, pixels: Array) -> Array:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    rows: Array = session.run(["descriptor"], {"pixels": pixels})[0]
    return rows


@torch.no_grad()
def twin(made: nn.Module, images: Array, mean: Any = IMAGENET_MEAN, deviation: Any = IMAGENET_STD) -> Array:
    """The network on images normalised by NumPy, from uint8 ``(N, H, W, 3)``."""
    values = (images / 255.0 - np.array(mean)) / np.array(deviation)
    rows = made.eval()(torch.from_numpy(values.transpose(0, 3, 1, 2)).float()).numpy()
    normed: Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normed


@pytest.mark.parametrize("backbone", ["test_efficientnet", "test_resnet", "tf_efficientnet_lite0"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_the_graph_computes_what_the_network_computes(backbone: str, dtype: Any) -> None:
    made, spec = network(backbone), InputSpec(64, 48, dtype=dtype)
    graph, dims = export_onnx(made, spec, half_weights=False)
    assert dims == 12
    for count in (1, 2, 7):
        actual = run(graph, batch(count, spec))
        assert actual.dtype == np.float32
        np.testing.assert_allclose(actual, twin(made, batch(count)), atol=2e-5)


def test_mean_and_deviation_are_inside() -> None:
    made, mean, deviation = network(), (0.1, 0.5, 0.7), (0.3, 0.5, 0.9)
    graph, _ = export_onnx(made, SPEC, mean=mean, deviation=deviation, half_weights=False)
    np.testing.assert_allclose(run(graph, batch(3)), twin(made, batch(3), mean, deviation), atol=2e-5)
    assert not np.allclose(run(graph, batch(3)), twin(made, batch(3)), atol=1e-3)


class Unnormed(nn.Module):
    """Means of the colours, tenfold: not of length 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 10 * x.mean(dim=(2, 3))


def test_the_l2_norm_is_inside() -> None:
    graph, dims = export_onnx(Unnormed(), SPEC)
    rows = run(graph, batch(4))
    assert dims == 3
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "kind", "shape"),
    [
        ("uint8", onnx.TensorProto.UINT8, ["N", 64, 48, 3]),
        ("float32", onnx.TensorProto.FLOAT, ["N", 3, 64, 48]),
    ],
)
def test_the_ends_are_the_packages(dtype: Any, kind: int, shape: list[Any]) -> None:
    model = onnx.load_from_string(export_onnx(network(), InputSpec(64, 48, dtype=dtype))[0])
    onnx.checker.check_model(model, full_check=True)
    (pixels,), (descriptor,) = model.graph.input, model.graph.output
    assert (pixels.name, descriptor.name) == ("pixels", "descriptor")
    assert pixels.type.tensor_type.elem_type == kind
    assert [d.dim_param or d.dim_value for d in pixels.type.tensor_type.shape.dim] == shape
    assert descriptor.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert descriptor.type.tensor_type.shape.dim[0].dim_param == "N"


@pytest.mark.parametrize("backbone", ["test_resnet", "tf_efficientnet_lite0"])
def test_batch_norms_are_folded_and_padding_is_constant(backbone: str) -> None:
    model = onnx.load_from_string(export_onnx(network(backbone), SPEC)[0])
    kinds = Counter(node.op_type for node in model.graph.node)
    assert kinds["BatchNormalization"] == 0
    # What computes TensorFlow's padding anew for every batch.
    assert kinds["Ceil"] == 0


def test_half_weights_halve_the_file_and_hardly_move_the_descriptors() -> None:
    made = network("test_resnet")
    whole, half = (export_onnx(made, SPEC, half_weights=flag)[0] for flag in (False, True))
    assert len(half) < 0.6 * len(whole)
    cosine = (run(half, batch(3)) * run(whole, batch(3))).sum(axis=1)
    assert cosine.min() > 0.9999
    assert cosine.min() < 1 or not np.array_equal(run(half, batch(3)), run(whole, batch(3)))


def test_half_weights_are_cast_back_before_use() -> None:
    model = onnx.load_from_string(export_onnx(network(), SPEC)[0])
    stored = {t.name: t for t in model.graph.initializer}
    halves = {name for name, t in stored.items() if t.data_type == onnx.TensorProto.FLOAT16}
    large = {
        n for n, t in stored.items() if np.prod(t.dims) >= 1024 and t.data_type != onnx.TensorProto.INT64
    }
    assert halves
    assert large == halves
    readers = [node for node in model.graph.node if halves & set(node.input)]
    assert len(readers) == len(halves)
    assert all(r.op_type == "Cast" and r.attribute[0].i == onnx.TensorProto.FLOAT for r in readers)


def test_weights_beyond_the_range_of_half_stay_as_they_are() -> None:
    made = network(dims=32)
    assert isinstance(made.projection, nn.Linear)
    made.projection.weight.data *= 1e7
    model = onnx.load_from_string(export_onnx(made, SPEC)[0])
    kinds = {t.name: t.data_type for t in model.graph.initializer if "projection.weight" in t.name}
    assert list(kinds.values()) == [onnx.TensorProto.FLOAT]


def test_two_exports_give_the_same_bytes() -> None:
    assert export_onnx(network(), SPEC) == export_onnx(network(), SPEC)


def test_a_network_in_training_mode_is_exported_as_it_evaluates() -> None:
    made = network().train()
    graph, _ = export_onnx(made, SPEC, half_weights=False)
    np.testing.assert_allclose(run(graph, batch(3)), twin(made, batch(3)), atol=2e-5)


class Random(nn.Module):
    """Not the same twice, so no graph can equal it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.randn(x.shape[0], 64)


def test_a_graph_that_computes_something_else_is_refused() -> None:
    with pytest.raises(ModelError, match=r"disagree \(cosine -?0\.\d{5}, needed is 0\.9999 or more\)"):
        export_onnx(Random(), SPEC)


class NotANumber(nn.Module):
    """0 / 0 for every image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3)) * float("nan")


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ModelError, match="disagree"):
        export_onnx(NotANumber(), SPEC)


def test_without_onnx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"copylens\[train\]"):
        export_onnx(Unnormed(), SPEC)


def test_parity_is_measured_on_the_graph_that_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half weights that ruin the descriptors are noticed."""
    other = network()
    for parameter in other.parameters():
        nn.init.normal_(parameter)
    spoilt = export_onnx(other, SPEC)[0]
    monkeypatch.setattr(export, "with_half_weights", lambda _: spoilt)
    with pytest.raises(ModelError, match="disagree"):
        export_onnx(network(), SPEC)
