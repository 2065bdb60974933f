"""Nothing in; small recipes, pictures and runs out, for the tests of the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from copylens.models import ModelPackage
from copylens.training.recipes import load_recipe
from copylens.training.running import Trained, TrainTask, train
from copylens.training.settings import TrainSettings
from generated_pictures import write_pictures

PICTURES = 48

TINY = (
    "network.backbone=test_resnet",
    "network.dims=16",
    "data.canvas=48",
    "data.workers=1",
    "loop.batch=8",
    "loop.size=32",
    "loop.epochs=10",
    "loop.threads=1",
    "loss.memory=64",
    "optimiser.ema=0.9",
    "optimiser.clip=1.0",
    "watch.log_every=1",
    "watch.checkpoint_every=5",
    "watch.tensorboard=false",
    "export.size=64",
    "export.held_out=8",
)
"""Everything that has a state in it: memory, average, AdamW, whitened head, all augmentations, five steps an epoch."""


def tiny(*changes: str) -> TrainSettings:
    """The smoke recipe made tiny; `changes` as of ``--set``."""
    return load_recipe("cpu-smoke", [*TINY, *changes])


def picture_folder(path: Path, count: int = PICTURES) -> Path:
    """A folder of pictures that no descriptor takes for copies of each other."""
    write_pictures(path, count, size=(64, 48))
    return path


@dataclass
class Watched:
    """What a run reported, and the package it made."""

    lines: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    package: ModelPackage | None = None
    trained: Trained | None = None

    def report(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        self.lines.append((kind, step, dict(values)))

    @property
    def losses(self) -> dict[int, float]:
        return {step: values["loss"] for kind, step, values in self.lines if kind == "step"}


def run_training(
    pictures: Sequence[str] | str | Path,
    folder: Path,
    settings: TrainSettings,
    *,
    exam: Path | None = None,
    device: str = "cpu",
    overwrite: bool = False,
) -> Watched:
    """Train in this process; the package comes to ``folder/model``, the run to ``folder/run``."""
    specs = [str(pictures)] if isinstance(pictures, (str, Path)) else list(pictures)
    watched = Watched()
    task = TrainTask(
        pictures=specs,
        output=folder / "model",
        run=folder / "run",
        exam=exam,
        device=device,
        overwrite=overwrite,
        command="copylens train",
    )
    trained = train(task, settings, report=watched.report, progress=lambda *_: None)
    assert trained is not None
    watched.package, watched.trained = trained.package, trained
    return watched


class Killed(BaseException):
    """What ends a run in the middle of nowhere."""


def run_until(
    pictures: Path, folder: Path, settings: TrainSettings, step: int, *, device: str = "cpu"
) -> dict[int, float]:
    """Train and stop dead after a step, as a kill does: the checkpoint is older, the log is longer."""
    losses: dict[int, float] = {}

    def report(kind: str, at: int, values: Mapping[str, Any]) -> None:
        if kind == "step":
            losses[at] = values["loss"]
            if at == step:
                raise Killed

    task = TrainTask(pictures=[str(pictures)], output=folder / "model", run=folder / "run", device=device)
    with pytest.raises(Killed):
        train(task, settings, report=report, progress=lambda *_: None)
    return losses
