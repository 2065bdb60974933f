"""Ways to make a model int8: each is another graph, measured in turns, with a row of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks import int8_choices
from benchmarks.int8_choices import WAYS, Row, made, measure, table

from benchmark_folders import build_exam
from copylens.evaluation.benchmarks import open_exam
from copylens.models import ModelPackage
from copylens.models.quantising import Quantisation
from copylens.workflows.describer import Describer
from small_models import SmallNetwork

NETWORK = SmallNetwork()


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exam")
    build_exam(root)
    return root


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    return NETWORK.package(tmp_path / "small")


def test_each_way_makes_another_graph(package: ModelPackage, tmp_path: Path) -> None:
    pixels = NETWORK.batch(8)
    ways = {way: made(package, how, pixels, tmp_path / way) for way, how in WAYS.items()}
    assert ways["float32"] is package
    assert {each.arithmetic for way, each in ways.items() if way != "float32"} == {"int8"}
    # A single batch has no average; and of two convolutions one is quantised, whether one or three are spared.
    assert len({each.fingerprint for each in ways.values()}) >= len(WAYS) - 2


def test_packages_and_engines_take_turns_and_the_least_counts(
    exam: Path, package: ModelPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = {
        "float32": package,
        "int8": made(package, Quantisation(), NETWORK.batch(8), tmp_path / "int8"),
    }
    asked: list[tuple[str, str]] = []
    costs = iter(range(100, 0, -1))

    def watched(describer: Describer, _pixels: Any, _batch: int) -> float:
        asked.append((describer.package.arithmetic, describer.engine.name))
        return float(next(costs))

    monkeypatch.setattr(int8_choices, "cost_of", watched)
    engines = ["onnxruntime", "openvino:float32"]
    rows = measure(packages, engines, open_exam(str(exam)), rounds=2, judged=False)
    turn = [(kind, engine) for kind in ("float32", "int8") for engine in ("onnxruntime", "openvino")]
    assert asked == turn * 3
    assert [row.costs for row in rows] == [
        {"onnxruntime": 92.0, "openvino:float32": 91.0},
        {"onnxruntime": 90.0, "openvino:float32": 89.0},
    ]
    assert [row.size for row in rows] == [each.onnx_path.stat().st_size for each in packages.values()]


def test_the_table_has_a_column_for_each_engine() -> None:
    rows = [
        Row("float32", 0.5, {"a": 2.0, "b": 1.234}, 2_000_000),
        Row("int8", None, {"a": 1.0, "b": 1.0}, 950_000),
    ]
    assert table(rows) == [
        "| graph | µAP | a, ms a picture | b, ms a picture | MB |",
        "|---|---:|---:|---:|---:|",
        "| float32 | 0.5000 | 2.00 | 1.23 | 2.0 |",
        "| int8 | – | 1.00 | 1.00 | 0.9 |",
    ]


def test_prints_a_table_of_an_exam(
    exam: Path, package: ModelPackage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(exam), str(exam), "--model", str(package.directory), "--rounds", "1", "--count", "8"]
    monkeypatch.setattr(sys, "argv", ["int8_choices", *given])
    assert int8_choices.main() == 0
    lines = capsys.readouterr().out.splitlines()[-len(WAYS) :]
    assert [line.split("|")[1].strip() for line in lines] == list(WAYS)
    assert all(0 <= float(line.split("|")[2]) <= 1 for line in lines)
    monkeypatch.setattr(sys, "argv", ["int8_choices", str(exam), str(exam), "--model", "nobody"])
    assert int8_choices.main() == 2
    assert "nobody" in capsys.readouterr().err
