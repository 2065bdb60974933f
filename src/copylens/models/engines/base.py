"""What every engine is: prepared pixels in, checked descriptors out; a runtime adds only `_run`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from copylens.errors import EngineError, UsageError
from copylens.models.package import ModelPackage
from copylens.records import Descriptors, InputSpec

EngineName: TypeAlias = Literal["auto", "onnxruntime", "openvino", "torch"]
Device: TypeAlias = Literal["auto", "cpu", "cuda"]
Precision: TypeAlias = Literal["float32", "bfloat16", "float16"]

PixelBatch: TypeAlias = npt.NDArray[np.generic]
"""``(N, H, W, 3) uint8`` or ``(N, 3, H, W) float32``, as the package's `InputSpec` says."""

_TINY = np.float32(1e-12)


class Engine(ABC):
    """A runtime with one package's graph loaded. One engine serves one thread at a time.

    Attributes:
        name: of the runtime.
        device: ``"cpu"`` or ``"cuda"``, where it really runs.
        precision: of the arithmetic.
        dims: D.
        input: what it wants as pixels.
    """

    name: str

    def __init__(
        self, package: ModelPackage, *, device: Literal["cpu", "cuda"], precision: Precision
    ) -> None:
        self.device = device
        self.precision = precision
        self.dims = package.dims
        self.input = package.input
        self._where = f"{self.name} on {device}, model {package.name!r}"

    def describe(self, batch: PixelBatch) -> Descriptors:
        """Run the network.

        Args:
            batch: N prepared images, see `PixelBatch`; N may be 0.

        Returns:
            ``(N, D) float32``, C-contiguous, rows L2-normalised.

        Raises:
            UsageError: the batch has another shape or dtype than the package's `InputSpec` says.
            EngineError: the runtime failed, ran out of memory, or gave something that is not a descriptor.
        """
        self._check_batch(batch)
        if not len(batch):
            return np.empty((0, self.dims), np.float32)
        output = np.ascontiguousarray(self._run(np.ascontiguousarray(batch)), dtype=np.float32)
        if output.shape != (len(batch), self.dims):
            raise EngineError(
                f"{self._where}: the graph gave shape {output.shape} instead of "
                f"{(len(batch), self.dims)}; check the package with: copylens models verify"
            )
        if not np.isfinite(output).all():
            raise EngineError(
                f"{self._where}: the network overflowed in {self.precision}; run it with precision float32."
            )
        # A graph that runs in 16 bits norms in 16 bits; scores need rows of length 1 whatever the precision.
        norms = np.maximum(np.linalg.norm(output, axis=1, keepdims=True), _TINY)
        descriptors: Descriptors = output / norms
        return descriptors

    @abstractmethod
    def _run(self, batch: PixelBatch) -> npt.NDArray[Any]:
        """Execute the graph on a checked, C-contiguous batch of N >= 1; raises `EngineError`."""

    def _check_batch(self, batch: PixelBatch) -> None:
        shape, dtype = batch_layout(self.input)
        if batch.dtype != dtype or batch.shape[1:] != shape:
            raise UsageError(
                f"The model wants pixels as (N, {', '.join(map(str, shape))}) {dtype}, "
                f"got {batch.shape} {batch.dtype}."
            )


def batch_layout(spec: InputSpec) -> tuple[tuple[int, int, int], np.dtype[Any]]:
    """Shape of one prepared image and its dtype: ``(H, W, 3) uint8`` or ``(3, H, W) float32``."""
    if spec.dtype == "uint8":
        return (spec.height, spec.width, 3), np.dtype(np.uint8)
    return (3, spec.height, spec.width), np.dtype(np.float32)
