"""The engine of the base install: prepared pixels through ONNX Runtime on the CPU, in float32."""

from __future__ import annotations

import functools
import os
import weakref
from typing import Any

import numpy.typing as npt

from copylens.errors import EngineError
from copylens.models.engines.base import Engine, PixelBatch, Precision
from copylens.models.engines.parts import join, split, usable_cores
from copylens.models.package import INPUT_NAME, OUTPUT_NAME, ModelPackage
from copylens.threads import Threads

_ERRORS_ONLY = 3


class OnnxRuntimeEngine(Engine):
    """ONNX Runtime on the CPU.

    Args:
        package: the model.
        precision: only float32.
        threads: that run parts of a batch side by side; None takes one for each core.

    Raises:
        EngineError: another precision, or a graph that ONNX Runtime cannot load.
    """

    name = "onnxruntime"

    def __init__(
        self, package: ModelPackage, *, precision: Precision = "float32", threads: int | None = None
    ) -> None:
        if precision != "float32":
            raise EngineError(
                f"The onnxruntime engine has no {precision}, only float32; use the openvino or torch engine."
            )
        super().__init__(package, device="cpu", precision=precision)
        self._session = one_thread_session(str(package.onnx_path), name=str(package.onnx_path))
        self._count = threads or usable_cores()
        # Not a method: threads that hold the engine would keep it for ever.
        self._part = functools.partial(_run_part, self._session, self._where)
        self._threads: Threads[PixelBatch, npt.NDArray[Any]] | None = None
        self._process = 0
        self._warm = False

    def _run(self, batch: PixelBatch) -> npt.NDArray[Any]:
        parts = split(batch, self._count)
        if self._warm:
            return join(self._started().map(parts))
        # A binding that sets itself up in two threads at once can hang (OpenVINO's does): the first run is alone.
        first = self._part(parts[0])
        self._warm = True
        return join([first, *self._started().map(parts[1:])])

    def _started(self) -> Threads[PixelBatch, npt.NDArray[Any]]:
        """The threads; a forked process has none of those of its parent, and starts its own."""
        if self._threads is None or self._process != os.getpid():
            self._threads = Threads(self._part, self._count, "copylens-engine")
            self._process = os.getpid()
            weakref.finalize(self, self._threads.close)
        return self._threads


def one_thread_session(model: str | bytes, *, name: str) -> Any:
    """Load a graph so that each run takes one thread; several threads may run it at once.

    Args:
        model: a file's path, or its bytes.
        name: of the graph, for the message.

    Raises:
        EngineError: ONNX Runtime cannot load it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Threads within a layer spin while they wait for each other, on cores that decoding needs.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise EngineError(f"ONNX Runtime cannot load {name}: {error}") from error


def _run_part(session: Any, where: str, batch: PixelBatch) -> npt.NDArray[Any]:
    try:
        result: npt.NDArray[Any] = session.run([OUTPUT_NAME], {INPUT_NAME: batch})[0]
    except Exception as error:
        raise EngineError(f"{where}: the run failed: {error}") from error
    return result
