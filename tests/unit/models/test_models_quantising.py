"""Int8 graphs: which nodes compute in integers, with which scales, and what is refused."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from copylens.errors import MissingExtraError, ModelError, UsageError
from copylens.models import ModelPackage, write_package
from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine
from copylens.models.engines.openvino_engine import OpenVinoEngine
from copylens.models.quantising import Quantisation, _quantised_nodes, quantise_graph
from small_models import MEAN, STD, SmallNetwork, convolve, make_model

NETWORK = SmallNetwork()
BATCH = NETWORK.batch(12)


def package_of(model: Any, folder: Path, *, like: ModelPackage) -> ModelPackage:
    """A package of the same ends with another graph."""
    return write_package(
        folder,
        onnx_model=model,
        name="other",
        version="1",
        dims=like.dims,
        input=like.input,
        calibration=like.calibration,
        licence=like.licence,
        provenance=like.provenance,
    )


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    return NETWORK.package(tmp_path / "float")


def quantised(package: ModelPackage, **how: Any) -> Any:
    return onnx.load_from_string(quantise_graph(package, [BATCH[:6], BATCH[6:]], Quantisation(**how)))


def scales_of(model: Any) -> dict[str, tuple[float, int]]:
    """Scale and zero point of every quantised activation, by its name."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return {
        node.input[0]: (float(constants[node.input[1]]), int(constants[node.input[2]]))
        for node in model.graph.node
        if node.op_type == "QuantizeLinear"
    }


def integer_convolutions(model: Any) -> list[Any]:
    made_by = {output: node.op_type for node in model.graph.node for output in node.output}
    return [
        node
        for node in model.graph.node
        if node.op_type == "Conv" and made_by.get(node.input[1]) == "DequantizeLinear"
    ]


# --- what is quantised


def test_the_first_convolution_and_all_after_the_last_stay_in_float(package: ModelPackage) -> None:
    model = quantised(package)
    assert len(integer_convolutions(model)) == 1
    kinds = Counter(node.op_type for node in model.graph.node)
    # ReLU6 of the integer convolution is in its range; that of the first one and the clamp of GeM are left.
    assert kinds["Clip"] == 2
    assert kinds["Pow"] == 2
    assert kinds["Gemm"] == kinds["LpNormalization"] == 1


def test_the_first_convolution_is_quantised_on_request(package: ModelPackage) -> None:
    model = quantised(package, spared=0)
    assert len(integer_convolutions(model)) == 2
    assert Counter(node.op_type for node in model.graph.node)["Clip"] == 1


def test_convolutions_of_single_channels_are_left_on_request(package: ModelPackage) -> None:
    assert len(integer_convolutions(quantised(package, depthwise=False, spared=0))) == 1


def test_the_sum_of_a_residual_block_is_quantised_and_the_normalisation_is_not(package: ModelPackage) -> None:
    model = quantised(package, spared=0)
    made_by = {output: node.op_type for node in model.graph.node for output in node.output}
    sums = [node for node in model.graph.node if node.op_type == "Add"]
    from_integers = [all(made_by.get(name) == "DequantizeLinear" for name in node.input) for node in sums]
    assert sorted(from_integers) == [False, True]


def test_a_clamp_that_is_no_relu_is_left_behind_a_convolution(package: ModelPackage, tmp_path: Path) -> None:
    model = NETWORK.model()
    for node in model.graph.node:
        if list(node.input) == ["c2", "zero", "six"]:
            node.input[1] = "tiny"
    other = package_of(model, tmp_path / "other", like=package)
    clips = [node for node in quantised(other).graph.node if node.op_type == "Clip"]
    assert len(clips) == 3


def test_nodes_without_names_are_quantised_too(package: ModelPackage, tmp_path: Path) -> None:
    assert not any(node.name for node in NETWORK.model().graph.node)
    assert integer_convolutions(quantised(package))


# --- with which numbers


def test_ranges_are_those_of_a_plain_loop_over_the_pictures(package: ModelPackage) -> None:
    w = {name: value.astype(np.float64) for name, value in NETWORK.weights.items()}
    x = (BATCH.transpose(0, 3, 1, 2) / 255 - MEAN[:, None, None]) / STD[:, None, None]
    after_first = np.clip(convolve(x, w["stem"], w["stem_bias"], stride=2), 0, 6)
    after_second = np.clip(convolve(after_first, w["deep"], w["deep_bias"], stride=1, groups=8), 0, 6)
    model = quantised(package)
    scales = sorted(scale for scale, _ in scales_of(model).values())
    expected = sorted(float(values.max()) / 255 for values in (after_first, after_second))
    np.testing.assert_allclose(scales, expected, rtol=1e-4)
    assert {zero for _, zero in scales_of(model).values()} == {0}


def test_weights_have_a_scale_for_each_channel(package: ModelPackage) -> None:
    model = quantised(package)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weight = next(value for value in constants.values() if value.dtype == np.int8 and value.ndim == 4)
    (scale,) = [
        constants[node.input[1]]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear"
        and constants.get(node.input[0]) is not None
        and constants[node.input[0]].dtype == np.int8
    ]
    exact = NETWORK.weights["deep"].astype(np.float32)
    np.testing.assert_allclose(scale, np.abs(exact).max(axis=(1, 2, 3)) / 127, rtol=0.01)
    rebuilt = weight * scale[:, None, None, None]
    assert (np.abs(rebuilt - exact) <= scale[:, None, None, None] * 0.51).all()


def test_narrow_weights_take_seven_bits(package: ModelPackage) -> None:
    weights = [
        numpy_helper.to_array(tensor)
        for tensor in quantised(package, narrow=True).graph.initializer
        if tensor.data_type == TensorProto.INT8 and len(tensor.dims) == 4
    ]
    assert [int(np.abs(weight).max()) for weight in weights] == [64]


def test_larger_weights_that_stay_float_take_sixteen_bits(tmp_path: Path) -> None:
    wide = SmallNetwork(dims=200)
    model = quantised(wide.package(tmp_path / "wide"))
    linear = [tensor for tensor in model.graph.initializer if list(tensor.dims) == [200, 8]]
    assert [tensor.data_type for tensor in linear] == [TensorProto.FLOAT16]


@pytest.mark.parametrize("method", ["minmax", "average"])
def test_descriptors_stay_close_with_every_method(
    package: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: Any
) -> None:
    graph = quantise_graph(package, [BATCH[:7], BATCH[7:]], Quantisation(method=method))
    assert capsys.readouterr() == ("", "")
    int8 = package_of(graph, tmp_path / "int8", like=package)
    fresh = NETWORK.batch(8, seed=9)
    for engine in (OnnxRuntimeEngine(int8, threads=1), OpenVinoEngine(int8, threads=1)):
        rows = engine.describe(fresh)
        assert (rows * NETWORK.twin(fresh)).sum(axis=1).min() > 0.99
        # It would be equal were nothing rounded.
        assert np.abs(rows - NETWORK.twin(fresh)).max() > 1e-4


def test_ranges_of_averages_lie_within_those_of_extremes(package: ModelPackage) -> None:
    grey = np.full_like(BATCH, 124)
    most, average = (
        scales_of(onnx.load_from_string(quantise_graph(package, [grey, BATCH], Quantisation(method=method))))
        for method in ("minmax", "average")
    )
    assert all(average[name][0] <= scale for name, (scale, _) in most.items())
    assert any(average[name][0] < 0.99 * scale for name, (scale, _) in most.items())


def test_the_same_pictures_give_the_same_bytes(package: ModelPackage) -> None:
    first, second = (quantise_graph(package, [BATCH]) for _ in range(2))
    assert first == second


def test_float_pixels_are_taken_as_well(tmp_path: Path) -> None:
    package = NETWORK.package(tmp_path / "float32", dtype="float32")
    graph = quantise_graph(package, [NETWORK.batch(8, dtype="float32")])
    int8 = package_of(graph, tmp_path / "int8", like=package)
    batch = NETWORK.batch(3, dtype="float32", seed=4)
    rows = OnnxRuntimeEngine(int8, threads=1).describe(batch)
    assert (rows * NETWORK.twin(batch)).sum(axis=1).min() > 0.99


# --- what is refused


def test_an_int8_model_is_refused(package: ModelPackage, tmp_path: Path) -> None:
    again = package_of(quantise_graph(package, [BATCH]), tmp_path / "again", like=package)
    with pytest.raises(ModelError, match="quantised already"):
        quantise_graph(again, [BATCH])


def test_a_network_without_convolutions_is_refused(package: ModelPackage, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["values"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("LpNormalization", ["means"], ["descriptor"], axis=-1, p=2),
    ]
    ends = [("pixels", TensorProto.UINT8, ["N", NETWORK.height, NETWORK.width, 3])]
    model = make_model(nodes, ends, [("descriptor", ["N", 3])], [], opset=17)
    other = package_of(model, tmp_path / "other", like=package)
    with pytest.raises(ModelError, match="no convolutions"):
        quantise_graph(other, [BATCH])


def test_a_damaged_graph_is_refused_in_words(package: ModelPackage) -> None:
    package.onnx_path.write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"cannot quantise .*model\.onnx"):
        quantise_graph(package, [BATCH])


def test_no_pictures_are_refused_in_words(package: ModelPackage) -> None:
    with pytest.raises(ModelError, match="cannot quantise"):
        quantise_graph(package, [])


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(UsageError, match="take minmax, average"):
        Quantisation(method="guess")  # type: ignore[arg-type]


def test_without_the_onnx_package_it_says_what_to_install(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"copylens\[import\]"):
        quantise_graph(package, [BATCH])


# --- what is spared


def chains(*lengths: int) -> Any:
    """A graph of networks beside each other, each a chain of so many convolutions with ReLUs; weights say whose."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, 8, 8])
    nodes, weights = [], []
    for network, length in enumerate(lengths):
        value = "pixels"
        for number in range(length):
            name = f"{network}/{number}"
            kernel = np.full((3, 3, 1, 1), 0.1, np.float32)
            weights.append(numpy_helper.from_array(kernel, f"{name}/weight"))
            nodes += [
                helper.make_node("Conv", [value, f"{name}/weight"], [f"{name}/conv"]),
                helper.make_node("Relu", [f"{name}/conv"], [name]),
            ]
            value = name
    return helper.make_graph(nodes, "chains", [pixels], [], weights)


@pytest.mark.parametrize(
    ("lengths", "spared", "expected"),
    [
        ((5,), 3, ["0/3", "0/4"]),
        ((5,), 1, ["0/1", "0/2", "0/3", "0/4"]),
        ((2,), 0, ["0/0", "0/1"]),
        # One at least is left to quantise.
        ((2,), 3, ["0/1"]),
        # Of both networks, not only of the one that the graph begins with.
        ((4, 5), 3, ["0/3", "1/3", "1/4"]),
    ],
)
def test_the_convolutions_next_to_the_pixels_stay_in_float(
    lengths: tuple[int, ...], spared: int, expected: list[str]
) -> None:
    graph = chains(*lengths)
    chosen = set(_quantised_nodes(graph, Quantisation(spared=spared), where="it"))
    taken = [node for node in graph.node if node.name in chosen]
    assert [node.input[1].removesuffix("/weight") for node in taken if node.op_type == "Conv"] == expected
    # Each with its ReLU.
    assert [node.output[0] for node in taken if node.op_type == "Relu"] == expected


def test_a_negative_number_of_spared_convolutions_is_refused() -> None:
    with pytest.raises(UsageError, match="-1 convolutions cannot stay in float"):
        Quantisation(spared=-1)
