"""Costs of the steps of a scan: every step is measured on the same pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks import engine_speed

PHOTOS = Path(__file__).resolve().parents[3] / "examples" / "photos"


def test_prints_a_row_for_each_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(PHOTOS), "--images", "5", "--runs", "1", "--engines", "onnxruntime,openvino:float32"]
    monkeypatch.setattr(sys, "argv", ["engine_speed", *words])
    assert engine_speed.main() == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")][2:]
    assert [(row[0], row[1]) for row in rows] == [
        ("read, hash, decode, resize", "1"),
        ("read, hash, decode, resize", "2"),
        ("network, onnxruntime", "1"),
        ("network, onnxruntime", "all"),
        ("network, openvino:float32", "1"),
        ("network, openvino:float32", "all"),
    ]
    assert all(float(row[2]) > 0 and float(row[3]) > 0 for row in rows)
    assert "photos" in lines[0]
    assert str(PHOTOS) not in lines[0]


def test_the_best_run_counts_and_the_first_does_not() -> None:
    calls: list[int] = []
    speed = engine_speed.measure("step", "1", lambda: calls.append(1), images=10, runs=3)
    assert len(calls) == 4
    assert speed.rate > 0
