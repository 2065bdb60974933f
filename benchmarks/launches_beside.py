"""Measures what decoding takes from a thread that launches small operations, as that of a GPU training does.

Such a thread takes Python's lock anew for every operation. Here the operations are additions of 64 numbers on the
CPU, so that no GPU is needed: what is slower beside decoding is the wait for the lock, as long as there are more
processors than workers. Pictures in; a table out: operations a second alone, beside decoding threads and beside
decoding processes.

    python -m benchmarks.launches_beside PICTURES --workers 1
"""

from __future__ import annotations

import argparse
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import Literal

import torch
from benchmarks.machine import describe_machine, machine_facts, portable_command

from copylens.errors import CopyLensError
from copylens.training.data import DataSettings, PictureSource, open_pictures
from copylens.training.data.loader import PictureLoader

ALONE = "alone"
WAYS: tuple[Literal["threads", "processes"], ...] = ("threads", "processes")
BATCH = 32
OPERATIONS = 2000


@dataclass(frozen=True)
class Speed:
    """Operations a second, and pictures a second that were decoded meanwhile."""

    operations: float
    pictures: float


def main() -> int:
    """Measure in turns and print the table."""
    parser = argparse.ArgumentParser(prog="launches_beside", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pictures", nargs="+", help="as copylens train takes them")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="that decode")
    parser.add_argument("--canvas", type=int, default=160, metavar="PIXELS")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of one measurement")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        source = open_pictures(options.pictures)
        speeds = compare(source, options.workers, options.canvas, options.rounds, options.seconds)
    except CopyLensError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(document(speeds, options)))
    return 0


def compare(
    source: PictureSource, workers: int, canvas: int, rounds: int, seconds: float
) -> dict[str, list[Speed]]:
    """Measure alone and beside both ways to decode, in turns."""
    speeds: dict[str, list[Speed]] = {name: [] for name in (ALONE, *WAYS)}
    for _ in range(rounds):
        speeds[ALONE].append(measure(seconds, lambda: 0))
        for way in WAYS:
            settings = DataSettings(canvas=canvas, workers=workers, decode_in=way)
            with decoding(source, settings) as decoded:
                speeds[way].append(measure(seconds, decoded))
    return speeds


@contextmanager
def decoding(source: PictureSource, settings: DataSettings) -> Iterator[Callable[[], int]]:
    """Have pictures decoded all the time; gives how many there were so far."""
    count, over = 0, threading.Event()
    with PictureLoader(source, settings, batch=BATCH, seed=0) as loader:
        batches = chain.from_iterable(map(loader.epoch, itertools.count()))
        # Processes take a moment to begin; and what cannot be decoded is told here.
        next(batches)

        def consume() -> None:
            nonlocal count
            while not over.is_set():
                next(batches)
                count += 1

        consumer = threading.Thread(target=consume)
        consumer.start()
        try:
            yield lambda: count * BATCH
        finally:
            over.set()
            consumer.join()


def measure(seconds: float, decoded: Callable[[], int]) -> Speed:
    """Launch for so long."""
    numbers = torch.zeros(64)
    count, before, started = 0, decoded(), time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        for _ in range(OPERATIONS):
            numbers.add_(1.0)
        count += OPERATIONS
    return Speed(count / passed, (decoded() - before) / passed)


def document(speeds: dict[str, list[Speed]], options: argparse.Namespace) -> Iterator[str]:
    """Lines of Markdown."""
    yield f"`{portable_command('benchmarks.launches_beside')}`"
    yield (
        f"({describe_machine(machine_facts())}; workers: {options.workers}; canvas {options.canvas} px; medians of "
        f"{options.rounds} rounds of {options.seconds:g} s in turns)"
    )
    yield ""
    yield "| | operations/s, thousands | of those alone | lowest and highest | pictures/s decoded beside |"
    yield "|---|---:|---:|---|---:|"
    for name, measured in speeds.items():
        parts = [
            one.operations / alone.operations for one, alone in zip(measured, speeds[ALONE], strict=True)
        ]
        label = ALONE if name == ALONE else f"beside decoding in {name}"
        pictures = median(one.pictures for one in measured)
        yield (
            f"| {label} | {median(one.operations for one in measured) / 1e3:,.0f} | {median(parts):.2f} | "
            f"{min(parts):.2f} – {max(parts):.2f} | {f'{pictures:,.0f}' if pictures else '–'} |"
        )


if __name__ == "__main__":
    sys.exit(main())
