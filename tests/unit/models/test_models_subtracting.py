"""The subtraction behind a graph: every engine gives what the formula says, and the other graph stays as it was."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from copylens.errors import MissingExtraError, ModelError, UsageError
from copylens.models import ModelPackage, create_engine, write_package
from copylens.models.combining import combine_graphs
from copylens.models.quantising import quantise_graph
from copylens.models.subtracting import Subtraction, subtract_graph
from copylens.records import Descriptors
from copylens.workflows.settings import EngineName
from small_models import SmallNetwork, l2

NETWORK = SmallNetwork()
BATCH = NETWORK.batch(6)
CENTRES = l2(np.random.default_rng(4).normal(size=(9, NETWORK.dims)))


def left_over(rows: Descriptors, centres: Descriptors, how: Subtraction) -> Descriptors:
    """The formula of the module's docstring, a row and a centre at a time, in float64."""
    stored = centres.astype(np.float16).astype(np.float64)
    out = []
    for row in rows.astype(np.float64):
        weights = [np.exp(row @ centre / how.temperature) for centre in stored]
        shared = sum(weight * centre for weight, centre in zip(weights, stored, strict=True)) / sum(weights)
        out.append(row - how.share * shared)
    return l2(np.array(out))


def written(
    content: bytes, folder: Path, of: ModelPackage, dims: int | None = None, name: str = "less"
) -> ModelPackage:
    return write_package(
        folder,
        onnx_model=content,
        name=name,
        version="1",
        dims=dims or of.dims,
        input=of.input,
        calibration=of.calibration,
        licence=of.licence,
        provenance=of.provenance,
    )


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    return NETWORK.package(tmp_path / "small")


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "torch"])
@pytest.mark.parametrize(
    "how", [Subtraction(), Subtraction(share=0.2, temperature=1.0)], ids=["sharp", "flat"]
)
def test_every_engine_gives_what_the_formula_says(
    how: Subtraction, engine: EngineName, package: ModelPackage, tmp_path: Path
) -> None:
    made = written(subtract_graph(package, CENTRES, how), tmp_path / "less", package)
    before = create_engine(package, engine=engine, device="cpu").describe(BATCH)
    after = create_engine(made, engine=engine, device="cpu").describe(BATCH)
    np.testing.assert_allclose(after, left_over(before, CENTRES, how), atol=2e-4)
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1, atol=1e-5)
    assert np.abs(after - before).max() > 0.02


def test_pictures_that_share_a_centre_are_less_alike_and_equal_ones_stay_equal(
    package: ModelPackage, tmp_path: Path
) -> None:
    before = create_engine(package, engine="onnxruntime", device="cpu").describe(BATCH)
    shared = l2(before[:2].mean(axis=0, keepdims=True))
    made = written(subtract_graph(package, shared), tmp_path / "less", package)
    after = create_engine(made, engine="onnxruntime", device="cpu").describe(BATCH[[0, 1, 0]])
    assert after[0] @ after[1] < before[0] @ before[1] - 0.01
    assert after[0] @ after[2] == pytest.approx(1, abs=1e-5)


def test_a_descriptor_that_is_a_centre_keeps_its_direction(package: ModelPackage, tmp_path: Path) -> None:
    before = create_engine(package, engine="onnxruntime", device="cpu").describe(BATCH[:1])
    made = written(subtract_graph(package, before, Subtraction(share=0.9)), tmp_path / "less", package)
    after = create_engine(made, engine="onnxruntime", device="cpu").describe(BATCH[:1])
    np.testing.assert_allclose(after, before, atol=5e-3)


def test_a_picture_that_is_a_centre_is_less_like_its_copies(package: ModelPackage, tmp_path: Path) -> None:
    """Why the pictures must not be those in which copies are looked for."""
    copies = NETWORK.batch(1).repeat(2, axis=0)
    copies[1] = np.clip(copies[1] * 0.8 + 20, 0, 255)
    before = create_engine(package, engine="onnxruntime", device="cpu").describe(copies)
    made = written(subtract_graph(package, before[:1]), tmp_path / "less", package)
    after = create_engine(made, engine="onnxruntime", device="cpu").describe(copies)
    assert after[0] @ after[1] < before[0] @ before[1] - 0.01


def test_the_package_stays_as_it_was_and_the_bytes_are_the_same_each_time(package: ModelPackage) -> None:
    before = package.onnx_path.read_bytes()
    assert subtract_graph(package, CENTRES) == subtract_graph(package, CENTRES)
    assert package.onnx_path.read_bytes() == before


def test_centres_take_two_bytes_a_number(package: ModelPackage) -> None:
    many = l2(np.random.default_rng(5).normal(size=(500, NETWORK.dims)))
    added = len(subtract_graph(package, many)) - len(subtract_graph(package, many[:100]))
    assert added == pytest.approx(400 * NETWORK.dims * 2, abs=16)


def test_a_model_subtracts_once_but_may_be_combined_and_quantised_afterwards(
    package: ModelPackage, tmp_path: Path
) -> None:
    made = written(subtract_graph(package, CENTRES), tmp_path / "less", package)
    with pytest.raises(ModelError, match=r"less has its background subtracted already"):
        subtract_graph(made, CENTRES)
    both = written(combine_graphs([made, package]), tmp_path / "both", package, 2 * package.dims)
    describe = {
        each.directory.name: create_engine(each, engine="onnxruntime", device="cpu").describe(BATCH)
        for each in (package, made, both)
    }
    side_by_side = np.concatenate([describe["less"], describe["small"]], axis=1) / np.sqrt(2)
    np.testing.assert_allclose(describe["both"], side_by_side, atol=1e-5)
    int8 = written(quantise_graph(made, [NETWORK.batch(32, seed=3)]), tmp_path / "int8", package)
    rounded = create_engine(int8, engine="onnxruntime", device="cpu").describe(BATCH)
    assert (rounded * describe["less"]).sum(axis=1).min() > 0.9


@pytest.mark.parametrize(
    "settings", [{"share": 0.0}, {"share": 1.0}, {"temperature": 0.0}, {"temperature": 11.0}]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"--{next(iter(settings))} must lie between"):
        Subtraction(**settings)


def test_centres_that_do_not_fit_are_refused(package: ModelPackage) -> None:
    with pytest.raises(UsageError, match=r"must be \(K, 16\), not \(9, 15\)"):
        subtract_graph(package, CENTRES[:, :15])
    with pytest.raises(UsageError, match=r"not \(0, 16\)"):
        subtract_graph(package, CENTRES[:0])
    broken = CENTRES.copy()
    broken[2, 3] = np.nan
    with pytest.raises(UsageError, match="finite"):
        subtract_graph(package, broken)


def test_a_graph_that_is_none_is_named(package: ModelPackage) -> None:
    package.onnx_path.write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"Nothing can be put behind .*model\.onnx"):
        subtract_graph(package, CENTRES)


def test_the_graph_is_sound_and_keeps_its_contract(package: ModelPackage) -> None:
    model = onnx.load_from_string(subtract_graph(package, CENTRES))
    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.input] == ["pixels"]
    assert [value.name for value in model.graph.output] == ["descriptor"]


def test_without_onnx_the_extra_is_named(package: ModelPackage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match="import"):
        subtract_graph(package, CENTRES)
