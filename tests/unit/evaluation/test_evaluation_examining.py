"""An exam's figures in the card: those of an evaluation, kept beside those of other exams, replaced by newer ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark_folders import build_exam
from copylens.errors import UsageError
from copylens.evaluation import running
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.examining import DIGITS, examine_model
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.models import ExamResult, ModelPackage, load_package, update_card
from copylens.workflows.settings import ModelSettings, ViewsName
from small_models import SmallNetwork

OTHER = ExamResult(
    exam="other",
    digest="0" * 16,
    queries=1,
    references=1,
    views="fast",
    micro_average_precision=0.5,
    recall_at_precision_90=0.25,
    accuracy_at_1=1.0,
)


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exam")
    build_exam(root)
    return root


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    return SmallNetwork().package(tmp_path / "model")


@pytest.mark.parametrize("views", ["fast", "balanced"])
def test_the_card_holds_what_an_evaluation_says(
    views: ViewsName, exam: Path, package: ModelPackage, tmp_path: Path
) -> None:
    (result,) = examine_model(package, exam, views=[views], engine="onnxruntime", workers=1).results
    system = ModelSystem(
        settings=ModelSettings(model=str(package.directory), engine="onnxruntime"), views=views
    )
    settings = EvaluationSettings(folder=str(tmp_path / "run"), samples=0)
    benchmark = open_exam(str(exam))
    (twin,) = running.evaluate(benchmark, [system], settings).systems
    assert (result.exam, result.views, result.digest) == (benchmark.name, views, twin.origin.benchmark_digest)
    assert (result.queries, result.references) == (len(benchmark.queries), len(benchmark.references))
    for name in ("micro_average_precision", "recall_at_precision_90", "accuracy_at_1"):
        assert getattr(result, name) == round(twin.plain.figures[name].value, DIGITS)
    alone = {edit.name: edit.alone for edit in twin.by_edit if edit.alone and edit.alone.pairs}
    assert alone
    assert result.recall_at_1 == {
        name: round(part.recall_at_1 or 0.0, DIGITS) for name, part in alone.items()
    }


def test_other_results_stay_and_the_same_are_replaced(exam: Path, package: ModelPackage) -> None:
    package = update_card(package, results=(OTHER,))
    once = examine_model(package, exam, engine="onnxruntime", workers=1)
    assert once.results[0] == OTHER
    assert [result.views for result in once.results] == ["fast", "whole"]
    twice = examine_model(once, exam, views=["whole", "whole"], engine="onnxruntime", workers=1)
    assert twice.results == once.results
    assert load_package(package.directory).card == twice.card
    assert twice.fingerprint == package.fingerprint


def test_what_is_no_exam_is_refused(package: ModelPackage, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        examine_model(package, tmp_path)
