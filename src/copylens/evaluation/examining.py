"""A model package and an exam in; the package whose card says what the exam found, for each set of views, out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.results import SystemResult
from copylens.evaluation.running import evaluate
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.models import ExamResult, ModelPackage, update_card
from copylens.workflows.settings import EngineName, ModelSettings, PathLike, Progress, ViewsName, silent

DIGITS = 4


def examine_model(
    package: ModelPackage,
    exam: PathLike,
    *,
    views: Sequence[ViewsName] = ("whole",),
    engine: EngineName = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> ModelPackage:
    """Evaluate a model on an exam, and write the figures into its card.

    Figures of another exam, or of other views, stay in the card; those of the same are replaced.

    Args:
        package: the model.
        exam: a folder that `copylens benchmark make` wrote.
        views: the sets of views, one evaluation each.
        engine: that runs the model.
        workers: decoding threads; None takes one per processor.
        progress: called as ``progress(stage, done, total)``.

    Raises:
        UsageError: the folder is no exam.
        EvaluationError: a picture cannot be read.
        EngineError: the engine is not to be had here.
        OutputError: the card cannot be written.
    """
    benchmark = open_exam(str(exam))
    settings = ModelSettings(model=str(package.directory), engine=engine)
    systems = [ModelSystem(settings=settings, views=each) for each in dict.fromkeys(views)]
    with tempfile.TemporaryDirectory(prefix="copylens-") as folder:
        found = evaluate(
            benchmark,
            systems,
            EvaluationSettings(folder=folder, samples=0, workers=workers),
            progress=progress,
        ).systems
    return with_results(package, found)


def with_results(package: ModelPackage, found: Sequence[SystemResult]) -> ModelPackage:
    """Write what evaluations of a model on exams found into its card, beside figures of other exams and views."""
    results = [_result(system) for system in found]
    known = {(result.exam, result.views): result for result in (*package.results, *results)}
    return update_card(package, results=tuple(known.values()))


def _result(system: SystemResult) -> ExamResult:
    figures = {name: round(figure.value, DIGITS) for name, figure in system.plain.figures.items()}
    alone = {edit.name: edit.alone for edit in system.by_edit if edit.alone is not None}
    return ExamResult(
        exam=system.origin.benchmark,
        digest=system.origin.benchmark_digest,
        queries=system.origin.queries,
        references=system.origin.references,
        views=system.origin.views,
        micro_average_precision=figures["micro_average_precision"],
        recall_at_precision_90=figures["recall_at_precision_90"],
        accuracy_at_1=figures["accuracy_at_1"],
        recall_at_1={
            name: round(part.recall_at_1, DIGITS)
            for name, part in sorted(alone.items())
            if part.recall_at_1 is not None
        },
    )
