"""Foreign ONNX models of every layout and type become packages that compute what the model computes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from copylens.errors import MissingExtraError, ModelError, OutputError, UsageError
from copylens.models import ModelPackage, import_onnx, load_package
from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine
from copylens.models.engines.torch_engine import TorchEngine
from copylens.models.importing import IMAGENET_MEAN, IMAGENET_STD, UNMEASURED_THRESHOLD
from copylens.models.verifying import contract_breaches, read_contract
from small_models import l2, make_model

H, W, D = 10, 8, 5
DRAW = np.random.default_rng(11)
MIX = DRAW.normal(0, 1, (3 * 4, D)).astype(np.float32)
PIXELS = DRAW.integers(0, 256, (3, H, W, 3)).astype(np.uint8)
FLOAT, UINT8, FLOAT16 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.FLOAT16


def foreign(
    *,
    layout: str = "nchw",
    kind: int = FLOAT,
    shape: list[Any] | None = None,
    tail: str = "flat",
    head_batch: Any = "N",
    opset: int = 18,
) -> Any:
    """A model: 2x2 means of the picture, mixed by a matrix; its names collide with ours if not renamed."""
    shape = shape or (["N", 3, H, W] if layout == "nchw" else ["N", H, W, 3])
    nodes: list[Any] = []
    value = "pixels"

    def then(op: str, *more: str, **attributes: Any) -> None:
        nonlocal value
        nodes.append(helper.make_node(op, [value, *more], [f"normalise/{len(nodes)}"], **attributes))
        value = nodes[-1].output[0]

    if kind != FLOAT:
        then("Cast", to=FLOAT)
    if layout == "nhwc":
        then("Transpose", perm=[0, 3, 1, 2])
    then("AveragePool", kernel_shape=[H // 2, W // 2], strides=[H // 2, W // 2])
    then("Reshape", "rows")
    then("MatMul", "normalise/Mul")
    if tail == "spatial":
        then("Unsqueeze", "last")
        then("Unsqueeze", "last")
    if tail == "tokens":
        then("Unsqueeze", "first")
    nodes[-1].output[0] = "feature"
    rows = np.array([head_batch if isinstance(head_batch, int) else 0, 12], np.int64)
    constants = [
        numpy_helper.from_array(MIX, "normalise/Mul"),
        numpy_helper.from_array(rows, "rows"),
        numpy_helper.from_array(np.array([-1], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "first"),
    ]
    ends: dict[str, list[Any]] = {"flat": [head_batch, D], "spatial": [head_batch, D, 1, 1]}
    out = ends.get(tail, [head_batch, 1, D])
    return make_model(nodes, [("pixels", kind, shape)], [("feature", out)], constants, opset=opset)


def twin(pixels: Any, *, scale: float = 1 / 255, mean: Any = IMAGENET_MEAN, std: Any = IMAGENET_STD) -> Any:
    """What the package should say of ``(N, H, W, 3)`` pixels, in float64."""
    x = (pixels.astype(np.float64) * scale - np.asarray(mean)) / np.asarray(std)
    means = x.reshape(len(x), 2, H // 2, 2, W // 2, 3).mean(axis=(2, 4))
    return l2(means.transpose(0, 3, 1, 2).reshape(len(x), 12) @ MIX)


def raw_twin(pixels: Any) -> Any:
    """The same for models that take values 0..255 as they are."""
    return twin(pixels, scale=1, mean=(0, 0, 0), std=(1, 1, 1))


def bring_in(tmp_path: Path, model: Any, **options: Any) -> ModelPackage:
    onnx.save(model, str(tmp_path / "foreign.onnx"))
    return import_onnx(tmp_path / "foreign.onnx", tmp_path / "package", name="mine", **options)


def describe(package: ModelPackage, pixels: Any = PIXELS) -> Any:
    return OnnxRuntimeEngine(package).describe(pixels)


@pytest.mark.parametrize("opset", [11, 13, 18])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_float_models_get_normalised_pixels(tmp_path: Path, layout: str, opset: int) -> None:
    # Squeezing and unsqueezing by an input came with operator set 13.
    model = foreign(layout=layout, opset=opset, tail="spatial" if opset >= 13 else "flat")
    package = bring_in(tmp_path, model)
    np.testing.assert_allclose(describe(package), twin(PIXELS), atol=1e-5)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_uint8_models_get_pixels_as_they_are(tmp_path: Path, layout: str) -> None:
    package = bring_in(tmp_path, foreign(layout=layout, kind=UINT8))
    np.testing.assert_allclose(describe(package), raw_twin(PIXELS), atol=1e-5)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_models_that_normalise_themselves_get_values_to_255(tmp_path: Path, layout: str) -> None:
    package = bring_in(tmp_path, foreign(layout=layout), normalised_inside=True)
    np.testing.assert_allclose(describe(package), raw_twin(PIXELS), atol=1e-5)


def test_half_precision_inputs_are_fed(tmp_path: Path) -> None:
    package = bring_in(tmp_path, foreign(kind=FLOAT16))
    np.testing.assert_allclose(describe(package), twin(PIXELS), atol=2e-3)


def test_given_normalisation_is_used(tmp_path: Path) -> None:
    values: dict[str, Any] = {"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6), "scale": 1 / 127.5}
    package = bring_in(tmp_path, foreign(), **values)
    np.testing.assert_allclose(describe(package), twin(PIXELS, **values), atol=1e-5)


def test_the_torch_engine_runs_an_imported_package(tmp_path: Path) -> None:
    package = bring_in(tmp_path, foreign(layout="nhwc", tail="spatial"))
    np.testing.assert_allclose(TorchEngine(package, device="cpu").describe(PIXELS), twin(PIXELS), atol=1e-5)


def test_the_package_keeps_the_contract_and_says_where_it_is_from(tmp_path: Path) -> None:
    package = load_package(bring_in(tmp_path, foreign(), licence="MIT", threshold=0.6).directory)
    assert contract_breaches(read_contract(package), input_spec=package.input, dims=D) == []
    assert (package.name, package.dims, package.licence) == ("mine", D, "MIT")
    assert (package.input.height, package.input.width, package.input.dtype) == (H, W, "uint8")
    assert package.calibration.threshold == 0.6
    assert "foreign.onnx" in package.provenance.weights


def test_a_threshold_nobody_gave_is_marked_as_unmeasured(tmp_path: Path) -> None:
    calibration = bring_in(tmp_path, foreign()).calibration
    assert calibration.threshold == UNMEASURED_THRESHOLD
    assert "not measured" in calibration.background


@pytest.mark.parametrize("size", [(H, W), None])
def test_a_fixed_size_is_found_or_may_be_repeated(tmp_path: Path, size: tuple[int, int] | None) -> None:
    package = bring_in(tmp_path, foreign(), input_size=size)
    assert (package.input.height, package.input.width) == (H, W)


def test_an_open_size_must_be_given(tmp_path: Path) -> None:
    model = foreign(shape=["N", 3, "h", "w"])
    with pytest.raises(ModelError, match="--input-size"):
        bring_in(tmp_path, model)
    assert bring_in(tmp_path, model, input_size=(H, W)).input.height == H


def test_one_number_is_a_square(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("MatMul", ["flat", "mix"], ["feature"]),
    ]
    mix = numpy_helper.from_array(MIX[:3], "mix")
    model = make_model(nodes, [("image", FLOAT, ["N", 3, "h", "w"])], [("feature", ["N", D])], [mix])
    package = bring_in(tmp_path, model, input_size=12)
    assert (package.input.height, package.input.width) == (12, 12)


def test_a_size_the_model_cannot_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not run"):
        bring_in(tmp_path, foreign(shape=["N", 3, "h", "w"]), input_size=30)


@pytest.mark.parametrize("tail", ["tokens", "map"])
def test_an_output_that_is_no_vector_is_refused(tmp_path: Path, tail: str) -> None:
    model = foreign(tail="tokens") if tail == "tokens" else with_outputs("map")
    with pytest.raises(ModelError, match="a descriptor has"):
        bring_in(tmp_path, model)


def test_another_size_than_the_fixed_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="fixed to 10x8, not 9x9"):
        bring_in(tmp_path, foreign(), input_size=9)


def test_a_size_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must be positive"):
        bring_in(tmp_path, foreign(), input_size=0)


@pytest.mark.parametrize("shape", [["N", "c", H, W], ["N", 3, H, 3]])
def test_an_ambiguous_layout_must_be_given(tmp_path: Path, shape: list[Any]) -> None:
    with pytest.raises(ModelError, match="--layout"):
        bring_in(tmp_path, foreign(shape=shape))


def test_a_given_layout_settles_it(tmp_path: Path) -> None:
    package = bring_in(tmp_path, foreign(shape=["N", "c", H, W]), layout="nchw")
    np.testing.assert_allclose(describe(package), twin(PIXELS), atol=1e-5)


def test_a_layout_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="8 channels, not 3"):
        bring_in(tmp_path, foreign(), layout="nhwc")


@pytest.mark.parametrize("options", [{"mean": (0, 0, 0)}, {"std": (1, 1, 1)}, {"scale": 1.0}])
def test_normalising_twice_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    for model, more in ((foreign(kind=UINT8), {}), (foreign(), {"normalised_inside": True})):
        with pytest.raises(UsageError, match="normalises pixels itself"):
            bring_in(tmp_path, model, **options, **more)


def test_a_deviation_of_zero_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="std must be positive"):
        bring_in(tmp_path, foreign(), std=(1, 0, 1))


def test_a_fixed_batch_of_one_is_freed(tmp_path: Path) -> None:
    model = foreign(shape=[1, 3, H, W], head_batch=1)
    package = bring_in(tmp_path, model)
    np.testing.assert_allclose(describe(package), twin(PIXELS), atol=1e-5)


def test_a_fixed_batch_in_a_constant_node_is_freed(tmp_path: Path) -> None:
    model = foreign(shape=[1, 3, H, W], head_batch=1)
    rows = next(tensor for tensor in model.graph.initializer if tensor.name == "rows")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["rows"], value=rows))
    model.graph.initializer.remove(rows)
    np.testing.assert_allclose(describe(bring_in(tmp_path, model)), twin(PIXELS), atol=1e-5)


def test_a_batch_that_cannot_be_freed_says_so(tmp_path: Path) -> None:
    model = foreign(shape=[1, 3, H, W], head_batch=1)
    # An addition whose constant has three rows runs for one and for three images only.
    model.graph.initializer.append(numpy_helper.from_array(np.ones((3, D), np.float32), "three"))
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("Add", ["before", "three"], ["sum"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "zero"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "one"))
    model.graph.node.append(helper.make_node("Slice", ["sum", "zero", "one", "zero"], ["feature"]))
    with pytest.raises(ModelError, match="dynamic batch axis"):
        bring_in(tmp_path, model)
    assert not (tmp_path / "package").exists()


def test_rows_that_depend_on_their_neighbours_are_refused(tmp_path: Path) -> None:
    model = foreign()
    model.graph.node[-1].output[0] = "before"
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "zero"))
    model.graph.node.append(helper.make_node("ReduceMean", ["before", "zero"], ["middle"], keepdims=1))
    model.graph.node.append(helper.make_node("Mul", ["before", "middle"], ["feature"]))
    with pytest.raises(ModelError, match="differently alone and beside another"):
        bring_in(tmp_path, model)


def with_outputs(*names: str) -> Any:
    """A model that has more outputs: the map before the means (4 axes), and the doubled feature (2 axes)."""
    model = foreign()
    model.graph.node.append(helper.make_node("Neg", ["pixels"], ["map"]))
    model.graph.node.append(helper.make_node("Abs", ["feature"], ["size"]))
    shapes: dict[str, list[Any]] = {"map": ["N", 3, H, W], "size": ["N", D], "feature": ["N", D]}
    del model.graph.output[:]
    model.graph.output.extend([helper.make_tensor_value_info(n, FLOAT, shapes[n]) for n in names])
    return model


def test_of_several_outputs_the_first_flat_one_is_taken(tmp_path: Path) -> None:
    package = bring_in(tmp_path, with_outputs("map", "feature", "size"))
    np.testing.assert_allclose(describe(package), twin(PIXELS), atol=1e-5)


def test_an_output_can_be_named(tmp_path: Path) -> None:
    package = bring_in(tmp_path, with_outputs("map", "feature", "size"), output="size")
    np.testing.assert_allclose(describe(package), np.abs(twin(PIXELS)), atol=1e-5)


def test_an_unknown_output_gets_the_choices(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="no output 'embedding'; it has 'map' with 4 axes, 'size' with 2 axes"
    ):
        bring_in(tmp_path, with_outputs("map", "size"), output="embedding")


def test_several_outputs_without_a_flat_one_must_be_named(tmp_path: Path) -> None:
    model = with_outputs("map", "feature")
    del model.graph.output[1].type.tensor_type.shape.dim[1:]
    model.graph.output[1].type.tensor_type.shape.dim.add().dim_value = D
    model.graph.output[1].type.tensor_type.shape.dim.add().dim_value = 1
    with pytest.raises(ModelError, match="which output is the descriptor"):
        bring_in(tmp_path, model)


def test_outputs_without_a_noted_shape_are_inferred(tmp_path: Path) -> None:
    model = with_outputs("map", "feature")
    for entry in model.graph.output:
        entry.type.tensor_type.ClearField("shape")
    np.testing.assert_allclose(describe(bring_in(tmp_path, model)), twin(PIXELS), atol=1e-5)


def test_a_second_input_is_refused(tmp_path: Path) -> None:
    model = foreign()
    model.graph.input.append(helper.make_tensor_value_info("text", FLOAT, ["N", 4]))
    with pytest.raises(ModelError, match="has 2: 'pixels', 'text'"):
        bring_in(tmp_path, model)


def test_constants_listed_as_inputs_are_none(tmp_path: Path) -> None:
    model = foreign()
    model.graph.input.append(helper.make_tensor_value_info("normalise/Mul", FLOAT, MIX.shape))
    np.testing.assert_allclose(describe(bring_in(tmp_path, model)), twin(PIXELS), atol=1e-5)


def test_an_input_that_is_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="images have four"):
        bring_in(tmp_path, foreign(shape=["N", 12]))


def test_an_input_of_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="wanted float or uint8"):
        bring_in(tmp_path, foreign(kind=TensorProto.INT64))


def test_weights_in_a_file_beside_it_come_along(tmp_path: Path) -> None:
    onnx.save(
        foreign(),
        str(tmp_path / "foreign.onnx"),
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    package = import_onnx(tmp_path / "foreign.onnx", tmp_path / "package", name="mine")
    (tmp_path / "weights.bin").unlink()
    np.testing.assert_allclose(describe(package), twin(PIXELS), atol=1e-5)
    with pytest.raises(ModelError, match="weights beside it are missing"):
        import_onnx(tmp_path / "foreign.onnx", tmp_path / "other", name="mine")


def test_without_a_norm_the_models_own_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has length .*, not 1"):
        bring_in(tmp_path, foreign(), l2=False)
    model = foreign()
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("LpNormalization", ["before"], ["feature"], axis=-1))
    np.testing.assert_allclose(describe(bring_in(tmp_path, model, l2=False)), twin(PIXELS), atol=1e-5)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = foreign()
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("Sqrt", ["before"], ["feature"]))
    with pytest.raises(ModelError, match="not finite"):
        bring_in(tmp_path, model)


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.onnx").write_bytes(b"\xff\xd8\xff\xe0 no graph")
    with pytest.raises(ModelError, match="not an ONNX file"):
        import_onnx(tmp_path / "photo.onnx", tmp_path / "package", name="mine")
    with pytest.raises(ModelError, match=r"none\.onnx cannot be read"):
        import_onnx(tmp_path / "none.onnx", tmp_path / "package", name="mine")


def test_a_package_there_is_kept(tmp_path: Path) -> None:
    bring_in(tmp_path, foreign())
    with pytest.raises(OutputError, match="already exists"):
        bring_in(tmp_path, foreign())
    assert bring_in(tmp_path, foreign(), overwrite=True).name == "mine"


def test_without_the_onnx_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx.save(foreign(), str(tmp_path / "foreign.onnx"))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'copylens\[import\]'"):
        import_onnx(tmp_path / "foreign.onnx", tmp_path / "package", name="mine")
