"""Batches of pictures in, a trained network out, step by step; a run that was killed goes on as if nothing happened.

Everything that is drawn follows from the seed and the step. So on a CPU the losses after a resume are those of the run
that was not interrupted.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any

import torch
from torch import nn

from copylens.errors import TrainingError
from copylens.networks.sscd import SSCDNetwork
from copylens.training.augment import Augmenter
from copylens.training.building import freeze_batchnorm
from copylens.training.checkpoint import save_checkpoint
from copylens.training.collapse import collapse_warning, effective_rank
from copylens.training.data.loader import PictureLoader
from copylens.training.ema import MovingAverage
from copylens.training.losses import LossParts
from copylens.training.memory import DescriptorMemory
from copylens.training.mining.miner import Miner
from copylens.training.mixing import make_views, mixing_of
from copylens.training.nouns import PictureBatch, Views
from copylens.training.objective import Objective
from copylens.training.optimiser import make_optimiser, set_rates
from copylens.training.processes import Processes
from copylens.training.schedule import rate_factor, size_at
from copylens.training.seeding import seed_step
from copylens.training.settings import TrainSettings
from copylens.training.terms.making import make_terms, terms_module
from copylens.training.validation import ExamValidator
from copylens.training.watching import RunLog
from copylens.workflows.settings import Progress, silent

Report = Callable[[str, int, dict[str, Any]], None]
"""Called as ``report(kind, step, values)`` with every line of the log."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many steps there are.

    Attributes:
        per_epoch: steps of an epoch.
        total: steps of the schedule.
        last: step at which this run ends, at most `total`.
        warmup: steps of linear rise.
    """

    per_epoch: int
    total: int
    last: int
    warmup: int

    @classmethod
    def of(cls, settings: TrainSettings, per_epoch: int) -> Plan:
        """Count from the settings."""
        total = settings.loop.epochs * per_epoch
        last = total if settings.loop.steps is None else min(total, settings.loop.steps)
        return cls(per_epoch, total, last, math.ceil(settings.optimiser.warmup_epochs * per_epoch))


class Trainer:
    """The state of a run and how it moves on.

    Args:
        settings: the recipe.
        network: what learns, on the device.
        loader: of the pictures.
        processes: which process this is.
        folder: of the run.
        validator: an exam, or None.
        report: called with every line of the log.
        looking: called as ``looking("describe", done, total)`` while hard negatives are looked for.
    """

    def __init__(
        self,
        settings: TrainSettings,
        network: SSCDNetwork,
        loader: PictureLoader,
        processes: Processes,
        folder: Path,
        *,
        validator: ExamValidator | None,
        report: Report,
        looking: Progress = silent,
    ) -> None:
        self.settings, self.network, self.loader = settings, network, loader
        self.processes, self.folder, self.validator, self.report = processes, folder, validator, report
        self.looking = looking
        self.miner = Miner(settings, loader, processes) if settings.mining.kind != "off" else None
        self.plan = Plan.of(settings, loader.steps_per_epoch)
        terms = make_terms(settings, network, processes.device)
        self.terms = terms_module(terms)
        self.optimiser = make_optimiser(
            network, settings.optimiser, batch=settings.loop.batch, beside=self.terms
        )
        self.average = MovingAverage(network, settings.optimiser.ema) if settings.optimiser.ema else None
        loss = settings.loss
        self.memory = DescriptorMemory(loss.memory, settings.network.dims) if loss.memory else None
        self.augmenters = {size: Augmenter(settings.augment, size) for size in settings.loop.size_plan}
        self.mixing = mixing_of(settings.augment, settings.mixing)
        half = settings.loop.precision == "float16"
        self.scaler = torch.amp.GradScaler(processes.device.type, enabled=half)
        self.step = 0
        self._next_views: Views | None = None
        self.objective = Objective(
            settings, network, terms, memory=self.memory, mixing=self.mixing, scaler=self.scaler
        )

    @property
    def best_network(self) -> SSCDNetwork:
        """What is evaluated and exported: the moving average where there is one."""
        averaged = self.average.network if self.average else self.network
        assert isinstance(averaged, SSCDNetwork)
        return averaged

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Train from where the state stands to the end.

        Raises:
            TrainingError: the loss is not finite.
            OutputError: the log or a checkpoint cannot be written.
            KeyboardInterrupt: Ctrl-C, after a checkpoint was written.
        """
        log = (
            RunLog(self.folder, step=self.step, tensorboard=self.settings.watch.tensorboard)
            if self._writes
            else None
        )
        try:
            with _deferred_interrupt() as interrupted:
                if self.step == 0:
                    self._warn(log, [term.notice() for term in self.objective.terms])
                    self._validate(log)
                self._steps(log, progress, interrupted)
        finally:
            if log is not None:
                log.close()

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "memory": self.memory.state_dict() if self.memory else None,
            "terms": self.terms.state_dict(),
            "mining": self.miner.state_dict() if self.miner else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.step = int(state["step"])
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.memory is not None:
            self.memory.load_state_dict(state["memory"])
        self.terms.load_state_dict(state["terms"])
        if self.miner is not None:
            self.miner.load_state_dict(state["mining"])

    @property
    def _writes(self) -> bool:
        return self.processes.is_first

    def _steps(
        self, log: RunLog | None, progress: Callable[[int, int], None], interrupted: threading.Event
    ) -> None:
        watch = self.settings.watch
        window, started = self.step, time.perf_counter()
        for batch, following in self._batches(log):
            parts, descriptors = self._train(batch, following)
            self.step += 1
            progress(self.step, self.plan.last)
            last = self.step == self.plan.last
            if self.step % watch.log_every == 0 or last:
                speed = (self.step - window) * self.settings.loop.batch / (time.perf_counter() - started)
                self._log_step(log, parts, descriptors, speed)
                window, started = self.step, time.perf_counter()
            if last or (watch.validate_every and self.step % watch.validate_every == 0):
                self._validate(log)
                started = time.perf_counter()
            if last or interrupted.is_set() or self.step % watch.checkpoint_every == 0:
                self._save()
            if interrupted.is_set():
                raise KeyboardInterrupt

    def _batches(self, log: RunLog | None) -> Iterator[tuple[PictureBatch, PictureBatch | None]]:
        """Pictures from the step where the state stands to the last, with those of the next step if they are wanted.

        At the end of an epoch they are not: what is mined then follows from the network after the step.
        """
        step = self.step
        while step < self.plan.last:
            epoch, start = divmod(step, self.plan.per_epoch)
            self._mine(log, epoch)
            batches = self.loader.epoch(epoch, start_step=start)
            pairs: Iterable[tuple[PictureBatch | None, PictureBatch | None]]
            pairs = pairwise(chain(batches, [None])) if self._ahead else zip(batches, repeat(None))
            for batch, following in pairs:
                assert batch is not None
                yield batch, following
                step += 1
                if step == self.plan.last:
                    return

    def _mine(self, log: RunLog | None, epoch: int) -> None:
        found = self.miner.look(epoch, self.best_network, progress=self.looking) if self.miner else None
        if found is not None:
            self._write(log, "mining", found)

    def _train(self, batch: PictureBatch, following: PictureBatch | None) -> tuple[LossParts, torch.Tensor]:
        self._set_mode()
        seed_step(self.settings.loop.seed, self.step, self.processes.rank)
        views, self._next_views = self._next_views or self._views(batch, self.step), None
        factor = rate_factor(self.step, total=self.plan.total, warmup=self.plan.warmup)
        set_rates(self.optimiser, factor)
        self.optimiser.zero_grad(set_to_none=True)
        made = self.objective.backward(batch, views, epoch=self._epoch(self.step), step=self.step)
        if following is not None and self.step + 1 < self.plan.last:
            # Launched while the device is at work on this step; what comes next waits for it.
            self._next_views = self._views(following, self.step + 1)
        self._check_finite(made.parts)
        self._move()
        if self.average is not None:
            self.average.update(self.network)
        if self.memory is not None:
            self.memory.add(made.descriptors, views.sources)
        return made.parts, made.descriptors

    @torch.no_grad()
    def _move(self) -> None:
        """Let the optimiser take its step; the gradients are there."""
        for term in self.objective.terms:
            term.before_step(self.step)
        clip = self.settings.optimiser.clip
        if clip:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_([*self.network.parameters(), *self.terms.parameters()], clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        for term in self.objective.terms:
            term.after_step(self.step)

    @property
    def _ahead(self) -> bool:
        """Whether the views of the next step are made during a step: where the device works by itself."""
        return self.processes.device.type != "cpu"

    def _epoch(self, step: int) -> int:
        return step // self.plan.per_epoch

    def _views(self, batch: PictureBatch, step: int) -> Views:
        size = size_at(self.settings.loop.size_plan, step, self.plan.total)
        with torch.no_grad():
            return make_views(
                self.augmenters[size],
                batch,
                self.mixing,
                seed=self.settings.loop.seed,
                epoch=self._epoch(step),
                step=step,
                trace=self.settings.patch.weight > 0,
            )

    def _set_mode(self) -> None:
        self.network.train()
        freeze_batchnorm(self.network, everywhere=self.settings.network.freeze_batchnorm)

    def _check_finite(self, parts: LossParts) -> None:
        if not bool(torch.isfinite(parts.total)):
            seen = ", ".join(f"{name} {float(value):.4g}" for name, value in parts.statistics.items())
            raise TrainingError(
                f"The loss is {float(parts.total.detach())} at step {self.step + 1} (InfoNCE "
                f"{float(parts.info_nce):.4g}, KoLeo {float(parts.koleo):.4g}, {seen}). Lower the learning rate or "
                "loss.entropy_weight, or take loop.precision float32; the last checkpoint is from before."
            )

    def _log_step(
        self, log: RunLog | None, parts: LossParts, descriptors: torch.Tensor, speed: float
    ) -> None:
        rank = effective_rank(descriptors)
        values = {
            "loss": float(parts.total.detach()),
            "info_nce": float(parts.info_nce),
            "koleo": float(parts.koleo),
            **{name: float(value) for name, value in parts.statistics.items()},
            "effective_rank": rank,
            "learning_rate": self.optimiser.param_groups[0]["lr"],
            "images_per_second": speed,
        }
        self._write(log, "step", values)
        words = collapse_warning(
            values["nearest_negative"], rank, rows=len(descriptors), dims=self.settings.network.dims
        )
        # In the warm-up of a fresh network all descriptors are alike, and that passes.
        heard = [words, *(term.warning() for term in self.objective.terms)]
        if self.step > self.plan.warmup:
            self._warn(log, heard)

    def _warn(self, log: RunLog | None, heard: list[str | None]) -> None:
        for text in filter(None, heard):
            self._write(log, "warning", {"text": text})

    def _validate(self, log: RunLog | None) -> None:
        if self.validator is not None and self._writes:
            figures = self.validator.measure(self.best_network, self.settings.network, self.processes.device)
            self._write(log, "validation", asdict(figures))

    def _write(self, log: RunLog | None, kind: str, values: dict[str, Any]) -> None:
        if log is not None:
            log.write(kind, self.step, values)
            self.report(kind, self.step, values)

    def _save(self) -> None:
        if self._writes:
            save_checkpoint(self.folder, self.state_dict())


@contextmanager
def _deferred_interrupt() -> Iterator[threading.Event]:
    """Hold Ctrl-C back until a step is done, so that the checkpoint is of a whole step; a second one is not held."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(_signal: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
