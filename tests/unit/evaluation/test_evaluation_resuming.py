"""An evaluation is killed, and the next goes on: nothing is described twice, and the result is the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import evaluation_worker
from benchmark_folders import build_exam
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.results import Evaluation
from copylens.evaluation.running import RESULT, evaluate
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.models import ModelPackage
from copylens.workflows.describer import BATCH
from copylens.workflows.settings import ModelSettings
from evaluation_cases import counting_network, nothing_may_run
from thumbnail_model import write_thumbnail_model


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    return write_thumbnail_model(tmp_path_factory.mktemp("models") / "thumbnail")


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exam")
    build_exam(root, photos=20, negatives=8, background=5)
    return root


PICTURES = 40 + 20 + 8 + 5


def killed(exam: Path, package: ModelPackage, folder: Path, stage: str, count: int) -> None:
    command = [sys.executable, evaluation_worker.__file__, exam, package.directory, folder, stage, str(count)]
    done = subprocess.run(list(map(str, command)), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, b"")
    assert not (folder / RESULT).exists()


def finished(exam: Path, package: ModelPackage, folder: Path) -> Evaluation:
    return evaluate(
        open_exam(exam),
        [ModelSystem(settings=ModelSettings(model=str(package.directory)))],
        EvaluationSettings(folder=str(folder), samples=20),
    )


@pytest.mark.parametrize("batches", [1, 3])
def test_a_run_killed_while_it_describes_goes_on_there(
    tmp_path: Path, exam: Path, package: ModelPackage, batches: int
) -> None:
    killed(exam, package, tmp_path / "run", "describe", batches * BATCH)
    assert not (tmp_path / "run" / "descriptors").exists()
    with counting_network() as counted:
        resumed = finished(exam, package, tmp_path / "run")
    assert counted.pictures == PICTURES - batches * BATCH
    assert resumed == finished(exam, package, tmp_path / "whole")


def test_a_run_killed_while_it_searches_describes_nothing_again(
    tmp_path: Path, exam: Path, package: ModelPackage
) -> None:
    killed(exam, package, tmp_path / "run", "match", 1)
    with counting_network() as counted:
        resumed = finished(exam, package, tmp_path / "run")
    assert counted.pictures == 0
    assert resumed == finished(exam, package, tmp_path / "whole")
    with nothing_may_run():
        assert finished(exam, package, tmp_path / "run") == resumed
