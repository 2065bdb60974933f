"""SwAV in whole runs: alone, as the start of SSCD, beside SSCD; killed and gone on; its recipes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from copylens.errors import OutputError, TrainingError
from copylens.networks.sscd import SSCDNetwork
from copylens.training.backbone_file import BACKBONE, write_backbone
from copylens.training.building import build_network
from copylens.training.checkpoint import load_checkpoint
from copylens.training.objective import Objective
from copylens.training.recipes import load_recipe
from training_samples import Watched, picture_folder, run_training, tiny

SWAV = (
    "swav.weight=0.5",
    "swav.prototypes=12",
    "swav.dims=8",
    "swav.hidden=16",
    "swav.crops=1",
    "swav.crop_size=32",
    "swav.queue=24",
    "swav.queue_from=2",
    "swav.frozen_steps=2",
)
FIGURES = {"swav", "swav/used", "swav/entropy", "swav/row_entropy"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return picture_folder(tmp_path_factory.mktemp("pictures") / "all")


def check_lines(watched: Watched, steps: int) -> None:
    lines = [values for kind, _, values in watched.lines if kind == "step"]
    assert len(lines) == steps
    for values in lines:
        assert set(values) >= FIGURES
        assert all(math.isfinite(values[name]) for name in FIGURES)


def test_alone_and_then_as_the_start_of_sscd(pictures: Path, tmp_path: Path) -> None:
    alone = ("loss.kind=none", "loss.memory=0", "swav.on=descriptor", "swav.head=none", "loop.steps=4")
    first = run_training(pictures, tmp_path / "first", tiny(*SWAV, *alone, "augment.preset=copylens"))
    check_lines(first, 4)
    for kind, _, values in first.lines:
        assert kind != "step" or values["loss"] == pytest.approx(0.5 * values["swav"])
    weights = tmp_path / "first" / "run" / BACKBONE
    # The average is what is exported, and so what is handed on.
    state = load_checkpoint(tmp_path / "first" / "run")
    assert state is not None
    handed_on = load_file(weights)
    network = SSCDNetwork("test_resnet", dims=16)
    assert handed_on.keys() == network.backbone.state_dict().keys()
    assert any(
        not torch.equal(value, state["network"][f"backbone.{name}"]) for name, value in handed_on.items()
    )

    start = tiny("loop.steps=2", f'network.weights="{weights}"')
    begun = build_network(start.network).backbone.state_dict()
    assert all(torch.equal(value, begun[name]) for name, value in handed_on.items())
    second = run_training(pictures, tmp_path / "second", start)
    assert second.package is not None
    assert BACKBONE in second.package.provenance.weights
    after = load_file(tmp_path / "second" / "run" / BACKBONE)
    assert any(not torch.equal(value, handed_on[name]) for name, value in after.items())


def test_beside_sscd_and_killed_in_the_middle(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny(*SWAV, "loop.steps=7")
    whole = run_training(pictures, tmp_path / "whole", settings)
    check_lines(whole, 7)
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
    states = [load_checkpoint(tmp_path / name / "run") for name in ("whole", "cut")]
    assert states[0] is not None
    assert states[1] is not None
    for name, value in states[0]["terms"].items():
        assert torch.equal(value, states[1]["terms"][name]), name
    # The queue is full and the prototypes have moved: there was something to go on from.
    assert (states[0]["terms"]["swav.queue"].norm(dim=2) > 0).all()


def test_the_recipes_say_the_ways_of_use() -> None:
    paper = load_recipe("swav-resnet50")
    # Caron et al. 2020, section 4 and appendix.
    assert (paper.loss.kind, paper.swav.weight, paper.swav.prototypes, paper.swav.crops) == (
        "none",
        1,
        3000,
        6,
    )
    assert (paper.loop.batch, paper.loop.epochs, paper.loop.size) == (4096, 800, 224)
    assert (paper.optimiser.learning_rate * 4096 / 256, paper.optimiser.warmup_epochs) == (4.8, 10)
    alone, beside = load_recipe("swav-lite0"), load_recipe("swav-beside-lite0")
    assert (alone.loss.kind, alone.swav.on, alone.swav.head) == ("none", "descriptor", "none")
    assert (beside.loss.kind, beside.swav.on, beside.swav.weight) == ("sscd", "pooled", 1)
    start, plain = load_recipe("swav-start-lite0"), load_recipe("lite0-cpu")
    assert start.network.weights == f"swav-lite0.run/{BACKBONE}"
    assert (start.loss, start.optimiser) == (plain.loss, plain.optimiser)


def test_a_backbone_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_backbone(torch.nn.Linear(2, 2), tmp_path / "nowhere" / BACKBONE)
    layer = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    write_backbone(layer, tmp_path / BACKBONE)
    assert torch.equal(load_file(tmp_path / BACKBONE)["weight"], layer.weight)
    assert [path.name for path in tmp_path.iterdir()] == [BACKBONE]
