"""A rank and the folder where two processes meet in, the process group of a test's worker out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch

from copylens.training.processes import process_group


@contextmanager
def meeting(rank: int, world: int, folder: Path) -> Iterator[None]:
    """Meet the others at a file, which no other test's processes can find; one thread each."""
    torch.set_num_threads(1)
    place = (folder / "meeting-place").as_uri()
    with process_group("gloo", init_method=place, rank=rank, world_size=world, timeout=timedelta(seconds=60)):
        yield
