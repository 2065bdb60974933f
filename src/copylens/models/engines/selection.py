"""A package and the user's wishes in, the fastest engine that can fulfil them here out."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Literal

from copylens.errors import EngineError, MissingExtraError, UsageError
from copylens.models.engines.base import Device, Engine, EngineName, Precision
from copylens.models.package import ModelPackage


def create_engine(
    package: ModelPackage,
    *,
    engine: EngineName = "auto",
    device: Device = "auto",
    precision: Precision = "float32",
    threads: int | None = None,
) -> Engine:
    """Load a package into an engine.

    Args:
        package: the model.
        engine: ``"auto"`` takes torch where there is a CUDA device and PyTorch, else OpenVINO where it is
            installed, else ONNX Runtime. For other precisions than float32 on a CPU: OpenVINO or torch.
        device: ``"auto"`` takes CUDA where engine and machine have it.
        precision: of the arithmetic; never changed silently.
        threads: on the CPU; None takes one for each core (torch: leaves the setting of the process alone).

    Raises:
        UsageError: threads below 1.
        MissingExtraError: the engine asked for is not installed.
        EngineError: no engine can do this here; the message says why.
    """
    if threads is not None and threads < 1:
        raise UsageError(f"threads must be at least 1, not {threads}.")
    where = _resolve_device(engine, device)
    chosen = _choose(where, precision) if engine == "auto" else engine
    if chosen == "torch":
        from copylens.models.engines.torch_engine import TorchEngine

        return TorchEngine(package, device=where, precision=precision, threads=threads)
    if where == "cuda":
        raise EngineError(f"The {chosen} engine runs on the CPU only; for CUDA use the torch engine.")
    if chosen == "openvino":
        from copylens.models.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(package, precision=precision, threads=threads)
    from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(package, precision=precision, threads=threads)


def _resolve_device(engine: EngineName, device: Device) -> Literal["cpu", "cuda"]:
    if device != "auto":
        return device
    if engine in ("auto", "torch") and _installed("torch") and _installed("onnx") and _has_nvidia_device():
        # Only now is PyTorch's import, which takes seconds, worth its time.
        from copylens.models.engines.torch_engine import cuda_is_available

        return "cuda" if cuda_is_available() else "cpu"
    return "cpu"


def _choose(
    device: Literal["cpu", "cuda"], precision: Precision
) -> Literal["onnxruntime", "openvino", "torch"]:
    if device == "cuda":
        return "torch"
    if _installed("openvino"):
        return "openvino"
    if precision == "float32":
        return "onnxruntime"
    if _installed("torch") and _installed("onnx"):
        return "torch"
    raise MissingExtraError(f"Precision {precision} on a CPU", "openvino")


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _has_nvidia_device() -> bool:
    """Look for a driver without importing anything; a false yes costs only the time of importing PyTorch."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return (
        Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists() or shutil.which("nvidia-smi") is not None
    )
