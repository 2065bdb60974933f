"""An int8 package is made of a float one: what its card says, whose pictures it measured on, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from copylens.errors import ModelError, OutputError, UsageError
from copylens.images import decode, decode_box, prepare, read_file
from copylens.models import (
    Calibration,
    ModelPackage,
    ViewCalibration,
    golden_pictures,
    load_package,
    update_card,
)
from copylens.models.engines.base import EngineName
from copylens.models.quantising import quantise_graph
from copylens.workflows.describer import load_model
from copylens.workflows.importing import ImportSettings, import_model
from copylens.workflows.quantising import ROUNDING, Quantised, QuantiseSettings, quantise_model
from copylens.workflows.verifying import verify_model
from small_models import SmallNetwork
from workflow_samples import Steps, many, put, scene


@pytest.fixture
def source(tmp_path: Path) -> ModelPackage:
    package = SmallNetwork().package(tmp_path / "float")
    views = {"balanced": ViewCalibration(threshold=0.8, penalty=0.1, keys=("0,0,1,1,rot90",))}
    calibration = Calibration(
        threshold=0.7, false_matches_per_million_pairs=3, background="noise", views=views
    )
    return update_card(package, calibration=calibration, limits="Blind to cats.")


@pytest.fixture
def pictures(folder: Path) -> list[str]:
    return many(folder, 10)


def quantised(source: ModelPackage, folder: Path, **settings: Any) -> Quantised:
    return quantise_model(source.directory, str(folder), QuantiseSettings(**settings))


def test_the_card_says_what_it_is_and_what_was_not_measured(
    source: ModelPackage, folder: Path, pictures: list[str], tmp_path: Path
) -> None:
    made = quantised(source, folder, output=tmp_path / "int8")
    package = load_package(tmp_path / "int8")
    assert package == made.package
    assert (package.name, package.arithmetic, package.dims) == ("small-int8", "int8", source.dims)
    assert package.fingerprint != source.fingerprint
    said = package.provenance.weights
    assert f"int8 twin of small 1 (fingerprint {source.fingerprint})" in said
    assert "measured on 10 pictures" in said
    assert said.endswith("of the float model: random")
    assert package.provenance.command.startswith("copylens models quantize small PICTURES --name small-int8")
    assert package.limits == f"Blind to cats. {ROUNDING}"
    calibration = package.calibration
    assert calibration.false_matches_per_million_pairs is None
    assert calibration.background == "thresholds of small in float32, not measured again for int8 (noise)"
    assert (calibration.threshold, calibration.views) == (0.7, source.calibration.views)


def test_golden_descriptors_are_its_own_and_verified_by_every_engine(
    source: ModelPackage, folder: Path, pictures: list[str], tmp_path: Path
) -> None:
    package = quantised(source, folder, output=tmp_path / "int8").package
    engines: tuple[EngineName, ...] = ("onnxruntime", "openvino", "torch")
    for engine in engines:
        report = verify_model(package.directory, engine=engine, device="cpu")
        assert report.passed, report.checks
    assert len(package.golden) >= 4
    exact = load_model(source.directory, engine="onnxruntime").engine
    assert not any(
        np.allclose(golden.descriptor, exact.describe(prepare(pixels, source.input)[None])[0], atol=1e-6)
        for golden, pixels in zip(package.golden, golden_pictures().values(), strict=True)
    )


def test_how_much_descriptors_differ_is_said(
    source: ModelPackage, folder: Path, pictures: list[str], tmp_path: Path
) -> None:
    made = quantised(source, folder, output=tmp_path / "int8")
    exact, int8 = (
        load_model(each.directory, engine="onnxruntime").describe(pictures) for each in (source, made.package)
    )
    cosines = (exact * int8).sum(axis=1)
    np.testing.assert_allclose((made.cosine, made.lowest), (cosines.mean(), cosines.min()), atol=1e-5)
    assert made.pictures == 10
    assert made.sizes == tuple(each.onnx_path.stat().st_size for each in (source, made.package))


def test_pictures_are_spread_over_what_is_found(
    source: ModelPackage, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paths = many(folder, 20)
    taken: list[Any] = []

    def watched(package: Any, batches: Any, how: Any) -> bytes:
        taken.extend(np.concatenate(batches))
        return quantise_graph(package, batches, how)

    monkeypatch.setattr("copylens.workflows.quantising.quantise_graph", watched)
    made = quantised(source, folder, output=tmp_path / "int8", pictures=10)
    assert made.pictures == 10
    for place, pixels in enumerate(taken):
        expected = load_pixels(sorted(paths)[2 * place], source)
        np.testing.assert_array_equal(pixels, expected)


def load_pixels(path: str, package: ModelPackage) -> Any:
    return prepare(decode(read_file(path), box=decode_box(package.input)).pixels, package.input)


def test_unreadable_files_are_left_out(
    source: ModelPackage, folder: Path, pictures: list[str], tmp_path: Path
) -> None:
    put(folder / "broken.jpg", b"\xff\xd8\xff no picture")
    assert quantised(source, folder, output=tmp_path / "int8").pictures == 10


def test_progress_names_its_stages(
    source: ModelPackage, folder: Path, pictures: list[str], tmp_path: Path
) -> None:
    steps = Steps()
    settings = QuantiseSettings(output=tmp_path / "int8")
    quantise_model(source.directory, [str(folder)], settings, progress=steps)
    steps.check("read", 10)
    steps.check("quantise", 1)


def test_narrow_weights_are_said(
    source: ModelPackage, folder: Path, pictures: list[str], tmp_path: Path
) -> None:
    package = quantised(source, folder, output=tmp_path / "narrow", narrow=True).package
    assert "weights of 7 bits by channel" in package.provenance.weights
    assert package.provenance.command.endswith(" --narrow")
    assert package.fingerprint != quantised(source, folder, output=tmp_path / "int8").package.fingerprint


def test_without_an_output_it_is_found_by_its_name(
    source: ModelPackage, folder: Path, pictures: list[str]
) -> None:
    made = quantised(source, folder, name="tiny")
    assert load_model("tiny").identity.fingerprint == made.package.fingerprint
    with pytest.raises(OutputError, match="tiny"):
        quantised(source, folder, name="tiny")
    assert quantised(source, folder, name="tiny", overwrite=True).package.name == "tiny"


def test_too_few_pictures_are_refused(source: ModelPackage, folder: Path) -> None:
    put(folder / "one.png", scene(1))
    with pytest.raises(UsageError, match=r"1 readable pictures are too few .* at least 8"):
        quantised(source, folder)
    with pytest.raises(UsageError, match="--pictures must be at least 8, not 3"):
        quantised(source, folder, pictures=3)


def test_an_int8_model_is_refused_and_nothing_is_written(
    source: ModelPackage, folder: Path, pictures: list[str], tmp_path: Path
) -> None:
    package = quantised(source, folder, output=tmp_path / "int8").package
    with pytest.raises(ModelError, match="small-int8 is quantised already"):
        quantised(package, folder, output=tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_an_imported_int8_file_is_known_as_one(
    source: ModelPackage, folder: Path, pictures: list[str], tmp_path: Path
) -> None:
    made = quantised(source, folder, output=tmp_path / "int8").package
    model = onnx.load(str(made.onnx_path))
    onnx.save(model, str(tmp_path / "theirs.onnx"))
    settings = ImportSettings(normalised_inside=False, output=tmp_path / "imported")
    assert import_model(tmp_path / "theirs.onnx", settings).arithmetic == "int8"
    onnx.save(onnx.load(str(source.onnx_path)), str(tmp_path / "plain.onnx"))
    settings = ImportSettings(output=tmp_path / "plain")
    assert import_model(tmp_path / "plain.onnx", settings).arithmetic == "float32"
