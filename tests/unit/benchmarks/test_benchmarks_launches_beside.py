"""The benchmark of launches beside decoding measures all three ways and prints a row for each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks import launches_beside

from generated_pictures import write_pictures


def test_a_row_for_every_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path / "pictures", 40, size=(64, 48))
    words = [str(tmp_path / "pictures"), "--seconds", "0.2", "--rounds", "1", "--canvas", "32"]
    monkeypatch.setattr(sys, "argv", ["launches_beside", *words])
    assert launches_beside.main() == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    assert [row[0] for row in rows] == [
        "| alone",
        "| beside decoding in threads",
        "| beside decoding in processes",
    ]
    assert rows[0][2] == "1.00"
    assert rows[0][4] == "– |"
    assert all(float(row[2]) > 0 for row in rows)


def test_what_cannot_be_opened_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["launches_beside", "nowhere"])
    assert launches_beside.main() == 2
    assert "nowhere" in capsys.readouterr().err


def test_too_few_pictures_are_told_and_nothing_waits_for_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path / "pictures", 3, size=(64, 48))
    monkeypatch.setattr(sys, "argv", ["launches_beside", str(tmp_path / "pictures"), "--seconds", "0.1"])
    assert launches_beside.main() == 2
    assert "3 pictures are too few" in capsys.readouterr().err
