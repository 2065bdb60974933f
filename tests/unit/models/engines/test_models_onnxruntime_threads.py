"""The threads of an ONNX Runtime engine: several callers, errors in one part of a batch, and their end."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from copylens.errors import EngineError
from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine
from small_models import SmallNetwork

NETWORK = SmallNetwork()


def alive() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("copylens-engine")}


def test_callers_at_the_same_time_get_their_own_descriptors(tmp_path: Path) -> None:
    engine = OnnxRuntimeEngine(NETWORK.package(tmp_path / "small"), threads=3)
    batches = [NETWORK.batch(size, seed=size) for size in (1, 9, 17, 30)]
    alone = [engine.describe(batch) for batch in batches]
    found: dict[int, list[Any]] = {place: [] for place in range(len(batches))}

    def ask(place: int) -> None:
        found[place].extend(engine.describe(batches[place]) for _ in range(8))

    callers = [threading.Thread(target=ask, args=(place,)) for place in found]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for place, rows in found.items():
        assert len(rows) == 8
        assert all(np.array_equal(each, alone[place]) for each in rows)


def test_a_part_that_fails_is_an_error_and_the_next_batch_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OnnxRuntimeEngine(NETWORK.package(tmp_path / "small"), threads=2)
    batch = NETWORK.batch(10)
    good = engine.describe(batch)
    run = engine._session.run
    failing = {"left": 1}

    def fails_once(*words: Any) -> Any:
        if failing["left"] and len(words[1]["pixels"]) < len(batch):
            failing["left"] -= 1
            raise RuntimeError("out of luck")
        return run(*words)

    monkeypatch.setattr(engine._session, "run", fails_once)
    with pytest.raises(EngineError, match="the run failed: out of luck"):
        engine.describe(batch)
    assert np.array_equal(engine.describe(batch), good)


def test_the_threads_end_with_the_engine(tmp_path: Path) -> None:
    before = alive()
    engine = OnnxRuntimeEngine(NETWORK.package(tmp_path / "small"), threads=3)
    engine.describe(NETWORK.batch(20))
    assert len(alive() - before) == 3
    gone = weakref.ref(engine)
    del engine
    gc.collect()
    assert gone() is None
    assert not alive() - before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
def test_a_forked_process_has_threads_of_its_own(used: bool, tmp_path: Path) -> None:
    engine = OnnxRuntimeEngine(NETWORK.package(tmp_path / "small"), threads=2)
    batch = NETWORK.batch(20)
    if used:
        engine.describe(batch)
    here, there = multiprocessing.get_context("fork").Pipe()
    child = multiprocessing.get_context("fork").Process(
        target=lambda: there.send(engine.describe(batch)), daemon=True
    )
    child.start()
    try:
        assert here.poll(60), "the forked process gave nothing"
        found = here.recv()
    finally:
        child.kill()
        child.join()
    assert np.array_equal(found, engine.describe(batch))
