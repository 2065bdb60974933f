"""Measures what input size and batch cost and bring: an exam and a model in; a Markdown table out.

A graph of convolutions holds for other sizes than the one it was exported at, where all its strides divide both: its
paddings are then the same. So each size is a copy of the package with another input, and nothing is trained. The model
was trained for one size, and a network that is trained for another may do better there than this says.

    python -m benchmarks.input_sizes EXAM --model copylens-small --sizes 128,160,192 --batches 1,4,16
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import onnx
from benchmarks.machine import describe_machine, machine_facts, portable_command

from copylens.errors import CopyLensError
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.candidates import find_candidates
from copylens.evaluation.metrics import judge, micro_average_precision
from copylens.evaluation.nouns import Benchmark, Picture
from copylens.evaluation.scoring import truth_positions
from copylens.images import decode, decode_box, prepare, read_file
from copylens.models import ModelPackage, find_model, load_package, write_package
from copylens.models.engines import parts
from copylens.records import InputSpec
from copylens.workflows.describer import Describer, load_model

TIMED = 64
"""Pictures that a cost is measured on."""

Pixels = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What one size brings and costs.

    Attributes:
        size: of both sides, in pixels.
        precision: µAP with one view; None where it was not asked for.
        costs: milliseconds of processor time a picture, by the pictures of one run of the network.
    """

    size: int
    precision: float | None
    costs: dict[int, float]


def main() -> int:
    """Measure every size and print the table."""
    options = parse_arguments()
    sizes, batches = (numbers(text) for text in (options.sizes, options.batches))
    try:
        benchmark, package = open_exam(options.exam), load_package(find_model(options.model))
        with tempfile.TemporaryDirectory(prefix="input-sizes-") as scratch:
            describers = [
                load_model(
                    resized(package, size, Path(scratch) / str(size)).directory,
                    engine=options.engine,
                    threads=1,
                )
                for size in sizes
            ]
            rows = measure(describers, benchmark, batches, rounds=options.rounds, judged=not options.no_exam)
    except CopyLensError as problem:
        print(f"input_sizes: {problem}", file=sys.stderr)
        return 2
    print(f"`{portable_command('benchmarks.input_sizes')}`")
    print(f"({describe_machine(machine_facts())}; {package.name}, {options.engine}, one thread)\n")
    print("\n".join(table(rows)))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="input_sizes", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("exam", help="a folder that copylens benchmark make wrote")
    parser.add_argument("--model", metavar="NAME", help="as copylens scan takes it")
    parser.add_argument("--engine", default="onnxruntime", help="as copylens scan takes it")
    parser.add_argument("--sizes", default="128,160,192", metavar="N,...", help="pixels, multiples of 32")
    parser.add_argument("--batches", default="1,2,4,8,16", metavar="N,...", help="pictures of one run")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="after one that does not count")
    parser.add_argument("--no-exam", action="store_true", help="costs alone")
    return parser.parse_args()


def numbers(text: str) -> list[int]:
    """Read whole numbers with commas between."""
    return [int(part) for part in text.split(",")]


def resized(package: ModelPackage, size: int, folder: Path) -> ModelPackage:
    """Write a copy of a package that takes pictures of another size."""
    model = onnx.load(str(package.onnx_path))
    axes = model.graph.input[0].type.tensor_type.shape.dim
    height, width = (1, 2) if package.input.dtype == "uint8" else (2, 3)
    axes[height].dim_value = axes[width].dim_value = size
    # Shapes noted inside are of the old size.
    del model.graph.value_info[:]
    return write_package(
        folder,
        onnx_model=model,
        name=package.name,
        version=package.version,
        dims=package.dims,
        input=InputSpec(size, size, package.input.resize, package.input.interpolation, package.input.dtype),
        calibration=package.calibration,
        licence=package.licence,
        provenance=package.provenance,
        arithmetic=package.arithmetic,
    )


def measure(
    describers: Sequence[Describer],
    benchmark: Benchmark,
    batches: Sequence[int],
    *,
    rounds: int,
    judged: bool,
) -> list[Row]:
    """Cost of every size and batch, in turns, and then the exam at every size."""
    spent: dict[tuple[int, int], list[float]] = {}
    samples = [prepared(describer, benchmark.queries[:TIMED]) for describer in describers]
    for number in range(rounds + 1):
        for describer, pixels in zip(describers, samples, strict=True):
            for batch in batches:
                cost = cost_of(describer, pixels, batch)
                if number:
                    spent.setdefault((describer.input.height, batch), []).append(cost)
    return [
        Row(
            size,
            exam_precision(describer, benchmark) if judged else None,
            {batch: median(spent[size, batch]) for batch in batches},
        )
        for describer in describers
        for size in [describer.input.height]
    ]


def cost_of(describer: Describer, pixels: Pixels, batch: int) -> float:
    """Milliseconds of processor time a picture, where the engine runs so many at once."""
    with patch.object(parts, "PART", batch):
        started = time.process_time()
        for start in range(0, len(pixels), batch):
            describer.engine.describe(pixels[start : start + batch])
        return (time.process_time() - started) * 1000 / len(pixels)


def prepared(describer: Describer, pictures: Sequence[Picture]) -> Pixels:
    """Pictures at the size of a model, ``(N, ...)``."""
    spec = describer.input
    return np.stack(
        [prepare(decode(read_file(picture.path), box=decode_box(spec)).pixels, spec) for picture in pictures]
    )


def exam_precision(describer: Describer, benchmark: Benchmark) -> float:
    """µAP of the whole exam, with one view."""
    queries, references = (
        np.concatenate(
            [
                describer.engine.describe(prepared(describer, side[start : start + TIMED]))
                for start in range(0, len(side), TIMED)
            ]
        )
        for side in (benchmark.queries, benchmark.references)
    )
    predictions = find_candidates(queries, references, benchmark.rule)
    return micro_average_precision(judge(predictions, truth_positions(benchmark), len(benchmark.queries)))


def table(rows: Sequence[Row]) -> list[str]:
    """Write the rows in Markdown: milliseconds a picture for each batch."""
    batches = list(rows[0].costs)
    lines = [
        f"| Input | µAP | {' | '.join(f'ms, {batch} at once' for batch in batches)} |",
        f"|---|---:|{'---:|' * len(batches)}",
    ]
    for row in rows:
        precision = "–" if row.precision is None else f"{row.precision:.3f}"
        costs = " | ".join(f"{row.costs[batch]:.2f}" for batch in batches)
        lines.append(f"| {row.size} x {row.size} | {precision} | {costs} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
