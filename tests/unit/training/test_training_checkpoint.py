"""A checkpoint is whole or the older one: damage, a full disk, another version."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from copylens.errors import OutputError, UsageError
from copylens.training import checkpoint
from copylens.training.checkpoint import FILE, load_checkpoint, save_checkpoint


def test_the_state_comes_back(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {"step": 7, "rows": torch.arange(3)})
    state = load_checkpoint(tmp_path)
    assert state is not None
    assert state["step"] == 7
    assert torch.equal(state["rows"], torch.arange(3))


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) is None


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {"step": 1})
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UsageError, match="delete it to start this run anew"):
        load_checkpoint(tmp_path)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "VERSION", 99)
    save_checkpoint(tmp_path, {"step": 1})
    monkeypatch.undo()
    with pytest.raises(UsageError, match="another version"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "error", [RuntimeError("PytorchStreamWriter failed writing file"), OSError(errno.ENOSPC, "no space")]
)
def test_a_full_disk_keeps_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    save_checkpoint(tmp_path, {"step": 1})

    def full(_state: Any, file: Any) -> None:
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match="the disk is full"):
        save_checkpoint(tmp_path, {"step": 2})
    state = load_checkpoint(tmp_path)
    assert state is not None
    assert state["step"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
