"""What int8 costs: both models on one exam, and the figures in the card."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark_folders import build_exam
from copylens.errors import UsageError
from copylens.evaluation import running
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.int8_loss import ALLOWED, Int8Loss, measure_int8_loss
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.models import ModelPackage, load_package, update_card
from copylens.workflows.quantising import QuantiseSettings, quantise_model
from copylens.workflows.settings import ModelSettings
from small_models import SmallNetwork


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exam")
    build_exam(root)
    return root


@pytest.fixture(scope="module")
def pair(exam: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelPackage, ModelPackage]:
    folder = tmp_path_factory.mktemp("models")
    source = SmallNetwork().package(folder / "float")
    made = quantise_model(source.directory, str(exam), QuantiseSettings(output=folder / "int8"))
    return made.source, made.package


def alone(package: ModelPackage, exam: Path, folder: Path) -> float:
    """µAP by an evaluation of this model alone."""
    system = ModelSystem(settings=ModelSettings(model=str(package.directory), engine="onnxruntime"))
    settings = EvaluationSettings(folder=str(folder), samples=0)
    (result,) = running.evaluate(open_exam(str(exam)), [system], settings).systems
    return result.plain.figures["micro_average_precision"].value


def test_figures_are_those_of_each_model_alone_and_stand_in_the_card(
    exam: Path, pair: tuple[ModelPackage, ModelPackage], tmp_path: Path
) -> None:
    source, int8 = pair
    loss = measure_int8_loss(source, int8, exam, engine="onnxruntime", workers=1)
    assert loss.exact == alone(source, exam, tmp_path / "one")
    assert loss.int8 == alone(int8, exam, tmp_path / "other")
    assert loss.engine == "onnxruntime"
    card = load_package(int8.directory)
    assert card == loss.package
    queries, references = len(open_exam(str(exam)).queries), len(open_exam(str(exam)).references)
    assert [result.micro_average_precision for result in card.results] == [round(loss.int8, 4)]
    assert card.limits.endswith(
        f"µAP {loss.int8:.4f} in int8 and {loss.exact:.4f} in float32 (onnxruntime) on an exam of {queries} queries "
        f"and {references} references."
    )
    assert card.fingerprint == int8.fingerprint


def test_what_the_card_said_before_stays(exam: Path, pair: tuple[ModelPackage, ModelPackage]) -> None:
    source, int8 = pair
    told = update_card(int8, limits="Blind to cats.")
    said = measure_int8_loss(source, told, exam, engine="onnxruntime", workers=1).package.limits
    assert said.startswith("Blind to cats. µAP ")


@pytest.mark.parametrize(
    ("exact", "int8", "small"), [(0.7, 0.6949, False), (0.7, 0.6951, True), (0.7, 0.8, True)]
)
def test_a_loss_is_small_up_to_half_a_point(
    pair: tuple[ModelPackage, ModelPackage], exact: float, int8: float, small: bool
) -> None:
    loss = Int8Loss(exact, int8, "onnxruntime", pair[1])
    assert loss.is_small is small
    assert loss.loss == pytest.approx(exact - int8)
    assert ALLOWED == 0.005


def test_a_folder_that_is_no_exam_is_refused(pair: tuple[ModelPackage, ModelPackage], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no exam"):
        measure_int8_loss(*pair, tmp_path)
