"""A model at other sizes: its descriptors, its batches, its figures, and the table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import input_sizes
from benchmarks.input_sizes import Row, cost_of, exam_precision, measure, resized, table

from benchmark_folders import build_exam
from copylens.evaluation import running
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.models import ModelPackage
from copylens.workflows.describer import Describer, load_model
from copylens.workflows.settings import ModelSettings
from small_models import SmallNetwork


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("exam")
    build_exam(root)
    return str(root)


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    return SmallNetwork(size=(24, 24)).package(tmp_path / "small")


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_resized_package_is_the_network_at_that_size(tmp_path: Path, dtype: str) -> None:
    package = SmallNetwork(size=(24, 24)).package(tmp_path / "small", dtype=dtype)
    larger = resized(package, 40, tmp_path / "larger")
    assert (larger.input.height, larger.input.width, larger.input.dtype) == (40, 40, dtype)
    network = SmallNetwork(size=(40, 40))
    batch = network.batch(3, dtype=dtype)
    rows = load_model(larger.directory, engine="onnxruntime").engine.describe(batch)
    np.testing.assert_allclose(rows, network.twin(batch), atol=1e-4)


def test_precision_is_that_of_an_evaluation(exam: str, package: ModelPackage, tmp_path: Path) -> None:
    system = ModelSystem(settings=ModelSettings(model=str(package.directory), engine="onnxruntime"))
    settings = EvaluationSettings(folder=str(tmp_path / "run"), samples=0)
    (result,) = running.evaluate(open_exam(exam), [system], settings).systems
    describer = load_model(package.directory, engine="onnxruntime")
    expected = result.plain.figures["micro_average_precision"].value
    assert exam_precision(describer, open_exam(exam)) == pytest.approx(expected, abs=1e-6)


def test_the_network_runs_on_as_many_pictures_as_the_batch_says(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    describer = load_model(package.directory, engine="onnxruntime", threads=1)
    sizes: list[int] = []
    session: Any = describer.engine._session  # type: ignore[attr-defined]
    run = session.run

    def watched(names: Any, feed: Any) -> Any:
        sizes.append(len(feed["pixels"]))
        return run(names, feed)

    monkeypatch.setattr(session, "run", watched)
    pixels = SmallNetwork(size=(24, 24)).batch(10)
    assert cost_of(describer, pixels, 8) > 0
    assert cost_of(describer, pixels, 1) > 0
    assert sizes == [8, 2, *([1] * 10)]


def test_sizes_and_batches_take_turns_and_the_first_round_does_not_count(
    exam: str, package: ModelPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    costs = iter(range(100))

    def watched(describer: Describer, _pixels: Any, batch: int) -> float:
        asked.append((describer.input.height, batch))
        return float(next(costs))

    monkeypatch.setattr(input_sizes, "cost_of", watched)
    describers = [
        load_model(resized(package, size, tmp_path / str(size)).directory, engine="onnxruntime")
        for size in (16, 32)
    ]
    rows = measure(describers, open_exam(exam), [1, 4], rounds=3, judged=False)
    assert asked == [(16, 1), (16, 4), (32, 1), (32, 4)] * 4
    # Of 4, 8 and 12 the median is 8, and so on.
    assert rows == [Row(16, None, {1: 8.0, 4: 9.0}), Row(32, None, {1: 10.0, 4: 11.0})]


def test_the_table_has_a_row_for_each_size() -> None:
    rows = [Row(16, 0.5, {1: 2.0, 4: 1.234}), Row(32, None, {1: 8.0, 4: 5.0})]
    assert table(rows) == [
        "| Input | µAP | ms, 1 at once | ms, 4 at once |",
        "|---|---:|---:|---:|",
        "| 16 x 16 | 0.500 | 2.00 | 1.23 |",
        "| 32 x 32 | – | 8.00 | 5.00 |",
    ]


def test_prints_a_table_of_an_exam(
    exam: str, package: ModelPackage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [exam, "--model", str(package.directory), "--sizes", "16,32", "--batches", "2", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["input_sizes", *given])
    assert input_sizes.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[-2:]] == ["16 x 16", "32 x 32"]
    assert all(0 <= float(line.split("|")[2]) <= 1 for line in lines[-2:])
    monkeypatch.setattr(sys, "argv", ["input_sizes", exam, "--model", "nobody"])
    assert input_sizes.main() == 2
    assert "nobody" in capsys.readouterr().err
