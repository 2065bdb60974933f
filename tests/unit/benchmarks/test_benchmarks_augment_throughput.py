"""Batched augmentation beside the original style: Pillow's views are right, both feed one step, tables add up."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks import augment_throughput
from benchmarks.original_style import PRESETS, PillowViews, ViewPairs, stickers, turn_hue
from PIL import Image

from copylens.training.augment import AugmentSettings
from copylens.training.augment.settings import OPERATORS, only
from copylens.training.data import open_pictures
from training_samples import picture_folder

ROOT = Path(__file__).resolve().parents[3]
PAPER = ("flip", "rotate90", "text", "sticker", "rotate", "crop", "jitter", "grey", "blur", "jpeg")
TINY = (
    "network.backbone=test_resnet",
    "network.dims=8",
    "network.frozen_stages=0",
    "network.whiten_projection=false",
    "data.canvas=48",
    "data.workers=1",
    "augment.preset=advanced",
    "loop.batch=4",
    "loop.size=32",
    "loop.threads=1",
    "loss.memory=0",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("throughput") / "pictures", 10)


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Red, green and blue columns over a grey ramp."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2] = np.linspace(0, 255, width, dtype=np.uint8)[None, :, None]
    for channel in range(3):
        pixels[height // 2 :, channel * width // 3 : (channel + 1) * width // 3, channel] = 200
    return Image.fromarray(pixels)


def same(one: Any, other: Any) -> bool:
    """Whether two pictures have the same pixels."""
    return np.array_equal(np.asarray(one), np.asarray(other))


def test_presets_of_the_paper_use_no_other_operator() -> None:
    for preset in PRESETS:
        strength = AugmentSettings(preset=preset).strength(0)
        assert {name for name in OPERATORS if strength.probability[name]} <= set(PAPER)


@pytest.mark.parametrize("operator", PAPER)
def test_an_operator_acts_when_it_is_certain_and_only_then(operator: str) -> None:
    never = AugmentSettings(preset="advanced", probability=dict.fromkeys(OPERATORS, 0.0))
    before = picture()
    for seed in range(3):
        chance = random.Random(seed)
        untouched = PillowViews.of(never, 32)(before, chance)
        assert same(untouched, before)
        after = PillowViews.of(only(operator), 32)(before, chance)
        assert after.mode == "RGB"
        assert after.size != before.size or not same(after, before)
        if operator == "crop":
            assert after.size == (32, 32)


def test_a_flip_a_quarter_turn_and_a_hue_are_exact() -> None:
    before, chance = picture(40, 40), random.Random(0)
    flipped = PillowViews.of(only("flip"), 32)(before, chance)
    assert same(flipped, np.asarray(before)[:, ::-1])
    turned = np.asarray(PillowViews.of(only("rotate90"), 32)(before, chance))
    assert any(same(turned, np.rot90(np.asarray(before), k)) for k in (1, 2, 3))
    red = Image.new("RGB", (4, 4), (200, 0, 0))
    assert np.abs(np.asarray(turn_hue(red, 1 / 3), int) - (0, 200, 0)).max() <= 4
    assert same(turn_hue(red, 0.0), red)


def test_stickers_are_those_of_the_batched_augmentation() -> None:
    drawings = stickers()
    assert len(drawings) > 20
    opaque = np.asarray(drawings[0])
    assert opaque.shape[2] == 4
    assert opaque[..., 3].max() == 255
    assert opaque[..., 3].min() == 0


def test_pairs_are_two_normalised_views_and_come_again_with_the_seed(folder: Path) -> None:
    def pairs(seed: int) -> ViewPairs:
        views = PillowViews.of(AugmentSettings(preset="strong_blur"), 32)
        source = open_pictures([str(folder)])
        return ViewPairs(source, views, mean=(0.5, 0.5, 0.5), deviation=(0.25, 0.5, 0.5), seed=seed)

    one, again, other = pairs(1), pairs(1), pairs(2)
    pair, number = one[3]
    assert pair.shape == (2, 3, 32, 32)
    assert pair.dtype == torch.float32
    assert number == 3
    assert pair[:, 0].abs().max() <= 2.0
    assert pair[:, 1:].abs().max() <= 1.0
    assert not torch.equal(pair[0], pair[1])
    assert torch.equal(pair, again[3][0])
    assert not torch.equal(pair, one[3][0])
    assert not torch.equal(pair, other[3][0])


def run(patch: pytest.MonkeyPatch, folder: Path, *words: str) -> int:
    changes = [word for change in TINY for word in ("--set", change)]
    given = [str(folder), "--rounds", "2", "--steps", "3", "--device", "cpu"]
    patch.setattr(sys, "argv", ["augment_throughput", *given, *changes, *words])
    return augment_throughput.main()


def test_both_inputs_train_and_the_tables_have_their_speeds(folder: Path) -> None:
    # In a process of its own: PyTorch's data loader leaves a handler for the end of children in the process it ran in,
    # and the runner of all tests has other libraries that do not expect one.
    changes = [word for change in TINY for word in ("--set", change)]
    given = [str(folder), "--rounds", "2", "--steps", "3", "--device", "cpu", *changes]
    command = [sys.executable, "-m", "benchmarks.augment_throughput", *given]
    printed = subprocess.check_output(command, text=True, cwd=ROOT, stderr=subprocess.DEVNULL)
    assert str(folder) not in printed
    rows = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("|")]
    numbers = {row[0].strip(): row[1:] for row in rows if row[1].strip().replace(".", "").isdigit()}
    assert list(numbers) == [
        "decoding and augmenting alone, pictures/s",
        "decoding and augmenting alone, processor ms a picture",
        "whole training step, pictures/s",
        "whole training step, processor ms a picture",
        *augment_throughput.PARTS,
    ]
    assert all(float(cell) > 0 for row in list(numbers.values())[:4] for cell in row[:3])
    assert all(float(numbers["backward"][place]) > 0 for place in (0, 1))
    assert float(numbers["augmenting"][1]) == 0


def test_the_processor_time_of_workers_counts() -> None:
    before = augment_throughput.processor_seconds()
    # Not forked: the runner of all tests has threads of many libraries by now.
    with get_context("spawn").Pool(1) as pool:
        pool.apply(burn)
        assert augment_throughput.processor_seconds() - before >= 0.2


def burn() -> None:
    while time.process_time() < 0.3:
        pass


def test_ratios_are_of_one_round() -> None:
    assert (
        augment_throughput.row("x", [30.0, 10.0, 20.0], [10.0, 5.0, 4.0])
        == "| x | 20.0 | 5.0 | 3.00 | 2.00 – 5.00 |"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("augment.preset=copylens", "no preset copylens"),
        ("loss.memory=64", "without mixing, memory and chunks"),
    ],
)
def test_what_the_original_style_lacks_is_refused(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: str,
    message: str,
) -> None:
    assert run(monkeypatch, folder, "--set", change) == 2
    assert message in capsys.readouterr().err
