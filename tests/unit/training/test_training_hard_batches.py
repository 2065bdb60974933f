"""Whole runs with hard negatives and with teachers: killed and gone on, learning, and told in log and card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from copylens.cli.train import _line
from copylens.errors import ModelError
from copylens.models import ModelPackage, find_model, load_package, update_card
from copylens.training.loop import Trainer
from copylens.training.watching import read_log
from small_models import SmallNetwork
from training_samples import picture_folder, run_training, run_until, tiny

STEPS = 14
MINED = (
    f"loop.steps={STEPS}",
    "augment.preset=simclr",
    "mining.group=3",
    "mining.share=0.7",
    "watch.checkpoint_every=3",
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("pictures") / "all")


@pytest.mark.parametrize("kill", [7, 8, 13])
def test_views_that_are_made_ahead_are_those_of_their_step(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: int
) -> None:
    """As beside a GPU; also over the end of an epoch, where pictures are looked for, and after a kill."""
    settings = tiny(
        *MINED,
        "mining.kind=clusters",
        "mining.clusters=6",
        "loop.batch=6",
        "loop.sizes=[48, 32]",
        "data.canvas=64",
    )
    plain = run_training(pictures, tmp_path / "plain", settings)
    monkeypatch.setattr(Trainer, "_ahead", True)
    assert run_training(pictures, tmp_path / "ahead", settings).losses == plain.losses
    found = run_until(pictures, tmp_path / "killed", settings, kill)
    assert found == {step: plain.losses[step] for step in found}
    rest = run_training(pictures, tmp_path / "killed", settings).losses
    assert rest == {step: plain.losses[step] for step in rest}
    assert min(rest) == kill // 3 * 3 + 1


@pytest.mark.parametrize(
    ("kind", "refresh", "kills"), [("neighbours", 1, (5, 8)), ("clusters", 2, (13,))], ids=["every", "second"]
)
def test_a_run_that_mines_goes_on_as_if_it_had_not_been_killed(
    pictures: Path, tmp_path: Path, kind: str, refresh: int, kills: tuple[int, ...]
) -> None:
    settings = tiny(
        *MINED, f"mining.kind={kind}", f"mining.refresh_epochs={refresh}", "mining.clusters=6", "loop.batch=6"
    )
    whole = run_training(pictures, tmp_path / "whole", settings)
    # Seven steps an epoch, checkpoints after 3, 6, 9 and 12.
    for kill in kills:
        found = run_until(pictures, tmp_path / "killed", settings, kill)
        assert found == {step: whole.losses[step] for step in found}
    last = run_training(pictures, tmp_path / "killed", settings)
    assert last.losses == {step: whole.losses[step] for step in last.losses}
    assert min(last.losses) == kills[-1] // 3 * 3 + 1
    lines = [line for line in read_log(tmp_path / "whole" / "run") if line["kind"] == "mining"]
    assert [(line["step"], line["epoch"]) for line in lines] == [(0, 0), (7, 1)][: 2 // refresh]
    assert {"threshold", "copies", "grouped", "random", "mined", "seconds"} <= lines[0].keys()


def test_a_look_is_one_line_on_the_terminal() -> None:
    seen = {"random": 0.18, "mined": 0.25, "copies": 1300, "seconds": 12.4}
    words = "nearest negatives of a batch 0.250, at random 0.180; 1,300 pairs of copies kept apart (12 s)"
    assert _line("mining", 1000, seen) == f"step 1,000: {words}"
    assert _line("mining", 0, {"problem": "All are alike.", "seconds": 1.0}) == "step 0: All are alike."


def teacher_of(folder: Path, **card: Any) -> ModelPackage:
    package = SmallNetwork(dims=16).package(folder, name=folder.name)
    return update_card(package, **card) if card else package


def test_the_bundled_model_teaches_a_tiny_one(pictures: Path, tmp_path: Path) -> None:
    """Nothing else is learned, from batches of few pictures: the distance to the teacher falls."""
    settings = tiny(
        "loss.kind=none",
        "loss.memory=0",
        "distill.weight=1",
        'distill.teachers=["copylens-small"]',
        "loop.epochs=4",
        "loop.batch=4",
        "augment.preset=simclr",
        "optimiser.learning_rate=3e-3",
        "distill.divergence_weight=0.1",
    )
    watched = run_training(pictures, tmp_path, settings)
    steps = [values for kind, _, values in watched.lines if kind == "step"]
    first, last = (np.mean([values["distill"] for values in part]) for part in (steps[:5], steps[-5:]))
    assert last < 0.8 * first, (first, last)
    assert {"distill/square", "distill/divergence"} <= steps[0].keys()
    assert not any(kind == "warning" for kind, step, _ in watched.lines if step == 0)
    assert watched.package is not None
    teacher = load_package(find_model("copylens-small"))
    wanted = f", taught by copylens-small (fingerprint {teacher.fingerprint}, licence Apache-2.0)"
    assert watched.package.provenance.weights.endswith(wanted)


def test_an_ensemble_teaches_through_a_map_and_a_killed_run_goes_on(pictures: Path, tmp_path: Path) -> None:
    teacher_of(tmp_path / "one")
    teacher_of(tmp_path / "other", licence="unknown")
    names = f'["{tmp_path / "one"}", "{tmp_path / "other"}"]'
    settings = tiny(
        "loop.steps=8",
        "augment.preset=simclr",
        "distill.weight=2",
        f"distill.teachers={names}",
        "distill.kind=both",
        "distill.map=true",
        "distill.teacher_view=clean",
        "distill.views=[1]",
        "watch.checkpoint_every=3",
    )
    whole = run_training(pictures, tmp_path / "whole", settings)
    told = [values["text"] for kind, step, values in whole.lines if kind == "warning" and step == 0]
    assert len(told) == 1
    assert "licence of the teacher other is unknown" in told[0]
    found = run_until(pictures, tmp_path / "killed", settings, 5)
    found |= run_training(pictures, tmp_path / "killed", settings).losses
    assert found == whole.losses
    with pytest.raises(ModelError, match=r"no model .nobody-knows"):
        run_training(pictures, tmp_path / "c", tiny("distill.weight=1", 'distill.teachers=["nobody-knows"]'))
