"""`verify_model`: every check of a package by the engine that would run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from copylens.errors import EngineError, ModelError
from copylens.images import prepare
from copylens.models import DEFAULT_MODEL, ModelPackage, golden_pictures, record_golden
from copylens.workflows import describer
from copylens.workflows.verifying import verify_model
from small_models import SmallNetwork
from workflow_samples import SmallModel, WatchedEngine


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    package = SmallNetwork().package(tmp_path / "models" / "mine", name="mine")
    return record_golden(package, WatchedEngine(package).describe, prepare)


def failed(model: Any, **options: Any) -> list[str]:
    return [check.name for check in verify_model(model, **options).checks if not check.passed]


def test_a_sound_package_passes_by_name_and_by_folder(package: ModelPackage) -> None:
    for model in ("mine", package.directory, str(package.directory)):
        report = verify_model(model, engine="onnxruntime")
        assert report.passed
        assert (report.model, report.fingerprint) == ("mine", package.fingerprint)
        goldens = [check.name for check in report.checks if check.name.startswith("golden ")]
        assert goldens == [f"golden {name}" for name in golden_pictures()]


def test_the_bundled_default_passes() -> None:
    report = verify_model(DEFAULT_MODEL)
    assert report.passed, report
    assert len(report.checks) > 4


def test_another_graph_under_the_same_card_is_found(package: ModelPackage, tmp_path: Path) -> None:
    other = SmallNetwork(seed=1).package(tmp_path / "other")
    package.onnx_path.write_bytes(other.onnx_path.read_bytes())
    names = failed(package.directory, engine="onnxruntime")
    assert names == ["digest", *(f"golden {name}" for name in golden_pictures())]


def test_the_goldens_are_asked_of_the_chosen_engine(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    wrong = SmallModel(package.directory.parent, seed=2)

    def create(package: ModelPackage, **options: Any) -> Any:
        asked.append(options)
        return wrong.engine

    monkeypatch.setattr(describer, "create_engine", create)
    names = failed("mine", device="cuda", engine="torch", precision="float16")
    assert names == [f"golden {name}" for name in golden_pictures()]
    assert asked == [{"device": "cuda", "engine": "torch", "precision": "float16", "threads": None}]


def test_what_is_not_there_is_an_error(package: ModelPackage) -> None:
    with pytest.raises(ModelError, match="did you mean 'mine'"):
        verify_model("mime")
    with pytest.raises(EngineError, match="CPU only"):
        verify_model("mine", engine="onnxruntime", device="cuda")
    package.onnx_path.unlink()
    with pytest.raises(ModelError, match=r"model\.onnx is missing"):
        verify_model(package.directory)
