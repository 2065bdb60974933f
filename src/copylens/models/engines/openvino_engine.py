"""The faster CPU engine: prepared pixels through OpenVINO, at a precision that is always said.

OpenVINO's Python package reports to Google Analytics and writes ``~/intel`` when it is imported; so
`_import_openvino` keeps the module that does it from loading, and OpenVINO takes its own stub for it.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.errors import EngineError, MissingExtraError
from copylens.models.engines.base import Engine, PixelBatch, Precision
from copylens.models.engines.parts import join, split, usable_cores
from copylens.models.package import INPUT_NAME, OUTPUT_NAME, ModelPackage

_HINTS: dict[Precision, tuple[str, str]] = {
    "float32": ("f32", "FP32"),
    "bfloat16": ("bf16", "BF16"),
    "float16": ("f16", "FP16"),
}
"""Precision: OpenVINO's name for the hint, and for the processor's capability."""

_TELEMETRY = "openvino_telemetry"


class OpenVinoEngine(Engine):
    """OpenVINO on the CPU.

    Args:
        package: the model.
        precision: float32 everywhere; bfloat16 and float16 where the processor has them.
        threads: that run parts of a batch side by side; None takes one for each core.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        EngineError: the processor lacks the precision, or OpenVINO cannot load the graph.
    """

    name = "openvino"

    def __init__(
        self, package: ModelPackage, *, precision: Precision = "float32", threads: int | None = None
    ) -> None:
        super().__init__(package, device="cpu", precision=precision)
        openvino = _import_openvino()
        core = openvino.Core()
        # Without this check OpenVINO takes the hint and computes in float32 all the same.
        if precision not in _precisions(core):
            raise EngineError(f"OpenVINO has no {precision} on this processor; use precision float32.")
        streams = threads or usable_cores()
        config: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision][0],
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
        }
        try:
            self._model = core.compile_model(core.read_model(str(package.onnx_path)), "CPU", config)
            self._requests = [self._model.create_infer_request() for _ in range(streams)]
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot load {package.onnx_path}: {error}") from error

    def _run(self, batch: PixelBatch) -> npt.NDArray[Any]:
        # OpenVINO's own threads run the parts: its binding can hang when two of ours first use it at once.
        parts, results = split(batch, len(self._requests)), []
        running: deque[Any] = deque()
        try:
            for place, part in enumerate(parts):
                if len(running) == len(self._requests):
                    results.append(_finished(running.popleft()))
                request = self._requests[place % len(self._requests)]
                request.start_async({INPUT_NAME: part}, share_inputs=True)
                running.append(request)
            while running:
                results.append(_finished(running.popleft()))
        except (RuntimeError, KeyError) as error:
            raise EngineError(f"{self._where}: the run failed: {error}") from error
        finally:
            # They read the batch, which belongs to the caller.
            for request in running:
                with contextlib.suppress(RuntimeError):
                    request.wait()
        return join(results)


def _finished(request: Any) -> npt.NDArray[Any]:
    """Wait for a request and copy what it gave."""
    request.wait()
    return np.array(request.get_tensor(OUTPUT_NAME).data)


def openvino_precisions() -> tuple[Precision, ...]:
    """List the precisions that OpenVINO has on this processor.

    Raises:
        MissingExtraError: OpenVINO is not installed.
    """
    return _precisions(_import_openvino().Core())


def _precisions(core: Any) -> tuple[Precision, ...]:
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return tuple(precision for precision, (_, name) in _HINTS.items() if name in capabilities)


def _import_openvino() -> Any:
    """Import OpenVINO without its telemetry; where the program has imported it before, nothing changes."""
    hidden = _TELEMETRY not in sys.modules and "openvino" not in sys.modules
    if hidden:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # makes `import` of it raise ImportError
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise MissingExtraError("The openvino engine", "openvino") from error
    finally:
        if hidden:
            del sys.modules[_TELEMETRY]
