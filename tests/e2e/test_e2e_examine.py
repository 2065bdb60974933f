"""``copylens models examine``: the figures are printed, stand in the card, and are shown with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from benchmark_folders import build_exam
from copylens.models import Provenance, load_package, update_card
from copylens_process import Ran
from small_models import SmallNetwork

Run: TypeAlias = Callable[..., Ran]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    package = SmallNetwork().package(tmp_path / "model")
    trained = Provenance(weights="drawn by chance", hardware="a fast one, 2 threads", hours=1.25)
    update_card(package, provenance=trained, limits="It has learned nothing.")
    return package.directory


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    build_exam(tmp_path / "exam")
    return tmp_path / "exam"


def test_figures_are_printed_and_shown_with_the_card(run_here: Run, model: Path, exam: Path) -> None:
    words = ("models", "examine", str(model), str(exam), "--engine", "onnxruntime", "--views", "fast")
    ran = run_here(*words, "--views", "balanced")
    assert (ran.status, ran.err) == (0, "")
    results = load_package(model).results
    assert [result.views for result in results] == ["fast", "balanced"]
    lines = ran.out.splitlines()
    for line, result in zip(lines, results, strict=True):
        assert line.startswith(
            f"{result.exam}, {result.views}: µAP {result.micro_average_precision:.3f}, R@P90 "
        )
        worst, recall = min(result.recall_at_1.items(), key=lambda item: item[1])
        assert f"; recall at 1 is lowest for {worst} {recall:.2f}" in line
    shown = run_here("models", "show", str(model)).out.splitlines()
    assert [line.split(None, 1)[1] for line in shown if line.startswith("exam ")] == lines
    rows = dict(line.split(None, 1) for line in shown)
    assert rows["hardware"] == "a fast one, 2 threads, 1.2 hours"
    assert rows["limits"] == "It has learned nothing."


def test_json_has_every_result_of_the_card(run_here: Run, model: Path, exam: Path) -> None:
    words = ("models", "examine", str(model), str(exam), "--engine", "onnxruntime")
    assert run_here(*words, "--quiet").out == ""
    document = run_here(*words, "--json").document()
    card = run_here("models", "show", str(model), "--json").document()
    assert (document["version"], document["model"]) == (1, card["name"])
    assert (document["fingerprint"], document["results"]) == (card["fingerprint"], card["results"])
    assert [result["views"] for result in document["results"]] == ["whole"]
