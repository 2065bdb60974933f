"""Supervision of cells in whole runs: of feature maps and tokens, alone and beside SSCD, killed and gone on."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from copylens.errors import TrainingError, UsageError
from copylens.training.checkpoint import load_checkpoint
from copylens.training.objective import Objective
from copylens.training.recipes import load_recipe
from training_samples import Watched, picture_folder, run_training, tiny

FIGURES = {"patch", "patch/positive", "patch/negative", "patch/cells"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return picture_folder(tmp_path_factory.mktemp("pictures") / "all")


def figures(watched: Watched, name: str) -> list[float]:
    lines = [values for kind, _, values in watched.lines if kind == "step"]
    assert all(set(values) >= FIGURES for values in lines)
    return [values[name] for values in lines]


def test_alone_it_teaches_cells_to_find_each_other(pictures: Path, tmp_path: Path) -> None:
    changes = ("loss.kind=none", "loss.memory=0", "loop.size=64", "patch.negatives=batch", "loop.steps=16")
    watched = run_training(pictures, tmp_path, tiny("patch.weight=0.5", "augment.preset=copylens", *changes))
    losses = figures(watched, "patch")
    assert [values["loss"] for kind, _, values in watched.lines if kind == "step"] == pytest.approx(
        [0.5 * loss for loss in losses]
    )
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])
    assert all(0.2 < part < 1.0 for part in figures(watched, "patch/cells"))
    # The head is thrown away: the package has the recipe's dimensions.
    assert watched.package is not None
    assert watched.package.dims == 16


def test_beside_sscd_and_killed_in_the_middle(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny("patch.weight=1", "patch.head=mlp", "patch.dims=8", "loop.size=64", "loop.steps=7")
    whole = run_training(pictures, tmp_path / "whole", settings)
    backward = Objective.backward

    def dying(self: Objective, *args: object, step: int, **more: object) -> object:
        if step == 6:
            raise TrainingError("killed")
        return backward(self, *args, step=step, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Objective, "backward", dying)
        with pytest.raises(TrainingError):
            run_training(pictures, tmp_path / "cut", settings)
    rest = run_training(pictures, tmp_path / "cut", settings)
    assert rest.losses == {step: loss for step, loss in whole.losses.items() if step > 5}
    assert figures(rest, "patch") == figures(whole, "patch")[5:]
    states = [load_checkpoint(tmp_path / name / "run") for name in ("whole", "cut")]
    assert states[0] is not None
    assert states[1] is not None
    assert any("patch.head" in name for name in states[0]["terms"])
    for name, value in states[0]["terms"].items():
        assert torch.equal(value, states[1]["terms"][name]), name


def test_tokens_of_a_transformer_in_half_precision_with_mixing(pictures: Path, tmp_path: Path) -> None:
    changes = ("network.backbone=test_vit", "network.pooling=cls+average", "loop.precision=bfloat16")
    more = ("loop.size=64", "mixing.probability=0.5", "loop.steps=2")
    watched = run_training(pictures, tmp_path, tiny("patch.weight=1", *changes, *more))
    for name in FIGURES:
        assert all(math.isfinite(value) for value in figures(watched, name))
    # Of the mixed views half are blended, which show no cell for sure.
    assert all(0.0 < part < 0.9 for part in figures(watched, "patch/cells"))


def test_a_size_with_one_cell_is_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"single cell at this loop\.size"):
        run_training(pictures, tmp_path, tiny("patch.weight=1", "loop.size=32"))


def test_the_recipe_is_that_of_the_plain_training_with_the_term() -> None:
    patch, plain = load_recipe("patch-lite0"), load_recipe("lite0-cpu")
    assert patch.patch.weight > 0.0
    assert (patch.loss, patch.augment, patch.optimiser) == (plain.loss, plain.augment, plain.optimiser)
    assert patch.network == plain.network
