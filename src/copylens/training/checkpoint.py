"""The whole state of a run in, one file out, and back; a kill at any moment leaves the last whole one."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import torch

from copylens.errors import UsageError
from copylens.networks.wording import first_line
from copylens.reports.atomic import whole_file

FILE = "checkpoint.pt"
VERSION = 2


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write ``checkpoint.pt`` whole or not at all.

    Args:
        folder: of the run.
        state: whatever `torch.save` can hold; the version is added here. No random states: see `seed_step`.

    Raises:
        OutputError: the disk is full, or the folder cannot be written; the older checkpoint stays.
    """
    whole = {"version": VERSION, **state}
    with whole_file(folder / FILE) as partial, partial.open("wb") as file:
        try:
            torch.save(whole, file)
        except RuntimeError as error:  # what PyTorch makes of a full disk
            raise OSError(errno.ENOSPC, str(error)) from error
        file.flush()
        os.fsync(file.fileno())


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the last whole checkpoint; None where there is none.

    Raises:
        UsageError: the file is damaged or of another version; says what to do.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged archive fails in many ways
        raise UsageError(
            f"{path} cannot be read ({first_line(error)}); delete it to start this run anew."
        ) from error
    if state.get("version") != VERSION:
        raise UsageError(f"{path} is of another version of CopyLens; delete it to start this run anew.")
    return state
