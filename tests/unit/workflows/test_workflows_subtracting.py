"""Pictures in, a package with their centres in it out: what is taken off, what the card says, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from copylens.errors import ModelError, OutputError, UsageError
from copylens.models import Calibration, ModelPackage, Provenance, ViewCalibration, load_package, update_card
from copylens.models.subtracting import Subtraction, subtract_graph
from copylens.postprocess.clusters import cluster_rows
from copylens.workflows.describer import load_model
from copylens.workflows.subtracting import FEWEST, ITERATIONS, SubtractSettings, subtract_background
from copylens.workflows.verifying import verify_model
from generated_pictures import write_pictures
from small_models import SmallNetwork


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    package = SmallNetwork().package(tmp_path / "small")
    return update_card(
        package,
        provenance=Provenance(weights="here", data="photos", hardware="fast", hours=1.5),
        calibration=Calibration(
            threshold=0.7,
            background="measured",
            false_matches_per_million_pairs=3,
            views={"balanced": ViewCalibration(threshold=0.71, penalty=0.02, keys=("0,0,0.5,0.5",))},
        ),
        limits="No drawings.",
    )


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    return write_pictures(tmp_path / "pictures", 30)


def test_the_card_says_what_was_taken_off(
    package: ModelPackage, pictures: list[Path], tmp_path: Path
) -> None:
    settings = SubtractSettings(name="less", output=tmp_path / "less", centres=12, share=0.5, temperature=0.1)
    made = subtract_background(package.directory, pictures[0].parent, settings)
    assert made.card == load_package(tmp_path / "less").card
    assert (made.name, made.version, made.dims, made.input) == ("less", "1", package.dims, package.input)
    assert made.fingerprint != package.fingerprint
    assert made.calibration == Calibration(
        threshold=0.7,
        background="the threshold of small, not measured again after the subtraction (measured)",
    )
    said = made.provenance
    assert said.weights == (
        "here; less 0.5 of the mean of 12 centres of the descriptors of 30 unrelated pictures, weighted by softmax "
        "at temperature 0.1"
    )
    assert said.command == (
        "copylens models subtract small PICTURES --name less --centres 12 --share 0.5 --temperature 0.1"
    )
    assert (said.data, said.hardware, said.hours, made.limits) == ("photos", "fast", 1.5, "No drawings.")
    assert verify_model(str(tmp_path / "less")).passed


def test_the_centres_are_those_of_the_pictures_groups(
    package: ModelPackage, pictures: list[Path], tmp_path: Path
) -> None:
    made = subtract_background(
        package.directory, pictures[0].parent, SubtractSettings(output=tmp_path / "less", centres=5)
    )
    # A catalog counts pictures up as it meets them, in the order of their paths.
    rows = load_model(package.directory).describe(sorted(pictures))
    centres = cluster_rows(rows, 5, seed=0, iterations=ITERATIONS).centres
    assert made.onnx_path.read_bytes() == subtract_graph(package, centres, Subtraction())
    assert made.name == "small-subtracted"


def test_fewer_pictures_than_centres_are_all_taken_and_copies_count_once(
    package: ModelPackage, pictures: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "pictures" / "again.png").write_bytes(pictures[0].read_bytes())
    (tmp_path / "pictures" / "broken.png").write_bytes(b"no picture")
    made = subtract_background(
        package.directory, tmp_path / "pictures", SubtractSettings(output=tmp_path / "l")
    )
    assert "mean of 30 centres of the descriptors of 30 unrelated" in made.provenance.weights
    scores = [load_model(each.directory).describe(pictures) for each in (package, made)]
    mean_before, mean_after = (float((rows @ rows.T)[np.triu_indices(30, 1)].mean()) for rows in scores)
    assert mean_after < mean_before


def test_an_interrupted_run_goes_on_from_its_catalog(
    package: ModelPackage, pictures: list[Path], tmp_path: Path
) -> None:
    catalog, described = tmp_path / "c.db", []

    def watch(stage: str, done: int, _total: int | None) -> None:
        if stage == "describe":
            described.append(done)
            if not (tmp_path / "less").exists() and len(described) == 1:
                raise KeyboardInterrupt

    settings = SubtractSettings(output=tmp_path / "less")
    with pytest.raises(KeyboardInterrupt):
        subtract_background(package.directory, pictures[0].parent, settings, catalog=catalog, progress=watch)
    described.append(0)
    made = subtract_background(package.directory, pictures[0].parent, settings, catalog=catalog)
    at_once = SubtractSettings(output=tmp_path / "other", name=made.name)
    assert made.card == subtract_background(package.directory, pictures[0].parent, at_once).card


def test_what_makes_no_sense_is_refused_before_anything_is_written(
    package: ModelPackage, pictures: list[Path], tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for picture in pictures[: FEWEST - 1]:
        (few / picture.name).write_bytes(picture.read_bytes())
    output = tmp_path / "less"
    with pytest.raises(UsageError, match=f"^{FEWEST - 1} readable pictures are too few"):
        subtract_background(package.directory, few, SubtractSettings(output=output))
    with pytest.raises(UsageError, match="--centres must be at least 1"):
        subtract_background(package.directory, few, SubtractSettings(output=output, centres=0))
    with pytest.raises(UsageError, match="--share"):
        subtract_background(package.directory, few, SubtractSettings(output=output, share=1.5))
    with pytest.raises(ModelError, match="nothing"):
        subtract_background("nothing", few, SubtractSettings(output=output))
    assert not output.exists()
    with pytest.raises(OutputError, match="--overwrite"):
        subtract_background(package.directory, pictures[0].parent, SubtractSettings(output=package.directory))
