"""A batch in, one array out: its parts run side by side, each on one thread of its own.

Splitting the batch instead of each layer leaves no thread waiting for another while decoding threads hold the cores,
and keeps what a run needs small: `PART` pictures for each thread, however large the batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.errors import EngineError
from copylens.models.engines.base import PixelBatch

PART = 4
"""Pictures of one run at most: measured fastest on one thread, as more of them fall out of its cache."""


class PartRunner:
    """Threads that run parts of a batch.

    Args:
        threads: at least 1; None takes one for each core that this process may use.

    Attributes:
        threads: how many there are.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or usable_cores()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="copylens-engine")

    def run(self, batch: PixelBatch, run_part: Callable[[PixelBatch], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Run every part and join the results in order.

        Args:
            batch: ``(N, ...)``, N >= 1.
            run_part: called with ``(n, ...)``, 1 <= n <= `PART`, by at most `threads` threads at once; what it raises
                is raised here.

        Returns:
            What `run_part` gave, joined along the first axis.

        Raises:
            EngineError: the results have shapes that cannot be joined.
        """
        count = max(-(-len(batch) // PART), min(self.threads, len(batch)))
        if count == 1:
            return run_part(batch)
        results = list(self._pool.map(run_part, np.array_split(batch, count)))
        try:
            return np.concatenate(results)
        except ValueError as error:
            shapes = sorted({result.shape for result in results})
            raise EngineError(
                f"The graph gave shapes {shapes} for parts of one batch; check the package with: copylens models verify"
            ) from error


def usable_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
