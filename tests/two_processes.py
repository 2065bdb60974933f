"""A worker script in; two processes of it run to their end, and what each saved, out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

WORLD = 2


def saved_by(worker: str, folder: Path, *words: str, seconds: float = 120) -> list[dict[str, Any]]:
    """Run ``python WORKER RANK WORLD FOLDER WORDS`` for both ranks; each saves ``FOLDER/RANK.pt``.

    Warnings are errors.
    """
    command = [sys.executable, "-W", "error", worker]
    processes = [
        subprocess.Popen(
            [*command, str(rank), str(WORLD), str(folder), *words],
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        for rank in range(WORLD)
    ]
    try:
        ends = [process.communicate(timeout=seconds)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * WORLD, "\n".join(ends)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(WORLD)]
