"""Batches go in whole and come out whole, whatever the number of threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from copylens.errors import EngineError
from copylens.models.engines.base import Engine
from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine
from copylens.models.engines.openvino_engine import OpenVinoEngine
from copylens.models.engines.parts import PART, join, split, usable_cores
from small_models import SmallNetwork, make_model

CPU_ENGINES = [OnnxRuntimeEngine, OpenVinoEngine]


def graph_for_batches_of(count: int) -> Any:
    """A graph for the inputs of `SmallNetwork` that fails when it runs on another number of pictures."""
    network = SmallNetwork()
    values = network.height * network.width * 3
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["numbers", "shape"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["descriptor"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([count, values]), "shape"),
        numpy_helper.from_array(np.ones((values, network.dims), np.float32), "weights"),
    ]
    shape = ["N", network.height, network.width, 3]
    return make_model(
        nodes, [("pixels", TensorProto.UINT8, shape)], [("descriptor", ["N", network.dims])], constants
    )


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 16, 17])
def test_split_keeps_the_order_and_the_limits(threads: int, count: int) -> None:
    batch = np.arange(count * 2, dtype=np.float32).reshape(count, 2)
    parts = split(batch, threads)
    np.testing.assert_array_equal(join(parts), batch)
    sizes = [len(part) for part in parts]
    assert 1 <= min(sizes) <= max(sizes) <= min(PART, min(sizes) + 1)
    assert len(sizes) >= min(threads, count)


def test_split_does_not_copy() -> None:
    batch = np.zeros((9, 2), np.float32)
    assert all(np.shares_memory(part, batch) for part in split(batch, 2))


@pytest.mark.parametrize("shapes", [[(1, 3), (1, 2)], [(), ()]])
def test_results_that_cannot_be_joined_are_refused(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(EngineError, match="models verify"):
        join([np.zeros(shape) for shape in shapes])


def test_there_is_a_core() -> None:
    assert usable_cores() >= 1


@pytest.mark.parametrize("make", CPU_ENGINES)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_descriptors_do_not_depend_on_the_number_of_threads(make: Any, threads: int, tmp_path: Path) -> None:
    network = SmallNetwork()
    engine: Engine = make(network.package(tmp_path / "small", dtype="uint8"), threads=threads)
    for count in (19, 1, 40):
        batch = network.batch(count, dtype="uint8", seed=count)
        np.testing.assert_allclose(engine.describe(batch), network.twin(batch), atol=1e-4)


@pytest.mark.parametrize("make", CPU_ENGINES)
def test_a_graph_that_fails_on_some_parts_is_a_sentence(make: Any, tmp_path: Path) -> None:
    package = SmallNetwork().package(tmp_path / "small", dtype="uint8")
    package.onnx_path.write_bytes(graph_for_batches_of(3).SerializeToString())
    engine: Engine = make(package, threads=2)
    for _ in range(2):
        with pytest.raises(EngineError):
            engine.describe(SmallNetwork().batch(10, dtype="uint8"))
