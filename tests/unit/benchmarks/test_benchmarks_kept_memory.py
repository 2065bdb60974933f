"""The benchmark of kept memory prints a row for each child."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
from benchmarks import kept_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc's settings are glibc's")
def test_a_row_for_memory_kept_and_for_memory_handed_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def child(command: list[str], *, text: bool) -> str:
        assert text
        asked.append(command)
        return "1.00 | 0.10 | 5 | 9 |\n"

    monkeypatch.setattr(subprocess, "check_output", child)
    monkeypatch.setattr(sys, "argv", ["kept_memory", "--passes", "2"])
    kept_memory.main()
    assert [command[-1] for command in asked] == ["handed back", "kept"]
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| handed back | 1.00 | 0.10 | 5 | 9 |",
        "| kept | 1.00 | 0.10 | 5 | 9 |",
    ]


def test_a_child_measures_real_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_memory, "BACKBONE", "test_resnet")
    monkeypatch.setattr(kept_memory, "SIZE", 32)
    monkeypatch.setattr(kept_memory, "ROWS", 4)
    user, system, pages, most = (part.replace(",", "") for part in kept_memory.passes(1).split("|")[:4])
    assert float(user) >= 0
    assert float(system) >= 0
    assert int(pages) >= 0
    assert int(most) > 50
