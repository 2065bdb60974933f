"""Every engine passes the same suite; torch on CUDA only where there is such a device."""

from __future__ import annotations

import pytest
import torch

from conformance.engine_conformance import EngineConformance
from copylens.models import ModelPackage
from copylens.models.engines.base import Engine, Precision
from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine
from copylens.models.engines.openvino_engine import OpenVinoEngine, openvino_precisions
from copylens.models.engines.torch_engine import TorchEngine


class TestOnnxRuntime(EngineConformance):
    def make(self, package: ModelPackage, *, precision: Precision = "float32") -> Engine:
        return OnnxRuntimeEngine(package, precision=precision, threads=1)


class TestOpenVino(EngineConformance):
    precisions = openvino_precisions()

    def make(self, package: ModelPackage, *, precision: Precision = "float32") -> Engine:
        return OpenVinoEngine(package, precision=precision, threads=1)


class TestTorchOnCpu(EngineConformance):
    precisions = ("float32", "bfloat16", "float16")

    def make(self, package: ModelPackage, *, precision: Precision = "float32") -> Engine:
        return TorchEngine(package, device="cpu", precision=precision)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
class TestTorchOnCuda(EngineConformance):
    precisions = ("float32", "bfloat16", "float16")

    def make(self, package: ModelPackage, *, precision: Precision = "float32") -> Engine:
        return TorchEngine(package, device="cuda", precision=precision)
