"""Runs ablations at a small scale: pictures and an exam in; a run folder a cell, and a Markdown table, out.

A cell is a recipe, trained once for every seed, all with the same budget: the ladder of the paper, or, with ``--table
beyond``, what the paper does not have. The exam is asked of the exported model, quicker than asking the network, and of
the network before any training. What is finished is not run again, and what was killed goes on from its checkpoint: the
same command resumes the whole.

    python -m benchmarks.ablation 'CORPUS/train-00[0-1].tar' --exam EXAM --weights lite0.safetensors --output FOLDER
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch
from benchmarks.ablation_tables import NO_PAPER, TABLES, Cell, Comparison
from benchmarks.machine import describe_machine, machine_facts, portable_command

from copylens.errors import CopyLensError, TrainingError, UsageError
from copylens.models import ModelPackage, create_engine, load_package
from copylens.reports.atomic import whole_file
from copylens.training.backbone_file import BACKBONE
from copylens.training.building import build_network
from copylens.training.data import open_pictures
from copylens.training.page import RECIPE
from copylens.training.recipes import load_recipe, to_toml
from copylens.training.running import IDENTITY, TrainTask, train
from copylens.training.settings import NetworkSettings, TrainSettings
from copylens.training.validation import ExamValidator, ValidationFigures
from copylens.training.watching import read_log

TABLE, FIGURES = "ablation.md", "figures.json"
BATCH = 32
LATE = 0.25
"""Part of a run's logged steps, at its end, over which statistics of the batch are averaged."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the log of one finished run says.

    Attributes:
        start, end: µAP before and after.
        accuracy_at_1, recall_at_precision_90: after.
        effective_rank, nearest_negative: of the batches late in the run.
        seconds: of the middle step, with everything that belongs to it.
        steps: that were trained.
        warnings: of a collapse.
    """

    start: float
    end: float
    accuracy_at_1: float
    recall_at_precision_90: float
    effective_rank: float
    nearest_negative: float
    seconds: float
    steps: int
    warnings: int


Outcomes = dict[str, dict[int, Outcome]]
"""By cell, then by seed."""


def main() -> int:
    """Run what is not finished yet, seed by seed, and print the table."""
    options = parse_arguments()
    try:
        cells = chosen(options)
        runs = [(cell, seed) for seed in options.seeds for cell in cells]
        digest, examiner = open_pictures(options.pictures).digest, Examiner(options.exam)
        for number, (cell, seed) in enumerate(runs, start=1):
            settings = settings_of(cell, seed, options)
            folder = options.output / f"{cell.name}-seed{seed}"
            say(f"[{number}/{len(runs)}] {cell.name}, seed {seed}")
            if finished(folder, settings, digest):
                continue
            try:
                run_cell(folder, settings, options, examiner)
            except TrainingError as error:
                say(f"  no result: {error}")
            (options.output / TABLE).write_text(document(outcomes(options), options), encoding="utf-8")
    except CopyLensError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        say("Interrupted; the same command goes on.")
        return 130
    text = document(outcomes(options), options)
    (options.output / TABLE).write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ablation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pictures", nargs="+", help="as copylens train takes them")
    parser.add_argument(
        "--exam", type=Path, required=True, help="an exam, as copylens benchmark make writes it"
    )
    parser.add_argument("--weights", type=Path, help="of the backbone; see scripts/imagenet_lite.py")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="of the runs and the table"
    )
    parser.add_argument("--table", choices=tuple(TABLES), default="paper")
    parser.add_argument("--cells", nargs="+", metavar="NAME", help="some of the table; default: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1], metavar="N")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="changes a setting in every cell"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Cell]:
    """The cells that were asked for, in the table's order.

    Raises:
        UsageError: a name that is not in the table.
    """
    cells, names = TABLES[options.table].cells, options.cells
    known = [cell.name for cell in cells]
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise UsageError(f"--cells: there is no {unknown[0]!r}; known are {', '.join(known)}.")
    return [cell for cell in cells if names is None or cell.name in names]


def settings_of(cell: Cell, seed: int, options: argparse.Namespace) -> TrainSettings:
    """The recipe of a cell with the changes that all cells share."""
    start = options.weights
    if cell.after is not None:
        start = options.output / f"{cell.after}-seed{seed}" / "run" / BACKBONE
    weights = [f"network.weights={json.dumps(str(start.resolve()))}"] if start and not cell.scratch else []
    recipe = TABLES[options.table].recipe(cell)
    return load_recipe(recipe, [*weights, f"loop.seed={seed}", *options.set])


def finished(folder: Path, settings: TrainSettings, digest: str) -> bool:
    """Whether a run came to its end: its figures are written after everything else.

    Raises:
        UsageError: it did, or its training did, with another recipe or other pictures.
    """
    if not (folder / "model" / "model.json").is_file():
        return False
    recipe = (folder / "run" / RECIPE).read_text(encoding="utf-8")
    pictures = json.loads((folder / "run" / IDENTITY).read_text(encoding="utf-8"))["pictures"]
    if recipe != to_toml(settings) or pictures != digest:
        raise UsageError(
            f"{folder} holds a run of another recipe or other pictures; choose another --output."
        )
    return (folder / FIGURES).is_file()


def run_cell(folder: Path, settings: TrainSettings, options: argparse.Namespace, examiner: Examiner) -> None:
    """Train a cell from its last checkpoint, or from the start, to its end, and examine it."""
    if not (folder / "model" / "model.json").is_file():
        task = TrainTask(
            pictures=options.pictures,
            output=folder / "model",
            run=folder / "run",
            device=options.device,
            name=folder.name,
            command=portable_command("benchmarks.ablation"),
        )
        train(task, settings, report=report, progress=lambda *_: None)
    figures = asdict(examiner.figures(load_package(folder / "model")))
    figures["start"] = examiner.start(settings)
    say(f"  µAP {figures['start']:.3f} → {figures['micro_average_precision']:.3f}")
    with whole_file(folder / FIGURES) as partial:
        partial.write_text(json.dumps(figures), encoding="utf-8")


class Examiner:
    """An exam; its pictures are decoded once for each size that is asked.

    Args:
        exam: a folder as `copylens benchmark make` writes it.
    """

    def __init__(self, exam: Path) -> None:
        self._exam = exam
        self._sized: dict[int, ExamValidator] = {}
        self._starts: dict[tuple[NetworkSettings, int], float] = {}

    def figures(self, package: ModelPackage) -> ValidationFigures:
        """Judge a model."""
        threads = torch.get_num_threads()
        engine = create_engine(
            package, engine="onnxruntime", device="cpu", precision="float32", threads=threads
        )
        exam = self._at(package.input.width)
        sides = [
            np.concatenate([engine.describe(side[row : row + BATCH]) for row in range(0, len(side), BATCH)])
            for side in (exam.queries, exam.references)
        ]
        return exam.figures(*sides)

    def start(self, settings: TrainSettings) -> float:
        """µAP of the network with which a run starts; a head that is whitened first would need the pictures."""
        known = (settings.network, settings.loop.seed)
        if known not in self._starts:
            torch.manual_seed(settings.loop.seed)
            network = build_network(settings.network)
            exam = self._at(settings.export.size)
            figures = exam.measure(network, settings.network, torch.device("cpu"))
            self._starts[known] = figures.micro_average_precision
        return self._starts[known]

    def _at(self, size: int) -> ExamValidator:
        if size not in self._sized:
            self._sized[size] = ExamValidator(self._exam, size)
        return self._sized[size]


def report(kind: str, step: int, values: dict[str, Any]) -> None:
    """Tell of warnings."""
    if kind == "warning":
        say(f"  step {step}: {values['text']}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def outcomes(options: argparse.Namespace) -> Outcomes:
    """What the finished runs in the output folder say, of the cells and seeds that were asked for."""
    found: Outcomes = {}
    for cell in chosen(options):
        for seed in options.seeds:
            folder = options.output / f"{cell.name}-seed{seed}"
            if (folder / FIGURES).is_file():
                batch = settings_of(cell, seed, options).loop.batch
                found.setdefault(cell.name, {})[seed] = read_outcome(folder, batch)
    return found


def read_outcome(folder: Path, batch: int) -> Outcome:
    """Read the figures and the log of a finished run."""
    lines = list(read_log(folder / "run"))
    steps = [line for line in lines if line["kind"] == "step"]
    late = steps[-max(1, round(LATE * len(steps))) :]
    figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    return Outcome(
        start=figures["start"],
        end=figures["micro_average_precision"],
        accuracy_at_1=figures["accuracy_at_1"],
        recall_at_precision_90=figures["recall_at_precision_90"],
        effective_rank=fmean(line["effective_rank"] for line in late),
        nearest_negative=fmean(line["nearest_negative"] for line in late),
        seconds=batch / median(line["images_per_second"] for line in steps),
        steps=steps[-1]["step"],
        warnings=sum(line["kind"] == "warning" for line in lines),
    )


def document(found: Outcomes, options: argparse.Namespace) -> str:
    """The page: command, machine, the table of cells, the table of differences."""
    table = TABLES[options.table]
    lines = [
        f"`{portable_command('benchmarks.ablation')}`",
        f"({describe_machine(machine_facts())}; seeds {', '.join(map(str, options.seeds))})",
        "",
        *cell_table(found, [(cell, load_recipe(table.recipe(cell)).description) for cell in table.cells]),
        "",
        *comparison_table(found, table.comparisons),
    ]
    return "\n".join(lines) + "\n"


def cell_table(found: Outcomes, cells: Sequence[tuple[Cell, str]]) -> Iterator[str]:
    """Lines of Markdown, a row for every cell that has a finished run."""
    yield (
        "| Cell | What | Paper µAP | µAP before | µAP | each seed | Acc@1 | R@P90 | Effective rank | "
        "Nearest negative | Steps | s/step | Warnings |"
    )
    yield "|---|---|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|"
    for cell, what in cells:
        seeds = found.get(cell.name)
        if not seeds:
            continue
        runs = [seeds[seed] for seed in sorted(seeds)]
        yield (
            "| "
            + " | ".join(
                [
                    f"`{cell.name}`",
                    what,
                    "–" if cell.paper is None else f"{cell.paper:.1f}",
                    mean_of(runs, lambda run: run.start, ".3f"),
                    f"**{mean_of(runs, lambda run: run.end, '.3f')}**",
                    ", ".join(f"{run.end:.3f}" for run in runs),
                    mean_of(runs, lambda run: run.accuracy_at_1, ".3f"),
                    mean_of(runs, lambda run: run.recall_at_precision_90, ".3f"),
                    mean_of(runs, lambda run: run.effective_rank, ".0f"),
                    mean_of(runs, lambda run: run.nearest_negative, ".2f"),
                    mean_of(runs, lambda run: run.steps, ".0f"),
                    mean_of(runs, lambda run: run.seconds, ".2f"),
                    str(sum(run.warnings for run in runs)),
                ]
            )
            + " |"
        )


def mean_of(runs: Sequence[Outcome], value: Callable[[Outcome], float], form: str) -> str:
    return format(fmean(map(value, runs)), form)


def comparison_table(found: Outcomes, comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Lines of Markdown: differences of µAP x 100 between runs of one seed."""
    yield "| Change | Paper | Here | each seed | Direction |"
    yield "|---|---|---:|---|---|"
    for comparison in comparisons:
        before, after = found.get(comparison.before, {}), found.get(comparison.after, {})
        differences = [
            100 * (after[seed].end - before[seed].end) for seed in sorted(before.keys() & after.keys())
        ]
        if differences:
            yield (
                f"| {comparison.title} | {comparison.paper} | {fmean(differences):+.1f} | "
                f"{', '.join(f'{value:+.1f}' for value in differences)} | "
                f"{direction(differences, comparison)} |"
            )


def direction(differences: Sequence[float], comparison: Comparison) -> str:
    """Say whether every seed moved as the paper, or for the better where no paper is, none did, or they disagree."""
    agreeing = sum(value * comparison.sign > 0 for value in differences)
    if len(differences) < 2:
        return "one seed only"
    if 0 < agreeing < len(differences):
        return "seeds disagree"
    if comparison.paper == NO_PAPER:
        return "better in every seed" if agreeing else "worse in every seed"
    return "as the paper" if agreeing else "against the paper"


if __name__ == "__main__":
    sys.exit(main())
