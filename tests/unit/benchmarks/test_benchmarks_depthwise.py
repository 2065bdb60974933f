"""The benchmark of depthwise convolutions measures each backbone all three ways and prints a row for it."""

from __future__ import annotations

import sys

import pytest
from benchmarks import depthwise


def test_a_row_for_every_backbone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["test_efficientnet", "test_resnet", "--batch", "2", "--size", "32", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["depthwise", *words])
    assert depthwise.main() == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == ["| `test_efficientnet`", "| `test_resnet`"]
    # A ResNet has none.
    assert int(rows[0][1]) > 0
    assert int(rows[1][1]) == 0


def test_an_unknown_backbone_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["depthwise", "no_such_network"])
    assert depthwise.main() == 2
    assert "no_such_network" in capsys.readouterr().err
