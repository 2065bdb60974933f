"""A training of the finder: it learns, and a killed one goes on to the very same network."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from copylens.errors import UsageError
from copylens.networks.inset_detector import InsetDetector
from copylens.training.augment.screens import draw_screens
from copylens.training.data.opening import open_pictures
from copylens.training.insets.loop import InsetSettings, InsetTrainer, figures_of
from copylens.training.insets.losses import targets
from copylens.training.watching import FILE as LOG
from training_samples import Killed, picture_folder

SCREENS = draw_screens(1, (1, 1, 1, 1, 4), 160)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("pictures"), 24)


def settings_of(steps: int, **changes: int) -> InsetSettings:
    return InsetSettings(
        steps=steps,
        batch=8,
        warmup=2,
        canvas=32,
        workers=1,
        **{"checkpoint_every": 2, "log_every": 2, **changes},
    )


def trainer(pictures: Path, folder: Path, settings: InsetSettings) -> InsetTrainer:
    return InsetTrainer(open_pictures(pictures), settings, folder, screens=SCREENS)


def test_a_killed_training_goes_on_to_the_same_network(pictures: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = trainer(pictures, tmp_path / "whole", settings_of(7)).train()

    def kill(stage: str, done: int, total: int | None) -> None:
        assert (stage, total) == ("train", 7)
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        trainer(pictures, tmp_path / "killed", settings_of(7)).train(progress=kill)
    again = trainer(pictures, tmp_path / "killed", settings_of(7))
    # The checkpoint of step 4 is the last; step 5 is done once more.
    assert again.step == 4
    resumed = again.train()
    for own, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(own.float(), other.float(), atol=1e-6, rtol=1e-5)
    assert not resumed.training


def test_the_log_has_a_line_every_few_steps_with_what_was_learned(pictures: Path, tmp_path: Path) -> None:
    trainer(pictures, tmp_path, settings_of(5)).train()
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 5]
    assert all(line["loss"] > 0.0 for line in lines)
    assert {"found", "iou"} <= lines[0].keys()


def test_it_learns(pictures: Path, tmp_path: Path) -> None:
    settings = settings_of(40, log_every=10)
    trainer(pictures, tmp_path, settings).train()
    losses = [json.loads(line)["loss"] for line in (tmp_path / LOG).read_text().splitlines()]
    assert losses[-1] < 0.8 * losses[0]


def test_a_run_of_other_settings_is_not_gone_on_with(pictures: Path, tmp_path: Path) -> None:
    trainer(pictures, tmp_path, settings_of(2)).train()
    with pytest.raises(UsageError, match="other settings"):
        trainer(pictures, tmp_path, settings_of(3))
    # A whole run is gone on with, and is at its end.
    assert isinstance(trainer(pictures, tmp_path, settings_of(2)).train(), InsetDetector)


@pytest.mark.parametrize("name", ["steps", "batch", "checkpoint_every", "log_every"])
def test_nothing_is_done_in_no_steps(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is 0"):
        InsetSettings(**{name: 0})


def test_figures_by_hand() -> None:
    none, whole = [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]
    boxes = torch.tensor(
        [
            [[0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]],
            [whole, none],
            [whole, none],
            [[0.5, 0.5, 0.9, 0.9], none],
        ]
    )
    wanted = targets(boxes, 10)
    logits, said = torch.full((4, 10, 10), -5.0), torch.zeros(4, 4, 10, 10)
    # The first of two is found, with the box of its likeliest cell; the second is not likely, but its box is right.
    logits[0, 1, 1], logits[0, 2, 2], logits[0, 6, 6] = 1.0, 2.0, -1.0
    said[0, :, 2, 2] = torch.tensor([0.0, 0.0, 0.4, 0.2])
    said[0, :, 6, 6] = torch.tensor([0.5, 0.5, 0.9, 0.9])
    # One of two whole pictures is said to hold another; the inset of the last is missed, its box beside it.
    logits[1, 0, 0] = 3.0
    logits[3, 7, 7] = -2.0
    figures = figures_of(logits, said, wanted)
    assert figures == pytest.approx({"found": 1 / 3, "iou": 0.5, "false": 0.5}, abs=1e-6)


def test_figures_of_what_no_scene_shows_are_not_numbers() -> None:
    nothing = targets(torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), 10)
    figures = figures_of(torch.zeros(1, 10, 10), torch.zeros(1, 4, 10, 10), nothing)
    assert math.isnan(figures["found"])
    assert math.isnan(figures["iou"])
    assert figures["false"] == 1.0
