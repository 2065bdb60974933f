"""The engine for CUDA: prepared pixels through the package's graph in PyTorch; also runs on the CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import numpy.typing as npt

from copylens.errors import EngineError, MissingExtraError
from copylens.models.engines.base import Engine, PixelBatch, Precision
from copylens.models.package import INPUT_NAME, OUTPUT_NAME, ModelPackage

try:
    import torch
except ImportError as error:
    raise MissingExtraError("The torch engine", "train") from error

from copylens.models.engines.torch_graph import TorchGraph

_DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


class TorchEngine(Engine):
    """PyTorch on CUDA or the CPU, running the same `model.onnx` as every other engine.

    Args:
        package: the model.
        device: ``"cuda"`` or ``"cpu"``.
        precision: float32 runs without TF32; the others through autocast, with norms and sums in float32.
        threads: of one run on the CPU; a setting of the whole process in PyTorch, None leaves it alone.

    Raises:
        MissingExtraError: PyTorch or the onnx package is not installed.
        EngineError: no CUDA device, a precision it lacks, or a graph with unknown operations.
    """

    name = "torch"

    def __init__(
        self,
        package: ModelPackage,
        *,
        device: Literal["cpu", "cuda"] = "cuda",
        precision: Precision = "float32",
        threads: int | None = None,
    ) -> None:
        super().__init__(package, device=device, precision=precision)
        if device == "cuda" and not cuda_is_available():
            raise EngineError(
                "PyTorch finds no CUDA device here; use device cpu, or install PyTorch with CUDA."
            )
        if device == "cuda" and precision == "bfloat16" and not torch.cuda.is_bf16_supported():
            raise EngineError("This CUDA device has no bfloat16; use precision float16 or float32.")
        if threads and device == "cpu":
            torch.set_num_threads(threads)
        self._device = torch.device(device)
        self._dtype = _DTYPES[precision]
        with torch.inference_mode(), self._memory_guard():
            self._graph = TorchGraph(package.onnx_path, device=self._device, weight_dtype=self._dtype)

    def _run(self, batch: PixelBatch) -> npt.NDArray[Any]:
        with torch.inference_mode(), self._memory_guard(), self._arithmetic():
            # PyTorch warns of arrays it could not write to, though nothing here does.
            pixels = torch.from_numpy(batch if batch.flags.writeable else batch.copy()).to(self._device)
            try:
                output = self._graph.run(INPUT_NAME, pixels, OUTPUT_NAME)
            except (IndexError, KeyError, TypeError, ValueError) as error:
                raise EngineError(f"{self._where}: the graph breaks its contract: {error!r}") from error
            result: npt.NDArray[Any] = output.float().cpu().numpy()
        return result

    @contextlib.contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """Float32 means float32: PyTorch would run convolutions in TF32 on newer GPUs."""
        reduced = self._dtype is not torch.float32
        with contextlib.ExitStack() as stack:
            if self.device == "cuda":
                stack.enter_context(torch.backends.cudnn.flags(benchmark=False, allow_tf32=reduced))
            stack.enter_context(
                torch.autocast(self.device, dtype=self._dtype if reduced else None, enabled=reduced)
            )
            yield

    @contextlib.contextmanager
    def _memory_guard(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise EngineError(
                f"{self._where}: the device ran out of memory; give it smaller batches or use device cpu."
            ) from error
        except RuntimeError as error:
            raise EngineError(f"{self._where}: the run failed: {error}") from error


def cuda_is_available() -> bool:
    """Ask PyTorch whether it can use a CUDA device."""
    return torch.cuda.is_available()
