"""The whole state of a run in, one file out, and back; a kill at any moment leaves the last whole one."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
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
        state: whatever `torch.save` can hold; the versions and random states are added here.

    Raises:
        OutputError: the disk is full, or the folder cannot be written; the older checkpoint stays.
    """
    whole = {"version": VERSION, "random": _random_state(), **state}
    with whole_file(folder / FILE) as partial, partial.open("wb") as file:
        try:
            torch.save(whole, file)
        except RuntimeError as error:  # what PyTorch makes of a full disk
            raise OSError(errno.ENOSPC, str(error)) from error
        file.flush()
        os.fsync(file.fileno())


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the last whole checkpoint and set the random states to it; None where there is none.

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
    _set_random_state(state["random"])
    return state


def _random_state() -> dict[str, Any]:
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    version, numbers, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "python": [version, list(numbers), gauss],
    }


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
