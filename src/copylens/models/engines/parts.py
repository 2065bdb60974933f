"""A batch in, parts of it that run side by side out, each on one thread; and their results joined.

Splitting the batch instead of each layer leaves no thread waiting for another while decoding threads hold the cores,
and keeps what a run needs small: `PART` pictures for each thread, however large the batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.errors import EngineError
from copylens.models.engines.base import PixelBatch

PART = 4
"""Pictures of one run at most: measured fastest on one thread, as more of them fall out of its cache."""


def split(batch: PixelBatch, threads: int) -> list[PixelBatch]:
    """Cut a batch of N >= 1 pictures into parts.

    Returns:
        Views of 1 to `PART` pictures each, in order, of nearly equal length; as many as threads where N allows it.
    """
    count = max(-(-len(batch) // PART), min(threads, len(batch)))
    return np.array_split(batch, count)


def join(results: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Join what the parts gave along the first axis.

    Raises:
        EngineError: their shapes cannot be joined.
    """
    if len(results) == 1:
        return results[0]
    try:
        return np.concatenate(results)
    except ValueError as error:
        shapes = sorted({result.shape for result in results})
        raise EngineError(
            f"The graph gave shapes {shapes} for parts of one batch; "
            "check the package with: copylens models verify"
        ) from error


def usable_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
