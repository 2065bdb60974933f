"""Whole runs of a tiny network: what they learn, log and export, and what is refused before anything is read."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import copylens
from benchmark_folders import build_exam
from copylens.errors import OutputError, TrainingError, UsageError
from copylens.training import objective
from copylens.training.losses import LossParts, sscd_loss
from copylens.training.recipes import load_recipe
from copylens.training.running import _start_of, split
from copylens.training.settings import NetworkSettings
from copylens.training.watching import read_log
from training_samples import picture_folder, run_training, tiny

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("pictures") / "all")


@pytest.fixture
def one_thread() -> None:
    torch.set_num_threads(1)


GOLDEN = {1: 11.064148, 10: 12.019672, 25: 7.098919, 50: 8.226563}
"""Losses of `tiny()` by step, recorded from this code with torch 2.13 on x86-64, one thread."""


def test_a_run_learns_logs_validates_and_exports_a_model_that_scans(pictures: Path, tmp_path: Path) -> None:
    build_exam(tmp_path / "exam", photos=4, negatives=2, background=0)
    settings = tiny()
    watched = run_training(pictures, tmp_path, settings, exam=tmp_path / "exam")
    losses = watched.losses
    # 48 pictures less 4 held out are 5 steps an epoch, 10 epochs.
    assert sorted(losses) == list(range(1, 51))
    assert all(math.isfinite(loss) for loss in losses.values())
    assert np.mean([losses[s] for s in range(41, 51)]) < np.mean([losses[s] for s in range(1, 11)])
    validations = [(step, values) for kind, step, values in watched.lines if kind == "validation"]
    assert [step for step, _ in validations] == [0, 50]
    assert all(0 <= values["micro_average_precision"] <= 1 for _, values in validations)
    assert [line["loss"] for line in read_log(tmp_path / "run") if line["kind"] == "step"] == list(
        losses.values()
    )
    assert load_recipe(tmp_path / "run" / "recipe.toml") == settings
    package = watched.package
    assert package is not None
    assert (package.name, package.dims, package.input.height) == ("model", 16, 64)
    assert "4 pictures that took no part" in package.calibration.background
    assert "50 steps" in package.provenance.weights
    result = copylens.scan(pictures, model=tmp_path / "model", catalog=tmp_path / "c.db", threshold=1.0)
    assert len(result.images) == 48


def test_the_golden_curve_of_fifty_steps(pictures: Path, tmp_path: Path) -> None:
    """A refactor leaves it as it is; another processor adds in another order, which fifty steps magnify."""
    losses = run_training(pictures, tmp_path, tiny()).losses
    for step, loss in GOLDEN.items():
        assert losses[step] == pytest.approx(loss, rel=2e-3), step


def test_a_finished_run_is_not_trained_again(pictures: Path, tmp_path: Path) -> None:
    first = run_training(pictures, tmp_path, tiny("loop.steps=3"))
    again = run_training(pictures, tmp_path, tiny("loop.steps=3"), overwrite=True)
    assert len(first.losses) == 3
    assert again.losses == {}
    assert first.package is not None
    assert again.package is not None
    assert again.package.fingerprint == first.package.fingerprint


def test_gradient_caching_trains_the_same_network(pictures: Path, tmp_path: Path) -> None:
    frozen = ("network.freeze_batchnorm=true", "loop.steps=4")
    whole = run_training(pictures, tmp_path / "a", tiny(*frozen)).losses
    chunks = run_training(pictures, tmp_path / "b", tiny(*frozen, "loss.chunk=4")).losses
    assert chunks == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        ("loss.kind=nt-xent", "loss.memory=0", "network.head=mlp", "network.whiten_projection=false"),
        ("optimiser.name=lars", "optimiser.learning_rate=0.3", "loop.precision=bfloat16"),
        ("augment.preset=copylens", "mixing.probability=0.5", "loop.channels_last=true"),
        ("data.protect_duplicates=positives", "data.protect_threshold=0.9999", "data.cache=memory"),
    ],
    ids=["simclr", "lars-bfloat16", "copylens-mixing", "protected-cached"],
)
def test_other_ways_to_train_run(pictures: Path, tmp_path: Path, changes: tuple[str, ...]) -> None:
    watched = run_training(pictures, tmp_path, tiny("loop.steps=3", *changes))
    assert len(watched.losses) == 3
    assert all(math.isfinite(loss) for loss in watched.losses.values())
    assert watched.package is not None


def test_a_loss_that_is_no_number_stops_and_names_the_step(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def spoilt(descriptors: torch.Tensor, sources: torch.Tensor, **options: object) -> LossParts:
        calls.append(1)
        scale = math.nan if len(calls) == 7 else 1.0
        return sscd_loss(descriptors * scale, sources, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(objective, "sscd_loss", spoilt)
    with pytest.raises(TrainingError, match=r"The loss is nan at step 7 .*InfoNCE nan.*positive"):
        run_training(pictures, tmp_path, tiny())
    monkeypatch.undo()
    # The checkpoint of step 5 is from before; the run goes on there.
    assert min(run_training(pictures, tmp_path, tiny()).losses) == 6


def test_what_cannot_be_trained_is_said_before_any_training(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too few for one batch"):
        run_training(pictures, tmp_path, tiny("loop.batch=4096"))
    with pytest.raises(UsageError):
        run_training(tmp_path / "nowhere", tmp_path, tiny())
    with pytest.raises(UsageError, match="timm has no"):
        run_training(pictures, tmp_path / "b", tiny("network.backbone=resnet5000"))
    with pytest.raises(UsageError, match="needs a class token"):
        run_training(pictures, tmp_path / "c", tiny("network.pooling=cls"))
    (tmp_path / "model").mkdir()
    with pytest.raises(OutputError, match="already exists"):
        run_training(pictures, tmp_path, tiny())


def test_a_run_folder_of_another_run_is_refused(pictures: Path, tmp_path: Path) -> None:
    run_training(pictures, tmp_path, tiny("loop.steps=1"))
    with pytest.raises(UsageError, match=r"holds another run \(recipe differ"):
        run_training(pictures, tmp_path, tiny("loop.steps=1", "loss.temperature=0.1"), overwrite=True)
    other = picture_folder(tmp_path / "other", 40)
    with pytest.raises(UsageError, match=r"holds another run \(pictures differ"):
        run_training(other, tmp_path, tiny("loop.steps=1"), overwrite=True)


def test_the_pictures_held_out_take_no_part_and_follow_from_the_seed() -> None:
    settings = tiny("export.held_out=30")
    learning, held_out = split(1000, settings)
    assert len(held_out) == 30
    assert sorted([*learning, *held_out]) == list(range(1000))
    assert np.array_equal(split(1000, settings)[1], held_out)
    assert not np.array_equal(split(1000, tiny("export.held_out=30", "loop.seed=1"))[1], held_out)
    # At most a tenth.
    assert len(split(100, settings)[1]) == 10


def test_the_run_folder_says_what_it_holds(pictures: Path, tmp_path: Path) -> None:
    run_training(pictures, tmp_path, tiny("loop.steps=1"))
    identity = json.loads((tmp_path / "run" / "run.json").read_text())
    assert set(identity) == {"recipe", "pictures", "world"}


def test_broken_pictures_are_told_and_replaced(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    (folder / "0007.jpg").write_bytes(b"")
    (folder / "0009.jpg").write_bytes((folder / "0010.jpg").read_bytes()[:300])
    trained = run_training(folder, tmp_path, tiny("loop.steps=6", "export.held_out=0")).trained
    assert trained is not None
    assert [(Path(item.path).name, item.code) for item in trained.skipped] == [
        ("0007.jpg", "empty"),
        ("0009.jpg", "truncated"),
    ]


def test_near_duplicates_may_be_left_out(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    for number in range(5):
        (folder / f"again{number}.jpg").write_bytes((folder / f"000{number}.jpg").read_bytes())
    changes = ("data.protect_duplicates=leave-out", "data.protect_threshold=0.99999", "export.held_out=0")
    trained = run_training(folder, tmp_path, tiny("loop.steps=1", *changes)).trained
    assert trained is not None
    assert trained.left_out == 5
    assert "48 pictures" in trained.package.provenance.data


@pytest.mark.parametrize(
    ("weights", "average_with", "words"),
    [
        (None, None, " from scratch"),
        ("runs/a.run/backbone.safetensors", None, ", started from backbone.safetensors"),
        ("a/one.pt", "a/two.pt", ", started from the mean of one.pt and two.pt"),
        (
            "/runs/a.run/backbone.safetensors",
            "b.run/backbone.safetensors",
            ", started from the mean of a.run/backbone.safetensors and b.run/backbone.safetensors",
        ),
    ],
)
def test_the_card_says_what_the_backbone_started_from(
    weights: str | None, average_with: str | None, words: str
) -> None:
    assert _start_of(NetworkSettings(weights=weights, average_with=average_with)) == words
