"""The example of a backbone of one's own runs, and the command trains with it and with its weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from copylens.cli.main import app
from copylens.models import load_package
from training_samples import TINY, picture_folder

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own_backbone.py"


def test_the_example_program_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "local features (2, 256, 6, 8), descriptors (2, 64)\n"


@pytest.fixture
def train(tmp_path: Path) -> list[str]:
    """The words of a training of two steps."""
    pictures = picture_folder(tmp_path / "pictures", 24)
    changes = [word for change in (*TINY, "loop.steps=2") for word in ("--set", change)]
    return [
        "train",
        str(pictures),
        "--device",
        "cpu",
        "--output",
        str(tmp_path / "model"),
        *changes,
        "--quiet",
    ]


def test_the_command_trains_with_it(train: list[str], tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, [*train, "--backbone", f"{EXAMPLE}:build"])
    assert (ran.exit_code, ran.output) == (0, "")
    package = load_package(tmp_path / "model")
    assert package.dims == 16
    assert package.provenance is not None
    assert "own_backbone.py:build" in package.provenance.weights


def test_weights_that_are_not_there_are_named(train: list[str]) -> None:
    ran = CliRunner().invoke(
        app, [*train, "--backbone", f"{EXAMPLE}:build", "--weights", "no such.safetensors"]
    )
    assert ran.exit_code == 1
    assert "no such.safetensors: no such file of weights." in ran.output
