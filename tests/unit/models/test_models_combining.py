"""Graphs side by side: every engine gives the descriptors of each model one after the other, at length 1."""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import version_converter

from copylens.errors import MissingExtraError, ModelError
from copylens.models import ModelPackage, create_engine, write_package
from copylens.models.combining import combine_graphs
from copylens.records import InputSpec
from copylens.workflows.settings import EngineName
from small_models import SmallNetwork

NETWORKS = [SmallNetwork(dims=dims, seed=seed) for dims, seed in ((16, 0), (24, 1), (8, 2))]
BATCH = NETWORKS[0].batch(6)


def written(content: bytes, folder: Path, packages: list[ModelPackage]) -> ModelPackage:
    first = packages[0]
    return write_package(
        folder,
        onnx_model=content,
        name="combined",
        version="1",
        dims=sum(package.dims for package in packages),
        input=first.input,
        calibration=first.calibration,
        licence=first.licence,
        provenance=first.provenance,
    )


@pytest.fixture
def packages(tmp_path: Path) -> list[ModelPackage]:
    return [
        network.package(tmp_path / str(place), name=f"model-{place}")
        for place, network in enumerate(NETWORKS)
    ]


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "torch"])
@pytest.mark.parametrize("count", [2, 3])
def test_descriptors_stand_one_after_the_other(
    count: int, engine: EngineName, packages: list[ModelPackage], tmp_path: Path
) -> None:
    chosen = packages[:count]
    combined = written(combine_graphs(chosen), tmp_path / "combined", chosen)
    found = create_engine(combined, engine=engine, device="cpu").describe(BATCH)
    twin = np.concatenate([network.twin(BATCH) for network in NETWORKS[:count]], axis=1) / np.sqrt(count)
    np.testing.assert_allclose(found, twin, atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_score_is_the_mean_of_the_models_scores(packages: list[ModelPackage], tmp_path: Path) -> None:
    combined = written(combine_graphs(packages), tmp_path / "combined", packages)
    together, *alone = (
        create_engine(package, engine="onnxruntime", device="cpu").describe(BATCH)
        for package in (combined, *packages)
    )
    for a, b in combinations(range(len(BATCH)), 2):
        scores = [rows[a] @ rows[b] for rows in alone]
        assert together[a] @ together[b] == pytest.approx(np.mean(scores), abs=1e-5)


def test_graphs_of_two_versions_of_onnx_go_together(packages: list[ModelPackage], tmp_path: Path) -> None:
    newer = version_converter.convert_version(onnx.load(packages[1].onnx_path), 20)
    pair = [packages[0], written(newer.SerializeToString(), tmp_path / "newer", [packages[1]])]
    content = combine_graphs(pair)
    assert [entry.version for entry in onnx.load_from_string(content).opset_import] == [20]
    engine = create_engine(written(content, tmp_path / "combined", pair), engine="onnxruntime", device="cpu")
    twin = np.concatenate([network.twin(BATCH) for network in NETWORKS[:2]], axis=1) / np.sqrt(2)
    np.testing.assert_allclose(engine.describe(BATCH), twin, atol=2e-3)


def test_the_packages_stay_as_they_were_and_the_bytes_are_the_same_each_time(
    packages: list[ModelPackage],
) -> None:
    before = [package.onnx_path.read_bytes() for package in packages]
    assert combine_graphs(packages) == combine_graphs(packages)
    assert [package.onnx_path.read_bytes() for package in packages] == before


def test_one_model_alone_is_refused(packages: list[ModelPackage]) -> None:
    with pytest.raises(ModelError, match="two models or more"):
        combine_graphs(packages[:1])


def test_models_of_other_pixels_are_refused(packages: list[ModelPackage], tmp_path: Path) -> None:
    other = SmallNetwork(size=(24, 24)).package(tmp_path / "square", name="square")
    assert other.input == InputSpec(24, 24)
    with pytest.raises(
        ModelError, match=r"model-0 and square take different pixels \(24 x 20 .*; 24 x 24 .*\)"
    ):
        combine_graphs([packages[0], other])


def test_a_graph_that_is_none_is_named(packages: list[ModelPackage], tmp_path: Path) -> None:
    broken = onnx.load(packages[1].onnx_path)
    del broken.graph.output[:]
    broken.graph.node[-1].output[0] = "elsewhere"
    pair = [packages[0], written(broken.SerializeToString(), tmp_path / "broken", [packages[1]])]
    with pytest.raises(ModelError, match="model-0 and combined cannot be combined"):
        combine_graphs(pair)


def test_without_onnx_the_extra_is_named(
    packages: list[ModelPackage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match="import"):
        combine_graphs(packages)
