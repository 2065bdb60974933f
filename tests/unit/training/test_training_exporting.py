"""Packages of trained networks: they describe as the network does; their threshold follows from held-out pictures."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from copylens.errors import OutputError
from copylens.models import ModelPackage, Provenance, create_engine, load_package
from copylens.networks.sscd import SSCDNetwork
from copylens.postprocess.unit_length import l2_normalised
from copylens.records import Descriptors
from copylens.training.data import PictureSource, open_pictures
from copylens.training.exporting import UNMEASURED, calibrate, export_model
from copylens.training.validation import describe_pixels
from copylens.workflows.verifying import verify_model
from trained_networks import network_for, prepared
from training_samples import picture_folder, tiny

CPU = torch.device("cpu")
PICTURES = 40
PROVENANCE = Provenance(weights="by hand", data="generated", command="copylens train x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("exporting") / "pictures", PICTURES)


@pytest.fixture(scope="module")
def source(folder: Path) -> PictureSource:
    return open_pictures(str(folder))


@pytest.fixture(scope="module")
def network(source: PictureSource) -> SSCDNetwork:
    return network_for(source, tiny())


def export(network: SSCDNetwork, source: PictureSource, path: Path, held_out: list[int]) -> ModelPackage:
    return export_model(
        network,
        tiny(),
        path,
        name="mine",
        provenance=PROVENANCE,
        source=source,
        held_out=held_out,
        licence="CC0-1.0",
    )


@pytest.fixture(scope="module")
def package(
    network: SSCDNetwork, source: PictureSource, tmp_path_factory: pytest.TempPathFactory
) -> ModelPackage:
    return export(network, source, tmp_path_factory.mktemp("package") / "model", list(range(20)))


def test_the_package_describes_as_the_network_does(
    package: ModelPackage, network: SSCDNetwork, source: PictureSource
) -> None:
    pixels = prepared(source, tiny())
    engine = create_engine(package, engine="onnxruntime", device="cpu", precision="float32")
    theirs, ours = engine.describe(pixels), describe_pixels(network, pixels, tiny().network, CPU)
    assert np.einsum("nd,nd->n", theirs, ours).min() > 0.999
    # And tells pictures apart, so that the likeness above means something.
    assert np.median(ours @ ours.T) < 0.5


def test_the_package_passes_its_own_checks(package: ModelPackage) -> None:
    report = verify_model(package.directory, device="cpu")
    assert report.passed, [check for check in report.checks if not check.passed]
    assert len(report.checks) > 4
    loaded = load_package(package.directory)
    assert loaded.fingerprint == package.fingerprint
    assert (loaded.name, loaded.licence, loaded.provenance) == ("mine", "CC0-1.0", PROVENANCE)
    assert (loaded.dims, loaded.input.height, loaded.input.width) == (16, 64, 64)
    assert loaded.golden


def test_the_network_is_left_as_it_was(network: SSCDNetwork, source: PictureSource, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export(network, source, tmp_path / "model", [])
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_threshold_lets_one_pair_of_the_held_out_pass(
    package: ModelPackage, network: SSCDNetwork, source: PictureSource
) -> None:
    rows = describe_pixels(network, prepared(source, tiny())[:20], tiny().network, CPU)
    scores = np.sort((rows @ rows.T)[np.triu_indices(20, 1)])
    assert scores[-2] - 2e-3 < package.calibration.threshold < scores[-1]
    assert package.calibration.false_matches_per_million_pairs == pytest.approx(1e6 / 190, abs=1e-2)
    assert package.calibration.background == "all pairs of 20 pictures that took no part in the training"


def test_broken_held_out_pictures_are_left_out_and_none_leaves_it_unmeasured(
    network: SSCDNetwork, tmp_path: Path
) -> None:
    folder = picture_folder(tmp_path / "pictures", 12)
    (folder / "0003.jpg").write_bytes(b"no picture")
    source = open_pictures(str(folder))
    package = export(network, source, tmp_path / "model", list(range(12)))
    assert package.calibration.background.startswith("all pairs of 11 pictures")
    unmeasured = export(network, source, tmp_path / "other", [3]).calibration
    assert (unmeasured.threshold, unmeasured.false_matches_per_million_pairs) == (UNMEASURED, None)
    assert unmeasured.background == "threshold not measured for this model"


def test_a_package_that_is_there_is_not_replaced_unasked(
    package: ModelPackage, network: SSCDNetwork, source: PictureSource
) -> None:
    with pytest.raises(OutputError, match="already exists"):
        export(network, source, package.directory, [])
    assert load_package(package.directory).fingerprint == package.fingerprint


def random_rows(count: int, seed: int = 0) -> Descriptors:
    return l2_normalised(np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_pictures_calibrate_nothing(count: int) -> None:
    assert calibrate(random_rows(count), 3.0) is None


@pytest.mark.parametrize("count", [3, 11, 15, 21, 43, 88])
def test_few_pictures_show_the_lowest_rate_they_can(count: int) -> None:
    """A million over the pairs, times the pairs, is a little less than a million for some of these."""
    rows = random_rows(count)
    found = calibrate(rows, 3.0)
    assert found is not None
    pairs = count * (count - 1) // 2
    assert found.false_matches_per_million_pairs == pytest.approx(1e6 / pairs, abs=2e-3)
    scores = (rows @ rows.T)[np.triu_indices(count, 1)]
    assert (scores >= found.threshold).sum() == 1
    assert round(found.threshold, 4) == found.threshold


def test_many_pictures_show_the_rate_that_was_asked_for() -> None:
    rows = random_rows(200)
    found = calibrate(rows, 1000.0)
    assert found is not None
    assert found.false_matches_per_million_pairs == 1000.0
    scores = (rows @ rows.T)[np.triu_indices(200, 1)]
    # 19,900 pairs allow 19; the threshold is rounded upwards.
    assert 17 <= (scores >= found.threshold).sum() <= 19


def test_copies_among_the_held_out_count_once() -> None:
    rows = random_rows(30)
    alone = calibrate(rows, 3.0)
    again = calibrate(np.concatenate([rows, rows[:9], rows[:4]]), 3.0)
    assert alone is not None
    assert again == alone
    assert math.isfinite(alone.threshold)


def test_a_network_that_says_the_same_of_everything_calibrates_nothing() -> None:
    assert calibrate(np.repeat(random_rows(1), 2_500, axis=0), 3.0) is None
