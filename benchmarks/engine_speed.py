"""Measures where a scan's time goes: a folder of images in; cost of decoding and of each engine as Markdown out.

Processor time is of all threads together, and does not depend much on what else the machine does. Every row is the
best of some runs, after one that is not counted.

    python -m benchmarks.engine_speed FOLDER --engines onnxruntime,openvino,openvino:bfloat16
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmarks.machine import describe_machine, machine_facts, portable_command

from copylens.images import Loaded, load
from copylens.records import InputSpec
from copylens.workflows.describer import BATCH, load_model
from copylens.workflows.finding import find
from copylens.workflows.settings import FileSettings, silent


@dataclass(frozen=True, slots=True)
class Speed:
    """What a step costs: images per second, and milliseconds of processor time for an image."""

    name: str
    threads: str
    rate: float
    cpu: float


def main() -> int:
    """Measure decoding, then each engine, and print the table."""
    options = parse_arguments()
    names = options.engines.split(",")
    describer = load_model(options.model)
    read = partial(decoded, options.folder, describer.input, options.images)
    pixels = np.stack(read(1))
    costs = partial(measure, images=len(pixels), runs=options.runs)
    speeds = [costs("read, hash, decode, resize", str(threads), partial(read, threads)) for threads in (1, 2)]
    for name in names:
        engine, _, precision = name.partition(":")
        for count, threads in ((1, "1"), (None, "all")):
            loaded = load_model(options.model, engine=engine, precision=precision or "float32", threads=count)
            speeds.append(costs(f"network, {name}", threads, partial(run, loaded.engine, pixels)))
    print(f"`{portable_command('benchmarks.engine_speed')}`")
    print(f"({describe_machine(machine_facts())}; {len(pixels)} images, model {describer.identity.name})\n")
    print("\n".join(table(speeds)))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engine_speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of images")
    parser.add_argument("--images", type=int, default=400, metavar="N", help="take the first N")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each step; the best counts")
    parser.add_argument("--model", metavar="NAME", help="as copylens scan takes it")
    parser.add_argument("--engines", default="onnxruntime", help="ENGINE or ENGINE:PRECISION, by commas")
    return parser.parse_args()


def decoded(folder: Path, spec: InputSpec, count: int, threads: int) -> list[npt.NDArray[Any]]:
    """Read the first images of a folder as a scan does; broken ones are left out."""
    found = find([str(folder)], FileSettings(), progress=silent).files[:count]
    stream = load(found, spec, workers=threads, known=lambda _: False)
    return [item.pixels for item in stream if isinstance(item, Loaded) and item.pixels is not None]


def run(engine: Any, pixels: npt.NDArray[Any]) -> None:
    """Describe all images in batches as a scan does."""
    for start in range(0, len(pixels), BATCH):
        engine.describe(pixels[start : start + BATCH])


def measure(name: str, threads: str, work: Callable[[], object], *, images: int, runs: int) -> Speed:
    """Do some work a few times."""
    rates, costs = [], []
    for turn in range(runs + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        if turn:
            rates.append(images / (time.perf_counter() - wall))
            costs.append((time.process_time() - cpu) * 1000 / images)
    return Speed(name, threads, max(rates), min(costs))


def table(speeds: list[Speed]) -> list[str]:
    """Write the speeds in Markdown."""
    return [
        "| Step | Threads | Images/s | Processor ms/image |",
        "|---|---:|---:|---:|",
        *(f"| {speed.name} | {speed.threads} | {speed.rate:.0f} | {speed.cpu:.2f} |" for speed in speeds),
    ]


if __name__ == "__main__":
    sys.exit(main())
