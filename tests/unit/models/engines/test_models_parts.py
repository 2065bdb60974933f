"""Batches go in whole and come out whole, whatever the number of threads."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from copylens.errors import EngineError
from copylens.models.engines.base import Engine
from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine
from copylens.models.engines.openvino_engine import OpenVinoEngine
from copylens.models.engines.parts import PART, PartRunner, usable_cores
from small_models import SmallNetwork


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 16, 17])
def test_the_order_stays_and_no_part_is_larger_than_allowed(threads: int, count: int) -> None:
    batch = np.arange(count * 2, dtype=np.float32).reshape(count, 2)
    sizes: list[int] = []

    def double(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        sizes.append(len(part))
        return part * 2

    np.testing.assert_array_equal(PartRunner(threads).run(batch, double), batch * 2)
    assert sum(sizes) == count
    assert max(sizes) <= PART
    assert len(sizes) >= min(threads, count)


def test_parts_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=30)

    def meet(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        meeting.wait()
        return part

    batch = np.zeros((3, 1), np.float32)
    np.testing.assert_array_equal(PartRunner(3).run(batch, meet), batch)


def test_never_more_parts_at_once_than_threads() -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def count_in(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.005)
        with lock:
            running[0] -= 1
        return part

    PartRunner(2).run(np.zeros((32, 1), np.float32), count_in)
    assert 1 <= most[0] <= 2


def test_what_a_part_raises_is_raised() -> None:
    def fail(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if 5 in part:
            raise EngineError("the fifth failed")
        return part

    runner, batch = PartRunner(2), np.arange(8, dtype=np.float32).reshape(8, 1)
    with pytest.raises(EngineError, match="the fifth failed"):
        runner.run(batch, fail)
    np.testing.assert_array_equal(runner.run(batch, lambda part: part), batch)


def test_results_that_cannot_be_joined_are_refused() -> None:
    with pytest.raises(EngineError, match="models verify"):
        PartRunner(2).run(np.zeros((5, 1), np.float32), lambda part: np.zeros((1, len(part))))


def test_one_thread_for_each_core_by_default() -> None:
    assert PartRunner().threads == usable_cores() >= 1


@pytest.mark.parametrize("make", [OnnxRuntimeEngine, OpenVinoEngine])
def test_engines_give_the_same_descriptors_with_any_number_of_threads(make: Any, tmp_path: Path) -> None:
    network = SmallNetwork()
    package = network.package(tmp_path / "small", dtype="uint8")
    batch = network.batch(19, dtype="uint8")
    engines: list[Engine] = [make(package, threads=threads) for threads in (1, 2, 5)]
    for engine in engines:
        np.testing.assert_allclose(engine.describe(batch), network.twin(batch), atol=1e-4)
