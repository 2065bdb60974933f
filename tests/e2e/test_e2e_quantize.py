"""``copylens models quantize``: what a person sees of it, and what is said when it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from benchmark_folders import build_exam
from copylens.evaluation import int8_loss
from copylens_process import CopyLens, Ran
from generated_pictures import write_pictures
from small_models import SmallNetwork

Run: TypeAlias = Callable[..., Ran]


@pytest.fixture
def float_model(tmp_path: Path) -> Path:
    return SmallNetwork().package(tmp_path / "float").directory


@pytest.fixture
def pictures(copylens: CopyLens) -> Path:
    folder = copylens.home / "pictures"
    write_pictures(folder, 9)
    return folder


def test_an_int8_model_is_made_shown_verified_and_used(
    run_here: Run, copylens: CopyLens, float_model: Path, pictures: Path
) -> None:
    ran = run_here("models", "quantize", str(float_model), "pictures", "--name", "tiny", "--quiet")
    assert (ran.status, ran.err) == (0, "")
    first, second, third = ran.out.splitlines()
    assert first.startswith("tiny: fingerprint ")
    assert first.endswith(f"in {copylens.home / 'models' / 'tiny'}")
    assert second.startswith("Descriptors of 9 images agree with small's: cosine ")
    assert "copylens models calibrate" in third
    shown = dict(line.split(None, 1) for line in run_here("models", "show", "tiny").out.splitlines())
    assert shown["arithmetic"] == "int8"
    assert shown["background"] == "thresholds of small in float32, not measured again for int8"
    assert run_here("models", "verify", "tiny").status == 0
    document = run_here("scan", "pictures", "--model", "tiny", "--json").document()
    assert document["summary"]["described"] == 9


def test_the_exam_is_printed_and_a_large_loss_is_said(
    run_here: Run, float_model: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_exam(tmp_path / "exam")
    words = ("models", "quantize", str(float_model), "pictures", "--overwrite", "--engine", "onnxruntime")
    ran = run_here(*words, "--exam", str(tmp_path / "exam"))
    assert ran.status == 0
    line = next(line for line in ran.out.splitlines() if line.startswith("µAP on the exam, onnxruntime: "))
    assert " in float32, " in line
    monkeypatch.setattr(int8_loss, "ALLOWED", -1.0)
    last = run_here(*words, "--exam", str(tmp_path / "exam")).out.splitlines()[-1]
    assert last.startswith("The loss of ")
    assert "is more than -1.0" in last


def test_what_cannot_be_is_said_in_a_sentence(
    run_here: Run, float_model: Path, pictures: Path, thumbnail_package: Path
) -> None:
    assert "at least 8" in run_here("models", "quantize", str(float_model), "pictures", "--pictures", "2").err
    assert "no such" in run_here("models", "quantize", str(float_model), "nowhere").err.lower()
    assert run_here("models", "quantize", str(float_model), "pictures", "--method", "guess").status == 2
    # The quick model of these tests is one matrix, without a convolution.
    ran = run_here("models", "quantize", str(thumbnail_package), "pictures")
    assert (ran.status, ran.out) == (1, "")
    assert "thumbnail has no convolutions; int8 is for networks made of them." in ran.err
