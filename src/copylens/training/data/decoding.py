"""Files of pictures in, canvases out: drawn by the thread that asks, or by processes of their own.

Threads share Python's lock with the thread that tells a GPU what to do. That one takes the lock anew for each of some
thousand operations a step, and waits for a decoding thread each time; processes leave it alone.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

from copylens.errors import TrainingError
from copylens.images.drawing import Answer, begin, draw_files


class Decoding(Protocol):
    """Where pictures are drawn. Safe in threads."""

    def draw(self, files: Sequence[bytes], side: int) -> list[Answer]:
        """As `draw_files`."""

    def close(self) -> None:
        """End what was started."""


class InThisThread:
    """The thread that asks draws."""

    def draw(self, files: Sequence[bytes], side: int) -> list[Answer]:
        """As `draw_files`."""
        return draw_files(files, side)

    def close(self) -> None:
        """There is nothing to end."""


class InProcesses:
    """Processes draw, and end with this one however it ends; the thread that asks waits without Python's lock.

    Args:
        workers: how many.
    """

    def __init__(self, workers: int) -> None:
        # Not fork: a process with threads and a CUDA context must not be copied.
        kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._pool = ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context(kind), initializer=begin
        )

    def draw(self, files: Sequence[bytes], side: int) -> list[Answer]:
        """As `draw_files`.

        Raises:
            TrainingError: one of the processes is gone.
        """
        try:
            return self._pool.submit(draw_files, files, side).result()
        except BrokenProcessPool as error:
            raise TrainingError(
                "A process that decodes pictures was killed, as happens when memory runs out; take fewer "
                "data.workers, or data.decode_in threads, and run the same command again to go on."
            ) from error

    def close(self) -> None:
        """End the processes; what they are drawing is finished first."""
        self._pool.shutdown(wait=True, cancel_futures=True)
