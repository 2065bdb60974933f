"""A run whose network pools earlier maps, too, and a run of no steps, which whitens the head and exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from copylens import load_model
from copylens.networks.torchvision_shim import import_timm
from copylens.training.backbone_file import BACKBONE
from training_samples import picture_folder, run_training, tiny

LEVELS = 'network.levels=["layer1", "layer3"]'


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("levels") / "pictures")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("weights") / "start.safetensors"
    save_file(import_timm().create_model("test_resnet", num_classes=0, global_pool="").state_dict(), path)
    return path


def test_a_run_with_levels_is_the_same_each_time_and_another_than_without(
    pictures: Path, tmp_path: Path
) -> None:
    first, again, plain = (
        run_training(pictures, tmp_path / name, tiny(*changes, "loop.steps=4")).losses
        for name, changes in (("first", (LEVELS,)), ("again", (LEVELS,)), ("plain", ()))
    )
    assert sorted(first) == [1, 2, 3, 4]
    assert again == pytest.approx(first, abs=1e-5)
    assert first != pytest.approx(plain, abs=1e-3)


def test_no_steps_leave_the_backbone_as_it_is_and_whiten_the_head(
    pictures: Path, weights: Path, tmp_path: Path
) -> None:
    changes = (LEVELS, f"network.weights={weights}", "loop.steps=0", "network.whiten_projection=true")
    watched = run_training(pictures, tmp_path, tiny(*changes))
    assert watched.losses == {}
    before, after = load_file(weights), load_file(tmp_path / "run" / BACKBONE)
    assert all(torch.equal(before[name], after[name]) for name in after)
    assert (tmp_path / "run" / "training.html").is_file()
    package = watched.package
    assert package is not None
    model = load_model(package.directory)
    rows = model.describe(sorted(map(str, pictures.iterdir())))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    # A head drawn by chance has all scores near 1.
    scores = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    assert abs(float(scores.mean())) < 0.5
