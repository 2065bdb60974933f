"""Whole runs of a tiny transformer: sizes that grow, a resume, describing at a larger size, weights for another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from copylens.models import create_engine
from copylens.training import loop
from copylens.training.mixing import make_views
from copylens.training.running import TrainTask, train
from copylens.training.settings import TrainSettings
from training_samples import picture_folder, run_training, tiny

CHANGES = (
    "network.backbone=test_vit",
    "network.pooling=cls+signed-gem",
    "network.batchnorm=true",
    "network.checkpointing=true",
    "optimiser.layer_decay=0.75",
    "loop.size=48",
    "loop.sizes=[32, 48]",
    "loop.epochs=2",
    "export.size=80",
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("transformers") / "all")


@pytest.fixture(scope="module")
def settings() -> TrainSettings:
    torch.set_num_threads(1)
    return tiny(*CHANGES)


@pytest.fixture(scope="module")
def run(
    pictures: Path, settings: TrainSettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("run")
    return run_training(pictures, folder, settings), folder


def test_every_size_has_its_half_of_the_steps(
    pictures: Path, settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def watched(augmenter: Any, *arguments: Any, **options: Any) -> Any:
        views = make_views(augmenter, *arguments, **options)
        sizes.append(tuple(views.pixels.shape[-2:]))
        return views

    monkeypatch.setattr(loop, "make_views", watched)
    run_training(pictures, tmp_path, settings)
    assert sizes == [(32, 32)] * 5 + [(48, 48)] * 5


def test_a_run_that_stopped_between_the_sizes_goes_on_as_if_it_had_not(
    run: tuple[Any, Path], pictures: Path, settings: TrainSettings, tmp_path: Path
) -> None:
    def stop(kind: str, step: int, values: dict[str, Any]) -> None:
        if kind == "step" and step == 7:
            raise KeyboardInterrupt

    task = TrainTask(pictures=[str(pictures)], output=tmp_path / "model", run=tmp_path / "run", device="cpu")
    with pytest.raises(KeyboardInterrupt):
        train(task, settings, report=stop, progress=lambda *_: None)
    again = run_training(pictures, tmp_path, settings).losses
    whole = run[0].losses
    assert sorted(again) == [6, 7, 8, 9, 10]
    assert again == {step: whole[step] for step in again}


def test_it_describes_at_a_larger_size_than_it_learned_at(run: tuple[Any, Path]) -> None:
    package = run[0].package
    assert (package.dims, package.input.height, package.input.width) == (16, 80, 80)
    engine = create_engine(package, engine="onnxruntime", device="cpu", precision="float32")
    pictures = np.random.default_rng(0).integers(0, 256, (3, 80, 80, 3), np.uint8)
    rows = engine.describe(pictures)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.abs(rows[0] - rows[1]).max() > 1e-3


def test_another_run_starts_from_its_weights_at_another_size(
    run: tuple[Any, Path], pictures: Path, tmp_path: Path
) -> None:
    weights = run[1] / "run" / "backbone.safetensors"
    changes = [change for change in CHANGES if not change.startswith(("loop.", "export."))]
    larger = tiny(*changes, f"network.weights={weights}", "loop.size=64", "loop.steps=2", "export.size=96")
    again = run_training(pictures, tmp_path, larger)
    assert sorted(again.losses) == [1, 2]
    assert again.package is not None
    assert again.package.provenance is not None
    assert "started from backbone.safetensors" in again.package.provenance.weights
