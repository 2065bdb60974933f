"""Measures ways to make a model int8: an exam, pictures and a float model in; a Markdown table out.

Each way of `Quantisation` becomes a package, whose ranges are measured on the same pictures; then every package runs on
every engine in turns, and takes the exam on the first of them.

    python -m benchmarks.int8_choices EXAM PICTURES --model copylens-small --engine onnxruntime --engine openvino
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.input_sizes import TIMED, Pixels, cost_of, exam_precision, prepared
from benchmarks.machine import describe_machine, machine_facts, portable_command

from copylens.errors import CopyLensError
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.benchmarks.layout import list_pictures
from copylens.evaluation.nouns import Benchmark
from copylens.models import ModelPackage, find_model, load_package, write_package
from copylens.models.engines.parts import PART
from copylens.models.quantising import Quantisation, quantise_graph
from copylens.workflows.describer import BATCH, Describer, load_model

WAYS: dict[str, Quantisation | None] = {
    "float32": None,
    "int8 as it is made": Quantisation(),
    "the first convolution alone in float": Quantisation(spared=1),
    "every convolution in int8": Quantisation(spared=0),
    "depthwise convolutions in float": Quantisation(depthwise=False),
    "weights of 7 bits": Quantisation(narrow=True),
    "moving average of extremes": Quantisation(method="average"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one way brings and costs.

    Attributes:
        way: of `WAYS`.
        precision: µAP on the first engine; None where no exam was asked for.
        costs: least milliseconds of processor time a picture, by engine.
        size: of the graph in bytes.
    """

    way: str
    precision: float | None
    costs: dict[str, float]
    size: int


def main() -> int:
    """Measure every way and print the table."""
    options = parse_arguments()
    engines = options.engine or ["onnxruntime"]
    try:
        benchmark, package = open_exam(options.exam), load_package(find_model(options.model))
        pictures = list_pictures(options.pictures, noun="the pictures that ranges are measured on")
        pixels = prepared(load_model(options.model), pictures[:: max(1, len(pictures) // options.count)])
        with tempfile.TemporaryDirectory(prefix="int8-choices-") as scratch:
            packages = {
                way: made(package, how, pixels, Path(scratch) / str(number))
                for number, (way, how) in enumerate(WAYS.items())
            }
            rows = measure(packages, engines, benchmark, rounds=options.rounds, judged=not options.no_exam)
    except CopyLensError as problem:
        print(f"int8_choices: {problem}", file=sys.stderr)
        return 2
    print(f"`{portable_command('benchmarks.int8_choices')}`")
    print(f"({describe_machine(machine_facts())}; {package.name}, ranges from {len(pixels)} pictures)\n")
    print("\n".join(table(rows)))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="int8_choices", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("exam", help="a folder that copylens benchmark make wrote")
    parser.add_argument("pictures", help="a folder of pictures that ranges are measured on")
    parser.add_argument("--model", metavar="NAME", help="a float one, as copylens scan takes it")
    parser.add_argument(
        "--engine", action="append", metavar="ENGINE[:PRECISION]", help="default: onnxruntime"
    )
    parser.add_argument("--count", type=int, default=256, metavar="N", help="of the pictures, about")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="after one that does not count")
    parser.add_argument("--no-exam", action="store_true", help="costs alone")
    return parser.parse_args()


def made(package: ModelPackage, how: Quantisation | None, pixels: Pixels, folder: Path) -> ModelPackage:
    """Quantise a package in one way; None leaves it as it is."""
    if how is None:
        return package
    batches = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
    return write_package(
        folder,
        onnx_model=quantise_graph(package, batches, how),
        name=package.name,
        version=package.version,
        dims=package.dims,
        input=package.input,
        calibration=package.calibration,
        licence=package.licence,
        provenance=package.provenance,
        arithmetic="int8",
    )


def measure(
    packages: dict[str, ModelPackage],
    engines: Sequence[str],
    benchmark: Benchmark,
    *,
    rounds: int,
    judged: bool,
) -> list[Row]:
    """Cost of every package on every engine, in turns, and then the exam of every package."""
    describers = {(way, words): loaded(each, words) for way, each in packages.items() for words in engines}
    pixels = prepared(next(iter(describers.values())), benchmark.queries[:TIMED])
    spent: dict[tuple[str, str], list[float]] = {key: [] for key in describers}
    for number in range(rounds + 1):
        for key, describer in describers.items():
            cost = cost_of(describer, pixels, PART)
            if number:
                spent[key].append(cost)
    return [
        Row(
            way,
            exam_precision(describers[way, engines[0]], benchmark) if judged else None,
            {words: min(spent[way, words]) for words in engines},
            each.onnx_path.stat().st_size,
        )
        for way, each in packages.items()
    ]


def loaded(package: ModelPackage, words: str) -> Describer:
    """Load a package into ``ENGINE`` or ``ENGINE:PRECISION``, on one thread."""
    chosen: Any = dict(zip(("engine", "precision"), words.split(":", 1), strict=False))
    return load_model(package.directory, threads=1, **chosen)


def table(rows: Sequence[Row]) -> list[str]:
    """Write the rows in Markdown."""
    engines = list(rows[0].costs)
    lines = [
        f"| graph | µAP | {' | '.join(f'{words}, ms a picture' for words in engines)} | MB |",
        f"|---|---:|{'---:|' * len(engines)}---:|",
    ]
    for row in rows:
        precision = "–" if row.precision is None else f"{row.precision:.4f}"
        costs = " | ".join(f"{row.costs[words]:.2f}" for words in engines)
        lines.append(f"| {row.way} | {precision} | {costs} | {row.size / 1e6:.1f} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
