"""What the card of a combined model says: thresholds, licences, whose weights, and golden descriptors of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from copylens.errors import ModelError, OutputError, UsageError
from copylens.models import ModelPackage, Provenance, load_package, update_card, write_package
from copylens.workflows.combining import combine_models
from copylens.workflows.verifying import verify_model
from small_models import SmallNetwork


@pytest.fixture
def pair(tmp_path: Path) -> tuple[ModelPackage, ModelPackage]:
    first = SmallNetwork().package(tmp_path / "first", name="first")
    second = SmallNetwork(dims=8, seed=3).package(tmp_path / "second", name="second")
    first = update_card(
        first,
        provenance=Provenance(weights="here", data="photos", hardware="fast", hours=1.5, sources=("a", "b")),
        limits="No drawings.",
    )
    second = update_card(
        second,
        licence="MIT",
        calibration=type(second.calibration)(threshold=0.5),
        provenance=Provenance(weights="there", data="photos", hardware="slow", hours=0.25, sources=("b",)),
        limits="No drawings.",
    )
    return first, second


def test_the_card_says_of_what_it_is_made(pair: tuple[ModelPackage, ModelPackage], tmp_path: Path) -> None:
    first, second = pair
    combined = combine_models([first.directory, second.directory], name="both", output=tmp_path / "both")
    assert combined.card == load_package(tmp_path / "both").card
    assert (combined.name, combined.dims, combined.input) == ("both", 24, first.input)
    assert combined.calibration.threshold == pytest.approx(0.6)
    assert combined.calibration.false_matches_per_million_pairs is None
    assert (
        combined.calibration.background
        == "the mean of the thresholds of first and second; not measured for them together"
    )
    assert combined.licence == "Apache-2.0 AND MIT"
    said = combined.provenance
    assert said.weights == (
        f"first 1 (fingerprint {first.fingerprint}): here; second 1 (fingerprint {second.fingerprint}): there"
    )
    assert (said.data, said.hardware, said.hours, said.sources) == ("photos", "fast; slow", 1.75, ("a", "b"))
    assert said.command == "copylens models combine first second --name both"
    assert combined.limits == "No drawings."
    assert combined.arithmetic == "float32"


def test_it_is_whole_and_its_golden_descriptors_are_its_own(
    pair: tuple[ModelPackage, ModelPackage], tmp_path: Path
) -> None:
    combined = combine_models([each.directory for each in pair], name="both", output=tmp_path / "both")
    assert combined.golden
    assert all(len(golden.descriptor) == 24 for golden in combined.golden)
    assert verify_model(str(tmp_path / "both")).passed


@pytest.mark.parametrize("of", [0, 1])
def test_hours_and_arithmetic_of_one_are_not_made_up(
    of: int, pair: tuple[ModelPackage, ModelPackage], tmp_path: Path
) -> None:
    old = pair[of]
    write_package(
        old.directory,
        onnx_model=old.onnx_path.read_bytes(),
        name=old.name,
        version="1",
        dims=old.dims,
        input=old.input,
        calibration=old.calibration,
        licence=old.licence,
        provenance=Provenance(weights="somewhere"),
        arithmetic="int8",
        overwrite=True,
    )
    combined = combine_models([each.directory for each in pair], name="both", output=tmp_path / "both")
    assert combined.provenance.hours is None
    assert combined.arithmetic == "int8"


def test_what_cannot_be_combined_is_refused(pair: tuple[ModelPackage, ModelPackage], tmp_path: Path) -> None:
    first, second = (str(each.directory) for each in pair)
    for models, complaint in (([first], "two models or more"), ([first, second, first], "named twice")):
        with pytest.raises(UsageError, match=complaint):
            combine_models(models, name="both", output=tmp_path / "both")
    with pytest.raises(ModelError, match="nothing"):
        combine_models([first, "nothing"], name="both", output=tmp_path / "both")
    assert not (tmp_path / "both").exists()
    with pytest.raises(OutputError):
        combine_models([first, second], name="both", output=Path(first))
