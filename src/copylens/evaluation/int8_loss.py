"""A float package, its int8 twin and an exam in; the µAP of both out, recorded in the twin's card."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.examining import with_results
from copylens.evaluation.running import evaluate
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.models import ModelPackage, update_card
from copylens.workflows.describer import load_model
from copylens.workflows.settings import EngineName, ModelSettings, PathLike, Progress, silent

ALLOWED = 0.005
"""Of µAP; an int8 model that loses more is not worth its speed."""


@dataclass(frozen=True, slots=True)
class Int8Loss:
    """What an exam says of a float model and its int8 twin on one engine.

    Attributes:
        exact, int8: µAP of each.
        engine: that ran both.
        package: the int8 package, its card with these figures.
    """

    exact: float
    int8: float
    engine: str
    package: ModelPackage

    @property
    def loss(self) -> float:
        """Of µAP; negative where the int8 model is better."""
        return self.exact - self.int8

    @property
    def is_small(self) -> bool:
        """Whether it is at most `ALLOWED`."""
        return self.loss <= ALLOWED


def measure_int8_loss(
    source: ModelPackage,
    package: ModelPackage,
    exam: PathLike,
    *,
    engine: EngineName = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> Int8Loss:
    """Evaluate both packages on an exam; the int8 package's card gets its own figures, and both µAP among its limits.

    Args:
        source: the float package.
        package: the int8 one.
        exam: a folder that `copylens benchmark make` wrote.
        engine: that runs both.
        workers: decoding threads; None takes one per processor.
        progress: called as ``progress(stage, done, total)``.

    Raises:
        UsageError: the folder is no exam.
        EvaluationError: a picture cannot be read.
        EngineError: the engine is not to be had here.
    """
    benchmark = open_exam(str(exam))
    systems = [
        ModelSystem(settings=ModelSettings(model=str(each.directory), engine=engine))
        for each in (source, package)
    ]
    with tempfile.TemporaryDirectory(prefix="copylens-") as folder:
        settings = EvaluationSettings(folder=folder, samples=0, workers=workers)
        results = evaluate(benchmark, systems, settings, progress=progress).systems
    exact, int8 = (result.plain.figures["micro_average_precision"].value for result in results)
    ran = load_model(package.directory, engine=engine).engine.name
    queries, references = len(benchmark.queries), len(benchmark.references)
    said = (
        f"µAP {int8:.4f} in int8 and {exact:.4f} in float32 ({ran}) on an exam of {queries} queries and {references} "
        "references."
    )
    package = with_results(package, results[1:])
    package = update_card(package, limits=" ".join(filter(None, (package.limits, said))))
    return Int8Loss(exact, int8, ran, package)
