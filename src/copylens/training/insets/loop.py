"""Pictures in, a network that finds insets out; killed at any moment, a run goes on where its checkpoint is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from copylens.errors import UsageError
from copylens.networks.inset_detector import CELLS, InsetDetector
from copylens.training.augment.screens import Screens
from copylens.training.checkpoint import load_checkpoint, save_checkpoint
from copylens.training.data.loader import PictureLoader
from copylens.training.data.settings import DataSettings
from copylens.training.data.sources import PictureSource
from copylens.training.ema import MovingAverage
from copylens.training.insets.losses import Targets, inset_loss, overlap, targets
from copylens.training.insets.scenes import SceneMaker
from copylens.training.nouns import PictureBatch
from copylens.training.schedule import rate_factor
from copylens.training.watching import RunLog
from copylens.workflows.settings import Progress, silent

LIKELY = 0.5
"""From this probability on the log counts an inset as found."""

Figures: TypeAlias = dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class InsetSettings:
    """How the network is trained.

    Attributes:
        steps: of the whole training.
        batch: scenes a step.
        rate: of AdamW at its highest; it rises over `warmup` steps and falls as a cosine.
        warmup: steps.
        weight_decay: of AdamW.
        clip: the largest norm of a step's gradient.
        average: decay of the moving average of the weights, which is what comes out.
        seed: of weights, order and scenes.
        canvas: side of the decoded pictures, which are kept in memory.
        workers: decoding threads.
        checkpoint_every, log_every: steps.
    """

    steps: int = 8000
    batch: int = 64
    rate: float = 3e-3
    warmup: int = 200
    weight_decay: float = 0.02
    clip: float = 2.0
    average: float = 0.99
    seed: int = 0
    canvas: int = 160
    workers: int = 2
    checkpoint_every: int = 200
    log_every: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "checkpoint_every", "log_every"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}: give at least 1.")


class InsetTrainer:
    """One training; what it makes lies in `folder`, and a second trainer there goes on with it.

    Args:
        source: of the pictures.
        settings: how.
        folder: for checkpoint and log.
        screens: on which scenes show pictures; None draws them.

    Attributes:
        step: how many are done.
        seconds: how long they took, over all runs.

    Raises:
        UsageError: too few pictures for a batch, or a checkpoint of other settings.
    """

    def __init__(
        self, source: PictureSource, settings: InsetSettings, folder: Path, *, screens: Screens | None = None
    ) -> None:
        self._settings, self._folder = settings, folder
        torch.manual_seed(settings.seed)
        self._detector: InsetDetector = InsetDetector().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = MovingAverage(self._detector, settings.average)
        self._optimiser = torch.optim.AdamW(
            self._detector.parameters(), lr=settings.rate, weight_decay=settings.weight_decay
        )
        data = DataSettings(canvas=settings.canvas, workers=settings.workers, cache="memory")
        self._loader = PictureLoader(source, data, batch=settings.batch, seed=settings.seed)
        self._scenes = SceneMaker(settings.seed, screens=screens)
        self._figures: list[Figures] = []
        self.step, self.seconds = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def train(self, *, progress: Progress = silent) -> InsetDetector:
        """Go on to the last step, and give the averaged network.

        Args:
            progress: called as ``progress("train", done, steps)``.

        Raises:
            OutputError: the checkpoint or the log cannot be written.
        """
        settings = self._settings
        began = time.monotonic() - self.seconds
        log = RunLog(self._folder, step=self.step, tensorboard=False)
        with self._loader, closing(log):
            for epoch, batch in self._batches():
                figures = self._learn(batch, epoch)
                self.step += 1
                self.seconds = time.monotonic() - began
                self._figures.append(figures)
                if self.step % settings.log_every == 0 or self.step == settings.steps:
                    log.write("step", self.step, self._means())
                if self.step % settings.checkpoint_every == 0 or self.step == settings.steps:
                    self._save()
                progress("train", self.step, settings.steps)
        return self._averaged()

    def _batches(self) -> Iterator[tuple[int, PictureBatch]]:
        while self.step < self._settings.steps:
            epoch, start = divmod(self.step, self._loader.steps_per_epoch)
            for batch in self._loader.epoch(epoch, start):
                yield epoch, batch
                if self.step >= self._settings.steps:
                    return

    def _learn(self, batch: PictureBatch, epoch: int) -> Figures:
        settings = self._settings
        scenes = self._scenes(batch, epoch)
        wanted = targets(scenes.boxes, CELLS)
        for group in self._optimiser.param_groups:
            group["lr"] = settings.rate * rate_factor(self.step, total=settings.steps, warmup=settings.warmup)
        self._detector.train()
        logits, boxes = self._detector(scenes.pixels.to(memory_format=torch.channels_last))
        loss = inset_loss(logits, boxes, wanted)
        if not torch.isfinite(loss):
            raise UsageError(f"The loss is {float(loss)} at step {self.step}; give a lower rate.")
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._detector.parameters(), settings.clip)
        self._optimiser.step()
        self._average.update(self._detector)
        return {"loss": float(loss.detach()), **figures_of(logits.detach(), boxes.detach(), wanted)}

    def _averaged(self) -> InsetDetector:
        network = self._average.network
        assert isinstance(network, InsetDetector)
        return network

    def _means(self) -> Figures:
        """Of the steps since the last line; without what no scene of theirs tells."""
        names = self._figures[0].keys()
        known = {name: [f[name] for f in self._figures if f[name] == f[name]] for name in names}
        self._figures = []
        return {name: round(sum(of) / len(of), 5) for name, of in known.items() if of}

    def _save(self) -> None:
        save_checkpoint(
            self._folder,
            {
                "step": self.step,
                "seconds": self.seconds,
                "settings": asdict(self._settings),
                "detector": self._detector.state_dict(),
                "average": self._average.state_dict(),
                "optimiser": self._optimiser.state_dict(),
            },
        )

    def _resume(self) -> None:
        state: dict[str, Any] | None = load_checkpoint(self._folder)
        if state is None:
            return
        if state["settings"] != asdict(self._settings):
            raise UsageError(
                f"{self._folder} holds a run with other settings; name another folder, or delete it."
            )
        self._detector.load_state_dict(state["detector"])
        self._average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]


def figures_of(logits: Tensor, boxes: Tensor, wanted: Targets) -> Figures:
    """How good answers ``(N, G, G)`` and ``(N, 4, G, G)`` are; not a number where no scene is of the kind.

    ``found``: the share of insets in whose middle a cell is likely; ``iou``: of the box that the likeliest there says;
    ``false``: the share of scenes without any picture in them that are likely to hold one.
    """
    likely, said = logits.sigmoid().flatten(1), boxes.flatten(2).transpose(1, 2)
    cells, which = wanted.cells.flatten(1), wanted.which.flatten(1)
    nothing = (cells == 0).all(1)
    best, ious = [], []
    for number in range(wanted.boxes.shape[1]):
        there = (cells == 1) & (which == number)
        scenes = there.any(1).nonzero()[:, 0]
        top = torch.where(there, likely, -1.0)[scenes].max(1)
        best.append(top.values)
        ious.append(overlap(said[scenes, top.indices], wanted.boxes[scenes, number])[0])
    return {
        "found": float((torch.cat(best) >= LIKELY).float().mean()),
        "iou": float(torch.cat(ious).mean()),
        "false": float((likely[nothing].amax(1) >= LIKELY).float().mean()),
    }
