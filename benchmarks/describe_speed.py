r"""Measures what a picture costs from file to descriptor: folders, models and engines in; a Markdown table out.

Every model does the same files on every engine, in turns (A B C A B C), with one thread that decodes and one that runs
the network, as a scan does. Processor time is of all threads and does not depend much on what else the machine does. A
ratio compares a model with the reference on the same engine in the same round, so what comes and goes hits both.

    python -m benchmarks.describe_speed EXAM/queries --model sscd-student --model copylens-small \
        --engine onnxruntime --engine openvino --large 12
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np
from benchmarks.machine import describe_machine, machine_facts, portable_command
from benchmarks.many_images import read_photographs, save_large
from PIL import Image

from copylens.errors import CopyLensError
from copylens.images import Loaded, load
from copylens.records import FoundFile
from copylens.workflows.describer import BATCH, Describer, load_model
from copylens.workflows.finding import find
from copylens.workflows.settings import FileSettings, silent

TWELVE = (4_000, 3_000)
"""Width and height of large pictures: 12 megapixels, as a telephone makes them."""

Key: TypeAlias = tuple[str, str]
"""A model's name and an engine, with its precision."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass over the files: seconds on the clock and of the processor, and how many pictures there were."""

    wall: float
    processor: float
    pictures: int


@dataclass
class Times:
    """The turns of one model on one engine, a round each."""

    turns: list[Turn] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Pictures a second of the median turn."""
        return median(turn.pictures / turn.wall for turn in self.turns)

    @property
    def processor(self) -> float:
        """Milliseconds of processor time a picture in the median turn."""
        return median(turn.processor * 1000 / turn.pictures for turn in self.turns)

    def faster_than(self, other: Times) -> list[float]:
        """How many times less processor time than the other, round by round, ascending."""
        return sorted(
            theirs.processor / ours.processor for ours, theirs in zip(self.turns, other.turns, strict=True)
        )


def main() -> int:
    """Measure every set of files and print its table."""
    options = parse_arguments()
    try:
        describers = load_describers(options.model, options.engine)
        reference = load_model(options.reference or options.model[0]).identity.name
        print(f"`{portable_command('benchmarks.describe_speed')}`")
        print(f"({describe_machine(machine_facts())})")
        with tempfile.TemporaryDirectory(prefix="describe-speed-") as scratch:
            folders = list(options.folder)
            if options.large:
                folders.append(make_large(options.folder[0], Path(scratch) / "12 megapixels", options.large))
            for folder in folders:
                files = choose(folder, options.images)
                times = in_turns(describers, files, options.rounds)
                print(f"\n{described(folder.name, files)}\n")
                print("\n".join(table(times, reference)))
    except (CopyLensError, ValueError) as problem:
        print(f"describe_speed: {problem}", file=sys.stderr)
        return 2
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="describe_speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="+", help="folders of pictures, a table each")
    parser.add_argument(
        "--model", action="append", required=True, metavar="NAME", help="as copylens scan takes it"
    )
    parser.add_argument(
        "--engine", action="append", metavar="ENGINE[:PRECISION]", help="default: onnxruntime"
    )
    parser.add_argument(
        "--reference", metavar="NAME", help="that others are compared with; default: the first"
    )
    parser.add_argument("--images", type=int, default=120, metavar="N", help="of each folder, evenly spread")
    parser.add_argument(
        "--large", type=int, default=0, metavar="N", help="JPEGs of 12 MP made of the first folder's pictures"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="after one that does not count")
    options = parser.parse_args()
    options.engine = options.engine or ["onnxruntime"]
    return options


def load_describers(models: Sequence[str], engines: Sequence[str]) -> dict[Key, Describer]:
    """Load every model into every engine, one thread each."""
    loaded = {}
    for name in models:
        for words in engines:
            chosen: Any = dict(zip(("engine", "precision"), words.split(":", 1), strict=False))
            describer = load_model(name, threads=1, **chosen)
            loaded[describer.identity.name, words] = describer
    return loaded


def choose(folder: Path, count: int) -> list[FoundFile]:
    """Take at most so many of a folder's pictures, evenly spread; raises ValueError where there are none."""
    found = sorted(find([str(folder)], FileSettings(), progress=silent).files, key=lambda file: file.path)
    if not found:
        raise ValueError(f"{folder} has no pictures.")
    count = min(count, len(found))
    return [found[place * len(found) // count] for place in range(count)]


def make_large(photographs: Path, folder: Path, count: int) -> Path:
    """Write baseline JPEGs of 12 megapixels, each a part of a photograph; the same photographs give the same files."""
    folder.mkdir(parents=True)
    sources = read_photographs(photographs)
    for number in range(count):
        save_large(sources, np.random.default_rng(number), folder / f"{number:03}.jpg", TWELVE)
    return folder


def in_turns(
    describers: Mapping[Key, Describer], files: Sequence[FoundFile], rounds: int
) -> dict[Key, Times]:
    """Describe the files with each model and engine, round after round."""
    times = {key: Times() for key in describers}
    for number in range(rounds + 1):
        for key, describer in describers.items():
            turn = timed(lambda describer=describer: describe(describer, files))  # type: ignore[misc]
            if number:
                times[key].turns.append(turn)
    return times


def timed(work: Callable[[], int]) -> Turn:
    """Do some work that tells how many pictures it did."""
    wall, processor = time.perf_counter(), time.process_time()
    pictures = work()
    return Turn(time.perf_counter() - wall, time.process_time() - processor, pictures)


def describe(describer: Describer, files: Sequence[FoundFile]) -> int:
    """Read, hash, decode and describe files as a scan does; how many could be."""
    done = 0
    for batch in batches(describer, files):
        done += len(describer.describe_prepared(batch))
    return done


def batches(describer: Describer, files: Sequence[FoundFile]) -> Iterator[list[np.ndarray]]:
    """Prepared pictures, as many as a scan hands to the network at once."""
    batch = []
    for item in load(files, describer.input, workers=1, known=lambda _: False):
        if isinstance(item, Loaded) and item.pixels is not None:
            batch.append(item.pixels)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def described(name: str, files: Sequence[FoundFile]) -> str:
    """Say what the files are: how many, and their median size in pixels and bytes."""
    pixels = []
    for file in files:
        try:
            with Image.open(file.path) as image:
                pixels.append(image.width * image.height)
        except (OSError, SyntaxError, ValueError):
            # The scan skips it, too.
            continue
    bytes_each = median(file.size for file in files)
    return (
        f"{name}: {len(files)} files, {median(pixels) / 1e6:.2f} megapixels and {bytes_each / 1024:.0f} KiB each "
        "(medians)."
    )


def table(times: Mapping[Key, Times], reference: str) -> list[str]:
    """Write the times in Markdown; ratios are of processor time, against the reference on the same engine."""
    lines = [
        "| Model | Engine | Images/s | Processor ms/image | Times as fast | Lowest – highest |",
        "|---|---|---:|---:|---:|---|",
    ]
    for (model, engine), own in times.items():
        ratios = own.faster_than(times[reference, engine])
        lines.append(
            f"| {model} | {engine} | {own.rate:.0f} | {own.processor:.2f} | {median(ratios):.2f} | "
            f"{ratios[0]:.2f} – {ratios[-1]:.2f} |"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
