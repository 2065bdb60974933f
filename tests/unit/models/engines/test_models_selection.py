"""Which engine is taken for which wishes, and what is said where none can be."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from copylens.errors import EngineError, MissingExtraError, UsageError
from copylens.models import ModelPackage, create_engine
from copylens.models.engines import openvino_engine, selection, torch_engine
from small_models import SmallNetwork


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    return SmallNetwork().package(tmp_path / "small")


def pretend(
    monkeypatch: pytest.MonkeyPatch, *, installed: set[str], nvidia: bool = False, cuda: bool = False
) -> None:
    monkeypatch.setattr(selection, "_installed", lambda module: module in installed)
    monkeypatch.setattr(selection, "_has_nvidia_device", lambda: nvidia)
    monkeypatch.setattr(torch_engine, "cuda_is_available", lambda: cuda)


EVERYTHING = {"openvino", "torch", "onnx"}


@pytest.mark.parametrize(
    ("installed", "precision", "expected"),
    [
        (set(), "float32", "onnxruntime"),
        ({"openvino"}, "float32", "openvino"),
        ({"torch", "onnx"}, "float32", "onnxruntime"),
        (EVERYTHING, "float32", "openvino"),
        ({"torch", "onnx"}, "bfloat16", "torch"),
    ],
)
def test_auto_on_a_cpu(
    package: ModelPackage,
    monkeypatch: pytest.MonkeyPatch,
    installed: set[str],
    precision: Any,
    expected: str,
) -> None:
    pretend(monkeypatch, installed=installed)
    engine = create_engine(package, precision=precision)
    assert (engine.name, engine.device, engine.precision) == (expected, "cpu", precision)


def test_auto_without_an_engine_for_the_precision_names_the_extra(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, installed={"torch"})
    with pytest.raises(MissingExtraError, match=r"bfloat16.*copylens\[openvino\]"):
        create_engine(package, precision="bfloat16")


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "torch"])
def test_an_engine_that_is_named_is_taken(package: ModelPackage, engine: Any) -> None:
    made = create_engine(package, engine=engine, device="cpu", threads=1)
    assert made.name == engine
    assert made.describe(SmallNetwork().batch(2)).shape == (2, 16)


@pytest.mark.parametrize(
    ("nvidia", "cuda", "expected"), [(False, True, "cpu"), (True, False, "cpu"), (True, True, "cuda")]
)
def test_auto_device_needs_a_driver_and_torch_with_cuda(
    monkeypatch: pytest.MonkeyPatch, nvidia: bool, cuda: bool, expected: str
) -> None:
    pretend(monkeypatch, installed=EVERYTHING, nvidia=nvidia, cuda=cuda)
    assert selection._resolve_device("auto", "auto") == expected
    assert selection._resolve_device("torch", "auto") == expected
    assert selection._resolve_device("openvino", "auto") == "cpu"
    assert selection._resolve_device("auto", "cpu") == "cpu"


def test_cuda_means_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, installed=EVERYTHING)
    assert selection._choose("cuda", "float32") == "torch"


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_cpu_engines_refuse_cuda(package: ModelPackage, engine: Any) -> None:
    with pytest.raises(EngineError, match=f"{engine} engine runs on the CPU only.*torch"):
        create_engine(package, engine=engine, device="cuda")


def test_cuda_without_a_device_is_refused(package: ModelPackage, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, installed=EVERYTHING)
    with pytest.raises(EngineError, match="no CUDA device"):
        create_engine(package, device="cuda")


def test_threads_below_one_are_refused(package: ModelPackage) -> None:
    with pytest.raises(UsageError, match="at least 1, not 0"):
        create_engine(package, threads=0)


def test_openvino_that_is_not_installed_names_its_extra(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"copylens\[openvino\]"):
        create_engine(package, engine="openvino")


def test_torch_that_is_not_installed_names_its_extra(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "copylens.models.engines.torch_engine")
    with pytest.raises(MissingExtraError, match=r"copylens\[train\]"):
        create_engine(package, engine="torch", device="cpu")


def test_the_torch_engine_without_onnx_names_its_extra(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"copylens\[import\]"):
        create_engine(package, engine="torch", device="cpu")


def test_openvino_refuses_a_precision_the_processor_lacks(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_engine, "_precisions", lambda _: ("float32",))
    with pytest.raises(EngineError, match="no bfloat16 on this processor"):
        create_engine(package, engine="openvino", precision="bfloat16")


def test_hidden_devices_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert selection._has_nvidia_device()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not selection._has_nvidia_device()


def test_memory_that_runs_out_is_a_clear_error(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = torch_engine.TorchEngine(package, device="cpu")

    def full(*args: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine._graph, "run", full)
    with pytest.raises(EngineError, match="ran out of memory; give it smaller batches"):
        engine.describe(SmallNetwork().batch(1))


def test_values_that_overflow_are_a_clear_error(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(package, engine="onnxruntime")
    rows = SmallNetwork().twin(SmallNetwork().batch(2))
    rows[1, 3] = float("nan")
    monkeypatch.setattr(engine, "_run", lambda _: rows)
    with pytest.raises(EngineError, match="overflowed in float32"):
        engine.describe(SmallNetwork().batch(2))
