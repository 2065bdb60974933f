"""What an exam says of a network in training: what `copylens evaluate` says of its package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark_folders import build_exam
from copylens.errors import CopyLensError, UsageError
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.running import evaluate
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.models import Provenance
from copylens.networks.sscd import SSCDNetwork
from copylens.training.data import PictureSource, open_pictures
from copylens.training.exporting import export_model
from copylens.training.validation import (
    BATCH,
    ExamValidator,
    describe_pixels,
    normalised,
    normalised_views,
)
from copylens.workflows.settings import ModelSettings
from trained_networks import network_for, prepared
from training_samples import tiny

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("validation") / "exam"
    build_exam(folder, photos=24, negatives=8, background=0)
    return folder


@pytest.fixture(scope="module")
def source(exam: Path) -> PictureSource:
    return open_pictures(str(exam / "references"))


@pytest.fixture(scope="module")
def network(source: PictureSource) -> SSCDNetwork:
    return network_for(source, tiny())


def test_it_says_what_an_evaluation_of_the_package_says(
    exam: Path, source: PictureSource, network: SSCDNetwork, tmp_path: Path
) -> None:
    settings = tiny()
    measured = ExamValidator(exam, settings.export.size).measure(network, settings.network, CPU)
    export_model(
        network,
        settings,
        tmp_path / "model",
        name="model",
        provenance=Provenance(weights="made", data="none", command="none"),
        source=source,
        held_out=[],
        licence="unknown",
    )
    evaluation = evaluate(
        open_exam(exam),
        [ModelSystem(settings=ModelSettings(model=str(tmp_path / "model")))],
        EvaluationSettings(folder=str(tmp_path / "run"), samples=0),
    )
    figures = evaluation.systems[0].plain.figures
    for name in ("micro_average_precision", "accuracy_at_1", "recall_at_precision_90"):
        assert getattr(measured, name) == pytest.approx(figures[name].value, abs=1e-3), name
    # Neither nothing nor everything is found, or the comparison would say little.
    assert 0.1 < measured.micro_average_precision < 0.95


def test_another_network_has_other_figures_and_its_mode_stays(
    exam: Path, source: PictureSource, network: SSCDNetwork
) -> None:
    validator, settings = ExamValidator(exam, 64), tiny().network
    first = validator.measure(network, settings, CPU)
    assert network.training
    assert validator.measure(network, settings, CPU) == first
    other = network_for(source, tiny(), seed=1).eval()
    assert validator.measure(other, settings, CPU) != first
    assert not other.training


def test_the_statistics_of_normalisations_do_not_move(exam: Path, network: SSCDNetwork) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    ExamValidator(exam, 64).measure(network, tiny().network, CPU)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_pictures_are_described_in_batches_as_one_by_one(source: PictureSource, network: SSCDNetwork) -> None:
    settings = tiny()
    pixels = np.concatenate([prepared(source, settings)] * 2)
    assert len(pixels) > BATCH
    rows = describe_pixels(network, pixels, settings.network, CPU)
    alone = [describe_pixels(network, picture[None], settings.network, CPU) for picture in pixels]
    assert rows.dtype == np.float32
    assert rows == pytest.approx(np.concatenate(alone), abs=1e-4)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(pixels)), abs=1e-5)


def test_bytes_and_views_are_normalised_alike() -> None:
    settings = tiny("network.mean=[0.1, 0.2, 0.3]", "network.deviation=[0.5, 0.25, 2.0]").network
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), np.uint8)
    expected = (pixels / 255.0 - np.array(settings.mean)) / np.array(settings.deviation)
    from_bytes = normalised(torch.from_numpy(pixels), settings)
    assert from_bytes.permute(0, 2, 3, 1).numpy() == pytest.approx(expected, abs=1e-5)
    views = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255.0
    assert torch.allclose(normalised_views(views, settings), from_bytes, atol=1e-5)


def test_a_folder_that_is_no_exam_and_a_broken_picture_are_said_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(CopyLensError, match="nowhere"):
        ExamValidator(tmp_path / "nowhere", 64)
    build_exam(tmp_path / "exam", photos=2, negatives=1, background=0)
    broken = tmp_path / "exam" / "references" / "R00001.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"The exam's picture .*R00001\.jpg cannot be read: "):
        ExamValidator(tmp_path / "exam", 64)
