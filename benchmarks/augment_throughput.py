"""Measures batched augmentation against the original style: pictures and a recipe in; a table of speeds out.

Ours: threads decode to squares of one size, a batch is augmented at once on the device. The original style: worker
processes decode at full size and augment view by view with Pillow (see `original_style`). Network, loss and optimiser
are the same. Both take turns, round by round, in one process on one machine; ratios are of two halves of one round.

    python -m benchmarks.augment_throughput PICTURES --recipe lite0-cpu --set augment.preset=advanced
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing import active_children
from pathlib import Path
from statistics import median

import torch
from benchmarks.machine import describe_machine, machine_facts, portable_command
from benchmarks.original_style import PRESETS, PillowViews, ViewPairs, original_loader
from torch.profiler import ProfilerActivity, profile

from copylens.errors import CopyLensError, UsageError
from copylens.training.augment import Augmenter
from copylens.training.building import build_network, freeze_batchnorm
from copylens.training.data import PictureSource, open_pictures
from copylens.training.data.loader import PictureLoader
from copylens.training.losses import nt_xent_loss, sscd_loss
from copylens.training.mixing import make_views
from copylens.training.nouns import NOBODY, PictureBatch, Views
from copylens.training.optimiser import make_optimiser
from copylens.training.recipes import load_recipe
from copylens.training.settings import TrainSettings
from copylens.training.validation import normalised_views

PARTS = ("waiting for pictures", "augmenting", "forward", "loss", "backward", "optimiser")
_AUTOCAST = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}

Batches = Iterator[Views]


@dataclass
class Stopwatch:
    """Seconds by part of a step; on a GPU the clock is read when the part before has ended there, if it is `exact`."""

    device: torch.device
    exact: bool
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what is done inside."""
        started = time.perf_counter()
        yield
        if self.exact:
            finish(self.device)
        self.seconds[name] += time.perf_counter() - started


def finish(device: torch.device) -> None:
    """Wait until the device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class OurInput:
    """Batches as `copylens train` makes them."""

    name = "CopyLens"

    def __init__(self, source: PictureSource, settings: TrainSettings, device: torch.device) -> None:
        loop = settings.loop
        self._settings, self._augmenter = settings, Augmenter(settings.augment, loop.size)
        self._loader = PictureLoader(source, settings.data, batch=loop.batch, seed=loop.seed, device=device)
        self._epochs = itertools.count()

    def batches(self, count: int, watch: Stopwatch) -> Batches:
        """Make `count` batches of views, normalised."""
        settings = self._settings
        with closing(self._pictures()) as pictures:
            for _ in range(count):
                with watch.part("waiting for pictures"):
                    epoch, batch = next(pictures)
                with watch.part("augmenting"):
                    views = make_views(
                        self._augmenter, batch, settings.mixing, seed=settings.loop.seed, epoch=epoch, step=0
                    )
                    pixels = normalised_views(views.pixels, settings.network)
                yield Views(pixels, views.sources)

    def _pictures(self) -> Generator[tuple[int, PictureBatch]]:
        for epoch in self._epochs:
            for batch in self._loader.epoch(epoch):
                yield epoch, batch

    def close(self) -> None:
        """End the threads."""
        self._loader.close()


class OriginalInput:
    """Batches as a data loader with worker processes makes them."""

    name = "original style"

    def __init__(
        self, source: PictureSource, settings: TrainSettings, device: torch.device, batches: int
    ) -> None:
        network, loop = settings.network, settings.loop
        views = PillowViews.of(settings.augment, loop.size)
        pairs = ViewPairs(source, views, mean=network.mean, deviation=network.deviation, seed=loop.seed)
        self._device, self._batches = device, batches
        self._loader = original_loader(
            pairs,
            batch=loop.batch,
            batches=batches,
            workers=settings.data.workers,
            pinned=device.type == "cuda",
        )

    def batches(self, count: int, watch: Stopwatch) -> Batches:
        """Make `count` batches of views, normalised: as many as a pass of the loader has."""
        assert count == self._batches
        # The workers begin here, not at the first `next`.
        with watch.part("waiting for pictures"):
            loaded = iter(self._loader)
        for _ in range(count):
            with watch.part("waiting for pictures"):
                pairs, numbers = next(loaded)
                pixels = pairs.transpose(0, 1).flatten(0, 1).to(self._device, non_blocking=True)
            keys = numbers.repeat(2)
            yield Views(pixels, torch.stack([keys, torch.full_like(keys, NOBODY)], dim=1).to(self._device))

    def close(self) -> None:
        """End the workers."""
        del self._loader


class Learner:
    """A network and its step, the same for both inputs."""

    def __init__(self, settings: TrainSettings, device: torch.device) -> None:
        torch.manual_seed(settings.loop.seed)
        self.settings, self.device = settings, device
        self._format = torch.channels_last if settings.loop.channels_last else torch.contiguous_format
        self.network = build_network(settings.network).to(device)
        self.network = self.network.to(memory_format=self._format)  # type: ignore[call-overload]
        self.network.train()
        freeze_batchnorm(self.network, everywhere=settings.network.freeze_batchnorm)
        self.optimiser = make_optimiser(self.network, settings.optimiser, batch=settings.loop.batch)

    def step(self, views: Views, watch: Stopwatch) -> torch.Tensor:
        """Learn from a batch; gives the loss, which the device may still be at work on."""
        dtype = _AUTOCAST[self.settings.loop.precision]
        with watch.part("forward"):
            pixels = views.pixels.contiguous(memory_format=self._format)
            with torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None):
                descriptors = self.network(pixels)
        with watch.part("loss"):
            loss = self._loss(descriptors, views.sources)
        with watch.part("backward"):
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
        with watch.part("optimiser"):
            self.optimiser.step()
        return loss.detach()

    def _loss(self, descriptors: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
        loss = self.settings.loss
        if loss.kind == "nt-xent":
            return nt_xent_loss(descriptors, sources, temperature=loss.temperature).total
        return sscd_loss(
            descriptors, sources, temperature=loss.temperature, entropy_weight=loss.entropy_weight
        ).total


Input = OurInput | OriginalInput


@dataclass(frozen=True, slots=True)
class Speed:
    """Pictures a second, and milliseconds of processor time a picture: all threads, worker processes included."""

    rate: float
    cpu: float


@dataclass
class Measured:
    """Speeds of one input, one for every round; seconds by part of an exact pass of steps; how busy a GPU was."""

    input_only: list[Speed] = field(default_factory=list)
    whole_step: list[Speed] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)
    busy: float | None = None


def main() -> int:
    """Measure in turns and print the tables."""
    options = parse_arguments()
    try:
        settings = load_recipe(options.recipe, options.set)
        check(settings)
        device = torch.device(options.device)
        source = open_pictures(options.pictures)
        ours, original = compare(source, settings, device, rounds=options.rounds, steps=options.steps)
    except CopyLensError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(document(ours, original, settings, options)))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="augment_throughput", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pictures", nargs="+", help="as copylens train takes them")
    parser.add_argument("--recipe", default="lite0-cpu", help="network, sizes, batch, workers, preset")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="of all four measurements in turns"
    )
    parser.add_argument("--steps", type=int, default=8, metavar="N", help="of one measurement")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def check(settings: TrainSettings) -> None:
    """Refuse what the original style does not have.

    Raises:
        UsageError: another preset, mixing, or a memory.
    """
    preset = settings.augment.preset
    if preset not in PRESETS:
        raise UsageError(
            f"The original style has no preset {preset}: give --set augment.preset={', '.join(PRESETS)}."
        )
    if settings.mixing.probability or settings.loss.memory or settings.loss.chunk:
        raise UsageError("Steps are compared without mixing, memory and chunks: set them to 0.")


def compare(
    source: PictureSource, settings: TrainSettings, device: torch.device, *, rounds: int, steps: int
) -> tuple[Measured, Measured]:
    """Measure ours and the original style in turns."""
    if settings.loop.threads:
        torch.set_num_threads(settings.loop.threads)
    original = OriginalInput(source, settings, device, steps)
    ours = OurInput(source, settings, device)
    learner = Learner(settings, device)
    inputs: tuple[tuple[Input, Measured], ...] = ((ours, Measured()), (original, Measured()))
    try:
        for number in range(rounds + 1):
            for views, measured in inputs[:: 1 if number % 2 else -1]:
                watch = Stopwatch(device, exact=False)
                alone = speed(views, None, watch, settings, steps)
                whole = speed(views, learner, watch, settings, steps)
                # The first round starts workers, draws atlases and warms up the device.
                if number:
                    measured.input_only.append(alone)
                    measured.whole_step.append(whole)
                    report(number, views.name, alone, whole)
        for views, measured in inputs:
            watch = Stopwatch(device, exact=True)
            speed(views, learner, watch, settings, steps)
            measured.parts = {name: seconds / steps for name, seconds in watch.seconds.items()}
            measured.busy = busy_share(views, learner, device, settings, steps)
    finally:
        ours.close()
        original.close()
    return inputs[0][1], inputs[1][1]


def speed(
    views: Input, learner: Learner | None, watch: Stopwatch, settings: TrainSettings, steps: int
) -> Speed:
    """Measure some batches, from the moment when nothing has been prepared; without learner, alone."""
    finish(watch.device)
    started, busy = time.perf_counter(), processor_seconds()
    batches = views.batches(steps, watch)
    following = next(batches, None)
    while following is not None:
        loss = None if learner is None else learner.step(following, watch)
        # As in a training: made while a GPU is at work on the step, before its loss is looked at.
        following = next(batches, None)
        if loss is not None:
            float(loss)
    finish(watch.device)
    pictures = steps * settings.loop.batch
    return Speed(pictures / (time.perf_counter() - started), 1e3 * (processor_seconds() - busy) / pictures)


def busy_share(
    views: Input, learner: Learner, device: torch.device, settings: TrainSettings, steps: int
) -> float | None:
    """Measure in which part of the time of some steps a GPU computes or copies; None for a CPU."""
    if device.type != "cuda":
        return None
    with profile(activities=[ProfilerActivity.CUDA], acc_events=True) as profiler:
        rate = speed(views, learner, Stopwatch(device, exact=False), settings, steps).rate
    at_work: float = sum(event.self_device_time_total for event in profiler.key_averages()) / 1e6
    return at_work * rate / (steps * settings.loop.batch)


def processor_seconds() -> float:
    """Processor time of this process and of the worker processes that are alive."""
    ticks = 0
    for child in active_children():
        # The name in brackets may have blanks; user and system time are the 12th and 13th word after it.
        words = Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(words[11]) + int(words[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def report(number: int, name: str, alone: Speed, whole: Speed) -> None:
    print(
        f"round {number}, {name}: input {alone.rate:.1f}, step {whole.rate:.1f} pictures/s",
        file=sys.stderr,
        flush=True,
    )


def document(
    ours: Measured, original: Measured, settings: TrainSettings, options: argparse.Namespace
) -> Iterator[str]:
    """Lines of Markdown."""
    loop, network = settings.loop, settings.network
    yield f"`{portable_command('benchmarks.augment_throughput')}`"
    yield (
        f"({describe_machine(machine_facts())}; {device_name(options.device)}; {network.backbone}, preset "
        f"{settings.augment.preset}, {loop.batch} pictures a step at {loop.size} px, {loop.precision}; "
        f"{settings.data.workers} decoding threads or worker processes, {torch.get_num_threads()} threads of PyTorch; "
        f"medians of {options.rounds} rounds of {options.steps} steps in turns)"
    )
    yield ""
    yield "| | CopyLens | Original style | Ratio | Lowest and highest ratio |"
    yield "|---|---:|---:|---:|---|"
    for what, mine, theirs in (
        ("decoding and augmenting alone", ours.input_only, original.input_only),
        ("whole training step", ours.whole_step, original.whole_step),
    ):
        yield row(f"{what}, pictures/s", [one.rate for one in mine], [one.rate for one in theirs])
        yield row(f"{what}, processor ms a picture", [one.cpu for one in mine], [one.cpu for one in theirs])
    yield ""
    yield "| Milliseconds of a step | CopyLens | Original style |"
    yield "|---|---:|---:|"
    for name in PARTS:
        yield f"| {name} | {1e3 * ours.parts[name]:.1f} | {1e3 * original.parts[name]:.1f} |"
    if ours.busy is not None and original.busy is not None:
        yield ""
        yield f"Of the time the GPU is at work: {ours.busy:.0%} (CopyLens), {original.busy:.0%} (original style)."


def row(name: str, ours: Sequence[float], original: Sequence[float]) -> str:
    """A row of the first table; ratios are of one round."""
    ratios = [a / b for a, b in zip(ours, original, strict=True)]
    return (
        f"| {name} | {median(ours):.1f} | {median(original):.1f} | {median(ratios):.2f} | "
        f"{min(ratios):.2f} – {max(ratios):.2f} |"
    )


def device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"


if __name__ == "__main__":
    sys.exit(main())
