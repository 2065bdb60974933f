"""Verification finds each kind of damage, and passes what is sound."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from copylens.errors import EngineError, ModelError
from copylens.models import ModelPackage, golden_pictures, load_package, record_golden, verify_package
from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine
from copylens.models.golden_pictures import pixels_sha256, read_golden_picture
from copylens.models.verifying import GraphContract, VerifyReport, contract_breaches
from copylens.records import InputSpec, Pixels
from small_models import SmallNetwork


def prepare(pixels: Pixels, spec: InputSpec) -> Any:
    """Squash with Pillow, as the pictures' room does."""
    resized = np.asarray(Image.fromarray(pixels).resize((spec.width, spec.height), Image.Resampling.BILINEAR))
    if spec.dtype == "uint8":
        return resized
    return np.ascontiguousarray(resized.transpose(2, 0, 1) / np.float32(255), dtype=np.float32)


@pytest.fixture(params=["uint8", "float32"])
def package(request: pytest.FixtureRequest, tmp_path: Path) -> ModelPackage:
    package = SmallNetwork().package(tmp_path / "small", dtype=request.param)
    return record_golden(package, OnnxRuntimeEngine(package).describe, prepare)


def verify(package: ModelPackage) -> VerifyReport:
    return verify_package(package, OnnxRuntimeEngine(package).describe, prepare)


def failed(report: VerifyReport) -> list[str]:
    return [check.name for check in report.checks if not check.passed]


def test_a_sound_package_passes_every_check(package: ModelPackage) -> None:
    report = verify(load_package(package.directory))
    assert report.passed
    names = [check.name for check in report.checks]
    assert names[:4] == ["digest", "fingerprint", "contract", "batches"]
    assert names[4:] == [f"golden {name}" for name in golden_pictures()]


def test_a_report_is_plain_values(package: ModelPackage) -> None:
    plain = verify(package).to_dict()
    assert (plain["model"], plain["fingerprint"], plain["passed"]) == ("small", package.fingerprint, True)
    assert plain["checks"][0] == {
        "name": "digest",
        "passed": True,
        "detail": "model.onnx is the file the card names",
    }


def test_golden_descriptors_are_recorded_for_every_picture(package: ModelPackage) -> None:
    assert [g.picture for g in package.golden] == list(golden_pictures())
    for golden in package.golden:
        expected = SmallNetwork().twin(prepare(read_golden_picture(golden.picture), package.input)[None])[0]
        np.testing.assert_allclose(golden.descriptor, expected, atol=1e-4)


def test_other_weights_are_found(package: ModelPackage) -> None:
    other = SmallNetwork(seed=9).model(package.input.dtype)
    package.onnx_path.write_bytes(other.SerializeToString())
    found = failed(verify(package))
    assert "digest" in found
    assert "golden cat.png" in found
    assert "contract" not in found


def test_a_changed_fingerprint_is_found(package: ModelPackage) -> None:
    assert failed(verify(dataclasses.replace(package, fingerprint="0" * 16))) == ["fingerprint"]


def test_a_missing_graph_fails_checks_instead_of_raising(package: ModelPackage) -> None:
    run = OnnxRuntimeEngine(package).describe
    package.onnx_path.unlink()
    assert failed(verify_package(package, run, prepare)) == ["digest", "contract"]


def test_an_engine_that_raises_fails_checks(package: ModelPackage) -> None:
    def broken(batch: Any) -> Any:
        raise EngineError("out of order")

    report = verify_package(package, broken, prepare)
    assert "contract" not in failed(report)
    assert {"batches", "golden cat.png"} <= set(failed(report))
    assert any(check.detail == "out of order" for check in report.checks)


def test_rows_of_another_length_are_found(package: ModelPackage) -> None:
    run = OnnxRuntimeEngine(package).describe
    report = verify_package(package, lambda batch: 2 * run(batch), prepare)
    assert "batches" in failed(report)


def test_rows_that_depend_on_their_neighbours_are_found(package: ModelPackage) -> None:
    run = OnnxRuntimeEngine(package).describe

    def mixing(batch: Any) -> Any:
        rows = run(batch) + 0.5 * run(batch).mean(axis=0) * (len(batch) > 1) * np.arange(16)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    assert failed(verify_package(package, mixing, prepare)) == ["batches"]


def test_an_engine_that_computes_otherwise_is_found(package: ModelPackage) -> None:
    run = OnnxRuntimeEngine(package).describe
    found = failed(verify_package(package, lambda batch: run(batch)[:, ::-1], prepare))
    assert found == [f"golden {name}" for name in golden_pictures()]


def test_another_picture_of_the_same_name_is_found(package: ModelPackage) -> None:
    golden = (dataclasses.replace(package.golden[0], pixels_sha256="0" * 64), *package.golden[1:])
    report = verify(dataclasses.replace(package, golden=golden))
    assert failed(report) == [f"golden {package.golden[0].picture}"]


def test_a_picture_this_installation_lacks_is_found(package: ModelPackage) -> None:
    golden = (dataclasses.replace(package.golden[0], picture="unicorn.png"),)
    report = verify(dataclasses.replace(package, golden=golden))
    assert failed(report) == ["golden unicorn.png"]
    assert "unicorn.png" in report.checks[-1].detail


def test_without_golden_descriptors_the_report_says_so(package: ModelPackage) -> None:
    report = verify(dataclasses.replace(package, golden=()))
    assert report.passed
    assert report.checks[-1].detail == "the package has no golden descriptors"


GOOD = (("pixels", "tensor(uint8)", ("N", 8, 6, 3)),), (("descriptor", "tensor(float)", (None, 5)),)


def breaches(inputs: Any = GOOD[0], outputs: Any = GOOD[1]) -> str:
    contract = GraphContract(inputs, outputs)
    return "; ".join(contract_breaches(contract, input_spec=InputSpec(height=8, width=6), dims=5))


def test_a_graph_that_keeps_the_contract_has_no_breaches() -> None:
    assert breaches() == ""
    assert breaches(inputs=(("pixels", "tensor(uint8)", ("N", "h", "w", 3)),)) == ""


@pytest.mark.parametrize(
    ("name", "kind", "shape", "complaint"),
    [
        ("image", "tensor(uint8)", ("N", 8, 6, 3), "expected the one end 'pixels', got 'image'"),
        ("pixels", "tensor(float)", ("N", 8, 6, 3), "pixels is tensor(float), not tensor(uint8)"),
        ("pixels", "tensor(uint8)", (1, 8, 6, 3), "not (N, 8, 6, 3) with a dynamic N"),
        ("pixels", "tensor(uint8)", ("N", 9, 6, 3), "not (N, 8, 6, 3)"),
        ("pixels", "tensor(uint8)", ("N", 8, 6), "not (N, 8, 6, 3)"),
    ],
)
def test_each_breach_is_said(name: str, kind: str, shape: Any, complaint: str) -> None:
    assert complaint in breaches(inputs=((name, kind, shape),))


def test_a_second_output_is_a_breach() -> None:
    assert "got 'descriptor', 'more'" in breaches(outputs=(*GOOD[1], ("more", "tensor(float)", ("N", 2))))


def test_golden_pictures_are_small_and_coloured() -> None:
    pictures = golden_pictures()
    assert "cat.png" in pictures
    for pixels in pictures.values():
        assert pixels.shape == (160, 160, 3)
        assert pixels.dtype == np.uint8
    assert len({pixels_sha256(pixels) for pixels in pictures.values()}) == len(pictures)


def test_an_unknown_golden_picture_is_named() -> None:
    with pytest.raises(ModelError, match=r"unicorn\.png"):
        read_golden_picture("unicorn.png")
