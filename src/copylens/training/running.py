"""Pictures and a recipe in; a run folder with log and checkpoint, and in the end a page and a model package, out."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from copylens.errors import OutputError, UsageError
from copylens.models import ModelPackage, Provenance
from copylens.networks.sscd import SSCDNetwork
from copylens.records import Skipped
from copylens.training.allocation import keep_freed_memory
from copylens.training.augment import Augmenter
from copylens.training.backbone_file import BACKBONE, write_backbone
from copylens.training.building import build_network, pooled_features, whiten_projection
from copylens.training.checkpoint import load_checkpoint
from copylens.training.data import PictureSource, open_pictures
from copylens.training.data.loader import PictureLoader
from copylens.training.data.protecting import protect
from copylens.training.depthwise import depthwise_in_float32
from copylens.training.exporting import export_model
from copylens.training.hardware import hardware_of
from copylens.training.loop import Report, Trainer
from copylens.training.mixing import make_views
from copylens.training.page import RECIPE, write_training_page
from copylens.training.page_log import TrainingLog, seconds_of
from copylens.training.processes import Processes, joined
from copylens.training.recipes import to_toml
from copylens.training.sampling_page import sample
from copylens.training.settings import NetworkSettings, TrainSettings
from copylens.training.terms.teachers import taught_by
from copylens.training.validation import ExamValidator, normalised_views
from copylens.training.watching import read_log

Ints: TypeAlias = npt.NDArray[np.int64]

IDENTITY = "run.json"
ROWS_PER_DIMENSION = 8
"""Of the whitening that starts a projection: enough for a covariance that is not mostly noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainTask:
    """What to train on, and where it goes.

    Attributes:
        pictures: folders, lists, shards or tables of pictures.
        output: folder of the model package.
        run: folder of the log and the checkpoint.
        exam: a folder to validate on, or None.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        name: of the model; None takes the output folder's.
        licence: of the weights.
        overwrite: replace a model package at `output`.
        command: that started it, for the card.
    """

    pictures: Sequence[str]
    output: Path
    run: Path
    exam: Path | None = None
    device: str = "auto"
    name: str | None = None
    licence: str = "unknown"
    overwrite: bool = False
    command: str = ""


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training.

    Attributes:
        package: the model package.
        page: where the run is shown.
        skipped: pictures that could not be read, by path; others of the same epoch took their places.
        left_out: near-duplicates that took no part, by ``data.protect_duplicates``.
    """

    package: ModelPackage
    page: Path
    skipped: tuple[Skipped, ...]
    left_out: int


def train(
    task: TrainTask,
    settings: TrainSettings,
    *,
    report: Report,
    progress: Callable[[str, int, int | None], None],
) -> Trained | None:
    """Train, or go on with the run in `task.run`, and write the model package.

    Args:
        task: pictures and places.
        settings: the recipe.
        report: called with every line of the log.
        progress: called as ``progress(stage, done, total)``.

    Returns:
        What came of it, or None on the processes that write nothing.

    Raises:
        UsageError: what cannot be trained, or a run folder that holds another run.
        TrainingError: values that are not finite.
        OutputError: the folder or the package cannot be written.
    """
    if task.output.exists() and not task.overwrite:
        raise OutputError(f"{task.output} already exists; choose another --output, or give --overwrite.")
    if settings.loop.threads:
        torch.set_num_threads(settings.loop.threads)
    source = open_pictures(task.pictures)
    validator = ExamValidator(task.exam, settings.export.size) if task.exam is not None else None
    with joined(task.device) as processes:
        if processes.device.type == "cpu":
            keep_freed_memory()
        _claim(task.run, settings, source, processes)
        return _Run(task, settings, source, processes, validator, report, progress).finish()


@dataclass(frozen=True)
class _Run:
    task: TrainTask
    settings: TrainSettings
    source: PictureSource
    processes: Processes
    validator: ExamValidator | None
    report: Report
    progress: Callable[[str, int, int | None], None]

    def finish(self) -> Trained | None:
        """Train to the end, export the model and write the page."""
        learning, held_out = split(len(self.source), self.settings)
        keys, groups = self._protected(learning)
        with self._loader(keys, groups) as loader:
            trainer = self._trainer(loader)
            trainer.run(lambda done, total: self.progress("train", done, total))
            if not self.processes.is_first:
                return None
            broken = [*self.source.skipped, *loader.broken.values()]
        write_backbone(trainer.best_network.backbone, self.task.run / BACKBONE)
        package = export_model(
            trainer.best_network,
            self.settings,
            self.task.output,
            name=self.task.name or self.task.output.name,
            provenance=self._provenance(len(keys), trainer.step),
            source=self.source,
            held_out=held_out.tolist(),
            licence=self.task.licence,
            overwrite=self.task.overwrite,
        )
        samples = sample(
            trainer.best_network,
            self.settings,
            self.source,
            held_out.tolist(),
            device=self.processes.device,
            threshold=package.calibration.threshold,
            progress=self.progress,
        )
        page = write_training_page(self.task.run, samples=samples)
        skipped = tuple(sorted(broken, key=lambda item: item.path))
        return Trained(package, page, skipped, len(learning) - len(keys))

    def _protected(self, learning: Ints) -> tuple[Ints, Ints | None]:
        """Pictures that take part, and the groups of near-duplicates among them."""
        if self.settings.data.protect_duplicates == "off":
            return learning, None
        protected = protect(
            self.source, learning, self.settings.data, folder=self.task.run, progress=self.progress
        )
        return protected.keys, protected.groups

    def _loader(self, keys: Ints, groups: Ints | None) -> PictureLoader:
        settings, processes = self.settings, self.processes
        if settings.loop.batch % processes.world:
            raise UsageError(
                f"loop.batch is {settings.loop.batch}: {processes.world} processes cannot share it equally."
            )
        return PictureLoader(
            self.source,
            settings.data,
            batch=settings.loop.batch // processes.world,
            seed=settings.loop.seed,
            keys=keys,
            groups=groups,
            rank=processes.rank,
            world=processes.world,
            device=processes.device,
        )

    def _trainer(self, loader: PictureLoader) -> Trainer:
        settings, processes = self.settings, self.processes
        torch.manual_seed(settings.loop.seed)
        network = build_network(settings.network)
        if processes.world > 1 and not settings.network.freeze_batchnorm:
            network = synchronised(network, processes.device)
        network = network.to(processes.device)
        depthwise_in_float32(network)
        if settings.loop.channels_last:
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        state = load_checkpoint(self.task.run)
        if state is None and settings.network.whiten_projection:
            self._whiten(network, loader)
        trainer = Trainer(
            settings,
            network,
            loader,
            processes,
            self.task.run,
            validator=self.validator,
            report=self.report,
            looking=self.progress,
        )
        if state is not None:
            trainer.load_state_dict(state)
        return trainer

    def _whiten(self, network: SSCDNetwork, loader: PictureLoader) -> None:
        """Whiten on the first views of all processes together, so that all get the same head."""
        world = self.processes.world
        own = pooled_features(network, self._first_views(loader, ROWS_PER_DIMENSION * network.dims // world))
        rows: list[Any] = [own] * world
        if world > 1:
            torch.distributed.all_gather_object(rows, own)
        whiten_projection(network, np.concatenate(rows), power=self.settings.network.whiten_power)

    def _first_views(self, loader: PictureLoader, wanted: int) -> Iterator[torch.Tensor]:
        """Batches of normalised views, until there are `wanted` rows; few pictures are gone through several times."""
        settings, count = self.settings, 0
        augmenter = Augmenter(settings.augment, settings.loop.size)
        for epoch in itertools.count():
            for step, batch in enumerate(loader.epoch(epoch)):
                views = make_views(
                    augmenter, batch, settings.mixing, seed=settings.loop.seed, epoch=epoch, step=step
                )
                yield normalised_views(views.pixels, settings.network)
                count += len(views.pixels)
                if count >= wanted:
                    return

    def _provenance(self, count: int, steps: int) -> Provenance:
        network = self.settings.network
        return Provenance(
            weights=f"{network.backbone}, trained by copylens train for {steps:,} steps{_start_of(network)}"
            + (taught_by(self.settings.distill.teachers) if self.settings.distill.weight else ""),
            data=f"{count:,} pictures from {', '.join(Path(spec).name for spec in self.task.pictures)}",
            command=self.task.command,
            hardware=hardware_of(self.processes),
            hours=round(
                seconds_of(TrainingLog.of(read_log(self.task.run)), self.settings.loop.batch) / 3600, 2
            ),
        )


def _start_of(network: NetworkSettings) -> str:
    """Where the backbone's weights came from, as the end of a sentence."""
    if network.weights is None:
        return ", started from timm" if network.pretrained else " from scratch"
    first = Path(network.weights)
    if network.average_with is None:
        return f", started from {first.name}"
    second = Path(network.average_with)
    # Runs call theirs alike; then their folders tell them apart.
    last = 2 if first.name == second.name else 1
    one, other = ("/".join(path.parts[-last:]) for path in (first, second))
    return f", started from the mean of {one} and {other}"


def synchronised(network: SSCDNetwork, device: torch.device) -> SSCDNetwork:
    """Let normalisations take their statistics over all processes.

    Raises:
        UsageError: there are such, and PyTorch cannot do that on the device.
    """
    if device.type == "cpu" and any(isinstance(module, _BatchNorm) for module in network.modules()):
        raise UsageError(
            "PyTorch cannot synchronise normalisations between processes on the CPU; set "
            "network.freeze_batchnorm=true, or train in one process."
        )
    converted: SSCDNetwork = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return converted


def split(count: int, settings: TrainSettings) -> tuple[Ints, Ints]:
    """Part the numbers of `count` pictures into those to learn from and those held out, both sorted.

    At most a tenth is held out. The parting follows from the seed alone.
    """
    held = min(settings.export.held_out, count // 10)
    order = np.random.default_rng(settings.loop.seed).permutation(count)
    return np.sort(order[held:]), np.sort(order[:held])


def _claim(folder: Path, settings: TrainSettings, source: PictureSource, processes: Processes) -> None:
    """Make the run folder, or make sure that the run in it is this one."""
    text = to_toml(settings)
    identity = {
        "recipe": hashlib.sha256(text.encode()).hexdigest()[:16],
        "pictures": source.digest,
        "world": processes.world,
    }
    path = folder / IDENTITY
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        differing = [name for name, value in identity.items() if found.get(name) != value]
        if differing:
            raise UsageError(
                f"{folder} holds another run ({' and '.join(differing)} differ); choose another --run-folder, or "
                "delete it."
            )
        return
    if processes.is_first:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / RECIPE).write_text(text, encoding="utf-8")
            path.write_text(json.dumps(identity), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"The run folder {folder} cannot be made: {error.strerror}.") from error
